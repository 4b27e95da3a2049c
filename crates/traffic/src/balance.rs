//! Which target of an upstream is asked: the less busy of two, of those that work.
//!
//! 1. Of the targets that work and that this request has not tried, two are drawn at random and the one
//!    with fewer requests in flight is asked. That evens out the load nearly as well as looking at all of
//!    them, and instances that know nothing of each other do not all pick the same one.
//! 2. A target that fails is set aside. When no connection to it works ([`TargetReport::Broken`]), nobody could be
//!    served there: at once, and for every route. When it takes requests in vain ([`TargetReport::Failing`]), that may
//!    be due to what is asked of it: after [`FAILURES_MAX`] failures in a row of requests of one route, and for that
//!    route only. The first time for [`ASIDE_MS_BASE`], then twice as long each time, up to [`ASIDE_MS_MAX`], and
//!    always [`ASIDE_JITTER_PERCENT`] more or less, so that instances do not come back to it together.
//! 3. When the time is up, one request probes it, before all others and one at a time. Success heals it, a
//!    failure sets it aside for longer. What was sent before it was set aside, or before it was healed,
//!    says nothing about it any more.
//! 4. When no target works that the request has not tried, those that are set aside are asked after all:
//!    better all than none. Their failures do not set them aside for longer: else the requests of one
//!    moment would use up all doublings.
//!
//! Each success of a healthy target takes back one doubling. So a target that works only now and then is set
//! aside for longer and longer.

use doorward_retry::{Backoff, Random};

use crate::by_route::{ByRoute, RouteNumber};
use crate::status::StatusMeaning;
use crate::time::Millis;
use crate::upstream::UpstreamFailure;

/// Most targets of an upstream.
pub const TARGETS_MAX: usize = 32;
/// For how many milliseconds a target is set aside the first time.
pub const ASIDE_MS_BASE: u64 = 1_000;
/// For how many milliseconds a target is set aside at most.
pub const ASIDE_MS_MAX: u64 = 60_000;
/// How much longer or shorter it may be.
pub const ASIDE_JITTER_PERCENT: u64 = 20;
/// After how many failures in a row a target is set aside that takes requests in vain.
pub const FAILURES_MAX: u8 = 3;
/// After how many milliseconds a probe that says nothing no longer holds up the next one.
pub const PROBE_MS_MAX: u64 = 30_000;

/// For how long, before the jitter.
const ASIDE: Backoff = Backoff {
    least: 0,
    first: ASIDE_MS_BASE,
    most: ASIDE_MS_MAX,
};
/// After so many doublings it is [`ASIDE_MS_MAX`] in any case.
const DOUBLINGS_MAX: u8 = 6;

/// The targets that one request has tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried(u32);

impl Tried {
    /// This one, too.
    pub const fn insert(&mut self, target: usize) {
        self.0 |= bit(target);
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, target: usize) -> bool {
        self.0 & bit(target) != 0
    }
}

/// The target to ask. It counts as busy until [`Targets::ended`] is told.
#[must_use = "a target that is chosen counts as busy until its request has ended"]
#[derive(Debug, PartialEq, Eq)]
pub struct TargetChoice {
    /// Its position among the targets of the upstream.
    pub target: usize,
    route: RouteNumber,
    /// What the request finds out of connections to the target.
    of_connections: Seen,
    /// What it finds out of the target on its route.
    of_route: Seen,
}

impl TargetChoice {
    /// Whether this request finds out if the target works again.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.of_connections.probe || self.of_route.probe
    }
}

/// What was known when a target was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    probe: bool,
    /// [`Health::generation`]. A report is ignored when that has changed meanwhile.
    generation: u32,
    at: Millis,
}

/// What a request reports of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetReport {
    /// The target answered; what it thinks of the request does not matter.
    Success,
    /// It took the request and answered 502, 503 or 504, nothing, or no HTTP. That may be due to the
    /// request: nobody should be able to have a target set aside with a single one.
    Failing,
    /// No connection to it came about: nobody could be served there.
    Broken,
    /// The client went away first, or the request was over for another reason of ours.
    Unknown,
}

impl TargetReport {
    /// What an attempt reports that ended in a response.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match StatusMeaning::of(status) {
            StatusMeaning::Failing => Self::Failing,
            StatusMeaning::Works | StatusMeaning::Busy => Self::Success,
        }
    }

    /// What an attempt reports that ended in none.
    #[must_use]
    pub const fn of_failure(failure: &UpstreamFailure) -> Self {
        match failure {
            UpstreamFailure::Unreachable
            | UpstreamFailure::ConnectTimeout
            | UpstreamFailure::Tls
            | UpstreamFailure::Denied => Self::Broken,
            UpstreamFailure::Reset | UpstreamFailure::Timeout | UpstreamFailure::Malformed => {
                Self::Failing
            }
            // It answered.
            UpstreamFailure::TooLarge => Self::Success,
            UpstreamFailure::BreakerOpen { .. } | UpstreamFailure::Deadline => Self::Unknown,
        }
    }
}

