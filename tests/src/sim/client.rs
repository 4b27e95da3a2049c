//! Clients: what they send, how, and what they get.

use super::body::{Body, Sink};
use super::executor::WORLD;
use super::message::{Failure, Fields, Manner, Request, Response, length, members};
use super::wire::{self, Rules};
use super::world::World;
use doorward_gate::platform::{FieldList, Stop};
use doorward_syntax::own_host::REQUEST_NAME_FIELD;
use doorward_syntax::request_id::REQUEST_ID;
use serde_json::Value;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The host that clients ask.
pub const HOST: &str = "shop.example";

/// A request as a client sends it.
#[derive(Clone, Debug)]
pub struct Sent {
    method: String,
    target: String,
    fields: FieldList,
    authority: String,
    https: bool,
    address: Option<String>,
    body: Option<Upload>,
}

/// A body as a client sends it.
#[derive(Clone, Debug)]
struct Upload {
    pieces: Vec<Vec<u8>>,
    /// Between two pieces.
    pause: Duration,
    /// Whether the client leaves before the end.
    is_cut: bool,
    trailers: FieldList,
    /// How many bytes of it were taken.
    taken: Rc<Cell<usize>>,
}

impl Sent {
    /// A GET for `target`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of these bytes to `target`.
    #[must_use]
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).pieces(vec![body.into()], Duration::ZERO)
    }

    /// Any request.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: FieldList::new(),
            authority: HOST.to_owned(),
            https: true,
            address: Some("192.0.2.1:50000".to_owned()),
            body: None,
        }
    }

    /// With this field as well.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push(name, value.as_ref());
        self
    }

    /// With this bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.field("authorization", format!("Bearer {token}"))
    }

    /// From this address and port; `None`: the host does not say.
    #[must_use]
    pub fn from(mut self, address: Option<&str>) -> Self {
        self.address = address.map(str::to_owned);
        self
    }

    /// From an address of a client with this number; others have others.
    #[must_use]
    pub fn of_client(self, number: usize) -> Self {
        let [high, low, ..] = number.to_le_bytes();
        self.from(Some(&format!("198.18.{low}.{high}:50000")))
    }

    /// With another method.
    #[must_use]
    pub fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Without TLS.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.https = false;
        self
    }

    /// To another host.
    #[must_use]
    pub fn to(mut self, authority: &str) -> Self {
        authority.clone_into(&mut self.authority);
        self
    }

    /// Without a host, as HTTP/1.0 has it.
    #[must_use]
    pub fn without_host(self) -> Self {
        self.to("")
    }

    /// With a body in pieces.
    #[must_use]
    pub fn pieces(mut self, pieces: Vec<Vec<u8>>, pause: Duration) -> Self {
        self.body = Some(Upload {
            pieces,
            pause,
            is_cut: false,
            trailers: FieldList::new(),
            taken: Rc::default(),
        });
        self
    }

    /// The same, and how many bytes of its body the host has taken, which grows.
    #[must_use]
    pub fn watched(mut self) -> (Self, Rc<Cell<usize>>) {
        let taken = Rc::default();
        if let Some(body) = &mut self.body {
            body.taken = Rc::clone(&taken);
        }
        (self, taken)
    }

    /// With a body that the client does not send all of.
    #[must_use]
    pub fn cut(mut self) -> Self {
        if let Some(body) = &mut self.body {
            body.is_cut = true;
        }
        self
    }

    /// With this trailer field.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        if let Some(body) = &mut self.body {
            body.trailers.push(name, value);
        }
        self
    }

    /// With the length of its body.
    #[must_use]
    pub fn with_length(self) -> Self {
        let length: usize = self
            .body
            .iter()
            .flat_map(|body| body.pieces.iter().map(Vec::len))
            .sum();
        self.field("content-length", length.to_string())
    }

    /// The request as a component sees it, and who waits for its response.
    pub(super) fn into_request(self, world: &Rc<World>, manner: Manner) -> (Request, Client) {
        let authority = Some(&*self.authority).filter(|authority| !authority.is_empty());
        let mut entries = FieldList::new();
        if let Some(authority) = authority {
            entries.push("host", authority);
        }
        let authority = authority.map(str::to_owned);
        entries.extend(self.fields.clone());
        let length = length(&entries);
        if self.body.is_some() && length.is_none() && !entries.has("transfer-encoding") {
            entries.push("transfer-encoding", "chunked");
        }
        let takes_trailers = members(&entries, "te").iter().any(|te| te == "trailers");
        let mut entries = manner.shown_request(entries);
        entries.extend(self.told());
        // The own host does as wasmtime 48, and has a name for each request.
        let name = (manner == Manner::Removes).then(|| world.next_request_id());
        if let Some(name) = &name {
            entries.replace(REQUEST_NAME_FIELD, name.as_bytes());
        }
        let body = match self.body {
            None if length.unwrap_or(0) == 0 => {
                let (silence, body) = Body::empty(&world.executor);
                drop(silence);
                body
            }
            None => Body::pipe(&world.executor, Failure::Incomplete).1,
            // Its end comes with its beginning.
            Some(upload) if upload.is_nothing() => Body::empty(&world.executor).1,
            Some(mut upload) => {
                upload.is_shorter_than(length);
                let (sink, body) = Body::pipe(&world.executor, Failure::Incomplete);
                let sent = Rc::clone(world);
                world
                    .executor
                    .spawn(WORLD, async move { upload.send(&sent, sink).await });
                wire::relayed(&world.executor, body, Rules::arriving(length, manner))
            }
        };
        let client = Client {
            world: Rc::clone(world),
            method: self.method.clone(),
            takes_trailers,
            name,
        };
        let request = Request {
            method: self.method,
            https: self.https,
            authority,
            target: Some(self.target),
            fields: Fields::of(entries),
            body,
            times: None,
        };
        (request, client)
    }

    /// What the host tells of the request in fields, after what the client said under their names.
    fn told(&self) -> FieldList {
        let (path, _) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let scheme = if self.https { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", self.authority, self.target);
        let told = [
            ("spin-path-info", path),
            ("spin-full-url", &*url),
            ("spin-matched-route", "/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/..."),
            ("spin-component-route", ""),
        ];
        let address = self.address.as_deref();
        let address = address.map(|address| ("spin-client-addr", address));
        let told = told.into_iter().chain(address);
        told.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect()
    }

    /// What the host itself answers, where it hands the request to no component.
    pub(super) fn refused(&self, manner: Manner) -> Option<Answer> {
        let status = if self.target.len() > wire::TARGET_BYTES_MAX {
            414
        } else if self.fields.has("host") && manner == Manner::Removes {
            400
        } else {
            return None;
        };
        Some(Answer {
            status,
            fields: FieldList::new(),
            body: Vec::new(),
            trailers: Ok(FieldList::new()),
        })
    }
}

