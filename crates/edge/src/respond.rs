//! A refusal as a response.

use crate::additions::Additions;
use doorward_policy::Refusal;
use wasip3::http::types::{ErrorCode, Fields, Response};
use wasip3::{wit_bindgen, wit_future, wit_stream};

/// The response for `refusal`: its status, challenge and problem document (RFC 9457). It is never to be
/// cached, since the same request may be right a moment later or with another token. It gets what the rule
/// adds to every response, so that a page can read that it was refused.
///
/// # Errors
/// Where the host accepts a field or the status not. It then answers in its own words, and the request
/// still goes nowhere.
pub(crate) fn refusal(refusal: &Refusal, additions: &Additions) -> Result<Response, ErrorCode> {
    let body = refusal.problem_json();
    let mut fields = vec![
        (
            "content-type".to_owned(),
            b"application/problem+json".to_vec(),
        ),
        (
            "content-length".to_owned(),
            body.len().to_string().into_bytes(),
        ),
        ("cache-control".to_owned(), b"no-store".to_vec()),
    ];
    if let Some(challenge) = refusal.www_authenticate() {
        fields.push(("www-authenticate".to_owned(), challenge.into_bytes()));
    }
    if let Some(seconds) = refusal.retry_after_s() {
        fields.push(("retry-after".to_owned(), seconds.to_string().into_bytes()));
    }
    additions.add_to(&mut fields);
    bytes(refusal.status(), &fields, body)
}

/// A response with a small body, which is ready to be read when the response is returned: a host that
/// sends headers and body in two writes makes some clients wait for a delayed acknowledgement.
///
/// # Errors
/// Where the host accepts a field or the status not.
pub fn bytes(
    status: u16,
    fields: &[(String, Vec<u8>)],
    body: Vec<u8>,
) -> Result<Response, ErrorCode> {
    let refused = || ErrorCode::InternalError(Some("the response was not accepted".into()));
    let headers = Fields::from_list(fields).map_err(|_| refused())?;
    let (mut writer, reader) = wit_stream::new();
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(reader), trailers_reader);
    response.set_status_code(status).map_err(|()| refused())?;
    // Runs in the same turn in which the response is returned, before the host goes on.
    wit_bindgen::spawn(async move {
        writer.write_all(body).await;
        drop(writer);
        drop(trailers);
    });
    Ok(response)
}
