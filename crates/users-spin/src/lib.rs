//! What the components of the user service have in common, by `spin-sdk`: the settings, the database, the time, and how
//! the outbox is asked to deliver.

mod ambient;
mod nudge;
mod postgres;
mod settings;
mod sqlite;

use doorward_users::sql::any::AnyStore;
use doorward_users::store::StoreError;

pub use ambient::{now_ms, random};
pub use nudge::nudge_outbox;
pub use settings::{Place, place, variable};

/// Opens the database that the settings name.
///
/// # Errors
/// It cannot be had, or a later release was here before.
pub async fn open_store() -> Result<AnyStore, StoreError> {
    Ok(match place().await? {
        Place::Sqlite(label) => AnyStore::Sqlite(sqlite::open(label).await?),
        Place::Postgres(url) => AnyStore::Postgres(postgres::open(url).await?),
    })
}
