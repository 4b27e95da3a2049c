//! What to do with an issuer's keys of which age.
//!
//! One [`Freshness`] per issuer: it is told what happened (a fetch succeeded or failed) and asked what
//! to do now. It holds no key and fetches nothing.
//!
//! ```text
//! fetched        fresh_s            stale_s                stale_if_error_s
//!    ├── Use ──────┼── UseAndRefresh ───┼── FetchFirst            ┊  FetchFirst
//!                  ┊   (look first)     ┊   or, while the issuer  ┊  or, while the issuer
//!                  ┊                    ┊   fails: UseAndRefresh  ┊  fails: Unavailable
//! ```
//!
//! A key set is what the issuer says about its keys: what the newest one does not list is withdrawn. A set
//! in which nothing can be used takes the place of the one before like every other.
//!
//! 1. Fresh keys are used. For how long they are fresh the issuer says (`Cache-Control`, `Expires`),
//!    within [`FRESH_S_MIN`] and [`FRESH_S_MAX`]: see [`fresh_s`].
//! 2. Stale keys are used, and one request refreshes them after its response. `stale_s` and
//!    `stale_if_error_s` both count from the end of freshness. Others may know by then that a key was
//!    withdrawn: so stale keys are used only within [`LOOK_S`] after a look at their record.
//! 3. Expired keys are fetched first.
//! 4. While the issuer fails, the last keys are used for exactly `stale_if_error_s` (0 turns this off).
//!    An issuer fails when it gives no key set. The price: a key that is withdrawn meanwhile verifies
//!    tokens for that long. A clock that is set back by more than [`CLOCK_SKEW_S_MAX`] ends this, so that
//!    nothing lasts longer than it should.
//! 5. After a failure the issuer is left alone for [`RETRY_S_MIN`] to [`RETRY_S_FIRST`] seconds, the latter doubled with
//!    each further failure up to [`RETRY_S_MAX`]. In between it is drawn from what every instance knows, so that all
//!    of them come to the same, and other issuers that failed with it to another.
//! 6. When the newest set has no key that can be used, no key is used. The set is fetched again after
//!    [`UNUSABLE_S_MAX`], however long the issuer says that it is fresh: a mistake of the issuer lasts
//!    seconds. The keys before do not come back, even when that fetch fails.
//! 7. A token with an unknown key is a reason to fetch, [`UNKNOWN_KEY_FETCHES_MAX`] times at once and then
//!    every [`UNKNOWN_KEY_PAUSE_S_MAX`]: tokens with invented keys cost next to nothing, and a token with
//!    a new key waits no longer than that. Fetches for other reasons do not count: an issuer may sign with
//!    a new key right after one of them, and is then asked again.
//! 8. One fetch at a time. One that has neither succeeded nor failed after [`FETCH_S_MAX`] counts as
//!    lost, so that a request that was cancelled holds nobody up.
//!
//! Instances are short-lived, so the times travel in a [`KeySetRecord`] through the key-value store, those
//! of failed attempts too. An instance that was told to fetch reads the record first;
//! [`Freshness::adopt`] takes over what the others have found out and says whether that will do.

use doorward_retry::Random;

use crate::keys::ExposedKeys;
use crate::time::UnixTime;

mod budget;
mod headers;
mod policy;
mod record;
mod state;

use budget::Budget;
pub use budget::{UNKNOWN_KEY_FETCHES_MAX, UNKNOWN_KEY_PAUSE_S_MAX};
pub use headers::{CacheHeaders, fresh_s};
pub use policy::{
    CLOCK_SKEW_S_MAX, FETCH_S_MAX, FRESH_S_DEFAULT, FRESH_S_MAX, FRESH_S_MIN, FreshnessPolicy,
    LOOK_S, RETRY_S_FIRST, RETRY_S_MAX, RETRY_S_MIN, STALE_IF_ERROR_S_DEFAULT, STALE_S_DEFAULT,
    UNKNOWN_KEY_COOLDOWN_S_DEFAULT, UNUSABLE_S_MAX,
};
pub use record::{
    ETAG_BYTES_MAX, KeySetRecord, KeySetRecordError, LAST_ERROR_BYTES_MAX, RECORD_BYTES_MAX,
    StoredKeys,
};
pub use state::KeySetState;

/// What to do with the keys now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Use the keys.
    Use,
    /// Use the keys, and fetch newer ones after the response. Whoever is told so has to do it.
    UseAndRefresh,
    /// Look at the record of others ([`Freshness::adopt`], [`Freshness::looked`]), fetch keys unless that
    /// is spared, then ask again. Whoever is told so has to do it.
    FetchFirst,
    /// Wait for the look or for the fetch that is under way, whichever ends first, then ask again.
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

