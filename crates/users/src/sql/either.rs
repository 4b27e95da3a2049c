//! One of two stores, whichever the settings say: what is done with users is then compiled once.

use uuid::Uuid;

use crate::cursor::Place;
use crate::idempotency::Once;
use crate::query::ListQuery;
use crate::store::{Change, Creation, KeptAnswer, Page, Store, StoreError};
use crate::user::{Identity, User};

/// One of two stores.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The one.
    A(A),
    /// The other one.
    B(B),
}

/// Asks the store that there is.
macro_rules! ask {
    ($either:ident.$method:ident($($argument:expr),*)) => {
        match $either {
            Either::A(store) => store.$method($($argument),*).await,
            Either::B(store) => store.$method($($argument),*).await,
        }
    };
}

impl<A: Store, B: Store> Store for Either<A, B> {
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
