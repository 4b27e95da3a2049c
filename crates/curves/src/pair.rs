//! Two numbers modulo a prime at once, in the lanes of vectors.
//!
//! A number has nine limbs of 29 bits ([`super::limbs`]), so that a column of a product, nine products of two limbs,
//! fits into 64 bits without any carry. Vector k has limbs 2k and 2k + 1 of the one number x and of the other one y, as
//! x, y, x, y; the fifth vector has zeros in the place of a tenth limb. So one instruction multiplies a limb of each,
//! and what the formulas of a curve do between multiplications, to both numbers or across them, are a few
//! instructions without a loop.
//!
//! What every `Pair` keeps to: limbs 0 to 7 are below 2^29 + 2^4, and the number is below the prime and a 25th of it. So
//! any two may be multiplied, added or subtracted, in any order; nothing has to be known of where they are from.
//!
//! - A product of two limbs is below 2^58 + 2^34, nine of them are below 2^61.2; what the reductions add to a column
//!   stays below 2^59.
//! - Sums and differences begin with a multiple of the prime of which each limb has 3 · 2^29 to 4 · 2^29 (`ROOM`). So
//!   three numbers may be added or two subtracted, and no limb leaves its 32 bits.

use std::marker::PhantomData;

use crate::limbs::{LIMB_BITS, LIMB_MASK, Limbs, is_zero, reduced, sum};
use crate::vector::{
    u32x4, u32x4_add, u32x4_extract_lane, u32x4_shr, u32x4_shuffle, u32x4_sub, u64x2_add,
    u64x2_extmul_high_u32x4 as high, u64x2_extmul_low_u32x4 as low, u64x2_shr, u64x2_splat, v128,
    v128_and, v128_andnot,
};

/// The lanes of a pair, or of a sum on the way to one.
pub(crate) type Lanes = [v128; 5];

/// The columns of a product, two numbers to a vector.
pub(crate) type Columns = [v128; 17];

/// A prime, and how numbers are reduced by it.
pub(crate) trait Prime {
    const PRIME: Limbs;
    /// A multiple of it that has room below each limb.
    const ROOM: Lanes;
    /// Any number is multiplied with this one, in this form, to be in the form in which numbers are multiplied.
    const ENTRY: Limbs;
    /// One in that form.
    const ONE: Limbs;

    /// The numbers that a product stands for.
    fn reduce(columns: &Columns) -> Lanes;

    /// Brings a sum below the prime and a 25th, but for carries.
    fn fold(sum: Lanes) -> Lanes;
}

/// Two numbers modulo a prime, called first and second.
pub(crate) struct Pair<P>(Lanes, PhantomData<P>);

impl<P> Clone for Pair<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Pair<P> {}

/// A number in both lanes.
pub(crate) const fn both([l0, l1, l2, l3, l4, l5, l6, l7, l8]: Limbs) -> Lanes {
    [
        u32x4(l0, l0, l1, l1),
        u32x4(l2, l2, l3, l3),
        u32x4(l4, l4, l5, l5),
        u32x4(l6, l6, l7, l7),
        u32x4(l8, l8, 0, 0),
    ]
}

macro_rules! sum {
    [$term:expr] => { $term };
    [$first:expr, $second:expr $(, $more:expr)*] => { sum![u64x2_add($first, $second) $(, $more)*] };
}

/// Does to each vector what it does to one.
macro_rules! each {
    ($operation:expr, $($lanes:expr),+) => {{
        each!(@ $operation, $($lanes),+)
    }};
    (@ $operation:expr, $a:expr) => {{
        let [a0, a1, a2, a3, a4] = $a;
        [$operation(a0), $operation(a1), $operation(a2), $operation(a3), $operation(a4)]
    }};
    (@ $operation:expr, $a:expr, $b:expr) => {{
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = ($a, $b);
        [$operation(a0, b0), $operation(a1, b1), $operation(a2, b2), $operation(a3, b3), $operation(a4, b4)]
    }};
}

