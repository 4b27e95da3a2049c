//! The answer to one request: the host's own, or a component's.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::application::{Application, Trigger};
use crate::instance::{NoAnswer, no_answer};
use crate::request::{BadRequest, prepare};
use crate::router::RouteMatch;

/// Paths that the host answers itself, before any route.
const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Answers one request. What goes wrong inside is logged, and the client learns its class only.
pub async fn answer(
    application: &Application,
    request: Request<Incoming>,
    client: SocketAddr,
) -> Response<WasiBody> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(name) = path.strip_prefix(WELL_KNOWN_PREFIX) {
        return well_known(application, name);
    }
    let Some(route) = application.router.route(&path) else {
        return status(StatusCode::NOT_FOUND);
    };
    if let Some(response) = application.fixed.answer(route.trigger) {
        return response;
    }
    let Some(trigger) = trigger(application, &route) else {
        return status(StatusCode::NOT_FOUND);
    };
    if let Err(error) = prepare(
        &mut parts,
        &route,
        &trigger.headers,
        client,
        application.manner,
    ) {
        return refuse(error);
    }
    let request = Request::from_parts(parts, body.map_err(Error::from).boxed_unsync());
    match trigger.handler.handle(None, request).await {
        Ok(response) => response,
        Err(error) => failed(trigger, &error),
    }
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
    respond(StatusCode::BAD_REQUEST, TEXT, message)
}

/// The answer where a component gave none.
fn failed(trigger: &Trigger, error: &wasmtime::Error) -> Response<WasiBody> {
    match no_answer(&trigger.handler, error) {
        NoAnswer::NoInstance(cause) if cause.is::<PoolConcurrencyLimitError>() => {
            let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
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
