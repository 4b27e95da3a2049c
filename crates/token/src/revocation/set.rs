//! All entries of the store, as the gate asks them.

use std::fmt;
use std::mem;

use serde_json::Value;

use super::digest::{Digest, digest};
use super::entry::RevocationEntry;
use super::kind::RevocationKind;
use crate::claims::VerifiedToken;
use crate::time::UnixTime;

/// The most names in force with which one more is written.
pub const REVOCATIONS_MAX: usize = 50_000;

/// The most names in force that are read. The room above [`REVOCATIONS_MAX`] is for writers that did
/// not see each other.
pub const REVOCATIONS_READ_MAX: usize = 65_536;

/// The most names to delete that one [`Reading`] reports; the others are reported by a later one. There is
/// a reading every few seconds, and a hosted store takes about 50 writes a second.
pub const PRUNE_MAX: usize = 256;

/// The most further names that are remembered for one thing, beside the one with the latest
/// `issued_before`. None of them covers another; there is one for each different lifetime that was asked
/// for. Names beyond these are in force and count, but are never found to be superfluous.
const OTHERS_MAX: usize = 8;

/// There are more names in force than [`REVOCATIONS_READ_MAX`].
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
    /// Names that are to be deleted, at most [`PRUNE_MAX`]: those of entries that have been over for
    /// long, and those that another one in the set makes superfluous. To be deleted even where there
    /// are too many entries; otherwise there would be too many for ever.
    pub over: Vec<String>,
    /// How many names begin as those of entries do and could not be read.
    pub unreadable: usize,
    is_refused: bool,
}

impl Reading {
    /// Reads one name. Names of other things are passed over.
    ///
    /// # Errors
    ///
    /// There are too many entries. The set is then not to be used, whatever comes of further names. To
    /// go on reading them is of use: it finds more that is to be deleted, and takes no more memory.
    pub fn add(&mut self, name: &str, now: UnixTime) -> Result<(), TooManyRevocations> {
        match RevocationEntry::parse_name(name) {
            None => {}
            Some(Err(_)) => self.unreadable += 1,
            Some(Ok(entry)) if entry.is_prunable(now) => self.report(|| name.to_owned()),
            Some(Ok(entry)) if entry.is_over(now) => {}
            Some(Ok(entry)) => {
                for superfluous in self.set.put(&entry, REVOCATIONS_READ_MAX) {
                    self.report(|| superfluous.name());
                }
                self.is_refused |= self.set.names() > REVOCATIONS_READ_MAX;
            }
        }
        if self.is_refused {
            Err(TooManyRevocations)
        } else {
            Ok(())
        }
    }

    fn report(&mut self, name: impl FnOnce() -> String) {
        if self.over.len() < PRUNE_MAX {
            self.over.push(name());
        }
    }
}

/// What is revoked.
///
/// Asking an empty set costs nothing; asking another one, a hash for each kind that is in it.
#[derive(Default)]
pub struct RevocationSet {
    items: Vec<Item>,
    /// The buckets of a hash table, by the first bytes of a digest: the position of the newest item plus
    /// one, or zero for none. The others follow by `next`. A power of two of them, or none.
    heads: Vec<u32>,
    /// The kinds that are in the set, a bit each.
    kinds: u8,
    /// How many names of entries are in force, superfluous ones left out.
    names: usize,
}

struct Item {
    kind: RevocationKind,
    digest: Digest,
    times: EntryTimes,
    /// Further names for the same thing, at most [`OTHERS_MAX`], of which there are seldom any. Each is issued up to
    /// an earlier time than the item's own, and is kept for longer.
    others: Vec<EntryTimes>,
    next: u32,
}

/// The times in a name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct EntryTimes {
    /// The latest `iat` that is revoked; the latest time there is where that does not matter.
    issued_before: UnixTime,
    expires_at: UnixTime,
}

impl EntryTimes {
    /// Whether a name with the other times is superfluous beside one with these.
    fn cover(&self, other: &Self) -> bool {
        self.issued_before >= other.issued_before && self.expires_at >= other.expires_at
    }
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

    /// By how many names they are: at least [`len`](Self::len), as one thing may have several that do
    /// not cover each other.
    #[must_use]
    pub fn names(&self) -> usize {
        self.names
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether no further entry is to be written.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.names >= REVOCATIONS_MAX
    }

