//! `static_response` of a trigger: an answer without a component.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, StatusCode};

use super::reader::{Document, Table};

/// The status where none is given, as in Spin.
const STATUS: StatusCode = StatusCode::OK;
/// Below it a response is not the last one to its request.
const FINAL_STATUS_MIN: u16 = 200;

/// An answer that is the same for every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticResponse {
    /// `status_code`; 200 where the manifest has none.
    pub status: StatusCode,
    /// `headers`, by name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// `body`; empty where the manifest has none.
    pub body: String,
}

/// Reads `static_response`, where a trigger has one.
pub(super) fn read(
    document: &Document<'_>,
    trigger: &Table<'_, '_, '_, '_>,
) -> Option<StaticResponse> {
    let value = trigger.get("static_response")?;
    let table = document.table(value, "`static_response`")?;
    let response = StaticResponse {
        status: read_status(document, &table).unwrap_or(STATUS),
        headers: read_headers(document, &table),
        body: table.string("body").unwrap_or_default(),
    };
    table.finish();
    Some(response)
}

fn read_status(document: &Document<'_>, table: &Table<'_, '_, '_, '_>) -> Option<StatusCode> {
    let value = table.get("status_code")?;
    let number = value
        .get_ref()
        .as_integer()
        .and_then(|integer| integer.as_str().parse::<u16>().ok());
    let status = number
        .filter(|number| *number >= FINAL_STATUS_MIN)
        .and_then(|number| StatusCode::from_u16(number).ok());
    if status.is_none() {
        document.problem(
            &value.span(),
            format!(
                "{} has to be a number from {FINAL_STATUS_MIN} to 999",
                table.place_of("status_code")
            ),
        );
    }
    status
}

fn read_headers(
    document: &Document<'_>,
    table: &Table<'_, '_, '_, '_>,
) -> Vec<(HeaderName, HeaderValue)> {
    let place = table.place_of("headers");
    let Some(value) = table.get("headers") else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (name_span, name, value_span, text) in document.string_map(value, &place) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            document.problem(
                &name_span,
                format!("{place}: {name:?} is not a header's name"),
            );
            continue;
        };
        if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            document.problem_with_help(
                &name_span,
                format!("{place}: `{name}` says how a response is sent, which the host decides"),
                "take it out",
            );
            continue;
        }
        match HeaderValue::from_str(&text) {
            Ok(value) => headers.push((name, value)),
            Err(_) => document.problem(
                &value_span,
                format!("{place}: the value of `{name}` cannot be sent"),
            ),
        }
    }
    headers
}
