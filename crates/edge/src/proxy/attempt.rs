//! One request to one target.

use super::mirror::Mirror;
use super::state::Known;
use crate::body::{Body, NoTrailers, Passed, Progress, Sink, Stop};
use crate::clock;
use doorward_traffic::upstream::{Target, Upstream, UpstreamFailure};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen;

/// How long a request with a body may take in any case: a day.
const UPLOAD_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// What is sent.
pub(super) struct Outgoing<'a> {
    pub(super) method: &'a Method,
    pub(super) target: &'a Target,
    /// Path and query, as the upstream is asked for them.
    pub(super) path: &'a str,
    pub(super) fields: &'a [(String, Vec<u8>)],
    /// How long the attempt may take, up to the head of the response.
    pub(super) left_ms: u64,
}

type PassingOn = Pin<Box<dyn Future<Output = (Body, Passed)>>>;

/// The body of a request that is being sent.
#[derive(Default)]
pub(super) enum Passing {
    /// There is none.
    #[default]
    Nothing,
    /// It is being passed on.
    UnderWay(PassingOn, Stop, Rc<Progress>),
    /// It was, or as much of it as was taken.
    Done(Body),
}

impl Passing {
    /// Stops passing it on, and gives it back.
    pub(super) async fn back(self) -> Option<Body> {
        match self {
            Self::Nothing => None,
            Self::UnderWay(passing, stop, _) => {
                stop.now();
                Some(passing.await.0)
            }
            Self::Done(body) => Some(body),
        }
    }

    /// Whether all of it can still be sent to somebody else.
    pub(super) fn can_be_sent_again(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::UnderWay(_, _, progress) => progress.holds_all(),
            Self::Done(body) => body.can_be_sent_again(),
        }
    }

    /// Passes on the rest of it, while the response is on its way already. Whoever mirrors the request
    /// gets it after that.
    pub(super) fn go_on(self, mirror: Option<Mirror>) {
        let finish = |body: Body, mirror: Option<Mirror>| {
            if let (Some(mirror), Some(whole)) = (mirror, body.whole()) {
                mirror.send(whole.to_vec());
            }
            body.done();
        };
        match self {
            Self::Nothing => {}
            Self::Done(body) => finish(body, mirror),
            Self::UnderWay(passing, ..) => wit_bindgen::spawn(async move {
                let (body, _) = passing.await;
                finish(body, mirror);
            }),
        }
    }
}

/// Why there is no response.
pub(super) enum NoResponse {
    Failure(UpstreamFailure),
    /// More of the body came than the policy allows.
    TooLarge,
    /// The client stopped sending its body.
    Incomplete,
    /// The client does not go on with its body.
    SlowClient,
    /// The host does not accept what would be sent.
    NotAccepted,
}

/// Sends a request and waits for the head of the response, and its status. Gives the body back, as far as it
/// was passed on.
pub(super) async fn send(
    outgoing: &Outgoing<'_>,
    upstream: &'static Upstream,
    known: Known<'_>,
    mut body: Option<Body>,
) -> (Result<(u16, Response), NoResponse>, Passing) {
    let length = match length(outgoing, upstream, &mut body).await {
        Ok(length) => length,
        Err(no_response) => {
            let passing = body.map_or(Passing::Nothing, Passing::Done);
            return (Err(no_response), passing);
        }
    };
    let progress = body.as_ref().map(Body::progress);
    let incomplete = || progress.as_deref().is_some_and(Progress::is_incomplete);
    let (options, timed) = options(outgoing, upstream, known, body.is_some());
    let (request, mut passing, no_trailers) =
        match request(outgoing, upstream, length, options, body) {
            Ok(made) => made,
            Err(body) => {
                let passing = body.map_or(Passing::Nothing, Passing::Done);
                return (Err(NoResponse::NotAccepted), passing);
            }
        };
    let mut sending = pin!(no_trailers.after_first_turn_of(client::send(request)));
    let exchange = poll_fn(|context| {
        if let Poll::Ready(answer) = sending.as_mut().poll(context) {
            return Poll::Ready(match answer {
                Ok(response) => match response.get_status_code() {
                    // No upgrade was asked for (RFC 9110 §7.8): whatever follows is no answer.
                    ..200 => Err(NoResponse::Failure(UpstreamFailure::Malformed)),
                    status => Ok((status, response)),
                },
                // What the host says of it is not the upstream's fault.
                Err(_) if incomplete() => Err(NoResponse::Incomplete),
                Err(code) => Err(NoResponse::Failure(failure(&code))),
            });
        }
        if let Passing::UnderWay(body, ..) = &mut passing
            && let Poll::Ready((body, passed)) = body.as_mut().poll(context)
        {
            passing = Passing::Done(body);
            match passed {
                Passed::TooLarge => return Poll::Ready(Err(NoResponse::TooLarge)),
                Passed::Whole | Passed::NotTaken | Passed::Incomplete => {}
            }
        }
        Poll::Pending
    });
    let answer = match &progress {
        None if timed => exchange.await,
        progress => in_time(exchange, upstream, outgoing.left_ms, progress.as_deref()).await,
    };
    (answer, passing)
}