/// All products of a limb of `a` with one of `b`, summed up by columns.
#[inline(never)]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn product(a: &Lanes, b: &Lanes) -> Columns {
    let [a0, a1, a2, a3, a4] = *a;
    let [b0, b1, b2, b3, b4] = *b;
    // With even and odd limbs exchanged, for products of an even and an odd limb.
    let [s0, s1, s2, s3, s4] = each!(u32x4_shuffle::<2, 3, 0, 1>, *b, *b);
    [
        sum![low(a0, b0)],
        sum![low(a0, s0), high(a0, s0)],
        sum![low(a0, b1), low(a1, b0), high(a0, b0)],
        sum![low(a0, s1), low(a1, s0), high(a0, s1), high(a1, s0)],
        sum![
            low(a0, b2),
            low(a1, b1),
            low(a2, b0),
            high(a0, b1),
            high(a1, b0)
        ],
        sum![
            low(a0, s2),
            low(a1, s1),
            low(a2, s0),
            high(a0, s2),
            high(a1, s1),
            high(a2, s0)
        ],
        sum![
            low(a0, b3),
            low(a1, b2),
            low(a2, b1),
            low(a3, b0),
            high(a0, b2),
            high(a1, b1),
            high(a2, b0)
        ],
        sum![
            low(a0, s3),
            low(a1, s2),
            low(a2, s1),
            low(a3, s0),
            high(a0, s3),
            high(a1, s2),
            high(a2, s1),
            high(a3, s0)
        ],
        sum![
            low(a0, b4),
            low(a1, b3),
            low(a2, b2),
            low(a3, b1),
            low(a4, b0),
            high(a0, b3),
            high(a1, b2),
            high(a2, b1),
            high(a3, b0)
        ],
        sum![
            low(a1, s3),
            low(a2, s2),
            low(a3, s1),
            low(a4, s0),
            high(a0, s4),
            high(a1, s3),
            high(a2, s2),
            high(a3, s1)
        ],
        sum![
            low(a1, b4),
            low(a2, b3),
            low(a3, b2),
            low(a4, b1),
            high(a1, b3),
            high(a2, b2),
            high(a3, b1)
        ],
        sum![
            low(a2, s3),
            low(a3, s2),
            low(a4, s1),
            high(a1, s4),
            high(a2, s3),
            high(a3, s2)
        ],
        sum![
            low(a2, b4),
            low(a3, b3),
            low(a4, b2),
            high(a2, b3),
            high(a3, b2)
        ],
        sum![low(a3, s3), low(a4, s2), high(a2, s4), high(a3, s3)],
        sum![low(a3, b4), low(a4, b3), high(a3, b3)],
        sum![low(a4, s3), high(a3, s4)],
        sum![low(a4, b4)],
    ]
}

/// The same of `a` and `a`: each product of two different limbs once, doubled.
#[inline(never)]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn square(a: &Lanes) -> Columns {
    let [a0, a1, a2, a3, a4] = *a;
    let doubled = each!(u32x4_add, *a, *a);
    let [_, d1, d2, d3, d4] = doubled;
    let [s0, s1, s2, s3, _] = each!(u32x4_shuffle::<2, 3, 0, 1>, doubled, doubled);
    [
        sum![low(a0, a0)],
        sum![low(a0, s0)],
        sum![low(a0, d1), high(a0, a0)],
        sum![low(a0, s1), low(a1, s0)],
        sum![low(a0, d2), low(a1, a1), high(a0, d1)],
        sum![low(a0, s2), low(a1, s1), low(a2, s0)],
        sum![low(a0, d3), low(a1, d2), high(a0, d2), high(a1, a1)],
        sum![low(a0, s3), low(a1, s2), low(a2, s1), low(a3, s0)],
        sum![
            low(a0, d4),
            low(a1, d3),
            low(a2, a2),
            high(a0, d3),
            high(a1, d2)
        ],
        sum![low(a1, s3), low(a2, s2), low(a3, s1), low(a4, s0)],
        sum![low(a1, d4), low(a2, d3), high(a1, d3), high(a2, a2)],
        sum![low(a2, s3), low(a3, s2), low(a4, s1)],
        sum![low(a2, d4), low(a3, a3), high(a2, d3)],
        sum![low(a3, s3), low(a4, s2)],
        sum![low(a3, d4), high(a3, a3)],
        sum![low(a4, s3)],
        sum![low(a4, a4)],
    ]
}

