//! Lines in the log, one for each thing that happens.

use doorward_service::json::{Member, object};
use doorward_service::problem::id_of;
use doorward_service::store::StoreError;
use http::HeaderMap;
/// A line with these members.
pub fn say(members: &[(&str, Member<'_>)]) {
    eprintln!("{}", object(members));
}

/// That the store has failed, for the request with these fields. `event` is what such lines are called.
pub fn say_store_failed(event: &str, request: &HeaderMap, failure: &StoreError) {
    say_failed(event, request, &failure.to_string());
}

/// That something has failed, for the request with these fields.
pub fn say_failed(event: &str, request: &HeaderMap, reason: &str) {
    say(&[
        ("event", Member::Text(event)),
        ("level", Member::Text("error")),
        ("reason", Member::Text(reason)),
        ("request_id", Member::MaybeText(id_of(request))),
    ]);
}
