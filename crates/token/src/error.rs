//! Why a token was refused.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::claims::token_kinds::TokenKinds;
use crate::json::JsonProblem;
use crate::time::UnixTime;

/// One of the three parts of a compact JWS (RFC 7515 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The protected header.
    Header,
    /// The payload.
    Payload,
    /// The signature.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why a token was refused.
///
/// No variant holds a byte of the token, so an error may be logged. What a client may be told is
/// less: that is decided where the response is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The token is longer than [`TOKEN_BYTES_MAX`](crate::TOKEN_BYTES_MAX), or than its issuer's are to
    /// be.
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The token is not three parts with a dot between each (RFC 7515 §7.1).
    NotThreeParts,
    /// A part is not base64url without padding (RFC 7515 §2), or has bits set that no byte uses.
    Encoding {
        /// Which part.
        part: Part,
    },
    /// The header or the payload is not an acceptable JSON object.
    Json {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        problem: JsonProblem,
    },
    /// The header lacks a parameter.
    MissingParameter {
        /// The parameter.
        name: &'static str,
    },
    /// A header parameter has a value of the wrong type.
    ParameterType {
        /// The parameter.
        name: &'static str,
    },
    /// The header has a parameter that changes what a verifier has to do and that this one
    /// does not support (`crit`, `b64`, `zip`).
    UnsupportedParameter {
        /// The parameter.
        name: &'static str,
    },
    /// `kid` is longer than [`KEY_ID_BYTES_MAX`](crate::KEY_ID_BYTES_MAX).
    KeyIdTooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// `alg` is `none`, in whatever capitalisation.
    Unsecured,
    /// `alg` is not the name of a supported algorithm.
    UnsupportedAlgorithm,
    /// The issuer's tokens are not to be signed with this algorithm.
    AlgorithmNotAccepted {
        /// What the token says it is signed with.
        algorithm: Algorithm,
    },
    /// `typ` says that this is another kind of token than what is asked for (RFC 8725 §3.11).
    MediaType {
        /// Whether an RFC 9068 access token was asked for.
        access_token_profile: bool,
    },
    /// `typ` says that this is another kind of token than a logout token.
    NotLogoutToken,
    /// No key fits: none has the token's `kid`, and none without one verifies the token; or, for a token
    /// without `kid`, none can be used with the token's algorithm.
    UnknownKey {
        /// Whether the token names its key.
        named: bool,
    },
    /// There is a key with the token's `kid`, but not for the token's algorithm.
    KeyNotForAlgorithm {
        /// What the token says it is signed with.
        algorithm: Algorithm,
    },
    /// The signature is not one of the keys that fit.
    Signature {
        /// The algorithm it was checked with.
        algorithm: Algorithm,
        /// Whether the token names its key.
        named: bool,
        /// How many keys were tried.
        keys_tried: usize,
    },
    /// The signature is that of a key which is for the tokens of another issuer or tenant.
    KeyOfOtherIssuer,
    /// The token is bound to a key of whoever may use it (RFC 7800, RFC 8705 §3, RFC 9449 §6), and nothing
    /// proves the possession of that.
    Bound,
    /// A claim says that it is no token with which anybody is let in: a refresh token, say.
    OtherUse {
        /// The claim.
        claim: &'static str,
    },
    /// The token is marked as one of a kind that is not accepted.
    Kind {
        /// What is accepted.
        accepted: TokenKinds,
    },
    /// The payload has `events`: it is a security event (RFC 8417), not an access token.
    SecurityEvent,
    /// A required claim is missing.
    MissingClaim {
        /// The claim.
        name: &'static str,
    },
    /// A claim has a value of the wrong type.
    ClaimType {
        /// The claim.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A date is negative or beyond [`DATE_MAX_S`](crate::DATE_MAX_S).
    DateOutOfRange {
        /// The claim.
        name: &'static str,
    },
    /// A claim lists more values than the bound.
    TooManyValues {
        /// The claim.
        name: &'static str,
        /// The bound.
        count_max: usize,
    },
    /// The token has a claim that a token of its kind must not have.
    UnexpectedClaim {
        /// The claim.
        name: &'static str,
    },
    /// From `iat` to `exp` it is longer than the bound.
    LifetimeTooLong {
        /// How long it is, in seconds.
        lifetime_s: u64,
        /// The bound.
        lifetime_s_max: u64,
    },
    /// `iss` is not the issuer whose keys verified the token.
    Issuer,
    /// `aud` names none of the accepted audiences.
    Audience,
    /// The time of `exp` has come (RFC 7519 §4.1.4).
    Expired {
        /// When it was checked.
        now: UnixTime,
        /// `exp`.
        expires_at: UnixTime,
    },
    /// The time of `nbf` has not come yet (RFC 7519 §4.1.5).
    NotYetValid {
        /// When it was checked.
        now: UnixTime,
        /// `nbf`.
        not_before: UnixTime,
    },
    /// `iat` lies in the future.
    IssuedInFuture {
        /// When it was checked.
        now: UnixTime,
        /// `iat`.
        issued_at: UnixTime,
    },
}

