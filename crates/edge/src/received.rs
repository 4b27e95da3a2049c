//! The head of a request as it arrived, read from the host once.

use wasip3::http::types::{Fields, Method, Request};

/// The field that carries the credential.
pub const AUTHORIZATION: &str = "authorization";

/// What the decision looks at, and what the rebuilt request is made from.
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query, as received.
    pub target: String,
    /// All header fields; immutable.
    pub fields: Fields,
    /// The names of all header fields, as received.
    pub names: Vec<String>,
    /// The value of every `Authorization` field, in order.
    pub authorization: Vec<Vec<u8>>,
    /// The value of every field in which the policy takes API keys, in order.
    pub api_key: Vec<Vec<u8>>,
}

impl Received {
    /// Reads the head of `request`. `api_key_header` is where the policy takes API keys.
    pub fn of(request: &Request, api_key_header: Option<&str>) -> Self {
        let fields = request.get_headers();
        let mut authorization = Vec::new();
        let mut api_key = Vec::new();
        let entries = fields.copy_all();
        let mut names = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            if name.eq_ignore_ascii_case(AUTHORIZATION) {
                authorization.push(value);
            } else if api_key_header.is_some_and(|header| name.eq_ignore_ascii_case(header)) {
                api_key.push(value);
            }
            names.push(name);
        }
        Self {
            method: request.get_method(),
            target: request
                .get_path_with_query()
                .unwrap_or_else(|| "/".to_owned()),
            fields,
            names,
            authorization,
            api_key,
        }
    }

    /// The path, for the log. The query is left out: it may hold what is nobody's business.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// The name of a method.
pub fn method_name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(other) => other,
    }
}
