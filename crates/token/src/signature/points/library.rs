//! By `crrl` and `ed25519-dalek`.

use crrl::p256;
use ed25519_dalek::{Signature, VerifyingKey};

pub(crate) struct P256Point(p256::PublicKey);

impl P256Point {
    /// The point with these coordinates, big-endian, if it is one of the curve.
    pub(crate) fn new(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        // SEC 1 §2.3.3: an uncompressed point.
        p256::PublicKey::decode(&[&[4], &x[..], &y[..]].concat()).map(Self)
    }

    /// Whether this is a signature, R and S, of what has this hash. Zero and what is not below the order this library
    /// refuses.
    pub(crate) fn verify(&self, hash: &[u8; 32], signature: &[u8; 64]) -> bool {
        self.0.verify_hash(signature, hash)
    }
}

pub(crate) struct Ed25519Point(VerifyingKey);

impl Ed25519Point {
    /// The point that is encoded so, if there is one. A y that is not below the prime may be taken for another one.
    pub(crate) fn new(encoding: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(encoding).ok().map(Self)
    }

    pub(crate) fn has_small_order(&self) -> bool {
        self.0.is_weak()
    }

    /// Whether this is a signature, R and S, of the message. S must be reduced (RFC 8032 §5.1.7), and R canonically
    /// encoded and not of small order.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }
}
