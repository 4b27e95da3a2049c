//! What a client is told when something is wrong: a problem document (RFC 9457).

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Response, StatusCode};

use crate::json::{Member, object};
use crate::media::PROBLEM;

/// The field with what the gate calls the request.
pub use doorward_syntax::request_id::REQUEST_ID;

/// When a client may try again what could not be done now.
const RETRY_AFTER_S: u64 = 1;

/// What the gate calls the request with these fields.
pub fn id_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID)?.to_str().ok()
}

/// A problem of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    detail: &'static str,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong in one place of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    place: Place,
    detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In the body: a JSON pointer (RFC 6901).
    Body(String),
    /// In the query: the name of a parameter.
    Query(String),
}

impl FieldError {
    /// Something in the body, at this JSON pointer (RFC 6901), which is empty for the body itself.
    pub fn body(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            place: Place::Body(pointer.into()),
            detail: detail.into(),
        }
    }

    /// A parameter of the query.
    pub fn query(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            place: Place::Query(name.into()),
            detail: detail.into(),
        }
    }

    /// The place as Protocol Buffers name it: with a dot between what stands within each other.
    pub fn field(&self) -> String {
        match &self.place {
            Place::Body(pointer) => pointer.trim_start_matches('/').replace('/', "."),
            Place::Query(name) => name.clone(),
        }
    }

    /// What is wrong there.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    fn json(&self) -> String {
        let detail = ("detail", Member::Text(&self.detail));
        match &self.place {
            // As a fragment, as in the example of RFC 9457 §3.
            Place::Body(pointer) => {
                let pointer = format!("#{}", fragment(pointer));
                object(&[detail, ("pointer", Member::Text(&pointer))])
            }
            Place::Query(name) => object(&[detail, ("parameter", Member::Text(name))]),
        }
    }
}

impl Problem {
    /// A problem with this status. The detail is for who wrote the client.
    pub fn new(status: StatusCode, detail: &'static str) -> Self {
        Self {
            status,
            detail,
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// 422: the body can be read, and these fields of it are wrong.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail = "Each entry of `errors` says where the body is wrong, and how.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_errors(errors)
    }

    /// 400: these parameters of the query are wrong.
    pub fn invalid_query(errors: Vec<FieldError>) -> Self {
        let detail = "Each entry of `errors` names a parameter of the query, and says what is wrong with it.";
        Self::new(StatusCode::BAD_REQUEST, detail).with_errors(errors)
    }

    /// 404: there is nothing at this path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing here.")
    }

    /// 401: the gate tells nobody. It tells of everybody whom it lets through but on public routes, so this is for who has
    /// set the service up.
    pub fn unauthenticated() -> Self {
        let detail = "Nobody is told to be the caller: the service has to stand behind the gate, whose policy sets \
                      x-auth-issuer and x-auth-subject.";
        let problem = Self::new(StatusCode::UNAUTHORIZED, detail);
        // How to say who one is (RFC 9110 §11.6.1): the gate takes tokens.
        problem.with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403: the caller may not do this.
    pub fn forbidden() -> Self {
        let detail = "You may not do this: it takes another scope, or is not yours.";
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 405: only these methods are for this path.
    pub fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = "The field `Allow` lists the methods that there are here.";
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        problem.with_header(ALLOW, HeaderValue::from_static(allowed))
    }

    /// 503: what this is about cannot be had now. The client may come back.
    pub fn unavailable(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).to_be_tried_again()
    }

    /// The same, with a time after which it may be tried again.
    #[must_use]
    pub fn to_be_tried_again(self) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))
    }

    /// The same, with what is wrong where.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The same, with one field more in the response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The response for a request with these fields.
    pub fn response(&self, request: &HeaderMap) -> Response<String> {
        let title = self.status.canonical_reason().unwrap_or_default();
        let mut members = vec![("detail", Member::Text(self.detail))];
        let errors: Vec<String> = self.errors.iter().map(FieldError::json).collect();
        let errors = ["[", &errors.join(","), "]"].concat();
        if !self.errors.is_empty() {
            members.push(("errors", Member::Json(&errors)));
        }
        if let Some(id) = id_of(request) {
            members.push(("request_id", Member::Text(id)));
        }
        members.push(("status", Member::Number(self.status.as_u16().into())));
        members.push(("title", Member::Text(title)));
        members.push(("type", Member::Text("about:blank")));
        let mut response = Response::new(object(&members));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers.iter().cloned());
        response
    }
}

/// A JSON pointer as a fragment of a URL (RFC 6901 §6).
fn fragment(pointer: &str) -> String {
    let mut fragment = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        match byte {
            b'/' | b'~' | b'-' | b'.' | b'_' => fragment.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => fragment.push(char::from(byte)),
            _ => fragment.push_str(&format!("%{byte:02X}")),
        }
    }
    fragment
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{FieldError, Problem, REQUEST_ID};
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    #[test]
    fn a_problem_says_each_place_and_which_request_it_was() {
        let errors = vec![
            FieldError::body("/identity/issuer", "is missing"),
            FieldError::body("/a b~1", "is unknown"),
        ];
        let mut request = HeaderMap::new();
        request.insert(REQUEST_ID, HeaderValue::from_static("abc"));
        let response = Problem::invalid_fields(errors).response(&request);
        assert_eq!(response.status(), 422);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let document: Value = serde_json::from_str(response.body()).expect("JSON");
        assert_eq!(
            document,
            json!({
                "type": "about:blank",
                "title": "Unprocessable Entity",
                "status": 422,
                "detail": "Each entry of `errors` says where the body is wrong, and how.",
                "errors": [
                    { "pointer": "#/identity/issuer", "detail": "is missing" },
                    { "pointer": "#/a%20b~1", "detail": "is unknown" },
                ],
                "request_id": "abc",
            })
        );
    }
}
