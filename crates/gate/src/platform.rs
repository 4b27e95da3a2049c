//! What the engine needs of whatever it runs on.
//!
//! One implementation is WASI with Spin's interfaces, another one a simulation in the tests, whose time is
//! virtual. Requests, responses and bodies are opaque: what nothing here has to read or count goes on as the
//! host gave it.
//!
//! Whatever waits may be dropped while it does: that cancels it. An instance has one thread, so nothing has to
//! be [`Send`].

pub use doorward_syntax::embedded;
pub use doorward_syntax::own_host::HOST_VARIABLE;
pub use doorward_token::UnixTime;
pub use doorward_traffic::Millis;
pub use doorward_traffic::field_list::FieldList;
pub use doorward_traffic::upstream::UpstreamFailure;
use std::borrow::Cow;
use std::cell::Cell;
#[cfg(feature = "metrics")]
use std::cell::RefCell;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Event;
pub use crate::fault::{StoreError, Unreadable};
use crate::levels::Levels;
#[cfg(feature = "metrics")]
use crate::metrics::{Deltas, Metrics};
use crate::prepared::Prepared;
use crate::record::Record;

/// The host of an instance. A clone is the same host.
#[expect(
    async_fn_in_trait,
    reason = "an instance has one thread, so no future has to be `Send`"
)]
pub trait Platform: Clone + 'static {
    /// A request, from a client or to an upstream.
    type Request: 'static;
    /// A response, from an upstream or to a client.
    type Response: 'static;
    /// The header fields of a request that is changed in places.
    type Fields;
    /// What of the head of a request is handed on unread, beside fields, method and target.
    type Unread;
    /// A body that comes, and its trailers. Who drops it says that no more of it is wanted.
    type Source: 'static;
    /// The way into a body that goes. Where it is dropped unfinished, what there is of the body does not pass
    /// for the whole.
    type Sink: 'static;
    /// The body that a message is made with.
    type Body: 'static;
    /// Says that a message has no trailers, when it is dropped.
    type Silence: 'static;
    /// Times that the host is to keep.
    type Options: Clone + 'static;
    /// Why the host could not do something.
    type Error: Clone + 'static;
    /// A key-value store that is open.
    type Store: Store;
    /// Wakes who waits for its [`Waiting`](Self::Waiting), when it is dropped.
    type Wake: 'static;
    /// By which somebody waits for its [`Wake`](Self::Wake), also from another task.
    type Waiting: 'static;
    /// Keyed with a random key.
    type HashState: BuildHasher + 'static;

    // Time and chance.

    /// The time of day. A clock before 1970 reads as 0, at which no token that has a `nbf` or `iat` is valid yet.
    fn now(&self) -> UnixTime;
    /// The time of day in milliseconds, for what counts in fractions of a second.
    fn now_millis(&self) -> Millis;
    /// What a clock shows that nobody sets, in nanoseconds. It is not to be compared with the time of day.
    fn monotonic_ns(&self) -> u64;
    /// The same in milliseconds.
    fn monotonic(&self) -> Millis {
        millis(self.monotonic_ns())
    }
    /// Waits.
    async fn pause(&self, time: Duration);
    /// A random number that nobody can guess.
    fn random(&self) -> u64;
    /// The same, for what requests are called.
    fn random_name(&self) -> u64 {
        self.random()
    }
    /// What to hash with.
    fn hash_state(&self) -> Self::HashState;

    // What the operator set up.

    /// The secret of this name. It goes into no log and no message.
    ///
    /// # Errors
    /// Why there is none, for the log.
    async fn secret(&self, name: &str) -> Result<String, Unreadable>;
    /// A file that is mounted into the component.
    ///
    /// # Errors
    /// Why it cannot be read, for the log.
    fn file(&self, path: &str) -> Result<Vec<u8>, Unreadable>;
    /// Whether there is a file that is mounted there, whatever is embedded for that path.
    fn is_mounted(&self, path: &str) -> bool {
        let _ = path;
        false
    }
    /// What `take` takes of that which was worked out before there was an instance; `None`: nothing was.
    fn prepared<T>(&self, take: impl FnOnce(&mut Prepared) -> Option<T>) -> Option<T> {
        let _ = take;
        None
    }
    /// Whether its stores can [add to a number](Store::increment) in one step.
    fn increments(&self) -> bool;
    /// The key-value store of this name.
    ///
    /// # Errors
    /// What the host says.
    async fn open_store(&self, name: &str) -> Result<Self::Store, StoreError>;

    /// Whether the host says who is connected, in `spin-client-addr`. Where it does not, each field whose name begins with
    /// `spin-` is the client's: it is not believed, and goes no further.
    fn tells_client(&self) -> bool {
        true
    }

    // Work.

    /// Does work that nobody waits for: it goes on after the response, as long as the instance lives.
    fn spawn(&self, work: impl Future<Output = ()> + 'static);
    /// By which one task waits for another one.
    fn signal(&self) -> (Self::Wake, Self::Waiting);
    /// Waits until the other half of the signal is dropped.
    async fn woken(waiting: Self::Waiting);
    /// What this instance has measured; `None`: nobody wants to know.
    #[cfg(feature = "metrics")]
    fn metrics(&self) -> Option<&RefCell<Metrics>>;
    /// Whether the host takes it. Where it does not, a collector may.
    #[cfg(feature = "metrics")]
    const EXPORTS: bool;
    /// Whether anybody wants to know what is measured.
    #[cfg(feature = "metrics")]
    fn is_measured(&self) -> bool {
        let metrics = self.metrics();
        metrics.is_some_and(|metrics| {
            let metrics = metrics.borrow();
            Self::EXPORTS || metrics.has_collector() || metrics.is_left()
        })
    }
    /// Tells what was measured since the last time.
    ///
    /// # Errors
    /// It could not be told: it is told with what comes next.
    #[cfg(feature = "metrics")]
    async fn export(&self, deltas: &Deltas) -> Result<(), Untold>;
    /// Writes an event into the log, where that has it.
    fn tell_event(&self, event: &Event<'_>) {
        if cfg!(feature = "access-log")
            && let Some(levels) = self.levels()
            && !event.is_told(levels)
        {
            return;
        }
        self.tell(&event.line());
    }
    /// Which events the log of this instance has; `None`: nobody has said so.
    fn levels(&self) -> Option<&Levels>;
    /// Says which events the log of this instance has. It is said once.
    fn set_levels(&self, levels: Levels);
    /// Writes a line of the log at once, line feed included.
    fn tell(&self, line: &str);
    /// Whether anybody wants to know what became of every request. Where nobody does, no time is spent on it.
    const OBSERVES: bool = false;
    /// Whether anybody may want to: a constant, so that nothing is left of it in components that have no lines about
    /// requests.
    const MAY_OBSERVE: bool =
        Self::OBSERVES || cfg!(feature = "access-log") || cfg!(feature = "metrics");
    /// Takes note of what became of a request.
    fn observe(&self, record: &Record<'_>) {
        let _ = record;
    }

    // A request, as it came.

    /// The method.
    fn method(request: &Self::Request) -> Cow<'static, str>;
    /// Path and query.
    fn target(request: &Self::Request) -> Option<String>;
    /// Whom the request is for: host and port.
    fn authority(request: &Self::Request) -> Option<String>;
    /// Whether the request came by https.
    fn is_https(request: &Self::Request) -> bool;
    /// The fields, as the client sent them and the host shows them.
    fn fields(request: &Self::Request) -> Self::Fields;

    // Fields.

    /// All of them, in order.
    fn listed(fields: &Self::Fields) -> FieldList;
    /// A copy that can be changed.
    fn copied(fields: &Self::Fields) -> Self::Fields;
    /// The values of every field of this name, in order.
    fn values(fields: &Self::Fields, name: &str) -> Vec<Vec<u8>>;
    /// Takes every field of this name out.
    ///
    /// # Errors
    /// Where the host does not accept that.
    fn delete(fields: &Self::Fields, name: &str) -> Result<(), NotAccepted>;
    /// Gives the field of this name these values and no others.
    ///
    /// # Errors
    /// Where the host does not accept that.
    fn set(fields: &Self::Fields, name: &str, values: &[Vec<u8>]) -> Result<(), NotAccepted>;

    // Requests that are sent.

    /// What of the head of a request is handed on unread.
    fn unread(request: &Self::Request) -> Self::Unread;
    /// The request that comes of one that was received.
    ///
    /// # Errors
    /// Where the host does not accept it.
    fn forwarded(
        &self,
        unread: Self::Unread,
        fields: Self::Fields,
        line: RequestLine<'_>,
        body: Self::Body,
    ) -> Result<Self::Request, NotAccepted>;
    /// A request of our own.
    ///
    /// # Errors
    /// Where the host does not accept it.
    fn request(
        &self,
        to: &Destination<'_>,
        line: RequestLine<'_>,
        fields: &FieldList,
        body: Self::Body,
        options: Option<Self::Options>,
    ) -> Result<Self::Request, NotAccepted>;
    /// Times for the host to keep, and whether it keeps all of them but the last.
    fn options(&self, times: &Times) -> (Self::Options, bool);
    /// Sends a request and waits for the head of the response.
    ///
    /// # Errors
    /// What the host says. A destination that is not granted shows here.
    async fn send(&self, request: Self::Request) -> Result<Self::Response, Self::Error>;
    /// What an error says of the one that was asked.
    fn failure(error: &Self::Error) -> UpstreamFailure;
    /// What an error says, for the log: what happened, in words.
    fn explanation(error: &Self::Error) -> String;
    /// Whether the host ends a request with the client that it is for, where it has
    /// [the field](doorward_syntax::own_host) that says so. To another host the field is not sent.
    fn ends_with_client(&self) -> bool;
    /// Whether the host has ended it, which says nothing of who was asked.
    fn client_has_gone(error: &Self::Error) -> bool;
    /// An error with this text, for the host's log.
    fn error(reason: &'static str) -> Self::Error;

    // Responses.

    /// The status code.
    fn status(response: &Self::Response) -> u16;
    /// The fields of a response.
    fn response_fields(response: &Self::Response) -> Self::Fields;
    /// Whether the host has a name for each request, and gives it to answers that have none
    /// ([`own_host`](doorward_syntax::own_host)).
    fn names_requests(&self) -> bool;
    /// Whether the host takes fields of one hop out of what arrives, so that nobody has to look for them.
    fn hides_hop_by_hop(&self) -> bool;
    /// Whether there is a field of one of these names.
    fn has_any(fields: &Self::Fields, names: &[&str]) -> bool;
    /// A response of our own.
    ///
    /// # Errors
    /// Where the host does not accept it.
    fn response(
        &self,
        status: u16,
        fields: &FieldList,
        body: Self::Body,
    ) -> Result<Self::Response, NotAccepted>;
    /// The same response with other fields. Its body goes on unread, with its trailers.
    ///
    /// # Errors
    /// Where the host does not accept it.
    fn with_fields(
        &self,
        response: Self::Response,
        fields: &FieldList,
    ) -> Result<Self::Response, NotAccepted>;

    /// The same response, which has these fields, where the one of this name has this value and no other. Its body goes
    /// on unread.
    ///
    /// # Errors
    /// Where the host does not accept it.
    fn with_field(
        &self,
        response: Self::Response,
        fields: Self::Fields,
        name: &str,
        value: &[u8],
    ) -> Result<Self::Response, NotAccepted>;

    // Bodies that come.

    /// The body of a request. Whether there is one, it says itself.
    fn source(&self, request: Self::Request) -> Self::Source;
    /// The body of a response.
    fn response_source(&self, response: Self::Response) -> Self::Source;
    /// What of it is there already, in `buffer`, and whether that is its end.
    fn read_now(source: &mut Self::Source, buffer: Vec<u8>) -> Read;
    /// Waits for more of it, which is put into what is free of `buffer`. Where `stop` is set, it waits no
    /// longer; what has been read by then is not lost.
    async fn read(source: &mut Self::Source, buffer: Vec<u8>, stop: &Stop) -> Read;
    /// Waits for the trailers, which come after the end of the body.
    ///
    /// # Errors
    /// The body is not whole.
    async fn trailers(source: &mut Self::Source) -> Result<FieldList, Self::Error>;

    // Bodies that go.

    /// A body that is written, for a request or a response.
    fn pipe(&self, of: Message) -> (Self::Sink, Self::Body);
    /// Writes all of `piece` and gives its buffer back, empty; `None` where not all of it was taken, or `stop`
    /// is set.
    async fn write(sink: &mut Self::Sink, piece: Vec<u8>, stop: &Stop) -> Option<Vec<u8>>;
    /// Ends the body. Where nobody reads the trailers, nobody can be fooled by them.
    ///
    /// With an error the body is one that is not whole.
    async fn finish(sink: Self::Sink, trailers: Result<FieldList, Self::Error>);
    /// No body. Dropping the first one says that there are no trailers either.
    fn empty(&self) -> (Self::Silence, Self::Body);
    /// A small body that is ready to be read when the message is sent: a host that sends head and body in two
    /// writes makes some clients wait for a delayed acknowledgement.
    fn bytes(&self, bytes: Vec<u8>) -> Self::Body;
}

/// Nanoseconds of a clock as milliseconds.
pub(crate) const fn millis(ns: u64) -> Millis {
    Millis(ns / 1_000_000)
}

/// What was measured could not be told.
#[cfg(feature = "metrics")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untold;

/// A key-value store.
#[expect(
    async_fn_in_trait,
    reason = "an instance has one thread, so no future has to be `Send`"
)]
pub trait Store {
    /// The value of this name.
    ///
    /// # Errors
    /// What the host says.
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Gives this name a value.
    ///
    /// # Errors
    /// What the host says.
    async fn set(&self, name: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Takes this name out.
    ///
    /// # Errors
    /// What the host says.
    async fn delete(&self, name: &str) -> Result<(), StoreError>;
    /// Whether this name has a value.
    ///
    /// # Errors
    /// What the host says.
    async fn exists(&self, name: &str) -> Result<bool, StoreError>;
    /// Adds to the number of this name, which is 0 where there is none, and gives the sum: in one step, whoever else
    /// adds to it, and without waiting. What is stored reads as [`number`](doorward_traffic::rate::number) says.
    ///
    /// # Errors
    /// What the host says, or that it [cannot](Platform::increments).
    fn increment(&self, name: &str, by: i64) -> Result<i64, StoreError>;
    /// All names, handed to `take` some at a time, until it wants no more.
    ///
    /// # Errors
    /// What the host says, or what `take` does.
    async fn names(
        &self,
        take: &mut dyn FnMut(Vec<String>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

/// The host does not accept a message that the engine makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAccepted;

/// What a request begins with.
#[derive(Debug, Clone, Copy)]
pub struct RequestLine<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
}

/// Whom a request of our own goes to.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// Whether by https.
    pub https: bool,
    /// Host and port.
    pub authority: Option<&'a str>,
    /// The length of the body, where it is to be announced and no field does.
    pub content_length: Option<usize>,
}

/// Times for the host to keep, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For the connection.
    pub connect_ms: u64,
    /// From there to the first byte of the response.
    pub first_byte_ms: u64,
    /// Between two pieces of the response. Where the host does not know of it, a response that pauses goes on
    /// when it goes on.
    pub between_bytes_ms: Option<u64>,
}

/// What a body belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// To a request.
    Request,
    /// To a response.
    Response,
}

/// What came of reading.
#[derive(Debug)]
pub struct Read {
    /// The buffer, with what was read at its end.
    pub buffer: Vec<u8>,
    /// Whether nothing follows.
    pub ended: bool,
}

/// Makes a body that is being passed on stop at the next turn.
#[derive(Debug, Clone, Default)]
pub struct Stop(Option<Rc<Cell<bool>>>);

impl Stop {
    /// One that can be set.
    #[must_use]
    pub fn new() -> Self {
        Self(Some(Rc::default()))
    }

    /// One that is never set.
    #[must_use]
    pub const fn never() -> Self {
        Self(None)
    }

    /// Stops it.
    pub fn now(&self) {
        if let Some(stop) = &self.0 {
            stop.set(true);
        }
    }

    /// Whether it is to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|stop| stop.get())
    }
}
