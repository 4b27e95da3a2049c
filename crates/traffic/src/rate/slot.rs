//! What instances share of the keys of one limit, through a store of which neither a compare-and-swap that can be
//! relied on nor a time to live is to be had: a fixed number of entries, each with the few keys whose digests fall into
//! it. So the store holds a bounded number of them, however many callers there are, and none is ever to be deleted.

use super::limit::{KeyDigest, RateLimit, Tat};
use crate::time::Millis;

/// How many entries a limit has in the store.
pub const SLOTS: u16 = 1024;
/// Most keys in one entry.
pub const SLOT_KEYS_MAX: usize = 16;

/// The first byte of a record: how to read the rest.
const VERSION: u8 = 1;
/// Bytes of a key in a record: its digest and its time.
const ROW_BYTES: usize = 28;

/// Which entry a key is in, below [`SLOTS`].
#[must_use]
pub const fn slot_of(key: &KeyDigest) -> u16 {
    let [first, second, ..] = *key;
    u16::from_be_bytes([first, second]) % SLOTS
}

/// The name of an entry in the store. A limit's name has no `/` in it.
#[must_use]
pub fn slot_name(limit: &str, slot: u16) -> String {
    let mut name = String::from("doorward/rate/");
    name.push_str(limit);
    name.push('/');
    name.push_str(&slot.to_string());
    name
}

/// An entry of the store: a few keys and their times, by the time of day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotRecord {
    /// At most [`SLOT_KEYS_MAX`], each key once.
    rows: Vec<(KeyDigest, Tat)>,
}

impl SlotRecord {
    /// Reads an entry. `None` where it is none, or one of another version: it reads as one without keys, and
    /// is replaced with the next request that is admitted.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&version, bytes) = bytes.split_first()?;
        let (rows, []) = bytes.as_chunks::<ROW_BYTES>() else {
            return None;
        };
        if version != VERSION || rows.len() > SLOT_KEYS_MAX {
            return None;
        }
        let mut record = Self::default();
        for row in rows {
            let (key, tat) = row.split_first_chunk()?;
            if record.get(key).is_some() {
                return None;
            }
            record.rows.push((*key, Tat::from_bytes(tat)?));
        }
        Some(record)
    }

    /// What is remembered of a key. [`RateLimit::decide`] believes no more of it than can be.
    #[must_use]
    pub fn get(&self, key: &KeyDigest) -> Option<Tat> {
        self.rows
            .iter()
            .find(|(known, _)| known == key)
            .map(|&(_, tat)| tat)
    }

    /// Remembers a key of this limit. Expired keys are removed, and times further ahead than can be are cut
    /// back. Where the slot is full, the key with the earliest time is removed.
    pub fn put(&mut self, limit: &RateLimit, key: KeyDigest, tat: Tat, now: Millis) {
        self.rows
            .retain(|(known, tat)| *known != key && !tat.is_over(now));
        for (_, tat) in &mut self.rows {
            *tat = limit.believed(*tat, now);
        }
        if self.rows.len() >= SLOT_KEYS_MAX {
            let least = (0..).zip(&self.rows).min_by_key(|(_, (_, tat))| *tat);
            if let Some((index, _)) = least {
                self.rows.swap_remove(index);
            }
        }
        self.rows.push((key, tat));
    }

    /// The entry as it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for (key, tat) in &self.rows {
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(&tat.to_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
