//! A compact JWS, taken apart.

use std::fmt;

use doorward_syntax::base64url;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::bounds::{KEY_ID_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::error::{Part, TokenError};
use crate::json::{self, Limits};
use crate::media_type::MediaType;

const HEADER_LIMITS: Limits = Limits {
    depth_max: 8,
    values_max: 256,
};
const PAYLOAD_LIMITS: Limits = Limits {
    depth_max: 16,
    // As many audiences and scopes as a token may have, and the claims of the largest token beside them.
    values_max: 8192,
};

/// A token of which nothing is to be believed.
///
/// `Debug` prints the algorithm and nothing of the token's text.
pub struct UnverifiedToken<'a> {
    pub(super) bytes: usize,
    pub(super) signing_input: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) media_type: MediaType,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a compact JWS apart and checks its header.
    ///
    /// # Errors
    ///
    /// Everything in [`TokenError`] down to `UnsupportedAlgorithm`.
    pub fn parse(compact: &'a [u8]) -> Result<Self, TokenError> {
        Self::parse_within(compact, TOKEN_BYTES_MAX)
    }

    /// The same for what may be so long.
    #[inline]
    pub(crate) fn parse_within(compact: &'a [u8], bytes_max: usize) -> Result<Self, TokenError> {
        if compact.len() > bytes_max {
            return Err(TokenError::TooLong {
                bytes: compact.len(),
                bytes_max,
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

    /// What the header's `typ` is taken for.
    #[must_use]
    pub fn typ(&self) -> &'static str {
        self.media_type.name()
    }

    /// The `iss` that the token claims, only to choose whose keys to try.
    ///
    /// `None` when the payload cannot be read or has no such string. [`verify`](Self::verify)
    /// compares the claim with the expected issuer after the signature, whatever was hinted here.
    #[must_use]
    pub fn issuer_hint(&self) -> Option<String> {
        json::peek_string(&base64url::decode(self.payload)?, "iss")
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
