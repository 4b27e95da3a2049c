//! The public key of a certificate (RFC 5280 §4.1), which a key set may have in `x5c` (RFC 7517 §4.7).
//!
//! The key is taken out and nothing else is looked at: neither who signed the certificate, nor its dates,
//! names and extensions. What makes a key one of the issuer is that the issuer's key set lists it, and a
//! key is withdrawn by being listed no longer.

use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use doorward_syntax::base64url;

use super::numbers::{Numbers, without_zeros};
use crate::signature::curve::Curve;

/// The longest certificate that is read, in characters. One with an RSA key of 8192 bits, signed by such
/// a key, has some 4,000.
pub const CERTIFICATE_CHARS_MAX: usize = 16 * 1024;

/// Names of algorithms and curves, as they are encoded: 1.2.840.113549.1.1.1.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1.
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.3.101.112.
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.2.840.10045.3.1.7.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34.
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.132.0.35.
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// The key of a certificate: standard base64 of its DER. `None` where that cannot be read, or the key is of
/// a type or on a curve that is not used here.
pub(super) fn numbers(text: &str) -> Option<Numbers> {
    if text.len() > CERTIFICATE_CHARS_MAX {
        return None;
    }
    // RFC 7517 §4.7: not base64url.
    let certificate = base64url::decode_standard(text.as_bytes())?;
    let mut key = DerValues::of(subject_key(&certificate)?)?;
    let mut algorithm = DerValues::of(key.next(Tag::Sequence)?)?;
    let name = algorithm.next(Tag::ObjectIdentifier)?;
    let bits = key.next(Tag::BitString)?;
    key.end()?;
    // RFC 5280 §4.1.2.7: a whole number of bytes.
    let (0, bits) = bits.split_first()? else {
        return None;
    };
    match name {
        // RFC 3279 §2.3.1.
        RSA => {
            if !algorithm.is_empty() {
                algorithm.next(Tag::Null)?;
            }
            algorithm.end()?;
            rsa(bits)
        }
        // RFC 5480 §2.1.1, §2.2: a curve by its name, a point that is not compressed.
        EC => {
            let curve = match algorithm.next(Tag::ObjectIdentifier)? {
                P256 => Curve::P256,
                P384 => Curve::P384,
                P521 => Curve::P521,
                _ => return None,
            };
            algorithm.end()?;
            let (4, point) = bits.split_first()? else {
                return None;
            };
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            let (x, y) = (x.to_vec(), y.to_vec());
            Some(Numbers::Elliptic { curve, x, y })
        }
        // RFC 8410 §3, §4.
        ED25519 => {
            algorithm.end()?;
            Some(Numbers::Ed25519 { x: bits.to_vec() })
        }
        _ => None,
    }
}

/// The contents of the key's SubjectPublicKeyInfo. RFC 5280 §4.1: what comes before it is stepped over.
fn subject_key(certificate: &[u8]) -> Option<&[u8]> {
    let mut whole = DerValues::of(certificate)?;
    let mut certificate = DerValues::of(whole.next(Tag::Sequence)?)?;
    whole.end()?;
    let mut to_be_signed = DerValues::of(certificate.next(Tag::Sequence)?)?;
    let version = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(0),
    };
    let mut serial = to_be_signed.any()?;
    if serial.tag() == version {
        serial = to_be_signed.any()?;
    }
    if serial.tag() != Tag::Integer {
        return None;
    }
    // The algorithm of the signature, the issuer, the dates, the subject.
    for _ in 0..4 {
        to_be_signed.next(Tag::Sequence)?;
    }
    to_be_signed.next(Tag::Sequence)
}

/// RFC 8017 A.1.1.
fn rsa(bits: &[u8]) -> Option<Numbers> {
    let mut whole = DerValues::of(bits)?;
    let mut numbers = DerValues::of(whole.next(Tag::Sequence)?)?;
    whole.end()?;
    let [n, e] = [numbers.next(Tag::Integer)?, numbers.next(Tag::Integer)?];
    numbers.end()?;
    // Both are positive.
    let positive = |number: &[u8]| match number {
        [0x80..=0xff, ..] => None,
        _ => Some(without_zeros(number).to_vec()),
    };
    let (n, e) = (positive(n)?, positive(e)?);
    Some(Numbers::Rsa { n, e })
}

/// One value after the other.
struct DerValues<'f>(SliceReader<'f>);

impl<'f> DerValues<'f> {
    /// What is in the contents of a value.
    fn of(contents: &'f [u8]) -> Option<Self> {
        SliceReader::new(contents).ok().map(Self)
    }

    fn any(&mut self) -> Option<AnyRef<'f>> {
        AnyRef::decode(&mut self.0).ok()
    }

    /// The contents of the next value, which has this tag.
    fn next(&mut self, tag: Tag) -> Option<&'f [u8]> {
        let value = self.any()?;
        (value.tag() == tag).then(|| value.value())
    }

    fn is_empty(&self) -> bool {
        self.0.is_finished()
    }

    fn end(&self) -> Option<()> {
        self.is_empty().then_some(())
    }
}