/// Passes on carries once, upwards by one limb. The highest limb keeps what it has.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn carried([a0, a1, a2, a3, a4]: Lanes) -> Lanes {
    let mask = u32x4(LIMB_MASK, LIMB_MASK, LIMB_MASK, LIMB_MASK);
    let zero = u32x4(0, 0, 0, 0);
    let (c0, c1, c2, c3) = (
        u32x4_shr(a0, LIMB_BITS),
        u32x4_shr(a1, LIMB_BITS),
        u32x4_shr(a2, LIMB_BITS),
        u32x4_shr(a3, LIMB_BITS),
    );
    [
        u32x4_add(v128_and(a0, mask), u32x4_shuffle::<0, 1, 4, 5>(zero, c0)),
        u32x4_add(v128_and(a1, mask), u32x4_shuffle::<2, 3, 4, 5>(c0, c1)),
        u32x4_add(v128_and(a2, mask), u32x4_shuffle::<2, 3, 4, 5>(c1, c2)),
        u32x4_add(v128_and(a3, mask), u32x4_shuffle::<2, 3, 4, 5>(c2, c3)),
        u32x4_add(a4, u32x4_shuffle::<2, 3, 4, 5>(c3, zero)),
    ]
}

/// Passes on the carries of columns. The highest one keeps what it has.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(crate) fn passed_on([c0, c1, c2, c3, c4, c5, c6, c7, c8]: [v128; 9]) -> [v128; 9] {
    let mask = u64x2_splat(u64::from(LIMB_MASK));
    let c1 = u64x2_add(c1, u64x2_shr(c0, LIMB_BITS));
    let c2 = u64x2_add(c2, u64x2_shr(c1, LIMB_BITS));
    let c3 = u64x2_add(c3, u64x2_shr(c2, LIMB_BITS));
    let c4 = u64x2_add(c4, u64x2_shr(c3, LIMB_BITS));
    let c5 = u64x2_add(c5, u64x2_shr(c4, LIMB_BITS));
    let c6 = u64x2_add(c6, u64x2_shr(c5, LIMB_BITS));
    let c7 = u64x2_add(c7, u64x2_shr(c6, LIMB_BITS));
    let c8 = u64x2_add(c8, u64x2_shr(c7, LIMB_BITS));
    [
        v128_and(c0, mask),
        v128_and(c1, mask),
        v128_and(c2, mask),
        v128_and(c3, mask),
        v128_and(c4, mask),
        v128_and(c5, mask),
        v128_and(c6, mask),
        v128_and(c7, mask),
        c8,
    ]
}

/// Columns that have become limbs.
#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
pub(crate) fn packed([c0, c1, c2, c3, c4, c5, c6, c7, c8]: [v128; 9]) -> Lanes {
    [
        u32x4_shuffle::<0, 2, 4, 6>(c0, c1),
        u32x4_shuffle::<0, 2, 4, 6>(c2, c3),
        u32x4_shuffle::<0, 2, 4, 6>(c4, c5),
        u32x4_shuffle::<0, 2, 4, 6>(c6, c7),
        u32x4_shuffle::<0, 2, 4, 6>(c8, u64x2_splat(0)),
    ]
}

impl<P: Prime> Pair<P> {
    pub(crate) const fn of_lanes(lanes: Lanes) -> Self {
        Self(lanes, PhantomData)
    }

    /// Any two numbers below 2^256, in the form in which they are multiplied.
    pub(crate) fn new(first: &Limbs, second: &Limbs) -> Self {
        Self::plain(first, second).multiply(&Self::of_lanes(both(P::ENTRY)))
    }

    /// Two numbers as they are.
    fn plain(
        [x0, x1, x2, x3, x4, x5, x6, x7, x8]: &Limbs,
        [y0, y1, y2, y3, y4, y5, y6, y7, y8]: &Limbs,
    ) -> Self {
        Self::of_lanes([
            u32x4(*x0, *y0, *x1, *y1),
            u32x4(*x2, *y2, *x3, *y3),
            u32x4(*x4, *y4, *x5, *y5),
            u32x4(*x6, *y6, *x7, *y7),
            u32x4(*x8, *y8, 0, 0),
        ])
    }

