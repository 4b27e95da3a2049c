//! Why requests are refused, for the log.

use core::fmt;

use doorward_token::TokenError;
use doorward_token::api_key::ApiKeyError;
use doorward_token::revocation;
use doorward_traffic::host::HostError;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::upstream::UpstreamFailure;

use super::class::Class;
use crate::claim::ClaimProblem;
use crate::credential::error::CredentialError;
use crate::credential::place::CredentialPlace;
use crate::target::TargetError;

/// Why a request was refused, as precisely as it is known. It holds no part of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The target can be read in two ways.
    Target(TargetError),
    /// It is not clear whom the request is for.
    Host(HostError),
    /// No rule is for the path.
    NoRule,
    /// A rule is for the path in another case.
    OtherCase,
    /// A rule is for the path, and for other methods.
    Method {
        /// Its path pattern.
        route: Box<str>,
    },
    /// There is no credential, or not one.
    Credential(CredentialError),
    /// The token is not genuine, or not for here and now.
    Token(TokenError),
    /// The token is longer than any that the rule accepts.
    TokenTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
        /// Whether it is in the query of the target.
        in_query: bool,
    },
    /// The rule accepts nothing of this issuer.
    OtherIssuer,
    /// The issuer's tokens are not believed from where this one was.
    OtherSource(CredentialPlace),
    /// The issuer says that the opaque token is not active.
    Inactive,
    /// It was revoked.
    Revoked(revocation::RevocationKind),
    /// There is no `iat`, by which it could be revoked.
    NotIssued,
    /// It lives longer than revocations are kept.
    LivesTooLong {
        /// For how long it is valid.
        lifetime_s: u64,
    },
    /// The token is in a cookie, and the page may not ask for this.
    CrossSite,
    /// The API key is not good.
    Key(ApiKeyError),
    /// The key is not the one of the request.
    OtherKey,
    /// The caller lacks a scope.
    Scope {
        /// Which one.
        missing: String,
        /// All that the rule asks for.
        required: String,
        /// Whether it is a bearer token that lacks it.
        bearer: bool,
    },
    /// The caller lacks a claim.
    Claim {
        /// Which one.
        name: String,
        /// What is wrong with it.
        problem: ClaimProblem,
    },
    /// A header cannot express what a claim says.
    IdentityHeader {
        /// Which header.
        name: String,
        /// What is wrong with the claim.
        problem: ClaimProblem,
    },
    /// The application is set up wrongly.
    Misconfigured(String),
    /// There is no policy that could be used, and one is fetched.
    #[cfg(feature = "bundle")]
    PolicyUnavailable {
        /// Whether there is one that has expired.
        has_expired: bool,
        /// When to come back.
        retry_after_s: u64,
    },
    /// The keys of the issuer cannot be had.
    KeysUnavailable {
        /// When to come back.
        retry_after_s: u64,
    },
    /// The key is not known, and the issuer cannot be asked for newer ones.
    KeyMayBeNewer {
        /// When to come back.
        retry_after_s: u64,
    },
    /// The issuer cannot be asked about an opaque token.
    IssuerUnavailable {
        /// When to come back.
        retry_after_s: u64,
    },
    /// The key-value store cannot be read or written.
    StoreUnavailable {
        /// When to come back.
        retry_after_s: u64,
    },
    /// The request is larger than it may be.
    Limit(LimitExceeded),
    /// The caller asks too often.
    RateLimited {
        /// By which limit.
        limit: Box<str>,
        /// When to come back.
        retry_after_s: u64,
    },
    /// The request has been here before.
    Looped,
    /// A WebSocket is asked for.
    WebSocket,
    /// The client did not send all of the body.
    IncompleteBody,
    /// The client does not go on with the body.
    SlowBody,
    /// The upstream gave no answer.
    Upstream {
        /// Which one.
        name: Box<str>,
        /// What came of asking it.
        failure: UpstreamFailure,
    },
}

