//! Public keys and the signatures they verify.
//!
//! Where the primitives come from, and why. The figures are microseconds per verification of a short
//! message on one machine; the ratios are what counts.
//!
//! | algorithm | taken | native | wasm | instead of | native | wasm |
//! |---|---|---|---|---|---|---|
//! | RSA, 2048 bits | this crate's `rsa` | 26 | 27 | `rsa` 0.10 | 46 | 358 |
//! | ES384 | this crate's `ecdsa` | 850 | 1,500 | `p384` 0.14 | 550 | 2,700 |
//! | ES512 | this crate's `ecdsa` | 1,750 | 2,700 | `p521` 0.14 | 600 | 3,400 |
//!
//! ES256 and Ed25519 are those of `crates/curves`, which has tables for keys that are used again and again: whole
//! tokens take a quarter and two fifths of the time that `crrl` and `ed25519-dalek` take in wasm.
//!
//! Wasm is where it matters, and there not only time does: the code has to be loaded first. P-384 and P-521
//! are rare, and their crates, with those below them, take 90 KB. On the arithmetic that `crates/modular` has for
//! RSA anyway, both curves together take 6 KB and less time. Measurements are in `docs/decisions`.

pub(crate) mod curve;
mod ecdsa;
mod ed25519;
mod points;
mod prepared;
mod rsa;
mod signing;

use std::fmt;

use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::keys::error::SkipReason;

pub use crate::keys::secret::SecretKey;
pub use curve::Curve;
pub use rsa::{EXPONENT_BITS_MAX, MODULUS_BITS_MAX, MODULUS_BITS_MIN};
pub(crate) use signing::PrivateKey;

/// A public key, checked and prepared.
///
/// `Debug` prints the type of the key only.
pub struct PublicKey(Inner);

enum Inner {
    Rsa(rsa::RsaKey),
    Elliptic(ecdsa::EllipticKey),
    Ed25519(ed25519::Ed25519Key),
}

impl PublicKey {
    /// An RSA key (RFC 7518 §6.3.1): modulus and exponent, big-endian, without leading zeros.
    ///
    /// # Errors
    ///
    /// The modulus is not between [`MODULUS_BITS_MIN`] and [`MODULUS_BITS_MAX`] bits long, even, or of
    /// a kind that can be factored; the exponent is less than 3, longer than [`EXPONENT_BITS_MAX`] bits or even; one of them has
    /// a leading zero.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, SkipReason> {
        rsa::RsaKey::new(modulus, exponent).map(|key| Self(Inner::Rsa(key)))
    }

    /// A point of a NIST curve (RFC 7518 §6.2.1): its coordinates, big-endian, each as long as the
    /// field.
    ///
    /// # Errors
    ///
    /// A coordinate has the wrong length, or the point is not on the curve.
    pub fn elliptic(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, SkipReason> {
        ecdsa::EllipticKey::new(curve, x, y).map(|key| Self(Inner::Elliptic(key)))
    }

    /// An Ed25519 key (RFC 8037 §2).
    ///
    /// # Errors
    ///
    /// The key has the wrong length, is not a point of the curve, is not encoded canonically or has
    /// small order.
    pub fn ed25519(x: &[u8]) -> Result<Self, SkipReason> {
        ed25519::Ed25519Key::new(x).map(|key| Self(Inner::Ed25519(key)))
    }

    /// The algorithms that the key can be used with.
    #[must_use]
    pub fn algorithms(&self) -> AlgorithmSet {
        match &self.0 {
            Inner::Rsa(_) => rsa::ALGORITHMS,
            Inner::Elliptic(key) => AlgorithmSet::of(&[key.algorithm()]),
            Inner::Ed25519(_) => AlgorithmSet::of(&[Algorithm::EdDsa]),
        }
    }

    /// Whether this is a signature of the message by the key. An algorithm that the key cannot be
    /// used with verifies nothing.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.algorithms().contains(algorithm) {
            return false;
        }
        match &self.0 {
            Inner::Rsa(key) => key.verify(algorithm, message, signature),
            Inner::Elliptic(key) => key.verify(message, signature),
            Inner::Ed25519(key) => key.verify(message, signature),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Inner::Rsa(_) => "PublicKey(RSA)",
            Inner::Elliptic(_) => "PublicKey(EC)",
            Inner::Ed25519(_) => "PublicKey(Ed25519)",
        })
    }
}
