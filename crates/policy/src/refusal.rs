//! Refusals: the one place that says what a client learns of them.

use core::fmt;

use doorward_token::TokenError;
use doorward_token::api_key::ApiKeyError;
use doorward_token::revocation;

use crate::claim::ClaimProblem;
use crate::credential::{CredentialError, CredentialKind, Kinds};
use crate::decision::Pending;
use crate::target::TargetError;

/// The protection space of RFC 9110 section 11.5: one for all routes, so that a challenge tells
/// nothing about how the application is divided.
pub const REALM: &str = "doorward";
/// Longest time that a client is asked to wait, in seconds.
pub const RETRY_AFTER_S_MAX: u64 = 3600;

/// What a client learns of a refusal. Everything that it is sent follows from this, save for the
/// kinds of credential that the route accepts, the scope that is lacking and the time to wait.
///
/// | class | status | `WWW-Authenticate` | `Retry-After` |
/// |---|---|---|---|
/// | malformed request | 400 | | |
/// | malformed credential | 400 | `error="invalid_request"` | |
/// | no credential | 401 | without `error` | |
/// | invalid token | 401 | `error="invalid_token"` | |
/// | invalid credential | 401 | without `error` | |
/// | insufficient scope | 403 | `error="insufficient_scope"`, `scope` | |
/// | forbidden | 403 | | |
/// | misconfigured | 500 | | |
/// | keys unavailable | 503 | | yes |
/// | issuer unavailable | 503 | | yes |
/// | store unavailable | 503 | | yes |
///
/// There is a challenge for each kind of credential that the route accepts, in its order: `Bearer`
/// (RFC 6750), `Basic` (RFC 7617) and `ApiKey`, which no RFC knows and which says that much to people.
/// `error` and `scope` belong to `Bearer`; on insufficient scope only where a bearer token lacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The request target or the method is malformed, or ambiguous.
    MalformedRequest,
    /// There is more than one credential, or one that cannot be read.
    MalformedCredential,
    /// There is no credential, or one of a kind that the route does not accept.
    NoCredential,
    /// The token is not genuine, not valid now, revoked, or not of an issuer that the route accepts.
    /// Which of these it is, only the log says.
    InvalidToken,
    /// The API key, or the name that came with it, is not known or not valid now. Which of these it
    /// is, only the log says.
    InvalidCredential,
    /// The credential is good, and lacks a scope that the route asks for.
    InsufficientScope,
    /// Nothing that the caller could present changes the answer: no rule lists this path and
    /// method, or the credential does not have the claims that the rule asks for.
    Forbidden,
    /// The gate itself is set up wrongly, or cannot do what it was set up for.
    Misconfigured,
    /// The token cannot be judged, because the keys of its issuer cannot be had.
    KeysUnavailable,
    /// The token cannot be judged, because its issuer cannot be asked about it.
    IssuerUnavailable,
    /// The credential cannot be judged, because the store cannot be read: whether a token was revoked,
    /// or which API keys there are.
    StoreUnavailable,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 11] = [
        Self::MalformedRequest,
        Self::MalformedCredential,
        Self::NoCredential,
        Self::InvalidToken,
        Self::InvalidCredential,
        Self::InsufficientScope,
        Self::Forbidden,
        Self::Misconfigured,
        Self::KeysUnavailable,
        Self::IssuerUnavailable,
        Self::StoreUnavailable,
    ];

    /// A stable name for logs, metrics and tests.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.mapping().name
    }

    /// The status code.
    #[must_use]
    pub fn status(self) -> u16 {
        self.mapping().status
    }

    /// The one mapping from a class to what is sent. The match is exhaustive, so a class that is
    /// added without an answer does not compile.
    fn mapping(self) -> Mapping {
        match self {
            Self::MalformedRequest => Mapping {
                name: "malformed-request",
                status: 400,
                // RFC 9457 section 3.1: the type identifies the problem, the title says it again
                // for people, the status is advisory.
                problem: br#"{"type":"urn:problem-type:doorward:malformed-request","title":"The request is malformed","status":400}"#,
                challenge: None,
            },
            Self::MalformedCredential => Mapping {
                name: "malformed-credential",
                status: 400,
                problem: br#"{"type":"urn:problem-type:doorward:malformed-credential","title":"The credential is malformed","status":400}"#,
                challenge: Some(Challenge::Error("invalid_request")),
            },
            Self::NoCredential => Mapping {
                name: "no-credential",
                status: 401,
                problem: br#"{"type":"urn:problem-type:doorward:no-credential","title":"A credential is required","status":401}"#,
                // RFC 6750 section 3.1: no error code when the request lacks any credential.
                challenge: Some(Challenge::Plain),
            },
            Self::InvalidToken => Mapping {
                name: "invalid-token",
                status: 401,
                problem: br#"{"type":"urn:problem-type:doorward:invalid-token","title":"The bearer token is not valid","status":401}"#,
                challenge: Some(Challenge::Error("invalid_token")),
            },
            Self::InvalidCredential => Mapping {
                name: "invalid-credential",
                status: 401,
                problem: br#"{"type":"urn:problem-type:doorward:invalid-credential","title":"The credential is not valid","status":401}"#,
                challenge: Some(Challenge::Plain),
            },
            Self::InsufficientScope => Mapping {
                name: "insufficient-scope",
                status: 403,
                problem: br#"{"type":"urn:problem-type:doorward:insufficient-scope","title":"The credential lacks a scope","status":403}"#,
                challenge: Some(Challenge::Error("insufficient_scope")),
            },
            Self::Forbidden => Mapping {
                name: "forbidden",
                status: 403,
                problem: br#"{"type":"urn:problem-type:doorward:forbidden","title":"The request is not allowed","status":403}"#,
                challenge: None,
            },
            Self::Misconfigured => Mapping {
                name: "misconfigured",
                status: 500,
                problem: br#"{"type":"urn:problem-type:doorward:misconfigured","title":"The request cannot be judged","status":500}"#,
                challenge: None,
            },
            Self::KeysUnavailable => Mapping {
                name: "keys-unavailable",
                status: 503,
                problem: br#"{"type":"urn:problem-type:doorward:keys-unavailable","title":"The request cannot be judged at the moment","status":503}"#,
                challenge: None,
            },
            Self::IssuerUnavailable => Mapping {
                name: "issuer-unavailable",
                status: 503,
                problem: br#"{"type":"urn:problem-type:doorward:issuer-unavailable","title":"The request cannot be judged at the moment","status":503}"#,
                challenge: None,
            },
            Self::StoreUnavailable => Mapping {
                name: "store-unavailable",
                status: 503,
                problem: br#"{"type":"urn:problem-type:doorward:store-unavailable","title":"The request cannot be judged at the moment","status":503}"#,
                challenge: None,
            },
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Mapping {
    name: &'static str,
    status: u16,
    problem: &'static [u8],
    challenge: Option<Challenge>,
}

enum Challenge {
    Plain,
    Error(&'static str),
}

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
    /// The token was not accepted.
    #[must_use]
    pub fn invalid_token(pending: &Pending<'_, '_>, error: TokenError) -> Self {
        Self::of(pending.accept(), Reason::Token(error))
    }

    /// The token names no issuer that the route accepts.
    #[must_use]
    pub fn unknown_issuer(pending: &Pending<'_, '_>) -> Self {
        Self::of(pending.accept(), Reason::OtherIssuer)
    }

    /// The issuer says that the opaque token is not active (RFC 7662 section 2.2).
    #[must_use]
    pub fn inactive(pending: &Pending<'_, '_>) -> Self {
        Self::of(pending.accept(), Reason::Inactive)
    }

    /// The API key was not accepted, or not with the name that came with it.
    #[must_use]
    pub fn invalid_key(pending: &Pending<'_, '_>, error: ApiKeyError) -> Self {
        Self::of(pending.accept(), Reason::Key(error))
    }

    /// The keys of the token's issuer cannot be had. The client is asked to come back later, at
    /// least 1 and at most [`RETRY_AFTER_S_MAX`] seconds.
    #[must_use]
    pub fn keys_unavailable(retry_after_s: u64) -> Self {
        Self::because(Reason::KeysUnavailable {
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

    /// The gate is set up wrongly. The reason goes to the log.
    #[must_use]
    pub fn misconfigured(reason: impl Into<String>) -> Self {
        Self::because(Reason::Misconfigured(reason.into()))
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
        match &self.reason {
            Reason::Target(_) => Class::MalformedRequest,
            Reason::Credential(error) => match error {
                CredentialError::Missing | CredentialError::OtherKind => Class::NoCredential,
                CredentialError::Repeated { .. }
                | CredentialError::RepeatedKey
                | CredentialError::Two
                | CredentialError::Spelling
                | CredentialError::NoScheme
                | CredentialError::NotOneToken
                | CredentialError::NotBasic
                | CredentialError::NotOneKey => Class::MalformedCredential,
            },
            Reason::Token(_)
            | Reason::OtherIssuer
            | Reason::Inactive
            | Reason::Revoked(_)
            | Reason::NotIssued
            | Reason::LivesTooLong { .. } => Class::InvalidToken,
            Reason::Key(_) | Reason::OtherKey => Class::InvalidCredential,
            Reason::Scope { .. } => Class::InsufficientScope,
            Reason::NoRule
            | Reason::OtherCase
            | Reason::Method { .. }
            | Reason::Claim { .. }
            | Reason::IdentityHeader { .. } => Class::Forbidden,
            Reason::Misconfigured(_) => Class::Misconfigured,
            Reason::KeysUnavailable { .. } => Class::KeysUnavailable,
            Reason::IssuerUnavailable { .. } => Class::IssuerUnavailable,
            Reason::StoreUnavailable { .. } => Class::StoreUnavailable,
        }
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
            Reason::KeysUnavailable { retry_after_s }
            | Reason::IssuerUnavailable { retry_after_s }
            | Reason::StoreUnavailable { retry_after_s } => Some(retry_after_s),
            _ => None,
        }
    }

    /// The body, of the media type [`PROBLEM_MEDIA_TYPE`] (RFC 9457).
    #[must_use]
    pub fn problem_json(&self) -> Vec<u8> {
        self.class().mapping().problem.to_vec()
    }

    /// Why, in words for the log. The client must not see it.
    pub fn reason(&self) -> impl fmt::Display + '_ {
        &self.reason
    }
}

/// The media type of [`Refusal::problem_json`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.class().fmt(f)
    }
}

impl core::error::Error for Refusal {}

/// Why a request was refused, as precisely as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Target(TargetError),
    NoRule,
    OtherCase,
    Method {
        route: Box<str>,
    },
    Credential(CredentialError),
    Token(TokenError),
    OtherIssuer,
    Inactive,
    Revoked(revocation::Kind),
    /// There is no `iat`.
    NotIssued,
    LivesTooLong {
        lifetime_s: u64,
    },
    Key(ApiKeyError),
    /// The key is not the one of the request.
    OtherKey,
    Scope {
        missing: String,
        required: String,
        /// Whether it is a bearer token that lacks it.
        bearer: bool,
    },
    Claim {
        name: String,
        problem: ClaimProblem,
    },
    IdentityHeader {
        name: String,
        problem: ClaimProblem,
    },
    Misconfigured(String),
    KeysUnavailable {
        retry_after_s: u64,
    },
    IssuerUnavailable {
        retry_after_s: u64,
    },
    StoreUnavailable {
        retry_after_s: u64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::NoRule => f.write_str("no rule lists the path"),
            Self::OtherCase => {
                f.write_str("a rule lists the path only with letters in another case")
            }
            Self::Method { route } => write!(f, "the rules for {route} do not list the method"),
            Self::Credential(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::OtherIssuer => f.write_str("the token names no issuer that the route accepts"),
            Self::Inactive => f.write_str("the issuer says that the token is not active"),
            Self::Revoked(by) => write!(f, "the token was revoked: by its {by}"),
            Self::NotIssued => f.write_str("the token does not say when it was issued"),
            Self::LivesTooLong { lifetime_s } => {
                write!(
                    f,
                    "the token is valid for {lifetime_s} s, longer than it may be"
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
            Self::KeysUnavailable { retry_after_s } => {
                write!(
                    f,
                    "no keys of the issuer; next attempt in {retry_after_s} s"
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
        }
    }
}
