//! Either store, whichever the settings name: what is done with users is then compiled once.

use doorward_retry::Random;

use super::outbox::SqlOutbox;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use crate::outbox::{Drained, Receiver, drain};
use crate::store::{Store, StoreError, delegated};

/// One of the two stores.
pub enum AnyStore {
    /// In SQLite.
    Sqlite(Sqlite),
    /// In PostgreSQL.
    Postgres(Postgres),
}

/// Asks the store that there is.
macro_rules! ask {
    ($any:ident.$method:ident($($argument:expr),*)) => {
        match $any {
            AnyStore::Sqlite(store) => store.$method($($argument),*).await,
            AnyStore::Postgres(store) => store.$method($($argument),*).await,
        }
    };
}

impl AnyStore {
    /// Delivers the events that wait in it, see [`drain()`](fn@drain).
    ///
    /// # Errors
    /// The store cannot say which do.
    pub async fn drain(
        &self,
        receiver: &dyn Receiver,
        until_ms: u64,
        random: Random,
    ) -> Result<Drained, StoreError> {
        drain(&self.outbox(), receiver, until_ms, random).await
    }

    /// The events that wait in it.
    pub fn outbox(&self) -> SqlOutbox<'_> {
        match self {
            Self::Sqlite(store) => store.outbox(),
            Self::Postgres(store) => store.outbox(),
        }
    }
}

impl Store for AnyStore {
    delegated!(ask);
}
