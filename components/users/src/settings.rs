//! What the operator says, by Spin variables. They are read once in an instance.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_users::deprecation::Deprecation;
use doorward_users::service;
use doorward_users::store::StoreError;
use spin_sdk::variables;

/// Where the users are: nothing for the SQLite database `default`, `sqlite:LABEL`, or the URL of a PostgreSQL.
const DATABASE: &str = "users_database";
/// Since when version 1 is deprecated, as `2027-01-31T00:00:00Z`. Empty: it is not.
const V1_DEPRECATED_AT: &str = "users_v1_deprecated_at";
/// When version 1 goes, the same way.
const V1_SUNSET_AT: &str = "users_v1_sunset_at";

/// Before the label of an SQLite database.
const SQLITE_PREFIX: &str = "sqlite:";
/// The SQLite database that is used where nothing is said.
const SQLITE_LABEL: &str = "default";

/// What the operator says.
pub struct Settings {
    /// Where the users are.
    pub place: Place,
    /// What the service does with it.
    pub service: service::Settings,
}

/// Where the users are.
pub enum Place {
    /// The SQLite database with this label.
    Sqlite(String),
    /// The PostgreSQL at this URL.
    Postgres(String),
}

/// What the operator says.
///
/// # Errors
/// A variable cannot be read. Nothing is assumed then: users in another database than the one that is meant would be
/// there for nobody else.
pub async fn settings() -> Result<&'static Settings, StoreError> {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let read = Settings {
        place: place(variable(DATABASE).await?),
        service: service::Settings {
            v1: Deprecation::parse(
                &variable(V1_DEPRECATED_AT).await?,
                &variable(V1_SUNSET_AT).await?,
            ),
        },
    };
    Ok(SETTINGS.get_or_init(|| read))
}

/// The value of a variable. One that the manifest does not have is empty.
async fn variable(name: &str) -> Result<String, StoreError> {
    match variables::get(name).await {
        Ok(value) => Ok(value),
        Err(variables::Error::Undefined(_)) => Ok(String::new()),
        Err(error) => Err(StoreError::Nowhere(format!("variable {name}: {error}"))),
    }
}

fn place(value: String) -> Place {
    match value.strip_prefix(SQLITE_PREFIX) {
        Some(label) => Place::Sqlite(label.to_owned()),
        None if value.is_empty() => Place::Sqlite(SQLITE_LABEL.to_owned()),
        None => Place::Postgres(value),
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
