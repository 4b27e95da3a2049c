//! Refusals: the one place that says what a client learns of them.

use core::fmt;

use doorward_syntax::base64url::encode_standard_unpadded;
use doorward_syntax::request_id::is_uuid;
use doorward_traffic::host::HostError;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::upstream::UpstreamFailure;

use crate::credential::kind::{CredentialKind, Kinds};

mod class;
mod details;
mod reason;

use self::class::Challenge;
pub use self::class::Class;
pub use self::reason::Reason;

/// The protection space of RFC 9110 section 11.5: one for all routes, so that a challenge tells
/// nothing about how the application is divided.
pub const REALM: &str = "doorward";
/// Longest time that a client is asked to wait, in seconds.
pub const RETRY_AFTER_S_MAX: u64 = 3600;

/// The decision not to let a request through.
///
/// `Display` of the refusal is its class, which may be shown to anybody; [`Refusal::reason`] is for
/// the log. Neither holds any part of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    /// What the route accepts; nothing where that is not known, or the route is public.
    accept: Kinds,
}

impl Refusal {
    /// It is not clear whom the request is for.
    #[must_use]
    pub fn host(error: HostError) -> Self {
        Self::because(Reason::Host(error))
    }

    /// The keys of the token's issuer cannot be had. The client is asked to come back later, at
    /// least 1 and at most [`RETRY_AFTER_S_MAX`] seconds.
    #[must_use]
    pub fn keys_unavailable(retry_after_s: u64) -> Self {
        Self::because(Reason::KeysUnavailable {
            retry_after_s: retry_after_s.clamp(1, RETRY_AFTER_S_MAX),
        })
    }

    /// The key of the token is not among those of its issuer, which are so old that it may be among newer
    /// ones. The client is asked to come back later, at least 1 and at most [`RETRY_AFTER_S_MAX`] seconds.
    #[must_use]
    pub fn key_may_be_newer(retry_after_s: u64) -> Self {
        Self::because(Reason::KeyMayBeNewer {
            retry_after_s: retry_after_s.clamp(1, RETRY_AFTER_S_MAX),
        })
    }

    /// The token's issuer cannot be asked about it. The client is asked to come back later, at least 1
    /// and at most [`RETRY_AFTER_S_MAX`] seconds.
    #[must_use]
    pub fn issuer_unavailable(retry_after_s: u64) -> Self {
        Self::because(Reason::IssuerUnavailable {
            retry_after_s: retry_after_s.clamp(1, RETRY_AFTER_S_MAX),
        })
    }

    /// What the store holds cannot be had. The client is asked to come back later, at least 1 and at
    /// most [`RETRY_AFTER_S_MAX`] seconds.
    #[must_use]
    pub fn store_unavailable(retry_after_s: u64) -> Self {
        Self::because(Reason::StoreUnavailable {
            retry_after_s: retry_after_s.clamp(1, RETRY_AFTER_S_MAX),
        })
    }

    /// The request is over a limit of its route.
    #[must_use]
    pub fn limit(exceeded: LimitExceeded) -> Self {
        Self::because(Reason::Limit(exceeded))
    }

    /// There were too many requests like this one, by the rate limit of this name. The client is asked
    /// to come back later, at least 1 and at most [`RETRY_AFTER_S_MAX`] seconds.
    #[must_use]
    pub fn rate_limited(limit: &str, retry_after_s: u64) -> Self {
        Self::because(Reason::RateLimited {
            limit: limit.into(),
            retry_after_s: retry_after_s.clamp(1, RETRY_AFTER_S_MAX),
        })
    }

    /// The request went through this gate before (RFC 8586).
    #[must_use]
    pub fn looped() -> Self {
        Self::because(Reason::Looped)
    }

    /// A WebSocket is asked for.
    #[must_use]
    pub fn websocket() -> Self {
        Self::because(Reason::WebSocket)
    }

    /// The client stopped sending its body before the end.
    #[must_use]
    pub fn incomplete_body() -> Self {
        Self::because(Reason::IncompleteBody)
    }

    /// The client did not go on sending its body in time.
    #[must_use]
    pub fn slow_body() -> Self {
        Self::because(Reason::SlowBody)
    }

    /// The upstream of this name gave no answer. Neither its name nor the failure is for the client.
    #[must_use]
    pub fn upstream(name: &str, failure: UpstreamFailure) -> Self {
        Self::because(Reason::Upstream {
            name: name.into(),
            failure,
        })
    }

    /// The gate is set up wrongly. The reason goes to the log.
    #[must_use]
    pub fn misconfigured(reason: impl Into<String>) -> Self {
        Self::because(Reason::Misconfigured(reason.into()))
    }

    /// There is no policy, or it has expired, and one is fetched. The client is asked to come back later, at least 1 and
    /// at most [`RETRY_AFTER_S_MAX`] seconds.
    #[cfg(feature = "bundle")]
    #[must_use]
    pub fn policy_unavailable(has_expired: bool, retry_after_s: u64) -> Self {
        Self::because(Reason::PolicyUnavailable {
            has_expired,
            retry_after_s: retry_after_s.clamp(1, RETRY_AFTER_S_MAX),
        })
    }

    pub(crate) fn because(reason: Reason) -> Self {
        Self::of(Kinds::default(), reason)
    }

