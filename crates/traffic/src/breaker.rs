//! Not asking an upstream that fails: a circuit breaker.
//!
//! ```text
//!            of the last WINDOW_MS at least ATTEMPTS_MIN
//!            attempts, FAILED_PERCENT of them failed
//! closed ──────────────────────────────────────────▶ open
//!    ▲                                                │ ▲
//!    │ the probe succeeds          its time is up     │ │ the probe fails:
//!    └──────────────────── half-open ◀────────────────┘ │ for twice as long
//!                              └────────────────────────┘
//! ```
//!
//! While it is open nobody is admitted, while it is half-open one probe is. An attempt that was admitted
//! before the breaker opened or closed says nothing about the time after.
//!
//! It is open for [`OPEN_MS_BASE`] first, up to [`OPEN_MS_MAX`]. A breaker that opens again
//! within [`OPEN_MS_MAX`] of having closed goes on doubling where it was.

use crate::time::Millis;

/// Over how many milliseconds attempts are counted.
pub const WINDOW_MS: u64 = 10_000;
/// How many attempts there must be before they say anything.
pub const ATTEMPTS_MIN: u32 = 20;
/// How many of a hundred attempts must have failed.
pub const FAILED_PERCENT: u64 = 50;
/// For how many milliseconds the breaker is open the first time.
pub const OPEN_MS_BASE: u64 = 1_000;
/// For how many milliseconds the breaker is open at most.
pub const OPEN_MS_MAX: u64 = 30_000;
/// After how many milliseconds a probe that says nothing no longer holds up the next one.
pub const PROBE_MS_MAX: u64 = 30_000;

const BUCKET_MS: u64 = 1_000;
const BUCKETS: usize = (WINDOW_MS / BUCKET_MS) as usize;
/// After so many doublings it is [`OPEN_MS_MAX`] in any case.
const DOUBLINGS_MAX: u8 = 5;

/// The breaker of one upstream.
#[derive(Clone, Debug)]
pub struct Breaker {
    state: BreakerState,
    /// How often it was open of late.
    doublings: u8,
    /// Grows whenever it opens or closes.
    generation: u32,
    window: Window,
}

/// An attempt that was admitted.
#[must_use = "an attempt counts when it is recorded"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    generation: u32,
    admitted_at: Millis,
}

/// Nobody is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOpen {
    /// In how many milliseconds it is worth to ask again, at least 1.
    pub retry_after_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BreakerState {
    Closed { since: Millis },
    Open { until: Millis },
    HalfOpen { probed_at: Millis },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Breaker {
    /// A breaker that is closed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: BreakerState::Closed { since: Millis(0) },
            doublings: 0,
            generation: 0,
            window: Window::default(),
        }
    }

    /// Whether the upstream may be asked.
    ///
    /// The caller passes every ticket to [`Self::record`], also when its request is cancelled. The ticket
    /// of a probe that is never passed holds up the next probe for [`PROBE_MS_MAX`]; another one that is
    /// not passed just does not count.
    ///
    /// # Errors
    ///
    /// [`BreakerOpen`] when it may not.
    pub fn admit(&mut self, now: Millis) -> Result<Ticket, BreakerOpen> {
        let retry_after_ms = match self.state {
            BreakerState::Closed { .. } => 0,
            BreakerState::Open { until } => until.since(now),
            // The probe that is under way is likely to say within a moment how it goes on.
            BreakerState::HalfOpen { probed_at } => {
                probed_at.plus(PROBE_MS_MAX).since(now).min(OPEN_MS_BASE)
            }
        };
        if retry_after_ms > 0 {
            return Err(BreakerOpen { retry_after_ms });
        }
        if !matches!(self.state, BreakerState::Closed { .. }) {
            self.state = BreakerState::HalfOpen { probed_at: now };
        }
        Ok(Ticket {
            generation: self.generation,
            admitted_at: now,
        })
    }

    /// What became of an attempt: `Some(true)` when the upstream answered, `Some(false)` when it failed,
    /// `None` when nobody knows, because the client went away first.
    pub fn record(&mut self, ticket: Ticket, ok: Option<bool>, now: Millis) {
        // Admitted before it opened, or before it closed: old news.
        if ticket.generation != self.generation {
            return;
        }
        match (self.state, ok) {
            (BreakerState::Closed { since }, Some(ok)) => {
                self.window.count(ok, now);
                if self.window.is_bad() {
                    if now.since(since) > OPEN_MS_MAX {
                        self.doublings = 0;
                    }
                    self.open(now);
                }
            }
            (BreakerState::Closed { .. }, None) => {}
            // A probe that took longer than PROBE_MS_MAX counts, too: else a breaker whose upstream is as
            // slow as that would never close.
            (_, Some(true)) => {
                self.state = BreakerState::Closed { since: now };
                self.generation = self.generation.wrapping_add(1);
                self.window = Window::default();
            }
            (_, Some(false)) => self.open(now),
            (BreakerState::HalfOpen { probed_at }, None) if probed_at == ticket.admitted_at => {
                self.state = BreakerState::Open { until: now };
            }
            (_, None) => {}
        }
    }

    /// Whether nobody but a probe is admitted, for the log.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, BreakerState::Closed { .. })
    }

    fn open(&mut self, now: Millis) {
        let ms = (OPEN_MS_BASE << self.doublings.min(DOUBLINGS_MAX)).min(OPEN_MS_MAX);
        self.state = BreakerState::Open {
            until: now.plus(ms),
        };
        self.doublings = self.doublings.saturating_add(1).min(DOUBLINGS_MAX);
        self.generation = self.generation.wrapping_add(1);
    }
}

/// The attempts of the last [`WINDOW_MS`], give or take [`BUCKET_MS`].
#[derive(Clone, Debug, Default)]
struct Window {
    buckets: [Bucket; BUCKETS],
    /// The number of the newest bucket, counted from the start of the clock.
    newest: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    attempts: u32,
    failures: u32,
}

impl Window {
    fn count(&mut self, ok: bool, now: Millis) {
        let number = now.0 / BUCKET_MS;
        for passed in 0..number.saturating_sub(self.newest).min(BUCKETS as u64) {
            *self.bucket(number - passed) = Bucket::default();
        }
        self.newest = self.newest.max(number);
        let bucket = self.bucket(self.newest);
        bucket.attempts = bucket.attempts.saturating_add(1);
        bucket.failures = bucket.failures.saturating_add(u32::from(!ok));
    }

    fn is_bad(&self) -> bool {
        let (mut attempts, mut failures) = (0, 0);
        for bucket in &self.buckets {
            attempts += u64::from(bucket.attempts);
            failures += u64::from(bucket.failures);
        }
        attempts >= u64::from(ATTEMPTS_MIN) && failures * 100 >= attempts * FAILED_PERCENT
    }

    fn bucket(&mut self, number: u64) -> &mut Bucket {
        let [first, others @ ..] = &mut self.buckets;
        match number % BUCKETS as u64 {
            0 => first,
            place => others.get_mut(place as usize - 1).unwrap_or(first),
        }
    }
}

#[cfg(test)]
mod tests;