impl Upload {
    fn is_nothing(&self) -> bool {
        self.pieces.iter().all(Vec::is_empty)
            && self.pause.is_zero()
            && self.trailers.is_empty()
            && !self.is_cut
    }

    /// Of a body that is cut, at least a byte of what was announced does not come.
    fn is_shorter_than(&mut self, length: Option<u64>) {
        let bytes: usize = self.pieces.iter().map(Vec::len).sum();
        if self.is_cut && length == Some(bytes as u64) {
            let last = self.pieces.iter_mut().rev().find(|piece| !piece.is_empty());
            last.map(Vec::pop);
        }
    }

    async fn send(self, world: &Rc<World>, mut sink: Sink) {
        for piece in self.pieces {
            if !self.pause.is_zero() {
                world.executor.sleep(self.pause).await;
            }
            let bytes = piece.len();
            if !piece.is_empty() && sink.write(piece, &Stop::never()).await.is_none() {
                return;
            }
            self.taken.set(self.taken.get() + bytes);
        }
        if !self.is_cut {
            sink.finish(Ok(self.trailers));
        }
    }
}

/// Who waits for a response.
pub(super) struct Client {
    world: Rc<World>,
    method: String,
    takes_trailers: bool,
    /// What the host calls the request.
    name: Option<String>,
}

/// A response as a client has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub fields: FieldList,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers; where the body is not whole, why.
    pub trailers: Result<FieldList, Failure>,
}

/// Bytes that a client reads at a time.
const READ_BYTES: usize = 16 * 1024;

impl Client {
    /// Reads all of a response.
    pub(super) async fn receive(self, response: Response) -> Result<Answer, Failure> {
        let (status, mut fields) = (response.status, response.fields.entries());
        if let Some(name) = self.name.filter(|_| !fields.has(REQUEST_ID)) {
            fields.push(REQUEST_ID, name);
        }
        if wire::has_body(&self.method, status) && length(&fields).is_none() {
            fields.push("transfer-encoding", "chunked");
        }
        let executor = &self.world.executor;
        let body = wire::answered(executor, response, &self.method, self.takes_trailers);
        let (body, trailers) = read(body).await;
        Ok(Answer {
            status,
            fields,
            body,
            trailers,
        })
    }
}

/// All of a body, and its trailers.
pub async fn read(body: Body) -> (Vec<u8>, Result<FieldList, Failure>) {
    read_after(body, async || {}).await
}

/// The same, with a pause before each piece.
pub async fn read_after(
    body: Body,
    pause: impl AsyncFn(),
) -> (Vec<u8>, Result<FieldList, Failure>) {
    let mut source = body.source();
    let mut bytes = Vec::new();
    loop {
        pause().await;
        let read = source
            .read(Vec::with_capacity(READ_BYTES), &Stop::never())
            .await;
        bytes.extend(read.buffer);
        if read.ended {
            break;
        }
    }
    let trailers = source.trailers().await;
    (bytes, trailers)
}

impl Answer {
    /// The value of the field of this name; empty where there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let value = self.fields.named(name).next();
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether all of it came.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.trailers.is_ok()
    }
}
