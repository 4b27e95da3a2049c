//! Cross-origin requests: the CORS protocol of the Fetch standard (section "HTTP extensions").
//!
//! A server that takes part in it says which pages may read its answers; browsers see to it. It keeps
//! nobody from asking, so nothing here takes the place of authentication, and a request whose origin is
//! not allowed is answered like any other, without the fields.
//!
//! 1. Every response of a route with a rule has the fields of [`CorsRule::actual`], refusals too: without
//!    them a page cannot tell a 401 from a broken network. An upstream's own fields of these names
//!    ([`OWNED_FIELDS`]) are removed before, so that there is one rule and not two.
//! 2. `*` never goes together with credentials, whatever the rule says.
//! 3. An origin is echoed only after it matched, so nothing is echoed that the policy does not describe.
//! 4. A response that depends on the origin says so in `Vary`, also where the origin is not allowed: else a
//!    cache would hand it to a page that is allowed, or the other way round.
//! 5. A preflight is answered before authentication, because browsers send it without credentials. It
//!    learns what the rule allows and which methods there are, and nothing else.

use core::fmt;

use doorward_syntax::list::{ascii, ascii_members, members};
use doorward_syntax::tokens::is_token;

mod origin;

pub use origin::{ORIGIN_BYTES_MAX, OriginError, OriginPattern};

/// Longest method that a preflight can ask for, in bytes. The longest registered one has 17.
pub const REQUESTED_METHOD_BYTES_MAX: usize = 32;
/// Most request fields that a preflight can ask for.
pub const REQUESTED_HEADERS_MAX: usize = 64;
/// Most bytes of `Access-Control-Request-Headers`, all lines together.
pub const REQUESTED_HEADERS_BYTES_MAX: usize = 4096;

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
const ALLOW_METHODS: &str = "access-control-allow-methods";
const ALLOW_HEADERS: &str = "access-control-allow-headers";
const EXPOSE_HEADERS: &str = "access-control-expose-headers";
const MAX_AGE: &str = "access-control-max-age";
const VARY: &str = "vary";

/// The response fields that only the rule sets, in lower case: where there is a rule, an upstream's own are
/// removed.
pub const OWNED_FIELDS: [&str; 6] = [
    ALLOW_ORIGIN,
    ALLOW_CREDENTIALS,
    ALLOW_METHODS,
    ALLOW_HEADERS,
    EXPOSE_HEADERS,
    MAX_AGE,
];

/// Response fields: names in lower case, and values. `vary` is to be merged with what is there
/// ([`merge_vary`]), the others replace it.
pub type CorsFields = Vec<(&'static str, String)>;

/// What a policy allows pages of other origins (`[cors.NAME]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRule {
    /// The origins that are allowed; at least one.
    pub origins: Vec<OriginPattern>,
    /// Whether requests may have credentials of the browser (`Access-Control-Allow-Credentials`).
    pub credentials: bool,
    /// The request fields that a page may set, in lower case; `None`: whichever it asks for.
    pub request_headers: Option<Vec<String>>,
    /// The response fields that a page may read besides those that every page may.
    pub exposed_headers: Vec<String>,
    /// For how many seconds a browser may remember the answer to a preflight.
    pub max_age_s: u32,
}

/// What becomes of a preflight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreflightAnswer {
    /// The page may ask: a 204 with these fields.
    Allowed(CorsFields),
    /// It may not: a 403 with these fields.
    Refused {
        /// Why, for the log.
        reason: PreflightRefusal,
        /// `Vary`, and for an allowed origin what lets the browser's console say more.
        fields: CorsFields,
    },
}

/// Why a page may not ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreflightRefusal {
    /// The origin is not allowed, or there is not exactly one.
    Origin,
    /// The method is no token (RFC 9110 section 9.1), or longer than [`REQUESTED_METHOD_BYTES_MAX`].
    Method,
    /// A requested field is not among [`CorsRule::request_headers`].
    Header {
        /// Its name: a token, in lower case.
        name: String,
    },
    /// A requested field whose name is no token (RFC 9110 section 5.1).
    HeaderName,
    /// More requested fields than [`REQUESTED_HEADERS_MAX`], or more bytes than
    /// [`REQUESTED_HEADERS_BYTES_MAX`].
    TooManyHeaders,
}

/// Whether a request asks for leave on behalf of another one (the Fetch standard, "CORS-preflight
/// request"). `origin_count` is the number of `Origin` fields, `has_requested_method` whether there is an
/// `Access-Control-Request-Method`.
#[must_use]
pub fn is_preflight(method: &str, origin_count: usize, has_requested_method: bool) -> bool {
    method == "OPTIONS" && origin_count > 0 && has_requested_method
}

impl CorsRule {
    /// The fields of any response to a request with these `Origin` values, whether it was answered or
    /// refused.
    #[must_use]
    pub fn actual(&self, origin: &[Vec<u8>]) -> CorsFields {
        let mut fields = CorsFields::new();
        if self.push_origin(&mut fields, origin) && !self.exposed_headers.is_empty() {
            fields.push((EXPOSE_HEADERS, self.exposed_headers.join(", ")));
        }
        // The same answer for everyone may be remembered for everyone.
        if !self.allows_any() {
            fields.push((VARY, "Origin".to_owned()));
        }
        fields
    }