    /// A refusal where these kinds of credential would be accepted.
    pub(crate) fn of(accept: Kinds, reason: Reason) -> Self {
        Self { reason, accept }
    }

    /// What the client learns.
    #[must_use]
    pub fn class(&self) -> Class {
        self.reason.class()
    }

    /// Whether it counts as an attempt to guess a credential: nobody has shown a genuine one.
    #[must_use]
    pub fn is_false_credential(&self) -> bool {
        matches!(
            self.class(),
            Class::InvalidToken | Class::InvalidCredential | Class::MalformedCredential
        ) || matches!(self.reason, Reason::KeyMayBeNewer { .. })
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.class().status()
    }

    /// The value of `WWW-Authenticate` (RFC 9110 section 11.6.1): a challenge for each kind of
    /// credential that the route accepts, and for bearer tokens where it is not known.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<String> {
        let challenge = self.class().mapping().challenge?;
        let mut kinds = self.accept;
        if kinds == Kinds::default() {
            kinds.push(CredentialKind::Jwt);
        }
        let mut challenges = String::new();
        let mut bearer = false;
        for kind in kinds.iter() {
            // Both kinds of bearer tokens have one challenge.
            if kind.is_bearer() && core::mem::replace(&mut bearer, true) {
                continue;
            }
            if !challenges.is_empty() {
                challenges.push_str(", ");
            }
            challenges.push_str(match kind {
                CredentialKind::Jwt | CredentialKind::Opaque => "Bearer realm=\"",
                CredentialKind::Basic => "Basic realm=\"",
                CredentialKind::ApiKey => "ApiKey realm=\"",
            });
            challenges.push_str(REALM);
            challenges.push('"');
            match kind {
                CredentialKind::Jwt | CredentialKind::Opaque => {
                    self.add_error(&challenge, &mut challenges);
                }
                // RFC 7617 section 2.1.
                CredentialKind::Basic => challenges.push_str(", charset=\"UTF-8\""),
                CredentialKind::ApiKey => {}
            }
        }
        Some(challenges)
    }

    /// RFC 6750 section 3.
    fn add_error(&self, challenge: &Challenge, challenges: &mut String) {
        let Challenge::Error(error) = challenge else {
            return;
        };
        let required = match &self.reason {
            Reason::Scope { bearer: false, .. } => return,
            Reason::Scope { required, .. } => Some(required),
            _ => None,
        };
        challenges.push_str(", error=\"");
        challenges.push_str(error);
        if let Some(required) = required {
            // The policy accepts only scope tokens of RFC 6749 section 3.3, which have nothing in
            // them that a quoted string would have to escape.
            challenges.push_str("\", scope=\"");
            challenges.push_str(required);
        }
        challenges.push('"');
    }

    /// The value of `Retry-After` in seconds (RFC 9110 section 10.2.3).
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self.reason {
            #[cfg(feature = "bundle")]
            Reason::PolicyUnavailable { retry_after_s, .. } => Some(retry_after_s),
            Reason::KeysUnavailable { retry_after_s }
            | Reason::KeyMayBeNewer { retry_after_s }
            | Reason::IssuerUnavailable { retry_after_s }
            | Reason::StoreUnavailable { retry_after_s }
            | Reason::RateLimited { retry_after_s, .. } => Some(retry_after_s),
            Reason::Upstream {
                failure: UpstreamFailure::BreakerOpen { retry_after_s },
                ..
            } => Some(retry_after_s.clamp(1, RETRY_AFTER_S_MAX)),
            _ => None,
        }
    }

    /// The body, of the media type [`PROBLEM_MEDIA_TYPE`] (RFC 9457), for a request of this name, which is well-formed
    /// ([`request_id`](doorward_syntax::request_id::request_id)).
    #[must_use]
    pub fn problem_json(&self, request_id: &str) -> Vec<u8> {
        let class = self.class();
        let document = problem_json(class.name(), class.title(), class.status(), request_id);
        document.into_bytes()
    }

    /// What [`Refusal::problem_json`] says in the words of gRPC, for the field `grpc-status-details-bin`.
    #[must_use]
    #[inline(never)]
    pub fn grpc_details(&self, request_id: &str) -> String {
        let class = self.class();
        let status = details::Status {
            code: class.grpc_status(),
            message: class.title(),
            reason: class.name(),
            request_id,
            retry_after_s: self.retry_after_s(),
        };
        encode_standard_unpadded(&status.encode())
    }

    /// Why, which can be matched on; in words it is for the log. The client must not see it.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

/// A problem document of this name, for a request of that name, which is well-formed.
#[must_use]
pub fn problem_json(name: &str, title: &str, status: u16, request_id: &str) -> String {
    // RFC 9457 section 3.1: the type identifies the problem, the title says it again for people, the status is
    // advisory.
    let mut document = format!(
        r#"{{"type":"urn:problem-type:doorward:{name}","title":"{title}","status":{status}"#
    );
    // Section 3.1.5: this occurrence of the problem. Not every name is a URI.
    if is_uuid(request_id) {
        document.push_str(r#","instance":"urn:uuid:"#);
        document.push_str(request_id);
        document.push('"');
    }
    document.push_str(r#","request_id":""#);
    document.push_str(request_id);
    document.push_str(r#""}"#);
    document
}

/// The media type of [`Refusal::problem_json`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.class().fmt(f)
    }
}

impl core::error::Error for Refusal {}
