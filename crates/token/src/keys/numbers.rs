//! The numbers of a public key.

use super::error::SkipReason;
use crate::signature::PublicKey;
use crate::signature::curve::Curve;

/// The numbers of a public key, big-endian; those of RSA without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Elliptic {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519 {
        x: Vec<u8>,
    },
}

impl Numbers {
    pub(super) fn key(&self) -> Result<PublicKey, SkipReason> {
        match self {
            Self::Rsa { n, e } => PublicKey::rsa(n, e),
            Self::Elliptic { curve, x, y } => PublicKey::elliptic(*curve, x, y),
            Self::Ed25519 { x } => PublicKey::ed25519(x),
        }
    }
}

/// A big-endian number without leading zeros.
pub(super) fn without_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}
