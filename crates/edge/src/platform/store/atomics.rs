//! Adding to a number of a store in one step. Calls of it do not wait: the instance does nothing else meanwhile.

use doorward_gate::platform::StoreError;

use self::bindings::wasi::keyvalue::atomics;
use self::bindings::wasi::keyvalue::store::{self, Error};

mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../wit",
        world: "doorward:components/counting",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
    });
}

/// Adds to the number of this name in this store, and gives the sum.
///
/// # Errors
/// What the host says.
pub fn increment(store: &str, name: &str, by: i64) -> Result<i64, StoreError> {
    let bucket = store::open(store).map_err(error)?;
    atomics::increment(&bucket, name, by).map_err(error)
}

fn error(error: Error) -> StoreError {
    match error {
        Error::NoSuchStore => StoreError::NoSuchStore,
        Error::AccessDenied => StoreError::AccessDenied,
        Error::Other(text) => StoreError::Other(text),
    }
}
