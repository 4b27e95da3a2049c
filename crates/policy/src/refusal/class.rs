//! The classes of refusals, and what is sent for each of them.

use core::fmt;

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
/// | policy unavailable | 503 | | yes |
/// | keys unavailable | 503 | | yes |
/// | issuer unavailable | 503 | | yes |
/// | store unavailable | 503 | | yes |
/// | target too long | 414 | | |
/// | headers too large | 431 | | |
/// | body too large | 413 | | |
/// | unsupported media type | 415 | | |
/// | request timeout | 408 | | |
/// | rate limited | 429 | | yes |
/// | loop detected | 508 | | |
/// | bad gateway | 502 | | |
/// | upstream unavailable | 503 | | yes |
/// | gateway timeout | 504 | | |
/// | not implemented | 501 | | |
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
    /// There is no policy, or none that is still valid: it is fetched, and cannot be had.
    #[cfg(feature = "bundle")]
    PolicyUnavailable,
    /// The token cannot be judged, because the keys of its issuer cannot be had.
    KeysUnavailable,
    /// The token cannot be judged, because its issuer cannot be asked about it.
    IssuerUnavailable,
    /// The credential cannot be judged, because the store cannot be read: whether a token was revoked,
    /// or which API keys there are.
    StoreUnavailable,
    /// Path and query are longer than the route allows, or than any may be, or a token in the query is longer
    /// than its issuer's (RFC 9110 section 15.5.15).
    TargetTooLong,
    /// There are more or larger header fields than the route allows, or a token is longer than its issuer's
    /// (RFC 6585 section 5).
    HeadersTooLarge,
    /// The body is longer than the route allows (RFC 9110 section 15.5.14).
    BodyTooLarge,
    /// The body is of a media type that the route does not allow (RFC 9110 section 15.5.16).
    UnsupportedMediaType,
    /// The body did not go on in time (RFC 9110 section 15.5.9).
    RequestTimeout,
    /// There were too many requests like this one (RFC 6585 section 4).
    RateLimited,
    /// The request has been here before (RFC 8586, RFC 5842 section 7.2).
    LoopDetected,
    /// The upstream could not be reached, or gave no answer that could be handed on (RFC 9110
    /// section 15.6.3).
    BadGateway,
    /// The upstream is not asked at the moment (RFC 9110 section 15.6.4).
    UpstreamUnavailable,
    /// The upstream did not answer in time (RFC 9110 section 15.6.5).
    GatewayTimeout,
    /// A WebSocket is asked for, which no component can have (RFC 9110 section 15.6.2).
    NotImplemented,
}

