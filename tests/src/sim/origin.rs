//! Origins, and the component behind the gate: what they receive is kept, what they answer is scripted.

use super::body::Body;
use super::client::read_after;
use super::hold::Hold;
use super::message::{Failure, Fields, Request, Response};
use super::world::{Answer, Peer, World};
use doorward_gate::platform::FieldList;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// A request as an origin has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it came.
    pub at: Duration,
    /// Its method.
    pub method: String,
    /// Whom it was for.
    pub authority: Option<String>,
    /// Path and query.
    pub target: String,
    /// Its fields.
    pub fields: FieldList,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers; where the body is not whole, why.
    pub trailers: Result<FieldList, Failure>,
}

impl Seen {
    /// The values of every field of this name.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<String> {
        super::message::values(&self.fields, name)
    }

    /// The value of the field of this name; empty where there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        self.values(name).into_iter().next().unwrap_or_default()
    }

    /// Whether all of it came.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.trailers.is_ok()
    }
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Before anything is answered.
    pub delay: Duration,
    /// What: `Err` is no response at all, `None` never any.
    pub outcome: Option<Result<u16, Failure>>,
    /// The fields of the response.
    pub fields: FieldList,
    /// Its body.
    pub body: Vec<u8>,
    /// More of it, each piece after a while.
    pub pieces: Vec<(Duration, Vec<u8>)>,
    /// Whether the body is sent in chunks and no length is announced.
    pub is_chunked: bool,
    /// Whether the end of the body never comes.
    pub is_silent: bool,
    /// Its trailers; `Err`: the body ends early.
    pub trailers: Result<FieldList, Failure>,
    /// Whether the body of the request is read before.
    pub reads: bool,
    /// For how long nothing is read before each piece of it.
    pub reading_pause: Duration,
    /// What has to let it through, besides.
    pub held_by: Option<Hold>,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            outcome: Some(Ok(200)),
            fields: FieldList::new(),
            body: b"here you are\n".to_vec(),
            pieces: Vec::new(),
            is_chunked: false,
            is_silent: false,
            trailers: Ok(FieldList::new()),
            reads: true,
            reading_pause: Duration::ZERO,
            held_by: None,
        }
    }
}

impl Reply {
    /// One with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            outcome: Some(Ok(status)),
            ..Self::default()
        }
    }

    /// None, for this reason.
    #[must_use]
    pub fn failure(failure: Failure) -> Self {
        Self {
            outcome: Some(Err(failure)),
            reads: false,
            ..Self::default()
        }
    }

    /// None, ever.
    #[must_use]
    pub fn never() -> Self {
        Self {
            outcome: None,
            ..Self::default()
        }
    }

    /// With this field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push(name, value);
        self
    }

    /// After the body of the request was read.
    #[must_use]
    pub fn reading(mut self) -> Self {
        self.reads = true;
        self
    }

    /// After the body of the request was read, with a pause before each piece.
    #[must_use]
    pub fn reading_slowly(mut self, pause: Duration) -> Self {
        self.reading_pause = pause;
        self.reading()
    }

    /// Whether the body of the request was read or not: what is not read is not wanted.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.reads = false;
        self
    }

    /// When this lets it through.
    #[must_use]
    pub fn held(mut self, by: &Hold) -> Self {
        self.held_by = Some(by.clone());
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a body in chunks, of which no length is announced.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    /// With this trailer field. The body is sent in chunks.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        if let Ok(trailers) = &mut self.trailers {
            trailers.push(name, value);
        }
        self.chunked()
    }

    /// With one more piece of the body after a while.
    #[must_use]
    pub fn piece_after(mut self, pause: Duration, piece: impl Into<Vec<u8>>) -> Self {
        self.pieces.push((pause, piece.into()));
        self
    }

    /// With a body of which the end never comes.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.is_silent = true;
        self
    }

    /// With a body that ends before it is whole.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.trailers = Err(Failure::Incomplete);
        self
    }

    /// After this time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// What answers a request that is the so many-th, from 0, since that was said.
type Script = Rc<dyn Fn(&Seen, usize) -> Reply>;

/// Somebody who answers, and keeps what was asked.
pub struct Origin {
    world: Rc<World>,
    seen: RefCell<Vec<Seen>>,
    next: RefCell<VecDeque<Reply>>,
    always: RefCell<Reply>,
    script: RefCell<Option<Script>>,
    answered: Cell<usize>,
    /// How many came that are forgotten.
    forgotten: Cell<usize>,
    is_down: Cell<bool>,
    /// Requests that are not answered yet, and what wakes them when they are cut off.
    open: RefCell<BTreeMap<u64, Option<Waker>>>,
    next_open: Cell<u64>,
}

impl Origin {
    /// One that answers everything with 200.
    #[must_use]
    pub fn new(world: &Rc<World>) -> Rc<Self> {
        Rc::new(Self {
            world: Rc::clone(world),
            seen: RefCell::default(),
            next: RefCell::default(),
            always: RefCell::default(),
            script: RefCell::default(),
            answered: Cell::new(0),
            forgotten: Cell::new(0),
            is_down: Cell::new(false),
            open: RefCell::default(),
            next_open: Cell::new(0),
        })
    }

    /// One for this host and port.
    #[must_use]
    pub fn at(world: &Rc<World>, authority: &str) -> Rc<Self> {
        let origin = Self::new(world);
        world.serve(authority, origin.peer());
        origin
    }

    /// What answers.
    #[must_use]
    pub fn peer(self: &Rc<Self>) -> Peer {
        let origin = Rc::clone(self);
        Rc::new(move |request| {
            let origin = Rc::clone(&origin);
            Box::pin(async move { origin.reached(request).await }) as Answer
        })
    }

