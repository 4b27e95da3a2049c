//! What to do with an issuer's keys of which age.
//!
//! One [`Freshness`] per issuer: it is told what happened (a fetch succeeded or failed) and asked what
//! to do now. It holds no key and fetches nothing.
//!
//! ```text
//! fetched        fresh_s            stale_s                stale_if_error_s
//!    ├── Use ──────┼── UseAndRefresh ───┼── FetchFirst            ┊  FetchFirst
//!                  ┊                    ┊   or, while the issuer  ┊  or, while the issuer
//!                  ┊                    ┊   fails: UseAndRefresh  ┊  fails: Unavailable
//! ```
//!
//! 1. Fresh keys are used. For how long they are fresh the issuer says (`Cache-Control: max-age`),
//!    within [`FRESH_S_MIN`] and [`FRESH_S_MAX`]: see [`fresh_s`].
//! 2. Stale keys are used, and one request refreshes them after its response. `stale_s` and
//!    `stale_if_error_s` both count from the end of freshness.
//! 3. Expired keys are fetched first.
//! 4. While the issuer fails, the last good keys are used for `stale_if_error_s` (0 turns this off).
//!    Keys that were withdrawn meanwhile verify tokens for that long: the price of it.
//! 5. After a failure the issuer is left alone for [`RETRY_S_MIN`], doubled with each further failure
//!    up to [`RETRY_S_MAX`].
//! 6. A token with an unknown key is a reason to fetch, but not within `unknown_key_cooldown_s` of the
//!    last attempt of any kind: tokens with invented keys cost nothing.
//! 7. One fetch at a time. One that has neither succeeded nor failed after [`FETCH_S_MAX`] counts as
//!    lost, so that a request that was cancelled holds nobody up.
//!
//! Instances are short-lived, so the times travel in a [`Record`] through the key-value store, those
//! of failed attempts too: [`Freshness::adopt`] takes over what another instance has found out.

use crate::UnixTime;

mod record;

pub use record::{ETAG_BYTES_MAX, RECORD_BYTES_MAX, Record, RecordError};

/// For how long keys are fresh when their issuer does not say, in seconds.
pub const FRESH_S_DEFAULT: u64 = 600;
/// For how long keys are fresh at least, whatever the issuer says, in seconds.
pub const FRESH_S_MIN: u64 = 60;
/// For how long keys are fresh at most, whatever the issuer says, in seconds.
pub const FRESH_S_MAX: u64 = 24 * 60 * 60;
/// For how long keys are used beyond their freshness while they are refreshed, in seconds.
pub const STALE_S_DEFAULT: u64 = 60 * 60;
/// For how long keys are used beyond their freshness while the issuer fails, in seconds.
pub const STALE_IF_ERROR_S_DEFAULT: u64 = 24 * 60 * 60;
/// How long after an attempt an unknown key is no reason for another one, in seconds.
pub const UNKNOWN_KEY_COOLDOWN_S_DEFAULT: u64 = 30;
/// How long an issuer is left alone after its first failure, in seconds.
pub const RETRY_S_MIN: u64 = 2;
/// How long an issuer is left alone at most, in seconds.
pub const RETRY_S_MAX: u64 = 60;
/// After how many seconds a fetch that says nothing counts as lost.
pub const FETCH_S_MAX: u64 = 15;
/// How far in the future keys may have been fetched, by another machine's clock, in seconds.
pub const CLOCK_SKEW_S_MAX: u64 = 60;

/// How long keys may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessPolicy {
    /// For how long keys are used beyond their freshness while they are refreshed, in seconds.
    pub stale_s: u64,
    /// For how long keys are used beyond their freshness while the issuer fails, in seconds; 0 is
    /// not at all.
    pub stale_if_error_s: u64,
    /// How long after an attempt an unknown key is no reason for another one, in seconds.
    pub unknown_key_cooldown_s: u64,
}

impl Default for FreshnessPolicy {
    fn default() -> Self {
        Self {
            stale_s: STALE_S_DEFAULT,
            stale_if_error_s: STALE_IF_ERROR_S_DEFAULT,
            unknown_key_cooldown_s: UNKNOWN_KEY_COOLDOWN_S_DEFAULT,
        }
    }
}

