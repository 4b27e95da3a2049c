//! The vector instructions that [`super::vectors`] uses, in ordinary arithmetic and under the names of
//! `core::arch::wasm32`, so that its code is tested natively as well.
#![expect(clippy::indexing_slicing, reason = "tests")]

#[expect(non_camel_case_types, reason = "the name that the real one has")]
#[derive(Clone, Copy)]
pub(super) struct v128([u8; 16]);

pub(super) fn u64x2(low: u64, high: u64) -> v128 {
    v128((u128::from(high) << 64 | u128::from(low)).to_le_bytes())
}

pub(super) fn u64x2_splat(lane: u64) -> v128 {
    u64x2(lane, lane)
}

pub(super) fn u8x16_splat(lane: u8) -> v128 {
    v128([lane; 16])
}

fn each(v128(a): v128, v128(b): v128, of: impl Fn(u8, u8) -> u8) -> v128 {
    v128(std::array::from_fn(|lane| of(a[lane], b[lane])))
}

pub(super) fn v128_and(a: v128, b: v128) -> v128 {
    each(a, b, |a, b| a & b)
}

pub(super) fn v128_or(a: v128, b: v128) -> v128 {
    each(a, b, |a, b| a | b)
}

pub(super) fn u8x16_eq(a: v128, b: v128) -> v128 {
    each(a, b, |a, b| if a == b { u8::MAX } else { 0 })
}

pub(super) fn u8x16_shr(a: v128, bits: u32) -> v128 {
    each(a, a, |a, _| a >> bits)
}

pub(super) fn u8x16_bitmask(v128(a): v128) -> u16 {
    let bit = |(lane, byte): (usize, &u8)| u16::from(byte >> 7) << lane;
    a.iter().enumerate().map(bit).sum()
}

/// Lanes of the first vector, chosen by the second one; 0 where there is no such lane.
pub(super) fn i8x16_swizzle(v128(a): v128, chosen: v128) -> v128 {
    each(chosen, chosen, |lane, _| {
        a.get(usize::from(lane)).copied().unwrap_or_default()
    })
}

pub(super) fn v128_any_true(v128(a): v128) -> bool {
    a != [0; 16]
}
