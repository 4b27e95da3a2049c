//! What a verified token says, and whether that is what was expected.
//!
//! A claim of the wrong type is refused and never treated as absent: an issuer that writes
//! `"exp": "1700000000"` has made a mistake, and a verifier that looks away from it accepts tokens
//! for ever.
//!
//! A `NumericDate` (RFC 7519 §2) may have a fraction. `exp` is rounded down, `nbf` and `iat` are
//! rounded up, so that rounding never makes a token valid at a time at which it is not. Dates before
//! 1970 and after 9999 are refused; the latter are milliseconds taken for seconds, or worse.

use std::fmt;

use serde_json::{Map, Value};

use crate::principal::Claims;
use crate::revocation::{self, Digest};
use crate::token::MediaType;
use crate::{Algorithm, AlgorithmSet, TokenError, UnixTime};

/// The leeway of an issuer that does not set one, in seconds.
pub const LEEWAY_S_DEFAULT: u64 = 60;

/// The most leeway that is given, whatever [`Expectations`] say, in seconds.
pub const LEEWAY_S_MAX: u64 = 300;

/// The last second of the year 9999: the last date that a token may hold.
pub const DATE_MAX_S: u64 = 253_402_300_799;

/// The most audiences that a token may name.
pub const AUDIENCES_MAX: usize = 64;

/// The most scopes that a token may hold.
pub const SCOPES_MAX: usize = 256;

/// What a token of one issuer has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// `iss`, compared byte for byte (RFC 7519 §4.1.1, RFC 8725 §3.8).
    pub issuer: String,
    /// The audiences of which `aud` has to name one, compared byte for byte (RFC 7519 §4.1.3). An
    /// empty list accepts no token.
    pub audience: Vec<String>,
    /// The algorithms that the issuer signs with (RFC 8725 §3.1).
    pub algorithms: AlgorithmSet,
    /// By how many seconds the clocks may differ; more than [`LEEWAY_S_MAX`] counts as that.
    pub leeway_s: u64,
    /// Whether the tokens follow RFC 9068, which demands a `typ` and some claims more.
    pub access_token_profile: bool,
}

/// How it was found out that a token is genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By its signature, with a key of the issuer.
    Signature,
    /// By asking the issuer (RFC 7662).
    Introspection,
}

/// A [`Proof`] with what has to be looked at again on each use.
pub(crate) enum Evidence {
    Signature {
        algorithm: Algorithm,
        media_type: MediaType,
        key_id: Option<String>,
    },
    Introspection {
        /// The answer names no audience, and the policy takes it to be for us.
        without_audience: bool,
    },
}

/// A token whose signature and claims have been checked.
///
/// Only [`UnverifiedToken::verify`](crate::UnverifiedToken::verify) and the introspection of an opaque
/// token make one. `Debug` prints no claim.
pub struct VerifiedToken {
    evidence: Evidence,
    issuer: String,
    audience: Vec<String>,
    expires_at: UnixTime,
    not_before: Option<UnixTime>,
    issued_at: Option<UnixTime>,
    token_id: Option<String>,
    text_digest: Option<Digest>,
    claims: Claims,
}

