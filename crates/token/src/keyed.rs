//! A name in place of another one.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a hash: as many as nobody finds twice by chance.
const HASH_BYTES: usize = 16;

/// HMAC-SHA-256 of these parts with a key, the first half of it, in hexadecimal digits.
#[must_use]
pub fn keyed_hash(key: &[u8], parts: &[&[u8]]) -> String {
    // HMAC takes keys of every length.
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    for part in parts {
        hmac.update(part);
    }
    let hash = hmac.finalize().into_bytes();
    let mut text = String::with_capacity(2 * HASH_BYTES);
    for byte in hash.iter().take(HASH_BYTES) {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}
