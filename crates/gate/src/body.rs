//! The body of a request on its way through: in pieces, at the pace of whoever takes it, and never more of
//! it than the policy allows.
//!
//! # Why bodies are not handed on as they are
//! WASI lets a component pass the incoming body stream to the outgoing request. Hosts then take a short
//! cut (`wasmtime-wasi-http` 48, which Spin uses, does): they send on the original body *with its
//! original trailers*, and ignore the trailers that the component gave. A client could so bring in an
//! identity field as a trailer. A stream of our own ends with the trailers that we chose, at the price
//! of one copy, and only for requests that have a body.

use doorward_policy::Refusal;
use doorward_traffic::fields::ends_in_trailers;
use doorward_traffic::forwarded::is_forwarding_field;
use doorward_traffic::limits::{BodyCount, LimitExceeded};
use doorward_traffic::spoofing::spoofing;
use doorward_traffic::trace::tells_of_a_trace;
use doorward_traffic::upstream::Upstream;
use std::cell::Cell;
use std::future::poll_fn;
use std::mem::take;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use crate::clock::{self, TimedOut};
use crate::ground::Ground;
use crate::platform::{FieldList, Message, Platform, Stop};
use crate::received::Received;
use crate::record::Record;

/// Bytes of a body that are read while the request is rebuilt.
const FIRST_PIECE_BYTES: usize = 8 * 1024;
/// Bytes of a body that are under way at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Bytes of a body that are kept, so that it can be sent once more.
pub(crate) const HELD_BYTES_MAX: usize = 64 * 1024;

/// The body of a request, and as much as is known of it.
pub(crate) struct Body<P: Platform> {
    source: P::Source,
    trailers: Coming<P>,
    count: BodyCount,
    /// What was read and has not been passed on for the first time.
    first: Vec<u8>,
    held: Held,
    ended: bool,
    ground: Rc<Ground<P>>,
    progress: Rc<Progress>,
}

/// How far a body has come, for who waits for its answer.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Grows with every piece that is passed on.
    pieces: Cell<u64>,
    /// How many bytes came so far.
    bytes: Cell<u64>,
    /// Whether it is the client that has to go on.
    waits_for_client: Cell<bool>,
    /// Whether more came than the policy allows.
    too_large: Cell<bool>,
    /// Whether it came slower than the policy allows.
    too_slow: Cell<bool>,
    /// Whether more came than is kept.
    lost: Cell<bool>,
    /// Whether the client did not send all of it.
    incomplete: Cell<bool>,
}

impl Progress {
    /// A number that grows with every piece.
    pub(crate) fn pieces(&self) -> u64 {
        self.pieces.get()
    }

    /// How many bytes of the body came so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Whether the rest of the body is waited for.
    pub(crate) fn waits_for_client(&self) -> bool {
        self.waits_for_client.get()
    }

    /// Whether all that came is still held, of a body that is [held](Body::hold).
    pub(crate) fn holds_all(&self) -> bool {
        !self.lost.get()
    }

    /// Whether more came than the policy allows.
    pub(crate) fn is_too_large(&self) -> bool {
        self.too_large.get()
    }

    /// Whether it came slower than the policy allows.
    pub(crate) fn is_too_slow(&self) -> bool {
        self.too_slow.get()
    }

    /// Whether the client did not send all of it.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete.get()
    }

    /// Says how much of it there was; and what the request is refused as, where that was too much or too slow.
    pub(crate) fn told(&self, record: &mut Record<'_>) -> Option<Refusal> {
        record.body_bytes = self.bytes();
        if self.is_too_large() {
            Some(Refusal::limit(LimitExceeded::BodyBytes))
        } else if self.is_too_slow() {
            Some(Refusal::slow_body())
        } else {
            None
        }
    }
}

/// The trailers of a body.
enum Coming<P: Platform> {
    /// They come after it.
    Later,
    /// They have come. `Err`: the body is not whole.
    Here(Result<FieldList, P::Error>),
}

