//! Signing, with the private key of a client: Ed25519 (RFC 8032 §5.1.6) and ECDSA on P-256 with
//! deterministic nonces (RFC 6979 §3.2).
//!
//! The primitives are those of the libraries that verify, put together here, because what the libraries
//! offer for it brings tables and a second set of hashes along: 68 KB in a component, and this is 15 KB.
//! It is slower for want of the tables, but a client signs once in a while, and waits for an answer from
//! the network then.
//!
//! Nothing here branches on a secret number, or looks something up at a place that depends on one. What
//! is told apart is whether a nonce is in its range, which of 2^32 one is not.

use crrl::p256;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

use crate::Algorithm;

/// A private key. It has no `Debug`.
pub(crate) enum PrivateKey {
    Ed25519(Box<Ed25519>),
    P256(P256),
}

impl PrivateKey {
    /// The key of this algorithm; `None` when the number is not in its range, or there is no signing
    /// with this algorithm here.
    pub(crate) fn new(algorithm: Algorithm, number: &[u8]) -> Option<Self> {
        let number = number.try_into().ok()?;
        match algorithm {
            Algorithm::EdDsa => Ed25519::new(number).map(|key| Self::Ed25519(Box::new(key))),
            Algorithm::Es256 => p256_scalar(number).map(|secret| Self::P256(P256 { secret })),
            _ => None,
        }
    }

    /// The signature, as a JWS has it.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        match self {
            Self::Ed25519(key) => key.sign(message),
            Self::P256(key) => key.sign(message),
        }
    }
}

/// What follows from a private key (RFC 8032 §5.1.5).
pub(crate) struct Ed25519 {
    scalar: Scalar,
    prefix: [u8; 32],
    public: [u8; 32],
}

impl Ed25519 {
    fn new(seed: &[u8; 32]) -> Option<Self> {
        let hash: [u8; 64] = Sha512::digest(seed).into();
        let (scalar, prefix) = hash.split_first_chunk()?;
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(*scalar));
        Some(Self {
            scalar,
            prefix: prefix.try_into().ok()?,
            public: compressed_multiple(&scalar),
        })
    }

    /// RFC 8032 §5.1.6.
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let hash = |parts: [&[u8]; 3]| {
            let mut hash = Sha512::new();
            for part in parts {
                hash.update(part);
            }
            Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
        };
        let nonce = hash([&self.prefix, message, &[]]);
        let r = compressed_multiple(&nonce);
        let challenge = hash([&r, &self.public, message]);
        let s = multiply_add(
            challenge.as_bytes(),
            self.scalar.as_bytes(),
            nonce.as_bytes(),
        );
        joined(&r, Scalar::from_bytes_mod_order_wide(&s).as_bytes())
    }
}

/// The library's own way to a multiple of this point uses a table of 30 KB.
fn compressed_multiple(scalar: &Scalar) -> [u8; 32] {
    (ED25519_BASEPOINT_POINT * scalar).compress().to_bytes()
}

/// a · b + c, all little-endian and less than 2^255.
fn multiply_add(a: &[u8; 32], b: &[u8; 32], c: &[u8; 32]) -> [u8; 64] {
    let mut result = [0; 64];
    // The sum of at most 32 products, each less than 2^16, and what is left of the place before.
    let mut sum = 0_u32;
    for (place, digit) in result.iter_mut().enumerate() {
        sum += u32::from(c.get(place).copied().unwrap_or_default());
        for (left, &x) in a.iter().enumerate() {
            let right = place.checked_sub(left);
            let y = right.and_then(|right| b.get(right)).copied();
            sum += u32::from(x) * u32::from(y.unwrap_or_default());
        }
        [*digit, ..] = sum.to_le_bytes();
        sum >>= 8;
    }
    result
}

/// A number from 1 to the order less 1.
pub(crate) struct P256 {
    secret: p256::Scalar,
}

impl P256 {
    /// FIPS 186-5 §6.4.1, with the nonce of RFC 6979 §3.2, the steps of which are named here.
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let hash = p256::Scalar::decode_reduce(&reversed(&Sha256::digest(message).into()));
        let x = reversed(&self.secret.encode32());
        let h = reversed(&hash.encode32());
        // Steps b to g.
        let (mut value, mut key) = ([1; 32], [0; 32]);
        for mark in [0, 1] {
            key = hmac(&key, [&value, &[mark], &x, &h]);
            value = hmac(&key, [&value, &[], &[], &[]]);
        }
        // Step h.
        loop {
            value = hmac(&key, [&value, &[], &[], &[]]);
            if let Some(nonce) = p256_scalar(&value) {
                let [_, x @ ..] = multiple_of_generator(&nonce).encode_compressed();
                let r = p256::Scalar::decode_reduce(&reversed(&x));
                let s = (hash + self.secret * r) * inverse(&nonce);
                if r.iszero() | s.iszero() == 0 {
                    return joined(&reversed(&r.encode32()), &reversed(&s.encode32()));
                }
            }
            key = hmac(&key, [&value, &[0], &[], &[]]);
            value = hmac(&key, [&value, &[], &[], &[]]);
        }
    }
}

