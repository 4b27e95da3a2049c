//! gzip (RFC 1952), the other way round: for who takes it.

use crate::sum::sum_of;
use miniz_oxide::deflate::compress_to_vec;

/// The header of a member (section 2.3): DEFLATE, nothing else in it, no time, the fastest way, of an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// The fastest way to pack. Further ones take several times as long and save a few percent of JSON.
const LEVEL: u8 = 1;

/// What was given, as one member.
pub fn packed(plain: &[u8]) -> Vec<u8> {
    let deflated = compress_to_vec(plain, LEVEL);
    let sum = sum_of(plain).to_le_bytes();
    // Modulo 2^32 (section 2.3.1).
    let [a, b, c, d, ..] = (plain.len() as u64).to_le_bytes();
    [&HEADER[..], &deflated, &sum, &[a, b, c, d]].concat()
}
