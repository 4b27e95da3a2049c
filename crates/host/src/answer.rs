//! The answer to one request: the host's own, or a component's.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::time::Instant;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::account::Account;
use crate::application::{Application, Trigger};
use crate::arrival::Arrival;
use crate::connections::{Connections, Link};
use crate::flow::{Download, Flow, Upload};
use crate::instance::{NoAnswer, no_answer};
use crate::metrics::Outcome;
use crate::presence::Waiting;
use crate::request::{BadRequest, name_answer, named, prepare};
use crate::router::RouteMatch;
use crate::shares::OverShare;

/// Paths that the host answers itself, before any route.
const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// In seconds.
const SOON: HeaderValue = HeaderValue::from_static("1");
const OVER_SHARE: &str =
    "too many requests of this client are under way; try again when some have been answered\n";
const TOO_SLOW: &str = "the body of the request came too slowly\n";
const NOT_READY: &str =
    r#"{"type":"urn:problem-type:doorward:not-ready","title":"This replica stops","status":503}"#;
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Answers one request. What goes wrong inside is logged, and the client learns its class only.
pub async fn answer(
    application: &Application,
    request: Request<Incoming>,
    sender: &Sender,
    flow: Arc<Flow>,
    began: Instant,
) -> Response<Download<WasiBody>> {
    let mut account = Account::begin(application.metrics.as_ref(), began);
    let response = respond_to(application, request, sender, &flow, &mut account).await;
    account.close(response.status());
    flow.answer(Instant::now());
    response.map(|body| Download::new(body, flow))
}

/// Whom a request is from.
pub struct Sender {
    /// Where it comes from.
    pub address: SocketAddr,
    /// The connection that it came over.
    pub link: Arc<Link>,
    /// What tells whose it is.
    pub connections: Arc<Connections>,
}

async fn respond_to<'a>(
    application: &'a Application,
    request: Request<Incoming>,
    sender: &Sender,
    flow: &Arc<Flow>,
    account: &mut Account<'a>,
) -> Response<WasiBody> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(name) = path.strip_prefix(WELL_KNOWN_PREFIX) {
        account.outcome = Outcome::Fixed;
        return well_known(application, name);
    }
    let Some(route) = application.router.route(&path) else {
        account.outcome = Outcome::NoRoute;
        return status(StatusCode::NOT_FOUND);
    };
    if let Some(response) = application.fixed.answer(route.trigger) {
        account.outcome = Outcome::Fixed;
        return response;
    }
    let Some(trigger) = trigger(application, &route) else {
        account.outcome = Outcome::NoRoute;
        return status(StatusCode::NOT_FOUND);
    };
    account.component = trigger.handler.state().component();
    if application.term.host().drains()
        && matches!(parts.method, Method::GET | Method::HEAD)
        && application.ready_paths.contains(&path)
    {
        account.outcome = Outcome::Fixed;
        return not_ready();
    }
    let client = sender
        .connections
        .client_of(&sender.link, sender.address.ip(), &parts.headers);
    let ticket = match client {
        Some(client) => match application.shares.admit(&client).await {
            Ok(ticket) => Some(ticket),
            Err(OverShare) => {
                account.outcome = Outcome::OverShare;
                return over_share();
            }
        },
        None => None,
    };
    if let Err(error) = prepare(
        &mut parts,
        &route,
        &trigger.headers,
        sender.address,
        application.manner,
    ) {
        account.outcome = Outcome::BadRequest;
        return refuse(error);
    }
    // The manner of a host that makes no promises has no names either.
    let name = match application.manner.shows() {
        true => None,
        false => named(&mut parts.headers),
    };
    let has_body = !body.is_end_stream();
    let body = body.map_err(Error::from);
    let body = match has_body {
        true => Upload::new(body, Arc::clone(flow)).boxed_unsync(),
        false => body.boxed_unsync(),
    };
    let waiting = Waiting::begin();
    let arrival = Arrival {
        flow: Arc::clone(flow),
        client: waiting.presence(),
        ticket,
        asked: None,
    };
    let handled = trigger
        .handler
        .handle(arrival, Request::from_parts(parts, body));
    let handled = if has_body {
        tokio::select! {
            biased;
            () = flow.too_slow() => {
                account.outcome = Outcome::SlowBody;
                return too_slow();
            }
            handled = handled => handled,
        }
    } else {
        handled.await
    };
    waiting.answered();
    let mut response = match handled {
        Ok(response) => response,
        Err(error) => failed(trigger, &error, account),
    };
    name_answer(response.headers_mut(), name);
    response
}

/// The answer to a load balancer that asks whether to send requests, in the place of the component. It says what the
/// gate says where it is not ready.
fn not_ready() -> Response<WasiBody> {
    let mut response = respond(
        StatusCode::SERVICE_UNAVAILABLE,
        PROBLEM,
        Bytes::from_static(NOT_READY.as_bytes()),
    );
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RETRY_AFTER, SOON);
    response
}

/// The answer to a client that has its share of the instances.
fn over_share() -> Response<WasiBody> {
    let mut response = respond(
        StatusCode::SERVICE_UNAVAILABLE,
        TEXT,
        Bytes::from_static(OVER_SHARE.as_bytes()),
    );
    response.headers_mut().insert(RETRY_AFTER, SOON);
    response
}

/// The answer to a client that does not send the body of its request. Where that ends nobody knows, so nothing can
/// come after it.
fn too_slow() -> Response<WasiBody> {
    let mut response = respond(
        StatusCode::REQUEST_TIMEOUT,
        TEXT,
        Bytes::from_static(TOO_SLOW.as_bytes()),
    );
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn trigger<'a>(application: &'a Application, route: &RouteMatch<'_, '_>) -> Option<&'a Trigger> {
    application.triggers.get(route.trigger)?.as_ref()
}

fn well_known(application: &Application, name: &str) -> Response<WasiBody> {
    match name {
        "health" => respond(StatusCode::OK, TEXT, Bytes::from_static(b"OK")),
        "info" => respond(StatusCode::OK, JSON, application.info.clone().into()),
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn refuse(error: BadRequest) -> Response<WasiBody> {
    let message = Bytes::from_static(error.message().as_bytes());
    respond(error.status(), TEXT, message)
}

/// The answer where a component gave none.
fn failed(
    trigger: &Trigger,
    error: &wasmtime::Error,
    account: &mut Account<'_>,
) -> Response<WasiBody> {
    let none = no_answer(&trigger.handler, error);
    account.outcome = match none {
        NoAnswer::NoInstance(_) => Outcome::NoInstance,
        NoAnswer::TooLate => Outcome::TooLate,
        NoAnswer::Failed => Outcome::Failed,
    };
    match none {
        NoAnswer::NoInstance(cause) if cause.is::<PoolConcurrencyLimitError>() => {
            let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().insert(RETRY_AFTER, SOON);
            response
        }
        NoAnswer::TooLate => status(StatusCode::GATEWAY_TIMEOUT),
        NoAnswer::NoInstance(_) | NoAnswer::Failed => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn status(status: StatusCode) -> Response<WasiBody> {
    respond(status, TEXT, Bytes::new())
}

fn respond(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<WasiBody> {
    let empty = body.is_empty();
    let body = Full::new(body).map_err(Error::from).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if !empty {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}
