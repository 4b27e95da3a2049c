//! What the policy says of an upstream.

use doorward_syntax::field_name::same_when_folded;
use doorward_syntax::url::COMPONENT_SUFFIX;

use crate::retry::RetryRule;

pub(crate) mod failure;

pub use self::failure::UpstreamFailure;

/// The position of an upstream in the policy.
pub type UpstreamId = u16;

/// Somebody who answers requests: one or more targets that are as good as each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The name that the policy gives to it.
    pub name: String,
    /// Where it is asked.
    pub targets: TargetList,
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
    /// For how many milliseconds the body of the response may pause; 0: for as long as somebody reads it.
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

/// The targets of an upstream, of which there is one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetList {
    first: Target,
    others: Vec<Target>,
}

impl TargetList {
    /// These, in that order; `None` where there are none.
    #[must_use]
    pub fn of(targets: Vec<Target>) -> Option<Self> {
        let mut targets = targets.into_iter();
        Some(Self {
            first: targets.next()?,
            others: targets.collect(),
        })
    }

    /// The target in this position; the first one where it is beyond the last.
    #[must_use]
    pub fn at(&self, position: usize) -> &Target {
        let other = position.checked_sub(1).map(|other| self.others.get(other));
        other.flatten().unwrap_or(&self.first)
    }

    /// How many there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        core::iter::once(&self.first).chain(&self.others)
    }
}

impl From<Target> for TargetList {
    fn from(first: Target) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
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
    /// Whether only the policy says what is in this field of a request to this upstream, in any spelling that
    /// the upstream could fold. Such a field, or trailer, is taken from nobody else.
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

#[cfg(test)]
mod tests;
