//! Requests to others of which only the status is wanted.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Request, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use spin_sdk::http::send;
use spin_sdk::time::sleep;
use spin_sdk::wasip3::http::types::ErrorCode;
use spin_sdk::wasip3::http_compat::IncomingResponseBody;

/// How much of an answer is read, in bytes. A connection whose answer was read can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long the rest of an answer is waited for.
pub const ANSWER_BODY_TIME_MAX: Duration = Duration::from_millis(500);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Whether the host forbids to ask.
    pub is_denied: bool,
    /// What it is, for who can do something about it, after a name.
    pub reason: &'static str,
}

/// Sends a request, and gives the status of its answer, whose head comes within this time.
///
/// # Errors
/// There is none.
pub async fn status_of(
    mut request: Request<Full<Bytes>>,
    head_time_max: Duration,
) -> Result<StatusCode, Unanswered> {
    // Without its length Spin would send it in chunks, which not every receiver reads.
    if let Some(length) = request.body().size_hint().exact() {
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let sent = pin!(send(request));
    let late = pin!(sleep(head_time_max));
    let answer = match select(sent, late).await {
        Either::Left((answer, _)) => answer.map_err(|error| unanswered(&error))?,
        Either::Right(_) => {
            return Err(Unanswered {
                is_denied: false,
                reason: "took too long",
            });
        }
    };
    let (head, body) = answer.into_parts();
    // The status says all. What follows is read for the connection's sake, and not waited for long.
    select(pin!(read(body)), pin!(sleep(ANSWER_BODY_TIME_MAX))).await;
    Ok(head.status)
}

/// Reads a body, of which not more is wanted than that it ends.
async fn read(mut body: IncomingResponseBody) {
    let mut length = 0;
    while length <= ANSWER_BYTES_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        length += frame.data_ref().map_or(0, |data| data.len());
    }
}

fn unanswered(error: &ErrorCode) -> Unanswered {
    let reason = match error {
        ErrorCode::HttpRequestDenied => {
            "is not in `allowed_outbound_hosts` of the component in spin.toml"
        }
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => "has a name that cannot be looked up",
        ErrorCode::ConnectionRefused => "refuses connections",
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => "has no TLS that can be trusted",
        _ => "cannot be reached, or does not answer",
    };
    Unanswered {
        is_denied: matches!(error, ErrorCode::HttpRequestDenied),
        reason,
    }
}
