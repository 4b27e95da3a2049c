//! By `doorward-curves`.

use doorward_curves::{ed25519, p256};
use sha2::{Digest as _, Sha512};

pub(crate) struct P256Point(Box<p256::Key>);

impl P256Point {
    /// The point with these coordinates, big-endian, if it is one of the curve.
    pub(crate) fn new(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        p256::Key::new(x, y).map(|key| Self(Box::new(key)))
    }

    /// Whether this is a signature, R and S, of what has this hash.
    pub(crate) fn verify(&self, hash: &[u8; 32], signature: &[u8; 64]) -> bool {
        self.0.verify(hash, signature)
    }
}

pub(crate) struct Ed25519Point(Box<ed25519::Key>);

impl Ed25519Point {
    /// The point that is encoded so, if there is one. A y that is not below the prime may be taken for another one.
    pub(crate) fn new(encoding: &[u8; 32]) -> Option<Self> {
        ed25519::Key::new(encoding).map(|key| Self(Box::new(key)))
    }

    pub(crate) fn has_small_order(&self) -> bool {
        self.0.has_small_order()
    }

    /// Whether this is a signature, R and S, of the message. S must be reduced (RFC 8032 §5.1.7), and R canonically
    /// encoded and not of small order.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let ([r, _], []) = signature.as_chunks::<32>() else {
            return false;
        };
        let mut challenge = Sha512::new();
        challenge.update(r);
        challenge.update(self.0.encoding());
        challenge.update(message);
        self.0.verify(&challenge.finalize().into(), signature)
    }
}
