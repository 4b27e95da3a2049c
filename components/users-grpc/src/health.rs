//! `grpc.health.v1.Health`: whether the users can be had, which is whether their database can.

use doorward_users::grpc::refusal::Refusal;
use doorward_users::store::{Store as _, StoreError};
use doorward_users_spin::{open_store, say_store_failed};

use crate::pb::health::health_check_response::ServingStatus;
use crate::pb::health::{HealthCheckRequest, HealthCheckResponse};
use crate::users;
use crate::wire::{Call, Incoming, Messages};

/// How it is called.
pub const SERVICE: &str = "grpc.health.v1.Health";

/// Answers a call of a method. Nothing tells when a database goes, and to ask it for everybody who watches would be a load
/// on it: so there is no `Watch`, which clients take for what it is.
pub async fn answer(method: &str, call: &Call, incoming: Incoming) -> Result<Messages, Refusal> {
    match method {
        "Check" => {
            let request: HealthCheckRequest = incoming.single().await?;
            match request.service.as_str() {
                "" | users::SERVICE => Ok(Messages::one(&state(call).await)),
                _ => Err(Refusal::NoService),
            }
        }
        _ => Err(Refusal::NoMethod),
    }
}

/// Anybody may ask, and learns nothing else.
async fn state(call: &Call) -> HealthCheckResponse {
    let status = match ping().await {
        Ok(()) => ServingStatus::Serving,
        Err(failure) => {
            say_store_failed(&call.headers, &failure);
            ServingStatus::NotServing
        }
    };
    HealthCheckResponse {
        status: status.into(),
    }
}

async fn ping() -> Result<(), StoreError> {
    let store = open_store().await?;
    store.cursor_secret().await?;
    Ok(())
}
