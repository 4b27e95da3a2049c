//! The public key of a certificate (RFC 5280 §4.1), which a key set may have in `x5c` (RFC 7517 §4.7).
//!
//! The key is taken out and nothing else is looked at: neither who signed the certificate, nor its dates,
//! names and extensions. What makes a key one of the issuer is that the issuer's key set lists it, and a
//! key is withdrawn by being listed no longer.

use spki::der::asn1::{AnyRef, UintRef};
use spki::der::{self, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::base64url;
use crate::signature::{Curve, PublicKey};

use super::SkipReason;

/// The longest certificate that is read, in characters. One with an RSA key of 8192 bits, signed by such
/// a key, has some 4,000.
pub const CERTIFICATE_CHARS_MAX: usize = 16 * 1024;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The numbers of a public key, big-endian; those of RSA without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Elliptic {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519 {
        x: Vec<u8>,
    },
}

impl Numbers {
    pub(super) fn key(&self) -> Result<PublicKey, SkipReason> {
        match self {
            Self::Rsa { n, e } => PublicKey::rsa(n, e),
            Self::Elliptic { curve, x, y } => PublicKey::elliptic(*curve, x, y),
            Self::Ed25519 { x } => PublicKey::ed25519(x),
        }
    }
}

/// The key of a certificate: standard base64 of its DER. `None` where that cannot be read, or the key is of
/// a type or on a curve that is not used here.
pub(super) fn numbers(text: &str) -> Option<Numbers> {
    if text.len() > CERTIFICATE_CHARS_MAX {
        return None;
    }
    // RFC 7517 §4.7: not base64url.
    let certificate = base64url::decode_standard(text.as_bytes())?;
    let key = subject_key(&certificate).ok()?;
    let bits = key.subject_public_key.as_bytes()?;
    let parameters = key.algorithm.parameters;
    match key.algorithm.oid {
        // RFC 3279 §2.3.1.
        RSA if parameters.is_none_or(|parameters| parameters.tag() == Tag::Null) => rsa(bits).ok(),
        // RFC 5480 §2.1.1, §2.2: a curve by its name, a point that is not compressed.
        EC => {
            let curve = match key.algorithm.parameters_oid().ok()? {
                P256 => Curve::P256,
                P384 => Curve::P384,
                P521 => Curve::P521,
                _ => return None,
            };
            let (4, point) = bits.split_first()? else {
                return None;
            };
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            let (x, y) = (x.to_vec(), y.to_vec());
            Some(Numbers::Elliptic { curve, x, y })
        }
        // RFC 8410 §3, §4.
        ED25519 if parameters.is_none() => Some(Numbers::Ed25519 { x: bits.to_vec() }),
        _ => None,
    }
}

/// RFC 5280 §4.1: what comes before the key is stepped over.
fn subject_key(certificate: &[u8]) -> der::Result<SubjectPublicKeyInfoRef<'_>> {
    let mut reader = SliceReader::new(certificate)?;
    let key = reader.sequence(|certificate| {
        let key = certificate.sequence(|to_be_signed| {
            let mut serial: AnyRef<'_> = to_be_signed.decode()?;
            let version = Tag::ContextSpecific {
                constructed: true,
                number: TagNumber(0),
            };
            if serial.tag() == version {
                serial = to_be_signed.decode()?;
            }
            serial.tag().assert_eq(Tag::Integer)?;
            // The algorithm of the signature, the issuer, the dates, the subject.
            for _ in 0..4 {
                let field: AnyRef<'_> = to_be_signed.decode()?;
                field.tag().assert_eq(Tag::Sequence)?;
            }
            let key = to_be_signed.decode()?;
            rest(to_be_signed)?;
            der::Result::Ok(key)
        })?;
        rest(certificate)?;
        der::Result::Ok(key)
    })?;
    reader.finish()?;
    Ok(key)
}

fn rest(reader: &mut SliceReader<'_>) -> der::Result<()> {
    while !reader.is_finished() {
        let _: AnyRef<'_> = reader.decode()?;
    }
    Ok(())
}

/// RFC 8017 A.1.1.
fn rsa(bits: &[u8]) -> der::Result<Numbers> {
    let mut reader = SliceReader::new(bits)?;
    let numbers = reader.sequence(|numbers| {
        let n: UintRef<'_> = numbers.decode()?;
        let e: UintRef<'_> = numbers.decode()?;
        let (n, e) = (n.as_bytes().to_vec(), e.as_bytes().to_vec());
        der::Result::Ok(Numbers::Rsa { n, e })
    })?;
    reader.finish()?;
    Ok(numbers)
}