/// What an instance knows of the targets of one upstream.
#[derive(Clone, Debug)]
pub struct Targets {
    all: Vec<TargetState>,
    /// What is known of them on routes on which one has failed.
    routes: ByRoute<Vec<Health>>,
}

#[derive(Clone, Debug, Default)]
struct TargetState {
    in_flight: u32,
    /// Whether connections to it come about.
    connections: Health,
}

#[derive(Clone, Debug, Default)]
struct Health {
    /// In a row, while it is not set aside.
    failures: u8,
    /// How often it was set aside of late.
    doublings: u8,
    /// Until when it is set aside, which lasts until a request succeeds.
    aside_until: Option<Millis>,
    /// When the probe that is under way was sent.
    probed_at: Option<Millis>,
    /// Grows whenever it is set aside or healed.
    generation: u32,
}

impl Targets {
    /// `count` targets, at most [`TARGETS_MAX`], all of which work as far as is known.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self {
            all: vec![TargetState::default(); count.min(TARGETS_MAX)],
            routes: ByRoute::default(),
        }
    }

    /// The target to ask for a request of this route that has tried `tried`, by the rules of the
    /// [module documentation](self). Where it has tried all, the next round begins. The target counts as tried
    /// from now on.
    ///
    /// `may_probe` says whether the request can be repeated, so that it is not lost to a probe. Another
    /// request probes only where no target works.
    ///
    /// The caller passes every choice to [`Self::ended`], also when its own request is cancelled (a guard
    /// does it on drop). One that is never passed counts as in flight for the rest of the instance's life:
    /// its target is then asked less, not never, and is probed again after [`PROBE_MS_MAX`].
    pub fn choose(
        &mut self,
        route: RouteNumber,
        tried: &mut Tried,
        may_probe: bool,
        random: &mut Random,
        now: Millis,
    ) -> TargetChoice {
        let target = match self.best(route, *tried, may_probe, random, now) {
            Some(target) => target,
            None => {
                *tried = Tried::default();
                let best = self.best(route, *tried, may_probe, random, now);
                best.unwrap_or_default()
            }
        };
        tried.insert(target);
        self.take(route, target, now)
    }

    /// The best of those that were not tried.
    fn best(
        &self,
        route: RouteNumber,
        tried: Tried,
        may_probe: bool,
        random: &mut Random,
        now: Millis,
    ) -> Option<usize> {
        let (mut working, mut aside) = (0, 0);
        // The target whose time has been up for longest.
        let mut due: Option<(Millis, usize)> = None;
        for (target, state) in self.all.iter().enumerate() {
            if tried.contains(target) {
                continue;
            }
            let on_route = self.on_route(route, target);
            let of_route = on_route.and_then(|health| health.aside_until);
            let Some(until) = state.connections.aside_until.max(of_route) else {
                working |= bit(target);
                continue;
            };
            aside |= bit(target);
            let may = |health: &Health| health.aside_until.is_none() || health.may_be_probed(now);
            if may(&state.connections)
                && on_route.is_none_or(may)
                && due.is_none_or(|(first, _)| until < first)
            {
                due = Some((until, target));
            }
        }
        match due {
            Some((_, target)) if may_probe || working == 0 => Some(target),
            _ if working != 0 => self.less_busy(working, random),
            _ => self.less_busy(aside, random),
        }
    }

    fn take(&mut self, route: RouteNumber, target: usize, now: Millis) -> TargetChoice {
        let on_route = self.routes.get_mut(route);
        let on_route = on_route.and_then(|of_route| of_route.get_mut(target));
        let nothing = Seen {
            probe: false,
            generation: 0,
            at: now,
        };
        let of_route = on_route.map_or(nothing, |health| health.see(now));
        let of_connections = self.all.get_mut(target).map_or(nothing, |state| {
            state.in_flight = state.in_flight.saturating_add(1);
            state.connections.see(now)
        });
        TargetChoice {
            target,
            route,
            of_connections,
            of_route,
        }
    }

    /// The request for which `choice` was made is over, or its response has begun.
    pub fn ended(
        &mut self,
        choice: TargetChoice,
        report: TargetReport,
        random: &mut Random,
        now: Millis,
    ) {
        let count = self.all.len();
        let Some(state) = self.all.get_mut(choice.target) else {
            return;
        };
        state.in_flight = state.in_flight.saturating_sub(1);
        let connected = match report {
            TargetReport::Success | TargetReport::Failing => Some(true),
            TargetReport::Broken => Some(false),
            TargetReport::Unknown => None,
        };
        let seen = choice.of_connections;
        state.connections.report(seen, connected, 1, random, now);

        let worked = match report {
            TargetReport::Success => Some(true),
            TargetReport::Failing => Some(false),
            TargetReport::Broken | TargetReport::Unknown => None,
        };
        if worked == Some(false) {
            self.routes
                .make(choice.route, || vec![Health::default(); count]);
        }
        let on_route = self.routes.get_mut(choice.route);
        if let Some(health) = on_route.and_then(|of_route| of_route.get_mut(choice.target)) {
            health.report(choice.of_route, worked, FAILURES_MAX, random, now);
        }
    }

    /// Whether a target works, as far as is known, that a request of this route has not tried: then it can go
    /// there without a pause.
    #[must_use]
    pub fn can_fail_over(&self, route: RouteNumber, tried: &Tried) -> bool {
        (0..self.all.len()).any(|target| !tried.contains(target) && !self.is_aside(route, target))
    }

    /// How many targets are set aside for this route, for the log.
    #[must_use]
    pub fn aside_count(&self, route: RouteNumber) -> usize {
        let targets = 0..self.all.len();
        targets
            .filter(|&target| self.is_aside(route, target))
            .count()
    }

    /// How many targets are set aside now because no connection to them came about. It is none of them once its time
    /// is up, since the next request then finds out.
    #[must_use]
    pub fn unreachable_count(&self, now: Millis) -> usize {
        let until = |target: &&TargetState| target.connections.aside_until;
        let aside = |target: &&TargetState| until(target).is_some_and(|until| until > now);
        self.all.iter().filter(aside).count()
    }

    fn is_aside(&self, route: RouteNumber, target: usize) -> bool {
        let connections = self.all.get(target).map(|state| &state.connections);
        let mut known = connections.into_iter().chain(self.on_route(route, target));
        known.any(|health| health.aside_until.is_some())
    }

    fn on_route(&self, route: RouteNumber, target: usize) -> Option<&Health> {
        self.routes.get(route)?.get(target)
    }

    /// Of two of these, drawn at random, the one with fewer requests in flight; the first one drawn when
    /// they have the same number.
    fn less_busy(&self, among: u32, random: &mut Random) -> Option<usize> {
        let count = u64::from(among.count_ones());
        if count < 2 {
            return nth(among, 0);
        }
        let first = nth(among, random.below(count))?;
        let second = nth(among & !bit(first), random.below(count - 1))?;
        let in_flight = |target: usize| self.all.get(target).map(|state| state.in_flight);
        if in_flight(second) < in_flight(first) {
            Some(second)
        } else {
            Some(first)
        }
    }
}