/// What to tell a token whose key is unknown when there are no newer keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNewerKeys {
    /// Whether the newest ones are older than `unknown_key_cooldown_s`, so that there may be newer ones.
    pub old: bool,
    /// In how many seconds an unknown key is a reason to fetch, at least 1.
    pub retry_after_s: u64,
}

/// Why a fetch was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The keys are missing or grow old: by [`Freshness::decide`].
    Age,
    /// A token's key is unknown: by [`Freshness::decide_newer_key`].
    UnknownKey,
}

/// What came of [`Freshness::adopt`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// The record's keys are newer than ours and have to be used from now on.
    pub newer: bool,
    /// The fetch that was asked for is over: it is not to be made.
    pub spared: bool,
    /// Another instance is fetching for the same reason. Whoever was asked to fetch should not, but read
    /// the record again in a moment and adopt it, until it says otherwise; at most for [`FETCH_S_MAX`]
    /// after the other one began.
    pub under_way: bool,
}

/// The age of one issuer's keys and of the last attempts to fetch them.
#[derive(Clone, Debug)]
pub struct Freshness {
    policy: FreshnessPolicy,
    /// Whence the pauses after failures: the issuer.
    random: Random,
    keys: Option<KeySetAge>,
    /// When an attempt last ended.
    attempted_at: Option<UnixTime>,
    /// How many attempts have failed since one succeeded.
    failures: u32,
    /// When an unknown key was last a reason to fetch.
    refetched_at: Option<UnixTime>,
    /// How many more fetches unknown keys may cause.
    budget: Budget,
    /// When the record of others was last looked at.
    looked_at: Option<UnixTime>,
    fetching: Option<Fetching>,
}

#[derive(Clone, Copy, Debug)]
struct KeySetAge {
    fetched_at: UnixTime,
    fresh_s: u64,
    /// Whether there is one among them that can be used.
    usable: bool,
}

#[derive(Clone, Copy, Debug)]
struct Fetching {
    since: UnixTime,
    /// What `refetched_at` was before.
    refetched_before: Option<UnixTime>,
    /// What `budget` was before.
    budget_before: Budget,
}

impl Freshness {
    /// Nothing was fetched yet. `issuer` is what a [record](Self::record) of these keys is about.
    #[must_use]
    pub fn new(policy: FreshnessPolicy, issuer: &str) -> Self {
        Self {
            policy,
            random: Random::named(issuer),
            keys: None,
            attempted_at: None,
            failures: 0,
            refetched_at: None,
            budget: Budget::new(policy.unknown_key_cooldown_s),
            looked_at: None,
            fetching: None,
        }
    }

    /// What to do now. An answer that asks for a fetch is given to one caller; the others are told to
    /// go on or to wait.
    #[must_use]
    pub fn decide(&mut self, now: UnixTime) -> Decision {
        let usable = self.is_usable(now);
        if usable && self.is_fresh(now) {
            return Decision::Use;
        }
        if usable && self.has_looked(now) {
            return if self.may_fetch(now) {
                self.start(now);
                Decision::UseAndRefresh
            } else {
                Decision::Use
            };
        }
        if self.is_fetching(now) {
            return Decision::AwaitFetch;
        }
        // Looking leaves the issuer alone.
        match self.left_alone_s(now).max(self.unusable_s(now)) {
            retry_after_s @ 1.. if !usable => Decision::Unavailable { retry_after_s },
            _ => {
                self.start(now);
                Decision::FetchFirst
            }
        }
    }

    /// What to do about a token for which
    /// [`may_have_newer_key`](crate::TokenError::may_have_newer_key) holds.
    #[must_use]
    pub fn decide_newer_key(&mut self, now: UnixTime) -> UnknownKeyDecision {
        if self.is_fetching(now) {
            return UnknownKeyDecision::AwaitFetch;
        }
        // This instance has looked later than now: its clock was set back, and what it knows of pauses is
        // no longer true.
        if self.looked_at.is_some_and(|at| at > now) {
            self.looked_at = None;
            self.budget = Budget::new(self.policy.unknown_key_cooldown_s);
        }
        if self.budget.wait_s(now) > 0 || self.left_alone_s(now) > 0 {
            return UnknownKeyDecision::Refuse;
        }
        self.start(now);
        self.refetched_at = Some(now);
        self.budget.take(now);
        UnknownKeyDecision::Refetch
    }

