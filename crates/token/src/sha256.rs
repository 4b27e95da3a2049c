//! SHA-256, called from one place: the library's code is inlined wherever it is called.

use sha2::{Digest as _, Sha256};

/// SHA-256 of `bytes` (FIPS 180-4).
#[inline(never)]
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
