//! `wasi:http/service`: users by REST, on SQLite or PostgreSQL.
//!
//! This is a service as one writes it with `spin-sdk`, and nothing of authentication is in it: the gate stands in front
//! and tells who calls. What is done with a request is in `crates/users`; here is what that crate does not have: the body,
//! the time, random numbers, the database, and a line in the log.

mod postgres;
mod settings;
mod sqlite;

use std::time::{SystemTime, UNIX_EPOCH};

use doorward_users::problem::REQUEST_ID;
use doorward_users::service::{Answer, BODY_BYTES_MAX, Moment, answer};
use doorward_users::sql::either::Either;
use doorward_users::sql::postgres::Postgres;
use doorward_users::sql::sqlite::Sqlite;
use doorward_users::store::StoreError;
use http_body_util::BodyExt as _;
use postgres::PostgresDatabase;
use serde_json::json;
use settings::{Place, settings};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::ErrorCode;
use spin_sdk::wasip3::random::random::get_random_bytes;
use sqlite::SqliteDatabase;

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, ErrorCode> {
    let request = with_body(request).await?;
    // Where they cannot be read, the store cannot be opened either, which says why.
    let service = settings().await.map(|settings| settings.service);
    let service = service.unwrap_or_default();
    let answer = answer(&request, &service, moment(), open_store).await;
    log(&request, &answer);
    Ok(answer.response)
}

/// Opens the database that the settings name.
async fn open_store()
-> Result<Either<Sqlite<SqliteDatabase>, Postgres<PostgresDatabase>>, StoreError> {
    Ok(match &settings().await?.place {
        Place::Sqlite(label) => Either::A(sqlite::open(label).await?),
        Place::Postgres(url) => Either::B(postgres::open(url).await?),
    })
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

fn moment() -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |since| since.as_millis());
    let mut random = [0; 10];
    for (place, byte) in random.iter_mut().zip(get_random_bytes(10)) {
        *place = byte;
    }
    Moment {
        now_ms: u64::try_from(now_ms).unwrap_or(u64::MAX),
        random,
    }
}

/// One line, with what the gate calls the request, where the store has failed.
fn log(request: &http::Request<Vec<u8>>, answer: &Answer) {
    if let Some(failure) = &answer.failure {
        let id = request.headers().get(REQUEST_ID);
        let line = json!({
            "level": "error",
            "event": "users-store-failed",
            "request_id": id.and_then(|id| id.to_str().ok()),
            "reason": failure.to_string(),
        });
        eprintln!("{line}");
    }
}
