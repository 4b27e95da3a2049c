//! `wasi:http/service`: users by gRPC, on SQLite or PostgreSQL, over the same crate as `components/users`.
//!
//! HTTP/2 is the host's, and messages are `prost`'s: what is generated of `proto/` is in `generated/`. What gRPC has
//! between the two is in `crates/users/src/grpc`, `wire` and `status`, for why see
//! docs/decisions/0072-grpc-without-a-server.md. Nothing of authentication is here: the gate stands in front and tells who
//! calls.

mod health;
mod pb;
mod reflection;
mod status;
mod users;
mod wire;

use doorward_users::grpc::head::{is_call, is_plain};
use doorward_users::grpc::refusal::Refusal;
use http::StatusCode;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::wire::{Body, Call, Incoming, Messages};

/// Where older tools ask what there is. The messages are those of version 1.
const REFLECTION_BEFORE: &str = "grpc.reflection.v1alpha.ServerReflection";

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let (head, body) = request.into_parts();
    if !is_call(&head.method, &head.headers) {
        return wire::response(StatusCode::UNSUPPORTED_MEDIA_TYPE, Body::empty());
    }
    let call = Call::of(head.headers);
    let answered = match is_plain(&call.headers) {
        true => answered(head.uri.path(), &call, Incoming::of(body)).await,
        false => Err(Refusal::Compressed),
    };
    let messages = answered.unwrap_or_else(Messages::refused);
    wire::response(StatusCode::OK, Body::of(call, messages))
}

async fn answered(path: &str, call: &Call, incoming: Incoming) -> Result<Messages, Refusal> {
    let called = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    match called.ok_or(Refusal::NoMethod)? {
        (users::SERVICE, method) => users::answer(method, call, incoming).await,
        (health::SERVICE, method) => health::answer(method, call, incoming).await,
        (reflection::SERVICE | REFLECTION_BEFORE, method) => reflection::answer(method, incoming),
        _ => Err(Refusal::NoMethod),
    }
}
