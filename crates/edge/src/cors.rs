//! Preflights: the question of a browser whether a page of another origin may send a request.
//!
//! They have no credential, so they are answered before anything is authenticated, and they reach no
//! service. They say nothing but what the policy says to every page.

use crate::log::{self, Level};
use crate::received::{Received, method_name};
use crate::respond;
use doorward_policy::Policy;
use doorward_traffic::cors::{PreflightAnswer, is_preflight};
use std::fmt::Display;
use wasip3::http::types::{ErrorCode, Response};

/// The fields that allow a request to be sent.
const LEAVE: [&str; 3] = [
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
];

/// The answer to a preflight, where the request is one and the policy has CORS for its path.
///
/// One that is refused lacks the fields that would allow anything: by the Fetch standard the browser then
/// keeps the request back. The log says why, at the level of what is as it should be.
pub(crate) fn preflight(
    policy: &Policy,
    received: &Received,
) -> Option<Result<Response, ErrorCode>> {
    let requested = received.values("access-control-request-method");
    let origin = received.values("origin");
    if !is_preflight(
        method_name(&received.method),
        origin.len(),
        !requested.is_empty(),
    ) {
        return None;
    }
    // Two of them are none that could be allowed.
    let method = match requested.as_slice() {
        [one] => std::str::from_utf8(one).unwrap_or_default(),
        _ => "",
    };
    let preflight = policy.preflight(&received.target, method)?;
    let answer = preflight.rule.preflight(
        &origin,
        method,
        &received.values("access-control-request-headers"),
        &preflight.methods,
    );
    let (status, fields) = match answer {
        PreflightAnswer::Allowed(fields) if preflight.listed => (204, fields),
        PreflightAnswer::Allowed(mut fields) => {
            fields.retain(|(name, _)| !LEAVE.contains(name));
            refused(received, &"no rule with CORS lists the method");
            (403, fields)
        }
        PreflightAnswer::Refused { reason, fields } => {
            refused(received, &reason);
            (403, fields)
        }
    };
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into_bytes()))
        .collect();
    Some(respond::bytes(status, &fields, Vec::new()))
}

fn refused(received: &Received, reason: &dyn Display) {
    log::event(
        Level::Info,
        "preflight-refused",
        &[("path", &received.path()), ("reason", reason)],
    );
}
