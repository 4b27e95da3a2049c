//! What instances tell each other of asking for a bundle, through the store.

use doorward_syntax::base64url;
use doorward_token::UnixTime;
use doorward_token::bundle::LEEWAY_S;
use serde_json::{Value, json};
use std::fmt;

/// The longest entity tag that is kept, in bytes: those of servers have less than a hundred.
const ETAG_BYTES_MAX: usize = 256;
/// The longest record that is read, in bytes.
const RECORD_BYTES_MAX: usize = 1024;

/// When it was asked for the last time, and what came of that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// When that began.
    pub(super) at: UnixTime,
    /// Whether nothing came of it that could be used.
    pub(super) has_failed: bool,
    /// The entity tag of what came, and the sequence number of that.
    pub(super) etag: Option<(String, u64)>,
    /// Which one was refused, and is told.
    pub(super) refused: Option<String>,
}

impl Asked {
    /// The name of the record in the store.
    pub(super) fn entry_name(application: &str) -> String {
        format!("doorward/bundle-asked/{application}")
    }

    /// How many seconds ago that was; `None`: never, or in a future that no clock of ours shows.
    pub(super) fn age_s(&self, now: UnixTime) -> Option<u64> {
        let is_sane = self.at.0 > 0 && self.at <= now.saturating_add(LEEWAY_S);
        is_sane.then(|| now.seconds_since(self.at))
    }

    /// Keeps an entity tag, where there is one that is not too long.
    pub(super) fn keep_etag(&mut self, etag: Option<String>, sequence: u64) {
        let etag = etag.filter(|etag| etag.len() <= ETAG_BYTES_MAX);
        self.etag = etag.map(|etag| (etag, sequence));
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (etag, of) = self.etag.clone().unzip();
        let record = json!({
            "at": self.at.0, "failed": self.has_failed, "etag": etag, "of": of, "refused": self.refused
        });
        record.to_string().into_bytes()
    }

    /// # Errors
    /// It is no record.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NoRecord> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(NoRecord);
        }
        let record: Value = serde_json::from_slice(bytes).map_err(|_| NoRecord)?;
        let at = record.get("at").and_then(Value::as_u64).ok_or(NoRecord)?;
        let text = |name| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let of = record.get("of").and_then(Value::as_u64);
        // It goes into a header field.
        let etag = text("etag").filter(|etag| {
            etag.len() <= ETAG_BYTES_MAX && etag.bytes().all(|byte| (0x21..0x7f).contains(&byte))
        });
        Ok(Self {
            at: UnixTime(at),
            has_failed: record.get("failed").and_then(Value::as_bool) == Some(true),
            etag: etag.zip(of),
            refused: text("refused"),
        })
    }
}

/// What is in the store is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRecord;

impl fmt::Display for NoRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not say when the policy was asked for")
    }
}

/// By what a text that was refused is recognised: why, and SHA-256 of it.
pub(super) fn print(reason: &str, text: &[u8]) -> String {
    let digest = base64url::encode(&doorward_token::digest(text));
    format!("{reason} {digest}")
}
