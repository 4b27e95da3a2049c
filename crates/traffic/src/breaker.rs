//! Not asking an upstream that fails: a circuit breaker.
//!
//! ```text
//!            of the last WINDOW_MS at least REQUESTS_MIN
//!            requests, FAILED_PERCENT of them failed
//! closed ──────────────────────────────────────────▶ open
//!    ▲                                                │ ▲
//!    │ the probe succeeds          its time is up     │ │ the probe fails:
//!    └──────────────────── half-open ◀────────────────┘ │ for twice as long
//!                              └────────────────────────┘
//! ```
//!
//! While it is open nobody is admitted, while it is half-open one probe is; on a route, one probe each of
//! [`CLIENTS_MIN`] clients. Where one fails, it is open for those that have probed, and the others may still: as one
//! client cannot open it, so one cannot keep it open by being the first to probe. A request that was admitted
//! before the breaker opened or closed says nothing about the time after. A request counts once, by how it ended,
//! however often it was sent.
//!
//! What fails decides for whom that counts. That no connection comes about counts for the upstream
//! ([`Breaker::new`]). What an upstream does with a request that it has counts for the route of that request only,
//! and as long as fewer than [`CLIENTS_MIN`] clients have met it, for nobody ([`Breaker::of_route`]): it may be due
//! to what they ask for, and one client that knows an endpoint which fails must not take it away from the others.
//!
//! It is open for [`OPEN_MS_BASE`] first, up to [`OPEN_MS_MAX`]. A breaker that opens again
//! within [`OPEN_MS_MAX`] of having closed goes on doubling where it was.

use doorward_retry::Backoff;

use crate::time::Millis;

/// Over how many milliseconds requests are counted.
pub const WINDOW_MS: u64 = 10_000;
/// How many requests there must be before they say anything.
pub const REQUESTS_MIN: u32 = 20;
/// Of how many clients requests must have failed before the breaker of a route opens.
pub const CLIENTS_MIN: usize = 3;
/// How many of a hundred requests must have failed.
pub const FAILED_PERCENT: u64 = 50;
/// For how many milliseconds the breaker is open the first time.
pub const OPEN_MS_BASE: u64 = 1_000;
/// For how many milliseconds the breaker is open at most.
pub const OPEN_MS_MAX: u64 = 30_000;
/// After how many milliseconds a probe that says nothing no longer holds up the next one.
pub const PROBE_MS_MAX: u64 = 30_000;

const BUCKET_MS: u64 = 1_000;
const BUCKETS: usize = (WINDOW_MS / BUCKET_MS) as usize;
/// For how long it is open. An instance opens it by what it has seen itself, so there is no jitter.
const OPEN: Backoff = Backoff {
    least: 0,
    first: OPEN_MS_BASE,
    most: OPEN_MS_MAX,
};

/// The breaker of one upstream, or of one of its routes.
#[derive(Clone, Debug)]
pub struct Breaker {
    state: BreakerState,
    /// Of how many clients requests must have failed before it opens.
    clients_min: usize,
    /// How often it was open of late.
    doublings: u8,
    /// Grows whenever it opens or closes.
    generation: u32,
    window: Window,
    /// Who has probed since its time was up: all that may, where that is not so.
    probers: Clients,
    /// Whether its time has been doubled since then.
    doubled: bool,
}

/// A request that was admitted.
#[must_use = "a request counts when it is recorded"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    generation: u32,
    admitted_at: Millis,
    client: Option<u64>,
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
    HalfOpen { until: Millis },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestReport {
    /// It was answered.
    Answered,
    /// It failed.
    Failed,
    /// Nobody knows, because the client went away first.
    Unknown,
}

