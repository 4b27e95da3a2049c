//! What an origin does with a request.

use super::{Gate, Seen};
use std::sync::Arc;

/// How requests are answered.
#[derive(Clone)]
pub struct Script(Arc<Choose>);

type Choose = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

impl Script {
    /// Whatever `reply` says to the head of a request. The number counts the requests since the script
    /// was set, from 0.
    pub fn by(reply: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self(Arc::new(reply))
    }

    /// These replies one after the other, and the last one again and again.
    pub fn sequence(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<Reply> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "a sequence has at least one reply");
        Self::by(move |_, number| replies[number.min(replies.len() - 1)].clone())
    }

    /// `first` so many times, then `afterwards`.
    pub fn at_first(times: usize, first: Reply, afterwards: Reply) -> Self {
        Self::by(move |_, number| if number < times { &first } else { &afterwards }.clone())
    }

    pub(super) fn reply(&self, seen: &Seen, number: usize) -> Reply {
        self.0(seen, number)
    }
}

impl From<Reply> for Script {
    fn from(reply: Reply) -> Self {
        Self::by(move |_, _| reply.clone())
    }
}

/// What an origin does with one request. Unless it says otherwise it reads the body, answers, and keeps
/// the connection.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) early: bool,
    pub(super) interim: Vec<u8>,
    pub(super) held_by: Option<Gate>,
    pub(super) head: Head,
    pub(super) body: Vec<Part>,
    pub(super) end: End,
}

#[derive(Debug, Clone)]
pub(super) enum Head {
    /// None: what is in the body is all that is written.
    Absent,
    Present {
        status: u16,
        fields: Vec<(String, String)>,
        framing: Framing,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Framing {
    /// `Content-Length`, with this number instead of the real one.
    Length(Option<u64>),
    Chunked(Vec<(String, String)>),
    UntilClosed,
    /// What the fields say, if anything.
    Own,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Bytes(Vec<u8>),
    Zeros(u64),
    Wait(Gate),
    /// The head of the request, as JSON.
    RequestHead,
    /// The body of the request, while it comes.
    RequestBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The rest of the request's body is read, then comes the next request.
    Keep,
    Close,
    Reset,
    Stall,
}

impl Reply {
    fn new(head: Head) -> Self {
        Self {
            early: false,
            interim: Vec::new(),
            held_by: None,
            head,
            body: Vec::new(),
            end: End::Keep,
        }
    }

    fn present(status: u16, framing: Framing) -> Self {
        Self::new(Head::Present {
            status,
            fields: Vec::new(),
            framing,
        })
    }

    /// An answer with this status, whose length is announced.
    pub fn status(status: u16) -> Self {
        Self::present(status, Framing::Length(None))
    }

    /// An answer 200 with this body, whose length is announced.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::status(200).body(body)
    }

    /// An answer 503 with a `Retry-After` of so many seconds.
    pub fn unavailable(retry_after_s: u64) -> Self {
        Self::status(503).field("Retry-After", &retry_after_s.to_string())
    }

    /// An answer 200 in chunks: each piece of the body is one.
    pub fn chunked() -> Self {
        Self::present(200, Framing::Chunked(Vec::new()))
    }

    /// An answer 200 of which neither length nor chunks tell the end: that is where the connection ends.
    pub fn until_closed() -> Self {
        Self::present(200, Framing::UntilClosed).then_close()
    }

    /// An answer 200 with the method, target and header fields as they came, as JSON.
    pub fn echo_head() -> Self {
        let mut reply = Self::status(200).field("Content-Type", "application/json");
        reply.body.push(Part::RequestHead);
        reply
    }

    /// An answer 200 that begins at once, with the body while it comes and then its trailers, in chunks.
    pub fn echo_body() -> Self {
        let mut reply = Self::chunked().early();
        reply.body.push(Part::RequestBody);
        reply
    }

    /// Exactly these bytes. The connection is kept.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(Head::Absent).body(bytes)
    }

    /// Closes the connection without an answer.
    pub fn close() -> Self {
        Self::new(Head::Absent).then_close()
    }

    /// Resets the connection without an answer.
    pub fn reset() -> Self {
        Self::new(Head::Absent).then_reset()
    }

    /// Never answers.
    pub fn stall() -> Self {
        Self::new(Head::Absent).then_stall()
    }