    /// Answers the next request like this.
    pub fn next(&self, reply: Reply) {
        self.next.borrow_mut().push_back(reply);
    }

    /// Answers every request like this for which nothing else was said.
    pub fn always(&self, reply: Reply) {
        *self.always.borrow_mut() = reply;
        *self.script.borrow_mut() = None;
    }

    /// Answers every request, for which nothing else was said, by its head and how many came before.
    pub fn answers(&self, by: impl Fn(&Seen, usize) -> Reply + 'static) {
        self.answered.set(0);
        *self.script.borrow_mut() = Some(Rc::new(by));
    }

    /// Answers so many requests like the first, and all others like the second.
    pub fn at_first(&self, times: usize, first: Reply, afterwards: Reply) {
        self.answers(move |_, number| if number < times { &first } else { &afterwards }.clone());
    }

    /// Listens no longer, and cuts off who is not answered yet.
    pub fn stop(&self) {
        self.is_down.set(true);
        for waker in std::mem::take(&mut *self.open.borrow_mut()).into_values() {
            self.world.executor.wake(waker);
        }
    }

    /// Listens again.
    pub fn revive(&self) {
        self.is_down.set(false);
    }

    /// How many requests are not answered yet.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.borrow().len()
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        let forgotten = std::mem::take(&mut *self.seen.borrow_mut());
        self.forgotten.set(self.forgotten.get() + forgotten.len());
    }

    /// What was asked so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// How often something was asked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    fn reply(&self, seen: &Seen) -> Reply {
        let next = self.next.borrow_mut().pop_front();
        if let Some(next) = next {
            return next;
        }
        let script = self.script.borrow().clone();
        let Some(script) = script else {
            return self.always.borrow().clone();
        };
        let number = self.answered.get();
        self.answered.set(number + 1);
        script(seen, number)
    }

    async fn reached(&self, request: Request) -> Result<Response, Failure> {
        if self.is_down.get() {
            self.world.executor.turn().await;
            return Err(Failure::ConnectionRefused);
        }
        let open = Open::new(self);
        let mut answer = pin!(self.answer(request));
        poll_fn(|context| {
            if !self.open.borrow().contains_key(&open.id) {
                return Poll::Ready(Err(Failure::ConnectionTerminated));
            }
            let polled = answer.as_mut().poll(context);
            if polled.is_pending() {
                let waker = context.waker().clone();
                self.open.borrow_mut().insert(open.id, Some(waker));
            }
            polled
        })
        .await
    }

    async fn answer(&self, request: Request) -> Result<Response, Failure> {
        let mut seen = Seen {
            at: self.world.executor.now(),
            method: request.method,
            authority: request.authority,
            target: request.target.unwrap_or_default(),
            fields: request.fields.entries(),
            body: Vec::new(),
            trailers: Ok(FieldList::new()),
        };
        let reply = self.reply(&seen);
        if reply.reads {
            // Until it was read to its end.
            seen.trailers = Err(Failure::Incomplete);
        }
        let place = self.forgotten.get() + self.count();
        self.seen.borrow_mut().push(seen);
        if reply.reads {
            let pause = async || {
                if !reply.reading_pause.is_zero() {
                    self.world.executor.sleep(reply.reading_pause).await;
                }
            };
            let (body, trailers) = read_after(request.body, pause).await;
            // The connection ends with such a body.
            let is_cut = trailers.is_err();
            let place = place.checked_sub(self.forgotten.get());
            let mut all = self.seen.borrow_mut();
            if let Some(seen) = place.and_then(|place| all.get_mut(place)) {
                (seen.body, seen.trailers) = (body, trailers);
            }
            drop(all);
            if is_cut {
                return Err(Failure::ConnectionTerminated);
            }
        }
        if let Some(hold) = &reply.held_by {
            hold.pass().await;
        }
        if !reply.delay.is_zero() {
            self.world.executor.sleep(reply.delay).await;
        }
        let status = match reply.outcome {
            Some(outcome) => outcome?,
            None => std::future::pending().await,
        };
        let (mut sink, mut body) = Body::pipe(&self.world.executor, Failure::Incomplete);
        let (bytes, trailers) = (reply.body, reply.trailers);
        let is_chunked = reply.is_chunked || trailers.as_ref().is_ok_and(|some| !some.is_empty());
        let pieces = reply.pieces;
        body.length = (!is_chunked).then(|| {
            let more: usize = pieces.iter().map(|(_, piece)| piece.len()).sum();
            // Of a body that ends early there is at least a byte that does not come.
            let missing = usize::from(trailers.is_err() || reply.is_silent);
            (bytes.len() + more + missing) as u64
        });
        let timer = Rc::clone(&self.world.executor);
        self.world
            .executor
            .spawn(super::executor::WORLD, async move {
                let never = doorward_gate::platform::Stop::never();
                if !bytes.is_empty() && sink.write(bytes, &never).await.is_none() {
                    return;
                }
                for (pause, piece) in pieces {
                    timer.sleep(pause).await;
                    if sink.write(piece, &never).await.is_none() {
                        return;
                    }
                }
                if reply.is_silent {
                    return std::future::pending().await;
                }
                sink.finish(trailers);
            });
        Ok(Response {
            status,
            fields: Fields::of(reply.fields),
            body,
        })
    }
}

/// A request that is not answered yet.
struct Open<'o> {
    origin: &'o Origin,
    id: u64,
}

impl<'o> Open<'o> {
    fn new(origin: &'o Origin) -> Self {
        let id = origin.next_open.get();
        origin.next_open.set(id + 1);
        origin.open.borrow_mut().insert(id, None);
        Self { origin, id }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.origin.open.borrow_mut().remove(&self.id);
    }
}
