//! What is kept of a key, and what comes of verifying one with it.

use std::fmt;

use serde_json::{Map, Value, json};
use subtle::{Choice, ConstantTimeEq as _};

use super::key::{ApiKey, ApiKeyDigest, ApiKeyError, parse_id};
use crate::bounds::DATE_MAX_S;
use crate::json::{self, JsonError, Limits};
use crate::principal::Claims;
use crate::time::UnixTime;

/// How the name of every key's record in the key-value store begins; the id follows.
pub const KEY_RECORD_PREFIX: &str = "doorward/api-keys/";

/// The longest record that is read, in bytes.
pub const KEY_RECORD_BYTES_MAX: usize = 64 * 1024;

/// The longest name of a key, in bytes.
pub const KEY_NAME_BYTES_MAX: usize = 128;

/// The most scopes of a key.
pub const KEY_SCOPES_MAX: usize = 256;

/// The longest scope of a key, in bytes.
pub const SCOPE_BYTES_MAX: usize = 128;

/// `iss` of the claims of a key: no issuer may have this name, so nobody takes the name of a key for a
/// subject of an issuer.
pub const API_KEY_ISSUER: &str = "urn:doorward:api-keys";

const VERSION: u64 = 1;
const LIMITS: Limits = Limits {
    depth_max: 2,
    values_max: KEY_SCOPES_MAX as u32 + 16,
};
const MEMBERS: [&str; 7] = [
    "version",
    "id",
    "name",
    "digest",
    "scopes",
    "created_at",
    "expires_at",
];

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Which key it is about.
    pub id: String,
    /// Who uses the key: the subject of its claims, and the user name for HTTP Basic.
    pub name: String,
    /// The hash of the key.
    pub digest: ApiKeyDigest,
    /// What the key may be used for.
    pub scopes: Vec<String>,
    /// When the key was made.
    pub created_at: UnixTime,
    /// From when on the key is refused; `None` means never.
    pub expires_at: Option<UnixTime>,
}

/// Why a record was refused. The key is to be treated as one that cannot be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRecordError {
    /// The record is longer than [`KEY_RECORD_BYTES_MAX`].
    TooLong,
    /// The record is not an acceptable JSON object.
    Json(JsonError),
    /// The record was written by another version.
    OtherVersion,
    /// A member is missing, has the wrong type or a value that it must not have.
    Member {
        /// The member.
        name: &'static str,
    },
    /// The record has a member that is none; it might be a restriction.
    UnknownMember,
    /// The record is about another key.
    OtherKey,
}

impl fmt::Display for KeyRecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the record is longer than {KEY_RECORD_BYTES_MAX} bytes"),
            Self::Json(error) => write!(f, "the record {error}"),
            Self::OtherVersion => f.write_str("the record was written by another version"),
            Self::Member { name } => write!(f, "the record's `{name}` is missing or wrong"),
            Self::UnknownMember => f.write_str("the record has an unknown member"),
            Self::OtherKey => f.write_str("the record is about another key"),
        }
    }
}

impl std::error::Error for KeyRecordError {}

impl KeyRecord {
    /// The name of a key's record in the store.
    #[must_use]
    pub fn entry_name(id: &str) -> String {
        KEY_RECORD_PREFIX.to_owned() + id
    }

    /// The reverse of [`entry_name`](Self::entry_name); `None` when it is the name of something else.
    #[must_use]
    pub fn id_of_entry(name: &str) -> Option<&str> {
        parse_id(name.strip_prefix(KEY_RECORD_PREFIX)?.as_bytes())
    }

