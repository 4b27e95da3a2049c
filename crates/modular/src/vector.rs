//! The few vector instructions that [`super::narrow`] uses, in ordinary arithmetic and under the names
//! of `core::arch::wasm32`, so that its code is tested natively as well.

/// Four lanes of 32 bits, eight of 16 or two of 64, little-endian.
#[expect(non_camel_case_types, reason = "the name that the real one has")]
#[derive(Clone, Copy)]
pub(super) struct v128([u32; 4]);

fn lanes64(v128([a, b, c, d]): v128) -> [u64; 2] {
    [[a, b], [c, d]].map(|[low, high]| u64::from(low) | u64::from(high) << 32)
}

pub(super) const fn u64x2(low: u64, high: u64) -> v128 {
    v128([
        low as u32,
        (low >> 32) as u32,
        high as u32,
        (high >> 32) as u32,
    ])
}

pub(super) fn u32x4_splat(lane: u32) -> v128 {
    v128([lane; 4])
}

pub(super) fn u64x2_splat(lane: u64) -> v128 {
    u64x2(lane, lane)
}

pub(super) fn u64x2_extract_lane<const LANE: usize>(vector: v128) -> u64 {
    let [low, high] = lanes64(vector);
    if LANE == 0 { low } else { high }
}

// Not `wrapping_add`: an overflow here is a mistake that the tests are to find.
pub(super) fn u64x2_add(a: v128, b: v128) -> v128 {
    let ([a0, a1], [b0, b1]) = (lanes64(a), lanes64(b));
    u64x2(a0 + b0, a1 + b1)
}

pub(super) fn u32x4_add(v128([a0, a1, a2, a3]): v128, v128([b0, b1, b2, b3]): v128) -> v128 {
    v128([a0 + b0, a1 + b1, a2 + b2, a3 + b3])
}

pub(super) fn u64x2_shl(vector: v128, bits: u32) -> v128 {
    let [low, high] = lanes64(vector);
    u64x2(low << bits, high << bits)
}

pub(super) fn u64x2_shr(vector: v128, bits: u32) -> v128 {
    let [low, high] = lanes64(vector);
    u64x2(low >> bits, high >> bits)
}

pub(super) fn u32x4_shr(v128(lanes): v128, bits: u32) -> v128 {
    v128(lanes.map(|lane| lane >> bits))
}

pub(super) fn v128_and(a: v128, b: v128) -> v128 {
    let ([a0, a1], [b0, b1]) = (lanes64(a), lanes64(b));
    u64x2(a0 & b0, a1 & b1)
}

/// The lanes of 32 bits that are chosen, those of the second vector being counted on.
pub(super) fn u32x4_shuffle<const I: usize, const J: usize, const K: usize, const L: usize>(
    v128(a): v128,
    v128(b): v128,
) -> v128 {
    let lane = |index| a.iter().chain(&b).nth(index).copied().unwrap_or_default();
    v128([I, J, K, L].map(lane))
}

/// The same with lanes of 16 bits.
pub(super) fn u16x8_shuffle<
    const I: usize,
    const J: usize,
    const K: usize,
    const L: usize,
    const M: usize,
    const N: usize,
    const O: usize,
    const P: usize,
>(
    v128(a): v128,
    v128(b): v128,
) -> v128 {
    let lane = |index: usize| {
        let word = a.iter().chain(&b).nth(index / 2).copied();
        word.unwrap_or_default() >> (16 * (index % 2)) & 0xffff
    };
    v128([[I, J], [K, L], [M, N], [O, P]].map(|[low, high]| lane(low) | lane(high) << 16))
}

pub(super) fn i32x4_dot_i16x8(v128([a0, a1, a2, a3]): v128, v128([b0, b1, b2, b3]): v128) -> v128 {
    let halves = |lane: u32| (i32::from(lane as i16), i32::from((lane >> 16) as i16));
    let dot = |a, b| {
        let ((a_low, a_high), (b_low, b_high)) = (halves(a), halves(b));
        (a_low * b_low + a_high * b_high) as u32
    };
    v128([dot(a0, b0), dot(a1, b1), dot(a2, b2), dot(a3, b3)])
}
