//! HTTP/1.1 as hosts speak it with clients and origins: where a body ends, what becomes of its trailers, and which
//! fields a component sees of those that arrive.
//!
//! It does as hosts on wasmtime and hyper do, the odd things above all. The contract suite runs the same cases
//! here and over sockets.

use super::body::{Body, Sink, Source};
use super::executor::{Executor, WORLD};
use super::message::{
    Failure, Fields, Manner, Request, Response, is_forbidden, length, lower_case, members,
};
use doorward_gate::platform::{FieldList, Stop};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Bytes that a host has under way at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Fields that a response may have; with more of them it is none.
pub const FIELDS_MAX: usize = 1024;
/// Bytes of the longest target.
pub const TARGET_BYTES_MAX: usize = 65_534;
/// Bytes of fields that a component may set, with what hosts count besides for each name and each value.
pub const SET_BYTES_MAX: usize = 512 * 1024;
const NAME_BYTES: usize = 32;
const VALUE_BYTES: usize = 40;

/// Trailers that hosts send to nobody, even where they are announced.
const NO_TRAILERS: [&str; 12] = [
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "host",
    "max-forwards",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
];

/// Whether a component may make a message with these fields.
pub(super) fn may_be_set(entries: &FieldList) -> bool {
    let names: BTreeSet<String> = entries
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    let of_names: usize = names.iter().map(|name| name.len() + NAME_BYTES).sum();
    let of_values: usize = entries
        .iter()
        .map(|(_, value)| value.len() + VALUE_BYTES)
        .sum();
    let lengths = || entries.iter().filter(|(name, _)| is_length(name));
    of_names + of_values <= SET_BYTES_MAX
        && names
            .iter()
            .all(|name| is_name(name) && !is_forbidden(name))
        && entries.iter().all(|(_, value)| is_value(value))
        && lengths().count() <= 1
        && lengths().all(|(_, value)| {
            let text = String::from_utf8_lossy(value);
            text.parse::<u64>().is_ok()
        })
}

fn is_length(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-length")
}

/// RFC 9110 §5.6.2.
fn is_name(name: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_inside)
}

/// RFC 9110 §5.5.
pub(super) fn is_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// Whether a response can have a body.
pub(super) fn has_body(method: &str, status: u16) -> bool {
    method != "HEAD" && !matches!(status, 204 | 304)
}

/// A request as a host sends what a component made: framed, and with the name of its destination.
pub(super) fn sent(executor: &Rc<Executor>, request: Request) -> Request {
    let mut entries = request.fields.entries();
    let host = request.authority.clone().unwrap_or_default();
    entries.push("host", host);
    let announced = length(&entries);
    // Chunks mean nothing in these, so hosts drop a body that has no length (hyper does).
    let may_mean_nothing = matches!(&*request.method, "GET" | "HEAD" | "CONNECT");
    let body = match announced {
        Some(_) => relayed(executor, request.body, Rules::of_length(announced)),
        None if may_mean_nothing => Body::empty(executor).1,
        None => {
            let chunked = b"chunked".to_vec();
            entries.push("transfer-encoding", chunked);
            let trailers = members(&entries, "trailer");
            relayed(executor, request.body, Rules::with_trailers(trailers))
        }
    };
    Request {
        fields: Fields::of(entries),
        body,
        ..request
    }
}

/// A response as a component sees what an origin sent in answer to a request with this method. A pause longer
/// than `between_bytes` ends it, where the host keeps that time.
pub(super) fn received(
    executor: &Rc<Executor>,
    response: Response,
    method: &str,
    manner: Manner,
    between_bytes: Option<Duration>,
) -> Result<Response, Failure> {
    let Response {
        status,
        fields,
        body,
    } = response;
    let mut entries = fields.entries();
    if entries.len() > FIELDS_MAX {
        return Err(Failure::HeadTooLarge);
    }
    let has_body = has_body(method, status);
    if length(&entries).is_none() && (has_body || body.length.is_some()) {
        match body.length {
            Some(bytes) if !matches!(status, 204 | 304) => {
                let bytes = bytes.to_string().into_bytes();
                entries.push("content-length", bytes);
            }
            Some(_) => {}
            None => entries.push("transfer-encoding", "chunked"),
        }
    }
    let body = match has_body {
        false => Body::empty(executor).1,
        true => {
            let rules = Rules {
                length: length(&entries),
                over: Over::Ends,
                trailers: Trailers::But(manner),
                between_bytes,
            };
            relayed(executor, body, rules)
        }
    };
    Ok(Response {
        status,
        fields: Fields::of(manner.shown_response(entries)),
        body,
    })
}

