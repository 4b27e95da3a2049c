//! From a request and the permit for it to the request that the next one sees.
//!
//! Only the header fields that have to differ are touched. Bodies stream through in pieces, unchanged
//! and never collected; a request that can have no body is handed on without one.
//!
//! # Why bodies are not handed on as they are
//! WASI lets a middleware pass the incoming body stream to the outgoing request. Hosts then take a short
//! cut (`wasmtime-wasi-http` 48, which Spin uses, does): they send on the original body *with its
//! original trailers*, and ignore the trailers that the middleware gave. A client could so bring in an
//! identity field as a trailer. A stream of our own ends with the trailers that we chose, at the price
//! of one copy, and only for requests that have a body.

use crate::received::{AUTHORIZATION, Received};
use doorward_policy::{Permit, Policy};
use std::task::{Context, Poll, Waker};
use wasip3::http::types::{ErrorCode, Fields, Method, Request};
use wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter};
use wasip3::{wit_bindgen, wit_future, wit_stream};

const CONTENT_LENGTH: &str = "content-length";
const FULL_URL: &str = "spin-full-url";
/// Bytes of a body that are read while the request is rebuilt.
const FIRST_PIECE_BYTES: usize = 8 * 1024;
/// Bytes of a body that are under way at a time.
const PIECE_BYTES: usize = 64 * 1024;

type Trailers = Result<Option<Fields>, ErrorCode>;

/// A request that a decision let through. Only [`permitted`] makes one, and it takes a [`Permit`].
#[derive(Debug)]
pub struct Permitted(Request);

impl Permitted {
    /// The request to hand on.
    pub fn into_request(self) -> Request {
        self.0
    }
}

/// Rebuilds `request` as `permit` says: reserved header and trailer fields removed under every spelling,
/// the identity set, the credential removed unless the policy forwards it, the target byte for byte the
/// authorised one.
///
/// `received` is the head of that request.
///
/// # Errors
/// What the host says where it does not accept the rebuilt request. The request then goes nowhere.
pub fn permitted(
    request: Request,
    received: Received,
    permit: &Permit<'_>,
    policy: &'static Policy,
) -> Result<(Permitted, NoTrailers), ErrorCode> {
    let scheme = request.get_scheme();
    let authority = request.get_authority();
    let options = request.get_options();
    let headers = received.fields.clone();
    let refused = || ErrorCode::InternalError(Some("the rebuilt request was not accepted".into()));

    for name in &received.names {
        if permit.removes_header(name) {
            headers.delete(name).map_err(|_| refused())?;
        }
    }
    for (name, value) in permit.identity_headers() {
        headers
            .set(name, &[value.to_vec()])
            .map_err(|_| refused())?;
    }

    if permit.target() != received.target {
        rewrite_full_url(&headers, &received.target, permit.target()).map_err(|()| refused())?;
    }

    let declared = received
        .names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(CONTENT_LENGTH));
    let (contents, trailers, no_trailers) = body_of(request, declared, policy);
    let (rebuilt, _sent) = Request::new(headers, contents, trailers, options);
    // A new request is a GET.
    let method_set = match received.method {
        Method::Get => Ok(()),
        ref method => rebuilt.set_method(method),
    };
    method_set
        .and_then(|()| rebuilt.set_scheme(scheme.as_ref()))
        .and_then(|()| rebuilt.set_authority(authority.as_deref()))
        .and_then(|()| rebuilt.set_path_with_query(Some(permit.target())))
        .map_err(|()| refused())?;
    Ok((Permitted(rebuilt), no_trailers))
}

/// The host says in a field as well what the whole URL was, query included. Where an API key was taken out
/// of the query, it is taken out there, too. What a client sent under that name goes: the host's own value
/// is the last one.
fn rewrite_full_url(headers: &Fields, received: &str, forwarded: &str) -> Result<(), ()> {
    let Some(last) = headers.get(FULL_URL).pop() else {
        return Ok(());
    };
    let rewritten = match last.strip_suffix(received.as_bytes()) {
        Some(origin) => vec![[origin, forwarded.as_bytes()].concat()],
        None => Vec::new(),
    };
    headers.set(FULL_URL, &rewritten).map_err(|_| ())
}

