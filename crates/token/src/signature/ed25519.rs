//! Ed25519 (RFC 8032, RFC 8037 §3.1), verified strictly.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::keys::{KeyPart, SkipReason};

/// The prime of the field, 2^255 - 19, little-endian.
const PRIME: [u8; 32] = {
    let mut bytes = [0xff; 32];
    let [first, .., last] = &mut bytes;
    *first = 0xed;
    *last = 0x7f;
    bytes
};

pub(super) struct Ed25519Key(VerifyingKey);

impl Ed25519Key {
    pub(super) fn new(x: &[u8]) -> Result<Self, SkipReason> {
        let bytes: &[u8; 32] = x
            .try_into()
            .map_err(|_| SkipReason::Length { part: KeyPart::X })?;
        if !is_canonical(bytes) {
            return Err(SkipReason::WeakPoint);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| SkipReason::NotOnCurve)?;
        // A key of small order verifies signatures that nobody made.
        if key.is_weak() {
            return Err(SkipReason::WeakPoint);
        }
        Ok(Self(key))
    }

    /// `verify_strict` refuses an S that is not reduced (RFC 8032 §5.1.7), an R of small order and an
    /// R that is not encoded canonically.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

/// RFC 8032 §5.1.3: the y coordinate is less than the prime. The library accepts any.
fn is_canonical(encoding: &[u8; 32]) -> bool {
    let mut y = *encoding;
    let [.., last] = &mut y;
    *last &= 0x7f;
    y.iter().rev().lt(PRIME.iter().rev())
}
