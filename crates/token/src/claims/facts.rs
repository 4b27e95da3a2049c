//! What of a token is checked again on each use, without its claims.

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::expect::{Expectations, tenant_of};
use crate::media_type::MediaType;
use crate::time::UnixTime;

use super::dates::Validity;
use super::kind::Marks;
use super::proof::Proof;

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

/// What of a token is checked again on each use.
pub(crate) struct Facts {
    pub(crate) evidence: Evidence,
    pub(crate) marks: Marks,
    pub(crate) issuer: String,
    pub(crate) tenant: Option<Box<str>>,
    pub(crate) audience: Vec<String>,
    pub(crate) expires_at: UnixTime,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued_at: Option<UnixTime>,
}

impl Facts {
    /// Checks the algorithm, the kind of token, issuer, audience and time. `profile` checks the claims that an access
    /// token has to have beyond those that every token has to.
    pub(crate) fn recheck(
        &self,
        expect: &Expectations,
        now: UnixTime,
        profile: impl FnOnce() -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
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
            profile()?;
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
        self.tenant.is_some() && tenant_of(&expect.issuer, &self.issuer) == self.tenant.as_deref()
    }

    /// How it was found out that the token is genuine.
    pub(crate) fn proof(&self) -> Proof {
        match self.evidence {
            Evidence::Signature { .. } => Proof::Signature,
            Evidence::Introspection { .. } => Proof::Introspection,
        }
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
        #[cfg(feature = "bundle")]
        MediaType::Bundle => false,
    };
    if !known {
        return Err(TokenError::MediaType {
            access_token_profile: expect.access_token_profile,
        });
    }
    Marks::of_header(media_type).check(expect.tokens)
}
