//! An adapter: meets `spin:key-value` for a host that has no store. Opening one is denied, as Spin denies a store that
//! was not granted, so there never is one.

use self::bindings::exports::spin::key_value::key_value::{Error, Guest, GuestStore, Store};
use self::bindings::{wit_future, wit_stream};
use wasip3::wit_bindgen::{FutureReader, StreamReader};

#[expect(unsafe_code, reason = "what wit-bindgen makes of an export")]
mod bindings {
    wasip3::wit_bindgen::generate!({
        path: ["../../wit/deps/spin-key-value@3.0.0", "../../wit/deps/spin-variables@3.0.0", "../../wit/adapters"],
        world: "doorward:adapters/store-none",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
    });

    export!(Adapter with_types_in self);

    use super::Adapter;
}

struct Adapter;

/// A store that nobody can open.
struct Nobodys;

impl Guest for Adapter {
    type Store = Nobodys;
}

impl GuestStore for Nobodys {
    async fn open(_label: String) -> Result<Store, Error> {
        Err(Error::AccessDenied)
    }

    async fn get(&self, _key: String) -> Result<Option<Vec<u8>>, Error> {
        Err(Error::AccessDenied)
    }

    async fn set(&self, _key: String, _value: Vec<u8>) -> Result<(), Error> {
        Err(Error::AccessDenied)
    }

    async fn delete(&self, _key: String) -> Result<(), Error> {
        Err(Error::AccessDenied)
    }

    async fn exists(&self, _key: String) -> Result<bool, Error> {
        Err(Error::AccessDenied)
    }

    async fn get_keys(&self) -> (StreamReader<String>, FutureReader<Result<(), Error>>) {
        let (_, names) = wit_stream::new();
        // What is said where nobody writes.
        let (_, outcome) = wit_future::new(|| Err(Error::AccessDenied));
        (names, outcome)
    }
}