fn hmac(key: &[u8; 32], parts: [&[u8]; 4]) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The number, big-endian, if it is from 1 to the order less 1.
fn p256_scalar(number: &[u8; 32]) -> Option<p256::Scalar> {
    let (scalar, below_order) = p256::Scalar::decode32(&reversed(number));
    (below_order & !scalar.iszero() != 0).then_some(scalar)
}

/// An addition for every bit, whether it counts or not; the library's formulas have no special cases.
fn multiple_of_generator(scalar: &p256::Scalar) -> p256::Point {
    let mut point = p256::Point::NEUTRAL;
    for byte in reversed(&scalar.encode32()) {
        for bit in (0..8).rev() {
            point.set_xdouble(1);
            let sum = point + p256::Point::BASE;
            let counts = u32::from(byte >> bit & 1);
            point.set_cond(&sum, counts.wrapping_neg());
        }
    }
    point
}

/// By Fermat, because the order is prime. The exponent is no secret.
fn inverse(number: &p256::Scalar) -> p256::Scalar {
    const ORDER_LESS_2: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
    ];
    let mut power = p256::Scalar::ONE;
    for byte in ORDER_LESS_2 {
        for bit in (0..8).rev() {
            power = power * power;
            if byte >> bit & 1 == 1 {
                power *= *number;
            }
        }
    }
    power
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    for (to, from) in signature.iter_mut().zip(r.iter().chain(s)) {
        *to = *from;
    }
    signature
}

/// The library's numbers are little-endian.
fn reversed(number: &[u8; 32]) -> [u8; 32] {
    let mut number = *number;
    number.reverse();
    number
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use ed25519_dalek::{Signer as _, SigningKey};
    use num_bigint::BigUint;

    use super::*;

    /// Numbers at the ends of their range and in between.
    fn numbers() -> Vec<[u8; 32]> {
        let mut high = [0xff; 32];
        *high.first_mut().unwrap() = 0x7f;
        *high.last_mut().unwrap() = 0x7f;
        // The order of P-256 less 1, which both read as a number in their range.
        let mut last = [
            0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
            0x25, 0x51,
        ];
        *last.last_mut().unwrap() -= 1;
        let mut numbers = vec![[0; 32], [1; 32], high, last];
        for seed in 0..20_u8 {
            let mut number: [u8; 32] = Sha256::digest([seed]).into();
            *number.last_mut().unwrap() &= 0x7f;
            numbers.push(number);
        }
        numbers
    }

    #[test]
    fn products_and_sums_are_those_of_another_implementation() {
        let numbers = numbers();
        let read = |number: &[u8]| BigUint::from_bytes_le(number);
        for a in &numbers {
            for b in &numbers {
                for c in numbers.iter().take(4) {
                    let expected = read(a) * read(b) + read(c);
                    assert_eq!(read(&multiply_add(a, b, c)), expected, "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    #[test]
    fn signatures_are_those_of_the_libraries() {
        for number in numbers().into_iter().skip(1) {
            for message in [&b""[..], b"message", &[0xa5; 300]] {
                let key = PrivateKey::new(Algorithm::EdDsa, &number).unwrap();
                let theirs = SigningKey::from_bytes(&number).sign(message).to_bytes();
                assert_eq!(key.sign(message), theirs, "Ed25519, {number:?}");

                let key = PrivateKey::new(Algorithm::Es256, &number).unwrap();
                let theirs = p256::PrivateKey::decode(&number).unwrap();
                let theirs = theirs.sign_hash(&Sha256::digest(message), &[]);
                assert_eq!(key.sign(message), theirs, "P-256, {number:?}");
            }
        }
    }

    #[test]
    fn multiples_and_inverses_are_those_of_the_library() {
        for number in numbers().into_iter().skip(1) {
            let scalar = p256_scalar(&number).unwrap();
            let ours = multiple_of_generator(&scalar);
            let theirs = p256::Point::mulgen(&scalar);
            assert_ne!(ours.equals(theirs), 0, "{number:?}");
            let one = inverse(&scalar) * scalar;
            assert_ne!(one.equals(p256::Scalar::ONE), 0, "{number:?}");
        }
    }

    #[test]
    fn there_is_no_signing_with_anything_else() {
        for algorithm in Algorithm::ALL {
            let signs = matches!(algorithm, Algorithm::EdDsa | Algorithm::Es256);
            assert_eq!(
                PrivateKey::new(algorithm, &[1; 32]).is_some(),
                signs,
                "{algorithm}"
            );
            assert!(
                PrivateKey::new(algorithm, &[1; 31]).is_none(),
                "{algorithm}"
            );
            assert!(
                PrivateKey::new(algorithm, &[1; 33]).is_none(),
                "{algorithm}"
            );
        }
    }
}
