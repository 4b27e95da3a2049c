//! A component that serves, and requests that are under way to it.

#![expect(
    clippy::expect_used,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use super::client::{Answer, Sent};
use super::component::Component;
use super::executor::Owner;
use super::gate::{Behind, Gate};
use super::message::Failure;
use super::world::World;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// How long something is waited for, by the simulated clock.
const WAIT_TIME_MAX: Duration = Duration::from_secs(60);
/// How often is looked whether it has come.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A component that serves.
pub struct Stage {
    /// All around it.
    pub world: Rc<World>,
    /// The component.
    pub gate: Rc<Gate>,
}

impl Stage {
    /// This component, with what is behind it.
    #[must_use]
    pub fn new(world: &Rc<World>, component: Component, behind: Behind) -> Self {
        Self {
            world: Rc::clone(world),
            gate: Gate::new(world, component, behind),
        }
    }

    /// What the client gets that sends this.
    ///
    /// # Panics
    /// Where the component gives no response.
    pub fn send(&self, sent: Sent) -> Answer {
        let answer = self.try_send(sent);
        answer.expect("there is a response")
    }

    /// What the client gets that sends this, if anything.
    ///
    /// # Errors
    /// Where the component gives no response.
    pub fn try_send(&self, sent: Sent) -> Result<Answer, Failure> {
        let gate = Rc::clone(&self.gate);
        let executor = &self.world.executor;
        executor.run(async move { gate.send(sent).await })
    }

    /// Begins to send this. It goes on whenever time does.
    #[must_use]
    pub fn begin(&self, sent: Sent) -> UnderWay {
        let outcome = Rc::new(RefCell::new(None));
        let (gate, told) = (Rc::clone(&self.gate), Rc::clone(&outcome));
        let client = self.world.owner();
        self.world.executor.spawn(client, async move {
            let answer = gate.send(sent).await;
            *told.borrow_mut() = Some(answer);
        });
        UnderWay {
            world: Rc::clone(&self.world),
            client,
            outcome,
        }
    }

    /// What the clients get that send these at the same time, in their order.
    ///
    /// # Panics
    /// Where one of them gets no response.
    pub fn at_once(&self, all: impl IntoIterator<Item = Sent>) -> Vec<Answer> {
        let all: Vec<_> = all.into_iter().map(|sent| self.begin(sent)).collect();
        all.into_iter().map(UnderWay::answer).collect()
    }

    /// Lets time pass until this holds.
    ///
    /// # Panics
    /// Where it does not within a minute.
    pub fn until(&self, what: &str, holds: impl FnMut() -> bool) {
        until(&self.world, what, holds);
    }

    /// How many lines of the log tell of this event.
    #[must_use]
    pub fn told(&self, event: &str) -> usize {
        self.world.told(event).len()
    }

    /// The whole log, a line each.
    #[must_use]
    pub fn log(&self) -> String {
        let lines = self.world.log();
        let lines: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }
}

fn until(world: &Rc<World>, what: &str, mut holds: impl FnMut() -> bool) {
    let end = world.executor.now() + WAIT_TIME_MAX;
    while !holds() {
        assert!(
            world.executor.now() < end,
            "waiting in vain until {what}: {:#?}",
            world.log()
        );
        world.executor.run_for(LOOK_EVERY);
    }
}

/// A request that is under way, and its client.
pub struct UnderWay {
    world: Rc<World>,
    client: Owner,
    outcome: Rc<RefCell<Option<Result<Answer, Failure>>>>,
}

impl UnderWay {
    /// Whether it has come to an end.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    /// The client goes away: whatever is done for it is dropped where it is.
    pub fn leave(self) {
        self.world.executor.end(self.client);
    }

    /// What the client gets.
    ///
    /// # Panics
    /// Where there is no response within a minute.
    #[must_use]
    pub fn answer(self) -> Answer {
        until(&self.world, "there is an answer", || self.has_ended());
        let outcome = self.outcome.take().expect("it has ended");
        outcome.expect("there is a response")
    }
}