/// What to do with the keys now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Use the keys.
    Use,
    /// Use the keys, and fetch newer ones after the response. Whoever is told so has to do it.
    UseAndRefresh,
    /// Fetch keys, then ask again. Whoever is told so has to do it.
    FetchFirst,
    /// Wait for the fetch that is under way, then ask again.
    AwaitFetch,
    /// There are no keys to use, and the issuer is to be left alone for so long.
    Unavailable {
        /// When to come back, in seconds.
        retry_after_s: u64,
    },
}

/// What to do about a token whose key is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownKeyDecision {
    /// Fetch keys, then try the token once more. Whoever is told so has to do it.
    Refetch,
    /// Wait for the fetch that is under way, then try the token once more.
    AwaitFetch,
    /// Refuse the token.
    Refuse,
}

/// The age of one issuer's keys and of the last attempt to fetch them.
#[derive(Clone, Debug)]
pub struct Freshness {
    policy: FreshnessPolicy,
    keys: Option<Keys>,
    attempted_at: Option<UnixTime>,
    /// How many attempts have failed since one succeeded.
    failures: u32,
    failed_at: UnixTime,
    fetching_since: Option<UnixTime>,
}

#[derive(Clone, Copy, Debug)]
struct Keys {
    fetched_at: UnixTime,
    fresh_s: u64,
}

impl Freshness {
    /// Nothing was fetched yet.
    #[must_use]
    pub const fn new(policy: FreshnessPolicy) -> Self {
        Self {
            policy,
            keys: None,
            attempted_at: None,
            failures: 0,
            failed_at: UnixTime(0),
            fetching_since: None,
        }
    }

    /// What to do now. An answer that asks for a fetch is given to one caller; the others are told to
    /// go on or to wait.
    #[must_use]
    pub fn decide(&mut self, now: UnixTime) -> Decision {
        if self.is_usable(now) {
            return if self.is_fresh(now) || !self.may_fetch(now) {
                Decision::Use
            } else {
                self.start(now);
                Decision::UseAndRefresh
            };
        }
        if self.is_fetching(now) {
            return Decision::AwaitFetch;
        }
        match self.left_alone_s(now) {
            0 => {
                self.start(now);
                Decision::FetchFirst
            }
            retry_after_s => Decision::Unavailable { retry_after_s },
        }
    }

    /// What to do about a token for which [`is_unknown_key`](crate::TokenError::is_unknown_key) holds.
    #[must_use]
    pub fn decide_unknown_key(&mut self, now: UnixTime) -> UnknownKeyDecision {
        if self.is_fetching(now) {
            return UnknownKeyDecision::AwaitFetch;
        }
        let cooled_down = self.attempted_at.is_none_or(|at| {
            is_past(
                at.saturating_add(self.policy.unknown_key_cooldown_s),
                now,
                at,
            )
        });
        if !cooled_down || self.left_alone_s(now) > 0 {
            return UnknownKeyDecision::Refuse;
        }
        self.start(now);
        UnknownKeyDecision::Refetch
    }

    /// Keys were fetched, or the issuer said that they have not changed. `fresh_s` comes from
    /// [`fresh_s`].
    pub fn fetched(&mut self, now: UnixTime, fresh_s: u64) {
        self.keys = Some(Keys {
            fetched_at: now,
            fresh_s: fresh_s.clamp(FRESH_S_MIN, FRESH_S_MAX),
        });
        self.failures = 0;
        self.fetching_since = None;
        self.attempted_at = Some(now);
    }

    /// Keys could not be fetched, or what came were none.
    pub fn failed(&mut self, now: UnixTime) {
        self.failures = self.failures.saturating_add(1);
        self.failed_at = now;
        self.fetching_since = None;
        self.attempted_at = Some(now);
    }

    /// A fetch that was asked for ended without a result: whoever did it was cancelled. The next one
    /// who asks is to fetch.
    pub fn abandoned(&mut self) {
        self.fetching_since = None;
    }

