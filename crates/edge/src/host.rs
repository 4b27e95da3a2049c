//! The host of a component, and the gate of its instance.

use doorward_gate::Instance;
use doorward_gate::platform::Platform;
use std::cell::OnceCell;
use std::rc::Rc;
use std::thread::LocalKey;

use crate::platform::Wasi;

/// The host, by what a component asks of it.
pub trait Host: Platform {
    /// The gate of this instance, made by the first request.
    fn instance() -> Rc<Instance<Self>>;
}

/// Spin's interfaces and WASI's, as every host has them that serves Spin's components.
pub type Plain = Wasi<false>;

/// With `wasi:keyvalue/atomics` besides: limits that instances share are never exceeded.
pub type Atomic = Wasi<true>;

/// An instance has one thread.
type Kept<P> = LocalKey<OnceCell<Rc<Instance<P>>>>;

fn kept<P: Platform>(kept: &'static Kept<P>, platform: P) -> Rc<Instance<P>> {
    kept.with(|kept| Rc::clone(kept.get_or_init(|| Rc::new(Instance::load(platform)))))
}

impl Host for Plain {
    fn instance() -> Rc<Instance<Self>> {
        thread_local! {
            static KEPT: OnceCell<Rc<Instance<Plain>>> = const { OnceCell::new() };
        }
        kept(&KEPT, Wasi)
    }
}

impl Host for Atomic {
    fn instance() -> Rc<Instance<Self>> {
        thread_local! {
            static KEPT: OnceCell<Rc<Instance<Atomic>>> = const { OnceCell::new() };
        }
        kept(&KEPT, Wasi)
    }
}
