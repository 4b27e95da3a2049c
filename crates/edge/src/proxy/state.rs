//! What an instance knows of its upstreams. It is gone with the instance: what fails is found out again by
//! the next one, at the price of an attempt.

use crate::log::{self, Level};
use crate::variable;
use doorward_traffic::Millis;
use doorward_traffic::balance::{Choice, Outcome, Targets, Tried};
use doorward_traffic::breaker::{Breaker, Open, Ticket};
use doorward_traffic::fields::same_when_folded;
use doorward_traffic::random::Random;
use doorward_traffic::retry::{Again, Attempt, RetryBudget, again};
use doorward_traffic::upstream::{Upstream, UpstreamId};
use std::cell::{Cell, OnceCell, RefCell};
use std::hash::{BuildHasher as _, RandomState};
use wasip3::http::types::RequestOptions;

/// All upstreams of a policy.
pub(crate) struct Upstreams {
    states: Vec<State>,
    random: RefCell<Random>,
    /// Mirrored requests under way.
    pub(super) mirrored: Cell<usize>,
}

/// One upstream.
pub(super) struct State {
    targets: RefCell<Targets>,
    breaker: RefCell<Breaker>,
    budget: RefCell<RetryBudget>,
    credential: OnceCell<Option<Vec<u8>>>,
    /// Those of a request without a body, and whether the host keeps the times in them.
    options: OnceCell<(RequestOptions, bool)>,
}

impl Upstreams {
    pub(crate) fn new(upstreams: &[Upstream]) -> Self {
        let states = upstreams.iter().map(|upstream| State {
            targets: RefCell::new(Targets::new(upstream.targets.len())),
            breaker: RefCell::default(),
            budget: RefCell::default(),
            credential: OnceCell::new(),
            options: OnceCell::new(),
        });
        Self {
            states: states.collect(),
            random: RefCell::new(Random::seeded(RandomState::new().hash_one(0))),
            mirrored: Cell::new(0),
        }
    }

    pub(super) fn of(&self, id: UpstreamId) -> Option<Known<'_>> {
        Some(Known {
            state: self.states.get(usize::from(id))?,
            random: &self.random,
        })
    }
}

/// What is known of one upstream.
#[derive(Clone, Copy)]
pub(super) struct Known<'u> {
    state: &'u State,
    random: &'u RefCell<Random>,
}

impl<'u> Known<'u> {
    /// Counts a request, as far as repetitions follow from it.
    pub(super) fn request(self) {
        self.state.budget.borrow_mut().request();
    }

    /// Whether the upstream is asked at all now.
    pub(super) fn admit(self, now: Millis) -> Result<Ticket, Open> {
        self.state.breaker.borrow_mut().admit(now)
    }

    /// The target that is asked now. Where all were tried, the next round begins.
    pub(super) fn choose(
        self,
        tried: &mut Tried,
        may_probe: bool,
        ticket: Option<Ticket>,
        now: Millis,
    ) -> Option<Attempting<'u>> {
        let mut targets = self.state.targets.borrow_mut();
        let mut random = self.random.borrow_mut();
        let choice = match targets.choose(tried, may_probe, &mut random, now) {
            Some(choice) => choice,
            None => {
                *tried = Tried::default();
                targets.choose(tried, may_probe, &mut random, now)?
            }
        };
        tried.insert(choice.target);
        Some(Attempting {
            known: self,
            target: choice.target,
            choice: Some(choice),
            ticket,
            now,
        })
    }

    pub(super) fn can_fail_over(self, tried: &Tried) -> bool {
        self.state.targets.borrow().can_fail_over(tried)
    }

    pub(super) fn again(self, upstream: &Upstream, attempt: &Attempt) -> Again {
        let mut budget = self.state.budget.borrow_mut();
        let mut random = self.random.borrow_mut();
        again(&upstream.retry, attempt, &mut budget, &mut random)
    }

    /// The options of a request without a body whose deadline is far, and whether the host keeps the times in
    /// them. `make` makes those of the first one.
    pub(super) fn options(
        self,
        make: impl FnOnce() -> (RequestOptions, bool),
    ) -> (RequestOptions, bool) {
        let (options, timed) = self.state.options.get_or_init(make);
        (options.clone(), *timed)
    }

    /// Adds our own credential for `upstream`, if there is one. `Err`: its variable cannot be read.
    pub(super) async fn add_credential(
        self,
        upstream: &Upstream,
        fields: &mut Vec<(String, Vec<u8>)>,
    ) -> Result<(), ()> {
        let Some(credential) = &upstream.credential else {
            return Ok(());
        };
        if self.state.credential.get().is_none() {
            let value = match variable::get(&credential.variable).await {
                Ok(secret) => Some([credential.prefix.as_bytes(), secret.as_bytes()].concat()),
                Err(reason) => {
                    log::event(Level::Error, "variable-unreadable", &[("reason", &reason)]);
                    None
                }
            };
            // Two that read at once read the same.
            let _ = self.state.credential.set(value);
        }
        let Some(Some(value)) = self.state.credential.get() else {
            return Err(());
        };
        fields.retain(|(there, _)| !same_when_folded(there, &credential.header));
        fields.push((credential.header.clone(), value.clone()));
        Ok(())
    }
}

/// An attempt under way. Where it is dropped, because the client went away, it says nothing of the target.
pub(super) struct Attempting<'u> {
    known: Known<'u>,
    /// The position of the target.
    pub(super) target: usize,
    choice: Option<Choice>,
    ticket: Option<Ticket>,
    now: Millis,
}

impl Attempting<'_> {
    /// Says how it ended.
    pub(super) fn ended(mut self, outcome: Outcome, now: Millis) {
        self.now = now;
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(choice) = self.choice.take() else {
            return;
        };
        let state = self.known.state;
        let mut random = self.known.random.borrow_mut();
        let mut targets = state.targets.borrow_mut();
        targets.ended(choice, outcome, &mut random, self.now);
        if let Some(ticket) = self.ticket.take() {
            let mut breaker = state.breaker.borrow_mut();
            breaker.record(ticket, outcome.ok(), self.now);
        }
    }
}

impl Drop for Attempting<'_> {
    fn drop(&mut self) {
        self.end(Outcome::Unknown);
    }
}
