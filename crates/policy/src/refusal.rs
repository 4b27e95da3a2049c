//! Refusals: the one place that says what a client learns of them.

use core::fmt;

use doorward_token::TokenError;

use crate::claim::ClaimProblem;
use crate::credential::CredentialError;
use crate::decision::Pending;
use crate::target::TargetError;

/// The protection space of RFC 9110 section 11.5: one for all routes, so that a challenge tells
/// nothing about how the application is divided.
pub const REALM: &str = "doorward";
/// Longest time that a client is asked to wait, in seconds.
pub const RETRY_AFTER_S_MAX: u64 = 3600;

/// What a client learns of a refusal. Everything that it is sent follows from this, save for the
/// scope that is lacking and the time to wait.
///
/// | class | status | `WWW-Authenticate` | `Retry-After` |
/// |---|---|---|---|
/// | malformed request | 400 | | |
/// | malformed credential | 400 | `error="invalid_request"` | |
/// | no credential | 401 | without `error` | |
/// | invalid token | 401 | `error="invalid_token"` | |
/// | insufficient scope | 403 | `error="insufficient_scope"`, `scope` | |
/// | forbidden | 403 | | |
/// | misconfigured | 500 | | |
/// | keys unavailable | 503 | | yes |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The request target or the method is malformed, or ambiguous.
    MalformedRequest,
    /// There is more than one `Authorization` field, or one that cannot be read.
    MalformedCredential,
    /// There is no credential, or one of a scheme that is not in use here.
    NoCredential,
    /// The token is not genuine, not valid now, or not of an issuer that the route accepts. Which
    /// of these it is, only the log says.
    InvalidToken,
    /// The token is good, and lacks a scope that the route asks for.
    InsufficientScope,
    /// Nothing that the caller could present changes the answer: no rule lists this path and
    /// method, or the token does not have the claims that the rule asks for.
    Forbidden,
    /// The gate itself is set up wrongly, or cannot do what it was set up for.
    Misconfigured,
    /// The token cannot be judged, because the keys of its issuer cannot be had.
    KeysUnavailable,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 8] = [
        Self::MalformedRequest,
        Self::MalformedCredential,
        Self::NoCredential,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::Forbidden,
        Self::Misconfigured,
        Self::KeysUnavailable,
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
                problem: br#"{"type":"urn:problem-type:doorward:malformed-credential","title":"The Authorization field is malformed","status":400}"#,
                challenge: Some(Challenge::Error("invalid_request")),
            },
            Self::NoCredential => Mapping {
                name: "no-credential",
                status: 401,
                problem: br#"{"type":"urn:problem-type:doorward:no-credential","title":"A bearer token is required","status":401}"#,
                // RFC 6750 section 3.1: no error code when the request lacks any credential.
                challenge: Some(Challenge::Plain),
            },
            Self::InvalidToken => Mapping {
                name: "invalid-token",
                status: 401,
                problem: br#"{"type":"urn:problem-type:doorward:invalid-token","title":"The bearer token is not valid","status":401}"#,
                challenge: Some(Challenge::Error("invalid_token")),
            },
            Self::InsufficientScope => Mapping {
                name: "insufficient-scope",
                status: 403,
                problem: br#"{"type":"urn:problem-type:doorward:insufficient-scope","title":"The bearer token lacks a scope","status":403}"#,
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
}

impl Refusal {
    /// The token was not accepted.
    #[must_use]
    pub fn invalid_token(_pending: &Pending<'_, '_>, error: TokenError) -> Self {
        Self::because(Reason::Token(error))
    }

    /// The token names no issuer that the route accepts.
    #[must_use]
    pub fn unknown_issuer(_pending: &Pending<'_, '_>) -> Self {
        Self::because(Reason::OtherIssuer)
    }

    /// The keys of the token's issuer cannot be had. The client is asked to come back later, at
    /// least 1 and at most [`RETRY_AFTER_S_MAX`] seconds.
    #[must_use]
    pub fn keys_unavailable(retry_after_s: u64) -> Self {
        Self::because(Reason::KeysUnavailable {
            retry_after_s: retry_after_s.clamp(1, RETRY_AFTER_S_MAX),
        })
    }

    /// The gate is set up wrongly. The reason goes to the log.
    #[must_use]
    pub fn misconfigured(reason: impl Into<String>) -> Self {
        Self::because(Reason::Misconfigured(reason.into()))
    }

    pub(crate) fn because(reason: Reason) -> Self {
        Self { reason }
    }

    /// What the client learns.
    #[must_use]
    pub fn class(&self) -> Class {
        match &self.reason {
            Reason::Target(_) => Class::MalformedRequest,
            Reason::Credential(error) => match error {
                CredentialError::Missing | CredentialError::OtherScheme => Class::NoCredential,
                CredentialError::Repeated { .. }
                | CredentialError::NoScheme
                | CredentialError::NotOneToken => Class::MalformedCredential,
            },
            Reason::Token(_) | Reason::OtherIssuer => Class::InvalidToken,
            Reason::Scope { .. } => Class::InsufficientScope,
            Reason::NoRule
            | Reason::OtherCase
            | Reason::Method { .. }
            | Reason::Claim { .. }
            | Reason::IdentityHeader { .. } => Class::Forbidden,
            Reason::Misconfigured(_) => Class::Misconfigured,
            Reason::KeysUnavailable { .. } => Class::KeysUnavailable,
        }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.class().status()
    }

    /// The value of `WWW-Authenticate` (RFC 9110 section 11.6.1, RFC 6750 section 3).
    #[must_use]
    pub fn www_authenticate(&self) -> Option<String> {
        let error = match self.class().mapping().challenge? {
            Challenge::Plain => return Some(format!("Bearer realm=\"{REALM}\"")),
            Challenge::Error(error) => error,
        };
        let mut challenge = format!("Bearer realm=\"{REALM}\", error=\"{error}\"");
        if let Reason::Scope { required, .. } = &self.reason {
            // The policy accepts only scope tokens of RFC 6749 section 3.3, which have nothing in
            // them that a quoted string would have to escape.
            challenge.push_str(", scope=\"");
            challenge.push_str(required);
            challenge.push('"');
        }
        Some(challenge)
    }

    /// The value of `Retry-After` in seconds (RFC 9110 section 10.2.3).
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self.reason {
            Reason::KeysUnavailable { retry_after_s } => Some(retry_after_s),
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
    Method { route: Box<str> },
    Credential(CredentialError),
    Token(TokenError),
    OtherIssuer,
    Scope { missing: String, required: String },
    Claim { name: String, problem: ClaimProblem },
    IdentityHeader { name: String, problem: ClaimProblem },
    Misconfigured(String),
    KeysUnavailable { retry_after_s: u64 },
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
            Self::Scope { missing, .. } => write!(f, "the token lacks the scope {missing}"),
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
        }
    }
}
