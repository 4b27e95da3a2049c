//! What the components of the user service have in common, by `spin-sdk`: their settings, the store, and how the outbox is
//! asked to deliver.

mod log;
mod nudge;
mod settings;
#[cfg(feature = "metrics")]
mod telemetry;

use doorward_service::database::Dialect;
use doorward_service_spin::NamedDatabase;
use doorward_users::sql::any::AnyStore;
use doorward_users::sql::migrations::USERS;
use doorward_users::sql::postgres::Postgres;
use doorward_users::sql::sqlite::Sqlite;
use doorward_users::store::StoreError;

pub use log::say_store_failed;
pub use nudge::nudge_outbox;
pub use settings::EVENTS_URL;

/// Opens the database that the settings name.
///
/// # Errors
/// It cannot be had, or a later release was here before.
pub async fn open_store() -> Result<AnyStore, StoreError> {
    static DATABASE: NamedDatabase = NamedDatabase::new(settings::DATABASE, USERS);
    let (database, dialect) = DATABASE.open().await?;
    Ok(match dialect {
        Dialect::Sqlite => AnyStore::Sqlite(Sqlite::migrated(database)),
        Dialect::Postgres => AnyStore::Postgres(Postgres::migrated(database)),
    })
}

/// The store whose times are told, where that is built in.
#[cfg(feature = "metrics")]
pub type ToldStore = doorward_users::measured::Measured<AnyStore, telemetry::Told>;
/// The store whose times are told, where that is built in.
#[cfg(not(feature = "metrics"))]
pub type ToldStore = AnyStore;

/// Opens the database that the settings name. How long it takes is told by [`tell_numbers`].
///
/// # Errors
/// As [`open_store`].
pub async fn open_told_store() -> Result<ToldStore, StoreError> {
    let store = open_store().await?;
    #[cfg(feature = "metrics")]
    let store = ToldStore {
        watch: telemetry::Told {
            system: match &store {
                AnyStore::Sqlite(_) => "sqlite",
                AnyStore::Postgres(_) => "postgresql",
            },
        },
        store,
    };
    Ok(store)
}

/// Tells the host what was measured, where that is built in.
pub fn tell_numbers() {
    #[cfg(feature = "metrics")]
    telemetry::tell();
}