/// What is kept of a body that was passed on.
enum Held {
    /// Nothing: it is passed on once.
    Off,
    /// All that was read so far.
    All(Vec<u8>),
    /// More was read than is kept.
    Lost,
}

/// How passing a body on ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// All of it was taken, trailers included.
    Whole,
    /// Whoever took it takes no more, or was not to be given more.
    NotTaken,
    /// It is larger than the policy allows.
    TooLarge,
    /// It comes slower than the policy allows.
    TooSlow,
    /// The client did not send all of it.
    Incomplete,
}

/// What comes of a body.
#[cfg(feature = "linked")]
pub(crate) enum Next {
    /// A piece, which has bytes.
    Piece(Vec<u8>),
    /// Nothing more, and it is whole. These are its trailers, without the reserved ones.
    End(FieldList),
}

/// The way into an outgoing request.
pub(crate) struct Sink<P: Platform> {
    sink: P::Sink,
    /// Whose request it is, where that is known.
    upstream: Option<Arc<Upstream>>,
}

impl<P: Platform> Sink<P> {
    /// A way into a request, to this upstream, and what the request is made with.
    pub(crate) fn new(platform: &P, upstream: Option<Arc<Upstream>>) -> (Self, P::Body) {
        let (sink, body) = platform.pipe(Message::Request);
        (Self { sink, upstream }, body)
    }
}

/// Says that a request without a body has no trailers either, when it is dropped.
///
/// Saying so to somebody who does not listen yet is a call, a wait and an event. So whoever gets the request
/// has a first turn before it is said: by then it listens, or has dropped the request.
#[must_use]
pub(crate) struct NoTrailers<P: Platform>(Option<P::Silence>);

impl<P: Platform> NoTrailers<P> {
    /// With what the request is made with.
    pub(crate) fn new(platform: &P) -> (Self, P::Body) {
        let (silence, body) = platform.empty();
        (Self(Some(silence)), body)
    }

    /// Of a request that has a body: nothing is said here.
    pub(crate) const fn of_body() -> Self {
        Self(None)
    }

    /// Polls `next` once, says it, and waits for `next`.
    pub(crate) async fn after_first_turn_of<T>(mut self, next: impl Future<Output = T>) -> T {
        let mut next = pin!(next);
        poll_fn(move |context| {
            let turn = next.as_mut().poll(context);
            drop(self.0.take());
            turn
        })
        .await
    }
}

impl<P: Platform> Body<P> {
    /// The body of `request`, if it has one. Whether it has, only the stream says: some hosts hide
    /// `Transfer-Encoding` (wasmtime from 48 on), and HTTP/2 needs no field at all. With a `Content-Length` there
    /// is a body, if only an empty one; and what ends in an error is none that is not there, but one that is
    /// not whole.
    ///
    /// To look is a twelfth of all that a request costs. A GET or HEAD of which no field tells of a body is taken
    /// to have none, without looking: one that comes all the same means nothing (RFC 9110 §9.3.1), ought to say
    /// what it is (§8.3), and goes nowhere. Where the host shows `Transfer-Encoding` (Spin 4.1), that field tells
    /// of a chunked one.
    pub(crate) async fn of(
        request: P::Request,
        received: &Received,
        count: BodyCount,
        ground: &Rc<Ground<P>>,
    ) -> Option<Self> {
        if received.has_no_body() {
            return None;
        }
        let mut source = ground.platform.source(request);
        let first = P::read_now(&mut source, Vec::with_capacity(FIRST_PIECE_BYTES));
        let coming = if first.ended && first.buffer.is_empty() && !received.declares_body() {
            // Asking costs a turn.
            if received.may_mean_nothing() {
                return None;
            }
            Coming::Here(Err(P::trailers(&mut source).await.err()?))
        } else {
            Coming::Later
        };
        Some(Self {
            source,
            trailers: coming,
            count,
            first: first.buffer,
            held: Held::Off,
            ended: first.ended,
            ground: Rc::clone(ground),
            progress: Rc::default(),
        })
    }