impl Breaker {
    /// A breaker that is closed, of an upstream.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clients_min(0)
    }

    /// A breaker that is closed, of a route.
    #[must_use]
    pub fn of_route() -> Self {
        Self::with_clients_min(CLIENTS_MIN)
    }

    fn with_clients_min(clients_min: usize) -> Self {
        Self {
            clients_min,
            state: BreakerState::Closed { since: Millis(0) },
            doublings: 0,
            generation: 0,
            window: Window::default(),
            probers: Clients::default(),
            doubled: false,
        }
    }

    /// Whether the upstream may be asked for a client: a number that is always the same for one; `None` where
    /// nobody knows, which counts as another client each time.
    ///
    /// The caller passes every ticket to [`Self::record`], also when its request is cancelled. The ticket
    /// of a probe that is never passed holds up the next probe for [`PROBE_MS_MAX`]; another one that is
    /// not passed just does not count.
    ///
    /// # Errors
    ///
    /// [`BreakerOpen`] when it may not.
    #[inline(never)] // A copy at each place where it is called makes a component half a kilobyte larger.
    pub fn admit(&mut self, client: Option<u64>, now: Millis) -> Result<Ticket, BreakerOpen> {
        let ticket = Ticket {
            generation: self.generation,
            admitted_at: now,
            client,
        };
        let (until, ms_max) = match self.state {
            BreakerState::Closed { .. } => return Ok(ticket),
            BreakerState::Open { until } => (until, OPEN_MS_MAX),
            // The probe that is under way is likely to say within a moment how it goes on.
            BreakerState::HalfOpen { until } => (until, OPEN_MS_BASE),
        };
        let left_ms = until.since(now);
        if left_ms == 0 {
            self.probers = Clients::default();
            self.doubled = false;
        }
        let before = self.probers.count();
        if before < self.clients_min.max(1) {
            self.probers.add(client);
        }
        if self.probers.count() == before {
            return Err(BreakerOpen {
                retry_after_ms: left_ms.min(ms_max),
            });
        }
        self.state = BreakerState::HalfOpen {
            until: now.plus(PROBE_MS_MAX),
        };
        Ok(ticket)
    }

    /// What became of a request.
    pub fn record(&mut self, ticket: Ticket, report: RequestReport, now: Millis) {
        // Admitted before it opened, or before it closed: old news.
        if ticket.generation != self.generation {
            return;
        }
        match (self.state, report) {
            (BreakerState::Closed { .. }, RequestReport::Unknown) => {}
            (BreakerState::Closed { since }, _) => {
                self.window.count(&ticket, report, now);
                if self.window.is_bad(self.clients_min) {
                    if now.since(since) > OPEN_MS_MAX {
                        self.doublings = 0;
                    }
                    self.generation = self.generation.wrapping_add(1);
                    self.probers = Clients::ALL;
                    self.open(now);
                }
            }
            // A probe that took longer than PROBE_MS_MAX counts, too: else a breaker whose upstream is as
            // slow as that would never close.
            (_, RequestReport::Answered) => {
                self.state = BreakerState::Closed { since: now };
                self.generation = self.generation.wrapping_add(1);
                self.window = Window::default();
                self.doubled = false;
            }
            (_, RequestReport::Failed) => {
                if ticket.client.is_none() {
                    self.probers = Clients::ALL;
                }
                self.open(now);
            }
            (BreakerState::HalfOpen { until }, _)
                if until == ticket.admitted_at.plus(PROBE_MS_MAX) =>
            {
                self.state = BreakerState::Open { until: now };
            }
            _ => {}
        }
    }

    /// Whether nobody but a probe is admitted, for the log.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, BreakerState::Closed { .. })
    }

    /// Whether nobody is admitted now. It is no more once its time is up, since the next request then finds out.
    #[must_use]
    pub fn is_shut(&self, now: Millis) -> bool {
        matches!(self.state, BreakerState::Open { until } if until > now)
    }

    /// Opens it for those that have probed.
    #[inline(never)]
    fn open(&mut self, now: Millis) {
        if !self.doubled {
            self.doublings = self.doublings.saturating_add(1);
            self.doubled = true;
        }
        self.state = BreakerState::Open {
            until: now.plus(OPEN.bound(self.doublings.into())),
        };
    }
}

/// The requests of the last [`WINDOW_MS`], give or take [`BUCKET_MS`].
#[derive(Clone, Debug, Default)]
struct Window {
    buckets: [Bucket; BUCKETS],
    /// The number of the newest bucket, counted from the start of the clock.
    newest: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    requests: u32,
    failures: u32,
    clients: Clients,
}

/// Clients of which requests have failed: all of them up to [`CLIENTS_MIN`].
#[derive(Clone, Copy, Debug, Default)]
struct Clients {
    /// Those that are known.
    known: [Option<u64>; CLIENTS_MIN],
    unknown: usize,
}

impl Clients {
    /// More than any breaker asks for.
    const ALL: Self = Self {
        known: [None; CLIENTS_MIN],
        unknown: usize::MAX,
    };

    #[inline(never)]
    fn add(&mut self, client: Option<u64>) {
        let Some(client) = client else {
            self.unknown = self.unknown.saturating_add(1);
            return;
        };
        for place in &mut self.known {
            match place {
                Some(known) if *known != client => {}
                _ => {
                    *place = Some(client);
                    return;
                }
            }
        }
    }

    #[inline(never)]
    fn count(&self) -> usize {
        let known = self.known.iter().flatten().count();
        known.saturating_add(self.unknown)
    }
}

impl Window {
    fn count(&mut self, ticket: &Ticket, report: RequestReport, now: Millis) {
        let number = now.0 / BUCKET_MS;
        for passed in 0..number.saturating_sub(self.newest).min(BUCKETS as u64) {
            *self.bucket(number - passed) = Bucket::default();
        }
        self.newest = self.newest.max(number);
        let bucket = self.bucket(self.newest);
        bucket.requests = bucket.requests.saturating_add(1);
        if report == RequestReport::Failed {
            bucket.failures = bucket.failures.saturating_add(1);
            bucket.clients.add(ticket.client);
        }
    }

    fn is_bad(&self, clients_min: usize) -> bool {
        let (mut requests, mut failures) = (0, 0);
        for bucket in &self.buckets {
            requests += u64::from(bucket.requests);
            failures += u64::from(bucket.failures);
        }
        requests >= u64::from(REQUESTS_MIN)
            && failures * 100 >= requests * FAILED_PERCENT
            && self.clients() >= clients_min
    }

    /// How many clients have met a failure; those above [`CLIENTS_MIN`] may be missing.
    fn clients(&self) -> usize {
        let mut all = Clients::default();
        for bucket in &self.buckets {
            for client in bucket.clients.known.iter().flatten() {
                all.add(Some(*client));
            }
            all.unknown = all.unknown.saturating_add(bucket.clients.unknown);
        }
        all.count()
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
