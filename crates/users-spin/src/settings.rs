//! What the operator says, by Spin variables. They are read once in an instance.

use std::sync::OnceLock;

use doorward_service_spin::variable;
use doorward_users::store::StoreError;

/// Where the users are: nothing for the SQLite database `default`, `sqlite:LABEL`, or the URL of a PostgreSQL.
pub const DATABASE: &str = "users_database";
/// To which URL events are delivered. Empty: to none.
pub const EVENTS_URL: &str = "users_events_url";

/// Whether anybody is to be told what happens to users.
///
/// # Errors
/// The variable cannot be read.
pub async fn are_events_wanted() -> Result<bool, StoreError> {
    static ARE_WANTED: OnceLock<bool> = OnceLock::new();
    if let Some(are_wanted) = ARE_WANTED.get() {
        return Ok(*are_wanted);
    }
    let are_wanted = !variable(EVENTS_URL).await?.is_empty();
    Ok(*ARE_WANTED.get_or_init(|| are_wanted))
}