impl TokenError {
    /// Whether the token's key is not known: no key fits or, for a token that does not name its key, no
    /// fitting key verifies it.
    #[must_use]
    pub const fn is_unknown_key(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. } | Self::Signature { named: false, .. }
        )
    }

    /// Whether newer keys of the issuer may verify the token: its key is not known, or the issuer may have
    /// put another key under that name.
    #[must_use]
    pub const fn may_have_newer_key(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. } | Self::Signature { .. } | Self::KeyNotForAlgorithm { .. }
        )
    }

    /// Whether nothing but the token's age speaks against it.
    #[must_use]
    pub const fn is_expired(&self) -> bool {
        matches!(self, Self::Expired { .. })
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, bytes_max } => {
                write!(f, "the token is {bytes} bytes long, more than {bytes_max}")
            }
            Self::NotThreeParts => f.write_str("the token is not a compact JWS of three parts"),
            Self::Encoding { part } => write!(f, "the {part} is not strict base64url"),
            Self::Json { part, problem } => write!(f, "the {part} {problem}"),
            Self::MissingParameter { name } => write!(f, "the header lacks `{name}`"),
            Self::ParameterType { name } => write!(f, "the header's `{name}` is not a string"),
            Self::UnsupportedParameter { name } => {
                write!(f, "the header has `{name}`, which is not supported")
            }
            Self::KeyIdTooLong { bytes, bytes_max } => {
                write!(
                    f,
                    "the header's `kid` is {bytes} bytes long, more than {bytes_max}"
                )
            }
            Self::Unsecured => f.write_str("the token is not signed (`alg` is `none`)"),
            Self::UnsupportedAlgorithm => {
                f.write_str("the header's `alg` is not a supported algorithm")
            }
            Self::AlgorithmNotAccepted { algorithm } => {
                write!(
                    f,
                    "the issuer's tokens are not to be signed with {algorithm}"
                )
            }
            Self::MediaType {
                access_token_profile: true,
            } => f.write_str("the header's `typ` is not `at+jwt`"),
            Self::MediaType {
                access_token_profile: false,
            } => f.write_str("the header's `typ` is neither `JWT` nor `at+jwt`"),
            Self::NotLogoutToken => {
                f.write_str("the header's `typ` is neither `JWT` nor `logout+jwt`")
            }
            Self::UnknownKey { named: true } => {
                f.write_str("the issuer has no key with the token's `kid`")
            }
            Self::UnknownKey { named: false } => {
                f.write_str("the token names no key and the issuer has none for its algorithm")
            }
            Self::KeyNotForAlgorithm { algorithm } => {
                write!(f, "the key with the token's `kid` is not for {algorithm}")
            }
            Self::Signature {
                algorithm,
                keys_tried,
                ..
            } => {
                write!(
                    f,
                    "the {algorithm} signature is wrong (keys tried: {keys_tried})"
                )
            }
            Self::KeyOfOtherIssuer => {
                f.write_str("the signature is that of a key which is for another issuer or tenant")
            }
            Self::Bound => f.write_str("the token is bound to a key, it is no bearer token"),
            Self::OtherUse { claim } => {
                write!(f, "the token is no access token, says the claim `{claim}`")
            }
            Self::Kind {
                accepted: TokenKinds::Id,
            } => f.write_str("the token is marked as an access token, it is no ID token"),
            Self::Kind { .. } => {
                f.write_str("the token is marked as an ID token, it is no access token")
            }
            Self::SecurityEvent => {
                f.write_str("the token tells of an event, it is no access token")
            }
            Self::MissingClaim { name } => write!(f, "the claim `{name}` is missing"),
            Self::ClaimType { name, expected } => write!(f, "the claim `{name}` is not {expected}"),
            Self::DateOutOfRange { name } => {
                write!(f, "the claim `{name}` is not a date between 1970 and 9999")
            }
            Self::TooManyValues { name, count_max } => {
                write!(f, "the claim `{name}` lists more than {count_max} values")
            }
            Self::UnexpectedClaim { name } => {
                write!(f, "the claim `{name}` does not belong in such a token")
            }
            Self::LifetimeTooLong {
                lifetime_s,
                lifetime_s_max,
            } => write!(
                f,
                "the token lives for {lifetime_s} s, the bound is {lifetime_s_max} s"
            ),
            Self::Issuer => f.write_str("the claim `iss` is not the expected issuer"),
            Self::Audience => f.write_str("the claim `aud` names no accepted audience"),
            Self::Expired { now, expires_at } => {
                write!(f, "the token expired at {expires_at}, now is {now}")
            }
            Self::NotYetValid { now, not_before } => {
                write!(
                    f,
                    "the token is not valid before {not_before}, now is {now}"
                )
            }
            Self::IssuedInFuture { now, issued_at } => {
                write!(
                    f,
                    "the token was issued in the future, at {issued_at}, now is {now}"
                )
            }
        }
    }
}

impl std::error::Error for TokenError {}
