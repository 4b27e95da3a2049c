//! What the operator says, by Spin variables.

use doorward_service::store::StoreError;
use spin_sdk::variables;

/// The value of a variable. One that the manifest does not have is empty.
///
/// # Errors
/// It cannot be read.
pub async fn variable(name: &str) -> Result<String, StoreError> {
    match variables::get(name).await {
        Ok(value) => Ok(value),
        Err(variables::Error::Undefined(_)) => Ok(String::new()),
        Err(error) => Err(StoreError::Settings(format!("variable {name}: {error}"))),
    }
}
