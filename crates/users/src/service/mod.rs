//! A request in, a response out.

mod parts;
mod response;
pub(crate) mod route;
mod users;

use doorward_service::caller::Caller;
use doorward_service::media;
use doorward_service::problem::Problem;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::deprecation::Deprecation;
use crate::problem::unavailable;
use crate::store::{Store, StoreError};
use parts::Refusal;
pub use parts::{BODY_BYTES_MAX, Moment};
use route::{Route, Version};

/// What the operator says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// When version 1 goes.
    pub v1: Deprecation,
}

/// A response, and what the log has to say about it.
#[derive(Debug)]
pub struct Answer {
    /// For the client.
    pub response: Response<String>,
    /// Why the store failed, where it did.
    pub failure: Option<StoreError>,
}

/// Answers a request. The store is opened once it is known that it is needed. Of a body that is longer than
/// [`BODY_BYTES_MAX`] one byte more is enough.
pub async fn answer<S: Store>(
    request: &Request<Vec<u8>>,
    settings: &Settings,
    moment: Moment,
    open: impl AsyncFnOnce() -> Result<S, StoreError>,
) -> Answer {
    let route = Route::of(request.uri().path());
    let (mut response, failure) = match answered(request, route, moment, open).await {
        Ok(response) => (response, None),
        Err(Refusal::Problem(problem)) => (problem.response(request.headers()), None),
        Err(Refusal::Store(error)) => {
            let response = unavailable().response(request.headers());
            (response, Some(error))
        }
    };
    if route.and_then(Route::version) == Some(Version::V1) {
        settings.v1.tell(response.headers_mut());
    }
    // What a GET would have said, without its content (RFC 9110 §9.3.2).
    if request.method() == Method::HEAD {
        response.body_mut().clear();
    }
    if !response.body().is_empty() {
        let length = HeaderValue::from(response.body().len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    Answer { response, failure }
}

async fn answered<S: Store>(
    request: &Request<Vec<u8>>,
    route: Option<Route>,
    moment: Moment,
    open: impl AsyncFnOnce() -> Result<S, StoreError>,
) -> Result<Response<String>, Refusal> {
    let route = route.ok_or_else(Problem::not_found)?;
    let Some(version) = route.version() else {
        return health(request, route, open).await;
    };
    let caller = Caller::of(request.headers()).ok_or_else(Problem::unauthenticated)?;
    let action = route.action(request.method())?;
    if !media::accepts_json(request.headers()) {
        return Err(not_acceptable().into());
    }
    let asked = users::Asked {
        request,
        version,
        caller,
        moment,
    };
    asked.check(action)?;
    let store = open().await?;
    asked.answer(action, &store).await
}

/// Whether the service runs, and whether it has its database. Anybody may ask, and learns nothing else.
async fn health<S: Store>(
    request: &Request<Vec<u8>>,
    route: Route,
    open: impl AsyncFnOnce() -> Result<S, StoreError>,
) -> Result<Response<String>, Refusal> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method_not_allowed("GET, HEAD").into());
    }
    if route == Route::Ready {
        let store = open().await?;
        store.cursor_secret().await?;
    }
    Ok(response::health())
}

fn not_acceptable() -> Problem {
    let detail = "There is only application/json here, and Accept does not have it.";
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
}
