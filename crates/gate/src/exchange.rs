//! A request of our own, and its answer: what is said to somebody who is no upstream.

use doorward_syntax::url::{UrlParts, Wire};
use std::time::Duration;

use crate::platform::{Destination, FieldList, Platform, RequestLine, Stop, Times};

/// How long whoever is asked has at most for the head of an answer.
pub(crate) const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(5);
/// What the log says where the host does not accept a request.
const NOT_ACCEPTED: &str = "ErrorCode::HttpProtocolError";
/// Bytes read from the body at a time.
const READ_BYTES: usize = 16 * 1024;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum ExchangeFailure {
    /// The URL is none that may be asked.
    Url(String),
    /// The host could not send the request or receive the answer, in its words.
    Transport(String),
}

/// The status and the fields of a response, and the response.
pub(crate) type Answer<P> = (u16, FieldList, <P as Platform>::Response);

/// Sends a request over such a wire, and waits for the head of its answer.
///
/// # Errors
/// There is none.
pub(crate) async fn send<P: Platform>(
    platform: &P,
    (url, wire): (&str, Wire),
    method: &'static str,
    fields: FieldList,
    body: Option<Vec<u8>>,
) -> Result<Answer<P>, ExchangeFailure> {
    let parts =
        UrlParts::over(url, wire).map_err(|error| ExchangeFailure::Url(error.to_string()))?;
    let limit_ms = u64::try_from(EXCHANGE_TIME_MAX.as_millis()).unwrap_or(u64::MAX);
    // A host that knows no such options still stops at EXCHANGE_TIME_MAX.
    let (options, _) = platform.options(&Times {
        connect_ms: limit_ms,
        first_byte_ms: limit_ms,
        between_bytes_ms: None,
    });
    let contents = match body {
        Some(body) => platform.bytes(body),
        None => {
            let (silence, body) = platform.empty();
            drop(silence);
            body
        }
    };
    let to = Destination {
        https: parts.scheme == "https",
        authority: Some(parts.authority),
        content_length: None,
    };
    let target = &parts.target();
    let line = RequestLine { method, target };
    let request = platform
        .request(&to, line, &fields, contents, Some(options))
        .map_err(|_| ExchangeFailure::Transport(NOT_ACCEPTED.to_owned()))?;
    let answered = platform.send(request).await;
    let response = answered.map_err(|error| ExchangeFailure::Transport(P::explanation(&error)))?;
    let fields = P::listed(&P::response_fields(&response));
    Ok((P::status(&response), fields, response))
}

/// All of a body; `None` where it is longer than `bytes_max`.
pub(crate) async fn collect<P: Platform>(
    source: &mut P::Source,
    bytes_max: usize,
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        let read = P::read(source, buffer, &Stop::never()).await;
        if body.len() + read.buffer.len() > bytes_max {
            return None;
        }
        body.extend_from_slice(&read.buffer);
        if read.ended {
            return Some(body);
        }
        buffer = read.buffer;
        buffer.clear();
    }
}
