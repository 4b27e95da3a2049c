//! Clients of applications in virtual time.

use super::host::Address;
use super::run::world;
use crate::sim::client::{Answer as Received, Sent};
use crate::sim::executor::WORLD;
use crate::sim::message::Failure;
use doorward_gate::platform::FieldList;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// How long a request is under way before it arrives.
const LATENCY: Duration = Duration::from_micros(100);

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    from: Option<String>,
}

impl Ask {
    /// `GET target`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `method target`.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            from: Some("127.0.0.1:50000".to_owned()),
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds `Authorization: Bearer token`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sets a form as the body (`application/x-www-form-urlencoded`).
    #[must_use]
    pub fn form(self, text: &str) -> Self {
        self.header("Content-Type", "application/x-www-form-urlencoded")
            .body(text.as_bytes())
    }

    /// Sets the body and its length.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// From a client with this address and port, as the host sees it.
    #[must_use]
    pub fn from(mut self, address: &str) -> Self {
        self.from = Some(address.to_owned());
        self
    }

    /// Sends the request and reads the whole answer.
    pub async fn send(&self, address: Address) -> Answer {
        let sent = self.sent(address);
        // Nothing arrives at once: what else is under way goes on meanwhile.
        world().executor.sleep(LATENCY).await;
        Answer::of(apart(async move { address.gate().send(sent).await }).await)
    }

    /// Sends the request, and leaves as soon as `leaves` has ended. Returns whether that was before the answer.
    pub async fn send_until(&self, address: Address, leaves: impl Future<Output = ()>) -> bool {
        let (world, sent) = (world(), self.sent(address));
        world.executor.sleep(LATENCY).await;
        let client = world.owner();
        let is_answered = Rc::new(Cell::new(false));
        let tells = Rc::clone(&is_answered);
        world.executor.spawn(client, async move {
            let answer = address.gate().send(sent).await;
            tells.set(true);
            drop(answer);
        });
        leaves.await;
        world.executor.end(client);
        !is_answered.get()
    }

    fn sent(&self, address: Address) -> Sent {
        let mut sent = Sent::new(&self.method, &self.target)
            .plain()
            .to(&address.authority())
            .from(self.from.as_deref());
        for (name, value) in &self.headers {
            sent = sent.field(name, value);
        }
        if !self.body.is_empty() {
            sent = sent.field("content-length", self.body.len().to_string());
            sent = sent.pieces(vec![self.body.clone()], Duration::ZERO);
        }
        sent
    }
}

/// Sends what these bytes say (RFC 9112): a request line, fields whose values may hold any byte, and a body.
///
/// # Panics
/// When they are no request.
pub async fn send_bytes(address: Address, bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.expect("a head");
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = String::from_utf8_lossy(lines.next().expect("a line")).into_owned();
    let mut words = line.trim_end().split(' ');
    let (method, target) = (words.next().expect("a method"), words.next());
    let mut sent = Sent::new(method, target.expect("a target"))
        .plain()
        .from(Some("127.0.0.1:50000"));
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.expect("a field"));
        let name = String::from_utf8_lossy(name).into_owned();
        let value = value[1..].trim_ascii();
        if name.eq_ignore_ascii_case("host") {
            sent = sent.to(&String::from_utf8_lossy(value));
        } else {
            sent = sent.field(&name, value);
        }
    }
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        let (pieces, trailers) = unchunked(body);
        sent = sent.pieces(pieces, Duration::ZERO);
        for (name, value) in trailers {
            sent = sent.trailer(&name, &value);
        }
    } else if !body.is_empty() {
        sent = sent.pieces(vec![body.to_vec()], Duration::ZERO);
    }
    world().executor.sleep(LATENCY).await;
    Answer::of(apart(async move { address.gate().send(sent).await }).await)
}

/// The pieces of a body in chunks (RFC 9112 section 7.1), and its trailers, whose names hosts give in lower case.
fn unchunked(mut rest: &[u8]) -> (Vec<Vec<u8>>, Vec<(String, String)>) {
    let mut pieces = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n");
        let (size, after) = rest.split_at(end.expect("the size of a chunk"));
        let size = String::from_utf8_lossy(size).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
        rest = &after[2..];
        if size == 0 {
            break;
        }
        pieces.push(rest[..size].to_vec());
        rest = &rest[size + 2..];
    }
    let trailers = String::from_utf8_lossy(rest).into_owned();
    let trailers = trailers.lines().filter_map(|line| line.split_once(':'));
    let trailers =
        trailers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    (pieces, trailers.collect())
}

/// Sends all of these requests over one connection, where a host answers one after the other, and gives the status
/// codes in their order.
pub async fn send_pipelined(address: Address, asks: &[Ask]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for ask in asks {
        statuses.push(ask.send(address).await.status);
    }
    statuses
}

/// Does work in a task of its own, which goes on whoever waits for it.
pub fn apart<T: 'static, F: Future<Output = T> + 'static>(
    work: F,
) -> impl Future<Output = T> + use<T, F> {
    let world = world();
    let done = Rc::new(RefCell::new(None));
    let told = Rc::clone(&done);
    let (wake, woken) = world.executor.gong();
    world.executor.spawn(WORLD, async move {
        let value = work.await;
        *told.borrow_mut() = Some(value);
        drop(wake);
    });
    async move {
        woken.await;
        let value = done.borrow_mut().take();
        value.expect("the work has ended")
    }
}

/// A response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code; 0 when there is no answer.
    pub status: u16,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    fn of(received: Result<Received, Failure>) -> Self {
        let received = received.unwrap_or(Received {
            status: 0,
            fields: FieldList::new(),
            body: Vec::new(),
            trailers: Ok(FieldList::new()),
        });
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
        let fields = received.fields.into_iter();
        Self {
            status: received.status,
            headers: fields
                .map(|(name, value)| (name.to_ascii_lowercase(), text(value)))
                .collect(),
            body: received.body,
        }
    }

    /// The value of a header field, the first one if there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("expected JSON, got {error} in {:?}", self.text()))
    }
}
