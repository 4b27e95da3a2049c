//! What an instance knows of its upstreams. It is gone with the instance: what fails is found out again by
//! the next one, at the price of an attempt.

use doorward_retry::{Random, RetryBudget};
use doorward_syntax::field_name::same_when_folded;
use doorward_traffic::Millis;
use doorward_traffic::balance::{TargetChoice, TargetReport, Targets, Tried};
use doorward_traffic::breaker::{Breaker, BreakerOpen, RequestReport, Ticket};
use doorward_traffic::by_route::{ByRoute, RouteNumber};
use doorward_traffic::retry::{Again, Attempt, again};
use doorward_traffic::upstream::{Target, Upstream};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::event::Event;
use crate::platform::{FieldList, Platform};
use crate::recording::Recording as _;

/// Those upstreams of a policy that were asked for.
pub(crate) struct Upstreams<P: Platform> {
    platform: P,
    random: Rc<RefCell<Random>>,
    known: RefCell<Vec<Rc<Known<P>>>>,
    /// Mirrored requests under way.
    pub(super) mirrored: Rc<Cell<usize>>,
}

impl<P: Platform> Upstreams<P> {
    /// Nothing is known of them.
    pub(crate) fn new(platform: &P) -> Self {
        Self {
            platform: platform.clone(),
            random: Rc::new(RefCell::new(Random::seeded(platform.random()))),
            known: RefCell::default(),
            mirrored: Rc::default(),
        }
    }

    /// What is known of this one.
    pub(super) fn of(&self, upstream: &Arc<Upstream>) -> Rc<Known<P>> {
        let mut known = self.known.borrow_mut();
        let is_it = |known: &&Rc<Known<P>>| Arc::ptr_eq(&known.upstream, upstream);
        if let Some(known) = known.iter().find(is_it) {
            return Rc::clone(known);
        }
        let new = Rc::new(Known {
            platform: self.platform.clone(),
            targets: RefCell::new(Targets::new(upstream.targets.len())),
            breaker: RefCell::default(),
            route_breakers: RefCell::default(),
            budget: RefCell::default(),
            credential: OnceCell::new(),
            options: OnceCell::new(),
            upstream: Arc::clone(upstream),
            random: Rc::clone(&self.random),
        });
        known.push(Rc::clone(&new));
        new
    }
}

/// What is known of an upstream, by what requests to it have found out. Nobody asks it for this.
#[cfg(feature = "health")]
pub(crate) struct UpstreamHealth {
    pub(crate) upstream: Arc<Upstream>,
    /// How many of its targets no connection can be made to.
    pub(crate) unreachable: usize,
    /// Whether no request is sent to it.
    pub(crate) is_shut: bool,
    /// On how many routes no request is sent to it.
    pub(crate) routes_shut: usize,
}

#[cfg(feature = "health")]
impl<P: Platform> Upstreams<P> {
    /// What is known of those that were asked for.
    pub(crate) fn health(&self) -> Vec<UpstreamHealth> {
        let now = self.platform.monotonic();
        let of_one = |known: &Rc<Known<P>>| UpstreamHealth {
            upstream: Arc::clone(&known.upstream),
            unreachable: known.targets.borrow().unreachable_count(now),
            is_shut: known.breaker.borrow().is_shut(now),
            routes_shut: {
                let breakers = known.route_breakers.borrow();
                breakers.all().filter(|one| one.is_shut(now)).count()
            },
        };
        self.known.borrow().iter().map(of_one).collect()
    }
}

/// An upstream, and what is known of it.
pub(super) struct Known<P: Platform> {
    pub(super) platform: P,
    pub(super) upstream: Arc<Upstream>,
    targets: RefCell<Targets>,
    /// Of connections to it.
    breaker: RefCell<Breaker>,
    /// Those of routes on which a request has failed.
    route_breakers: RefCell<ByRoute<Breaker>>,
    budget: RefCell<RetryBudget>,
    credential: OnceCell<Option<Vec<u8>>>,
    /// Those of a request without a body, and whether the host keeps the times in them.
    options: OnceCell<(P::Options, bool)>,
    random: Rc<RefCell<Random>>,
}

impl<P: Platform> Known<P> {
    /// Counts a request, as far as repetitions follow from it.
    pub(super) fn request(&self) {
        self.budget.borrow_mut().request();
    }

