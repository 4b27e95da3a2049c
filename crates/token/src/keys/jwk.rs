//! JWK sets (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use doorward_syntax::base64url;
use serde_json::{Map, Value};

use super::bounds::{KEY_SET_BYTES_MAX, KEYS_MAX};
use super::certificate;
use super::error::{KeyPart, KeySetError, SkipReason, SkippedKey};
use super::exposed::{self, ExposedKeys};
use super::key::{Key, Material};
use super::numbers::{Numbers, without_zeros};
use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::bounds::KEY_ID_BYTES_MAX;
use crate::json::{self, Limits};
use crate::signature::PublicKey;
use crate::signature::curve::Curve;

const LIMITS: Limits = Limits {
    depth_max: 8,
    values_max: 32 * 1024,
};

/// The most operations that a key may list. RFC 7517 §4.3 has eight.
const KEY_OPERATIONS_MAX: usize = 32;

/// Members that only a private key has (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2) or a key type of the
/// future (`priv`, of the keys for post-quantum signatures).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

pub(crate) type Jwk = Map<String, Value>;

/// Keys that can be used, those that cannot, and those of which the private half was seen.
pub(super) type Parsed = (Vec<Key>, Vec<SkippedKey>, ExposedKeys);

/// Reads a set. Only what is no key set is an error. A key that cannot be used is left out: what the issuer
/// says of the others, and of those that it lists no longer, still holds.
pub(super) fn parse_set(text: &[u8], exposed: &ExposedKeys) -> Result<Parsed, KeySetError> {
    if text.len() > KEY_SET_BYTES_MAX {
        return Err(KeySetError::TooLong {
            bytes: text.len(),
            bytes_max: KEY_SET_BYTES_MAX,
        });
    }
    let mut set = json::parse_object(text, LIMITS).map_err(KeySetError::Json)?;
    let Some(Value::Array(elements)) = set.get_mut("keys") else {
        return Err(KeySetError::NoKeys);
    };
    // Some servers write every member that they know of, and `null` where they have nothing to say.
    for jwk in elements.iter_mut().filter_map(Value::as_object_mut) {
        jwk.retain(|_, value| !value.is_null());
    }
    // First, because a key may be listed once with its private half and once without.
    let mut seen = ExposedKeys::default();
    for jwk in elements.iter().filter_map(Value::as_object) {
        if is_seen(jwk) {
            for print in prints(jwk) {
                seen.add(print);
            }
        }
    }
    let is_exposed = |jwk: &Jwk| {
        (!seen.is_empty() || !exposed.is_empty())
            && prints(jwk)
                .iter()
                .any(|print| seen.has(print) || exposed.has(print))
    };

    let mut keys = Vec::new();
    let mut skipped = Vec::new();
    for (position, element) in elements.iter().enumerate() {
        let reason = match element {
            _ if position >= KEYS_MAX => SkipReason::TooManyKeys {
                keys: elements.len(),
                keys_max: KEYS_MAX,
            },
            Value::Object(jwk) => match parse_key(jwk) {
                Ok(_) if is_exposed(jwk) => SkipReason::Exposed,
                Ok(key) => {
                    keys.push(key);
                    continue;
                }
                Err(reason) => reason,
            },
            _ => SkipReason::NotAKey,
        };
        let key_id = element
            .as_object()
            .and_then(|jwk| key_id(jwk).ok().flatten());
        skipped.push(SkippedKey {
            position,
            key_id,
            reason,
        });
        if position >= KEYS_MAX {
            // It speaks for the rest of them.
            break;
        }
    }
    Ok((keys, skipped, seen))
}

/// The member that only a private key has.
fn private_member(jwk: &Jwk) -> Option<(&'static str, &Value)> {
    let mut members = PRIVATE_MEMBERS.into_iter();
    members.find_map(|member| Some((member, jwk.get(member)?)))
}

/// Whether at least one of the private members has a value.
fn is_seen(jwk: &Jwk) -> bool {
    let mut values = PRIVATE_MEMBERS.iter().filter_map(|member| jwk.get(*member));
    values.any(|value| !is_nothing(value))
}

/// Whether this is how some issuers write that there is no value.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

/// What an exposed key is recognised by, however carelessly its numbers are written.
fn prints(jwk: &Jwk) -> Vec<exposed::Print> {
    let number = |member: &str| {
        let text = jwk.get(member)?.as_str()?;
        let text: Vec<u8> = text
            .bytes()
            .filter(|&byte| byte != b'=')
            .map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                byte => byte,
            })
            .collect();
        base64url::decode(&text)
    };
    let n = number("n").map(|n| exposed::of_modulus(&n));
    let x = number("x").map(|x| exposed::of_x(&x));
    let certified = certified(jwk).map(|numbers| numbers.print());
    [n, x, certified].into_iter().flatten().collect()
}

