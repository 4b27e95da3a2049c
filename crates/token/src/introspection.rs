//! What an issuer answers when it is asked about an opaque token (RFC 7662).
//!
//! This module writes the question and judges the answer; it asks nobody. An answer is judged like the
//! claims of a signed token, by the same [`Expectations`]:
//!
//! 1. At most [`INTROSPECTION_BYTES_MAX`] of strict JSON, with a boolean `active`. Where that is false,
//!    nothing else in the answer matters.
//! 2. `iss`, when it is there, is the issuer that was asked; when not, that is put in its place.
//! 3. `aud` names an accepted audience. The policy says whether an answer without one is accepted: an
//!    endpoint that answers each client only for its own tokens need not name any. Such an answer has to
//!    have a `token_type`, which issuers leave out for a refresh token.
//! 4. `exp`, `nbf` and `iat` as in a signed token; without `exp`, the answer is good for as long as it
//!    may be cached, and at least for the request that it was asked for.
//! 5. It is no token that is bound to a key of whoever may use it, and none of another kind: a refresh
//!    token is active, too (RFC 7662 §4). `claims::kind` has the marks of each kind, for all tokens.
//!    `token_type`, when it is there, is `Bearer`.
//!
//! A member that is `null` is as good as absent, save `active`. A `sub` that is a whole number is read as its
//! decimal digits.

use std::fmt;

use doorward_syntax::form;
use serde_json::Value;

use crate::claims::{Evidence, VerifiedToken};
use crate::error::TokenError;
use crate::expect::Expectations;
use crate::json::{self, JsonError, Limits};
use crate::time::UnixTime;

/// The longest answer that is read.
pub const INTROSPECTION_BYTES_MAX: usize = 64 * 1024;

/// For how long an answer without `exp` is good at least, in seconds: for the request that it was asked
/// for, which may take a while.
pub const ANSWER_S_MIN: u64 = 10;

const LIMITS: Limits = Limits {
    depth_max: 16,
    values_max: 4096,
};

/// What to do with an answer that names no audience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingAudience {
    /// Refuse the token.
    #[default]
    Refuse,
    /// Take it to be for us: the endpoint answers only for tokens that are meant for the client that
    /// asks. An answer that names no `token_type` either is refused.
    Accept,
}

/// What the issuer says of a token.
#[derive(Debug)]
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::large_enum_variant,
        reason = "there is one at a time, and it is taken apart at once"
    )
)]
pub enum IntrospectionResponse {
    /// It is valid, and fulfils what is expected.
    Active(VerifiedToken),
    /// It is not valid (any more), or was never issued.
    Inactive,
}

/// Whether an error (RFC 6749 §5.2) speaks against the client that asks, not against the token that it
/// asks about.
#[must_use]
pub fn is_client_error(body: &[u8]) -> bool {
    let error = json::peek_string(body, "error");
    matches!(
        error.as_deref(),
        Some("invalid_client" | "unauthorized_client")
    )
}

/// Why an answer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntrospectionError {
    /// The answer is longer than [`INTROSPECTION_BYTES_MAX`].
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The answer is not an acceptable JSON object.
    Json(JsonError),
    /// `active` is missing or no boolean (RFC 7662 §2.2).
    Active,
    /// The token is valid, but neither `aud` nor `token_type` says that it is an access token.
    Untyped,
    /// The token is valid, but not what is expected.
    Token(TokenError),
}

impl IntrospectionError {
    /// Whether the token is to blame: asking again brings the same answer. Otherwise it is the endpoint,
    /// and nothing was learnt of the token.
    #[must_use]
    pub const fn is_verdict(&self) -> bool {
        match self {
            Self::TooLong { .. } | Self::Json(_) | Self::Active => false,
            Self::Untyped | Self::Token(_) => true,
        }
    }
}

impl fmt::Display for IntrospectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, bytes_max } => {
                write!(f, "the answer is {bytes} bytes long, more than {bytes_max}")
            }
            Self::Json(error) => write!(f, "the answer {error}"),
            Self::Active => f.write_str("the answer has no boolean `active`"),
            Self::Untyped => f.write_str(
                "the answer names neither `aud` nor `token_type`: it may be about a refresh token",
            ),
            Self::Token(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for IntrospectionError {}

/// The question (RFC 7662 §2.1), as `application/x-www-form-urlencoded`.
#[must_use]
pub fn request_body(token: &str) -> Vec<u8> {
    let mut body = Vec::new();
    form::push(&mut body, "token", token);
    form::push(&mut body, "token_type_hint", "access_token");
    body
}

/// Judges the answer for `token`. `cache_s` is for how long answers may be cached, in seconds.
///
/// # Errors
///
/// The answer cannot be read, or the token is valid but not what is expected.
pub fn parse(
    body: &[u8],
    token: &[u8],
    expect: &Expectations,
    missing_audience: MissingAudience,
    now: UnixTime,
    cache_s: u64,
) -> Result<IntrospectionResponse, IntrospectionError> {
    if body.len() > INTROSPECTION_BYTES_MAX {
        return Err(IntrospectionError::TooLong {
            bytes: body.len(),
            bytes_max: INTROSPECTION_BYTES_MAX,
        });
    }
    let mut members = json::parse_object(body, LIMITS).map_err(IntrospectionError::Json)?;
    match members.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Ok(IntrospectionResponse::Inactive),
        _ => return Err(IntrospectionError::Active),
    }
    // Some issuers write every member that they know.
    members.retain(|_, value| !value.is_null());
    // RFC 7662 §2.2 has a string. Some issuers count.
    if let Some(Value::Number(number)) = members.get("sub")
        && !number.is_f64()
    {
        let subject = number.to_string();
        members.insert("sub".to_owned(), subject.into());
    }
    let names_audience = members.contains_key("aud")
        || expect
            .audience_claim
            .as_ref()
            .is_some_and(|claim| claim.find(&members).is_ok());
    let without_audience = missing_audience == MissingAudience::Accept && !names_audience;
    if without_audience && !members.contains_key("token_type") {
        return Err(IntrospectionError::Untyped);
    }
    if !members.contains_key("iss") {
        members.insert("iss".to_owned(), expect.issuer.as_str().into());
    }
    if !members.contains_key("exp") {
        let expires_at = now.saturating_add(cache_s.max(ANSWER_S_MIN));
        members.insert("exp".to_owned(), expires_at.0.into());
    }
    let evidence = Evidence::Introspection { without_audience };
    VerifiedToken::new(members, evidence, token, expect, now)
        .map(IntrospectionResponse::Active)
        .map_err(IntrospectionError::Token)
}

#[cfg(test)]
mod tests;