    /// Whether the upstream is asked at all now by a request of this route and client.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn admit(
        &self,
        route: RouteNumber,
        client: Option<u64>,
        now: Millis,
    ) -> Result<Admission<'_, P>, BreakerOpen> {
        let mut breakers = self.route_breakers.borrow_mut();
        let on_route = breakers
            .get_mut(route)
            .map(|breaker| breaker.admit(client, now));
        drop(breakers);
        let mut admission = Admission {
            known: self,
            route,
            client,
            on_route: on_route.transpose()?,
            of_connections: None,
            now,
        };
        admission.of_connections = Some(self.breaker.borrow_mut().admit(None, now)?);
        Ok(admission)
    }

    /// The target that is asked now by a request of this route. Where all were tried, the next round begins.
    pub(super) fn choose(
        &self,
        route: RouteNumber,
        tried: &mut Tried,
        may_probe: bool,
        now: Millis,
    ) -> Attempting<'_, P> {
        let mut random = self.random.borrow_mut();
        let mut targets = self.targets.borrow_mut();
        let choice = targets.choose(route, tried, may_probe, &mut random, now);
        Attempting {
            known: self,
            position: choice.target,
            target: self.upstream.targets.at(choice.target),
            choice: Some(choice),
            now,
        }
    }

    pub(super) fn can_fail_over(&self, route: RouteNumber, tried: &Tried) -> bool {
        self.targets.borrow().can_fail_over(route, tried)
    }

    pub(super) fn again(&self, attempt: &Attempt) -> Again {
        let mut budget = self.budget.borrow_mut();
        let mut random = self.random.borrow_mut();
        again(&self.upstream.retry, attempt, &mut budget, &mut random)
    }

    /// The options of a request without a body whose deadline is far, and whether the host keeps the times in
    /// them. `make` makes those of the first one.
    pub(super) fn options(&self, make: impl FnOnce() -> (P::Options, bool)) -> (P::Options, bool) {
        let (options, timed) = self.options.get_or_init(make);
        (options.clone(), *timed)
    }

    /// Adds our own credential for the upstream, if there is one; not where the request goes on although nobody was
    /// let through.
    ///
    /// # Errors
    /// Its variable cannot be read.
    pub(super) async fn add_credential(
        &self,
        fields: &mut FieldList,
        of_nobody: bool,
    ) -> Result<(), NoCredential> {
        let Some(credential) = &self.upstream.credential else {
            return Ok(());
        };
        let is_ours = |there: &str| same_when_folded(there, &credential.header);
        if cfg!(feature = "report") && of_nobody {
            // The client has none to say there either.
            fields.retain(|there| !is_ours(there));
            return Ok(());
        }
        if self.credential.get().is_none() {
            let value = match self.platform.secret(&credential.variable).await {
                Ok(secret) => Some([credential.prefix.as_bytes(), secret.as_bytes()].concat()),
                Err(reason) => {
                    let reason = &reason;
                    self.platform.record(&Event::VariableUnreadable { reason });
                    None
                }
            };
            // Two that read at once read the same.
            let _ = self.credential.set(value);
        }
        let Some(Some(value)) = self.credential.get() else {
            return Err(NoCredential);
        };
        fields.retain(|there| !is_ours(there));
        fields.push(&credential.header, value.clone());
        Ok(())
    }
}

/// The credential for an upstream cannot be had.
pub(super) struct NoCredential;

/// An attempt under way. Where it is dropped, because the client went away, it says nothing of the target.
pub(super) struct Attempting<'u, P: Platform> {
    known: &'u Known<P>,
    /// The target.
    pub(super) target: &'u Target,
    /// Its position, for the record.
    pub(super) position: usize,
    choice: Option<TargetChoice>,
    now: Millis,
}

impl<P: Platform> Attempting<'_, P> {
    /// StatusMeaning how it ended.
    pub(super) fn ended(mut self, outcome: TargetReport, now: Millis) {
        self.now = now;
        self.end(outcome);
    }

    fn end(&mut self, outcome: TargetReport) {
        let Some(choice) = self.choice.take() else {
            return;
        };
        let mut random = self.known.random.borrow_mut();
        let mut targets = self.known.targets.borrow_mut();
        targets.ended(choice, outcome, &mut random, self.now);
    }
}

impl<P: Platform> Drop for Attempting<'_, P> {
    fn drop(&mut self) {
        self.end(TargetReport::Unknown);
    }
}

/// A request that the breakers have let through. Where it is dropped, because the client went away, it says nothing.
pub(super) struct Admission<'u, P: Platform> {
    known: &'u Known<P>,
    route: RouteNumber,
    client: Option<u64>,
    /// Of the breaker of its route, if there is one yet.
    on_route: Option<Ticket>,
    /// Of the upstream's.
    of_connections: Option<Ticket>,
    now: Millis,
}

impl<P: Platform> Admission<'_, P> {
    /// Says how its last attempt ended.
    pub(super) fn ended(mut self, last: TargetReport, now: Millis) {
        self.now = now;
        self.end(last);
    }

    fn end(&mut self, last: TargetReport) {
        let failed = RequestReport::Failed;
        let (connected, served) = match last {
            TargetReport::Success => (RequestReport::Answered, RequestReport::Answered),
            TargetReport::Failing => (RequestReport::Answered, failed),
            TargetReport::Broken => (failed, RequestReport::Unknown),
            TargetReport::Unknown => (RequestReport::Unknown, RequestReport::Unknown),
        };
        if let Some(ticket) = self.of_connections.take() {
            let mut breaker = self.known.breaker.borrow_mut();
            breaker.record(ticket, connected, self.now);
        }
        let mut breakers = self.known.route_breakers.borrow_mut();
        let ticket = match (self.on_route.take(), last) {
            (None, TargetReport::Failing) => {
                breakers.make(self.route, Breaker::of_route);
                let breaker = breakers.get_mut(self.route);
                let breaker = breaker.filter(|breaker| !breaker.is_open());
                breaker.and_then(|breaker| breaker.admit(self.client, self.now).ok())
            }
            (ticket, _) => ticket,
        };
        if let Some(ticket) = ticket
            && let Some(breaker) = breakers.get_mut(self.route)
        {
            breaker.record(ticket, served, self.now);
        }
    }
}

impl<P: Platform> Drop for Admission<'_, P> {
    fn drop(&mut self) {
        self.end(TargetReport::Unknown);
    }
}