    /// The answer to a preflight with these values of `Origin`, `Access-Control-Request-Method` and
    /// `Access-Control-Request-Headers`, for a path that has rules for `methods`, and one for the requested
    /// method. A caller to whom two methods are named gives an empty one, which is refused.
    ///
    /// What is allowed is always listed by name. `*` would not cover `Authorization`, and nothing at all in
    /// requests with credentials.
    #[must_use]
    pub fn preflight(
        &self,
        origin: &[Vec<u8>],
        requested_method: &str,
        requested_headers: &[Vec<u8>],
        methods: &[&str],
    ) -> PreflightAnswer {
        let mut fields = CorsFields::new();
        let refusal = if origin.len() != 1 || !self.push_origin(&mut fields, origin) {
            Some(PreflightRefusal::Origin)
        } else if requested_method.len() > REQUESTED_METHOD_BYTES_MAX
            || !is_token(requested_method.as_bytes())
        {
            Some(PreflightRefusal::Method)
        } else {
            match self.allowed_headers(requested_headers) {
                Err(refusal) => Some(refusal),
                Ok(headers) => {
                    fields.push((ALLOW_METHODS, with(methods, requested_method)));
                    if !headers.is_empty() {
                        fields.push((ALLOW_HEADERS, headers));
                    }
                    fields.push((MAX_AGE, self.max_age_s.to_string()));
                    None
                }
            }
        };
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        fields.push((VARY, vary.to_owned()));
        match refusal {
            None => PreflightAnswer::Allowed(fields),
            Some(reason) => PreflightAnswer::Refused { reason, fields },
        }
    }

    /// Says which origin may read the answer; `false` where it is not this one.
    fn push_origin(&self, fields: &mut CorsFields, origin: &[Vec<u8>]) -> bool {
        let any = self.allows_any();
        let allowed = if any {
            Some("*")
        } else {
            self.allowed_origin(origin)
        };
        let Some(allowed) = allowed else { return false };
        fields.push((ALLOW_ORIGIN, allowed.to_owned()));
        if self.credentials && !any {
            fields.push((ALLOW_CREDENTIALS, "true".to_owned()));
        }
        true
    }

    /// Whether pages of this origin may send requests with credentials of the browser. Never `null`, and
    /// never where every origin is allowed.
    #[must_use]
    pub fn allows_with_credentials(&self, origin: &str) -> bool {
        let matches = |pattern: &OriginPattern| pattern.matches(origin);
        self.credentials && !self.allows_any() && self.origins.iter().any(matches)
    }

    fn allows_any(&self) -> bool {
        self.origins.contains(&OriginPattern::Any)
    }

    /// The origin, if there is exactly one and it is allowed. With two, nobody knows which is the page's.
    fn allowed_origin<'o>(&self, origin: &'o [Vec<u8>]) -> Option<&'o str> {
        let [origin] = origin else { return None };
        let origin = core::str::from_utf8(origin).ok()?;
        self.origins
            .iter()
            .any(|pattern| pattern.matches(origin))
            .then_some(origin)
    }

    /// The request fields that the page may set, or which one it may not.
    fn allowed_headers(&self, requested: &[Vec<u8>]) -> Result<String, PreflightRefusal> {
        let bytes = requested
            .iter()
            .fold(0_usize, |sum, line| sum.saturating_add(line.len()));
        if bytes > REQUESTED_HEADERS_BYTES_MAX || members(requested).count() > REQUESTED_HEADERS_MAX
        {
            return Err(PreflightRefusal::TooManyHeaders);
        }
        let mut echo = String::new();
        for member in members(requested) {
            let name = core::str::from_utf8(member)
                .ok()
                .filter(|name| is_token(name.as_bytes()))
                .ok_or(PreflightRefusal::HeaderName)?
                .to_ascii_lowercase();
            if let Some(allowed) = &self.request_headers
                && !allowed.contains(&name)
            {
                return Err(PreflightRefusal::Header { name });
            }
            push_member(&mut echo, &name);
        }
        Ok(match &self.request_headers {
            Some(allowed) => allowed.join(", "),
            None => echo,
        })
    }
}

/// The methods, and the requested one if it is not among them. Methods are case-sensitive.
fn with(methods: &[&str], requested: &str) -> String {
    let mut list = methods.join(", ");
    if !methods.contains(&requested) {
        push_member(&mut list, requested);
    }
    list
}

fn push_member(list: &mut String, member: &str) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push_str(member);
}

/// The value of `Vary` (RFC 9110 section 12.5.5) for a response that has these values of it and depends on
/// the fields of `add` as well, a list itself; `None` where nothing has to change. It replaces all values
/// that are there. What is no field name is left out of it: no cache could act upon that.
#[must_use]
pub fn merge_vary(existing: &[Vec<u8>], add: &str) -> Option<String> {
    let covered = |name: &[u8]| {
        members(existing).any(|member| member == b"*" || member.eq_ignore_ascii_case(name))
    };
    let mut missing = ascii_members([add])
        .filter(|name| !covered(name.as_bytes()))
        .peekable();
    missing.peek()?;
    let mut merged = String::new();
    let kept = members(existing)
        .filter(|member| is_token(member))
        .filter_map(ascii);
    for name in kept.chain(missing) {
        push_member(&mut merged, name);
    }
    Some(merged)
}

impl fmt::Display for PreflightRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Origin => "the origin is not allowed, or there is not exactly one",
            Self::Method => "the requested method is no method",
            Self::Header { name } => {
                return write!(f, "pages may not set the request header {name}");
            }
            Self::HeaderName => "a requested header has a name that is none",
            Self::TooManyHeaders => "it asks for too many request headers",
        })
    }
}

impl core::error::Error for PreflightRefusal {}

#[cfg(test)]
mod tests;