    /// What to tell a token whose key is still unknown after what
    /// [`decide_newer_key`](Self::decide_newer_key) asked for was done.
    #[must_use]
    pub fn no_newer_keys(&self, now: UnixTime) -> NoNewerKeys {
        let cooldown_s = self.policy.unknown_key_cooldown_s;
        NoNewerKeys {
            // After a clock was set back nobody knows how old the keys are that were fetched before.
            old: self.keys.is_none_or(|keys| {
                keys.is_of_the_future(now) || now.seconds_since(keys.fetched_at) > cooldown_s
            }),
            retry_after_s: self.budget.wait_s(now).max(self.left_alone_s(now)).max(1),
        }
    }

    /// There is no record: this instance is the first that asks, and not one of many that come and go.
    pub fn first(&mut self, now: UnixTime) {
        self.budget.fill(now);
    }

    /// The record of others was looked at, and taken over if there is one.
    pub fn looked(&mut self, now: UnixTime) {
        self.looked_at = Some(now);
    }

    /// Whether the issuer is to be left alone: then a fetch that was asked for is over, too.
    #[must_use]
    pub fn is_left_alone(&mut self, now: UnixTime) -> bool {
        let left_alone = self.left_alone_s(now) > 0;
        if left_alone {
            self.fetching = None;
        }
        left_alone
    }

    /// The issuer has answered with a key set, or said that it has not changed. `usable` says whether it
    /// holds a key that can be used, `fresh_s` comes from [`fresh_s`].
    ///
    /// Keys are as old as the question, which was asked at `asked_at`: what the issuer has changed since may
    /// not be in the answer. They are newer than the keys that were known then, by whichever clock.
    pub fn fetched(&mut self, asked_at: UnixTime, now: UnixTime, fresh_s: u64, usable: bool) {
        let known = self.keys.filter(|keys| !keys.is_of_the_future(now));
        let later = known.map(|keys| keys.fetched_at.saturating_add(1));
        let later = later.map(|later| later.min(now.saturating_add(CLOCK_SKEW_S_MAX)));
        let fetched_at = later.map_or(asked_at, |later| later.max(asked_at));
        self.keys = Some(self.keys_of(fetched_at, fresh_s, usable));
        self.failures = 0;
        self.fetching = None;
        self.attempted_at = Some(fetched_at.max(now));
    }

    /// Some of the keys turned out to be exposed. `usable` says whether there is one left that can be used.
    pub fn withdrawn(&mut self, usable: bool) {
        if let Some(keys) = self.keys {
            self.keys = Some(self.keys_of(keys.fetched_at, keys.fresh_s, usable));
        }
    }

    /// Keys could not be fetched, or what came was no key set.
    pub fn failed(&mut self, now: UnixTime) {
        self.failures = self.failures.saturating_add(1);
        self.fetching = None;
        self.attempted_at = Some(now);
    }

    /// A fetch that was asked for ended without a result: whoever did it was cancelled. The next one
    /// who asks is to fetch.
    pub fn abandoned(&mut self) {
        self.fetching = None;
    }

    /// Takes over what other instances have found out. To be called after a fetch was asked for and
    /// their record was read; also whenever else a record was read, and then nothing is spared.
    ///
    /// `usable` says whether the record's keys hold one that can be used.
    ///
    /// A fetch because of age is spared when the keys, theirs or ours, are fresh, or when the issuer
    /// failed them so recently that it is left alone. One because of an unknown key is spared when
    /// another instance made one just now, when all have made as many as they may, or when the issuer
    /// failed them likewise.
    #[must_use]
    pub fn adopt(
        &mut self,
        record: &KeySetRecord,
        usable: bool,
        now: UnixTime,
        cause: Cause,
    ) -> Adopted {
        if record.attempted_at > self.attempted_at {
            self.attempted_at = record.attempted_at;
            self.failures = record.failures;
        }
        let newer = record.keys.is_some()
            && self.keys.is_none_or(|keys| match cause {
                Cause::Age => record.fetched_at > keys.fetched_at,
                // Of the same second, theirs may have the key that ours lack.
                Cause::UnknownKey => record.fetched_at >= keys.fetched_at,
            });
        if newer {
            self.keys = Some(self.keys_of(record.fetched_at, record.fresh_s, usable));
        }
        let refetching = record.refetching != 0 && !is_over(record.refetched_at, now);
        let (mut spared, mut under_way) = (false, false);
        if let Some(fetching) = self.fetching {
            let left_alone = self.left_alone_s(now) > 0;
            match cause {
                Cause::Age => spared = left_alone || self.is_fresh(now),
                Cause::UnknownKey => {
                    let known = fetching.budget_before;
                    let mut budget = known;
                    budget.learn(record.full_at, record.refetched_at, now);
                    // One that began when this one was asked for is as good.
                    let heard = budget != known && record.fetched_at >= fetching.since;
                    // A clock was set back, so that ours pass for the newer ones: only the issuer can tell.
                    let doubtful = !newer && self.keys.is_some_and(|keys| keys.fetched_at > now);
                    let others_will_do = !doubtful && (heard || budget.wait_s(now) > 0);
                    under_way = refetching;
                    spared = !under_way && (left_alone || others_will_do);
                    if !under_way && !spared {
                        budget.take(now);
                        self.budget = budget;
                    }
                }
            }
            if spared {
                self.fetching = None;
                self.refetched_at = fetching.refetched_before;
                self.budget = fetching.budget_before;
            }
        }
        // While it goes on, an unknown key is a reason to wait for what comes of it.
        if !refetching {
            self.refetched_at = self.refetched_at.max(record.refetched_at);
            let (full_at, asked_at) = (record.full_at, record.refetched_at);
            self.budget.learn(full_at, asked_at, now);
        }
        Adopted {
            newer,
            spared,
            under_way,
        }
    }