/// Says that a request without a body has no trailers either, when it is dropped.
///
/// Saying so to somebody who never listens is a call, a wait and an event; most services never listen.
/// So the next one gets its first turn before it is said: it has then often dropped the request.
#[must_use]
pub struct NoTrailers(Option<FutureWriter<Trailers>>);

impl NoTrailers {
    /// Polls `next` once, says it, and waits for `next`.
    pub async fn after_first_turn_of<T>(mut self, next: impl Future<Output = T>) -> T {
        let mut next = std::pin::pin!(next);
        std::future::poll_fn(move |context| {
            let turn = next.as_mut().poll(context);
            drop(self.0.take());
            turn
        })
        .await
    }
}

/// The body of `request`, if it has one, as a stream of our own, and its trailers without the reserved
/// fields. Whether there is a body, only the stream says: hosts hide `Transfer-Encoding`, and HTTP/2 needs
/// no field at all. A body that is not there ends at once.
fn body_of(
    request: Request,
    declared: bool,
    policy: &'static Policy,
) -> (Option<StreamReader<u8>>, FutureReader<Trailers>, NoTrailers) {
    let (outcome, outcome_reader) = wit_future::new(|| Ok(()));
    let (mut body, trailers) = Request::consume_body(request, outcome_reader);
    let (ended, piece) = first_piece(&mut body);
    if ended && piece.is_empty() && !declared {
        drop(outcome);
        let (none, none_reader) = wit_future::new(|| Ok(None));
        return (None, none_reader, NoTrailers(Some(none)));
    }
    let (writer, reader) = wit_stream::new();
    // Where the body is given up half-way, what there is of it must not pass for the whole.
    let (trailers_writer, trailers_reader) =
        wit_future::new(|| Err(ErrorCode::HttpRequestBodySize(None)));
    wit_bindgen::spawn(async move {
        let whole = pass_on(body, writer, piece, ended).await;
        if whole {
            let trailers = trailers
                .await
                .map(|fields| fields.map(|fields| cleared(fields, policy)));
            // Where nobody reads the trailers, nobody can be fooled by them.
            let _ = trailers_writer.write(trailers).await;
        }
        drop(outcome);
    });
    (Some(reader), trailers_reader, NoTrailers(None))
}

/// What of the body is there already, without waiting for it, and whether that is its end.
fn first_piece(body: &mut StreamReader<u8>) -> (bool, Vec<u8>) {
    let mut read = std::pin::pin!(body.read(Vec::with_capacity(FIRST_PIECE_BYTES)));
    let mut context = Context::from_waker(Waker::noop());
    let (result, piece) = match read.as_mut().poll(&mut context) {
        Poll::Ready(done) => done,
        Poll::Pending => read.as_mut().cancel(),
    };
    (matches!(result, StreamResult::Dropped), piece)
}

/// Moves a body on, piece by piece, at the pace of the reader. Returns whether all of it was moved.
async fn pass_on(
    mut body: StreamReader<u8>,
    mut writer: StreamWriter<u8>,
    mut piece: Vec<u8>,
    mut ended: bool,
) -> bool {
    loop {
        piece = writer.write_all(piece).await;
        if !piece.is_empty() {
            // Nobody reads on. The rest of the body is of no use to anybody.
            return false;
        }
        if ended {
            return true;
        }
        piece.reserve(PIECE_BYTES);
        let (result, read) = body.read(piece).await;
        ended = matches!(result, StreamResult::Dropped);
        piece = read;
    }
}

/// The trailers without the reserved fields. A server may fold trailers into the header fields, so what
/// must not come in at the front must not come in at the end either (RFC 9110 §6.5.1).
fn cleared(fields: Fields, policy: &Policy) -> Fields {
    let mut entries = fields.copy_all();
    let received = entries.len();
    entries.retain(|(name, _)| {
        !policy.is_reserved_header(name) && !name.eq_ignore_ascii_case(AUTHORIZATION)
    });
    if entries.len() == received {
        return fields;
    }
    // Fields that came in are accepted again; if not, none go on.
    Fields::from_list(&entries).unwrap_or_else(|_| Fields::new())
}
