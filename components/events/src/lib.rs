//! `wasi:http/service`: takes events, checks them, and writes them to a sink; gives them back where the sink can.
//!
//! What an event is, and what is done with it, is in `crates/events`; here is what that crate does not have: the body, the
//! time, the sinks by the interfaces of Spin, the schemas from a file, and lines in the log.

mod body;
mod moment;
mod schemas;
mod settings;
mod sinks;
mod streams;

use doorward_events::service::{Action, action, no_schema, not_readable};
use doorward_events::{intake, read};
use doorward_retry::Random;
use doorward_service::media::JSON;
use doorward_service::problem::Problem;
use doorward_service::store::StoreError;
use doorward_service_spin::{random, say_failed, say_store_failed};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use body::Incoming;
use moment::Moment;
use schemas::Schemas;
use settings::Settings;
use sinks::{AnySink, SINK_FAILED};
use streams::{Content, content, streamed};

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let (head, body) = request.into_parts();
    let request = http::Request::from_parts(head, ());
    let headers = request.headers();
    let answered = match action(&request) {
        Ok(Action::Take) => return take(&request, Incoming::of(body)).await.map(content),
        Ok(Action::Read) => return read(&request).await,
        Ok(Action::Schema(kind)) => schema(&kind, headers),
        Ok(Action::Health) => Ok(health()),
        Ok(Action::Ready) => ready().await,
        Err(problem) => Ok(problem.response(headers)),
    };
    let mut response = answered.unwrap_or_else(|failure| unavailable(headers, &failure));
    // What a GET would have said, without its content (RFC 9110 §9.3.2).
    if request.method() == Method::HEAD {
        response.body_mut().clear();
    }
    response.map(content)
}

/// Takes events.
async fn take(request: &http::Request<()>, body: Incoming) -> Response<String> {
    let headers = request.headers();
    let (settings, schemas) = match prepared().await {
        Ok(prepared) => prepared,
        Err(failure) => return unavailable(headers, &failure),
    };
    let taken = intake::Request {
        headers,
        query: request.uri().query(),
        body,
    };
    let random = Random::seeded(u64::from_le_bytes(random()));
    let sink = AnySink(settings);
    let mut check = schemas.check(settings.takes_unknown_types);
    let answer = intake::take(taken, &sink, &Moment, random, &mut check, &settings.intake).await;
    if let Some(error) = answer.sink_error() {
        say_failed(SINK_FAILED, headers, &error.to_string());
    }
    answer.response(headers)
}

/// The settings, and the schemas that they need.
async fn prepared() -> Result<(&'static Settings, Schemas), StoreError> {
    let settings = Settings::read().await?;
    let schemas = Schemas::read()?;
    schemas.suffice(settings.takes_unknown_types)?;
    Ok((settings, schemas))
}

/// Gives events back.
async fn read(request: &http::Request<()>) -> Response<Content> {
    let headers = request.headers();
    let settings = match Settings::read().await {
        Ok(settings) => settings,
        Err(failure) => return unavailable(headers, &failure).map(content),
    };
    if !settings.is_readable() {
        return not_readable().response(headers).map(content);
    }
    match read::answer(request, sinks::open_database).await {
        read::Answer::Whole(response, failure) => {
            if let Some(failure) = failure {
                say_store_failed(SINK_FAILED, headers, &failure);
            }
            response.map(content)
        }
        read::Answer::Stream(head, stream) => match streamed(stream, headers) {
            Some(body) => head.map(|()| body),
            None => {
                let detail = "There are as many streams as there may be. Try again.";
                Problem::unavailable(detail).response(headers).map(content)
            }
        },
    }
}

/// The schema of a type.
fn schema(kind: &str, headers: &HeaderMap) -> Result<Response<String>, StoreError> {
    Ok(match Schemas::read()?.text(kind) {
        Some(text) => {
            let mut response = whole(text.to_owned());
            let media_type = HeaderValue::from_static("application/schema+json");
            response.headers_mut().insert(CONTENT_TYPE, media_type);
            response
        }
        None => no_schema().response(headers),
    })
}

/// Whether what it needs is there: its settings, its schemas, and a database where it is one.
async fn ready() -> Result<Response<String>, StoreError> {
    let (settings, _) = prepared().await?;
    if settings.is_readable() {
        sinks::open_database().await?;
    }
    Ok(health())
}

fn health() -> Response<String> {
    whole("{\"status\":\"ok\"}".to_owned())
}

fn whole(json: String) -> Response<String> {
    let length = HeaderValue::from(json.len());
    let mut response = Response::new(json);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(CONTENT_LENGTH, length);
    response
}

/// 503, and the reason in the log.
fn unavailable(headers: &HeaderMap, failure: &StoreError) -> Response<String> {
    say_store_failed(SINK_FAILED, headers, failure);
    let detail = "Events cannot be taken or had at the moment. Try again.";
    Problem::unavailable(detail).response(headers)
}