impl Health {
    fn may_be_probed(&self, now: Millis) -> bool {
        self.aside_until.is_some_and(|until| now >= until)
            && self
                .probed_at
                .is_none_or(|at| now.since(at) >= PROBE_MS_MAX)
    }

    /// A request goes there now, which is the probe if there is to be one.
    fn see(&mut self, now: Millis) -> Seen {
        let probe = self.may_be_probed(now);
        if probe {
            self.probed_at = Some(now);
        }
        Seen {
            probe,
            generation: self.generation,
            at: now,
        }
    }

    /// What such a request found out, `None` where it found out nothing. It is set aside after `failures_max`
    /// failures in a row.
    fn report(
        &mut self,
        seen: Seen,
        works: Option<bool>,
        failures_max: u8,
        random: &mut Random,
        now: Millis,
    ) {
        if seen.probe && self.probed_at == Some(seen.at) {
            self.probed_at = None;
        }
        // Sent before it was set aside, or before it was healed: old news.
        if seen.generation != self.generation {
            return;
        }
        match works {
            Some(true) => self.succeeded(),
            // Only a probe sets it aside again: see rule 4.
            Some(false) if self.aside_until.is_some() && !seen.probe => {}
            Some(false) => {
                self.failures = self.failures.saturating_add(1);
                if seen.probe || self.failures >= failures_max {
                    self.set_aside(random, now);
                }
            }
            None => {}
        }
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        if self.aside_until.take().is_some() {
            self.generation = self.generation.wrapping_add(1);
            self.probed_at = None;
        } else {
            self.doublings = self.doublings.saturating_sub(1);
        }
    }

    fn set_aside(&mut self, random: &mut Random, now: Millis) {
        let ms = ASIDE.bound(u32::from(self.doublings) + 1);
        let jitter_ms = ms * ASIDE_JITTER_PERCENT / 100;
        let ms = ms - jitter_ms + random.below(2 * jitter_ms + 1);
        self.aside_until = Some(now.plus(ms));
        self.doublings = self.doublings.saturating_add(1).min(DOUBLINGS_MAX);
        self.failures = 0;
        self.probed_at = None;
        self.generation = self.generation.wrapping_add(1);
    }
}

/// The bit of a target; none beyond [`TARGETS_MAX`].
const fn bit(target: usize) -> u32 {
    if target < TARGETS_MAX { 1 << target } else { 0 }
}

/// The position of the bit of `bits` that has `skipped` lower ones.
fn nth(mut bits: u32, skipped: u64) -> Option<usize> {
    for _ in 0..skipped {
        bits &= bits.wrapping_sub(1);
    }
    (bits != 0).then_some(bits.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests;
