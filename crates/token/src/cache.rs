//! Remembers tokens that were verified, so that the signature of a token that comes again is not
//! checked again. Why it is our own: `docs/decisions/0005-token-cache.md`.
//!
//! 1. A token is found only as a whole: every byte of it is compared, and the realm that it belongs to.
//!    What is found says with which issuer's keys, and with which generation of them, it was verified:
//!    under another issuer, or when the keys have changed since, it counts as not found.
//! 2. A token is not kept past its `exp`, leeway not counted, nor past the time that was said with it. Nor
//!    is it found when the clock shows a time before it was remembered: the clock was set back, and the
//!    token would be kept for that much longer.
//!    Time, issuer and audience still have to be checked on each hit: see [`VerifiedToken::recheck`].
//! 3. Entries and bytes are bounded; the least recently used entry goes first.
//! 4. Only verified tokens go in, so nobody fills the cache who cannot obtain tokens.
//! 5. Tokens that an issuer disowned when it was asked are remembered briefly and apart from the others,
//!    so that they displace nothing but each other. The oldest one goes first.
//!
//! **Realms.** A token that was verified by its signature is the same wherever it is used; what an issuer
//! said of an opaque one is that issuer's word. [`REALM_SIGNED`] is for the former, [`realm_of`] for the
//! latter. An issuer has one introspection endpoint, so a realm stands for both.
//!
//! Entries are found by a hash of the realm, the token's length, and the token. Of a signed token
//! only the last [`HASHED_BYTES`] bytes are hashed. They are part of the signature, and who cannot sign
//! cannot choose them. The hash should be keyed all the same (`RandomState`): then not even an issuer can choose
//! collisions. Two tokens with the same hash displace each other; they are never taken for one another.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::claims::VerifiedToken;
use crate::time::UnixTime;

/// The most tokens that are remembered.
pub const ENTRIES_MAX: usize = 1024;

/// The most memory that is taken, about.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many bytes of a signed token are hashed.
pub const HASHED_BYTES: usize = 64;

/// The most disowned tokens that are remembered.
pub const REFUSED_ENTRIES_MAX: usize = 128;

/// The most bytes of disowned tokens that are remembered. The longest token fits in.
pub const REFUSED_BYTES_MAX: usize = 512 * 1024;

/// The realm of tokens that are verified by their signature.
pub const REALM_SIGNED: u64 = 0;

/// The realm of tokens that this issuer is asked about.
#[must_use]
pub const fn realm_of(issuer: usize) -> u64 {
    1 + issuer as u64
}

/// Verified tokens, found by their bytes. `I` is what stands for an issuer.
pub struct TokenCache<S: BuildHasher, I> {
    hasher: S,
    entries_max: usize,
    bytes_max: usize,
    /// From the hash to the slot.
    index: HashMap<u64, usize, BuildHasherDefault<AlreadyHashed>>,
    slots: Vec<Slot<I>>,
    free: Vec<usize>,
    bytes: usize,
    /// The ends of the list of entries in the order of their last use.
    newest: Option<usize>,
    oldest: Option<usize>,
    /// From the oldest to the newest.
    refused: Vec<Refused>,
    refused_bytes: usize,
}

/// What is remembered of a token.
#[derive(Debug)]
pub enum Hit<I> {
    /// It was verified.
    Verified {
        /// With the keys of which issuer, or by asking which.
        issuer: I,
        /// With which generation of the issuer's keys.
        generation: u64,
        /// What it says.
        token: Arc<VerifiedToken>,
    },
    /// The issuer disowned it.
    Refused,
}

struct Refused {
    hash: u64,
    realm: u64,
    token: Box<[u8]>,
    since: UnixTime,
    until: UnixTime,
}

enum Slot<I> {
    Free,
    Used(CachedToken<I>),
}

struct CachedToken<I> {
    hash: u64,
    realm: u64,
    token: Box<[u8]>,
    issuer: I,
    generation: u64,
    verified: Arc<VerifiedToken>,
    since: UnixTime,
    until: UnixTime,
    bytes: usize,
    newer: Option<usize>,
    older: Option<usize>,
}

