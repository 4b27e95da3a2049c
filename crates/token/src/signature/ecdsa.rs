//! ECDSA (FIPS 186-5 §6.4.2) with the curves and hashes of RFC 7518 §3.4.

use p384::ecdsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256};

use super::Curve;
use crate::Algorithm;
use crate::keys::{KeyPart, SkipReason};

pub(super) enum EllipticKey {
    P256(crrl::p256::PublicKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl EllipticKey {
    pub(super) fn new(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, SkipReason> {
        let coordinate_bytes = match curve {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        };
        for (part, coordinate) in [(KeyPart::X, x), (KeyPart::Y, y)] {
            // RFC 7518 §6.2.1.2, §6.2.1.3: the full length, leading zeros included.
            if coordinate.len() != coordinate_bytes {
                return Err(SkipReason::Length { part });
            }
        }
        // SEC 1 §2.3.3: an uncompressed point.
        let point = [&[4], x, y].concat();
        match curve {
            Curve::P256 => crrl::p256::PublicKey::decode(&point).map(Self::P256),
            Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(&point)
                .ok()
                .map(Self::P384),
            Curve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(&point)
                .ok()
                .map(Self::P521),
        }
        .ok_or(SkipReason::NotOnCurve)
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Es256,
            Self::P384(_) => Algorithm::Es384,
            Self::P521(_) => Algorithm::Es512,
        }
    }

    /// RFC 7518 §3.4: the signature is R and S, each as long as the order, and nothing else.
    /// `from_slice` refuses other lengths, zero and what is not below the order.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            // This library takes other lengths as well; zero and what is not below the order it refuses.
            Self::P256(key) => {
                signature.len() == 64 && key.verify_hash(signature, &Sha256::digest(message))
            }
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}