impl Reason {
    /// What the client learns of it.
    pub(super) fn class(&self) -> Class {
        match self {
            // A token in the query may be why.
            Self::Target(
                TargetError::TargetTooLong { .. }
                | TargetError::PathTooLong { .. }
                | TargetError::TooManySegments,
            ) => Class::TargetTooLong,
            Self::Target(_) | Self::Host(_) => Class::MalformedRequest,
            Self::Credential(error) => match error {
                CredentialError::Missing | CredentialError::OtherKind => Class::NoCredential,
                CredentialError::Repeated { .. }
                | CredentialError::RepeatedKey
                | CredentialError::Two
                | CredentialError::Spelling
                | CredentialError::NoScheme
                | CredentialError::NotOneToken
                | CredentialError::NotBasic
                | CredentialError::NotOneKey
                | CredentialError::RepeatedToken(_)
                | CredentialError::TokenSpelling(_)
                | CredentialError::NotToken(_) => Class::MalformedCredential,
            },
            Self::Token(_)
            | Self::OtherIssuer
            | Self::OtherSource(_)
            | Self::Inactive
            | Self::Revoked(_)
            | Self::NotIssued
            | Self::LivesTooLong { .. } => Class::InvalidToken,
            // RFC 6585 section 5, RFC 9110 section 15.5.15.
            Self::TokenTooLong { in_query, .. } => match in_query {
                true => Class::TargetTooLong,
                false => Class::HeadersTooLarge,
            },
            Self::Key(_) | Self::OtherKey => Class::InvalidCredential,
            Self::Scope { .. } => Class::InsufficientScope,
            Self::NoRule
            | Self::OtherCase
            | Self::Method { .. }
            | Self::CrossSite
            | Self::Claim { .. }
            | Self::IdentityHeader { .. } => Class::Forbidden,
            Self::Misconfigured(_) => Class::Misconfigured,
            #[cfg(feature = "bundle")]
            Self::PolicyUnavailable { .. } => Class::PolicyUnavailable,
            Self::KeysUnavailable { .. } | Self::KeyMayBeNewer { .. } => Class::KeysUnavailable,
            Self::IssuerUnavailable { .. } => Class::IssuerUnavailable,
            Self::StoreUnavailable { .. } => Class::StoreUnavailable,
            Self::Limit(exceeded) => match exceeded {
                LimitExceeded::HeaderCount { .. } | LimitExceeded::HeaderBytes { .. } => {
                    Class::HeadersTooLarge
                }
                LimitExceeded::TargetBytes { .. } => Class::TargetTooLong,
                LimitExceeded::BodyBytes => Class::BodyTooLarge,
                LimitExceeded::ContentType => Class::UnsupportedMediaType,
            },
            Self::RateLimited { .. } => Class::RateLimited,
            Self::Looped => Class::LoopDetected,
            Self::WebSocket => Class::NotImplemented,
            Self::IncompleteBody => Class::MalformedRequest,
            Self::SlowBody => Class::RequestTimeout,
            Self::Upstream { failure, .. } => match failure {
                UpstreamFailure::Unreachable
                | UpstreamFailure::Reset
                | UpstreamFailure::Malformed
                | UpstreamFailure::TooLarge
                | UpstreamFailure::Tls => Class::BadGateway,
                UpstreamFailure::ConnectTimeout
                | UpstreamFailure::Timeout
                | UpstreamFailure::Deadline => Class::GatewayTimeout,
                UpstreamFailure::BreakerOpen { .. } => Class::UpstreamUnavailable,
                // Whoever wrote the policy and the application's manifest has to mend it.
                UpstreamFailure::Denied => Class::Misconfigured,
            },
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::Host(error) => error.fmt(f),
            Self::NoRule => f.write_str("no rule lists the path"),
            Self::OtherCase => {
                f.write_str("a rule lists the path only with letters in another case")
            }
            Self::Method { route } => write!(f, "the rules for {route} do not list the method"),
            Self::Credential(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            &Self::TokenTooLong {
                bytes, bytes_max, ..
            } => TokenError::TooLong { bytes, bytes_max }.fmt(f),
            Self::OtherIssuer => f.write_str("the token names no issuer that the route accepts"),
            Self::OtherSource(place) => write!(
                f,
                "the token is in the {place}, and no issuer that the route accepts has tokens there: \
                 see `token_from`"
            ),
            Self::CrossSite => f.write_str(
                "the token is in a cookie, and neither Sec-Fetch-Site nor Origin says that a page of \
                 ours sent it",
            ),
            Self::Inactive => f.write_str("the issuer says that the token is not active"),
            Self::Revoked(by) => write!(f, "the token was revoked: by its {by}"),
            Self::NotIssued => f.write_str("the token has no `iat`, by which it could be revoked"),
            Self::LivesTooLong { lifetime_s } => {
                write!(
                    f,
                    "the token is valid for {lifetime_s} s, longer than `token_lifetime_max_s` of \
                     [revocation]"
                )
            }
            Self::Key(error) => error.fmt(f),
            Self::OtherKey => f.write_str("the API key is not the one of the request"),
            Self::Scope { missing, .. } => write!(f, "the scope {missing} is lacking"),
            Self::Claim { name, problem } => write!(f, "the claim {name} {problem}"),
            Self::IdentityHeader { name, problem } => {
                write!(f, "the header {name} cannot be set: its claim {problem}")
            }
            Self::Misconfigured(reason) => f.write_str(reason),
            #[cfg(feature = "bundle")]
            Self::PolicyUnavailable {
                has_expired,
                retry_after_s,
            } => {
                let what = match has_expired {
                    true => "the policy has expired, and there is no newer one",
                    false => "there is no policy yet",
                };
                write!(f, "{what}; next attempt in {retry_after_s} s")
            }
            Self::KeysUnavailable { retry_after_s } => {
                write!(
                    f,
                    "no keys of the issuer; next attempt in {retry_after_s} s"
                )
            }
            Self::KeyMayBeNewer { retry_after_s } => {
                write!(
                    f,
                    "the token's key is not among those of the issuer, which are old; next attempt in {retry_after_s} s"
                )
            }
            Self::IssuerUnavailable { retry_after_s } => {
                write!(
                    f,
                    "the issuer gave no answer; next attempt in {retry_after_s} s"
                )
            }
            Self::StoreUnavailable { retry_after_s } => {
                write!(
                    f,
                    "the store gave no answer; next attempt in {retry_after_s} s"
                )
            }
            Self::Limit(exceeded) => exceeded.fmt(f),
            Self::RateLimited { limit, .. } => write!(f, "over the rate limit {limit}"),
            Self::Looped => f.write_str(
                "`CDN-Loop` names this gateway: an upstream leads back to it, or another one has the \
                 same `name` in [proxy]",
            ),
            Self::WebSocket => f.write_str(
                "a WebSocket is asked for, and WASI has no upgrade: let it go another way than through the gate",
            ),
            Self::IncompleteBody => f.write_str("the client has gone, or the body ended before all of it had come"),
            Self::SlowBody => f.write_str("the body did not go on in time"),
            Self::Upstream { name, failure } => write!(f, "the upstream {name}: {failure}"),
        }
    }
}