impl Class {
    /// Every class.
    pub const ALL: &'static [Self] = &[
        Self::MalformedRequest,
        Self::MalformedCredential,
        Self::NoCredential,
        Self::InvalidToken,
        Self::InvalidCredential,
        Self::InsufficientScope,
        Self::Forbidden,
        Self::Misconfigured,
        #[cfg(feature = "bundle")]
        Self::PolicyUnavailable,
        Self::KeysUnavailable,
        Self::IssuerUnavailable,
        Self::StoreUnavailable,
        Self::TargetTooLong,
        Self::HeadersTooLarge,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::RequestTimeout,
        Self::RateLimited,
        Self::LoopDetected,
        Self::BadGateway,
        Self::UpstreamUnavailable,
        Self::GatewayTimeout,
        Self::NotImplemented,
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

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.mapping().title
    }

    /// The status code of gRPC: what its clients do upon it is what those of HTTP do upon the class. A client of gRPC
    /// takes every 4xx but a few for a fault of its server, and does not see the problem document.
    #[must_use]
    pub fn grpc_status(self) -> u8 {
        match self {
            // INVALID_ARGUMENT
            Self::MalformedRequest | Self::TargetTooLong | Self::UnsupportedMediaType => 3,
            // PERMISSION_DENIED
            Self::InsufficientScope | Self::Forbidden => 7,
            // RESOURCE_EXHAUSTED
            Self::HeadersTooLarge | Self::BodyTooLarge | Self::RateLimited => 8,
            // UNIMPLEMENTED
            Self::NotImplemented => 12,
            // INTERNAL
            Self::Misconfigured | Self::LoopDetected => 13,
            #[cfg(feature = "bundle")]
            Self::PolicyUnavailable => 14,
            // UNAVAILABLE: it may work later
            Self::KeysUnavailable
            | Self::IssuerUnavailable
            | Self::StoreUnavailable
            | Self::RequestTimeout
            | Self::BadGateway
            | Self::UpstreamUnavailable
            | Self::GatewayTimeout => 14,
            // UNAUTHENTICATED
            Self::MalformedCredential
            | Self::NoCredential
            | Self::InvalidToken
            | Self::InvalidCredential => 16,
        }
    }

    /// The one mapping from a class to what is sent. The match is exhaustive, so a class that is
    /// added without an answer does not compile.
    pub(super) fn mapping(self) -> Mapping {
        match self {
            Self::MalformedRequest => Mapping {
                name: "malformed-request",
                status: 400,
                title: "The request is malformed",
                challenge: None,
            },
            Self::MalformedCredential => Mapping {
                name: "malformed-credential",
                status: 400,
                title: "The credential is malformed",
                challenge: Some(Challenge::Error("invalid_request")),
            },
            Self::NoCredential => Mapping {
                name: "no-credential",
                status: 401,
                title: "A credential is required",
                // RFC 6750 section 3.1: no error code when the request lacks any credential.
                challenge: Some(Challenge::Plain),
            },
            Self::InvalidToken => Mapping {
                name: "invalid-token",
                status: 401,
                title: "The bearer token is not valid",
                challenge: Some(Challenge::Error("invalid_token")),
            },
            Self::InvalidCredential => Mapping {
                name: "invalid-credential",
                status: 401,
                title: "The credential is not valid",
                challenge: Some(Challenge::Plain),
            },
            Self::InsufficientScope => Mapping {
                name: "insufficient-scope",
                status: 403,
                title: "The credential lacks a scope",
                challenge: Some(Challenge::Error("insufficient_scope")),
            },
            Self::Forbidden => Mapping {
                name: "forbidden",
                status: 403,
                title: "The request is not allowed",
                challenge: None,
            },
            Self::Misconfigured => Mapping {
                name: "misconfigured",
                status: 500,
                title: "The request cannot be judged",
                challenge: None,
            },
            #[cfg(feature = "bundle")]
            Self::PolicyUnavailable => Mapping {
                name: "policy-unavailable",
                status: 503,
                title: "The request cannot be judged at the moment",
                challenge: None,
            },
            Self::KeysUnavailable => Mapping {
                name: "keys-unavailable",
                status: 503,
                title: "The request cannot be judged at the moment",
                challenge: None,
            },
            Self::IssuerUnavailable => Mapping {
                name: "issuer-unavailable",
                status: 503,
                title: "The request cannot be judged at the moment",
                challenge: None,
            },
            Self::StoreUnavailable => Mapping {
                name: "store-unavailable",
                status: 503,
                title: "The request cannot be judged at the moment",
                challenge: None,
            },
            Self::TargetTooLong => Mapping {
                name: "target-too-long",
                status: 414,
                title: "The request target is too long",
                challenge: None,
            },
            Self::HeadersTooLarge => Mapping {
                name: "headers-too-large",
                status: 431,
                title: "The header fields are too many or too large",
                challenge: None,
            },
            Self::BodyTooLarge => Mapping {
                name: "body-too-large",
                status: 413,
                title: "The body is too long",
                challenge: None,
            },
            Self::UnsupportedMediaType => Mapping {
                name: "unsupported-media-type",
                status: 415,
                title: "The body is of a media type that is not accepted",
                challenge: None,
            },
            Self::RequestTimeout => Mapping {
                name: "request-timeout",
                status: 408,
                title: "The body did not go on in time",
                challenge: None,
            },
            Self::RateLimited => Mapping {
                name: "rate-limited",
                status: 429,
                title: "There were too many requests",
                challenge: None,
            },
            Self::LoopDetected => Mapping {
                name: "loop-detected",
                status: 508,
                title: "The request has been here before",
                challenge: None,
            },
            Self::BadGateway => Mapping {
                name: "bad-gateway",
                status: 502,
                title: "The service gave no proper answer",
                challenge: None,
            },
            Self::UpstreamUnavailable => Mapping {
                name: "upstream-unavailable",
                status: 503,
                title: "The service is not available at the moment",
                challenge: None,
            },
            Self::GatewayTimeout => Mapping {
                name: "gateway-timeout",
                status: 504,
                title: "The service did not answer in time",
                challenge: None,
            },
            Self::NotImplemented => Mapping {
                name: "not-implemented",
                status: 501,
                title: "WebSockets are not supported here",
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

pub(super) struct Mapping {
    name: &'static str,
    status: u16,
    /// What it is, for people: printable ASCII without what JSON or a `grpc-message` would have to escape.
    title: &'static str,
    pub(super) challenge: Option<Challenge>,
}

pub(super) enum Challenge {
    Plain,
    Error(&'static str),
}
