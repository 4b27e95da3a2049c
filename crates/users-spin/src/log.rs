//! Lines in the log, one for each thing that happens.

use doorward_users::problem::id_of;
use doorward_users::store::StoreError;
use http::HeaderMap;
use serde_json::{Value, json};

/// A line with these members.
pub fn say(what: &Value) {
    eprintln!("{what}");
}

/// That the store has failed, for the request with these fields.
pub fn say_store_failed(request: &HeaderMap, failure: &StoreError) {
    say(&json!({
        "level": "error",
        "event": "users-store-failed",
        "request_id": id_of(request),
        "reason": failure.to_string(),
    }));
}