impl VerifiedToken {
    /// To be called with a payload whose signature was verified, and with no other. `text` is what a
    /// token without a name is revoked by: the signing input, or the text of an opaque token.
    pub(crate) fn new(
        claims: Map<String, Value>,
        evidence: Evidence,
        text: &[u8],
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<Self, TokenError> {
        let issuer = required(string(&claims, "iss")?, "iss")?;
        let token_id = string(&claims, "jti")?;
        let text_digest = match (&evidence, &token_id) {
            // Whoever revokes an opaque token may not know its `jti`.
            (Evidence::Introspection { .. }, _) => Some(revocation::opaque_digest(&issuer, text)),
            (Evidence::Signature { .. }, None) => Some(revocation::text_digest(&issuer, text)),
            (Evidence::Signature { .. }, Some(_)) => None,
        };
        // RFC 8417 §2.2, §4.5: what has `events` tells of something that happened, and is no credential.
        if claims.contains_key("events") {
            return Err(TokenError::SecurityEvent);
        }
        let token = Self {
            text_digest,
            issuer,
            audience: match (audience(&claims)?, &evidence) {
                (Some(audience), _) => audience,
                (
                    None,
                    Evidence::Introspection {
                        without_audience: true,
                    },
                ) => Vec::new(),
                (None, _) => return Err(TokenError::MissingClaim { name: "aud" }),
            },
            expires_at: required(date(&claims, "exp", Rounding::Down)?, "exp")?,
            not_before: date(&claims, "nbf", Rounding::Up)?,
            issued_at: date(&claims, "iat", Rounding::Up)?,
            token_id,
            claims: Claims::new(string(&claims, "sub")?, scopes(&claims)?, claims),
            evidence,
        };
        token.recheck(expect, now)?;
        Ok(token)
    }

    /// Checks everything but the signature again: the algorithm, `typ`, issuer, audience and time.
    ///
    /// To be called whenever a token is taken from a cache, where it may have waited while time
    /// passed or expectations changed.
    ///
    /// # Errors
    ///
    /// What speaks against the token first.
    pub fn recheck(&self, expect: &Expectations, now: UnixTime) -> Result<(), TokenError> {
        let (signed, without_audience) = match self.evidence {
            Evidence::Signature {
                algorithm,
                media_type,
                ..
            } => {
                check_header(algorithm, media_type, expect)?;
                (true, false)
            }
            Evidence::Introspection { without_audience } => (false, without_audience),
        };
        if self.issuer != expect.issuer {
            return Err(TokenError::Issuer);
        }
        let is_accepted = |name| expect.audience.contains(name);
        if !without_audience && !self.audience.iter().any(is_accepted) {
            return Err(TokenError::Audience);
        }
        // RFC 9068 is about signed tokens only.
        if signed && expect.access_token_profile {
            self.check_access_token_profile()?;
        }
        let times = Times {
            expires_at: self.expires_at,
            not_before: self.not_before,
            issued_at: self.issued_at,
        };
        times.check(expect.leeway_s, now)
    }

    /// RFC 9068 §2.2: claims that an access token has to have beyond those that every token has to.
    fn check_access_token_profile(&self) -> Result<(), TokenError> {
        required(self.subject(), "sub")?;
        match self.claim("client_id") {
            Some(Value::String(_)) => {}
            Some(_) => return Err(not_a_string("client_id")),
            None => return Err(TokenError::MissingClaim { name: "client_id" }),
        }
        required(self.issued_at, "iat")?;
        required(self.token_id.as_ref(), "jti")?;
        Ok(())
    }

    /// How it was found out that the token is genuine.
    #[must_use]
    pub fn proof(&self) -> Proof {
        match self.evidence {
            Evidence::Signature { .. } => Proof::Signature,
            Evidence::Introspection { .. } => Proof::Introspection,
        }
    }

    /// What the token was signed with; `None` where that was not what was checked.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self.evidence {
            Evidence::Signature { algorithm, .. } => Some(algorithm),
            Evidence::Introspection { .. } => None,
        }
    }

    /// The `kid` of the token's header.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match &self.evidence {
            Evidence::Signature { key_id, .. } => key_id.as_deref(),
            Evidence::Introspection { .. } => None,
        }
    }

    /// What the token says of its principal.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }

    /// `aud`, as a list also where the token has a single string.
    #[must_use]
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// `exp`, rounded down.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// `nbf`, rounded up.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.not_before
    }

    /// `iat`, rounded up.
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// `jti`.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// What the token is revoked by, where that is its text.
    pub(crate) fn text_digest(&self) -> Option<&Digest> {
        self.text_digest.as_ref()
    }

    /// The scopes: the words of `scope` (RFC 8693 §4.2, RFC 9068 §2.2.3) or, where there is no
    /// `scope`, of `scp`, which may also be a list.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.claims.scopes()
    }

    /// A claim as it was written.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.claim(name)
    }

    /// About how many bytes of memory the token takes, rather more than less.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let texts = [Some(self.issuer.as_str()), self.token_id(), self.key_id()];
        size_of::<Self>()
            + texts.into_iter().flatten().map(str::len).sum::<usize>()
            + self
                .audience
                .iter()
                .map(|text| size_of::<String>() + text.len())
                .sum::<usize>()
            + self.claims.memory_bytes()
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("proof", &self.proof())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The times that bound the use of a token.
pub(crate) struct Times {
    pub(crate) expires_at: UnixTime,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
}

impl Times {
    /// Compares them with the clock, more leeway than [`LEEWAY_S_MAX`] counting as that.
    pub(crate) fn check(&self, leeway_s: u64, now: UnixTime) -> Result<(), TokenError> {
        let leeway_s = leeway_s.min(LEEWAY_S_MAX);
        // RFC 7519 §4.1.4: not to be accepted "on or after" the time of `exp`.
        if now >= self.expires_at.saturating_add(leeway_s) {
            return Err(TokenError::Expired {
                now,
                expires_at: self.expires_at,
            });
        }
        let latest = now.saturating_add(leeway_s);
        // RFC 7519 §4.1.5: not to be accepted "before" the time of `nbf`.
        if let Some(not_before) = self.not_before
            && latest < not_before
        {
            return Err(TokenError::NotYetValid { now, not_before });
        }
        // RFC 7519 §4.1.6 leaves the use of `iat` open. A token that was issued tomorrow is a
        // mistake or a fraud.
        if let Some(issued_at) = self.issued_at
            && latest < issued_at
        {
            return Err(TokenError::IssuedInFuture { now, issued_at });
        }
        Ok(())
    }
}