    /// What other instances should know. `keys` are those that were fetched last, `exposed` those whose
    /// private half was seen, `last_error` says why the last attempt failed, or why nothing in the keys can
    /// be used. `None` while there is nothing to tell.
    ///
    /// To be stored when an attempt has ended, whether it succeeded or failed. An instance that is about to
    /// fetch because of an unknown key stores it before as well: the others then wait for it. When two do
    /// so at once, the later one overwrites the other; so each reads the record again a moment later, and
    /// only the one whose `instance` it names goes on.
    #[must_use]
    pub fn record(
        &self,
        issuer: &str,
        keys: Option<StoredKeys>,
        exposed: &ExposedKeys,
        last_error: Option<&str>,
        instance: u64,
    ) -> Option<KeySetRecord> {
        let known = self.keys.filter(|_| keys.is_some());
        if known.is_none() && self.attempted_at.is_none() && self.refetched_at.is_none() {
            return None;
        }
        let refetching = self
            .fetching
            .is_some_and(|fetching| self.refetched_at == Some(fetching.since));
        Some(KeySetRecord {
            issuer: issuer.to_owned(),
            fetched_at: known.map_or(UnixTime(0), |keys| keys.fetched_at),
            fresh_s: known.map_or(0, |keys| keys.fresh_s),
            keys: keys.filter(|_| known.is_some()),
            // The clock by which the keys were fetched may be ahead of the one by which it failed.
            attempted_at: self.attempted_at.max(known.map(|keys| keys.fetched_at)),
            failures: self.failures,
            last_error: last_error
                .filter(|_| self.failures > 0 || known.is_some_and(|keys| !keys.usable))
                .map(str::to_owned),
            exposed: exposed.clone(),
            full_at: self.budget.full_at(),
            refetched_at: self.refetched_at,
            refetching: if refetching { instance } else { 0 },
        })
    }

    /// How long ago the keys were fetched, in seconds; `None` when there are none.
    #[must_use]
    pub fn age_s(&self, now: UnixTime) -> Option<u64> {
        self.keys.map(|keys| now.seconds_since(keys.fetched_at))
    }

    /// In how many seconds the next request is a reason to fetch keys.
    #[must_use]
    pub fn next_refresh_s(&self, now: UnixTime) -> u64 {
        let fresh_s = self
            .keys
            .filter(|_| self.is_fresh(now))
            .map_or(0, |keys| keys.fresh_until().seconds_since(now));
        fresh_s.max(self.left_alone_s(now))
    }

    /// How usable the keys are.
    #[must_use]
    pub fn state(&self, now: UnixTime) -> KeySetState {
        match self.keys {
            None => KeySetState::Missing,
            Some(keys) if keys.usable && self.is_fresh(now) => KeySetState::Fresh,
            Some(_) if !self.is_within_grace(now) => KeySetState::Expired,
            Some(keys) if !keys.usable => KeySetState::Unusable,
            Some(_) if self.failures > 0 => KeySetState::Failing,
            Some(_) => KeySetState::Stale,
        }
    }

    fn start(&mut self, now: UnixTime) {
        self.fetching = Some(Fetching {
            since: now,
            refetched_before: self.refetched_at,
            budget_before: self.budget,
        });
    }

