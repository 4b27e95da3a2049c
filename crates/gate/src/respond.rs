//! Responses of our own.

use doorward_policy::{PROBLEM_MEDIA_TYPE, Refusal};

use crate::additions::Additions;
use crate::platform::{FieldList, Platform};

/// The response for `refusal`: its status, challenge and problem document (RFC 9457). It is never to be
/// cached, since the same request may be right a moment later or with another token. It gets what the rule
/// adds to every response, so that a page can read that it was refused.
///
/// # Errors
/// Where the host accepts a field or the status not. It then answers in its own words, and the request
/// still goes nowhere.
pub(crate) fn refusal<P: Platform>(
    platform: &P,
    refusal: &Refusal,
    additions: &Additions<'_>,
) -> Result<P::Response, P::Error> {
    let body = refusal.problem_json();
    let mut fields = FieldList::of([
        ("content-type", PROBLEM_MEDIA_TYPE),
        ("content-length", &body.len().to_string()),
        ("cache-control", "no-store"),
    ]);
    if let Some(challenge) = refusal.www_authenticate() {
        fields.push("www-authenticate", challenge);
    }
    if let Some(seconds) = refusal.retry_after_s() {
        fields.push("retry-after", seconds.to_string());
    }
    additions.add_to(&mut fields);
    response(platform, refusal.status(), &fields, body)
}

/// A response with a small body.
///
/// # Errors
/// Where the host accepts a field or the status not.
pub(crate) fn response<P: Platform>(
    platform: &P,
    status: u16,
    fields: &FieldList,
    body: Vec<u8>,
) -> Result<P::Response, P::Error> {
    platform
        .response(status, fields, platform.bytes(body))
        .map_err(|_| P::error("the response was not accepted"))
}
