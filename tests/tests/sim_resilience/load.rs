//! Clients that ask again and again.

use doorward_tests::sim::client::Sent;
use doorward_tests::sim::executor::WORLD;
use doorward_tests::sim::stage::Stage;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Clients at work.
pub struct Load<'s> {
    stage: &'s Stage,
    shared: Rc<Shared>,
}

struct Shared {
    requests: Vec<Sent>,
    /// How many requests have begun.
    begun: Cell<usize>,
    clients: Cell<usize>,
    is_over: Cell<bool>,
    tally: RefCell<Tally>,
}

impl Shared {
    fn count(&self, status: u16, waited: Duration) {
        let mut tally = self.tally.borrow_mut();
        *tally.statuses.entry(status).or_default() += 1;
        tally.longest = tally.longest.max(waited);
    }
}

/// How long a client takes from an answer to its next request: time passes even where answers take none.
const BETWEEN: Duration = Duration::from_micros(100);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    statuses: BTreeMap<u16, usize>,
    /// The longest that a client waited.
    pub longest: Duration,
}

impl Tally {
    /// How many answers there are.
    pub fn count(&self) -> usize {
        self.statuses.values().sum()
    }

    /// How many of them have another status than this.
    pub fn all_but(&self, status: u16) -> usize {
        self.count() - self.statuses.get(&status).copied().unwrap_or_default()
    }
}

impl<'s> Load<'s> {
    /// So many clients, who send these requests in turns.
    pub fn start(stage: &'s Stage, requests: Vec<Sent>, clients: usize) -> Self {
        let shared = Rc::new(Shared {
            requests,
            begun: Cell::new(0),
            clients: Cell::new(clients),
            is_over: Cell::new(false),
            tally: RefCell::default(),
        });
        for _ in 0..clients {
            let (shared, gate) = (Rc::clone(&shared), Rc::clone(&stage.gate));
            let executor = Rc::clone(&stage.world.executor);
            stage.world.executor.spawn(WORLD, async move {
                while !shared.is_over.get() {
                    let number = shared.begun.get();
                    shared.begun.set(number + 1);
                    let sent = shared.requests[number % shared.requests.len()].clone();
                    let began = executor.now();
                    let answer = gate.send(sent).await;
                    let status = answer.map_or(0, |answer| answer.status);
                    shared.count(status, executor.now() - began);
                    executor.sleep(BETWEEN).await;
                }
                shared.clients.set(shared.clients.get() - 1);
            });
        }
        Self { stage, shared }
    }

    /// Lets so many more be answered.
    pub fn until_more(&self, count: usize) {
        let answered = || self.shared.tally.borrow().count();
        let enough = answered() + count;
        self.stage
            .until("requests are answered", || answered() >= enough);
    }

    /// Begins no more, and waits for what was begun.
    pub fn stop(self) -> Tally {
        self.shared.is_over.set(true);
        let left = || self.shared.clients.get();
        self.stage
            .until("all requests are answered", || left() == 0);
        self.shared.tally.take()
    }
}
