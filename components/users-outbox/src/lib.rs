//! `wasi:http/service`: tells a URL what has happened to users.
//!
//! `components/users` asks for it after its responses, by service chaining; so does a timer, or whoever has the scope for
//! it. What is delivered, and in which order, is in `crates/users`; here is how.

mod receiver;

use doorward_retry::Random;
use doorward_service::json::Member;
use doorward_service::problem::id_of;
use doorward_service_spin::{now_ms, random, say};
use doorward_users::outbox::{Drained, Outbox as _, UNWANTED_MS, Undelivered, respond};
use doorward_users::store::StoreError;
use doorward_users_spin::{open_store, say_store_failed};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

/// How long one request delivers at most, in milliseconds. What is left then is for the next one.
const TURN_MS: u64 = 20_000;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let (head, _) = request.into_parts();
    let request = http::Request::from_parts(head, ());
    let id = id_of(request.headers());
    let (response, failure) = respond(&request, async || drained(id).await).await;
    if let Some(failure) = failure {
        say_store_failed(request.headers(), &failure);
    }
    response
}

/// Delivers what waits, for the request with this id.
async fn drained(request_id: Option<&str>) -> Result<Drained, StoreError> {
    let receiver = receiver::named().await?;
    let store = open_store().await?;
    let Some(receiver) = receiver else {
        // Nobody wants to know.
        let before_ms = now_ms().saturating_sub(UNWANTED_MS);
        store.outbox().forget(before_ms).await?;
        return Ok(Drained::default());
    };
    let until_ms = now_ms().saturating_add(TURN_MS);
    let random = Random::seeded(u64::from_le_bytes(random()));
    let drained = store.drain(&receiver, until_ms, random).await?;
    for (id, why) in &drained.failed {
        let (Undelivered::NotThis(reason) | Undelivered::NotNow(reason)) = why;
        say(&[
            ("event", Member::Text("users-event-undelivered")),
            ("event_id", Member::Text(id)),
            ("level", Member::Text("warn")),
            ("reason", Member::Text(reason)),
            ("request_id", Member::MaybeText(request_id)),
        ]);
    }
    Ok(drained)
}
