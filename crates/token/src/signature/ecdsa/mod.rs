//! ECDSA (FIPS 186-5 §6.4.2) with the curves and hashes of RFC 7518 §3.4.
//!
//! P-384 and P-521 are done here: why, says `docs/decisions/0003-p384-p521.md`. P-256 is in [`super::points`].
//!
//! - [`domain`]: the curves.
//! - [`point`]: their points.
//! - [`key`]: keys and signatures.

mod domain;
mod key;
mod point;
#[cfg(test)]
mod reference;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::curve::Curve;
use super::points::P256Point;
use crate::algorithm::Algorithm;
use crate::keys::error::{KeyPart, SkipReason};
use doorward_modular::Modulus;
use key::EcdsaKey;

pub(super) enum EllipticKey {
    P256(P256Point),
    P384(Box<EcdsaKey<Modulus>>),
    P521(Box<EcdsaKey<Modulus>>),
}

impl EllipticKey {
    pub(super) fn new(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, SkipReason> {
        let coordinate_bytes = match curve {
            Curve::P256 => 32,
            Curve::P384 => domain::P384.bytes(),
            Curve::P521 => domain::P521.bytes(),
        };
        for (part, coordinate) in [(KeyPart::X, x), (KeyPart::Y, y)] {
            // RFC 7518 §6.2.1.2, §6.2.1.3: the full length, leading zeros included.
            if coordinate.len() != coordinate_bytes {
                return Err(SkipReason::Length { part });
            }
        }
        match curve {
            Curve::P256 => match (x.as_array(), y.as_array()) {
                (Some(x), Some(y)) => P256Point::new(x, y).map(Self::P256),
                _ => None,
            },
            Curve::P384 => EcdsaKey::new(&domain::P384, x, y)
                .map(Box::new)
                .map(Self::P384),
            Curve::P521 => EcdsaKey::new(&domain::P521, x, y)
                .map(Box::new)
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
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => signature
                .as_array()
                .is_some_and(|signature| key.verify(&Sha256::digest(message).into(), signature)),
            Self::P384(key) => key.verify(&Sha384::digest(message), signature),
            Self::P521(key) => key.verify(&Sha512::digest(message), signature),
        }
    }
}
