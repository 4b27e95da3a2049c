//! Either store, whichever the settings name: what is done with users is then compiled once.

use doorward_retry::Random;
use uuid::Uuid;

use super::outbox::SqlOutbox;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use crate::cursor::Place;
use crate::idempotency::Once;
use crate::outbox::{Drained, Receiver, drain};
use crate::query::ListQuery;
use crate::store::{Change, Creation, KeptAnswer, Page, Store, StoreError};
use crate::user::{Identity, User};

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
    async fn find(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        ask!(self.find(id))
    }

    async fn find_by_identity(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        ask!(self.find_by_identity(identity))
    }

    async fn page(&self, offset: u64, limit: u64) -> Result<Page, StoreError> {
        ask!(self.page(offset, limit))
    }

    async fn list(
        &self,
        query: &ListQuery,
        after: Option<&Place>,
    ) -> Result<Vec<User>, StoreError> {
        ask!(self.list(query, after))
    }

    async fn cursor_secret(&self) -> Result<String, StoreError> {
        ask!(self.cursor_secret())
    }

    async fn create(
        &self,
        user: &User,
        once: Option<(&Once, &KeptAnswer)>,
    ) -> Result<Creation, StoreError> {
        ask!(self.create(user, once))
    }

    async fn change(&self, user: &User) -> Result<Change, StoreError> {
        ask!(self.change(user))
    }

    async fn delete(&self, id: Uuid, version: u64) -> Result<bool, StoreError> {
        ask!(self.delete(id, version))
    }
}
