//! How the gate says who it is when it asks an issuer something.
//!
//! | method | where | RFC |
//! |---|---|---|
//! | `client_secret_basic` | [`basic`], a value of `Authorization` | RFC 6749 §2.3.1 |
//! | `client_secret_post` | [`post_body`] | RFC 6749 §2.3.1 |
//! | `private_key_jwt` | [`ClientKey::assertion`] in [`assertion_body`] | RFC 7523 §2.2, OpenID Connect Core 1.0 §9 |

use std::fmt;

use doorward_syntax::{base64url, form};
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::{self, JsonError, Limits};
use crate::keys::error::SkipReason;
use crate::keys::jwk;
use crate::signature::PrivateKey;
use crate::time::UnixTime;

/// The longest private key that is read, in bytes.
pub const CLIENT_KEY_BYTES_MAX: usize = 4096;

/// For how long an assertion is valid, in seconds.
pub const ASSERTION_S: u64 = 60;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LIMITS: Limits = Limits {
    depth_max: 4,
    values_max: 64,
};

/// The value of `Authorization` for `client_secret_basic`.
///
/// RFC 6749 §2.3.1: both are written as in a form first, so that a colon in either does no harm.
#[must_use]
pub fn basic(client_id: &str, secret: &str) -> String {
    let mut pair = Vec::new();
    form::push_value(&mut pair, client_id);
    pair.push(b':');
    form::push_value(&mut pair, secret);
    "Basic ".to_owned() + &base64url::encode_standard(&pair)
}

/// The form with what `client_secret_post` adds.
#[must_use]
pub fn post_body(mut body: Vec<u8>, client_id: &str, secret: &str) -> Vec<u8> {
    form::push(&mut body, "client_id", client_id);
    form::push(&mut body, "client_secret", secret);
    body
}

/// The form with what `private_key_jwt` adds.
#[must_use]
pub fn assertion_body(mut body: Vec<u8>, client_id: &str, assertion: &str) -> Vec<u8> {
    form::push(&mut body, "client_id", client_id);
    form::push(&mut body, "client_assertion_type", ASSERTION_TYPE);
    form::push(&mut body, "client_assertion", assertion);
    body
}

/// The private key of a client. `Debug` prints nothing of it.
pub struct ClientKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: PrivateKey,
}

/// Why a private key was refused. It holds nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKeyError {
    /// The text is longer than [`CLIENT_KEY_BYTES_MAX`].
    TooLong,
    /// The text is not an acceptable JSON object.
    Json(JsonError),
    /// The public members, `kid`, `use`, `key_ops` or `alg` are not in order.
    Public(SkipReason),
    /// The key is neither an Ed25519 key nor on P-256.
    NotForSigning {
        /// What it would sign with; `None` where that is more than one algorithm.
        algorithm: Option<Algorithm>,
    },
    /// `d` is missing or no string: the key is a public one.
    NotPrivate,
    /// `d` is not strict base64url, has the wrong length or is not in the range of the curve.
    Number,
    /// `d` is not the private number of the public members.
    Mismatch,
}

impl fmt::Display for ClientKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the key is longer than {CLIENT_KEY_BYTES_MAX} bytes"),
            Self::Json(error) => write!(f, "the key {error}"),
            Self::Public(reason) => reason.fmt(f),
            Self::NotForSigning { .. } => {
                f.write_str("the key is neither an Ed25519 key nor one on P-256")
            }
            Self::NotPrivate => f.write_str("the key has no `d`, so it is not the private one"),
            Self::Number => f.write_str("`d` is not a private number of the key's curve"),
            Self::Mismatch => f.write_str("`d` does not belong to `x` and `y`"),
        }
    }
}

impl std::error::Error for ClientKeyError {}

impl ClientKey {
    /// Reads a private JWK: Ed25519 (RFC 8037 §2) or P-256 (RFC 7518 §6.2.2).
    ///
    /// # Errors
    ///
    /// The key is not whole, not of these types, or not for signing.
    pub fn parse(jwk: &[u8]) -> Result<Self, ClientKeyError> {
        if jwk.len() > CLIENT_KEY_BYTES_MAX {
            return Err(ClientKeyError::TooLong);
        }
        let members = json::parse_object(jwk, LIMITS).map_err(ClientKeyError::Json)?;
        let public =
            jwk::public_part_of_private(&members, "sign").map_err(ClientKeyError::Public)?;
        let mut algorithms = public.algorithms.iter();
        let algorithm = match (algorithms.next(), algorithms.next()) {
            (Some(algorithm @ (Algorithm::EdDsa | Algorithm::Es256)), None) => algorithm,
            (Some(algorithm), None) => {
                return Err(ClientKeyError::NotForSigning {
                    algorithm: Some(algorithm),
                });
            }
            _ => return Err(ClientKeyError::NotForSigning { algorithm: None }),
        };
        let number = jwk::required_string(&members, "d").map_err(|_| ClientKeyError::NotPrivate)?;
        let number = base64url::decode(number.as_bytes()).ok_or(ClientKeyError::Number)?;
        let key = PrivateKey::new(algorithm, &number).ok_or(ClientKeyError::Number)?;
        // A signature that the issuer will refuse is found out here, where somebody can be told why.
        const PROBE: &[u8] = b"probe";
        if !public.public.verify(algorithm, PROBE, &key.sign(PROBE)) {
            return Err(ClientKeyError::Mismatch);
        }
        Ok(Self {
            id: public.id,
            algorithm,
            key,
        })
    }

    /// A JWT that proves who the client is (RFC 7523 §3), good for [`ASSERTION_S`]. `audience` is the
    /// issuer or its endpoint. `jti` must be different each time.
    #[must_use]
    pub fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        jti: &[u8; 16],
        now: UnixTime,
    ) -> String {
        let mut header = String::new();
        put(&mut header, "alg", self.algorithm.name());
        if let Some(id) = &self.id {
            put(&mut header, "kid", id);
        }
        put(&mut header, "typ", "JWT");
        let mut claims = String::new();
        put(&mut claims, "iss", client_id);
        put(&mut claims, "sub", client_id);
        put(&mut claims, "aud", audience);
        put(&mut claims, "jti", &base64url::encode(jti));
        put_number(&mut claims, "iat", now.0);
        put_number(&mut claims, "exp", now.saturating_add(ASSERTION_S).0);
        let mut assertion = String::new();
        for mut part in [header, claims] {
            part.push('}');
            if !assertion.is_empty() {
                assertion.push('.');
            }
            assertion += &base64url::encode(part.as_bytes());
        }
        let signature = self.key.sign(assertion.as_bytes());
        assertion.push('.');
        assertion + &base64url::encode(&signature)
    }
}

/// Adds a member to an object that is yet to be closed.
fn put(object: &mut String, name: &str, value: &str) {
    put_value(object, name, &Value::String(value.to_owned()));
}

fn put_number(object: &mut String, name: &str, value: u64) {
    put_value(object, name, &value.into());
}

fn put_value(object: &mut String, name: &str, value: &Value) {
    object.push_str(if object.is_empty() { "{\"" } else { ",\"" });
    object.push_str(name);
    object.push_str("\":");
    *object += &value.to_string();
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
