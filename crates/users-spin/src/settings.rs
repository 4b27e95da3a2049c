//! What the operator says, by Spin variables. They are read once in an instance.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_users::store::StoreError;
use spin_sdk::variables;

/// Where the users are: nothing for the SQLite database `default`, `sqlite:LABEL`, or the URL of a PostgreSQL.
const DATABASE: &str = "users_database";
/// To which URL events are delivered. Empty: to none.
pub const EVENTS_URL: &str = "users_events_url";
/// Before the label of an SQLite database.
const SQLITE_PREFIX: &str = "sqlite:";
/// The SQLite database that is used where nothing is said.
const SQLITE_LABEL: &str = "default";

/// Where the users are.
#[derive(Debug)]
pub enum Place {
    /// The SQLite database with this label.
    Sqlite(String),
    /// The PostgreSQL at this URL.
    Postgres(String),
}

/// Where the users are.
///
/// # Errors
/// The variable cannot be read. Nothing is assumed then: users in another database than the one that is meant would be
/// there for nobody else.
pub async fn place() -> Result<&'static Place, StoreError> {
    static PLACE: OnceLock<Place> = OnceLock::new();
    if let Some(place) = PLACE.get() {
        return Ok(place);
    }
    let said = variable(DATABASE).await?;
    let place = match said.strip_prefix(SQLITE_PREFIX) {
        Some(label) => Place::Sqlite(label.to_owned()),
        None if said.is_empty() => Place::Sqlite(SQLITE_LABEL.to_owned()),
        None => Place::Postgres(said),
    };
    Ok(PLACE.get_or_init(|| place))
}

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

/// Whether this instance has seen to it that the tables are as they have to be.
static IS_MIGRATED: AtomicBool = AtomicBool::new(false);

/// Whether this instance has seen to it that the tables are as they have to be.
pub fn is_migrated() -> bool {
    IS_MIGRATED.load(Ordering::Relaxed)
}

/// It has.
pub fn migrated() {
    IS_MIGRATED.store(true, Ordering::Relaxed);
}
