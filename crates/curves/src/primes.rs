//! The primes of the two fields, and how products are reduced by them.

use crate::limbs::{LIMB_BITS, LIMB_MASK, Limbs, ONE, of_words};
use crate::pair::{Columns, Lanes, Prime, both, packed, passed_on};
use crate::vector::{
    u32x4, u32x4_add, u32x4_shl, u32x4_shr, u32x4_shuffle, u32x4_sub, u64x2_add, u64x2_shl,
    u64x2_shr, u64x2_splat, u64x2_sub, v128_and,
};

/// 2^256 − 2^224 + 2^192 + 2^96 − 1 (SP 800-186 §3.2.1.3).
///
/// Numbers are in Montgomery form, with R = 2^261. The prime is −1 modulo 2^96, so that the multiple of it which clears
/// the lowest limb is that limb, and no multiplication is needed to find or to add it.
pub(crate) struct P256;

impl Prime for P256 {
    const PRIME: Limbs = of_words([u64::MAX, 0xffff_ffff, 0, 0xffff_ffff_0000_0001]);
    /// 16 times the prime.
    const ROOM: Lanes = both([
        0x7ffffff0, 0x7ffffffc, 0x7ffffffc, 0x60001ffc, 0x5ffffffd, 0x5ffffffd, 0x603ffffd,
        0x7dfffffd, 0x0ffffffc,
    ]);
    /// R².
    const ENTRY: Limbs = of_words([
        0xc00,
        0xffff_efff_ffff_fc00,
        0xffff_ffff_ffff_fbff,
        0x13ff_ffff_f7ff,
    ]);
    /// R.
    const ONE: Limbs = of_words([
        0x20,
        0xffff_ffe0_0000_0000,
        0xffff_ffff_ffff_ffff,
        0x1f_ffff_ffdf,
    ]);

    /// Divides by R. The factors are below the prime and a 25th, so the quotient is below the prime and a 29th.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn reduce(columns: &Columns) -> Lanes {
        let mask = u64x2_splat(u64::from(LIMB_MASK));
        let [
            t0,
            mut t1,
            mut t2,
            mut t3,
            mut t4,
            mut t5,
            mut t6,
            mut t7,
            mut t8,
            mut t9,
            mut t10,
            mut t11,
            mut t12,
            mut t13,
            mut t14,
            mut t15,
            mut t16,
        ] = *columns;
        // Adds m times the prime, where m is the lowest limb. In limbs the prime is −1 + 2^9 · 2^(3 · 29) +
        // 2^18 · 2^(6 · 29) + (2^29 − 2^21) · 2^(7 · 29) + (2^24 − 1) · 2^(8 · 29).
        macro_rules! step {
            ($t0:ident, $t1:ident, $t3:ident, $t6:ident, $t7:ident, $t8:ident) => {
                let m = v128_and($t0, mask);
                $t1 = u64x2_add($t1, u64x2_shr($t0, LIMB_BITS));
                $t3 = u64x2_add($t3, u64x2_shl(m, 9));
                $t6 = u64x2_add($t6, u64x2_shl(m, 18));
                $t7 = u64x2_add($t7, u64x2_sub(u64x2_shl(m, 29), u64x2_shl(m, 21)));
                $t8 = u64x2_add($t8, u64x2_sub(u64x2_shl(m, 24), m));
            };
        }
        step!(t0, t1, t3, t6, t7, t8);
        step!(t1, t2, t4, t7, t8, t9);
        step!(t2, t3, t5, t8, t9, t10);
        step!(t3, t4, t6, t9, t10, t11);
        step!(t4, t5, t7, t10, t11, t12);
        step!(t5, t6, t8, t11, t12, t13);
        step!(t6, t7, t9, t12, t13, t14);
        step!(t7, t8, t10, t13, t14, t15);
        step!(t8, t9, t11, t14, t15, t16);
        packed(passed_on([
            t9,
            t10,
            t11,
            t12,
            t13,
            t14,
            t15,
            t16,
            u64x2_splat(0),
        ]))
    }

    /// What is above 2^256 counts for as many times 2^224 − 2^192 − 2^96 + 1.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn fold([a0, a1, a2, a3, a4]: Lanes) -> Lanes {
        let above = u32x4_shr(a4, 24);
        let odd = u32x4_shuffle::<0, 1, 4, 5>(u32x4(0, 0, 0, 0), above);
        [
            u32x4_add(a0, above),
            u32x4_sub(a1, u32x4_shl(odd, 9)),
            a2,
            u32x4_add(u32x4_sub(a3, u32x4_shl(above, 18)), u32x4_shl(odd, 21)),
            v128_and(a4, u32x4((1 << 24) - 1, (1 << 24) - 1, 0, 0)),
        ]
    }
}

