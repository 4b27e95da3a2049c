//! Everything around the gate: the clock on the wall, stores, and who can be asked over the network.

use super::executor::{Executor, Owner};
use super::message::{Failure, Request, Response};
use super::store;
use crate::numbers::Numbers;
use doorward_gate::metrics::Point;
use doorward_gate::record::{AskedUpstream, Outcome, Proof, Record, RequestId, Times};
use doorward_policy::Refusal;
use doorward_syntax::request_id::{uuid, uuid_bits};
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// When the simulation begins: 2026-01-01, in seconds since 1970.
pub const BEGIN_S: u64 = 1_767_225_600;

/// How long a request is under way before anybody has it, where it does not arrive at once.
const LATENCY: Duration = Duration::from_micros(100);

/// An answer that is waited for.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, Failure>>>>;
/// Somebody who answers requests.
pub type Peer = Rc<dyn Fn(Request) -> Answer>;

/// Everything around the gate.
pub struct World {
    /// What runs all of it.
    pub executor: Rc<Executor>,
    /// What the wall's clock shows beside the time that has passed, in milliseconds.
    wall_ms: Cell<i64>,
    /// Whether the clock on the wall stands still until it is set.
    stands_still: Cell<bool>,
    /// How long a request is under way before anybody has it.
    latency: Duration,
    random: RefCell<Numbers>,
    peers: RefCell<BTreeMap<String, Peer>>,
    deaf: RefCell<BTreeSet<String>>,
    stores: RefCell<BTreeMap<String, Rc<store::Shared>>>,
    log: RefCell<Vec<Line>>,
    next_owner: Cell<Owner>,
    platforms: Cell<usize>,
    named: Cell<u64>,
    observed: RefCell<Vec<Observed>>,
    measured: RefCell<Vec<Vec<Point>>>,
    refuses_measurements: Cell<bool>,
}

/// What became of a request, as the engine knows it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Which request.
    pub id: RequestId,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// The path pattern of its rule.
    pub route: Option<String>,
    /// What answered by itself.
    pub endpoint: Option<&'static str>,
    /// How its credential turned out to be genuine.
    pub proof: Option<Proof>,
    /// Issuer and subject.
    pub principal: Option<(String, Option<String>)>,
    /// Its rate limits, and whether they admitted it.
    pub limits: Vec<(String, bool)>,
    /// The upstreams that were asked.
    pub upstreams: Vec<AskedUpstream>,
    /// As what it would have been refused, were that not in report mode.
    pub would_refuse: Option<Refusal>,
    /// What a second policy said, where that was something else.
    pub candidate: Option<&'static str>,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of its body that were read by then.
    pub body_bytes: u64,
    /// When what happened.
    pub times: Option<Times>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written.
    pub at: Duration,
    /// By which instance.
    pub instance: Owner,
    /// The line, without line feed.
    pub text: String,
}

impl Line {
    /// What the line says.
    #[must_use]
    pub fn fields(&self) -> Map<String, Value> {
        match serde_json::from_str(&self.text) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }

    /// What it says under this name; empty where it says nothing.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let fields = self.fields();
        let text = fields.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }
}

impl World {
    /// One that follows from `seed`; where it is `shuffled`, so does the order in which tasks run.
    #[must_use]
    pub fn new(seed: u64, shuffled: bool) -> Rc<Self> {
        Self::made(seed, shuffled, Duration::ZERO, BEGIN_S)
    }

    /// One that begins at this time, in seconds since 1970, and in which nothing arrives at once.
    #[must_use]
    pub fn beginning_at(seconds: u64) -> Rc<Self> {
        Self::made(0, false, LATENCY, seconds)
    }

    fn made(seed: u64, shuffled: bool, latency: Duration, begin_s: u64) -> Rc<Self> {
        let mut random = Numbers::new(seed);
        let order = shuffled.then(|| Numbers::new(random.next_number()));
        Rc::new(Self {
            executor: Executor::new(order),
            wall_ms: Cell::new(i64::try_from(begin_s * 1000).unwrap_or_default()),
            stands_still: Cell::new(false),
            latency,
            random: RefCell::new(random),
            peers: RefCell::default(),
            deaf: RefCell::default(),
            stores: RefCell::default(),
            log: RefCell::default(),
            next_owner: Cell::new(1),
            observed: RefCell::default(),
            measured: RefCell::default(),
            refuses_measurements: Cell::new(false),
            platforms: Cell::new(0),
            named: Cell::new(0),
        })
    }

    /// The next random number.
    #[must_use]
    pub fn random(&self) -> u64 {
        self.random.borrow_mut().next_number()
    }

    /// What a host calls the next request, a UUID.
    #[must_use]
    pub fn next_request_id(&self) -> String {
        let number = self.named.get() + 1;
        self.named.set(number);
        uuid(uuid_bits([number << 32, number]))
    }

    /// A name for one that has tasks.
    #[must_use]
    pub fn owner(&self) -> Owner {
        let owner = self.next_owner.get();
        self.next_owner.set(owner + 1);
        owner
    }

    /// How many instances are there, or anything that is left of one.
    #[must_use]
    pub fn platforms(&self) -> usize {
        self.platforms.get()
    }

    /// Counts one that comes.
    pub(super) fn comes(&self) {
        self.platforms.set(self.platforms.get() + 1);
    }

    /// Counts one that goes.
    pub(super) fn goes(&self) {
        self.platforms.set(self.platforms.get() - 1);
    }