impl<S: BuildHasher, I: Clone> TokenCache<S, I> {
    /// What an entry takes beside the token and its claims: its slot and its place in the index.
    const ENTRY_BYTES: usize = size_of::<CachedToken<I>>() + 4 * size_of::<u64>();

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
            refused: Vec::new(),
            refused_bytes: 0,
        }
    }

    /// How many verified tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no verified token is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// About how much memory the verified tokens take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is remembered of exactly these bytes in this realm. What has expired is forgotten.
    pub fn get(&mut self, token: &[u8], realm: u64, now: UnixTime) -> Option<Hit<I>> {
        let hash = self.hash(token, realm);
        let Some(&position) = self.index.get(&hash) else {
            let mut refused = self.refused.iter();
            return refused
                .any(|refused| {
                    (refused.since..refused.until).contains(&now) && refused.is(hash, realm, token)
                })
                .then_some(Hit::Refused);
        };
        let entry = self.entry(position)?;
        if entry.realm != realm || *entry.token != *token {
            return None;
        }
        if !(entry.since..entry.until).contains(&now) {
            self.remove(position);
            return None;
        }
        let hit = Hit::Verified {
            issuer: entry.issuer.clone(),
            generation: entry.generation,
            token: Arc::clone(&entry.verified),
        };
        if self.newest != Some(position) {
            self.unlink(position);
            self.link_newest(position);
        }
        Some(hit)
    }

    /// Remembers, but not beyond `until`, a token that was verified with keys of this generation of this
    /// issuer, or by asking it. What does not fit within the bounds, or has expired, is not remembered.
    #[expect(clippy::too_many_arguments, reason = "all of it is what an entry is")]
    pub fn insert(
        &mut self,
        token: &[u8],
        realm: u64,
        issuer: I,
        generation: u64,
        verified: Arc<VerifiedToken>,
        until: UnixTime,
        now: UnixTime,
    ) {
        let hash = self.hash(token, realm);
        if let Some(&position) = self.index.get(&hash) {
            self.remove(position);
        }
        let until = until.min(verified.expires_at());
        let bytes = Self::ENTRY_BYTES + token.len() + verified.memory_bytes();
        if now >= until || bytes > self.bytes_max || self.entries_max == 0 {
            return;
        }
        while self.len() >= self.entries_max || self.bytes + bytes > self.bytes_max {
            let Some(oldest) = self.oldest else { return };
            self.remove(oldest);
        }
        let entry = CachedToken {
            hash,
            realm,
            token: token.into(),
            issuer,
            generation,
            verified,
            since: now,
            until,
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

    /// Remembers from now until then that the issuer disowned a token.
    ///
    /// If it is remembered as verified, that is forgotten. A token that is longer than all disowned ones
    /// together may be is not remembered.
    pub fn insert_refused(&mut self, token: &[u8], realm: u64, until: UnixTime, now: UnixTime) {
        let hash = self.hash(token, realm);
        if let Some(&position) = self.index.get(&hash) {
            self.remove(position);
        }
        if token.len() > REFUSED_BYTES_MAX {
            return;
        }
        let mut known = self.refused.iter_mut();
        if let Some(known) = known.find(|refused| refused.is(hash, realm, token)) {
            (known.since, known.until) = (now, until);
            return;
        }
        while !self.refused.is_empty()
            && (self.refused.len() >= REFUSED_ENTRIES_MAX
                || self.refused_bytes + token.len() > REFUSED_BYTES_MAX)
        {
            self.refused_bytes -= self.refused.remove(0).token.len();
        }
        self.refused_bytes += token.len();
        self.refused.push(Refused {
            hash,
            realm,
            token: token.into(),
            since: now,
            until,
        });
    }

    /// Forgets every token of an issuer.
    pub fn remove_issuer(&mut self, issuer: &I)
    where
        I: PartialEq,
    {
        for position in 0..self.slots.len() {
            if self
                .entry(position)
                .is_some_and(|entry| entry.issuer == *issuer)
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
        self.refused.clear();
        self.refused_bytes = 0;
    }

    fn hash(&self, token: &[u8], realm: u64) -> u64 {
        let hashed = match realm {
            REALM_SIGNED => token.get(token.len().saturating_sub(HASHED_BYTES)..),
            // Whoever invents an opaque token chooses all of it.
            _ => None,
        };
        let mut hasher = self.hasher.build_hasher();
        hasher.write(hashed.unwrap_or(token));
        hasher.write_usize(token.len());
        hasher.write_u64(realm);
        hasher.finish()
    }

    fn entry(&self, position: usize) -> Option<&CachedToken<I>> {
        match self.slots.get(position)? {
            Slot::Used(entry) => Some(entry),
            Slot::Free => None,
        }
    }

    fn entry_mut(&mut self, position: usize) -> Option<&mut CachedToken<I>> {
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

impl Refused {
    fn is(&self, hash: u64, realm: u64, token: &[u8]) -> bool {
        self.hash == hash && self.realm == realm && *self.token == *token
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
