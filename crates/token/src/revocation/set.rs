//! All entries of the store, as the gate asks them.

use std::fmt;

use serde_json::Value;

use crate::{UnixTime, VerifiedToken};

use super::{Digest, Entry, Kind, REVOCATIONS_MAX, REVOCATIONS_READ_MAX, digest};

/// The most names of entries that are over which one [`Reading`] reports. The others are reported by
/// a later one.
pub const PRUNE_MAX: usize = 64;

/// There are more entries than [`REVOCATIONS_READ_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRevocations;

impl fmt::Display for TooManyRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are more than {REVOCATIONS_READ_MAX} revocations")
    }
}

impl std::error::Error for TooManyRevocations {}

/// What comes of reading the names in the store one after the other.
#[derive(Debug, Default)]
pub struct Reading {
    /// The entries that are not over.
    pub set: RevocationSet,
    /// Names of entries that are over and may be deleted, at most [`PRUNE_MAX`].
    pub over: Vec<String>,
    /// How many names begin as those of entries do and could not be read.
    pub unreadable: usize,
}

impl Reading {
    /// Reads one name. Names of other things are passed over.
    ///
    /// # Errors
    ///
    /// There are too many entries. What was read is then not to be used.
    pub fn add(&mut self, name: &str, now: UnixTime) -> Result<(), TooManyRevocations> {
        let entry = match Entry::parse_name(name) {
            None => return Ok(()),
            Some(Err(_)) => {
                self.unreadable += 1;
                return Ok(());
            }
            Some(Ok(entry)) => entry,
        };
        if !entry.is_over(now) {
            self.set.insert(&entry);
            if self.set.len() > REVOCATIONS_READ_MAX {
                return Err(TooManyRevocations);
            }
        } else if self.over.len() < PRUNE_MAX {
            self.over.push(name.to_owned());
        }
        Ok(())
    }
}

/// What is revoked.
///
/// Asking an empty set costs nothing; asking another one, a hash for each kind that is in it.
#[derive(Default)]
pub struct RevocationSet {
    items: Vec<Item>,
    /// For the first bytes of a digest, one more than the position of the item that was put in last;
    /// the others follow by `next`. As many as a power of two, or none.
    heads: Vec<u32>,
    /// The kinds that are in the set, a bit each.
    kinds: u8,
}

struct Item {
    kind: Kind,
    digest: Digest,
    /// The latest `iat` that is revoked.
    issued_before: UnixTime,
    next: u32,
}

impl RevocationSet {
    /// Reads all names of a store at once.
    ///
    /// # Errors
    ///
    /// There are too many entries.
    pub fn from_names<'n>(
        names: impl Iterator<Item = &'n str>,
        now: UnixTime,
    ) -> Result<Reading, TooManyRevocations> {
        let mut reading = Reading::default();
        for name in names {
            reading.add(name, now)?;
        }
        Ok(reading)
    }

    /// How many different things are revoked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether no further entry is to be written.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= REVOCATIONS_MAX
    }

    /// Puts an entry in, whether it is over or not. The latest of several times counts.
    pub fn insert(&mut self, entry: &Entry) {
        let issued_before = entry.issued_before.unwrap_or(UnixTime(u64::MAX));
        if let Some(position) = self.position(entry.kind, &entry.digest)
            && let Some(item) = self.items.get_mut(position)
        {
            item.issued_before = item.issued_before.max(issued_before);
            return;
        }
        self.items.push(Item {
            kind: entry.kind,
            digest: entry.digest,
            issued_before,
            next: 0,
        });
        self.kinds |= 1 << entry.kind as u8;
        if self.items.len() > self.heads.len() {
            self.heads = vec![0; (self.items.len() * 2).next_power_of_two()];
            self.link(0);
        } else {
            self.link(self.items.len() - 1);
        }
    }

    /// Whether the token is revoked, and by what.
    #[must_use]
    pub fn revokes(&self, token: &VerifiedToken) -> Option<Kind> {
        if self.is_empty() {
            return None;
        }
        // A token that does not say when it was issued may have been issued at any time.
        let issued_at = token.issued_at().unwrap_or_default();
        let issuer = token.issuer();
        let session = match token.claim("sid") {
            Some(Value::String(session)) => Some(session.as_str()),
            _ => None,
        };
        // A session that is not a string cannot be revoked by its name.
        let sessionless = if session.is_none() {
            token.subject()
        } else {
            None
        };
        [
            (Kind::Issuer, Some("")),
            (Kind::Subject, token.subject()),
            (Kind::Sessionless, sessionless),
            (Kind::Session, session),
            (Kind::Token, token.token_id()),
        ]
        .into_iter()
        .find(|&(kind, value)| {
            value.is_some_and(|value| self.names(kind, issuer, value, issued_at))
        })
        .map(|(kind, _)| kind)
        .or_else(|| {
            let item = self.item(Kind::Token, token.text_digest()?)?;
            Some(item.kind)
        })
    }

    /// Whether the entry is in the set, with whatever times.
    #[must_use]
    pub fn contains(&self, entry: &Entry) -> bool {
        self.position(entry.kind, &entry.digest).is_some()
    }

    /// Whether a logout token with this `jti` was accepted before.
    #[must_use]
    pub fn has_logout(&self, issuer: &str, token_id: &str) -> bool {
        self.names(Kind::Logout, issuer, token_id, UnixTime(0))
    }

    fn names(&self, kind: Kind, issuer: &str, value: &str, issued_at: UnixTime) -> bool {
        self.kinds & (1 << kind as u8) != 0
            && self
                .item(kind, &digest(kind as u8, issuer, value.as_bytes()))
                .is_some_and(|item| issued_at <= item.issued_before)
    }

    fn item(&self, kind: Kind, digest: &Digest) -> Option<&Item> {
        self.items.get(self.position(kind, digest)?)
    }

    fn position(&self, kind: Kind, digest: &Digest) -> Option<usize> {
        let mut next = *self.heads.get(self.bucket(digest))?;
        loop {
            let position = (next as usize).checked_sub(1)?;
            let item = self.items.get(position)?;
            if item.kind == kind && item.digest == *digest {
                return Some(position);
            }
            next = item.next;
        }
    }

    /// Links the items from this position on to the heads of their buckets.
    fn link(&mut self, from: usize) {
        for position in from..self.items.len() {
            let Some(item) = self.items.get(position) else {
                return;
            };
            let bucket = self.bucket(&item.digest);
            if let (Some(head), Some(item)) =
                (self.heads.get_mut(bucket), self.items.get_mut(position))
            {
                item.next = *head;
                // The number of items is bounded far below.
                *head = position as u32 + 1;
            }
        }
    }

    fn bucket(&self, digest: &Digest) -> usize {
        let [a, b, c, d, ..] = *digest;
        u32::from_be_bytes([a, b, c, d]) as usize & self.heads.len().wrapping_sub(1)
    }
}

impl fmt::Debug for RevocationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationSet")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
