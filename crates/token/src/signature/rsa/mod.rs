//! RSA.

use crate::keys::SkipReason;
use crate::{Algorithm, AlgorithmSet};

/// The shortest modulus (RFC 7518 §3.3, §3.5), in bits.
pub const MODULUS_BITS_MIN: usize = 2048;
/// The longest modulus, in bits.
pub const MODULUS_BITS_MAX: usize = 8192;
/// The longest exponent, in bits.
pub const EXPONENT_BITS_MAX: usize = 32;

pub(super) const ALGORITHMS: AlgorithmSet = AlgorithmSet::of(&[
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
]);

pub(super) struct RsaKey;

impl RsaKey {
    pub(super) fn new(_modulus: &[u8], _exponent: &[u8]) -> Result<Self, SkipReason> {
        Ok(Self)
    }

    pub(super) fn verify(&self, _algorithm: Algorithm, _message: &[u8], _signature: &[u8]) -> bool {
        false
    }
}
