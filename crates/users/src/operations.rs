//! What is done with users, whichever way it is asked for: REST ([`service`](crate::service)) and gRPC
//! (`components/users-grpc`) put into their own words what is said here.

use doorward_service::caller::Caller;
use uuid::Uuid;

use crate::access;
use crate::cursor::Place;
use crate::idempotency::{KEY_TIME_MS, Once};
use crate::query::{ListQuery, SortKey};
use crate::store::{Creation, KeptAnswer, Store, StoreError, Taken};
use crate::user::{User, can_be_kept};

/// Which user is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this id.
    Id(Uuid),
    /// The caller.
    Me,
}

impl Which {
    /// Whom a name stands for, if anybody: `me`, or a UUID in its usual form (RFC 9562 §4). Other forms of the same
    /// would be second names of a user.
    pub fn of(text: &str) -> Option<Self> {
        if text == "me" {
            return Some(Self::Me);
        }
        let id = Uuid::try_parse(text).ok()?;
        let mut buffer = Uuid::encode_buffer();
        let usual = id.hyphenated().encode_lower(&mut buffer);
        text.eq_ignore_ascii_case(usual).then_some(Self::Id(id))
    }
}

/// Why somebody gets no user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// They may not.
    Forbidden,
    /// There is none.
    NotFound,
    /// The store cannot say.
    Store(StoreError),
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The user that a caller means, whether they may see it or not.
///
/// # Errors
/// The store cannot say.
pub async fn find<S: Store>(
    store: &S,
    caller: &Caller,
    which: Which,
) -> Result<Option<User>, StoreError> {
    match which {
        Which::Id(id) => store.find(id).await,
        // No user has such a name, and PostgreSQL no text with NUL.
        Which::Me if !can_be_kept(&caller.identity) => Ok(None),
        Which::Me => store.find_by_identity(&caller.identity).await,
    }
}

/// The user that a caller means, if they may read it.
///
/// # Errors
/// They may not, there is none, or the store cannot say.
pub async fn get<S: Store>(store: &S, caller: &Caller, which: Which) -> Result<User, Denied> {
    let user = find(store, caller, which).await?;
    if !access::may_read(caller, user.as_ref()) && which != Which::Me {
        return Err(Denied::Forbidden);
    }
    user.ok_or(Denied::NotFound)
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The users of it.
    pub users: Vec<User>,
    /// After which place there are more.
    pub next: Option<Place>,
}

/// As many users as a page of the query has, from the one after a place on.
///
/// # Errors
/// The store cannot say.
pub async fn part<S: Store>(
    store: &S,
    query: &ListQuery,
    after: Option<&Place>,
) -> Result<Part, StoreError> {
    let mut users = store.list(query, after).await?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let has_more = users.len() > limit;
    users.truncate(limit);
    let last = users.last().filter(|_| has_more);
    let next = last.map(|last| place_of(last, query.sort));
    Ok(Part { users, next })
}

/// Where a list goes on after this user.
fn place_of(user: &User, sort: SortKey) -> Place {
    let key = match sort {
        SortKey::Created => String::new(),
        SortKey::Name => user.details.name.clone(),
        SortKey::Email => user.details.email.as_str().to_owned(),
    };
    Place { key, id: user.id }
}

/// What became of a request for a new user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is one, if not from a request before with the same key.
    Created {
        /// Its id.
        id: Uuid,
        /// What is answered.
        answer: String,
    },
    /// The key came before, with another body.
    OtherBody,
    /// The key came before, and the user was deleted since.
    Deleted,
    /// A request with the key is under way.
    Running,
    /// Another user has what only one may have.
    Taken(Taken),
}

/// Keeps a new user. With a key, whoever sends it again within [`KEY_TIME_MS`] has the same answer.
///
/// # Errors
/// The store cannot say.
pub async fn create<S: Store>(
    store: &S,
    user: &User,
    once: Option<&Once>,
    answer: String,
) -> Result<Outcome, StoreError> {
    let kept = once.map(|once| KeptAnswer {
        fingerprint: once.fingerprint.clone(),
        user_id: user.id,
        body: Some(answer.clone()),
        expires_at_ms: user.created_at_ms.saturating_add(KEY_TIME_MS),
    });
    Ok(match store.create(user, once.zip(kept.as_ref())).await? {
        Creation::Created => Outcome::Created {
            id: user.id,
            answer,
        },
        Creation::Repeated(before) => repeated(before, once),
        Creation::Running => Outcome::Running,
        Creation::Taken(taken) => Outcome::Taken(taken),
    })
}

/// What came of a request that came before, if it is the same.
fn repeated(before: KeptAnswer, once: Option<&Once>) -> Outcome {
    if once.is_none_or(|once| once.fingerprint != before.fingerprint) {
        return Outcome::OtherBody;
    }
    match before.body {
        Some(answer) => Outcome::Created {
            id: before.user_id,
            answer,
        },
        None => Outcome::Deleted,
    }
}
