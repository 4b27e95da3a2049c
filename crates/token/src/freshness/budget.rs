//! How many fetches tokens with unknown keys may cause.
//!
//! A few at once, because several keys may be new, and then one every few seconds, whatever comes in. The
//! budget is kept as one time, when it will be full: so it fits into a record, and of two the later is right.

use super::policy::CLOCK_SKEW_S_MAX;
use crate::time::UnixTime;

/// How many fetches unknown keys may cause at once.
pub const UNKNOWN_KEY_FETCHES_MAX: u64 = 3;
/// After how many seconds they may cause one more, at most: sooner where
/// [`unknown_key_cooldown_s`](super::FreshnessPolicy::unknown_key_cooldown_s) is less.
pub const UNKNOWN_KEY_PAUSE_S_MAX: u64 = 10;

/// What is left of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// How long it takes for one more fetch, in seconds.
    pause_s: u64,
    /// When the budget is full. `None`: unknown, and then there is one fetch. Instances come and go, and a
    /// full budget for each would be as many as there are instances.
    full_at: Option<UnixTime>,
}

impl Budget {
    pub(super) const fn new(unknown_key_cooldown_s: u64) -> Self {
        let pause_s = if unknown_key_cooldown_s < UNKNOWN_KEY_PAUSE_S_MAX {
            unknown_key_cooldown_s
        } else {
            UNKNOWN_KEY_PAUSE_S_MAX
        };
        Self {
            pause_s,
            full_at: None,
        }
    }

    pub(super) fn full_at(&self) -> Option<UnixTime> {
        self.full_at
    }

    /// The budget is full, unless some of it is known to be used up.
    pub(super) fn fill(&mut self, now: UnixTime) {
        self.full_at = self.full_at.or(Some(now));
    }

    /// In how many seconds one more fetch may be made.
    pub(super) fn wait_s(&self, now: UnixTime) -> u64 {
        let missing_s = self.full_at_by(now).seconds_since(now);
        missing_s.saturating_sub(self.whole_s() - self.pause_s)
    }

    /// Uses up one fetch.
    pub(super) fn take(&mut self, now: UnixTime) {
        let full_at = self.full_at_by(now).max(now);
        self.full_at = Some(full_at.saturating_add(self.pause_s));
    }

    /// Takes over what others have used up: by `full_at` or, where they do not say it, by when one of them
    /// last asked.
    pub(super) fn learn(
        &mut self,
        full_at: Option<UnixTime>,
        asked_at: Option<UnixTime>,
        now: UnixTime,
    ) {
        let asked = asked_at.map(|at| at.saturating_add(self.whole_s()));
        // No more can be missing than there is, whatever the clock of the others says.
        let most = now.saturating_add(self.whole_s());
        let theirs = full_at.or(asked).map(|at| at.min(most));
        self.full_at = self.full_at.max(theirs);
    }

    fn full_at_by(&self, now: UnixTime) -> UnixTime {
        let at_most = now.saturating_add(self.whole_s());
        match self.full_at {
            // A clock that was set back ends the pause.
            Some(at) if at <= at_most.saturating_add(CLOCK_SKEW_S_MAX) => at,
            _ => now.saturating_add(self.whole_s() - self.pause_s),
        }
    }

    fn whole_s(&self) -> u64 {
        self.pause_s * UNKNOWN_KEY_FETCHES_MAX
    }
}
