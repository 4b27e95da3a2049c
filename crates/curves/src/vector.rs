//! The vector instructions that [`super::pair`] uses: those of wasm, and natively the same in ordinary arithmetic, so
//! that one code is tested everywhere.

#[cfg(target_arch = "wasm32")]
pub(crate) use core::arch::wasm32::{
    u32x4, u32x4_add, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_shuffle, u32x4_sub,
    u64x2_add, u64x2_extmul_high_u32x4, u64x2_extmul_low_u32x4, u64x2_shl, u64x2_shr, u64x2_splat,
    u64x2_sub, v128, v128_and, v128_andnot,
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{
    u32x4, u32x4_add, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_shuffle, u32x4_sub,
    u64x2_add, u64x2_extmul_high_u32x4, u64x2_extmul_low_u32x4, u64x2_shl, u64x2_shr, u64x2_splat,
    u64x2_sub, v128, v128_and, v128_andnot,
};

#[cfg(not(target_arch = "wasm32"))]
mod native {
    /// Four lanes of 32 bits or two of 64, little-endian.
    #[expect(non_camel_case_types, reason = "the name that the real one has")]
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct v128([u64; 2]);

    #[inline]
    const fn lanes32(vector: v128) -> [u32; 4] {
        let [low, high] = vector.0;
        [
            low as u32,
            (low >> 32) as u32,
            high as u32,
            (high >> 32) as u32,
        ]
    }

    #[inline]
    pub(crate) const fn u32x4(a: u32, b: u32, c: u32, d: u32) -> v128 {
        v128([a as u64 | (b as u64) << 32, c as u64 | (d as u64) << 32])
    }

    #[inline]
    fn each32(a: v128, b: v128, operation: impl Fn(u32, u32) -> u32) -> v128 {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (lanes32(a), lanes32(b));
        u32x4(
            operation(a0, b0),
            operation(a1, b1),
            operation(a2, b2),
            operation(a3, b3),
        )
    }

    #[inline]
    fn each64(a: v128, b: v128, operation: impl Fn(u64, u64) -> u64) -> v128 {
        let ([a0, a1], [b0, b1]) = (a.0, b.0);
        v128([operation(a0, b0), operation(a1, b1)])
    }

    #[inline]
    pub(crate) fn u64x2_splat(lane: u64) -> v128 {
        v128([lane, lane])
    }

    #[inline]
    pub(crate) fn u32x4_extract_lane<const LANE: usize>(vector: v128) -> u32 {
        let [a, b, c, d] = lanes32(vector);
        match LANE {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        }
    }

    // Where one of these overflows, there is a mistake, which the tests are to find: they do not wrap.

    #[inline]
    pub(crate) fn u32x4_add(a: v128, b: v128) -> v128 {
        each32(a, b, |a, b| a + b)
    }

    #[inline]
    pub(crate) fn u32x4_sub(a: v128, b: v128) -> v128 {
        each32(a, b, |a, b| a - b)
    }

    #[inline]
    pub(crate) fn u64x2_add(a: v128, b: v128) -> v128 {
        each64(a, b, |a, b| a + b)
    }

    #[inline]
    pub(crate) fn u64x2_sub(a: v128, b: v128) -> v128 {
        each64(a, b, |a, b| a - b)
    }

    #[inline]
    pub(crate) fn u32x4_shl(a: v128, bits: u32) -> v128 {
        each32(a, a, |a, _| a << bits)
    }

    #[inline]
    pub(crate) fn u32x4_shr(a: v128, bits: u32) -> v128 {
        each32(a, a, |a, _| a >> bits)
    }

    #[inline]
    pub(crate) fn u64x2_shl(a: v128, bits: u32) -> v128 {
        each64(a, a, |a, _| a << bits)
    }

    #[inline]
    pub(crate) fn u64x2_shr(a: v128, bits: u32) -> v128 {
        each64(a, a, |a, _| a >> bits)
    }

    #[inline]
    pub(crate) fn v128_and(a: v128, b: v128) -> v128 {
        each64(a, b, |a, b| a & b)
    }

    /// What is in `a` and not in `b`.
    #[inline]
    pub(crate) fn v128_andnot(a: v128, b: v128) -> v128 {
        each64(a, b, |a, b| a & !b)
    }

    #[inline]
    pub(crate) fn u32x4_shuffle<const I: usize, const J: usize, const K: usize, const L: usize>(
        a: v128,
        b: v128,
    ) -> v128 {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (lanes32(a), lanes32(b));
        let pick = |index| match index {
            0 => a0,
            1 => a1,
            2 => a2,
            3 => a3,
            4 => b0,
            5 => b1,
            6 => b2,
            _ => b3,
        };
        u32x4(pick(I), pick(J), pick(K), pick(L))
    }

    #[inline]
    pub(crate) fn u64x2_extmul_low_u32x4(a: v128, b: v128) -> v128 {
        let ([a0, a1, ..], [b0, b1, ..]) = (lanes32(a), lanes32(b));
        v128([u64::from(a0) * u64::from(b0), u64::from(a1) * u64::from(b1)])
    }

    #[inline]
    pub(crate) fn u64x2_extmul_high_u32x4(a: v128, b: v128) -> v128 {
        let ([.., a2, a3], [.., b2, b3]) = (lanes32(a), lanes32(b));
        v128([u64::from(a2) * u64::from(b2), u64::from(a3) * u64::from(b3)])
    }
}
