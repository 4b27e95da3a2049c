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
use crate::expect::Expectations;
use crate::principal::Claims;
use crate::revocation::digest::{Digest, opaque_digest, text_digest};
use crate::time::UnixTime;

pub(crate) mod dates;
mod facts;
mod kind;
mod proof;
mod recorded;
pub(crate) mod token_kinds;
pub(crate) mod values;

use self::dates::{Rounding, date};
use self::facts::Facts;
pub(crate) use self::facts::{Evidence, check_header};
use self::kind::Marks;
pub use self::proof::Proof;
#[cfg(feature = "recorded")]
pub use self::recorded::RecordedToken;
pub use self::token_kinds::TokenKinds;
use self::values::{audience_or, name, not_a_string, required, scopes};

/// A token whose signature and claims have been checked.
///
/// Only [`UnverifiedToken::verify`](crate::UnverifiedToken::verify) and the introspection of an opaque
/// token make one. `Debug` prints no claim.
pub struct VerifiedToken {
    facts: Facts,
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
        let facts = Facts {
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
            evidence,
        };
        let token = Self {
            facts,
            token_id,
            text_digest,
            claims: Claims::new(subject, scopes(&claims, &expect.scope_claims)?, claims),
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
        self.facts
            .recheck(expect, now, || self.check_access_token_profile())
    }

    /// What [`recheck`](Self::recheck) looks at, for who decides again later: `RecordedToken` reads it. It holds no claim but
    /// `iss`, `aud` and times.
    #[must_use]
    pub fn record(&self) -> Map<String, Value> {
        recorded::members(&self.facts, self.check_access_token_profile())
    }

    /// RFC 9068 §2.2: claims that an access token has to have beyond those that every token has to.
    fn check_access_token_profile(&self) -> Result<(), TokenError> {
        required(self.subject(), "sub")?;
        match self.claim("client_id") {
            Some(Value::String(_)) => {}
            Some(_) => return Err(not_a_string("client_id")),
            None => return Err(TokenError::MissingClaim { name: "client_id" }),
        }
        required(self.facts.issued_at, "iat")?;
        required(self.token_id.as_ref(), "jti")?;
        Ok(())
    }

    /// How it was found out that the token is genuine.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.facts.proof()
    }

    /// What the token was signed with; `None` where that was not what was checked.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self.facts.evidence {
            Evidence::Signature { algorithm, .. } => Some(algorithm),
            Evidence::Introspection { .. } => None,
        }
    }

    /// The `kid` of the token's header.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match &self.facts.evidence {
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
        &self.facts.issuer
    }

    /// `tid`, where the issuer stands for all its tenants ([`Expectations::any_tenant`]).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.facts.tenant.as_deref()
    }

    /// `sub`, never empty.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }

    /// `aud`, or what stands in its place, as a list also where the token has a single string.
    #[must_use]
    pub fn audience(&self) -> &[String] {
        &self.facts.audience
    }

    /// `exp`, rounded down.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.facts.expires_at
    }

    /// `nbf`, rounded up.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.facts.not_before
    }

    /// `iat`, rounded up.
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.facts.issued_at
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
            Some(self.issuer()),
            self.tenant(),
            self.token_id(),
            self.key_id(),
        ];
        size_of::<Self>()
            + texts.into_iter().flatten().map(str::len).sum::<usize>()
            + self
                .audience()
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
            .field("expires_at", &self.facts.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