    pub(crate) fn one() -> Self {
        Self::of_lanes(both(P::ONE))
    }

    pub(crate) fn zero() -> Self {
        Self::of_lanes(both([0; 9]))
    }

    /// Both numbers below the prime, as any other code has them.
    pub(crate) fn numbers(&self) -> [Limbs; 2] {
        let [a0, a1, a2, a3, a4] = self.multiply(&Self::of_lanes(both(crate::limbs::ONE))).0;
        let lane = |get: [fn(v128) -> u32; 2]| {
            let [even, odd] = get;
            let limbs = [
                even(a0),
                odd(a0),
                even(a1),
                odd(a1),
                even(a2),
                odd(a2),
                even(a3),
                odd(a3),
                even(a4),
            ];
            reduced(&sum(&limbs, &[0; 9]), &P::PRIME)
        };
        [
            lane([u32x4_extract_lane::<0>, u32x4_extract_lane::<2>]),
            lane([u32x4_extract_lane::<1>, u32x4_extract_lane::<3>]),
        ]
    }

    /// Whether each of the numbers is zero.
    pub(crate) fn are_zero(&self) -> [bool; 2] {
        self.numbers().map(|number| is_zero(&number))
    }

    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn multiply(&self, other: &Self) -> Self {
        Self::of_lanes(P::reduce(&product(&self.0, &other.0)))
    }

    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn square(&self) -> Self {
        Self::of_lanes(P::reduce(&square(&self.0)))
    }

    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn settled(sum: Lanes) -> Self {
        Self::of_lanes(carried(P::fold(sum)))
    }

    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn add(&self, other: &Self) -> Self {
        let sum = each!(u32x4_add, self.0, other.0);
        Self::settled(each!(u32x4_add, sum, P::ROOM))
    }

    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn triple(&self) -> Self {
        let sum = each!(u32x4_add, self.0, self.0);
        let sum = each!(u32x4_add, sum, self.0);
        Self::settled(each!(u32x4_add, sum, P::ROOM))
    }

    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn subtract(&self, other: &Self) -> Self {
        let sum = each!(u32x4_add, self.0, P::ROOM);
        Self::settled(each!(u32x4_sub, sum, other.0))
    }

    /// a − b − c.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn subtract_two(&self, one: &Self, other: &Self) -> Self {
        let sum = each!(u32x4_add, self.0, P::ROOM);
        let sum = each!(u32x4_sub, sum, one.0);
        Self::settled(each!(u32x4_sub, sum, other.0))
    }

    /// The first one less the other first one, and the second one and the other second one.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn subtract_first_add_second(&self, other: &Self) -> Self {
        let first = u32x4(u32::MAX, 0, u32::MAX, 0);
        let sum = each!(u32x4_add, self.0, P::ROOM);
        let less = each!(|lanes| v128_and(lanes, first), other.0);
        let more = each!(|lanes| v128_andnot(lanes, first), other.0);
        let sum = each!(u32x4_sub, sum, less);
        Self::settled(each!(u32x4_add, sum, more))
    }

    /// The second one and the first one.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn swapped(&self) -> Self {
        Self::of_lanes(each!(u32x4_shuffle::<1, 0, 3, 2>, self.0, self.0))
    }

    /// The first of both pairs.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn firsts(&self, other: &Self) -> Self {
        Self::of_lanes(each!(u32x4_shuffle::<0, 4, 2, 6>, self.0, other.0))
    }

    /// The second of both pairs.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn seconds(&self, other: &Self) -> Self {
        Self::of_lanes(each!(u32x4_shuffle::<1, 5, 3, 7>, self.0, other.0))
    }

    /// The first of this one, and the second of the other one.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub(crate) fn first_and_second(&self, other: &Self) -> Self {
        Self::of_lanes(each!(u32x4_shuffle::<0, 5, 2, 7>, self.0, other.0))
    }
}

#[cfg(test)]
mod tests;
