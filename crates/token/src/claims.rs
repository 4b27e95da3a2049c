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

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::expect::{Expectations, tenant_of};
use crate::media_type::MediaType;
use crate::principal::Claims;
use crate::revocation::digest::{Digest, opaque_digest, text_digest};
use crate::time::UnixTime;

pub(crate) mod dates;
mod kind;
mod proof;
pub(crate) mod token_kinds;
pub(crate) mod values;

use self::dates::{Rounding, Validity, date};
use self::kind::Marks;
pub use self::proof::Proof;
pub use self::token_kinds::TokenKinds;
use self::values::{audience_or, name, not_a_string, required, scopes};

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
    marks: Marks,
    issuer: String,
    tenant: Option<Box<str>>,
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
    /// token without `jti` is revoked by: the signing input, or the text of an opaque token.
    pub(crate) fn new(
        mut claims: Map<String, Value>,
        evidence: Evidence,
        text: &[u8],
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<Self, TokenError> {
        let marks = match &evidence {
            Evidence::Signature { media_type, .. } => {
                Marks::of_header(*media_type).of_claims(&claims, Proof::Signature)?
            }
            Evidence::Introspection { .. } => {
                Marks::default().of_claims(&claims, Proof::Introspection)?
            }
        };
        let (issuer, tenant) = expect.issuer_of(&claims)?;
        let token_id = name(&claims, "jti")?;
        let subject = name(&claims, "sub")?;
        // Rules and upstreams see the claims that were decided by.
        claims.insert("iss".to_owned(), issuer.as_str().into());
        for name in ["jti", "sub", "sid"] {
            if claims.get(name).is_some_and(|value| value == "") {
                claims.remove(name);
            }
        }
        let text_digest = match (&evidence, &token_id) {
            // Whoever revokes an opaque token may not know its `jti`.
            (Evidence::Introspection { .. }, _) => Some(opaque_digest(&issuer, text)),
            (Evidence::Signature { .. }, None) => Some(text_digest(&issuer, text)),
            (Evidence::Signature { .. }, Some(_)) => None,
        };
        let token = Self {
            text_digest,
            marks,
            issuer,
            tenant,
            audience: match (
                audience_or(&claims, expect.audience_claim.as_ref())?,
                &evidence,
            ) {
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
            claims: Claims::new(subject, scopes(&claims, &expect.scope_claims)?, claims),
            evidence,
        };
        token.recheck(expect, now)?;
        Ok(token)
    }

    /// Checks everything but the signature again: the algorithm, the kind of token, issuer, audience and
    /// time.
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
        let is_of = match expect.any_tenant {
            false => self.issuer == expect.issuer,
            true => self.is_of_tenant(expect),
        };
        if !is_of {
            return Err(TokenError::Issuer);
        }
        self.marks.check(expect.tokens)?;
        let is_accepted = |name| expect.audience.contains(name);
        if !without_audience && !self.audience.iter().any(is_accepted) {
            return Err(TokenError::Audience);
        }
        // RFC 9068 is about signed tokens only.
        if signed && expect.access_token_profile {
            self.check_access_token_profile()?;
        }
        let times = Validity {
            expires_at: self.expires_at,
            not_before: self.not_before,
            issued_at: self.issued_at,
        };
        times.check(expect.leeway_s, now)
    }

    /// Whether the token is one of a tenant of the issuer, which stands for all of them.
    fn is_of_tenant(&self, expect: &Expectations) -> bool {
        self.tenant.is_some() && tenant_of(&expect.issuer, &self.issuer) == self.tenant()
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

    /// The name of the issuer: `iss`, or what the policy calls the issuer that is meant by it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `tid`, where the issuer stands for all its tenants ([`Expectations::any_tenant`]).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// `sub`, never empty.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }

    /// `aud`, or what stands in its place, as a list also where the token has a single string.
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

    /// `jti`, never empty.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// What the token is revoked by, where that is its text.
    pub(crate) fn text_digest(&self) -> Option<&Digest> {
        self.text_digest.as_ref()
    }

    /// The scopes: the words or elements of the first claim that has any, of those of
    /// [`Expectations::scope_claims`] or else of `scope` and `scp`.
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
        let texts = [
            Some(self.issuer.as_str()),
            self.tenant(),
            self.token_id(),
            self.key_id(),
        ];
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
    let known = match media_type {
        MediaType::AccessToken => true,
        MediaType::Absent | MediaType::Jwt | MediaType::IdToken => !expect.access_token_profile,
        MediaType::LogoutToken | MediaType::Other => false,
    };
    if !known {
        return Err(TokenError::MediaType {
            access_token_profile: expect.access_token_profile,
        });
    }
    Marks::of_header(media_type).check(expect.tokens)
}

#[cfg(test)]
mod tests;
