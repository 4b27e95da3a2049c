//! The head of a request as it arrived, read from the host once.

use crate::gate::Told;
use doorward_traffic::host::{self, HostError};
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
    /// The same, name by name and value by value.
    pub entries: Vec<(String, Vec<u8>)>,
    /// The value of every `Authorization` field, in order.
    pub authorization: Vec<Vec<u8>>,
    /// The value of every field in which the policy takes API keys, in order.
    pub api_key: Vec<Vec<u8>>,
    /// The origin under which it arrived, as far as it is known; empty where nobody needs it.
    pub origin: String,
}

impl Received {
    /// Reads the head of `request`. `api_key_header` is where the policy takes API keys.
    pub fn of(request: &Request, api_key_header: Option<&str>) -> Self {
        let fields = request.get_headers();
        let entries = fields.copy_all();
        let authorization = values(&entries, AUTHORIZATION);
        let api_key = api_key_header.map_or_else(Vec::new, |header| values(&entries, header));
        Self {
            method: request.get_method(),
            target: request
                .get_path_with_query()
                .unwrap_or_else(|| "/".to_owned()),
            fields,
            entries,
            authorization,
            api_key,
            origin: String::new(),
        }
    }

    /// The values of every field of this name, in order.
    pub fn values(&self, name: &str) -> Vec<Vec<u8>> {
        values(&self.entries, name)
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(there, _)| is_field(there, name))
    }

    /// Checks whom the request is for, as far as the host of the component shows it: some look themselves,
    /// some do not.
    ///
    /// # Errors
    /// When it can be read in two ways.
    pub fn check_host(&self, request: &Request) -> Result<(), HostError> {
        let fields = self.values("host");
        if fields.is_empty() {
            return Ok(());
        }
        host::check(&fields, request.get_authority().as_deref())
    }

    /// Whether a length is declared: then there is a body, if only an empty one.
    pub fn declares_body(&self) -> bool {
        self.has("content-length")
    }

    /// Its path, for the log.
    pub fn path(&self) -> &str {
        path_of(&self.target)
    }

    /// What the log says of it.
    pub(crate) fn told(self) -> Told {
        Told {
            method: self.method,
            target: self.target,
        }
    }
}

/// The path of a target, for the log. The query is left out: it may hold what is nobody's business.
pub fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn values(entries: &[(String, Vec<u8>)], name: &str) -> Vec<Vec<u8>> {
    // A loop, because in a component an iterator's closure is a call for each field.
    let mut values = Vec::new();
    for (there, value) in entries {
        if is_field(there, name) {
            values.push(value.clone());
        }
    }
    values
}

/// Whether this is the name of that field. Most are not, and of those most are told by their length; those that
/// are, nearly always are as they are written here.
#[inline(always)]
pub fn is_field(there: &str, name: &str) -> bool {
    there.len() == name.len() && (there == name || there.eq_ignore_ascii_case(name))
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
