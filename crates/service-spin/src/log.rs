//! Lines in the log, one for each thing that happens.

use doorward_service::problem::id_of;
use doorward_service::store::StoreError;
use http::HeaderMap;
use serde_json::{Value, json};

/// A line with these members.
pub fn say(what: &Value) {
    eprintln!("{what}");
}

/// That the store has failed, for the request with these fields. `event` is what such lines are called.
pub fn say_store_failed(event: &str, request: &HeaderMap, failure: &StoreError) {
    say(&json!({
        "level": "error",
        "event": event,
        "request_id": id_of(request),
        "reason": failure.to_string(),
    }));
}
