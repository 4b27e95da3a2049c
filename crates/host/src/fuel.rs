//! What instances compute, counted as wasmtime does: about one for each instruction of WebAssembly, whatever machine runs
//! it and whatever else that does.

use std::fmt;
use std::sync::Arc;

use wasmtime::Store;

/// What an instance has at its beginning: more than it can use in its life.
const FUEL: u64 = u64::MAX;

type Tell = dyn Fn(&str, u64) + Send + Sync;

/// Is told what an instance has used when that ends. Must not block for long: it is called from the threads that serve
/// requests.
#[derive(Clone)]
pub struct FuelSink(Arc<Tell>);

impl FuelSink {
    /// One that hands the name of the component in the manifest, and the fuel, to `tell`. A middleware is one component
    /// with what it stands in front of.
    pub fn new(tell: impl Fn(&str, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Gives an instance what it may use.
    ///
    /// # Errors
    ///
    /// Where its engine does not count.
    pub(crate) fn fill<T>(store: &mut Store<T>) -> wasmtime::Result<()> {
        store.set_fuel(FUEL)
    }

    /// Tells what an instance has used.
    pub(crate) fn told_of<T>(&self, component: &str, store: &Store<T>) {
        // Only an engine that does not count has no answer.
        if let Ok(left) = store.get_fuel() {
            (self.0)(component, FUEL - left);
        }
    }
}

impl fmt::Debug for FuelSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FuelSink")
    }
}
