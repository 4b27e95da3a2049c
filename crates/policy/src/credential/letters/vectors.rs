//! The letters of a token, sixteen at a time.

#[cfg(target_arch = "wasm32")]
use core::arch::wasm32::{
    i8x16_swizzle, u8x16_bitmask, u8x16_eq, u8x16_shr, u8x16_splat, u64x2, u64x2_splat, v128,
    v128_and, v128_any_true, v128_or,
};

#[cfg(not(target_arch = "wasm32"))]
use super::lanes::{
    i8x16_swizzle, u8x16_bitmask, u8x16_eq, u8x16_shr, u8x16_splat, u64x2, u64x2_splat, v128,
    v128_and, v128_any_true, v128_or,
};
use super::letter::is_letter;

/// Bytes of a vector.
const LANES: usize = 16;

/// By the upper half of a byte: a bit for each row of ASCII that has letters, and one for all others.
const ROWS: [u8; LANES] = [
    1,
    1,
    1 << 2,
    1 << 3,
    1 << 4,
    1 << 5,
    1 << 6,
    1 << 7,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
];
/// By the lower half of a byte: the bits of the rows in which it is no letter.
const FOREIGN: [u8; LANES] = {
    let mut foreign = [1; LANES];
    let mut rest: &mut [u8] = &mut foreign;
    let mut column = 0;
    while let [rows, others @ ..] = rest {
        let mut row = 2;
        while row < 8 {
            if !is_letter(row << 4 | column) {
                *rows |= 1 << row;
            }
            row += 1;
        }
        column += 1;
        rest = others;
    }
    foreign
};

/// How many dots there are, if all are letters.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(super) fn dots(text: &[u8]) -> Option<u64> {
    let (vectors, rest) = text.as_chunks::<LANES>();
    let mut last = [b'a'; LANES];
    for (lane, byte) in last.iter_mut().zip(rest) {
        *lane = *byte;
    }
    let (rows, foreign) = (vector(&ROWS), vector(&FOREIGN));
    let (half, dot) = (u8x16_splat(0x0f), u8x16_splat(b'.'));
    let mut found = u64x2_splat(0);
    let mut dots = 0;
    let mut vectors = vectors.iter();
    let mut next = Some(&last);
    while let Some(lanes) = next {
        let bytes = vector(lanes);
        let row = i8x16_swizzle(rows, u8x16_shr(bytes, 4));
        let column = i8x16_swizzle(foreign, v128_and(bytes, half));
        found = v128_or(found, v128_and(row, column));
        dots += u64::from(u8x16_bitmask(u8x16_eq(bytes, dot)).count_ones());
        next = vectors.next();
    }
    (!v128_any_true(found)).then_some(dots)
}

#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn vector(lanes: &[u8; LANES]) -> v128 {
    let number = u128::from_le_bytes(*lanes);
    u64x2(number as u64, (number >> u64::BITS) as u64)
}
