//! Keys and their age in the key-value store.

use std::fmt;

use serde_json::{Map, Value};

use super::policy::CLOCK_SKEW_S_MAX;
use crate::json::{self, JsonError, Limits};
use crate::keys::{ExposedKeys, KEY_SET_BYTES_MAX, KeySet, KeySetError};
use crate::time::UnixTime;

/// The longest record that is read, in bytes: a key set all of whose characters are escaped, and the
/// rest.
pub const RECORD_BYTES_MAX: usize = 2 * KEY_SET_BYTES_MAX + 16 * 1024;

/// The longest `ETag` that is kept, in bytes.
pub const ETAG_BYTES_MAX: usize = 256;

/// The longest `last_error` that is kept, in bytes.
pub const LAST_ERROR_BYTES_MAX: usize = 512;

const RECORD_PREFIX: &str = "doorward/keys/";
const VERSION: u64 = 3;
/// The version before, without exposed keys and the budget of unknown keys. It is still read, so that
/// instances of both versions can run beside each other.
const VERSION_BEFORE: u64 = 2;
const LIMITS: Limits = Limits {
    depth_max: 1,
    values_max: 16,
};
/// The numbers first, then the texts. What is not known is left out.
const MEMBERS: [&str; 14] = [
    "version",
    "attempted_at",
    "failures",
    "refetched_at",
    "refetching",
    "full_at",
    "fetched_at",
    "fresh_s",
    "issuer",
    "last_error",
    "exposed",
    "url",
    "etag",
    "body",
];

/// What instances tell each other of an issuer's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySetRecord {
    /// The issuer.
    pub issuer: String,
    /// The last key set, if there was any yet. There may be none in it that can be used.
    pub keys: Option<StoredKeys>,
    /// When they were fetched; zero without keys.
    pub fetched_at: UnixTime,
    /// For how long they were fresh, in seconds; zero without keys.
    pub fresh_s: u64,
    /// When an attempt to fetch them last ended.
    pub attempted_at: Option<UnixTime>,
    /// How many attempts have failed since one succeeded.
    pub failures: u32,
    /// Why the last one failed, or why nothing in the last key set can be used, in our own words.
    pub last_error: Option<String>,
    /// The keys of the issuer whose private half was seen. They are used no more, as long as the record
    /// lives.
    pub exposed: ExposedKeys,
    /// When unknown keys are a reason for [`UNKNOWN_KEY_FETCHES_MAX`](super::UNKNOWN_KEY_FETCHES_MAX) fetches
    /// again.
    pub full_at: Option<UnixTime>,
    /// When an unknown key was last a reason to fetch.
    pub refetched_at: Option<UnixTime>,
    /// Who began the fetch of that time, where it had not ended when the record was written: a number
    /// that an instance chose for itself. Zero is nobody.
    pub refetching: u64,
}

/// A key set as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKeys {
    /// Where it came from.
    pub url: String,
    /// The `ETag` it came with, to ask whether it has changed: at most [`ETAG_BYTES_MAX`] bytes of visible
    /// ASCII.
    pub etag: Option<String>,
    /// The text.
    pub body: String,
}

/// Why a record was refused. It is to be treated as if there were none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetRecordError {
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
    /// Something happened in the future, or the last attempt ended before it fetched the keys.
    Time,
}

impl fmt::Display for KeySetRecordError {
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

impl std::error::Error for KeySetRecordError {}

impl KeySetRecord {
    /// The name of the entry in the store, for the issuer to which the policy gives this name.
    #[must_use]
    pub fn entry_name(issuer: &str) -> String {
        RECORD_PREFIX.to_owned() + issuer
    }