    /// Whether a key may have this name: visible ASCII characters without `:`, which ends the user
    /// name of HTTP Basic (RFC 7617 §2), at most [`KEY_NAME_BYTES_MAX`] of them and at least one.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        (1..=KEY_NAME_BYTES_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b':')
    }

    /// Whether this is a scope (RFC 6749 §3.3) of at most [`SCOPE_BYTES_MAX`] bytes.
    #[must_use]
    pub fn is_scope(text: &str) -> bool {
        (1..=SCOPE_BYTES_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    }

    /// Checks what the types do not say. Whoever makes a record otherwise than by
    /// [`parse`](Self::parse) asks this before it is used or stored.
    ///
    /// # Errors
    ///
    /// The first member that is wrong.
    pub fn check(&self) -> Result<(), KeyRecordError> {
        let times = [self.created_at, self.expires_at.unwrap_or_default()];
        for (right, name) in [
            (parse_id(self.id.as_bytes()).is_some(), "id"),
            (Self::is_name(&self.name), "name"),
            (
                self.scopes.len() <= KEY_SCOPES_MAX
                    && self.scopes.iter().all(|scope| Self::is_scope(scope)),
                "scopes",
            ),
            (times.iter().all(|time| time.0 <= DATE_MAX_S), "expires_at"),
        ] {
            if !right {
                return Err(KeyRecordError::Member { name });
            }
        }
        Ok(())
    }

    /// The record as it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        json!({
            "version": VERSION,
            "id": self.id,
            "name": self.name,
            "digest": self.digest.text(),
            "scopes": self.scopes,
            "created_at": self.created_at.0,
            "expires_at": self.expires_at.map(|time| time.0),
        })
        .to_string()
        .into_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written for this key.
    ///
    /// # Errors
    ///
    /// The bytes are anything else.
    pub fn parse(bytes: &[u8], id: &str) -> Result<Self, KeyRecordError> {
        if bytes.len() > KEY_RECORD_BYTES_MAX {
            return Err(KeyRecordError::TooLong);
        }
        let members = json::parse_object(bytes, LIMITS).map_err(KeyRecordError::Json)?;
        if number(&members, "version")? != VERSION {
            return Err(KeyRecordError::OtherVersion);
        }
        if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(KeyRecordError::UnknownMember);
        }
        let expires_at = match members.get("expires_at") {
            Some(Value::Null) => None,
            _ => Some(UnixTime(number(&members, "expires_at")?)),
        };
        let record = Self {
            id: string(&members, "id")?.to_owned(),
            name: string(&members, "name")?.to_owned(),
            digest: ApiKeyDigest::parse(string(&members, "digest")?)
                .ok_or(KeyRecordError::Member { name: "digest" })?,
            scopes: scopes(&members).ok_or(KeyRecordError::Member { name: "scopes" })?,
            created_at: UnixTime(number(&members, "created_at")?),
            expires_at,
        };
        record.check()?;
        if record.id != id {
            return Err(KeyRecordError::OtherKey);
        }
        Ok(record)
    }

    /// Whether the key is the one that the record is about, used by whom it is for and in time.
    ///
    /// `record` is what was found under the key's id. Where there is none the work is the same.
    /// `name` is the user name that came with the key by HTTP Basic (RFC 7617).
    ///
    /// # Errors
    ///
    /// `Unknown`, `Secret`, `Name` or `Expired`, in this order.
    pub fn verify(
        record: Option<&Self>,
        key: &ApiKey<'_>,
        name: Option<&str>,
        now: UnixTime,
    ) -> Result<VerifiedKey, ApiKeyError> {
        // No text is known whose hash this is; and where there is no record nothing is accepted.
        const NOBODY: (ApiKeyDigest, &str) = (ApiKeyDigest([0; 32]), "");
        let (nobody, no_name) = &NOBODY;
        let (expected, owner) = match record {
            Some(record) => (&record.digest, record.name.as_str()),
            None => (nobody, *no_name),
        };
        let right = ApiKeyDigest::of(key.text).ct_eq(expected);
        let named = match name {
            Some(name) => name.as_bytes().ct_eq(owner.as_bytes()),
            None => Choice::from(1),
        };
        let record = record.ok_or(ApiKeyError::Unknown)?;
        if !bool::from(right) {
            return Err(ApiKeyError::Secret);
        }
        if !bool::from(named) {
            return Err(ApiKeyError::Name);
        }
        let key = VerifiedKey {
            id: record.id.clone(),
            claims: record.claims(),
            expires_at: record.expires_at,
        };
        key.recheck(now)?;
        Ok(key)
    }

    /// What a log says of a key that was good then. No key has its digest.
    #[cfg(feature = "recorded")]
    #[must_use]
    pub fn recorded(id: &str, name: &str, scopes: &[String]) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            digest: ApiKeyDigest([0; 32]),
            scopes: scopes.to_vec(),
            created_at: UnixTime(0),
            expires_at: None,
        }
    }

    /// The claims of the key, whoever has it.
    #[cfg(feature = "recorded")]
    #[must_use]
    pub fn recorded_claims(&self) -> Claims {
        self.claims()
    }

    fn claims(&self) -> Claims {
        let mut members = Map::new();
        for (name, value) in [
            ("iss", API_KEY_ISSUER.to_owned()),
            ("sub", self.name.clone()),
            ("scope", self.scopes.join(" ")),
        ] {
            members.insert(name.to_owned(), Value::String(value));
        }
        Claims::new(Some(self.name.clone()), self.scopes.clone(), members)
    }
}

/// A key that was verified. Only [`KeyRecord::verify`] makes one.
///
/// Its claims are `iss` ([`API_KEY_ISSUER`]), `sub` (the key's name) and `scope`.
pub struct VerifiedKey {
    id: String,
    claims: Claims,
    expires_at: Option<UnixTime>,
}

impl VerifiedKey {
    /// Which key it is.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the key says of its principal.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// From when on the key is refused; `None` means never.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// Checks the time again, for a key that has waited since it was verified.
    ///
    /// # Errors
    ///
    /// The time of its expiry has come.
    pub fn recheck(&self, now: UnixTime) -> Result<(), ApiKeyError> {
        match self.expires_at {
            Some(expires_at) if now >= expires_at => Err(ApiKeyError::Expired { now, expires_at }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for VerifiedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedKey")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

fn string<'m>(
    members: &'m Map<String, Value>,
    name: &'static str,
) -> Result<&'m str, KeyRecordError> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(KeyRecordError::Member { name }),
    }
}

fn number(members: &Map<String, Value>, name: &'static str) -> Result<u64, KeyRecordError> {
    members
        .get(name)
        .and_then(Value::as_u64)
        .ok_or(KeyRecordError::Member { name })
}

fn scopes(members: &Map<String, Value>) -> Option<Vec<String>> {
    let Some(Value::Array(values)) = members.get("scopes") else {
        return None;
    };
    values
        .iter()
        .map(|value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}