/// What the header has to be; looked at before the signature, and again on each use.
pub(crate) fn check_header(
    algorithm: Algorithm,
    media_type: MediaType,
    expect: &Expectations,
) -> Result<(), TokenError> {
    // RFC 8725 §3.1: only algorithms that were chosen beforehand.
    if !expect.algorithms.contains(algorithm) {
        return Err(TokenError::AlgorithmNotAccepted { algorithm });
    }
    // RFC 8725 §3.11, RFC 9068 §4: a logout token or a security event of the same issuer is not an
    // access token, even when its claims look like one.
    let accepted = match media_type {
        MediaType::AccessToken => true,
        MediaType::Absent | MediaType::Jwt => !expect.access_token_profile,
        MediaType::LogoutToken | MediaType::Other => false,
    };
    if accepted {
        Ok(())
    } else {
        Err(TokenError::MediaType {
            access_token_profile: expect.access_token_profile,
        })
    }
}

pub(crate) fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, TokenError> {
    claim.ok_or(TokenError::MissingClaim { name })
}

pub(crate) fn string(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(not_a_string(name)),
    }
}

fn not_a_string(name: &'static str) -> TokenError {
    TokenError::ClaimType {
        name,
        expected: "a string",
    }
}

/// RFC 7519 §4.1.3: a string or a list of strings.
pub(crate) fn audience(claims: &Map<String, Value>) -> Result<Option<Vec<String>>, TokenError> {
    const NAME: &str = "aud";
    match claims.get(NAME) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(vec![text.clone()])),
        Some(Value::Array(values)) => strings(values, NAME, AUDIENCES_MAX).map(Some),
        Some(_) => Err(TokenError::ClaimType {
            name: NAME,
            expected: STRING_OR_LIST,
        }),
    }
}

fn scopes(claims: &Map<String, Value>) -> Result<Vec<String>, TokenError> {
    // A `scp` of the wrong type is refused even where `scope` makes it irrelevant.
    let listed = match claims.get("scp") {
        None => Vec::new(),
        Some(Value::String(text)) => words(text, "scp")?,
        Some(Value::Array(values)) => strings(values, "scp", SCOPES_MAX)?,
        Some(_) => {
            return Err(TokenError::ClaimType {
                name: "scp",
                expected: STRING_OR_LIST,
            });
        }
    };
    match string(claims, "scope")? {
        Some(text) => words(&text, "scope"),
        None => Ok(listed),
    }
}

const STRING_OR_LIST: &str = "a string or a list of strings";

/// RFC 6749 §3.3: words with a space between each.
fn words(text: &str, name: &'static str) -> Result<Vec<String>, TokenError> {
    let words: Vec<String> = text
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(SCOPES_MAX + 1)
        .map(str::to_owned)
        .collect();
    if words.len() > SCOPES_MAX {
        return Err(TokenError::TooManyValues {
            name,
            count_max: SCOPES_MAX,
        });
    }
    Ok(words)
}

fn strings(
    values: &[Value],
    name: &'static str,
    count_max: usize,
) -> Result<Vec<String>, TokenError> {
    if values.len() > count_max {
        return Err(TokenError::TooManyValues { name, count_max });
    }
    values
        .iter()
        .map(|value| match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(TokenError::ClaimType {
                name,
                expected: STRING_OR_LIST,
            }),
        })
        .collect()
}

#[derive(Clone, Copy)]
pub(crate) enum Rounding {
    Down,
    Up,
}

/// RFC 7519 §2: a `NumericDate`.
pub(crate) fn date(
    claims: &Map<String, Value>,
    name: &'static str,
    rounding: Rounding,
) -> Result<Option<UnixTime>, TokenError> {
    let number = match claims.get(name) {
        None => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(_) => {
            return Err(TokenError::ClaimType {
                name,
                expected: "a number",
            });
        }
    };
    let seconds = match (number.as_u64(), number.as_f64()) {
        (Some(seconds), _) => Some(seconds),
        // Negative integers come as floats here and fall out of the range, as -0.0 does not: it
        // is a zero that nobody writes, and no harm.
        (None, Some(seconds)) => whole_seconds(seconds, rounding),
        (None, None) => None,
    };
    match seconds {
        Some(seconds) if seconds <= DATE_MAX_S => Ok(Some(UnixTime(seconds))),
        _ => Err(TokenError::DateOutOfRange { name }),
    }
}

fn whole_seconds(seconds: f64, rounding: Rounding) -> Option<u64> {
    let whole = match rounding {
        Rounding::Down => seconds.floor(),
        Rounding::Up => seconds.ceil(),
    };
    // The unrounded value is compared with zero: rounding -0.5 up would make it zero.
    (seconds >= 0.0 && whole <= DATE_MAX_S as f64).then_some(whole as u64)
}

#[cfg(test)]
mod tests;
