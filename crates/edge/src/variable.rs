//! Spin variables: where secrets come from.

use spin_sdk::variables::{self, Error};

/// The value of a variable. It is a secret: it goes into no log and no message.
///
/// # Errors
/// Why there is none, for the log.
pub async fn get(name: &str) -> Result<String, String> {
    variables::get(name)
        .await
        .map_err(|error| format!("variable {name}: {}", explained(&error)))
}

fn explained(error: &Error) -> &'static str {
    match error {
        Error::InvalidName(_) => "the name is not valid",
        Error::Undefined(_) => {
            "not defined for this component; declare it under [component.….variables] and name \
             \"variables\" in inherit_configuration"
        }
        Error::Provider(_) => "the provider of variables failed",
        Error::Other(_) => "the host failed",
    }
}