/// The length that has to be announced besides what the fields say. Hosts frame a body by its length or in
/// chunks, but:
///
/// - a body of a GET or HEAD in chunks they drop without a word (hyper does): such a one is read before, up to
///   what is kept of a body anyway;
/// - where there is none, they announce an empty one in chunks with every other method, which not every server
///   accepts (RFC 9110 §8.6 has 0 there).
async fn length(
    outgoing: &Outgoing<'_>,
    upstream: &Upstream,
    body: &mut Option<Body>,
) -> Result<Option<usize>, NoResponse> {
    let is_get = matches!(outgoing.method, Method::Get | Method::Head);
    let Some(body) = body else {
        return Ok((!is_get).then_some(0));
    };
    let declares = |(name, _): &(String, Vec<u8>)| name == "content-length";
    if !is_get || outgoing.fields.iter().any(declares) {
        return Ok(None);
    }
    let progress = body.progress();
    let gathered = async {
        body.gather().await.map(Some).map_err(|why| match why {
            Passed::TooLarge => NoResponse::TooLarge,
            Passed::Incomplete | Passed::NotTaken | Passed::Whole => NoResponse::Incomplete,
        })
    };
    in_time(gathered, upstream, outgoing.left_ms, Some(&progress)).await
}

/// Waits for the response as long as the upstream may take: no longer than the attempt may, counted from the
/// last piece of the body, for a large one takes as long as it takes.
async fn in_time<T>(
    exchange: impl Future<Output = Result<T, NoResponse>>,
    upstream: &Upstream,
    left_ms: u64,
    progress: Option<&Progress>,
) -> Result<T, NoResponse> {
    let mut exchange = pin!(exchange);
    let pieces = || progress.map_or(0, Progress::pieces);
    let mut known = pieces();
    let moved_at = Cell::new(clock::monotonic());
    let mut exchange = pin!(poll_fn(|context| {
        let polled = exchange.as_mut().poll(context);
        if pieces() != known {
            known = pieces();
            moved_at.set(clock::monotonic());
        }
        polled
    }));
    loop {
        let waits_for_client = progress.is_some_and(Progress::waits_for_client);
        let limit_ms = if waits_for_client {
            upstream.first_byte_timeout_ms
        } else {
            upstream.first_byte_timeout_ms.min(left_ms)
        };
        let quiet_ms = clock::monotonic().since(moved_at.get());
        if quiet_ms >= limit_ms {
            return Err(if waits_for_client {
                NoResponse::SlowClient
            } else {
                NoResponse::Failure(UpstreamFailure::Timeout)
            });
        }
        let limit = Duration::from_millis(limit_ms - quiet_ms);
        if let Ok(answer) = clock::within(limit, exchange.as_mut()).await {
            return answer;
        }
    }
}

