//! What instances share of a limit where their store can add to a number in one step.
//!
//! For each key the store has one number: the theoretical arrival time, in parts since its period began. Whoever admits
//! adds to it. Two that do so at once are told different sums, so none goes beyond the limit, whatever was read before.
//! Where the number has fallen behind the clock, who adds brings it up to the clock as well; of two that do so at once,
//! the later one sees by its sum that somebody came in between, takes back what it has added, and reads again
//! ([`Charge::settle`]).
//!
//! Permits can be taken several at a time, and used one by one. Each of them has its place before the arrival time, and
//! expires when the clock comes to it ([`RateLimit::unexpired`]). So what instances have at hand is part of what is
//! counted: in any time there are no more requests than the burst and what comes due meanwhile, however many share it.

use doorward_syntax::split::split_once;

use super::limit::{KeyDigest, RateLimit, Tat};
use crate::time::Millis;

/// How many leases there are at least in all that a burst has.
pub const LEASES_MIN: u32 = 32;

/// Of what is left, how many leases there are at least.
const LEASES_OF_REST: u32 = 8;
/// The shortest period, in milliseconds: an hour.
const PERIOD_MS_MIN: u64 = 3_600_000;
/// How often a whole burst comes due in a period, at least. What the period before has left counts on for one of them.
const BURSTS_MIN: u64 = 4;
/// For how long a number is kept when nobody needs it any more, in milliseconds: clocks differ.
const KEPT_MS: u64 = 60_000;
/// How the name of a number begins in the store.
const PREFIX: &str = "doorward/count/";
/// Numbers are below this, and eight digits are not.
const NUMBERS: i64 = 1 << 56;

/// A period in which a key has one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    began_at: Millis,
    length_ms: u64,
    /// For how long a whole burst is remembered.
    full_ms: u64,
}

impl Meter {
    /// The period of this limit that has now in it.
    #[must_use]
    pub fn of(limit: &RateLimit, now: Millis) -> Self {
        let full_ms = limit.capacity() / limit.parts_per_ms() + 1;
        let length_ms = full_ms.saturating_mul(BURSTS_MIN).max(PERIOD_MS_MIN);
        Self {
            began_at: Millis(now.0 / length_ms * length_ms),
            length_ms,
            full_ms,
        }
    }

    /// The one before, where its number may still count.
    #[must_use]
    pub fn before(&self, now: Millis) -> Option<Self> {
        let counts = now.since(self.began_at) <= self.full_ms;
        counts.then(|| Self {
            began_at: Millis(self.began_at.0.saturating_sub(self.length_ms)),
            ..*self
        })
    }

    /// The name of the number of a key, which says until when it is needed: [`is_over`]. A limit's name has no `/` in
    /// it.
    #[must_use]
    pub fn name(&self, limit: &str, key: &KeyDigest) -> String {
        let needed_until = self.began_at.plus(self.length_ms).plus(self.full_ms);
        let mut name = String::from(PREFIX);
        name.push_str(&needed_until.0.to_string());
        name.push('/');
        name.push_str(limit);
        name.push('/');
        for byte in key {
            for digit in [byte >> 4, byte & 15] {
                name.extend(char::from_digit(digit.into(), 16));
            }
        }
        name
    }

    /// What a number says, where it says anything.
    #[must_use]
    pub fn tat(&self, limit: &RateLimit, number: i64) -> Option<Tat> {
        let parts = u64::try_from(number).ok().filter(|&parts| parts > 0)?;
        let parts_per_ms = limit.parts_per_ms();
        Some(Tat {
            at: self.began_at.plus(parts / parts_per_ms),
            // Less than `requests`.
            parts: u32::try_from(parts % parts_per_ms).unwrap_or_default(),
        })
    }

    /// What to add for so many permits, where `number` was read, and `tat` is what is known of the key, this period and
    /// the one before taken together.
    #[must_use]
    pub fn charge(
        &self,
        limit: &RateLimit,
        number: i64,
        tat: Option<Tat>,
        permits: u32,
        now: Millis,
    ) -> Charge {
        let clock = self.parts(limit, now, 0);
        let known = tat.map_or(0, |tat| self.parts(limit, tat.at, tat.parts));
        let gap = clock.max(known).saturating_sub(number).max(0);
        let interval = signed(limit.interval());
        let cost = interval.saturating_mul(permits.into());
        Charge {
            number,
            gap,
            interval,
            permits,
            add: gap.saturating_add(cost),
            most: clock.saturating_add(signed(limit.capacity())),
        }
    }

