//! A batch as a request to a collector, in the batched content mode of CloudEvents (HTTP binding 1.0.2 §3.3).

use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use ::http::{Method, Request, StatusCode};

use super::pack::packed;
use crate::record::Batch;
use crate::sink::SinkError;

/// The media type of a batch (HTTP binding 1.0.2 §3.3.1).
pub const BATCH: &str = "application/cloudevents-batch+json";

/// The request for a batch, to be sent to a collector. Packed it is a fifth as long or less, and takes more time here than
/// everything else that is done with an event.
#[must_use]
pub fn request(batch: &Batch, is_packed: bool) -> Request<Vec<u8>> {
    let json = batch.json_array().into_bytes();
    let body = match is_packed {
        true => packed(&json),
        false => json,
    };
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(BATCH));
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    request
}

/// What a collector's answer means.
///
/// # Errors
/// The batch is not known to be written.
pub fn written(status: StatusCode) -> Result<(), SinkError> {
    let why = format!("the collector answers with status {}", status.as_u16());
    match status {
        _ if status.is_success() => Ok(()),
        // It is busy, or somebody before it is (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4).
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(SinkError::NotNow(why))
        }
        _ if status.is_client_error() || status.is_redirection() => Err(SinkError::Never(why)),
        _ => Err(SinkError::NotNow(why)),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{request, written};
    use crate::record::{Batch, Record};
    use crate::sink::SinkError;
    use crate::unfold::{Coding, Unfold};
    use ::http::StatusCode;

    fn batch() -> Batch {
        let mut batch = Batch::new();
        for json in ["{\"a\":1}", "{}"] {
            batch.push(&Record {
                id: "1",
                source: "s",
                kind: "t",
                time_ms: None,
                json,
            });
        }
        batch
    }

    #[test]
    fn a_batch_is_an_array_of_its_events_packed_only_for_who_takes_that() {
        let plain = r#"[{"a":1},{}]"#;
        let request = request(&batch(), false);
        assert_eq!(request.body(), plain.as_bytes());
        let headers = request.headers();
        assert_eq!(
            headers["content-type"],
            "application/cloudevents-batch+json"
        );
        assert!(!headers.contains_key("content-encoding"));

        let request = super::request(&batch(), true);
        assert_eq!(request.headers()["content-encoding"], "gzip");
        let mut unfold = Unfold::new(Coding::Gzip, 1_000);
        let (mut at, mut unfolded) = (0, Vec::new());
        while let Some(piece) = unfold.next(request.body(), &mut at).expect("gzip") {
            unfolded.extend_from_slice(piece);
        }
        unfold.finish().expect("whole");
        assert_eq!(unfolded, plain.as_bytes());
    }

    #[test]
    fn an_answer_says_whether_it_is_worth_trying_again() {
        for (status, expected) in [
            (200, None),
            (204, None),
            (302, Some(false)),
            (400, Some(false)),
            (401, Some(false)),
            (408, Some(true)),
            (413, Some(false)),
            (429, Some(true)),
            (500, Some(true)),
            (503, Some(true)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let is_tried_again = written(status)
                .err()
                .map(|error| matches!(error, SinkError::NotNow(_)));
            assert_eq!(is_tried_again, expected, "{status}");
        }
    }
}
