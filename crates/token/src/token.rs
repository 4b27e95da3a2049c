//! A compact JWS before and while it is verified.
//!
//! The order of the checks is the point; 1 and 2 are [`UnverifiedToken::parse`], 3 and 4
//! [`UnverifiedToken::verify`]:
//!
//! 1. Length, three parts, strict base64url and strict JSON of the header.
//! 2. Header parameters. `crit`, `b64` and `zip` change what a verifier has to do and are refused.
//!    `jku`, `x5u`, `jwk` and `x5c` tell a verifier where to find a key; they are ignored, whatever
//!    they hold, because a key that the token brings along proves nothing (RFC 8725 §3.9, §3.10).
//! 3. The issuer's accepted algorithms; the key, chosen by `kid`, which fixes its algorithms itself;
//!    the signature.
//! 4. Only then the payload is decoded and the claims are looked at.

pub(crate) mod unverified;

use doorward_syntax::base64url;
use serde_json::{Map, Value};

use crate::claims::{self, Evidence, VerifiedToken};
use crate::error::{Part, TokenError};
use crate::expect::{Expectations, IssuerSpellings};
use crate::keys::KeySet;
use crate::time::UnixTime;

pub use unverified::UnverifiedToken;

impl UnverifiedToken<'_> {
    /// Checks the signature and then the claims.
    ///
    /// # Errors
    ///
    /// What speaks against the token first, in the order of this module's list.
    pub fn verify(
        &self,
        keys: &KeySet,
        expect: &Expectations,
        now: UnixTime,
    ) -> Result<VerifiedToken, TokenError> {
        self.check_header(expect)?;
        let members = self.genuine_claims(keys, expect)?;
        VerifiedToken::new(
            members,
            Evidence::Signature {
                algorithm: self.algorithm,
                media_type: self.media_type,
                key_id: self.key_id.clone(),
            },
            self.signing_input,
            expect,
            now,
        )
    }

    /// The checks that need no key: length, algorithm, and what the header says that the token is.
    ///
    /// # Errors
    ///
    /// What speaks against the token first.
    pub fn check_header(&self, expect: &Expectations) -> Result<(), TokenError> {
        let bytes_max = expect.token_bytes_max;
        if self.bytes > bytes_max {
            let bytes = self.bytes;
            return Err(TokenError::TooLong { bytes, bytes_max });
        }
        claims::check_header(self.algorithm, self.media_type, expect)
    }

    /// Checks the signature and no claim. What comes out is the issuer's word and lets nobody in: only
    /// [`verify`](Self::verify) makes a token of it. It is for whoever explains why a claim was refused.
    ///
    /// # Errors
    ///
    /// What speaks against the signature, or the payload cannot be read.
    pub fn genuine_claims(
        &self,
        keys: &KeySet,
        expect: &Expectations,
    ) -> Result<Map<String, Value>, TokenError> {
        self.verified_payload(keys, expect.names())
    }

    /// Checks the signature; what comes out is the issuer's word (RFC 8725 §3.3), of which no claim
    /// was looked at, save by a key that is not for every issuer.
    pub(crate) fn verified_payload(
        &self,
        keys: &KeySet,
        names: IssuerSpellings<'_>,
    ) -> Result<Map<String, Value>, TokenError> {
        let signature = base64url::decode(self.signature).ok_or(TokenError::Encoding {
            part: Part::Signature,
        })?;
        let mut payload = None;
        let mut is_of = |key_issuer: &str| {
            let payload = payload.get_or_insert_with(|| self.unverified_payload());
            let claims = payload.as_ref();
            claims.is_ok_and(|claims| names.are_of_key(key_issuer, claims))
        };
        keys.verify(
            self.key_id(),
            self.algorithm,
            self.signing_input,
            &signature,
            &mut is_of,
        )?;
        payload.unwrap_or_else(|| self.unverified_payload())
    }
}

#[cfg(test)]
mod tests;