    /// Puts an entry in, whether it is over or not. The latest of several times counts.
    pub fn insert(&mut self, entry: &RevocationEntry) {
        self.put(entry, usize::MAX);
    }

    /// Puts an entry in. If it names a new thing and there are `len_max` things already, it is only
    /// counted. Returns the entries that are superfluous now, which may be this one.
    fn put(&mut self, entry: &RevocationEntry, len_max: usize) -> Vec<RevocationEntry> {
        let times = EntryTimes {
            issued_before: entry.issued_before.unwrap_or(UnixTime(u64::MAX)),
            expires_at: entry.expires_at,
        };
        let Some(position) = self.position(entry.kind, &entry.digest) else {
            self.names += 1;
            if self.len() < len_max {
                self.push(entry, times);
            }
            return Vec::new();
        };
        let superfluous = self.add_times(position, times);
        let with = |times: EntryTimes| RevocationEntry {
            issued_before: entry.issued_before.map(|_| times.issued_before),
            expires_at: times.expires_at,
            ..entry.clone()
        };
        superfluous.into_iter().map(with).collect()
    }

    fn push(&mut self, entry: &RevocationEntry, times: EntryTimes) {
        self.items.push(Item {
            kind: entry.kind,
            digest: entry.digest,
            times,
            others: Vec::new(),
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

    /// One more name for the item. Returns the times of the names that are superfluous now.
    fn add_times(&mut self, position: usize, times: EntryTimes) -> Vec<EntryTimes> {
        let Some(item) = self.items.get_mut(position) else {
            return Vec::new();
        };
        // A list may say the same name twice: it is there once, and needed.
        if item.times == times || item.others.contains(&times) {
            return Vec::new();
        }
        if item.times.cover(&times) || item.others.iter().any(|other| other.cover(&times)) {
            return vec![times];
        }
        let mut superfluous = Vec::new();
        item.others.retain(|other| {
            let is_covered = times.cover(other);
            if is_covered {
                superfluous.push(*other);
            }
            !is_covered
        });
        self.names += 1;
        if times.cover(&item.times) {
            superfluous.push(mem::replace(&mut item.times, times));
        } else {
            let other = if times.issued_before > item.times.issued_before {
                mem::replace(&mut item.times, times)
            } else {
                times
            };
            if item.others.len() < OTHERS_MAX {
                item.others.push(other);
            }
        }
        self.names -= superfluous.len();
        superfluous
    }

    /// Whether the token is revoked, and by what.
    #[must_use]
    pub fn revokes(&self, token: &VerifiedToken) -> Option<RevocationKind> {
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
            (RevocationKind::Issuer, Some("")),
            (RevocationKind::Subject, token.subject()),
            (RevocationKind::Sessionless, sessionless),
            (RevocationKind::Session, session),
            (RevocationKind::Token, token.token_id()),
        ]
        .into_iter()
        .find(|&(kind, value)| {
            value.is_some_and(|value| self.reaches(kind, issuer, value, issued_at))
        })
        .map(|(kind, _)| kind)
        .or_else(|| {
            let item = self.item(RevocationKind::Token, token.text_digest()?)?;
            Some(item.kind)
        })
    }

    /// Whether the entry is in the set, with whatever times.
    #[must_use]
    pub fn contains(&self, entry: &RevocationEntry) -> bool {
        self.position(entry.kind, &entry.digest).is_some()
    }

    /// Whether a logout token with this `jti` was accepted before.
    #[must_use]
    pub fn has_logout(&self, issuer: &str, token_id: &str) -> bool {
        self.reaches(RevocationKind::Logout, issuer, token_id, UnixTime(0))
    }

    fn reaches(
        &self,
        kind: RevocationKind,
        issuer: &str,
        value: &str,
        issued_at: UnixTime,
    ) -> bool {
        self.kinds & (1 << kind as u8) != 0
            && self
                .item(kind, &digest(kind as u8, issuer, value.as_bytes()))
                .is_some_and(|item| issued_at <= item.times.issued_before)
    }

    fn item(&self, kind: RevocationKind, digest: &Digest) -> Option<&Item> {
        self.items.get(self.position(kind, digest)?)
    }

    fn position(&self, kind: RevocationKind, digest: &Digest) -> Option<usize> {
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
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
