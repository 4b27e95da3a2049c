//! Ed25519 (RFC 8032, RFC 8037 §3.1), verified strictly.

use super::points::Ed25519Point;
use crate::keys::error::{KeyPart, SkipReason};

/// The prime of the field, 2^255 - 19, little-endian.
const PRIME: [u8; 32] = {
    let mut bytes = [0xff; 32];
    let [first, .., last] = &mut bytes;
    *first = 0xed;
    *last = 0x7f;
    bytes
};

pub(super) struct Ed25519Key(Ed25519Point);

impl Ed25519Key {
    pub(super) fn new(x: &[u8]) -> Result<Self, SkipReason> {
        let bytes: &[u8; 32] = x
            .try_into()
            .map_err(|_| SkipReason::Length { part: KeyPart::X })?;
        if !is_canonical(bytes) {
            return Err(SkipReason::WeakPoint);
        }
        let key = Ed25519Point::new(bytes).ok_or(SkipReason::NotOnCurve)?;
        // A key of small order verifies signatures that nobody made.
        if key.has_small_order() {
            return Err(SkipReason::WeakPoint);
        }
        Ok(Self(key))
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        signature
            .as_array()
            .is_some_and(|signature| self.0.verify(message, signature))
    }
}

/// RFC 8032 §5.1.3: the y coordinate is less than the prime. Points are decoded from any.
fn is_canonical(encoding: &[u8; 32]) -> bool {
    let mut y = *encoding;
    let [.., last] = &mut y;
    *last &= 0x7f;
    y.iter().rev().lt(PRIME.iter().rev())
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
    use num_bigint::BigUint;
    use sha2::{Digest as _, Sha512};

    use super::*;

    const SEED: [u8; 32] = [7; 32];
    const MESSAGE: &[u8] = b"message";

    fn key() -> (SigningKey, Ed25519Key) {
        let signing = SigningKey::from_bytes(&SEED);
        let public = Ed25519Key::new(signing.verifying_key().as_bytes()).unwrap();
        (signing, public)
    }

    #[test]
    fn a_signature_verifies() {
        let (signing, public) = key();
        let signature = signing.sign(MESSAGE).to_bytes();
        assert!(public.verify(MESSAGE, &signature));
        assert!(!public.verify(b"another", &signature));
    }

    /// A signature that only the owner of the key can make, and whose R is the neutral point: the
    /// equation of RFC 8032 holds for it, and it betrays the key.
    #[test]
    fn an_r_of_small_order_is_refused_even_where_the_equation_holds() {
        let (signing, public) = key();
        let order = (BigUint::from(1_u8) << 252)
            + BigUint::parse_bytes(b"27742317777372353535851937790883648493", 10).unwrap();
        let mut secret: [u8; 32] = *Sha512::digest(SEED).first_chunk().unwrap();
        let [first, .., last] = &mut secret;
        *first &= 0xf8;
        *last = *last & 0x7f | 0x40;
        let mut r = [0; 32];
        *r.first_mut().unwrap() = 1;
        let public_bytes = signing.verifying_key().to_bytes();
        let challenge = Sha512::digest([&r[..], &public_bytes, MESSAGE].concat());
        let s: BigUint =
            BigUint::from_bytes_le(&challenge) * BigUint::from_bytes_le(&secret) % order;
        let mut s = s.to_bytes_le();
        s.resize(32, 0);
        let signature = [&r[..], &s].concat();

        let lenient = Signature::from_slice(&signature).unwrap();
        assert!(
            signing.verifying_key().verify(MESSAGE, &lenient).is_ok(),
            "the equation holds"
        );
        assert!(!public.verify(MESSAGE, &signature));
    }

    #[test]
    fn keys_that_are_not_encoded_canonically_are_refused() {
        let mut points = 0;
        for above in 0..=18 {
            for sign in [0, 0x80] {
                let mut encoding = PRIME;
                let [first, .., last] = &mut encoding;
                *first += above;
                *last |= sign;
                points += usize::from(VerifyingKey::from_bytes(&encoding).is_ok());
                let refused = Ed25519Key::new(&encoding).err();
                assert_eq!(
                    refused,
                    Some(SkipReason::WeakPoint),
                    "the prime and {above}, sign {sign}"
                );
            }
        }
        assert!(
            points > 10,
            "some of them are points of the curve: {points}"
        );
    }
}