    /// By how much a number is more than the limit can have come to.
    #[must_use]
    pub fn excess(&self, limit: &RateLimit, number: i64, now: Millis) -> i64 {
        let most = self
            .parts(limit, now, 0)
            .saturating_add(signed(limit.capacity()));
        number.saturating_sub(most).max(0)
    }

    fn parts(&self, limit: &RateLimit, at: Millis, parts: u32) -> i64 {
        let since_ms = at.since(self.began_at);
        let parts_per_ms = limit.parts_per_ms();
        signed(since_ms.saturating_mul(parts_per_ms)).saturating_add(parts.into())
    }
}

/// What is added for permits.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    number: i64,
    gap: i64,
    interval: i64,
    permits: u32,
    add: i64,
    most: i64,
}

/// What came of a [`Charge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How many permits there are. `None`: somebody came in between, and all is to be done again, with a new reading.
    pub permits: Option<u32>,
    /// What is to be added to the number once more, unless it is 0.
    pub correction: i64,
    /// What the number says with that.
    pub number: i64,
}

impl Charge {
    /// What is to be added to the number.
    #[must_use]
    pub const fn add(&self) -> i64 {
        self.add
    }

    /// What came of it, where this is the sum.
    #[must_use]
    pub fn settle(&self, sum: i64) -> Settled {
        let expected = self.number.saturating_add(self.add);
        let (permits, given_back) = if self.gap > 0 && sum != expected {
            (None, self.add)
        } else {
            let over = sum.saturating_sub(self.most).max(0);
            let refused = over.saturating_add(self.interval - 1) / self.interval;
            let refused =
                u32::try_from(refused).map_or(self.permits, |refused| refused.min(self.permits));
            let given_back = self.interval.saturating_mul(refused.into());
            (Some(self.permits - refused), given_back)
        };
        Settled {
            permits,
            correction: given_back.saturating_neg(),
            number: sum.saturating_sub(given_back),
        }
    }
}

impl RateLimit {
    /// How many permits are taken at a time where so many were taken last, and all of them used, of so many that are
    /// left: more each time, so that who has many requests writes seldom, and less towards the end, so that few are at
    /// hand somewhere when none are left.
    #[must_use]
    pub fn lease(&self, last: u32, left: u32) -> u32 {
        let most = (self.burst / LEASES_MIN).min(left / LEASES_OF_REST).max(1);
        last.saturating_mul(2).clamp(1, most)
    }

    /// Whether several are taken at a time at all.
    #[must_use]
    pub fn has_leases(&self) -> bool {
        self.lease(u32::MAX, u32::MAX) > 1
    }

    /// How many permits are left of so many, the last of which has its place at `tat`.
    #[must_use]
    pub fn unexpired(&self, permits: u32, tat: Tat, now: Millis) -> u32 {
        if permits == 0 || tat.is_over(now) {
            return 0;
        }
        let ahead = self.backlog(Some(tat), now) / self.interval();
        permits.min(u32::try_from(ahead).unwrap_or(u32::MAX))
    }
}

/// Whether a name of the store is that of a number which nobody needs any more. `None`: it is that of something else.
#[must_use]
pub fn is_over(name: &str, now: Millis) -> Option<bool> {
    let (needed_until, _) = split_once(name.strip_prefix(PREFIX)?, "/")?;
    // What cannot be read is not ours to delete.
    let needed_until = needed_until.parse().unwrap_or(u64::MAX);
    Some(needed_until.saturating_add(KEPT_MS) < now.0)
}

/// The number that an entry of a store holds which was made by adding to it: 8 bytes, the lowest first (as Spin has it
/// in SQLite), or digits (Redis).
#[must_use]
pub fn number(bytes: &[u8]) -> Option<i64> {
    if let Ok(bytes) = bytes.try_into() {
        let number = i64::from_le_bytes(bytes);
        if (-NUMBERS..NUMBERS).contains(&number) {
            return Some(number);
        }
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn signed(parts: u64) -> i64 {
    i64::try_from(parts).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
