//! An adapter: meets `spin:variables` from `wasi:config`, for a host that has no variables.
//!
//! The variable `audit_key` is what the configuration has under `audit_key`.

use self::bindings::exports::spin::variables::variables::{Error, Guest};
use self::bindings::wasi::config::store;

#[expect(unsafe_code, reason = "what wit-bindgen makes of an export")]
mod bindings {
    wasip3::wit_bindgen::generate!({
        path: ["../../wit/deps/spin-key-value@3.0.0", "../../wit/deps/spin-variables@3.0.0", "../../wit/adapters"],
        world: "doorward:adapters/variables-config",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
    });

    export!(Adapter with_types_in self);

    use super::Adapter;
}

struct Adapter;

impl Guest for Adapter {
    async fn get(name: String) -> Result<String, Error> {
        match store::get(&name) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Error::Undefined(name)),
            Err(store::Error::Upstream(text) | store::Error::Io(text)) => {
                Err(Error::Provider(text))
            }
        }
    }
}
