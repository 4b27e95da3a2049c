//! Remembers tokens that were verified, so that the signature of a token that comes again is not
//! checked again.
//!
//! 1. A token is found only as a whole: every byte of it is compared, and the issuer and the
//!    generation of the keys that verified it. Tokens that were signed with keys that have since
//!    changed are not found.
//! 2. A token is not kept past its `exp`, leeway not counted. Time, issuer and audience still have to
//!    be checked on each hit: see [`VerifiedToken::recheck`].
//! 3. Entries and bytes are bounded; the least recently used entry goes first.
//! 4. Only verified tokens go in, so nobody fills the cache who cannot obtain tokens.
//!
//! Entries are found by a hash of the token's last [`HASHED_BYTES`] bytes, its length, issuer and
//! generation. Those bytes belong to the signature, which nobody chooses who cannot sign. The hash
//! should be keyed all the same (`RandomState`): then not even an issuer can choose collisions. Two
//! tokens with the same hash displace each other; they are never taken for one another.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::{UnixTime, VerifiedToken};

/// The most tokens that are remembered.
pub const ENTRIES_MAX: usize = 1024;

/// The most memory that is taken, about.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many bytes of a token are hashed.
pub const HASHED_BYTES: usize = 64;

/// What an entry takes beside the token and its claims: its slot and its place in the index.
const ENTRY_BYTES: usize = size_of::<Entry>() + 4 * size_of::<u64>();

/// Verified tokens, found by their bytes.
pub struct TokenCache<S: BuildHasher> {
    hasher: S,
    entries_max: usize,
    bytes_max: usize,
    /// From the hash to the slot.
    index: HashMap<u64, usize, BuildHasherDefault<AlreadyHashed>>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    bytes: usize,
    /// The ends of the list of entries in the order of their last use.
    newest: Option<usize>,
    oldest: Option<usize>,
}

enum Slot {
    Free,
    Used(Entry),
}

struct Entry {
    hash: u64,
    token: Box<[u8]>,
    issuer: usize,
    generation: u64,
    verified: Arc<VerifiedToken>,
    bytes: usize,
    newer: Option<usize>,
    older: Option<usize>,
}

impl<S: BuildHasher> TokenCache<S> {
    /// An empty cache with the bounds of this module.
    #[must_use]
    pub fn new(hasher: S) -> Self {
        Self::with_bounds(hasher, ENTRIES_MAX, BYTES_MAX)
    }

    /// An empty cache with its own bounds. A bound of zero remembers nothing.
    #[must_use]
    pub fn with_bounds(hasher: S, entries_max: usize, bytes_max: usize) -> Self {
        Self {
            hasher,
            entries_max,
            bytes_max,
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            newest: None,
            oldest: None,
        }
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no token is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// About how much memory the tokens take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The token that these very bytes were verified to be, with keys of this generation of this
    /// issuer. A token whose `exp` has come is forgotten.
    pub fn get(
        &mut self,
        token: &[u8],
        issuer: usize,
        generation: u64,
        now: UnixTime,
    ) -> Option<Arc<VerifiedToken>> {
        let position = *self.index.get(&self.hash(token, issuer, generation))?;
        let entry = self.entry(position)?;
        if entry.issuer != issuer || entry.generation != generation || *entry.token != *token {
            return None;
        }
        if now >= entry.verified.expires_at() {
            self.remove(position);
            return None;
        }
        let verified = Arc::clone(&entry.verified);
        if self.newest != Some(position) {
            self.unlink(position);
            self.link_newest(position);
        }
        Some(verified)
    }

    /// Remembers a token that was verified with keys of this generation of this issuer. What does not
    /// fit within the bounds, or has expired, is not remembered.
    pub fn insert(
        &mut self,
        token: &[u8],
        issuer: usize,
        generation: u64,
        verified: Arc<VerifiedToken>,
        now: UnixTime,
    ) {
        let hash = self.hash(token, issuer, generation);
        if let Some(&position) = self.index.get(&hash) {
            self.remove(position);
        }
        let bytes = ENTRY_BYTES + token.len() + verified.memory_bytes();
        if now >= verified.expires_at() || bytes > self.bytes_max || self.entries_max == 0 {
            return;
        }
        while self.len() >= self.entries_max || self.bytes + bytes > self.bytes_max {
            let Some(oldest) = self.oldest else { return };
            self.remove(oldest);
        }
        let entry = Entry {
            hash,
            token: token.into(),
            issuer,
            generation,
            verified,
            bytes,
            newer: None,
            older: None,
        };
        let position = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(position) {
            Some(slot) => *slot = Slot::Used(entry),
            None => self.slots.push(Slot::Used(entry)),
        }
        self.index.insert(hash, position);
        self.bytes += bytes;
        self.link_newest(position);
    }

    /// Forgets every token of an issuer.
    pub fn remove_issuer(&mut self, issuer: usize) {
        for position in 0..self.slots.len() {
            if self
                .entry(position)
                .is_some_and(|entry| entry.issuer == issuer)
            {
                self.remove(position);
            }
        }
    }

    /// Forgets every token.
    pub fn clear(&mut self) {
        self.index.clear();
        self.slots.clear();
        self.free.clear();
        self.bytes = 0;
        self.newest = None;
        self.oldest = None;
    }

    fn hash(&self, token: &[u8], issuer: usize, generation: u64) -> u64 {
        let tail = token
            .get(token.len().saturating_sub(HASHED_BYTES)..)
            .unwrap_or(token);
        let mut hasher = self.hasher.build_hasher();
        hasher.write(tail);
        hasher.write_usize(token.len());
        hasher.write_usize(issuer);
        hasher.write_u64(generation);
        hasher.finish()
    }

    fn entry(&self, position: usize) -> Option<&Entry> {
        match self.slots.get(position)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free => None,
        }
    }

    fn entry_mut(&mut self, position: usize) -> Option<&mut Entry> {
        match self.slots.get_mut(position)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free => None,
        }
    }

    fn remove(&mut self, position: usize) {
        self.unlink(position);
        let Some(slot) = self.slots.get_mut(position) else {
            return;
        };
        if let Slot::Used(entry) = std::mem::replace(slot, Slot::Free) {
            self.index.remove(&entry.hash);
            self.bytes -= entry.bytes;
            self.free.push(position);
        }
    }

    fn unlink(&mut self, position: usize) {
        let Some(entry) = self.entry_mut(position) else {
            return;
        };
        let (newer, older) = (entry.newer.take(), entry.older.take());
        match newer.and_then(|newer| self.entry_mut(newer)) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match older.and_then(|older| self.entry_mut(older)) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn link_newest(&mut self, position: usize) {
        let older = self.newest.replace(position);
        if let Some(entry) = self.entry_mut(position) {
            entry.older = older;
            entry.newer = None;
        }
        match older.and_then(|older| self.entry_mut(older)) {
            Some(entry) => entry.newer = Some(position),
            None => self.oldest = Some(position),
        }
    }
}

/// Passes a hash on as it is.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;
