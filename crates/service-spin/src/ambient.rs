//! The time and random numbers.

use std::time::{SystemTime, UNIX_EPOCH};

use spin_sdk::wasip3::random::random::get_random_bytes;

/// The time, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |since| since.as_millis());
    u64::try_from(now_ms).unwrap_or(u64::MAX)
}

/// Random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut random = [0; N];
    for (place, byte) in random.iter_mut().zip(get_random_bytes(N as u64)) {
        *place = byte;
    }
    random
}
