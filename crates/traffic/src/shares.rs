//! What each client may use of something that all clients need and that only so much can be asked of: an
//! endpoint that judges tokens, say.
//!
//! A share is used up by asking, comes back with time, and is given back where the question was a good one.
//! So a client that asks useless questions waits, one that asks good ones hardly notices, and none notices
//! the others. When the endpoint says that it was asked too much, only the share that asked last is paused.

use crate::rate::{Counts, KeyDigest, RateKey, RateLimit, RateTable};
use crate::time::Millis;

/// Questions that one share has at once.
pub const SHARE_AT_ONCE: u32 = 60;
/// Questions that come back to a share each second.
pub const SHARE_PER_S: u32 = 20;
/// Shares that are paused at a time, about 50 bytes each. Beyond it, the one that would go on first does so.
pub const PAUSED_MAX: usize = 1000;
/// For how long a share is paused at least, in seconds.
pub const PAUSE_S_MIN: u64 = 1;
/// For how long a share is paused where nothing is said, in seconds.
pub const PAUSE_S_DEFAULT: u64 = 5;
/// For how long a share is paused at most, in seconds.
pub const PAUSE_S_MAX: u64 = 60;

/// The shares of all clients, in an instance.
#[derive(Clone, Debug)]
pub struct Shares {
    limit: RateLimit,
    table: RateTable,
    /// Few, or somebody is up to something.
    paused: Vec<(KeyDigest, Millis)>,
}

impl Shares {
    /// Shares of which none is used. `name` is for the log.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::of(name, SHARE_AT_ONCE, SHARE_PER_S)
    }

    /// The same, of `at_once` questions, of which so many come back each second.
    #[must_use]
    pub fn of(name: &str, at_once: u32, per_s: u32) -> Self {
        Self {
            limit: RateLimit {
                name: name.to_owned(),
                requests: per_s,
                per_s: 1,
                burst: at_once,
                key: RateKey::Client,
                counts: Counts::Requests,
                shared: false,
            },
            table: RateTable::new(),
            paused: Vec::new(),
        }
    }

    /// The name that they were given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.limit.name
    }

    /// Takes a question from the share of this key.
    ///
    /// # Errors
    /// In how many seconds there is one, where it is used up.
    pub fn take(&mut self, key: &KeyDigest, now: Millis) -> Result<(), u64> {
        let verdict = self.table.decide(&self.limit, key, now);
        if verdict.admitted {
            return Ok(());
        }
        Err(verdict.retry_after_ms.div_ceil(1000).max(1))
    }

    /// Gives back a question that was [taken](Self::take): it was a good one.
    pub fn give_back(&mut self, key: &KeyDigest, now: Millis) {
        self.table.give_back(&self.limit, key, now);
    }

    /// Pauses the share of this key for as many seconds as was asked for, within bounds. Gives how many.
    pub fn pause(&mut self, key: KeyDigest, asked_s: Option<u64>, now: Millis) -> u64 {
        let pause_s = asked_s
            .unwrap_or(PAUSE_S_DEFAULT)
            .clamp(PAUSE_S_MIN, PAUSE_S_MAX);
        let mut until = now.plus(pause_s * 1000);
        self.paused.retain(|(paused, standing)| {
            if left_s(*standing, now).is_none() {
                return false;
            }
            if *paused == key {
                // A longer pause that was asked for before stands.
                until = until.max(*standing);
            }
            *paused != key
        });
        if self.paused.len() >= PAUSED_MAX {
            let paused = self.paused.iter().enumerate();
            if let Some((first, _)) = paused.min_by_key(|(_, (_, until))| *until) {
                self.paused.swap_remove(first);
            }
        }
        self.paused.push((key, until));
        pause_s
    }

    /// For how many seconds the share of this key is still paused; `None`: it is not.
    #[must_use]
    pub fn paused_s(&self, key: &KeyDigest, now: Millis) -> Option<u64> {
        let paused = self.paused.iter().find(|(paused, _)| paused == key);
        left_s(paused?.1, now)
    }
}

/// How many seconds are left. If that is more than the longest pause, the clock was set back.
fn left_s(until: Millis, now: Millis) -> Option<u64> {
    let left_s = until.since(now).div_ceil(1000);
    (1..=PAUSE_S_MAX).contains(&left_s).then_some(left_s)
}

/// The key of a client's share of what concerns an issuer: `address` is what the client is counted under. Clients whose
/// address is not known have one together.
#[must_use]
pub fn share_of(address: &[u8], issuer: usize) -> KeyDigest {
    let mut share = KeyDigest::default();
    let issuer = u32::try_from(issuer).unwrap_or(u32::MAX).to_be_bytes();
    for (byte, value) in share.iter_mut().zip(issuer.iter().chain(address)) {
        *byte = *value;
    }
    share
}

#[cfg(test)]
mod tests;
