//! Signing, with the private key of a client: Ed25519 (RFC 8032 §5.1.6) and ECDSA on P-256 with the
//! deterministic nonces of RFC 6979 §3.2, so that neither needs randomness.
//!
//! Both by libraries, for what verifies here is not for secrets: their multiplications by a secret number have neither branches nor
//! places in a table that depend on it (`docs/decisions/0030-client-signing.md`).

use crrl::p256;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use crate::algorithm::Algorithm;

/// A private key. It has no `Debug`.
pub(crate) enum PrivateKey {
    Ed25519(Box<SigningKey>),
    P256(p256::PrivateKey),
}

impl PrivateKey {
    /// The key of this algorithm; `None` when the number is not in its range, or there is no signing
    /// with this algorithm here.
    pub(crate) fn new(algorithm: Algorithm, number: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::EdDsa => {
                let key = SigningKey::from_bytes(number.try_into().ok()?);
                Some(Self::Ed25519(Box::new(key)))
            }
            Algorithm::Es256 => p256::PrivateKey::decode(number).map(Self::P256),
            _ => None,
        }
    }

    /// The signature, as a JWS has it.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        match self {
            Self::Ed25519(key) => key.sign(message).to_bytes(),
            // With more to go into the nonce it would no longer be that of RFC 6979.
            Self::P256(key) => key.sign_hash(&Sha256::digest(message), &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use hmac::{Hmac, KeyInit as _, Mac as _};
    use num_bigint::BigUint;

    use super::*;

    /// The order of P-256.
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    const MESSAGES: [&[u8]; 3] = [b"", b"message", &[0xa5; 300]];

    /// Private numbers at the ends of their range and in between.
    fn numbers() -> Vec<[u8; 32]> {
        let mut one = [0; 32];
        *one.last_mut().unwrap() = 1;
        let mut last = ORDER;
        *last.last_mut().unwrap() -= 1;
        let some = (0..20_u8).map(|seed| Sha256::digest([seed]).into());
        [one, [1; 32], last].into_iter().chain(some).collect()
    }

    fn hmac(key: &[u8], parts: [&[u8]; 4]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(&parts.concat());
        mac.finalize().into_bytes().to_vec()
    }

    /// RFC 6979 §3.2, the steps of which are named here.
    fn nonce(number: &[u8; 32], hash: &BigUint) -> BigUint {
        let hash = hash.to_bytes_be();
        let hash = [vec![0; 32 - hash.len()], hash].concat();
        // Steps b to g.
        let (mut value, mut key) = (vec![1; 32], vec![0; 32]);
        for mark in [0, 1] {
            key = hmac(&key, [&value, &[mark], number, &hash]);
            value = hmac(&key, [&value, &[], &[], &[]]);
        }
        // Step h. That another round is needed happens once in 2^32 times.
        BigUint::from_bytes_be(&hmac(&key, [&value, &[], &[], &[]]))
    }

    /// Whoever has the private number can solve a signature for its nonce.
    #[test]
    fn the_nonce_of_a_p256_signature_is_that_of_the_specification() {
        let order = BigUint::from_bytes_be(&ORDER);
        for number in numbers() {
            let key = PrivateKey::new(Algorithm::Es256, &number).unwrap();
            let secret = BigUint::from_bytes_be(&number);
            for message in MESSAGES {
                let signature = key.sign(message);
                let (r, s) = signature.split_at(32);
                let (r, s) = (BigUint::from_bytes_be(r), BigUint::from_bytes_be(s));
                let hash = BigUint::from_bytes_be(&Sha256::digest(message)) % &order;
                let solved = (&hash + r * &secret) * s.modinv(&order).unwrap() % &order;
                assert_eq!(solved, nonce(&number, &hash), "{number:?}, {message:?}");
            }
        }
    }

    #[test]
    fn a_signature_is_the_same_each_time() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
            for number in numbers() {
                let [one, other] = [(); 2].map(|()| PrivateKey::new(algorithm, &number).unwrap());
                for message in MESSAGES {
                    assert_eq!(one.sign(message), other.sign(message), "{algorithm}");
                }
            }
        }
    }

    #[test]
    fn a_number_that_is_no_scalar_of_p256_is_no_key() {
        for number in [[0; 32], ORDER, [0xff; 32]] {
            let key = PrivateKey::new(Algorithm::Es256, &number);
            assert!(key.is_none(), "{number:?}");
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
