//! Origins that say back whose request they got, keep what they saw of it, and fail in every way.

use super::draw::Draw;
use super::timeline::Timeline;
use crate::sim::body::{Body, Source};
use crate::sim::executor::WORLD;
use crate::sim::message::{Failure, Fields, Request, Response};
use crate::sim::world::{Answer, Peer, World};
use doorward_gate::platform::{FieldList, Stop};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The field in which a client says which request it is.
pub const MARK: &str = "x-mark";
/// The field in which an origin says whose request it got.
pub const ECHO: &str = "x-echo";

/// How an origin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Works,
    /// It answers after so long.
    Slow(Duration),
    /// With this status, and when to come back.
    Status(u16, Option<u64>),
    /// Nobody listens.
    Refuses,
    /// The connection ends.
    Resets,
    /// It never answers.
    Hangs,
    /// Its answers end early.
    Cuts,
    /// One of two requests fails like this.
    Flaps(Box<Health>),
}

impl Health {
    /// One that is drawn.
    pub fn drawn(draw: &mut Draw) -> Self {
        let health = match draw.below(8) {
            0 => Self::Slow(Duration::from_millis(draw.of(&[100, 350, 2500]))),
            1 => Self::Refuses,
            2 => Self::Resets,
            3 => Self::Hangs,
            4 => Self::Cuts,
            5 => Self::Status(draw.of(&[503, 429]), draw.of(&[None, Some(1), Some(4)])),
            6 => Self::Works,
            _ => Self::Status(draw.of(&[500, 502, 503, 504, 404]), None),
        };
        match draw.one_in(3) {
            true => Self::Flaps(Box::new(health)),
            false => health,
        }
    }
}

/// A request as it came to an origin.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// To which host; empty: to the next component.
    pub host: String,
    /// When.
    pub at: Duration,
    /// When it was over for the origin.
    pub ended: Option<Duration>,
    /// What became of it.
    pub as_if: Health,
    /// Its method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Its fields.
    pub fields: FieldList,
    /// What came of its body.
    pub body: Vec<u8>,
    /// Whether that is all of it; `None`: it was not read to its end.
    pub trailers: Option<Result<FieldList, Failure>>,
}

