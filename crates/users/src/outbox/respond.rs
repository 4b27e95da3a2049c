//! A request to deliver what waits.

use doorward_service::caller::{Caller, is_from_inside};
use doorward_service::media::JSON;
use doorward_service::problem::Problem;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::drain::Drained;
use crate::access;
use crate::problem::unavailable;
use crate::store::StoreError;

/// Where the outbox is asked to deliver.
pub const DRAIN_PATH: &str = "/internal/outbox/drain";

/// Answers a request, and says why the store has failed where it has. `drain` is asked where the request is one to
/// deliver, of somebody who may have that.
pub async fn respond(
    request: &Request<()>,
    drain: impl AsyncFnOnce() -> Result<Drained, StoreError>,
) -> (Response<String>, Option<StoreError>) {
    if let Err(problem) = check(request) {
        return (problem.response(request.headers()), None);
    }
    match drain().await {
        Ok(drained) => (told(&drained), None),
        Err(error) => {
            let response = unavailable().response(request.headers());
            (response, Some(error))
        }
    }
}

/// Whether it is to be done.
fn check(request: &Request<()>) -> Result<(), Problem> {
    if request.uri().path() != DRAIN_PATH {
        return Err(Problem::not_found());
    }
    if !is_from_inside(request) {
        let caller = Caller::of(request.headers()).ok_or_else(Problem::unauthenticated)?;
        if !access::may_drain(&caller) {
            return Err(Problem::forbidden());
        }
    }
    match *request.method() {
        Method::POST => Ok(()),
        _ => Err(Problem::method_not_allowed("POST")),
    }
}

/// What became of it. Where the receiver takes no events now it is a 502, so that a timer says so.
fn told(drained: &Drained) -> Response<String> {
    let body = json!({ "delivered": drained.delivered, "failed": drained.failed.len() });
    let mut response = Response::new(body.to_string());
    if drained.paused_until_ms != 0 {
        *response.status_mut() = StatusCode::BAD_GATEWAY;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
