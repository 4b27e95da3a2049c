//! Signing, with the private key of a client: Ed25519 (RFC 8032 §5.1.6) and ECDSA on P-256 with
//! deterministic nonces (RFC 6979 §3.2).

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use crate::Algorithm;

/// A private key. It has no `Debug`.
pub(crate) enum PrivateKey {
    Ed25519(Box<SigningKey>),
    P256(crrl::p256::PrivateKey),
}

impl PrivateKey {
    /// The key of this algorithm; `None` when the number is not in its range, or there is no signing
    /// with this algorithm here.
    pub(crate) fn new(algorithm: Algorithm, number: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::EdDsa => {
                let seed = number.try_into().ok()?;
                Some(Self::Ed25519(Box::new(SigningKey::from_bytes(seed))))
            }
            Algorithm::Es256 => crrl::p256::PrivateKey::decode(number).map(Self::P256),
            _ => None,
        }
    }

    /// The signature, as a JWS has it.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        match self {
            Self::Ed25519(key) => key.sign(message).to_bytes(),
            Self::P256(key) => key.sign_hash(&Sha256::digest(message), &[]),
        }
    }
}
