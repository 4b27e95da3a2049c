//! What a user is.

pub use doorward_service::caller::Identity;
use doorward_syntax::date::rfc3339;
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use crate::email::Email;

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest issuer, in characters. With a subject it has to fit into one entry of an index, which has 2,704 bytes in
/// PostgreSQL, and a character has four at most.
pub const ISSUER_CHARS_MAX: usize = 400;
/// Longest subject, in characters (OpenID Connect Core 1.0 §2).
pub const SUBJECT_CHARS_MAX: usize = 255;

/// A user as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// A UUID of version 7 (RFC 9562): in the order in which users were created.
    pub id: Uuid,
    /// What may be changed of it.
    pub details: Details,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it was changed last, in milliseconds since 1970.
    pub updated_at_ms: u64,
    /// 1, and one more with each change.
    pub version: u64,
}

/// What may be changed of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// As people call them.
    pub name: String,
    /// No two users have the same one.
    pub email: Email,
    /// By whom and as whom they log in. No two users have the same one.
    pub identity: Option<Identity>,
}

impl User {
    /// A new user.
    pub fn new(details: Details, now_ms: u64, random: &[u8; 10]) -> Self {
        Self {
            id: Builder::from_unix_timestamp_millis(now_ms, random).into_uuid(),
            details,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
        }
    }

    /// The same user with other details.
    #[must_use]
    pub fn changed(&self, details: Details, now_ms: u64) -> Self {
        Self {
            id: self.id,
            details,
            created_at_ms: self.created_at_ms,
            // Clocks of several machines differ.
            updated_at_ms: now_ms.max(self.updated_at_ms),
            version: self.version.saturating_add(1),
        }
    }

    /// How a client sees it.
    pub fn shown(&self) -> Value {
        let mut shown = json!({
            "id": self.id.to_string(),
            "name": self.details.name,
            "email": self.details.email.as_str(),
            "created_at": rfc3339(self.created_at_ms),
            "updated_at": rfc3339(self.updated_at_ms),
        });
        if let (Some(identity), Some(members)) = (&self.details.identity, shown.as_object_mut()) {
            members.insert("identity".to_owned(), shown_identity(identity));
        }
        shown
    }
}

/// Whether a user can have this identity: no user has one with a control character in it.
pub fn can_be_kept(identity: &Identity) -> bool {
    let mut all = identity.issuer.chars().chain(identity.subject.chars());
    !all.any(char::is_control)
}

/// How a client sees an identity.
pub fn shown_identity(identity: &Identity) -> Value {
    json!({ "issuer": identity.issuer, "subject": identity.subject })
}
