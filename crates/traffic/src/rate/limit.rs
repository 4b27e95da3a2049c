//! A limit, and what is to be remembered for it.

use crate::time::Millis;

/// A limit of the policy (`[rate_limit.NAME]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The name that the policy gives to it; `sf-string` characters only.
    pub name: String,
    /// How many requests in [`Self::per_s`] seconds.
    pub requests: u32,
    /// In how many seconds.
    pub per_s: u32,
    /// How many at once after a pause, at least 1.
    pub burst: u32,
    /// What is counted on its own.
    pub key: RateKey,
    /// What counts.
    pub counts: Counts,
    /// Whether instances share what they counted, through the store.
    pub shared: bool,
}

/// By what a limit tells callers apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateKey {
    /// The client's address: an IPv4 address, or the /64 network of an IPv6 one.
    Client,
    /// Issuer and subject of the credential.
    Subject,
    /// The API key.
    ApiKey,
    /// The value of a request field, in lower case.
    Header(String),
    /// The value of a claim.
    Claim(String),
}

/// What counts against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Every request.
    Requests,
    /// Requests whose credential proved false.
    FailedAuthentication,
}

/// Who is counted on its own: a digest of limit and key.
pub type KeyDigest = [u8; 16];

/// What a limit says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateVerdict {
    /// Whether the request may go on.
    pub admitted: bool,
    /// How many more could go on right now.
    pub remaining: u32,
    /// In how many milliseconds the full burst is there again, and nothing is left to remember.
    pub reset_ms: u64,
    /// In how many milliseconds there is one more than [`Self::remaining`]; 0 where that cannot be. For who
    /// was refused: when to come again.
    pub retry_after_ms: u64,
}

/// The theoretical arrival time of GCRA: when what was admitted would have been due at an even pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tat {
    pub(super) at: Millis,
    /// Parts of a millisecond, of which there are as many as [`RateLimit::requests`]: with them every
    /// interval is a whole number.
    pub(super) parts: u32,
}

impl Tat {
    /// Whether nothing is left to remember of it.
    pub(super) const fn is_over(self, now: Millis) -> bool {
        self.at.0 < now.0
    }
}

impl RateLimit {
    /// Whether a request is admitted now, by what is remembered of its key, and what to remember of the key
    /// from now on. A refused request changes nothing.
    ///
    /// A clock that was set back admits nothing more: what was admitted still counts. It does not lock out
    /// either: a time that is further ahead than this limit can bring it (from another machine's clock, say)
    /// counts as the furthest that the limit can.
    #[must_use]
    pub fn decide(&self, tat: Option<Tat>, now: Millis) -> (RateVerdict, Tat) {
        let before = self.backlog(tat, now);
        let after = before.saturating_add(self.interval());
        let admitted = after <= self.capacity();
        let backlog = if admitted { after } else { before };
        (self.verdict(admitted, backlog), self.tat(backlog, now))
    }

    /// What to remember of a key when one request that was admitted is not to count.
    #[must_use]
    pub(super) fn give_back(&self, tat: Tat, now: Millis) -> Tat {
        let backlog = self.backlog(Some(tat), now);
        self.tat(backlog.saturating_sub(self.interval()), now)
    }

    /// Whether a request would be admitted now. Nothing is charged: [`RateVerdict::remaining`] has it.
    #[must_use]
    pub fn peek(&self, tat: Option<Tat>, now: Millis) -> RateVerdict {
        let backlog = self.backlog(tat, now);
        let admitted = backlog.saturating_add(self.interval()) <= self.capacity();
        self.verdict(admitted, backlog)
    }

    /// What is to be believed of a time that somebody else has written.
    #[must_use]
    pub fn believed(&self, tat: Tat, now: Millis) -> Tat {
        self.tat(self.backlog(Some(tat), now), now)
    }

    /// How many parts a millisecond has. Like the two below at least 1, whatever a policy says.
    pub(super) const fn parts_per_ms(&self) -> u64 {
        if self.requests == 0 {
            1
        } else {
            self.requests as u64
        }
    }

    /// The interval between two requests at an even pace, in parts.
    pub(super) const fn interval(&self) -> u64 {
        let per_s = if self.per_s == 0 { 1 } else { self.per_s };
        // At most 2^32 times 1000.
        per_s as u64 * 1000
    }

    /// How far the arrival time may be ahead of the clock, in parts: a burst, and up to a millisecond because
    /// the clock counts in whole ones: who comes at an even pace can seem to come that much too soon.
    pub(super) const fn capacity(&self) -> u64 {
        let burst = if self.burst == 0 { 1 } else { self.burst };
        self.interval()
            .saturating_mul(burst as u64)
            .saturating_add(self.parts_per_ms() - 1)
    }

    /// How far the arrival time is ahead of the clock, in parts, at most [`Self::capacity`].
    pub(super) fn backlog(&self, tat: Option<Tat>, now: Millis) -> u64 {
        let Some(tat) = tat.filter(|tat| tat.at >= now) else {
            return 0;
        };
        let parts_per_ms = self.parts_per_ms();
        // A policy that has changed meanwhile had other parts.
        let parts = u64::from(tat.parts).min(parts_per_ms - 1);
        tat.at
            .since(now)
            .saturating_mul(parts_per_ms)
            .saturating_add(parts)
            .min(self.capacity())
    }

    fn tat(&self, backlog: u64, now: Millis) -> Tat {
        let parts_per_ms = self.parts_per_ms();
        Tat {
            at: now.plus(backlog / parts_per_ms),
            // Less than `requests`.
            parts: u32::try_from(backlog % parts_per_ms).unwrap_or_default(),
        }
    }

    fn verdict(&self, admitted: bool, backlog: u64) -> RateVerdict {
        let (interval, parts_per_ms) = (self.interval(), self.parts_per_ms());
        let free = self.capacity().saturating_sub(backlog);
        // Within a millisecond a fast limit admits more than the burst. That is not to be counted on.
        let burst = self.burst.max(1);
        let remaining = u32::try_from(free / interval).map_or(burst, |free| free.min(burst));
        let more = if remaining == burst {
            0
        } else {
            interval - free % interval
        };
        RateVerdict {
            admitted,
            remaining,
            reset_ms: backlog.div_ceil(parts_per_ms),
            retry_after_ms: more.div_ceil(parts_per_ms),
        }
    }
}
