//! One request to one target.

use doorward_traffic::upstream::{Target, Upstream, UpstreamFailure};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::mirror::Mirror;
use super::state::Known;
use crate::body::{Body, NoTrailers, Passed, Progress, Sink};
use crate::clock;
use crate::platform::{Destination, FieldList, NotAccepted, Platform, RequestLine, Stop, Times};

/// How long a request with a body may take in any case: a day.
const UPLOAD_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// How long a response without a limit may pause, which is as good as for ever: a year.
const PAUSE_MS_MAX: u64 = 365 * UPLOAD_MS_MAX;

/// What is sent.
pub(super) struct Outgoing<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a Target,
    /// Path and query, as the upstream is asked for them.
    pub(super) path: &'a str,
    pub(super) fields: &'a FieldList,
    /// How long the attempt may take, up to the head of the response.
    pub(super) left_ms: u64,
}

type PassingOn<P> = Pin<Box<dyn Future<Output = (Body<P>, Passed)>>>;

/// The body of a request that is being sent.
pub(super) enum Passing<P: Platform> {
    /// There is none.
    Nothing,
    /// It is being passed on.
    UnderWay(PassingOn<P>, Stop, Rc<Progress>),
    /// It was, or as much of it as was taken.
    Done(Body<P>),
}

impl<P: Platform> Passing<P> {
    /// Stops passing it on, and gives it back.
    pub(super) async fn back(self) -> Option<Body<P>> {
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

    /// Passes on the rest of it, while the response is on its way already, and reads on what is not taken. Whoever
    /// mirrors the request gets it after that.
    pub(super) fn go_on(self, platform: &P, mirror: Option<Mirror<P>>) {
        let finish = |body: &Body<P>, mirror: Option<Mirror<P>>| {
            if let (Some(mirror), Some(whole)) = (mirror, body.whole()) {
                mirror.send(whole.to_vec());
            }
        };
        match self {
            Self::Nothing => {}
            Self::Done(body) => {
                finish(&body, mirror);
                body.read_on();
            }
            Self::UnderWay(passing, ..) => platform.spawn(async move {
                let (body, _) = passing.await;
                finish(&body, mirror);
                body.read_on();
            }),
        }
    }
}

/// Why there is no response.
pub(super) enum NoResponse {
    Failure(UpstreamFailure),
    /// More of the body came than the policy allows.
    TooLarge,
    /// The client has gone, or stopped sending its body.
    Incomplete,
    /// The client does not go on with its body.
    SlowClient,
    /// The host does not accept what would be sent.
    NotAccepted,
}

/// Sends a request and waits for the head of the response, and its status. Gives the body back, as far as it
/// was passed on.
pub(super) async fn send<P: Platform>(
    outgoing: &Outgoing<'_>,
    known: &Known<P>,
    mut body: Option<Body<P>>,
) -> (Result<(u16, P::Response), NoResponse>, Passing<P>) {
    let (platform, upstream) = (&known.platform, &known.upstream);
    let length = match length(platform, outgoing, upstream, &mut body).await {
        Ok(length) => length,
        Err(no_response) => {
            let passing = body.map_or(Passing::Nothing, Passing::Done);
            return (Err(no_response), passing);
        }
    };
    let progress = body.as_ref().map(Body::progress);
    let incomplete = || progress.as_deref().is_some_and(Progress::is_incomplete);
    let (options, timed) = options(outgoing, known, body.is_some());
    let made = request(platform, outgoing, upstream, length, options, body);
    let Ok((request, mut passing, no_trailers)) = made else {
        // The body cannot have been begun, and is of no use to anybody else.
        return (Err(NoResponse::NotAccepted), Passing::Nothing);
    };
    let mut sending = pin!(no_trailers.after_first_turn_of(platform.send(request)));
    let exchange = poll_fn(|context| {
        if let Poll::Ready(answer) = sending.as_mut().poll(context) {
            return Poll::Ready(match answer {
                Ok(response) => match P::status(&response) {
                    // No upgrade was asked for (RFC 9110 §7.8): whatever follows is no answer.
                    ..200 => Err(NoResponse::Failure(UpstreamFailure::Malformed)),
                    status => Ok((status, response)),
                },
                // What the host says of it is not the upstream's fault.
                Err(error) if incomplete() || P::client_has_gone(&error) => {
                    Err(NoResponse::Incomplete)
                }
                Err(error) => Err(NoResponse::Failure(P::failure(&error))),
            });
        }
        if let Passing::UnderWay(body, ..) = &mut passing
            && let Poll::Ready((body, passed)) = body.as_mut().poll(context)
        {
            passing = Passing::Done(body);
            match passed {
                Passed::TooLarge => return Poll::Ready(Err(NoResponse::TooLarge)),
                Passed::TooSlow => return Poll::Ready(Err(NoResponse::SlowClient)),
                Passed::Whole | Passed::NotTaken | Passed::Incomplete => {}
            }
        }
        Poll::Pending
    });
    let answer = match &progress {
        None if timed => exchange.await,
        progress => {
            let progress = progress.as_deref();
            in_time(platform, exchange, upstream, outgoing.left_ms, progress).await
        }
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
async fn length<P: Platform>(
    platform: &P,
    outgoing: &Outgoing<'_>,
    upstream: &Upstream,
    body: &mut Option<Body<P>>,
) -> Result<Option<usize>, NoResponse> {
    let is_get = matches!(outgoing.method, "GET" | "HEAD");
    let Some(body) = body else {
        return Ok((!is_get).then_some(0));
    };
    if !is_get || outgoing.fields.has("content-length") {
        return Ok(None);
    }
    let progress = body.progress();
    let gathered = async {
        body.gather().await.map(Some).map_err(|why| match why {
            Passed::TooLarge => NoResponse::TooLarge,
            Passed::TooSlow => NoResponse::SlowClient,
            Passed::Incomplete | Passed::NotTaken | Passed::Whole => NoResponse::Incomplete,
        })
    };
    in_time(
        platform,
        gathered,
        upstream,
        outgoing.left_ms,
        Some(&progress),
    )
    .await
}

/// Waits for the response as long as the upstream may take: no longer than the attempt may, counted from the
/// last piece of the body, for a large one takes as long as it takes.
async fn in_time<P: Platform, T>(
    platform: &P,
    exchange: impl Future<Output = Result<T, NoResponse>>,
    upstream: &Upstream,
    left_ms: u64,
    progress: Option<&Progress>,
) -> Result<T, NoResponse> {
    let mut exchange = pin!(exchange);
    let pieces = || progress.map_or(0, Progress::pieces);
    let mut known = pieces();
    let moved_at = Cell::new(platform.monotonic());
    let mut exchange = pin!(poll_fn(|context| {
        let polled = exchange.as_mut().poll(context);
        if pieces() != known {
            known = pieces();
            moved_at.set(platform.monotonic());
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
        let quiet_ms = platform.monotonic().since(moved_at.get());
        if quiet_ms >= limit_ms {
            return Err(if waits_for_client {
                NoResponse::SlowClient
            } else {
                NoResponse::Failure(UpstreamFailure::Timeout)
            });
        }
        let limit = Duration::from_millis(limit_ms - quiet_ms);
        // Where the time is up, pieces may have come meanwhile.
        if let Ok(answer) = clock::within(platform, limit, exchange.as_mut()).await {
            return answer;
        }
    }
}

/// The times that the host is to keep, and whether it keeps them.
fn options<P: Platform>(
    outgoing: &Outgoing<'_>,
    known: &Known<P>,
    has_body: bool,
) -> (P::Options, bool) {
    let upstream = &known.upstream;
    // Where a host is told nothing, it has a limit of its own.
    let between_bytes_ms = match upstream.between_bytes_timeout_ms {
        0 => PAUSE_MS_MAX,
        limited => limited,
    };
    let make = |connect_ms: u64, first_byte_ms: u64| {
        known.platform.options(&Times {
            connect_ms,
            first_byte_ms,
            between_bytes_ms: Some(between_bytes_ms),
        })
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

/// A request, its body on the way into it, and what is said where there is none.
type Made<P> = (<P as Platform>::Request, Passing<P>, NoTrailers<P>);

/// The request.
fn request<P: Platform>(
    platform: &P,
    outgoing: &Outgoing<'_>,
    upstream: &Arc<Upstream>,
    length: Option<usize>,
    options: P::Options,
    body: Option<Body<P>>,
) -> Result<Made<P>, NotAccepted> {
    let (contents, passing, no_trailers) = match body {
        Some(body) => {
            let (sink, contents) = Sink::new(platform, Some(Arc::clone(upstream)));
            let stop = Stop::new();
            let stopped = stop.clone();
            let progress = body.progress();
            let passing = Box::pin(async move { body.pass_on(sink, &stopped).await });
            let passing = Passing::UnderWay(passing, stop, progress);
            (contents, passing, NoTrailers::of_body())
        }
        None => {
            let (none, contents) = NoTrailers::new(platform);
            (contents, Passing::Nothing, none)
        }
    };
    let to = Destination {
        https: outgoing.target.tls,
        authority: Some(&outgoing.target.authority),
        content_length: length,
    };
    let line = RequestLine {
        method: outgoing.method,
        target: outgoing.path,
    };
    let request = platform.request(&to, line, outgoing.fields, contents, Some(options))?;
    Ok((request, passing, no_trailers))
}