/// The key in the first certificate of `x5c`, if there is one that can be read.
fn certified(jwk: &Jwk) -> Option<Numbers> {
    certificate::numbers(jwk.get("x5c")?.as_array()?.first()?.as_str()?)
}

fn parse_key(jwk: &Jwk) -> Result<Key, SkipReason> {
    if let Some((member, _)) = private_member(jwk) {
        return Err(SkipReason::Private { member });
    }
    if jwk.contains_key("k") || jwk.get("kty").is_some_and(|kty| kty == "oct") {
        return Err(SkipReason::Symmetric);
    }
    let PublicPart {
        id,
        algorithms,
        public,
    } = public_part(jwk, "verify", listed_numbers)?;
    Ok(Key {
        id,
        issuer: optional_string(jwk, "issuer")?.map(Box::from),
        algorithms,
        material: Material::Public(public),
    })
}

/// The numbers of a key in a set, where a certificate may stand for them.
fn listed_numbers(jwk: &Jwk) -> Result<Numbers, SkipReason> {
    let certified = certified(jwk);
    if ["n", "e", "x", "y"]
        .iter()
        .any(|member| jwk.contains_key(*member))
    {
        let numbers = numbers(jwk)?;
        // RFC 7517 §4.7: they must be the same key. A certificate that cannot be read says no other.
        return match certified {
            Some(certified) if certified != numbers => Err(SkipReason::OtherCertificate),
            _ => Ok(numbers),
        };
    }
    let is_nothing = jwk.get("x5c").is_none_or(is_nothing);
    let numbers = match certified {
        Some(certified) => certified,
        None if is_nothing => return numbers(jwk),
        None => return Err(SkipReason::Certificate),
    };
    let (kty, crv) = match &numbers {
        Numbers::Rsa { .. } => ("RSA", None),
        Numbers::Elliptic { curve, .. } => ("EC", Some(curve_name(*curve))),
        Numbers::Ed25519 { .. } => ("OKP", Some("Ed25519")),
    };
    let named = optional_string(jwk, "crv")?.or(crv);
    if required_string(jwk, "kty")? != kty || named != crv {
        return Err(SkipReason::OtherCertificate);
    }
    Ok(numbers)
}

/// What everybody may know of a key.
pub(crate) struct PublicPart {
    pub(crate) id: Option<String>,
    pub(crate) algorithms: AlgorithmSet,
    pub(crate) public: PublicKey,
}

/// Reads it, of a private key that may be used for this operation (RFC 7517 §4.3).
pub(crate) fn public_part_of_private(jwk: &Jwk, operation: &str) -> Result<PublicPart, SkipReason> {
    public_part(jwk, operation, numbers)
}

fn public_part(
    jwk: &Jwk,
    operation: &str,
    numbers: fn(&Jwk) -> Result<Numbers, SkipReason>,
) -> Result<PublicPart, SkipReason> {
    let id = key_id(jwk)?;
    check_use(jwk, operation)?;
    // The name is checked before the numbers: it says best why a key for encryption was left out.
    let named = named_algorithm(jwk)?;
    let public = numbers(jwk)?.key()?;
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
        // Each is compared with all others.
        Some(Value::Array(operations)) if operations.len() > KEY_OPERATIONS_MAX => {
            Err(SkipReason::NotForVerification)
        }
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

fn numbers(jwk: &Jwk) -> Result<Numbers, SkipReason> {
    // Some issuers write a number as their library keeps it, with a byte for the sign.
    let integer = |part| {
        let number = number(jwk, part)?;
        Ok(without_zeros(&number).to_vec())
    };
    match required_string(jwk, "kty")? {
        "RSA" => Ok(Numbers::Rsa {
            n: integer(KeyPart::Modulus)?,
            e: integer(KeyPart::Exponent)?,
        }),
        "EC" => {
            let named = required_string(jwk, "crv")?;
            let curve = [Curve::P256, Curve::P384, Curve::P521]
                .into_iter()
                .find(|curve| curve_name(*curve) == named)
                .ok_or(SkipReason::UnknownCurve)?;
            Ok(Numbers::Elliptic {
                curve,
                x: number(jwk, KeyPart::X)?,
                y: number(jwk, KeyPart::Y)?,
            })
        }
        "OKP" => match required_string(jwk, "crv")? {
            "Ed25519" => Ok(Numbers::Ed25519 {
                x: number(jwk, KeyPart::X)?,
            }),
            _ => Err(SkipReason::UnknownCurve),
        },
        _ => Err(SkipReason::UnknownKeyType),
    }
}

/// RFC 7518 §6.2.1.1.
fn curve_name(curve: Curve) -> &'static str {
    match curve {
        Curve::P256 => "P-256",
        Curve::P384 => "P-384",
        Curve::P521 => "P-521",
    }
}

fn number(jwk: &Jwk, part: KeyPart) -> Result<Vec<u8>, SkipReason> {
    let text = required_string(jwk, part.member())?;
    base64url::decode_padded(text.as_bytes()).ok_or(SkipReason::Encoding { part })
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