/// 2^255 − 19 (RFC 7748 §4.1).
pub(crate) struct P25519;

impl Prime for P25519 {
    const PRIME: Limbs = of_words([u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1]);
    /// 16 times the prime.
    const ROOM: Lanes = both([
        0x7ffffed0, 0x7ffffffc, 0x7ffffffc, 0x7ffffffc, 0x7ffffffc, 0x7ffffffc, 0x7ffffffc,
        0x7ffffffc, 0x07fffffc,
    ]);
    const ENTRY: Limbs = ONE;
    const ONE: Limbs = ONE;

    /// 2^255 counts for 19, and 2^261 for 64 times as much.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn reduce(columns: &Columns) -> Lanes {
        let mask = u64x2_splat(u64::from(LIMB_MASK));
        let folded = |limb| {
            // 1216 is 2^10 + 2^7 + 2^6.
            let (high, middle, low) = (u64x2_shl(limb, 10), u64x2_shl(limb, 7), u64x2_shl(limb, 6));
            u64x2_add(u64x2_add(high, middle), low)
        };
        let [
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            t8,
            t9,
            t10,
            t11,
            t12,
            t13,
            t14,
            t15,
            t16,
        ] = *columns;
        let [c8, t9, t10, t11, t12, t13, t14, t15, t16] =
            passed_on([t8, t9, t10, t11, t12, t13, t14, t15, t16]);
        let [c0, c1, c2, c3, c4, c5, c6, c7, c8] = passed_on([
            u64x2_add(t0, folded(t9)),
            u64x2_add(t1, folded(t10)),
            u64x2_add(t2, folded(t11)),
            u64x2_add(t3, folded(t12)),
            u64x2_add(t4, folded(t13)),
            u64x2_add(t5, folded(t14)),
            u64x2_add(t6, folded(t15)),
            u64x2_add(t7, folded(v128_and(t16, mask))),
            u64x2_add(c8, folded(u64x2_shr(t16, LIMB_BITS))),
        ]);
        // The highest limb is below 2^34, and has 23 bits in its place.
        let above = u64x2_shr(c8, 23);
        let c8 = v128_and(c8, u64x2_splat((1 << 23) - 1));
        let above = u64x2_add(u64x2_add(u64x2_shl(above, 4), u64x2_shl(above, 1)), above);
        let c0 = u64x2_add(c0, above);
        let c1 = u64x2_add(c1, u64x2_shr(c0, LIMB_BITS));
        packed([v128_and(c0, mask), c1, c2, c3, c4, c5, c6, c7, c8])
    }

    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn fold([a0, a1, a2, a3, a4]: Lanes) -> Lanes {
        let above = u32x4_shr(a4, 23);
        // 19 is 2^4 + 2 + 1.
        let twice = u32x4_add(above, above);
        let folded = u32x4_add(u32x4_add(u32x4_shl(above, 4), twice), above);
        [
            u32x4_add(a0, folded),
            a1,
            a2,
            a3,
            v128_and(a4, u32x4((1 << 23) - 1, (1 << 23) - 1, 0, 0)),
        ]
    }
}
