//! A compact JWS before and while it is verified.
//!
//! The order of the checks is the point of this file:
//!
//! 1. Length, three parts, strict base64url and strict JSON of the header.
//! 2. Header parameters. `crit`, `b64` and `zip` change what a verifier has to do and are refused.
//!    `jku`, `x5u`, `jwk` and `x5c` tell a verifier where to find a key; they are ignored, whatever
//!    they hold, because a key that the token brings along proves nothing (RFC 8725 §3.9, §3.10).
//! 3. The issuer's accepted algorithms; the key, chosen by `kid`, which fixes its algorithms itself;
//!    the signature.
//! 4. Only then the payload is decoded and the claims are looked at.

use std::fmt;

use doorward_syntax::base64url;
use serde_json::{Map, Value};

use crate::claims::{self, Evidence, VerifiedToken};
use crate::expect::{Expectations, Names};
use crate::json::{self, Limits};
use crate::keys::KeySet;
use crate::{Algorithm, Part, TokenError, UnixTime};

/// The longest token that is looked at, whatever [`Expectations`] say, in bytes.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// The longest token of an issuer that does not say, in bytes.
pub const TOKEN_BYTES_DEFAULT: usize = 16 * 1024;

/// The longest `kid`, of a token and of a key.
pub const KEY_ID_BYTES_MAX: usize = 256;

const HEADER_LIMITS: Limits = Limits {
    depth_max: 8,
    values_max: 256,
};
const PAYLOAD_LIMITS: Limits = Limits {
    depth_max: 16,
    // As many audiences and scopes as a token may have, and the claims of the largest token beside them.
    values_max: 8192,
};

/// What `typ` says the token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// There is no `typ`.
    Absent,
    /// `JWT` (RFC 7519 §5.1).
    Jwt,
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `id_token+jwt`, which some issuers write.
    IdToken,
    /// `logout+jwt` (OpenID Connect Back-Channel Logout 1.0 §2.4).
    LogoutToken,
    /// Anything else.
    Other,
}

impl MediaType {
    /// RFC 7515 §4.1.9: a media type, compared without regard to case, whose `application/` may
    /// be left out.
    fn from_typ(typ: &str) -> Self {
        const PREFIX: &str = "application/";
        let subtype = match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => typ,
        };
        if subtype.eq_ignore_ascii_case("jwt") {
            Self::Jwt
        } else if subtype.eq_ignore_ascii_case("at+jwt") {
            Self::AccessToken
        } else if ["id_token+jwt", "id+jwt"]
            .iter()
            .any(|id| subtype.eq_ignore_ascii_case(id))
        {
            Self::IdToken
        } else if subtype.eq_ignore_ascii_case("logout+jwt") {
            Self::LogoutToken
        } else {
            Self::Other
        }
    }
}

/// A token of which nothing is to be believed.
///
/// `Debug` prints the algorithm and nothing of the token's text.
pub struct UnverifiedToken<'a> {
    bytes: usize,
    signing_input: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
    algorithm: Algorithm,
    key_id: Option<String>,
    media_type: MediaType,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a compact JWS apart and checks its header.
    ///
    /// # Errors
    ///
    /// Everything in [`TokenError`] down to `UnsupportedAlgorithm`.
    pub fn parse(compact: &'a [u8]) -> Result<Self, TokenError> {
        if compact.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong {
                bytes: compact.len(),
                bytes_max: TOKEN_BYTES_MAX,
            });
        }
        // RFC 7515 §7.1. Five parts would be a JWE, which is not a signature.
        let mut parts = compact.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::NotThreeParts);
        };
        let Some((signing_input, _)) = compact.split_at_checked(header.len() + 1 + payload.len())
        else {
            return Err(TokenError::NotThreeParts);
        };

        let header = decode_object(header, Part::Header, HEADER_LIMITS)?;
        // RFC 7515 §4.1.11: refuse what is critical and not understood; nothing is understood.
        // RFC 7797 §3 (`b64`) and RFC 7516 §4.1.3 (`zip`) change the bytes that are signed or read.
        for name in ["crit", "b64", "zip"] {
            if header.contains_key(name) {
                return Err(TokenError::UnsupportedParameter { name });
            }
        }
        let algorithm = match string_parameter(&header, "alg")? {
            None => return Err(TokenError::MissingParameter { name: "alg" }),
            Some(name) if name.eq_ignore_ascii_case("none") => return Err(TokenError::Unsecured),
            Some(name) => Algorithm::from_name(name).ok_or(TokenError::UnsupportedAlgorithm)?,
        };
        let key_id = string_parameter(&header, "kid")?;
        if let Some(id) = key_id
            && id.len() > KEY_ID_BYTES_MAX
        {
            return Err(TokenError::KeyIdTooLong {
                bytes: id.len(),
                bytes_max: KEY_ID_BYTES_MAX,
            });
        }
        let media_type = match string_parameter(&header, "typ")? {
            None => MediaType::Absent,
            Some(typ) => MediaType::from_typ(typ),
        };
        Ok(Self {
            bytes: compact.len(),
            signing_input,
            payload,
            signature,
            algorithm,
            key_id: key_id.map(str::to_owned),
            media_type,
        })
    }

    /// What the header says the token is signed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The header's `kid`.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The `iss` that the token claims, only to choose whose keys to try.
    ///
    /// `None` when the payload cannot be read or has no such string. [`verify`](Self::verify)
    /// compares the claim with the expected issuer after the signature, whatever was hinted here.
    #[must_use]
    pub fn issuer_hint(&self) -> Option<String> {
        json::peek_string(&base64url::decode(self.payload)?, "iss")
    }

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
        let bytes_max = expect.token_bytes_max;
        if self.bytes > bytes_max {
            let bytes = self.bytes;
            return Err(TokenError::TooLong { bytes, bytes_max });
        }
        claims::check_header(self.algorithm, self.media_type, expect)?;
        let members = self.verified_payload(keys, expect.names())?;
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

    /// Checks the signature; what comes out is the issuer's word (RFC 8725 §3.3), of which no claim
    /// was looked at, save by a key that is not for every issuer.
    pub(crate) fn verified_payload(
        &self,
        keys: &KeySet,
        names: Names<'_>,
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

    /// The payload, of which nothing is to be believed.
    pub(crate) fn unverified_payload(&self) -> Result<Map<String, Value>, TokenError> {
        decode_object(self.payload, Part::Payload, PAYLOAD_LIMITS)
    }

    /// What is signed: header and payload as they came.
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    pub(crate) fn media_type(&self) -> MediaType {
        self.media_type
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedToken")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn decode_object(
    text: &[u8],
    part: Part,
    limits: Limits,
) -> Result<Map<String, Value>, TokenError> {
    let bytes = base64url::decode(text).ok_or(TokenError::Encoding { part })?;
    json::parse_object(&bytes, limits).map_err(|error| TokenError::Json {
        part,
        problem: error.problem,
    })
}

fn string_parameter<'h>(
    header: &'h Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'h str>, TokenError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::ParameterType { name }),
    }
}

#[cfg(test)]
mod tests;