    /// Keeps what is passed on, up to [`HELD_BYTES_MAX`], so that it can be passed on again.
    pub(crate) fn hold(&mut self) {
        self.held = Held::All(Vec::new());
    }

    /// Whether all that was read is still here.
    pub(crate) fn can_be_sent_again(&self) -> bool {
        matches!(self.held, Held::All(_))
    }

    /// All of the body, where it has ended and was kept.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        match (&self.held, &self.trailers) {
            (Held::All(bytes), Coming::Here(Ok(_))) => Some(bytes),
            _ => None,
        }
    }

    /// How far it has come, also while it is being passed on.
    pub(crate) fn progress(&self) -> Rc<Progress> {
        Rc::clone(&self.progress)
    }

    /// Passes the body on, from its beginning. Gives it back, to be passed on again if it
    /// [can be](Self::can_be_sent_again), or to be dropped.
    pub(crate) async fn pass_on(mut self, sink: Sink<P>, stop: &Stop) -> (Self, Passed) {
        let passed = self.pass(sink, stop).await;
        if passed == Passed::TooLarge {
            self.progress.too_large.set(true);
        }
        (self, passed)
    }

    async fn pass(&mut self, mut sink: Sink<P>, stop: &Stop) -> Passed {
        // What was passed on before comes first.
        let mut piece = match &self.held {
            Held::All(bytes) => bytes.clone(),
            Held::Off | Held::Lost => Vec::new(),
        };
        let first = take(&mut self.first);
        if !first.is_empty() {
            if self.keep(&first).is_err() {
                return Passed::TooLarge;
            }
            piece.extend_from_slice(&first);
        }
        loop {
            if !piece.is_empty() {
                match P::write(&mut sink.sink, piece, stop).await {
                    Some(empty) => piece = empty,
                    None => return Passed::NotTaken,
                }
            }
            if self.ended {
                break;
            }
            piece.reserve(PIECE_BYTES);
            piece = match self.read(piece, stop).await {
                Ok(piece) => piece,
                Err(too_slow) => return too_slow,
            };
            if self.keep(&piece).is_err() {
                return Passed::TooLarge;
            }
            if stop.is_set() {
                return Passed::NotTaken;
            }
        }
        // Before whoever takes it learns that no more comes: that it is cut short is then the client's fault.
        let trailers = self.trailers(sink.upstream.as_deref()).await;
        let passed = match &trailers {
            Ok(_) => Passed::Whole,
            Err(_) => Passed::Incomplete,
        };
        P::finish(sink.sink, trailers).await;
        passed
    }

    /// The host that it comes from.
    #[cfg(feature = "linked")]
    pub(crate) fn platform(&self) -> &P {
        &self.ground.platform
    }

    /// The next piece of it, for who reads it in this component, or the trailers that end it. It is counted as it is where
    /// it is passed on.
    ///
    /// # Errors
    /// That it is too large, too slow or incomplete.
    #[cfg(feature = "linked")]
    pub(crate) async fn next(&mut self) -> Result<Next, Passed> {
        let mut piece = take(&mut self.first);
        while piece.is_empty() {
            if self.ended {
                let trailers = self.trailers(None).await;
                return trailers.map(Next::End).map_err(|_| Passed::Incomplete);
            }
            piece.reserve(PIECE_BYTES);
            piece = self.read(piece, &Stop::never()).await?;
        }
        if self.keep(&piece).is_err() {
            self.progress.too_large.set(true);
            return Err(Passed::TooLarge);
        }
        Ok(Next::Piece(piece))
    }

    /// Waits for the next piece of it, for as long as the policy allows.
    async fn read(&mut self, buffer: Vec<u8>, stop: &Stop) -> Result<Vec<u8>, Passed> {
        let progress = &self.progress;
        progress.waits_for_client.set(true);
        let reading = P::read(&mut self.source, buffer, stop);
        let limit_ms = self.count.wait_ms();
        let (read, waited_ms) = clock::timed(&self.ground.platform, limit_ms, reading).await;
        progress.waits_for_client.set(false);
        progress.pieces.set(progress.pieces() + 1);
        self.count.waited(waited_ms);
        match read {
            Ok(read) => {
                self.ended = read.ended;
                Ok(read.buffer)
            }
            Err(TimedOut) => {
                progress.too_slow.set(true);
                self.ended = true;
                Err(Passed::TooSlow)
            }
        }
    }

    /// Reads all of the body, where no more comes than is kept, and gives its length.
    ///
    /// # Errors
    /// That it is too large, too slow or incomplete.
    pub(crate) async fn gather(&mut self) -> Result<usize, Passed> {
        let first = take(&mut self.first);
        self.keep(&first).map_err(|()| Passed::TooLarge)?;
        let mut piece = first;
        while !self.ended {
            piece.clear();
            piece.reserve(FIRST_PIECE_BYTES);
            piece = self.read(piece, &Stop::never()).await?;
            self.keep(&piece).map_err(|()| Passed::TooLarge)?;
            if self.progress.lost.get() {
                return Err(Passed::TooLarge);
            }
        }
        let trailers = self.trailers(None).await;
        match (&self.held, trailers) {
            (_, Err(_)) => Err(Passed::Incomplete),
            (Held::All(bytes), Ok(_)) => Ok(bytes.len()),
            (Held::Off | Held::Lost, Ok(_)) => Err(Passed::TooLarge),
        }
    }

    /// Reads on what is left of it, which nobody wants any more, after the answer.
    pub(crate) fn read_on(self) {
        if !self.ended {
            let ground = &self.ground;
            ground.reading_on.later(&ground.platform, self.source);
        }
    }

    /// Counts a piece that was read, and keeps it where it is to be kept.
    fn keep(&mut self, piece: &[u8]) -> Result<(), ()> {
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let bytes = self.progress.bytes().saturating_add(bytes);
        self.progress.bytes.set(bytes);
        self.count.add(piece.len()).map_err(|_| ())?;
        if let Held::All(bytes) = &mut self.held {
            if bytes.len() + piece.len() > HELD_BYTES_MAX {
                self.held = Held::Lost;
                self.progress.lost.set(true);
            } else {
                bytes.extend_from_slice(piece);
            }
        }
        Ok(())
    }

    /// The trailers that are passed on, to this upstream.
    async fn trailers(&mut self, upstream: Option<&Upstream>) -> Result<FieldList, P::Error> {
        if matches!(self.trailers, Coming::Later) {
            let trailers = P::trailers(&mut self.source).await;
            self.trailers =
                Coming::Here(trailers.map(|fields| stripped_trailers(fields, &self.ground)));
        }
        // Of a body that is passed on once more they are here already.
        let Coming::Here(trailers) = &self.trailers else {
            return Ok(FieldList::new());
        };
        self.progress.incomplete.set(trailers.is_err());
        let mut fields = trailers.clone()?;
        fields.retain(|name| !upstream.is_some_and(|upstream| upstream.takes_from_policy(name)));
        Ok(fields)
    }
}

/// The trailers without the reserved fields. A server may fold trailers into the header fields, so what
/// must not come in at the front must not come in at the end either (RFC 9110 §6.5.1), whatever a rule lets
/// through there, and whoever is trusted.
fn stripped_trailers<P: Platform>(mut trailers: FieldList, ground: &Ground<P>) -> FieldList {
    trailers.retain(|name| {
        if spoofing(name).is_some() {
            ground.log_spoofing(name);
            return false;
        }
        !ground.policy.removes_trailer(name)
            && !is_forwarding_field(name)
            && !tells_of_a_trace(name)
            && !ends_in_trailers(name)
    });
    trailers
}
