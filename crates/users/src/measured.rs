//! A store of which is told how long it takes.

use uuid::Uuid;

use crate::cursor::Place;
use crate::idempotency::Once;
use crate::query::ListQuery;
use crate::store::{Change, Creation, KeptAnswer, Page, Store, StoreError};
use crate::user::{Identity, User};

/// Upper bounds of the times that are told, in seconds: those that OpenTelemetry has for databases.
pub const DURATION_BOUNDS_S: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Who looks at the time, and is told.
pub trait Watch {
    /// A time that does not go back, in nanoseconds.
    fn now_ns(&self) -> u64;

    /// So long did an operation take, and whether it was done.
    fn took(&self, operation: &'static str, is_done: bool, time_ns: u64);
}

/// A store of which is told how long it takes.
#[derive(Debug)]
pub struct Measured<S, W> {
    /// The store.
    pub store: S,
    /// Who is told.
    pub watch: W,
}

/// Asks the store, and tells how long it took.
macro_rules! ask {
    ($measured:ident.$operation:ident($($argument:expr),*)) => {{
        let from_ns = $measured.watch.now_ns();
        let result = $measured.store.$operation($($argument),*).await;
        let time_ns = $measured.watch.now_ns().saturating_sub(from_ns);
        $measured.watch.took(stringify!($operation), result.is_ok(), time_ns);
        result
    }};
}

impl<S: Store, W: Watch> Store for Measured<S, W> {
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
