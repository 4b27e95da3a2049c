//! JWK sets (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use serde_json::{Map, Value};

use super::{
    KEY_SET_BYTES_MAX, KEYS_MAX, Key, KeyPart, KeySetError, Material, SkipReason, SkippedKey,
};
use crate::json::{self, Limits};
use crate::signature::{Curve, PublicKey};
use crate::token::KEY_ID_BYTES_MAX;
use crate::{Algorithm, AlgorithmSet, base64url};

const LIMITS: Limits = Limits {
    depth_max: 8,
    values_max: 32 * 1024,
};

/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2) or a key type of the
/// future (`priv`, of the keys for post-quantum signatures).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

pub(crate) type Jwk = Map<String, Value>;

pub(super) fn parse_set(text: &[u8]) -> Result<(Vec<Key>, Vec<SkippedKey>), KeySetError> {
    if text.len() > KEY_SET_BYTES_MAX {
        return Err(KeySetError::TooLong {
            bytes: text.len(),
            bytes_max: KEY_SET_BYTES_MAX,
        });
    }
    let set = json::parse_object(text, LIMITS).map_err(KeySetError::Json)?;
    let Some(Value::Array(elements)) = set.get("keys") else {
        return Err(KeySetError::NoKeys);
    };
    if elements.len() > KEYS_MAX {
        return Err(KeySetError::TooManyKeys {
            keys: elements.len(),
            keys_max: KEYS_MAX,
        });
    }
    let jwks = elements
        .iter()
        .enumerate()
        .map(|(position, element)| match element {
            Value::Object(jwk) => Ok(jwk),
            _ => Err(KeySetError::NotAKey { position }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    for (position, jwk) in jwks.iter().enumerate() {
        refuse_secrets(position, jwk)?;
    }

    let mut keys = Vec::with_capacity(jwks.len());
    let mut skipped = Vec::new();
    for (position, jwk) in jwks.into_iter().enumerate() {
        match parse_key(jwk) {
            Ok(key) => keys.push(key),
            Err(reason) => {
                let key_id = key_id(jwk).ok().flatten();
                skipped.push(SkippedKey {
                    position,
                    key_id,
                    reason,
                });
            }
        }
    }
    Ok((keys, skipped))
}

/// A key that is of no use is skipped, but one that should have been kept from us is a reason to
/// distrust the set, whatever its type and whatever it is meant for.
fn refuse_secrets(position: usize, jwk: &Jwk) -> Result<(), KeySetError> {
    if jwk.contains_key("k") || jwk.get("kty").is_some_and(|kty| kty == "oct") {
        return Err(KeySetError::SymmetricKey { position });
    }
    match PRIVATE_MEMBERS
        .into_iter()
        .find(|member| jwk.contains_key(*member))
    {
        Some(member) => Err(KeySetError::PrivateKey { position, member }),
        None => Ok(()),
    }
}

fn parse_key(jwk: &Jwk) -> Result<Key, SkipReason> {
    let PublicPart {
        id,
        algorithms,
        public,
    } = public_part(jwk, "verify")?;
    Ok(Key {
        id,
        issuer: optional_string(jwk, "issuer")?.map(Box::from),
        algorithms,
        material: Material::Public(public),
    })
}

/// What everybody may know of a key.
pub(crate) struct PublicPart {
    pub(crate) id: Option<String>,
    pub(crate) algorithms: AlgorithmSet,
    pub(crate) public: PublicKey,
}

/// Reads it, of a key that may be used for this operation (RFC 7517 §4.3).
pub(crate) fn public_part(jwk: &Jwk, operation: &str) -> Result<PublicPart, SkipReason> {
    let id = key_id(jwk)?;
    check_use(jwk, operation)?;
    // The name is checked before the numbers: it says best why a key for encryption was left out.
    let named = named_algorithm(jwk)?;
    let public = public_key(jwk)?;
    let algorithms = match named {
        None => public.algorithms(),
        // RFC 7517 §4.4: a key with `alg` is for that algorithm only.
        Some(algorithm) if public.algorithms().contains(algorithm) => {
            AlgorithmSet::of(&[algorithm])
        }
        Some(algorithm) => return Err(SkipReason::AlgorithmOfOtherKeyType { algorithm }),
    };
    Ok(PublicPart {
        id,
        algorithms,
        public,
    })
}

fn key_id(jwk: &Jwk) -> Result<Option<String>, SkipReason> {
    match optional_string(jwk, "kid")? {
        Some(id) if id.len() > KEY_ID_BYTES_MAX => Err(SkipReason::KeyIdTooLong),
        id => Ok(id.map(str::to_owned)),
    }
}

fn check_use(jwk: &Jwk, operation: &str) -> Result<(), SkipReason> {
    // RFC 7517 §4.2.
    if optional_string(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(SkipReason::NotForSignatures);
    }
    // RFC 7517 §4.3: values must not come twice. What `use` and `key_ops` say must agree; a key that
    // is left here has `sig` or nothing as its `use`, with which `verify` and `sign` agree.
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) => {
            let twice = operations
                .iter()
                .enumerate()
                .any(|(i, one)| operations.iter().skip(i + 1).any(|two| one == two));
            if twice || !operations.iter().any(|listed| listed == operation) {
                return Err(SkipReason::NotForVerification);
            }
            Ok(())
        }
        Some(_) => Err(SkipReason::WrongType { member: "key_ops" }),
    }
}

fn named_algorithm(jwk: &Jwk) -> Result<Option<Algorithm>, SkipReason> {
    optional_string(jwk, "alg")?
        .map(|name| Algorithm::from_name(name).ok_or(SkipReason::UnsupportedAlgorithm))
        .transpose()
}

fn public_key(jwk: &Jwk) -> Result<PublicKey, SkipReason> {
    match required_string(jwk, "kty")? {
        "RSA" => PublicKey::rsa(
            &number(jwk, KeyPart::Modulus)?,
            &number(jwk, KeyPart::Exponent)?,
        ),
        "EC" => {
            let curve = match required_string(jwk, "crv")? {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                "P-521" => Curve::P521,
                _ => return Err(SkipReason::UnknownCurve),
            };
            PublicKey::elliptic(curve, &number(jwk, KeyPart::X)?, &number(jwk, KeyPart::Y)?)
        }
        "OKP" => match required_string(jwk, "crv")? {
            "Ed25519" => PublicKey::ed25519(&number(jwk, KeyPart::X)?),
            _ => Err(SkipReason::UnknownCurve),
        },
        _ => Err(SkipReason::UnknownKeyType),
    }
}

fn number(jwk: &Jwk, part: KeyPart) -> Result<Vec<u8>, SkipReason> {
    let text = required_string(jwk, part.member())?;
    base64url::decode(text.as_bytes()).ok_or(SkipReason::Encoding { part })
}

pub(crate) fn required_string<'j>(
    jwk: &'j Jwk,
    member: &'static str,
) -> Result<&'j str, SkipReason> {
    optional_string(jwk, member)?.ok_or(SkipReason::Missing { member })
}

fn optional_string<'j>(jwk: &'j Jwk, member: &'static str) -> Result<Option<&'j str>, SkipReason> {
    match jwk.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(SkipReason::WrongType { member }),
    }
}
