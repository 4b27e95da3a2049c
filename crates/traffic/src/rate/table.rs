//! What an instance remembers of the keys of one limit.

use std::collections::BTreeSet;

use super::limit::{KeyDigest, RateLimit, RateVerdict, Tat};
use crate::time::Millis;

/// Most keys that are remembered of a limit, about 100 bytes each.
pub const KEYS_MAX: usize = 10_000;
/// Most expired keys that go when one comes: more than one, so that a table shrinks again.
const PRUNED_MAX: usize = 2;

/// Digest and time, in either order, such that bytes compare as they do: two sets of the same type cost the
/// code of one.
type Row = [u8; 28];

/// The keys of one limit, by the monotonic clock.
///
/// Bounded by [`KEYS_MAX`]. Expired keys go as others come. Where all are in use, the one goes that has the
/// least to its account: who has used up a limit is remembered until the end, and who brings ten thousand
/// addresses begins anew with some of them.
#[derive(Clone, Debug, Default)]
pub struct RateTable {
    /// Digest first.
    by_key: BTreeSet<Row>,
    /// Time first.
    by_time: BTreeSet<Row>,
}

impl RateTable {
    /// A table that has seen nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            by_key: BTreeSet::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// Whether a request with this key is admitted now, and if so it is counted.
    pub fn decide(&mut self, limit: &RateLimit, key: &KeyDigest, now: Millis) -> RateVerdict {
        let before = self.get(key);
        let (verdict, tat) = limit.decide(before, now);
        if before != Some(tat) {
            self.set(key, before, tat, now);
        }
        verdict
    }

    /// Whether a request with this key would be admitted now; nothing is counted.
    #[must_use]
    pub fn peek(&self, limit: &RateLimit, key: &KeyDigest, now: Millis) -> RateVerdict {
        limit.peek(self.get(key), now)
    }

    /// Counts one request with this key less.
    pub fn give_back(&mut self, limit: &RateLimit, key: &KeyDigest, now: Millis) {
        // Where nothing is remembered, nothing is counted any more.
        if let Some(before) = self.get(key) {
            self.set(key, Some(before), limit.give_back(before, now), now);
        }
    }

    /// Takes over what somebody else has counted, where that is more than what is known here. A time that
    /// the limit could not have come to is cut down to what it could.
    pub fn learn(&mut self, limit: &RateLimit, key: &KeyDigest, told: Tat, now: Millis) {
        let told = limit.believed(told, now);
        let before = self.get(key);
        if before.is_none_or(|before| before < told) && !told.is_over(now) {
            self.set(key, before, told, now);
        }
    }

    /// Cuts back what is remembered of a key to what the limit can have come to: a clock was set back. Whether that was
    /// so.
    pub fn cut_back(&mut self, limit: &RateLimit, key: &KeyDigest, now: Millis) -> bool {
        let Some(before) = self.get(key) else {
            return false;
        };
        let believed = limit.believed(before, now);
        let is_ahead = believed < before;
        if is_ahead {
            self.set(key, Some(before), believed, now);
        }
        is_ahead
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    fn get(&self, key: &KeyDigest) -> Option<Tat> {
        let row = self.by_key.range(key_row(key, [0; 12])..).next()?;
        let (found, tat) = row.split_first_chunk::<16>()?;
        (found == key).then(|| Tat::from_bytes(tat)).flatten()
    }

    fn set(&mut self, key: &KeyDigest, before: Option<Tat>, tat: Tat, now: Millis) {
        if let Some(before) = before {
            self.forget(&time_row(key, before.to_bytes()));
        }
        for _ in 0..PRUNED_MAX {
            let Some(&first) = self.by_time.first() else {
                break;
            };
            let over = Tat::from_bytes(&first).is_some_and(|tat| tat.is_over(now));
            if !over && self.by_time.len() < KEYS_MAX {
                break;
            }
            self.forget(&first);
        }
        self.by_key.insert(key_row(key, tat.to_bytes()));
        self.by_time.insert(time_row(key, tat.to_bytes()));
    }

    fn forget(&mut self, row: &Row) {
        self.by_time.remove(row);
        if let Some((tat, key)) = row.split_first_chunk::<12>()
            && let Ok(key) = key.try_into()
        {
            self.by_key.remove(&key_row(&key, *tat));
        }
    }
}

fn key_row(key: &KeyDigest, tat: [u8; 12]) -> Row {
    let mut row = [0; 28];
    for (byte, value) in row.iter_mut().zip(key.iter().chain(&tat)) {
        *byte = *value;
    }
    row
}

fn time_row(key: &KeyDigest, tat: [u8; 12]) -> Row {
    let mut row = [0; 28];
    for (byte, value) in row.iter_mut().zip(tat.iter().chain(key)) {
        *byte = *value;
    }
    row
}

impl Tat {
    /// Bytes that compare as the times do.
    pub(super) fn to_bytes(self) -> [u8; 12] {
        let bits = u128::from(self.at.0) << 32 | u128::from(self.parts);
        let mut bytes = [0; 12];
        for (byte, value) in bytes.iter_mut().zip(bits.to_be_bytes().iter().skip(4)) {
            *byte = *value;
        }
        bytes
    }

    /// The first 12 bytes as a time.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (parts, _) = rest.split_first_chunk()?;
        Some(Self {
            at: Millis(u64::from_be_bytes(*at)),
            parts: u32::from_be_bytes(*parts),
        })
    }
}

#[cfg(test)]
mod tests;