    fn has_looked(&self, now: UnixTime) -> bool {
        self.looked_at
            .is_some_and(|at| !is_past(at.saturating_add(LOOK_S), now, at))
    }

    fn keys_of(&self, fetched_at: UnixTime, fresh_s: u64, usable: bool) -> KeySetAge {
        let fresh_s = if usable {
            fresh_s.clamp(FRESH_S_MIN, FRESH_S_MAX)
        } else {
            UNUSABLE_S_MAX.min(self.policy.unknown_key_cooldown_s)
        };
        KeySetAge {
            fetched_at,
            fresh_s,
            usable,
        }
    }

    /// For how many seconds more the newest set, in which nothing can be used, is not fetched again.
    fn unusable_s(&self, now: UnixTime) -> u64 {
        self.keys
            .filter(|keys| !keys.usable && self.is_fresh(now))
            .map_or(0, |keys| keys.fresh_until().seconds_since(now))
    }

    fn is_fresh(&self, now: UnixTime) -> bool {
        self.keys.is_some_and(|keys| {
            !keys.is_of_the_future(now) && now.seconds_since(keys.fetched_at) < keys.fresh_s
        })
    }

    fn is_usable(&self, now: UnixTime) -> bool {
        self.keys.is_some_and(|keys| keys.usable) && self.is_within_grace(now)
    }

    /// Whether the keys are no older than they may be, usable or not.
    fn is_within_grace(&self, now: UnixTime) -> bool {
        let Some(keys) = self.keys else { return false };
        let beyond_s = match self.failures {
            0 => self.policy.stale_s,
            // The clock was set back, and nobody knows how old they are: the issuer, which could tell,
            // fails.
            _ if keys.is_of_the_future(now) => return false,
            _ => self.policy.stale_if_error_s,
        };
        now.seconds_since(keys.fetched_at) < keys.fresh_s.saturating_add(beyond_s)
    }

    fn is_fetching(&self, now: UnixTime) -> bool {
        !is_over(self.fetching.map(|fetching| fetching.since), now)
    }

    fn may_fetch(&self, now: UnixTime) -> bool {
        !self.is_fetching(now) && self.left_alone_s(now) == 0
    }

    /// For how many seconds more the issuer is left alone.
    fn left_alone_s(&self, now: UnixTime) -> u64 {
        let Some(failed_at) = self.attempted_at.filter(|_| self.failures > 0) else {
            return 0;
        };
        let random = self.random.clone();
        let mut random = random.and(failed_at.0).and(self.failures.into());
        let pause_s = policy::RETRY.pause(self.failures, &mut random);
        let until = failed_at.saturating_add(pause_s);
        if is_past(until, now, failed_at) {
            0
        } else {
            until.seconds_since(now).min(pause_s)
        }
    }
}

/// What its age means.
impl KeySetRecord {
    /// How usable the keys are.
    #[must_use]
    pub fn state(&self, policy: FreshnessPolicy, now: UnixTime) -> KeySetState {
        self.freshness(policy, now).state(now)
    }

    /// From when on a request is a reason to fetch keys.
    #[must_use]
    pub fn next_refresh_at(&self, policy: FreshnessPolicy, now: UnixTime) -> UnixTime {
        now.saturating_add(self.freshness(policy, now).next_refresh_s(now))
    }

    fn freshness(&self, policy: FreshnessPolicy, now: UnixTime) -> Freshness {
        let mut freshness = Freshness::new(policy, &self.issuer);
        let usable = self
            .key_set()
            .is_some_and(|set| set.is_ok_and(|set| !set.is_empty()));
        // Nothing was asked for, so there is nothing to be spared.
        let _ = freshness.adopt(self, usable, now, Cause::Age);
        freshness
    }
}

impl KeySetAge {
    fn fresh_until(&self) -> UnixTime {
        self.fetched_at.saturating_add(self.fresh_s)
    }

    fn is_of_the_future(&self, now: UnixTime) -> bool {
        self.fetched_at > now.saturating_add(CLOCK_SKEW_S_MAX)
    }
}

/// Whether no fetch is under way that began then.
fn is_over(since: Option<UnixTime>, now: UnixTime) -> bool {
    since.is_none_or(|since| is_past(since.saturating_add(FETCH_S_MAX), now, since))
}

/// Whether a pause that began at `since` and ends at `until` is over. A clock that was set back ends
/// it too: better one fetch too many than none for hours.
fn is_past(until: UnixTime, now: UnixTime, since: UnixTime) -> bool {
    now >= until || now.saturating_add(CLOCK_SKEW_S_MAX) < since
}

#[cfg(test)]
mod tests;
