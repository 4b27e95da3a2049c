//! `wasi:http/service`: users by REST, on SQLite or PostgreSQL.
//!
//! This is a service as one writes it with `spin-sdk`, and nothing of authentication is in it: the gate stands in front
//! and tells who calls. What is done with a request is in `crates/users`; here is what that crate does not have: the body,
//! the time, random numbers, the database, and a line in the log.

use std::sync::OnceLock;

use doorward_service::caller::ISSUER_HEADER;
use doorward_service_spin::{now_ms, random, variable};
use doorward_users::deprecation::Deprecation;
use doorward_users::service::{BODY_BYTES_MAX, Moment, Settings, answer};
use doorward_users::store::StoreError;
use doorward_users_spin::{nudge_outbox, open_told_store, say_store_failed, tell_numbers};
use http::{Method, Response};
use http_body_util::BodyExt as _;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::ErrorCode;

/// Since when version 1 is deprecated, as `2027-01-31T00:00:00Z`. Empty: it is not.
const V1_DEPRECATED_AT: &str = "users_v1_deprecated_at";
/// When version 1 goes, the same way.
const V1_SUNSET_AT: &str = "users_v1_sunset_at";

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, ErrorCode> {
    let request = with_body(request).await?;
    let said = settings().await;
    let moment = Moment {
        now_ms: now_ms(),
        random: random(),
    };
    let service = said
        .as_ref()
        .map_or_else(|_| Settings::default(), |said| **said);
    // Where a setting is wrong, nothing is done that it could be about.
    let open = async || {
        said.map(|_| ())?;
        open_told_store().await
    };
    let answer = answer(&request, &service, moment, open).await;
    if let Some(failure) = &answer.failure {
        say_store_failed(request.headers(), failure);
    }
    tell_numbers();
    let has_changed = has_changed(request.method(), &answer.response);
    // Who is nobody causes no work.
    if request.headers().contains_key(ISSUER_HEADER) {
        nudge_outbox(has_changed, request.headers());
    }
    Ok(answer.response)
}

/// What the operator says of the interface.
///
/// # Errors
/// A variable cannot be read, or is wrong.
async fn settings() -> Result<&'static Settings, StoreError> {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let deprecated_at = variable(V1_DEPRECATED_AT).await?;
    let sunset_at = variable(V1_SUNSET_AT).await?;
    let v1 = Deprecation::parse(&deprecated_at, &sunset_at).ok_or_else(|| {
        StoreError::Settings(format!(
            "{V1_DEPRECATED_AT} and {V1_SUNSET_AT} are dates as 2027-01-31T00:00:00Z, or empty"
        ))
    })?;
    Ok(SETTINGS.get_or_init(|| Settings { v1 }))
}

/// Whether the request has left something in the outbox.
fn has_changed(method: &Method, response: &Response<String>) -> bool {
    let is_change = matches!(*method, Method::POST | Method::PATCH | Method::DELETE);
    is_change && response.status().is_success()
}

/// The request with as much of its body as has to be seen: one byte too many is too many.
async fn with_body(request: Request) -> Result<http::Request<Vec<u8>>, ErrorCode> {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while bytes.len() <= BODY_BYTES_MAX {
        let Some(frame) = body.frame().await else {
            break;
        };
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(http::Request::from_parts(head, bytes))
}
