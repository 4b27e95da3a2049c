//! Where users are kept. `sql` has it for two databases.
//!
//! A change and what belongs to it are one statement. On hosts that keep connections for the next request a transaction of
//! several statements could be left half done by a request that is cancelled, and go on as somebody else's.

use doorward_service::problem::FieldError;
pub use doorward_service::store::StoreError;
use uuid::Uuid;

use crate::cursor::Place;
use crate::idempotency::Once;
use crate::query::ListQuery;
use crate::user::{Identity, User};

/// Where users are kept.
pub trait Store {
    /// The user with this id.
    fn find(&self, id: Uuid) -> impl Future<Output = Result<Option<User>, StoreError>>;

    /// The user who is this to their issuer.
    fn find_by_identity(
        &self,
        identity: &Identity,
    ) -> impl Future<Output = Result<Option<User>, StoreError>>;

    /// A part of all users in the order in which they were created, and how many there are.
    fn page(&self, offset: u64, limit: u64) -> impl Future<Output = Result<Page, StoreError>>;

    /// The users that are asked for, from the one after a place on, and one more than a page has.
    fn list(
        &self,
        query: &ListQuery,
        after: Option<&Place>,
    ) -> impl Future<Output = Result<Vec<User>, StoreError>>;

    /// What cursors are signed with. All instances of a database have the same.
    fn cursor_secret(&self) -> impl Future<Output = Result<String, StoreError>>;

    /// Keeps a new user, and with a key the answer for whoever sends it again.
    fn create(
        &self,
        user: &User,
        once: Option<(&Once, &KeptAnswer)>,
    ) -> impl Future<Output = Result<Creation, StoreError>>;

    /// Keeps a changed user in the place of the version before it.
    fn change(&self, user: &User) -> impl Future<Output = Result<Change, StoreError>>;

    /// Removes a user in this version. Says whether there was one.
    fn delete(&self, id: Uuid, version: u64) -> impl Future<Output = Result<bool, StoreError>>;
}

/// The functions of a [`Store`] that asks another one for each of them: `$ask!(self.find(id))` and so on.
macro_rules! delegated {
    ($ask:ident) => {
        async fn find(
            &self,
            id: ::uuid::Uuid,
        ) -> Result<Option<$crate::user::User>, $crate::store::StoreError> {
            $ask!(self.find(id))
        }

        async fn find_by_identity(
            &self,
            identity: &$crate::user::Identity,
        ) -> Result<Option<$crate::user::User>, $crate::store::StoreError> {
            $ask!(self.find_by_identity(identity))
        }

        async fn page(
            &self,
            offset: u64,
            limit: u64,
        ) -> Result<$crate::store::Page, $crate::store::StoreError> {
            $ask!(self.page(offset, limit))
        }

        async fn list(
            &self,
            query: &$crate::query::ListQuery,
            after: Option<&$crate::cursor::Place>,
        ) -> Result<Vec<$crate::user::User>, $crate::store::StoreError> {
            $ask!(self.list(query, after))
        }

        async fn cursor_secret(&self) -> Result<String, $crate::store::StoreError> {
            $ask!(self.cursor_secret())
        }

        async fn create(
            &self,
            user: &$crate::user::User,
            once: Option<(&$crate::idempotency::Once, &$crate::store::KeptAnswer)>,
        ) -> Result<$crate::store::Creation, $crate::store::StoreError> {
            $ask!(self.create(user, once))
        }

        async fn change(
            &self,
            user: &$crate::user::User,
        ) -> Result<$crate::store::Change, $crate::store::StoreError> {
            $ask!(self.change(user))
        }

        async fn delete(
            &self,
            id: ::uuid::Uuid,
            version: u64,
        ) -> Result<bool, $crate::store::StoreError> {
            $ask!(self.delete(id, version))
        }
    };
}
pub(crate) use delegated;

/// A part of all users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The users of it.
    pub users: Vec<User>,
    /// How many there are in all.
    pub total: u64,
}

/// What became of a new user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It is kept.
    Created,
    /// The key was sent before, and this was answered.
    Repeated(KeptAnswer),
    /// A request with the same key is under way.
    Running,
    /// Another user has what only one may have.
    Taken(Taken),
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is kept.
    Changed,
    /// There is no user with the version before it any more.
    Stale,
    /// Another user has what only one may have.
    Taken(Taken),
}

/// What another user has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The e-mail address.
    pub email: bool,
    /// The identity.
    pub identity: bool,
}

impl Taken {
    /// The members that are another user's. Which user has them is not told.
    pub fn errors(&self) -> Vec<FieldError> {
        let fields = [(self.email, "/email"), (self.identity, "/identity")];
        let fields = fields.iter().filter(|(is_taken, _)| *is_taken);
        fields
            .map(|(_, pointer)| FieldError::body(*pointer, "is that of another user"))
            .collect()
    }
}

/// What was answered to a request with an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The fingerprint of the request's body.
    pub fingerprint: String,
    /// The user that was created.
    pub user_id: Uuid,
    /// The body of the answer. None once that user was deleted.
    pub body: Option<String>,
    /// Until when it is kept, in milliseconds since 1970.
    pub expires_at_ms: u64,
}