    /// The record as it is stored.
    ///
    /// An `ETag` that is longer than [`ETAG_BYTES_MAX`] or not visible ASCII is left out, a `last_error` is
    /// cut to [`LAST_ERROR_BYTES_MAX`] and loses its control characters.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        let time = |time: Option<UnixTime>| time.map(|time| Value::from(time.0));
        put("version", Some(VERSION.into()));
        put("issuer", Some(self.issuer.as_str().into()));
        put("attempted_at", time(self.attempted_at));
        put("failures", Some(self.failures.into()));
        put("refetched_at", time(self.refetched_at));
        put("refetching", Some(self.refetching.into()));
        put("full_at", time(self.full_at));
        if !self.exposed.is_empty() {
            put("exposed", Some(self.exposed.to_text().into()));
        }
        put(
            "last_error",
            self.last_error
                .as_deref()
                .map(|text| printable(text).into()),
        );
        if let Some(keys) = &self.keys {
            let etag = keys.etag.as_deref().filter(|etag| is_etag(etag));
            put("fetched_at", time(Some(self.fetched_at)));
            put("fresh_s", Some(self.fresh_s.into()));
            put("url", Some(keys.url.as_str().into()));
            put("etag", etag.map(Value::from));
            put("body", Some(keys.body.as_str().into()));
        }
        Value::Object(members).to_string().into_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written for this issuer.
    ///
    /// Others may write into the store: an `ETag`, which goes into a request, and a `last_error` are left
    /// out or cut as there.
    ///
    /// # Errors
    ///
    /// The bytes are anything else.
    pub fn parse(bytes: &[u8], issuer: &str, now: UnixTime) -> Result<Self, KeySetRecordError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(KeySetRecordError::TooLong);
        }
        let mut members = json::parse_object(bytes, LIMITS).map_err(KeySetRecordError::Json)?;
        let version = required("version", number(&members, "version")?)?;
        if version != VERSION && version != VERSION_BEFORE {
            return Err(KeySetRecordError::OtherVersion);
        }
        if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(KeySetRecordError::UnknownMember);
        }
        let failures = required("failures", number(&members, "failures")?)?;
        let attempted_at = number(&members, "attempted_at")?.map(UnixTime);
        let refetched_at = number(&members, "refetched_at")?.map(UnixTime);
        let mut record = Self {
            issuer: required("issuer", text(&mut members, "issuer")?)?,
            attempted_at,
            failures: u32::try_from(failures)
                .map_err(|_| KeySetRecordError::Member { name: "failures" })?,
            last_error: text(&mut members, "last_error")?.map(|text| printable(&text)),
            exposed: match text(&mut members, "exposed")? {
                None => ExposedKeys::default(),
                Some(text) => ExposedKeys::from_text(&text)
                    .ok_or(KeySetRecordError::Member { name: "exposed" })?,
            },
            full_at: number(&members, "full_at")?.map(UnixTime),
            refetched_at,
            refetching: required("refetching", number(&members, "refetching")?)?,
            ..Self::default()
        };
        if let Some(body) = text(&mut members, "body")? {
            record.fetched_at = UnixTime(required("fetched_at", number(&members, "fetched_at")?)?);
            record.fresh_s = required("fresh_s", number(&members, "fresh_s")?)?;
            record.keys = Some(StoredKeys {
                url: required("url", text(&mut members, "url")?)?,
                etag: text(&mut members, "etag")?.filter(|etag| is_etag(etag)),
                body,
            });
        }
        if record.issuer != issuer {
            return Err(KeySetRecordError::OtherIssuer);
        }
        let latest = Some(now.saturating_add(CLOCK_SKEW_S_MAX));
        let fetched_at = record.keys.as_ref().map(|_| record.fetched_at);
        if attempted_at.max(refetched_at) > latest || fetched_at > attempted_at {
            return Err(KeySetRecordError::Time);
        }
        Ok(record)
    }

    /// The key set, without the keys whose private half was seen; `None` where there is none.
    ///
    /// # Errors
    ///
    /// What is there is no key set.
    #[must_use]
    pub fn key_set(&self) -> Option<Result<KeySet, KeySetError>> {
        let keys = self.keys.as_ref()?;
        Some(KeySet::parse_without(keys.body.as_bytes(), &self.exposed))
    }

    /// How long ago the keys were fetched, in seconds; `None` when there are none.
    #[must_use]
    pub fn age_s(&self, now: UnixTime) -> Option<u64> {
        self.keys
            .as_ref()
            .map(|_| now.seconds_since(self.fetched_at))
    }
}

/// Whether an `ETag` may go into a field of a request. Stricter than RFC 9110 §8.8.3 in that every byte is
/// ASCII, and laxer in that quotes may be missing and spaces may be there: some issuers send such ones.
fn is_etag(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ETAG_BYTES_MAX
        && text.trim_ascii() == text
        && text
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

fn printable(text: &str) -> String {
    let mut end = text.len().min(LAST_ERROR_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    text.replace(char::is_control, " ")
}

fn required<T>(name: &'static str, value: Option<T>) -> Result<T, KeySetRecordError> {
    value.ok_or(KeySetRecordError::Member { name })
}

/// Takes a text out: a key set is not to be copied.
fn text(
    members: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, KeySetRecordError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeySetRecordError::Member { name }),
    }
}

fn number(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<u64>, KeySetRecordError> {
    match members.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .map(Some)
            .ok_or(KeySetRecordError::Member { name }),
    }
}

#[cfg(test)]
mod tests;
