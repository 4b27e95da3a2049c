//! The span of a request: a view of its record, by the names of OpenTelemetry's semantic conventions for HTTP servers.

use crate::access_log;
use crate::method::{OTHER_METHOD, known_method};
use crate::platform::Platform;
use crate::record::{Outcome, Record};
use crate::span;
use crate::spans::{Root, Value, cut};

/// The path is cut after this many bytes.
const PATH_BYTES_MAX: usize = 512;

/// Ends the span of a request that was answered with this status, or not at all.
pub(crate) fn ends<P: Platform>(
    platform: &P,
    root: Root,
    record: &Record<'_>,
    status: Option<u16>,
) {
    let method = known_method(&record.method);
    let route = record.route.or(record.endpoint);
    let named = if method == OTHER_METHOD {
        "HTTP"
    } else {
        method
    };
    let name = match route {
        Some(route) => format!("{named} {route}"),
        None => named.to_owned(),
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let mut attributes = vec![
        ("http.request.method", text(method)),
        ("url.scheme", text(root.scheme())),
        (
            "url.path",
            Value::Text(cut(record.path().to_owned(), PATH_BYTES_MAX)),
        ),
        ("doorward.request_id", text(&record.trace.request_id)),
        ("doorward.decision", text(access_log::decision(record))),
    ];
    if let Some(route) = route {
        attributes.push(("http.route", text(route)));
    }
    if let Some(rule) = record.rule {
        attributes.push(("doorward.rule", Value::Number(rule)));
    }
    if let Some(status) = status {
        attributes.push(("http.response.status_code", Value::Number(status.into())));
    }
    let refusal = match &record.outcome {
        Outcome::Refused(refusal) => Some(refusal),
        _ => record.would_refuse(),
    };
    if let Some(refusal) = refusal {
        attributes.push(("doorward.class", text(refusal.class().name())));
    }
    // What the client did wrong is no error of a server.
    let is_error = status.is_none_or(|status| status >= 500);
    if is_error {
        let status = status.map_or_else(|| "no_answer".to_owned(), |status| status.to_string());
        attributes.push(("error.type", Value::Text(status)));
    }
    span::end_request(platform, root, name, attributes, is_error);
}
