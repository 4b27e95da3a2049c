//! The credential of a request: the `Authorization` field, and nothing else.
//!
//! RFC 6750 knows two more places for a token, a form body and a query parameter. Both end up in
//! logs and caches and are not looked at.
//!
//! What is read is `Bearer` in any case, one space, and a `b64token` (RFC 6750 section 2.1):
//!
//! - No field, or one field of another scheme: there is no credential that could be used. The
//!   answer is a challenge without an error code (RFC 6750 section 3.1, last paragraph).
//! - More than one field: refused as malformed, whatever is in them. `Authorization` is no list
//!   (RFC 9110 section 11.6.2), and the gate and an upstream could read different ones.
//! - `Bearer` that is followed by something else: `invalid_request`. RFC 9110 section 11.4 would
//!   allow several spaces; one is what clients send, and what every parser reads alike.

use core::fmt;

/// What is wrong with the `Authorization` of a request. It is for the log and holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialError {
    /// There is no credential.
    Missing,
    /// The credential is of another scheme than `Bearer`.
    OtherScheme,
    /// There is more than one field.
    Repeated { fields: usize },
    /// The field does not begin with an authentication scheme.
    NoScheme,
    /// `Bearer` without one space and a token of the right characters after it.
    NotOneToken,
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no credential"),
            Self::OtherScheme => f.write_str("a credential of another scheme than Bearer"),
            Self::Repeated { fields } => write!(f, "{fields} Authorization fields"),
            Self::NoScheme => f.write_str("Authorization without an authentication scheme"),
            Self::NotOneToken => f.write_str("Bearer without exactly one token after one space"),
        }
    }
}

/// Refuses more than one `Authorization` field.
pub(crate) fn check_single(fields: &[Vec<u8>]) -> Result<(), CredentialError> {
    if fields.len() > 1 {
        return Err(CredentialError::Repeated {
            fields: fields.len(),
        });
    }
    Ok(())
}

/// The bearer token of a request.
pub(crate) fn bearer(fields: &[Vec<u8>]) -> Result<&str, CredentialError> {
    check_single(fields)?;
    let Some(field) = fields.first() else {
        return Err(CredentialError::Missing);
    };
    let scheme_bytes = field
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(field.len());
    let (scheme, after) = field.split_at_checked(scheme_bytes).unwrap_or_default();
    // RFC 9110 section 11.1: auth-scheme = token, case-insensitive.
    if scheme.is_empty()
        || !scheme
            .iter()
            .all(|&byte| crate::target::is_token_byte(byte))
    {
        return Err(CredentialError::NoScheme);
    }
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(CredentialError::OtherScheme);
    }
    match after.split_first() {
        Some((b' ', token)) if is_b64token(token) => {
            core::str::from_utf8(token).map_err(|_| CredentialError::NotOneToken)
        }
        _ => Err(CredentialError::NotOneToken),
    }
}

/// RFC 6750 section 2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b64token(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = token.len() - padding;
    body > 0
        && token
            .iter()
            .take(body)
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}
