//! What the policy says of an upstream, and what can go wrong with one.

use core::fmt;

use doorward_syntax::field_name::same_when_folded;
use doorward_syntax::url::COMPONENT_SUFFIX;

use crate::retry::RetryRule;

/// The position of an upstream in the policy.
pub type UpstreamId = u16;

/// Somebody who answers requests: one or more targets that are as good as each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The name that the policy gives to it.
    pub name: String,
    /// Where it is asked; at least one.
    pub targets: Vec<Target>,
    /// Whether it is told which host the client asked (`X-Forwarded-Host`, `host` of `Forwarded`). Its own
    /// `Host` is always that of its URL: WASI sends what it connects to.
    pub tells_host: bool,
    /// The credential with which it is asked in the place of the client's; `None`: none.
    pub credential: Option<UpstreamCredential>,
    /// Changes to the fields of requests.
    pub request_fields: FieldEdits,
    /// Changes to the fields of responses.
    pub response_fields: FieldEdits,
    /// For how many milliseconds a connection may take.
    pub connect_timeout_ms: u64,
    /// For how many milliseconds the head of the response may take.
    pub first_byte_timeout_ms: u64,
    /// For how many milliseconds the body of the response may pause.
    pub between_bytes_timeout_ms: u64,
    /// For how many milliseconds all attempts may take together, up to the head of the response.
    pub deadline_ms: u64,
    /// How it is asked again.
    pub retry: RetryRule,
    /// Whether there is a circuit breaker.
    pub breaker: bool,
}

/// One address of an upstream, taken from an absolute URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `https` rather than `http`.
    pub tls: bool,
    /// Host, and port where it is not the scheme's own.
    pub authority: String,
    /// What comes before every path: empty, or `/…` without a slash at the end.
    pub base_path: String,
}

impl Target {
    /// Whether it is another component of the application, asked by service chaining.
    #[must_use]
    pub fn is_component(&self) -> bool {
        self.authority.ends_with(COMPONENT_SUFFIX)
    }
}

/// A credential of ours for an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamCredential {
    /// The field that it is in, in lower case.
    pub header: String,
    /// What comes before it: `Bearer ` or `Basic ` or nothing.
    pub prefix: String,
    /// The name of the Spin variable that holds it.
    pub variable: String,
}

impl Upstream {
    /// Whether it is the policy that says what is in a field of a request to this upstream, if anything is: in
    /// any spelling that the upstream could fold. Such a field is taken from nobody else, nor such a trailer.
    #[must_use]
    pub fn takes_from_policy(&self, name: &str) -> bool {
        self.request_fields.touch(name)
            || (self.credential.as_ref()).is_some_and(|ours| same_when_folded(&ours.header, name))
    }
}

/// Fields that are removed first and set then. Names are in lower case; they stand for every spelling that
/// whoever gets the field could fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldEdits {
    /// Every value of these goes.
    pub remove: Vec<String>,
    /// These have this value, whatever they had.
    pub set: Vec<(String, String)>,
}

impl FieldEdits {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// Whether a field of this name is removed, or has another value in its place. Does not allocate.
    #[must_use]
    pub fn touch(&self, name: &str) -> bool {
        let set = self.set.iter().map(|(set, _)| set);
        let mut names = self.remove.iter().chain(set);
        names.any(|known| same_when_folded(known, name))
    }
}

/// Why an upstream gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No connection came about: nothing was sent. Refused, unreachable, or no such name.
    Unreachable,
    /// No connection came about in time: nothing was sent.
    ConnectTimeout,
    /// The connection ended before there was a response.
    Reset,
    /// The response did not begin in time.
    Timeout,
    /// What came is no HTTP response, or one with more or larger fields than are accepted.
    Malformed,
    /// TLS could not be agreed upon: an invalid certificate above all.
    Tls,
    /// The host does not permit it: `allowed_outbound_hosts` lacks it.
    Denied,
    /// It was not asked, because it failed too often lately.
    BreakerOpen {
        /// When it will be asked again, in seconds, at least 1.
        retry_after_s: u64,
    },
    /// The time for all attempts is up.
    Deadline,
}

impl UpstreamFailure {
    /// Whether nothing can have reached the upstream, so that any request can be sent elsewhere.
    #[must_use]
    pub const fn sent_nothing(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::ConnectTimeout | Self::Denied | Self::BreakerOpen { .. }
        )
    }
}

impl fmt::Display for UpstreamFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("no connection came about"),
            Self::ConnectTimeout => f.write_str("no connection came about in time"),
            Self::Reset => f.write_str("the connection ended before there was a response"),
            Self::Timeout => f.write_str("the response did not begin in time"),
            Self::Malformed => f.write_str("what came is no response, or too large a head of one"),
            Self::Tls => f.write_str("TLS could not be agreed upon"),
            Self::Denied => {
                f.write_str("the host does not permit it: `allowed_outbound_hosts` lacks it")
            }
            Self::BreakerOpen { retry_after_s } => {
                write!(f, "it failed too often; asked again in {retry_after_s} s")
            }
            Self::Deadline => f.write_str("the time for all attempts is up"),
        }
    }
}

#[cfg(test)]
mod tests;