    /// Takes over what another instance has found out. Returns whether the record's keys are newer
    /// than ours and have to be used from now on; then no fetch is needed, and one that was asked
    /// for is over.
    #[must_use]
    pub fn adopt(&mut self, record: &Record, now: UnixTime) -> bool {
        if self.attempted_at.is_none_or(|at| record.attempted_at > at) {
            self.attempted_at = Some(record.attempted_at);
            self.failures = record.failures;
            self.failed_at = record.attempted_at;
        }
        let newer = self
            .keys
            .is_none_or(|keys| record.fetched_at > keys.fetched_at);
        if newer {
            let fresh_s = record.fresh_s.clamp(FRESH_S_MIN, FRESH_S_MAX);
            self.keys = Some(Keys {
                fetched_at: record.fetched_at,
                fresh_s,
            });
            // A record whose keys are no longer fresh does not spare the fetch.
            if self.is_fresh(now) {
                self.fetching_since = None;
            }
        }
        newer
    }

    /// The times, for a [`Record`]: of the last good fetch, its `fresh_s`, of the last attempt, and
    /// how many have failed since. `None` before the first good fetch.
    #[must_use]
    pub fn times(&self) -> Option<(UnixTime, u64, UnixTime, u32)> {
        let keys = self.keys?;
        Some((
            keys.fetched_at,
            keys.fresh_s,
            self.attempted_at.unwrap_or(keys.fetched_at),
            self.failures,
        ))
    }

    fn start(&mut self, now: UnixTime) {
        self.fetching_since = Some(now);
        self.attempted_at = Some(now);
    }

    fn is_fresh(&self, now: UnixTime) -> bool {
        self.keys.is_some_and(|keys| {
            keys.fetched_at <= now.saturating_add(CLOCK_SKEW_S_MAX)
                && now.seconds_since(keys.fetched_at) < keys.fresh_s
        })
    }

    fn is_usable(&self, now: UnixTime) -> bool {
        let Some(keys) = self.keys else { return false };
        let beyond_s = if self.failures == 0 {
            self.policy.stale_s
        } else {
            self.policy.stale_s.max(self.policy.stale_if_error_s)
        };
        now.seconds_since(keys.fetched_at) < keys.fresh_s.saturating_add(beyond_s)
    }

    fn is_fetching(&self, now: UnixTime) -> bool {
        self.fetching_since
            .is_some_and(|since| !is_past(since.saturating_add(FETCH_S_MAX), now, since))
    }

    fn may_fetch(&self, now: UnixTime) -> bool {
        !self.is_fetching(now) && self.left_alone_s(now) == 0
    }

    /// For how many seconds more the issuer is left alone.
    fn left_alone_s(&self, now: UnixTime) -> u64 {
        let Some(doublings) = self.failures.checked_sub(1) else {
            return 0;
        };
        let pause_s = RETRY_S_MIN
            .saturating_mul(2_u64.saturating_pow(doublings))
            .min(RETRY_S_MAX);
        let until = self.failed_at.saturating_add(pause_s);
        if is_past(until, now, self.failed_at) {
            0
        } else {
            until.seconds_since(now).min(pause_s)
        }
    }
}

/// Whether a pause that began at `since` and ends at `until` is over. A clock that was set back ends
/// it too: better one fetch too many than none for hours.
fn is_past(until: UnixTime, now: UnixTime, since: UnixTime) -> bool {
    now >= until || now.saturating_add(CLOCK_SKEW_S_MAX) < since
}

/// For how long keys are fresh that came with this `Cache-Control` (RFC 9111 §5.2.2), in seconds.
///
/// `no-store`, `no-cache` and a `max-age` of zero make them fresh for [`FRESH_S_MIN`], no or no
/// readable `max-age` for [`FRESH_S_DEFAULT`]. Of several, the smallest counts.
#[must_use]
pub fn fresh_s(cache_control: Option<&str>) -> u64 {
    let mut max_age_s = None;
    for directive in cache_control.unwrap_or_default().split(',') {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim().trim_matches('"')),
            None => (directive.trim(), ""),
        };
        let seconds =
            if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
                0
            } else if name.eq_ignore_ascii_case("max-age")
                && !value.is_empty()
                && value.bytes().all(|byte| byte.is_ascii_digit())
            {
                // RFC 9111 §1.2.2: a number too large is the largest one.
                value.parse().unwrap_or(u64::MAX)
            } else {
                continue;
            };
        max_age_s = Some(max_age_s.map_or(seconds, |before: u64| before.min(seconds)));
    }
    max_age_s
        .unwrap_or(FRESH_S_DEFAULT)
        .clamp(FRESH_S_MIN, FRESH_S_MAX)
}

#[cfg(test)]
mod tests;
