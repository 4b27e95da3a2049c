//! The few vector instructions that [`super::narrow`] uses, in ordinary arithmetic and under the names
//! of `core::arch::wasm32`, so that its code is tested natively as well.

/// Four lanes of 32 bits or two of 64, little-endian.
#[expect(non_camel_case_types, reason = "the name that the real one has")]
#[derive(Clone, Copy)]
pub(super) struct v128(u128);

fn lanes32(vector: v128) -> [u64; 4] {
    [0, 32, 64, 96].map(|bit| u64::from((vector.0 >> bit) as u32))
}

fn lanes64(vector: v128) -> [u64; 2] {
    [vector.0 as u64, (vector.0 >> 64) as u64]
}

pub(super) const fn u64x2(low: u64, high: u64) -> v128 {
    v128(low as u128 | (high as u128) << 64)
}

pub(super) const fn u32x4(a: u32, b: u32, c: u32, d: u32) -> v128 {
    u64x2(a as u64 | (b as u64) << 32, c as u64 | (d as u64) << 32)
}

pub(super) fn u32x4_splat(lane: u32) -> v128 {
    u32x4(lane, lane, lane, lane)
}

pub(super) fn u64x2_splat(lane: u64) -> v128 {
    u64x2(lane, lane)
}

pub(super) fn u64x2_extract_lane<const LANE: usize>(vector: v128) -> u64 {
    let [low, high] = lanes64(vector);
    if LANE == 0 { low } else { high }
}

pub(super) fn u64x2_add(a: v128, b: v128) -> v128 {
    let ([a0, a1], [b0, b1]) = (lanes64(a), lanes64(b));
    // Not `wrapping_add`: an overflow here is a mistake that the tests are to find.
    u64x2(a0 + b0, a1 + b1)
}

pub(super) fn u64x2_shr(vector: v128, bits: u32) -> v128 {
    let [low, high] = lanes64(vector);
    u64x2(low >> bits, high >> bits)
}

pub(super) fn v128_and(a: v128, b: v128) -> v128 {
    v128(a.0 & b.0)
}

pub(super) fn u64x2_shuffle<const I: usize, const J: usize>(a: v128, b: v128) -> v128 {
    let ([a0, a1], [b0, b1]) = (lanes64(a), lanes64(b));
    let pick = |index| match index {
        0 => a0,
        1 => a1,
        2 => b0,
        _ => b1,
    };
    u64x2(pick(I), pick(J))
}

pub(super) fn u64x2_extmul_low_u32x4(a: v128, b: v128) -> v128 {
    let ([a0, a1, ..], [b0, b1, ..]) = (lanes32(a), lanes32(b));
    u64x2(a0 * b0, a1 * b1)
}

pub(super) fn u64x2_extmul_high_u32x4(a: v128, b: v128) -> v128 {
    let ([.., a2, a3], [.., b2, b3]) = (lanes32(a), lanes32(b));
    u64x2(a2 * b2, a3 * b3)
}