/// The body of a response as a client gets it, who takes trailers or not.
pub(super) fn answered(
    executor: &Rc<Executor>,
    response: Response,
    method: &str,
    takes_trailers: bool,
) -> Body {
    if !has_body(method, response.status) {
        return Body::empty(executor).1;
    }
    let entries = response.fields.entries();
    let rules = match (length(&entries), takes_trailers) {
        (Some(bytes), _) => Rules::of_length(Some(bytes)),
        (None, true) => Rules::with_trailers(members(&entries, "trailer")),
        (None, false) => Rules::with_trailers(Vec::new()),
    };
    relayed(executor, response.body, rules)
}

/// Trailers as a component has them that a client or an origin sent.
fn shown_trailers(manner: Manner, mut trailers: FieldList) -> FieldList {
    trailers.retain(|name| manner == Manner::Shows || !is_forbidden(name));
    lower_case(trailers)
}

/// What a host does with a body on its way.
pub(super) struct Rules {
    /// How long it is, where it is announced.
    length: Option<u64>,
    over: Over,
    trailers: Trailers,
    /// How long a pause may be.
    between_bytes: Option<Duration>,
}

/// What becomes of a body that is longer than announced.
enum Over {
    /// It is not sent to its end: what a component makes must be right.
    Fails,
    /// It ends where it was announced to: what follows is something else.
    Ends,
}

/// Which trailers go on, of a body in chunks.
enum Trailers {
    /// Those that a field announced, and that may be trailers.
    Announced(Vec<String>),
    /// All but those that a component does not see in this manner.
    But(Manner),
}

impl Rules {
    /// A body of this length, which a component makes.
    fn of_length(length: Option<u64>) -> Self {
        Self {
            length,
            over: Over::Fails,
            trailers: Trailers::Announced(Vec::new()),
            between_bytes: None,
        }
    }

    /// A body in chunks, which a component makes, and the trailers that were announced.
    fn with_trailers(announced: Vec<String>) -> Self {
        Self {
            trailers: Trailers::Announced(announced),
            ..Self::of_length(None)
        }
    }

    /// A body that a client sends.
    pub(super) fn arriving(length: Option<u64>, manner: Manner) -> Self {
        Self {
            length,
            over: Over::Ends,
            trailers: Trailers::But(manner),
            between_bytes: None,
        }
    }

    fn trailers_of(&self, trailers: FieldList) -> FieldList {
        if self.length.is_some() {
            return FieldList::new();
        }
        match &self.trailers {
            Trailers::But(manner) => shown_trailers(*manner, trailers),
            Trailers::Announced(names) => {
                let goes = |name: &str| names.iter().any(|named| named == name);
                let trailers = trailers.into_iter();
                trailers
                    .map(|(name, value)| (name.to_ascii_lowercase(), value))
                    .filter(|(name, _)| goes(name) && !NO_TRAILERS.contains(&name.as_str()))
                    .collect()
            }
        }
    }
}

/// The same body as it comes out of a host that goes by these rules.
pub(super) fn relayed(executor: &Rc<Executor>, body: Body, rules: Rules) -> Body {
    let (sink, mut out) = Body::pipe(executor, Failure::Incomplete);
    out.length = rules.length.or(body.length);
    let timer = Rc::clone(executor);
    executor.spawn(WORLD, async move {
        relay(&timer, body.source(), sink, rules).await;
    });
    out
}

async fn relay(executor: &Rc<Executor>, mut from: Source, mut to: Sink, rules: Rules) {
    let never = Stop::never();
    let mut count = 0;
    let trailers = loop {
        if rules.length == Some(count) {
            break Ok(FieldList::new());
        }
        let read = {
            let mut reading = pin!(from.read(Vec::with_capacity(PIECE_BYTES), &never));
            let mut pause = pin!(async {
                match rules.between_bytes {
                    Some(limit) => executor.sleep(limit).await,
                    None => std::future::pending().await,
                }
            });
            poll_fn(|context| {
                // Who leaves, leaves the other side at once.
                if to.is_left(context) || pause.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                reading.as_mut().poll(context).map(Some)
            })
            .await
        };
        let Some(read) = read else {
            return;
        };
        let mut piece = read.buffer;
        count += piece.len() as u64;
        if let Some(over) = rules.length.and_then(|length| count.checked_sub(length)) {
            match rules.over {
                Over::Fails if over > 0 => return,
                Over::Fails | Over::Ends => {
                    count -= over;
                    piece.truncate(piece.len() - usize::try_from(over).unwrap_or(piece.len()));
                }
            }
        }
        if !piece.is_empty() && to.write(piece, &never).await.is_none() {
            return;
        }
        if read.ended && rules.length != Some(count) {
            break match from.trailers().await {
                Ok(_) if rules.length.is_some() => Err(Failure::Incomplete),
                trailers => trailers.map(|trailers| rules.trailers_of(trailers)),
            };
        }
    };
    to.finish(trailers);
}
