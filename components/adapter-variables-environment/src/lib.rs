//! An adapter: meets `spin:variables` from the environment, for a host that has no variables.
//!
//! The variable `audit_key` is what `SPIN_VARIABLE_AUDIT_KEY` says, as `spin up` and `doorward up` have it.

use self::bindings::exports::spin::variables::variables::{Error, Guest};

#[expect(unsafe_code, reason = "what wit-bindgen makes of an export")]
mod bindings {
    wasip3::wit_bindgen::generate!({
        path: ["../../wit/deps/spin-key-value@3.0.0", "../../wit/deps/spin-variables@3.0.0", "../../wit/adapters"],
        world: "doorward:adapters/variables-environment",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
    });

    export!(Adapter with_types_in self);

    use super::Adapter;
}

/// How the names of the environment variables begin.
const PREFIX: &str = "SPIN_VARIABLE_";

struct Adapter;

impl Guest for Adapter {
    async fn get(name: String) -> Result<String, Error> {
        let is_named =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_named) {
            return Err(Error::InvalidName(name));
        }
        let variable = [PREFIX, &name.to_ascii_uppercase()].concat();
        std::env::var(variable).map_err(|_| Error::Undefined(name))
    }
}