/// The times that the host is to keep, and whether it keeps them.
fn options(
    outgoing: &Outgoing<'_>,
    upstream: &Upstream,
    known: Known<'_>,
    has_body: bool,
) -> (RequestOptions, bool) {
    let make = |connect_ms: u64, first_byte_ms: u64| {
        let nanoseconds = |ms: u64| Some(ms.saturating_mul(1_000_000));
        let options = RequestOptions::new();
        let timed = options
            .set_connect_timeout(nanoseconds(connect_ms))
            .and_then(|()| options.set_first_byte_timeout(nanoseconds(first_byte_ms)))
            .is_ok();
        // Where it is not known, a response that pauses goes on when it goes on.
        let _ = options.set_between_bytes_timeout(nanoseconds(upstream.between_bytes_timeout_ms));
        (options, timed)
    };
    let (connect_ms, first_byte_ms) = (upstream.connect_timeout_ms, upstream.first_byte_timeout_ms);
    let left_ms = outgoing.left_ms;
    let (options, timed) = if has_body {
        // Hosts begin to count when the request is sent, not when it has been: the time is kept here.
        make(connect_ms.min(left_ms), UPLOAD_MS_MAX)
    } else if left_ms < connect_ms.saturating_add(first_byte_ms) {
        // One after the other they would be too long.
        let (options, _) = make(connect_ms.min(left_ms), first_byte_ms.min(left_ms));
        (options, false)
    } else {
        // As long as the deadline is far, all have the same, which saves saying so.
        known.options(|| make(connect_ms, first_byte_ms))
    };
    // Spin keeps no time while it waits for a component.
    (options, timed && !outgoing.target.is_component())
}

type Made = (Request, Passing, NoTrailers);

/// The request.
fn request(
    outgoing: &Outgoing<'_>,
    upstream: &'static Upstream,
    length: Option<usize>,
    options: RequestOptions,
    body: Option<Body>,
) -> Result<Made, Option<Body>> {
    let Ok(headers) = Fields::from_list(outgoing.fields) else {
        return Err(body);
    };
    if let Some(length) = length
        && headers
            .append("content-length", length.to_string().as_bytes())
            .is_err()
    {
        return Err(body);
    }

    let mut no_trailers = NoTrailers::default();
    let (contents, trailers, passing) = match body {
        Some(body) => {
            let (sink, reader, trailers) = Sink::new(Some(upstream));
            let stop = Stop::default();
            let stopped = stop.clone();
            let progress = body.progress();
            let passing = Box::pin(async move { body.pass_on(sink, &stopped).await });
            let passing = Passing::UnderWay(passing, stop, progress);
            (Some(reader), trailers, passing)
        }
        None => {
            let (none, trailers) = NoTrailers::new();
            no_trailers = none;
            (None, trailers, Passing::Nothing)
        }
    };
    let (request, _sent) = Request::new(headers, contents, trailers, Some(options));
    let set = direct(&request, outgoing.method, outgoing.target, outgoing.path);
    match set {
        Ok(()) => Ok((request, passing, no_trailers)),
        // The body cannot have been begun.
        Err(()) => Err(None),
    }
}

/// Says what a request is for, and where it goes.
pub(super) fn direct(
    request: &Request,
    method: &Method,
    target: &Target,
    path: &str,
) -> Result<(), ()> {
    let scheme = match target.tls {
        true => Scheme::Https,
        false => Scheme::Http,
    };
    // A new request is a GET.
    let method_set = match method {
        Method::Get => Ok(()),
        method => request.set_method(method),
    };
    method_set
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(&target.authority)))
        .and_then(|()| request.set_path_with_query(Some(path)))
}

/// What a host's error says of an upstream.
pub(super) fn failure(code: &ErrorCode) -> UpstreamFailure {
    match code {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionLimitReached => UpstreamFailure::Unreachable,
        ErrorCode::ConnectionTimeout => UpstreamFailure::ConnectTimeout,
        ErrorCode::ConnectionTerminated
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseIncomplete => UpstreamFailure::Reset,
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            UpstreamFailure::Timeout
        }
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => UpstreamFailure::Tls,
        ErrorCode::HttpRequestDenied => UpstreamFailure::Denied,
        // Hosts say so where a component was not granted the destination.
        ErrorCode::InternalError(Some(text)) if text.contains("not permitted") => {
            UpstreamFailure::Denied
        }
        ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestBodySize(_)
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::HttpRequestTrailerSectionSize(_)
        | ErrorCode::HttpRequestTrailerSize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_)
        | ErrorCode::HttpResponseTransferCoding(_)
        | ErrorCode::HttpResponseContentCoding(_)
        | ErrorCode::HttpUpgradeFailed
        | ErrorCode::HttpProtocolError
        | ErrorCode::LoopDetected
        | ErrorCode::ConfigurationError
        | ErrorCode::InternalError(_) => UpstreamFailure::Malformed,
    }
}
