//! Keys and their age in the key-value store.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::json::{self, Limits};
use crate::keys::KEY_SET_BYTES_MAX;
use crate::{JsonError, UnixTime};

use super::CLOCK_SKEW_S_MAX;

/// The longest record that is read, in bytes: a key set all of whose characters are escaped, and the
/// rest.
pub const RECORD_BYTES_MAX: usize = 2 * KEY_SET_BYTES_MAX + 16 * 1024;

/// The longest `ETag` that is kept, in bytes.
pub const ETAG_BYTES_MAX: usize = 256;

const VERSION: u64 = 1;
const LIMITS: Limits = Limits {
    depth_max: 1,
    values_max: 16,
};
const MEMBERS: [&str; 9] = [
    "version",
    "issuer",
    "url",
    "fetched_at",
    "fresh_s",
    "attempted_at",
    "failures",
    "etag",
    "body",
];

/// What is kept of an issuer's keys between instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The issuer.
    pub issuer: String,
    /// Where the keys came from.
    pub url: String,
    /// When they were fetched.
    pub fetched_at: UnixTime,
    /// For how long they were fresh, in seconds.
    pub fresh_s: u64,
    /// When it was last attempted to fetch them.
    pub attempted_at: UnixTime,
    /// How many attempts have failed since.
    pub failures: u32,
    /// The `ETag` they came with, to ask whether they have changed.
    pub etag: Option<String>,
    /// The key set as it came.
    pub body: String,
}

/// Why a record was refused. It is to be treated as if there were none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The record is longer than [`RECORD_BYTES_MAX`].
    TooLong,
    /// The record is not an acceptable JSON object.
    Json(JsonError),
    /// The record was written by another version.
    OtherVersion,
    /// A member is missing or has the wrong type.
    Member {
        /// The member.
        name: &'static str,
    },
    /// The record has a member that is none.
    UnknownMember,
    /// The record is about another issuer.
    OtherIssuer,
    /// The keys were fetched in the future, or the last attempt was made before they were.
    Time,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the record is longer than {RECORD_BYTES_MAX} bytes"),
            Self::Json(error) => write!(f, "the record {error}"),
            Self::OtherVersion => f.write_str("the record was written by another version"),
            Self::Member { name } => {
                write!(f, "the record's `{name}` is missing or has the wrong type")
            }
            Self::UnknownMember => f.write_str("the record has an unknown member"),
            Self::OtherIssuer => f.write_str("the record is about another issuer"),
            Self::Time => f.write_str("the record's times contradict each other or the clock"),
        }
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// The record as it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let etag = self
            .etag
            .as_ref()
            .filter(|etag| etag.len() <= ETAG_BYTES_MAX);
        json!({
            "version": VERSION,
            "issuer": self.issuer,
            "url": self.url,
            "fetched_at": self.fetched_at.0,
            "fresh_s": self.fresh_s,
            "attempted_at": self.attempted_at.0,
            "failures": self.failures,
            "etag": etag,
            "body": self.body,
        })
        .to_string()
        .into_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written for this issuer.
    ///
    /// # Errors
    ///
    /// The bytes are anything else.
    pub fn parse(bytes: &[u8], issuer: &str, now: UnixTime) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLong);
        }
        let members = json::parse_object(bytes, LIMITS).map_err(RecordError::Json)?;
        if number(&members, "version")? != VERSION {
            return Err(RecordError::OtherVersion);
        }
        if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(RecordError::UnknownMember);
        }
        let etag = match members.get("etag") {
            Some(Value::Null) => None,
            _ => Some(string(&members, "etag")?),
        };
        let record = Self {
            issuer: string(&members, "issuer")?,
            url: string(&members, "url")?,
            fetched_at: UnixTime(number(&members, "fetched_at")?),
            fresh_s: number(&members, "fresh_s")?,
            attempted_at: UnixTime(number(&members, "attempted_at")?),
            failures: u32::try_from(number(&members, "failures")?)
                .map_err(|_| RecordError::Member { name: "failures" })?,
            etag,
            body: string(&members, "body")?,
        };
        if record.issuer != issuer {
            return Err(RecordError::OtherIssuer);
        }
        let latest = now.saturating_add(CLOCK_SKEW_S_MAX);
        if record.attempted_at > latest || record.fetched_at > record.attempted_at {
            return Err(RecordError::Time);
        }
        Ok(record)
    }
}

fn string(members: &Map<String, Value>, name: &'static str) -> Result<String, RecordError> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(RecordError::Member { name }),
    }
}

fn number(members: &Map<String, Value>, name: &'static str) -> Result<u64, RecordError> {
    members
        .get(name)
        .and_then(Value::as_u64)
        .ok_or(RecordError::Member { name })
}