    /// What the clock on the wall shows, in milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        let passed = match self.stands_still.get() {
            true => 0,
            false => i64::try_from(self.executor.now().as_millis()).unwrap_or(i64::MAX),
        };
        u64::try_from(self.wall_ms.get().saturating_add(passed)).unwrap_or(0)
    }

    /// The same in seconds.
    #[must_use]
    pub fn wall_s(&self) -> u64 {
        self.wall_ms() / 1000
    }

    /// Lets the clock on the wall stand still from now on, until it is set.
    pub fn stand_still(&self) {
        let shows_ms = i64::try_from(self.wall_ms()).unwrap_or(i64::MAX);
        self.wall_ms.set(shows_ms);
        self.stands_still.set(true);
    }

    /// Sets the clock on the wall, forth or back. No time passes.
    pub fn set_clock(&self, by_s: i64) {
        self.wall_ms.set(self.wall_ms.get() + by_s * 1000);
    }

    /// Has `peer` answer for this host and port.
    pub fn serve(&self, authority: &str, peer: Peer) {
        self.peers.borrow_mut().insert(authority.to_owned(), peer);
    }

    /// Nobody answers for this host and port any more.
    pub fn vanish(&self, authority: &str) {
        self.peers.borrow_mut().remove(authority);
    }

    /// From now on nobody takes a connection at this host and port, and nobody refuses one.
    pub fn deafen(&self, authority: &str) {
        self.deaf.borrow_mut().insert(authority.to_owned());
    }

    /// The store of this name.
    #[must_use]
    pub fn store(&self, name: &str) -> Rc<store::Shared> {
        let mut stores = self.stores.borrow_mut();
        let there = stores
            .entry(name.to_owned())
            .or_insert_with(|| store::Shared::new(&self.executor));
        Rc::clone(there)
    }

    /// Sends a request, and waits for the response as long as it may take where the host `keeps_time`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn exchange(&self, request: Request, keeps_time: bool) -> Result<Response, Failure> {
        let authority = request.authority.clone().unwrap_or_default();
        let peer = self.peers.borrow().get(&authority).cloned();
        let Some(peer) = peer else {
            self.executor.turn().await;
            // RFC 6761 §6.4: nobody has such a name.
            let is_name_of_nobody = authority.ends_with(".invalid");
            return Err(match is_name_of_nobody {
                true => Failure::NoSuchHost,
                false => Failure::ConnectionRefused,
            });
        };
        // No answer comes at once, not even that there is none.
        if self.latency.is_zero() {
            self.executor.turn().await;
        } else {
            self.executor.sleep(self.latency).await;
        }
        let times = request.times.filter(|_| keeps_time);
        if self.deaf.borrow().contains(&authority) {
            match times {
                Some(times) => {
                    let limit = Duration::from_millis(times.connect_ms);
                    self.executor.sleep(limit).await;
                }
                None => std::future::pending().await,
            }
            return Err(Failure::ConnectionTimeout);
        }
        let answer = peer(request);
        let Some(times) = times else {
            return answer.await;
        };
        let limit = Duration::from_millis(times.connect_ms.saturating_add(times.first_byte_ms));
        let mut answer = answer;
        let mut timer = pin!(self.executor.sleep(limit));
        poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            let up = timer.as_mut().poll(context);
            up.map(|()| Err(Failure::ResponseTimeout))
        })
        .await
    }

    /// Writes a line of the log.
    pub fn write(&self, instance: Owner, line: &str) {
        let text = line.trim_end().to_owned();
        let at = self.executor.now();
        self.log.borrow_mut().push(Line { at, instance, text });
    }

    /// Takes what an instance has measured, unless it is refused.
    pub fn measured(&self, points: &[Point]) -> Option<()> {
        if self.refuses_measurements.get() {
            return None;
        }
        self.measured.borrow_mut().push(points.to_vec());
        Some(())
    }

    /// Whether nothing is taken of what instances have measured.
    pub fn refuses_measurements(&self, refuses: bool) {
        self.refuses_measurements.set(refuses);
    }

    /// What instances have measured, by each time that they told.
    #[must_use]
    pub fn measurements(&self) -> Vec<Vec<Point>> {
        self.measured.borrow().clone()
    }

    /// Takes note of what became of a request.
    pub fn observe(&self, record: &Record<'_>) {
        let principal = record.principal.as_ref();
        self.observed.borrow_mut().push(Observed {
            id: record.id,
            method: record.method.clone().into_owned(),
            path: record.path().to_owned(),
            route: record.route.map(str::to_owned),
            endpoint: record.endpoint,
            proof: record.proof,
            principal: principal.map(|principal| {
                let subject = principal.subject().map(str::to_owned);
                (principal.issuer().to_owned(), subject)
            }),
            limits: record
                .limits
                .iter()
                .map(|(limit, verdict)| ((*limit).to_owned(), verdict.admitted))
                .collect(),
            upstreams: record.upstreams.clone(),
            would_refuse: record.would_refuse().cloned(),
            candidate: record.candidate,
            outcome: record.outcome.clone(),
            body_bytes: record.body_bytes,
            times: record.times,
        });
    }

    /// What became of each request so far, in the order in which they ended.
    #[must_use]
    pub fn observed(&self) -> Vec<Observed> {
        self.observed.borrow().clone()
    }

    /// What became of the request that ended last.
    #[must_use]
    pub fn last_observed(&self) -> Option<Observed> {
        self.observed.borrow().last().cloned()
    }

    /// All lines of the log.
    #[must_use]
    pub fn log(&self) -> Vec<Line> {
        self.log.borrow().clone()
    }

    /// The lines about this event.
    #[must_use]
    pub fn told(&self, event: &str) -> Vec<Line> {
        let mut lines = self.log();
        lines.retain(|line| line.field("event") == event);
        lines
    }
}