impl Arrival {
    /// All values of a field, under whatever spelling servers take for the same.
    pub fn folded(&self, name: &str) -> Vec<String> {
        let trailers = match &self.trailers {
            Some(Ok(trailers)) => Some(trailers),
            _ => None,
        };
        let all = self
            .fields
            .iter()
            .chain(trailers.into_iter().flat_map(FieldList::iter));
        let named = all.filter(|(there, _)| fold(there) == fold(name));
        named
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// Which request it is.
    pub fn mark(&self) -> String {
        self.folded(MARK).into_iter().next().unwrap_or_default()
    }
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// All origins, or the next component.
pub struct Origins {
    world: Rc<World>,
    health: BTreeMap<String, Timeline<Health>>,
    /// What came.
    pub arrivals: RefCell<Vec<Arrival>>,
    draw: RefCell<Draw>,
}

impl Origins {
    /// Those of these hosts.
    pub fn at(world: &Rc<World>, hosts: &[&str], draw: Draw) -> Rc<Self> {
        let works = |host: &&str| ((*host).to_owned(), Timeline::new(Health::Works));
        let origins = Rc::new(Self {
            world: Rc::clone(world),
            health: hosts.iter().map(works).collect(),
            arrivals: RefCell::default(),
            draw: RefCell::new(draw),
        });
        for host in hosts.iter().filter(|host| !host.is_empty()) {
            world.serve(host, origins.peer(host));
        }
        origins
    }

    /// What answers for this host.
    pub fn peer(self: &Rc<Self>, host: &str) -> Peer {
        let (origins, host) = (Rc::clone(self), host.to_owned());
        Rc::new(move |request| {
            let (origins, host) = (Rc::clone(&origins), host.clone());
            Box::pin(async move { origins.answer(host, request).await }) as Answer
        })
    }

    /// How this one is.
    pub fn health(&self, host: &str) -> Option<&Timeline<Health>> {
        self.health.get(host)
    }

    /// Their hosts.
    pub fn hosts(&self) -> Vec<String> {
        self.health.keys().cloned().collect()
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Arrival)) {
        if let Some(arrival) = self.arrivals.borrow_mut().get_mut(place) {
            change(arrival);
        }
    }

    async fn answer(self: Rc<Self>, host: String, request: Request) -> Result<Response, Failure> {
        let health = self.health(&host).and_then(Timeline::newest);
        let (as_if, is_eager, pieces) = {
            let mut draw = self.draw.borrow_mut();
            let as_if = match health.unwrap_or(Health::Works) {
                Health::Flaps(health) if draw.one_in(2) => *health,
                Health::Flaps(_) => Health::Works,
                health => health,
            };
            (as_if, draw.one_in(4), draw.between(0, 30))
        };
        let place = self.arrivals.borrow().len();
        let arrival = Arrival {
            host,
            at: self.world.executor.now(),
            ended: None,
            as_if: as_if.clone(),
            method: request.method.clone(),
            target: request.target.clone().unwrap_or_default(),
            fields: request.fields.entries(),
            body: Vec::new(),
            trailers: None,
        };
        let mark = arrival.mark();
        self.arrivals.borrow_mut().push(arrival);
        let under_way = UnderWay {
            origins: Rc::clone(&self),
            place,
        };
        if as_if == Health::Refuses {
            self.world.executor.turn().await;
            return Err(Failure::ConnectionRefused);
        }
        if as_if == Health::Resets {
            let mut source = request.body.source();
            let read = source.read(Vec::with_capacity(100), &Stop::never()).await;
            self.change(place, |arrival| arrival.body = read.buffer);
            return Err(Failure::ConnectionTerminated);
        }
        let (origins, source) = (Rc::clone(&self), request.body.source());
        let reading = async move { origins.read(place, source).await };
        match is_eager {
            true => self.world.executor.spawn(WORLD, reading),
            false => reading.await,
        }
        let (status, after) = match as_if {
            Health::Slow(delay) => {
                self.world.executor.sleep(delay).await;
                (200, None)
            }
            Health::Status(status, after) => (status, after),
            Health::Hangs => std::future::pending().await,
            _ => (200, None),
        };
        let mut fields = FieldList::of([(ECHO, &mark)]);
        if let Some(after_s) = after {
            fields.push("retry-after", after_s.to_string());
        }
        let cuts = as_if == Health::Cuts;
        let (sink, body) = Body::pipe(&self.world.executor, Failure::Incomplete);
        let is_head = request.method == "HEAD";
        let writing = write(Rc::clone(&self.world), sink, mark, pieces, cuts, is_head);
        self.world.executor.spawn(WORLD, async move {
            writing.await;
            drop(under_way);
        });
        Ok(Response {
            status,
            fields: Fields::of(fields),
            body,
        })
    }

    async fn read(&self, place: usize, mut source: Source) {
        loop {
            let read = source
                .read(Vec::with_capacity(16 * 1024), &Stop::never())
                .await;
            self.change(place, |arrival| arrival.body.extend(&read.buffer));
            if read.ended {
                break;
            }
        }
        let trailers = source.trailers().await;
        self.change(place, |arrival| arrival.trailers = Some(trailers));
    }
}

async fn write(
    world: Rc<World>,
    mut sink: crate::sim::body::Sink,
    mark: String,
    pieces: u64,
    cuts: bool,
    is_head: bool,
) {
    for _ in 0..if is_head { 0 } else { pieces } {
        let piece = format!("[{mark}]").into_bytes();
        if sink.write(piece, &Stop::never()).await.is_none() {
            return;
        }
        if pieces > 25 {
            world.executor.sleep(Duration::from_millis(20)).await;
        }
    }
    if !cuts || is_head {
        sink.finish(Ok(FieldList::of([(ECHO, &mark)])));
    }
}

/// A request that an origin has.
struct UnderWay {
    origins: Rc<Origins>,
    place: usize,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = self.origins.world.executor.now();
        self.origins
            .change(self.place, |arrival| arrival.ended = Some(now));
    }
}
