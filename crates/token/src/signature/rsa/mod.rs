//! RSA signatures: the public operation and the two encodings (RFC 8017 §8.1.2, §8.2.2).
//!
//! Written here and not taken from a crate because verification is all that is needed and in wasm the
//! published ones are slow: seven times as slow and more, for a modulus of 2048 bits, as the
//! arithmetic of [`doorward_modular`]. Measured in `docs/decisions/0002-rsa.md`.
//!
//! - [`encoding`]: what the result of the public operation has to look like.
//! - [`roca`]: moduli that can be factored.

mod encoding;
mod roca;

use super::prepared::Prepared;
use doorward_modular::{Arithmetic as _, Modulus, bits};
use encoding::Hash;

use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::keys::error::{KeyPart, SkipReason};

/// The shortest modulus, in bits (RFC 7518 §3.3, §3.5).
pub const MODULUS_BITS_MIN: usize = 2048;

/// The longest modulus, in bits. The cost of a verification grows with the square of it.
pub const MODULUS_BITS_MAX: usize = 8192;

/// The longest exponent, in bits. The cost of a verification grows with it; nearly every key has
/// 65537, which is 17 bits long.
pub const EXPONENT_BITS_MAX: usize = u32::BITS as usize;

pub(super) const ALGORITHMS: AlgorithmSet = AlgorithmSet::of(&[
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
]);

pub(super) struct RsaKey {
    /// Big-endian, without leading zeros.
    modulus: Vec<u8>,
    modulus_bits: usize,
    prepared: Prepared<Modulus>,
    /// Big-endian.
    exponent: Vec<u8>,
}

impl RsaKey {
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, SkipReason> {
        for (part, number) in [(KeyPart::Modulus, modulus), (KeyPart::Exponent, exponent)] {
            // RFC 7518 §2, `Base64urlUInt`: no leading zeros, and zero itself is neither.
            if matches!(number, [] | [0, ..]) {
                return Err(SkipReason::LeadingZero { part });
            }
        }
        let modulus_bits = bits(modulus);
        if !(MODULUS_BITS_MIN..=MODULUS_BITS_MAX).contains(&modulus_bits) {
            return Err(SkipReason::ModulusSize { bits: modulus_bits });
        }
        if is_even(modulus) {
            return Err(SkipReason::EvenModulus);
        }
        // RFC 8017 §3.1: odd and at least 3. With 1, every encoding is its own signature.
        if bits(exponent) > EXPONENT_BITS_MAX || is_even(exponent) || exponent == [1] {
            return Err(SkipReason::Exponent);
        }
        if roca::is_factorable(modulus) {
            return Err(SkipReason::FactorableModulus);
        }
        Ok(Self {
            modulus: modulus.to_vec(),
            modulus_bits,
            prepared: Prepared::not_yet(),
            exponent: exponent.to_vec(),
        })
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        // RFC 8017 §8.1.2 step 1, §8.2.2 step 1: exactly as long as the modulus.
        if signature.len() != self.modulus.len() {
            return false;
        }
        // RFC 8017 §5.2.2 step 1: below the modulus. Both are big-endian and equally long.
        if signature >= self.modulus.as_slice() {
            return false;
        }
        let prepared = self.prepared.get(|| Modulus::new(&self.modulus));
        let encoded = prepared.power(signature, &self.exponent);
        match algorithm {
            Algorithm::Rs256 => encoding::is_pkcs1(&encoded, Hash::Sha256, message),
            Algorithm::Rs384 => encoding::is_pkcs1(&encoded, Hash::Sha384, message),
            Algorithm::Rs512 => encoding::is_pkcs1(&encoded, Hash::Sha512, message),
            Algorithm::Ps256 => {
                encoding::is_pss(&encoded, self.modulus_bits, Hash::Sha256, message)
            }
            Algorithm::Ps384 => {
                encoding::is_pss(&encoded, self.modulus_bits, Hash::Sha384, message)
            }
            Algorithm::Ps512 => {
                encoding::is_pss(&encoded, self.modulus_bits, Hash::Sha512, message)
            }
            _ => false,
        }
    }
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|last| last & 1 == 0)
}

#[cfg(test)]
mod tests;