    /// Says something that is not HTTP, and closes the connection.
    pub fn garbage() -> Self {
        Self::raw(b"SSH-2.0-OpenSSH_9.2\r\n\x00\x01\x02\xff\r\n\r\n").then_close()
    }

    /// An answer 200 with two `Content-Length` fields that differ.
    pub fn two_lengths() -> Self {
        Self::present(200, Framing::Own)
            .field("Content-Length", "5")
            .field("Content-Length", "9")
            .body("over 9 bytes")
    }

    /// An answer 200 with a field that goes on on a second line (obs-fold, RFC 9112 §5.2).
    pub fn folded() -> Self {
        Self::ok("folded").field("X-Folded", "one\r\n two")
    }

    /// Adds a field to the head, byte for byte.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        match &mut self.head {
            Head::Present { fields, .. } => fields.push((name.to_owned(), value.to_owned())),
            Head::Absent => panic!("a reply without a head has no field {name}"),
        }
        self
    }

    /// Adds so many fields `x-0: v`, `x-1: v` and so on.
    #[must_use]
    pub fn many_fields(self, count: usize) -> Self {
        (0..count).fold(self, |reply, number| {
            reply.field(&format!("x-{number}"), "v")
        })
    }

    /// Adds a field `x-huge` with a value of so many bytes.
    #[must_use]
    pub fn huge_field(self, bytes: usize) -> Self {
        self.field("x-huge", &"v".repeat(bytes))
    }

    /// Changes the status.
    #[must_use]
    pub fn with_status(mut self, new: u16) -> Self {
        match &mut self.head {
            Head::Present { status, .. } => *status = new,
            Head::Absent => panic!("a reply without a head has no status {new}"),
        }
        self
    }

    /// Adds a piece to the body.
    #[must_use]
    pub fn body(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body.push(Part::Bytes(bytes.as_ref().to_vec()));
        self
    }

    /// Adds so many zeros to the body, which are never in memory together.
    #[must_use]
    pub fn zeros(mut self, bytes: u64) -> Self {
        self.body.push(Part::Zeros(bytes));
        self
    }

    /// Adds these pieces to the body. Before each of them the gate has to let one through.
    #[must_use]
    pub fn trickle<B: AsRef<[u8]>>(mut self, gate: &Gate, pieces: &[B]) -> Self {
        for piece in pieces {
            self.body.push(Part::Wait(gate.clone()));
            self = self.body(piece);
        }
        self
    }

    /// Adds a trailer field to an answer in chunks.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        match &mut self.head {
            Head::Present {
                framing: Framing::Chunked(trailers),
                ..
            } => trailers.push((name.to_owned(), value.to_owned())),
            _ => panic!("only an answer in chunks has the trailer {name}"),
        }
        self
    }

    /// Announces this length, whatever the body's is.
    #[must_use]
    pub fn announcing(mut self, bytes: u64) -> Self {
        match &mut self.head {
            Head::Present { framing, .. } => *framing = Framing::Length(Some(bytes)),
            Head::Absent => panic!("a reply without a head has no length"),
        }
        self
    }

    /// Answers before the body of the request is read.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// Answers when the gate lets one through, with or without the body of the request.
    #[must_use]
    pub fn after(mut self, gate: &Gate) -> Self {
        self.held_by = Some(gate.clone());
        self
    }

    /// Sends an interim answer first, such as 100 or 103, before the body of the request is read.
    #[must_use]
    pub fn interim(mut self, status: u16, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().copied();
        self.interim.extend(head_bytes(status, fields));
        self
    }

    /// Says `Connection: close`, and does so afterwards.
    #[must_use]
    pub fn closing(self) -> Self {
        self.field("Connection", "close").then_close()
    }

    /// Closes the connection afterwards. If some of the request was not read, that is a reset as well.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.end = End::Close;
        self
    }

    /// Resets the connection afterwards.
    #[must_use]
    pub fn then_reset(mut self) -> Self {
        self.end = End::Reset;
        self
    }

    /// Falls silent afterwards, until the other side gives up.
    #[must_use]
    pub fn then_stall(mut self) -> Self {
        self.end = End::Stall;
        self
    }
}

pub(super) fn head_bytes<'f>(
    status: u16,
    fields: impl Iterator<Item = (&'f str, &'f str)>,
) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}
