//! Responses of our own.

use doorward_policy::{PROBLEM_MEDIA_TYPE, Refusal};
use doorward_syntax::request_id::REQUEST_ID;
use doorward_traffic::trace::Trace;

use crate::additions::{Additions, NOT_REBUILT};
use crate::platform::{FieldList, Message, Platform};
use crate::received::GRPC;
use crate::record::Record;

/// The fields with which a refusal of gRPC ends.
const GRPC_TRAILERS: &str = "grpc-status, grpc-message, grpc-status-details-bin";

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
    trace: &Trace,
) -> Result<P::Response, P::Error> {
    let body = refusal.problem_json(&trace.request_id);
    let mut fields = FieldList::new();
    if additions.is_grpc {
        fields.push("content-type", GRPC);
    } else {
        fields.push("content-type", PROBLEM_MEDIA_TYPE);
        fields.push("content-length", body.len().to_string());
    }
    fields.push("cache-control", "no-store");
    if let Some(challenge) = refusal.www_authenticate() {
        fields.push("www-authenticate", challenge);
    }
    if let Some(seconds) = refusal.retry_after_s() {
        fields.push("retry-after", seconds.to_string());
    }
    additions.add_to(&mut fields);
    fields.replace(REQUEST_ID, trace.request_id.as_bytes());
    match additions.is_grpc {
        true => grpc(platform, refusal, trace, fields),
        false => response(platform, refusal.status(), &fields, body),
    }
}

/// The same for a call of gRPC, whose clients read no status of HTTP (PROTOCOL-HTTP2 of gRPC, "Responses"). It is
/// written down as `Trailers-Only`, and in trailers as well: no component can end a message with its fields, and there
/// some clients look in the trailers and in nothing else.
fn grpc<P: Platform>(
    platform: &P,
    refusal: &Refusal,
    trace: &Trace,
    mut fields: FieldList,
) -> Result<P::Response, P::Error> {
    let class = refusal.class();
    let mut trailers = FieldList::new();
    trailers.push("grpc-status", class.grpc_status().to_string());
    // Nothing in a title has to be percent-encoded.
    trailers.push("grpc-message", class.title());
    let details = refusal.grpc_details(&trace.request_id);
    trailers.push("grpc-status-details-bin", details);
    fields.push("trailer", GRPC_TRAILERS);
    fields.extend(trailers.clone());
    let (sink, body) = platform.pipe(Message::Response);
    platform.spawn(P::finish(sink, Ok(trailers)));
    made(platform, 200, &fields, body)
}

/// The same response, with what the policy adds to it, and what its request is called.
///
/// # Errors
/// Where the host does not accept it.
pub(crate) fn added<P: Platform>(
    platform: &P,
    response: P::Response,
    additions: &Additions<'_>,
    record: &mut Record<'_>,
) -> Result<P::Response, P::Error> {
    match additions.is_empty() {
        true => named(platform, response, record),
        false => additions.onto(platform, response, record),
    }
}

/// The same response, with what its request is called.
///
/// # Errors
/// Where the host does not accept it.
pub(crate) fn named<P: Platform>(
    platform: &P,
    response: P::Response,
    record: &mut Record<'_>,
) -> Result<P::Response, P::Error> {
    let fields = P::response_fields(&response);
    named_with(platform, response, fields, record)
}

/// The same, for who has its fields already.
///
/// # Errors
/// Where the host does not accept it.
#[inline(never)]
pub(crate) fn named_with<P: Platform>(
    platform: &P,
    response: P::Response,
    fields: P::Fields,
    record: &mut Record<'_>,
) -> Result<P::Response, P::Error> {
    record.learns_length(|name| P::values(&fields, name));
    let trace = &record.trace;
    // To rebuild an answer costs a sixth of a request.
    if trace.is_named_by_host && !P::has_any(&fields, &[REQUEST_ID]) {
        return Ok(response);
    }
    platform
        .with_field(response, fields, REQUEST_ID, trace.request_id.as_bytes())
        .map_err(|_| P::error(NOT_REBUILT))
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
    made(platform, status, fields, platform.bytes(body))
}

fn made<P: Platform>(
    platform: &P,
    status: u16,
    fields: &FieldList,
    body: P::Body,
) -> Result<P::Response, P::Error> {
    platform
        .response(status, fields, body)
        .map_err(|_| P::error("the response was not accepted"))
}
