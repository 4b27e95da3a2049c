//! Montgomery multiplication with digits of 13 bits, eight to a vector of `simd128`.
//!
//! Wasm has no multiplication of 64 by 64 bits into 128. The instruction of `simd128` that multiplies most at once, and
//! that is one instruction on x86-64 as well, is `i32x4.dot_i16x8_s`: eight products of 16 bits, added up in pairs. (The
//! one for two products of 32 bits is three there, two of which only move lanes.) With digits of 13 bits 64 products fit
//! into a lane of 32 bits, so that carries are passed on only now and then. The functions ask for `simd128` themselves, so
//! the target needs no flag; wasmtime, Spin and every browser have had it on for years. What else was tried:
//! `docs/decisions/0082-a-token-never-seen.md`.
//!
//! Numbers are little-endian lists of `count` limbs of 52 bits, which are four digits, with 52 · `count` at least the bits
//! of the modulus and two more; R is 2^(52 · `count`). With R more than four times the modulus, the product of two numbers
//! below twice the modulus is again below twice the modulus ((4n² + R·n) / R < 2n). So numbers are kept below twice the
//! modulus, and only what is written has to be reduced.
//!
//! A product is summed up in lanes of 32 bits, four columns to a vector. The eight rows of two limbs are done at a time:
//! those that are one, two and three columns up use copies of the factor that are shifted up by so many digits, and those
//! above them the copies of the vector below, so that no lane ever moves. Of a square, what is above the diagonal counts
//! twice and what is below it not at all: three quarters of the work.
//!
//! Then multiples of the modulus are added that make the lower half zero, eight columns at a time. Which ones, the four
//! lowest columns say, modulo 2^52.

#[cfg(target_arch = "wasm32")]
use core::arch::wasm32::{
    i32x4_dot_i16x8, u16x8_shuffle, u32x4_add, u32x4_shr, u32x4_shuffle, u32x4_splat, u64x2,
    u64x2_add, u64x2_extract_lane, u64x2_shl, u64x2_shr, u64x2_splat, v128, v128_and,
};

#[cfg(not(target_arch = "wasm32"))]
use super::vector::{
    i32x4_dot_i16x8, u16x8_shuffle, u32x4_add, u32x4_shr, u32x4_shuffle, u32x4_splat, u64x2,
    u64x2_add, u64x2_extract_lane, u64x2_shl, u64x2_shr, u64x2_splat, v128, v128_and,
};

use super::arithmetic::{Arithmetic, bits};
use super::limbs::{
    LIMB_BITS, LIMB_MASK, add, bytes, double, negated_inverse, power_of_two, read, subtract,
    subtract_if_reached,
};

const DIGITS_PER_LIMB: usize = 4;
const DIGIT_BITS: usize = LIMB_BITS / DIGITS_PER_LIMB;
const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// How many limbs of one factor are multiplied with the other one at a time: eight rows.
const LIMBS_PER_GROUP: usize = 2;

/// How many columns of zeros are before those of a factor.
const LIMBS_BEFORE: usize = LIMBS_PER_GROUP - 1;

/// How many vectors are summed up by code without a loop. With a loop, a third of the instructions are about addresses.
const VECTORS_PER_BLOCK: usize = 8;

/// After how many groups the carries are passed on, where the other factor is as it is.
const GROUPS_BETWEEN_CARRIES: usize = 7;

/// The same for squares, where most of the other factor is doubled.
const GROUPS_BETWEEN_CARRIES_OF_SQUARE: usize = 3;

/// What is left of a column, and the carry of the one below it.
const LEFT_MAX: u64 = DIGIT_MASK + (u32::MAX as u64 >> DIGIT_BITS);

const fn is_room_for(groups: usize, doubled: u64) -> bool {
    let products = (groups * LIMBS_PER_GROUP * DIGITS_PER_LIMB) as u64;
    products * doubled * DIGIT_MASK * DIGIT_MASK + LEFT_MAX <= u32::MAX as u64
}

// To the columns of which the next multiple is found, it is added before carries are passed on: one group more.
const _: () = assert!(
    is_room_for(GROUPS_BETWEEN_CARRIES + 1, 1) && is_room_for(GROUPS_BETWEEN_CARRIES_OF_SQUARE, 2),
    "a column of 32 bits has to hold what comes between two carries"
);

/// An odd modulus of at least 50 bits, prepared.
pub struct Modulus {
    limbs: Vec<u64>,
    /// Twice the modulus.
    twice: Vec<u64>,
    columns: Vec<Columns>,
    /// The negated inverse of the modulus, modulo 2^52.
    inverse: u64,
    r_squared: Vec<u64>,
    /// The length of the modulus in bytes.
    bytes: usize,
}

/// What a multiplication needs memory for.
#[derive(Default)]
pub struct Scratch {
    factor: Vec<Columns>,
    sums: Vec<v128>,
}

/// What four columns need of a factor: in each lane the digit of that column and the one below it, for the first two rows
/// of a limb; and those two columns below, for the third and the fourth.
#[derive(Clone, Copy)]
struct Columns {
    first: v128,
    third: v128,
}

/// The digits of a group of limbs as [`Columns`] are multiplied with them: in each lane two of them.
struct Group {
    first: v128,
    third: v128,
    fifth: v128,
    seventh: v128,
}

impl Arithmetic for Modulus {
    type Limb = u64;
    type Scratch = Scratch;

    fn new(modulus: &[u8]) -> Self {
        let bits = bits(modulus);
        let count = (bits + 2)
            .div_ceil(LIMB_BITS)
            .next_multiple_of(LIMBS_PER_GROUP)
            .max(VECTORS_PER_BLOCK);
        let mut limbs = vec![0; count];
        read(modulus, &mut limbs);
        let mut twice = limbs.clone();
        double(&mut twice);
        let mut columns = Vec::new();
        set_columns(&mut columns, &limbs, 0);
        Self {
            inverse: negated_inverse(&limbs),
            r_squared: power_of_two(2 * LIMB_BITS * count, &limbs, bits),
            bytes: modulus.len(),
            limbs,
            twice,
            columns,
        }
    }

    fn limb_count(&self) -> usize {
        self.limbs.len()
    }

    fn r_squared(&self) -> &[u64] {
        &self.r_squared
    }

    fn read(&self, big_endian: &[u8], number: &mut [u64]) {
        read(big_endian, number);
    }

    fn write(&self, number: &mut [u64]) -> Vec<u8> {
        subtract_if_reached(number, &self.limbs);
        bytes(number, self.bytes)
    }

    #[inline]
    fn multiply(&self, scratch: &mut Scratch, a: &[u64], b: &[u64], product: &mut [u64]) {
        self.multiply_vectors(scratch, a, b, product);
    }

    #[inline]
    fn square(&self, scratch: &mut Scratch, a: &[u64], square: &mut [u64]) {
        self.square_vectors(scratch, a, square);
    }

    fn add(&self, a: &mut [u64], b: &[u64]) {
        add(a, b);
        subtract_if_reached(a, &self.twice);
    }

    fn subtract(&self, a: &mut [u64], b: &[u64]) {
        if subtract(a, b) {
            add(a, &self.twice);
        }
    }
}

impl Modulus {
    /// a · b / R modulo the modulus, below twice the modulus, as are `a` and `b`.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn multiply_vectors(&self, scratch: &mut Scratch, a: &[u64], b: &[u64], product: &mut [u64]) {
        let Scratch { factor, sums } = scratch;
        set_columns(factor, b, 0);
        self.clear(sums);
        let mut rest = sums.as_mut_slice();
        for (number, &[low, high]) in a.as_chunks().0.iter().enumerate() {
            if number % GROUPS_BETWEEN_CARRIES == 0 && number > 0 {
                pass_carries_on(rest, factor.len());
            }
            add_group(rest, factor, &group(spread(low), spread(high)));
            rest = without_lowest(rest);
        }
        self.reduce(sums, product);
    }

    /// a · a / R, as [`multiply_vectors`](Self::multiply_vectors) has it.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn square_vectors(&self, scratch: &mut Scratch, a: &[u64], square: &mut [u64]) {
        let Scratch { factor, sums } = scratch;
        set_columns(factor, a, 1);
        self.clear(sums);
        let mut rest = sums.as_mut_slice();
        let mut above = a;
        let mut position = LIMBS_BEFORE;
        let mut number = 0;
        while let Some((limbs, higher)) = above.split_first_chunk() {
            above = higher;
            // The limbs of the group themselves count once and those above twice, those below not at all.
            let &[low, high] = limbs;
            let (low, high) = (spread(low), spread(high));
            let next = above.first().map_or(0, |&next| spread(next) << 1);
            if let Some([first, second, third]) = own(factor, position) {
                *first = columns(0, low);
                *second = columns(low, high);
                *third = columns(high, next);
            }
            // Whole blocks: what of them is below is zero.
            let begin = (position - LIMBS_BEFORE) / VECTORS_PER_BLOCK * VECTORS_PER_BLOCK;
            let (sums, factor_there) = (
                rest.get_mut(begin..).unwrap_or_default(),
                factor.get(begin..).unwrap_or_default(),
            );
            if number % GROUPS_BETWEEN_CARRIES_OF_SQUARE == 0 && number > 0 {
                pass_carries_on(sums, factor_there.len());
            }
            add_group(sums, factor_there, &group(low, high));
            if let Some([first, second, _]) = own(factor, position) {
                *first = columns(0, 0);
                *second = columns(0, 0);
            }
            rest = without_lowest(rest);
            position += LIMBS_PER_GROUP;
            number += 1;
        }
        self.reduce(sums, square);
    }

    /// Makes room for a product.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    #[inline]
    fn clear(&self, sums: &mut Vec<v128>) {
        sums.clear();
        sums.resize(self.limbs.len() + self.columns.len(), u64x2(0, 0));
    }

    /// Adds the multiple of the modulus that makes the lower half zero, and writes the upper one.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn reduce(&self, sums: &mut [v128], number: &mut [u64]) {
        let length = sums.len();
        pass_carries_on(sums, length);
        let mut rest = sums;
        let mut carry = 0;
        let higher = self.columns.get(LIMBS_PER_GROUP..).unwrap_or_default();
        let others = higher.get(VECTORS_PER_BLOCK..).unwrap_or_default();
        let Some((below, first)) = higher.split_first() else {
            return;
        };
        let Some(first) = first.first_chunk() else {
            return;
        };
        let mut group = self.multiple(rest, &mut carry);
        for left in (0..self.limbs.len() / LIMBS_PER_GROUP).rev() {
            rest = without_lowest(rest);
            // First the columns that say which multiple is the next one: to find that takes as long as to add this one.
            if let Some(sums) = rest.first_chunk_mut() {
                add_block(sums, below, first, &group);
            }
            let next = if left > 0 {
                Some(self.multiple(rest, &mut carry))
            } else {
                None
            };
            let above = rest.get_mut(VECTORS_PER_BLOCK..).unwrap_or_default();
            add_group(above, others, &group);
            let Some(next) = next else { break };
            group = next;
            if left % GROUPS_BETWEEN_CARRIES == 0 {
                // Without those whose carry is known already.
                let others = rest.get_mut(LIMBS_PER_GROUP..).unwrap_or_default();
                pass_carries_on(others, higher.len());
            }
        }
        // Then four columns fit into 64 bits.
        let length = rest.len();
        pass_carries_on(rest, length);
        for (limb, &mut columns) in number.iter_mut().zip(rest) {
            let sum = limb_of(columns) + carry;
            *limb = sum & LIMB_MASK;
            carry = sum >> LIMB_BITS;
        }
    }

    /// How often the modulus has to be added to make the lowest eight columns zero, and what they carry then.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn multiple(&self, sums: &[v128], carry: &mut u64) -> Group {
        let (Some([s0, s1]), Some([_, n0, n1])) = (sums.first_chunk(), self.columns.first_chunk())
        else {
            return group(0, 0);
        };
        let low = self.digits(*s0, *carry);
        let (first, third) = rows(low);
        *carry = carry_of(add_rows(*s0, n0, first, third), *carry);
        let sum = add_rows(*s1, n1, first, third);
        let high = self.digits(sum, *carry);
        let (fifth, seventh) = rows(high);
        *carry = carry_of(add_rows(sum, n0, fifth, seventh), *carry);
        Group {
            first,
            third,
            fifth,
            seventh,
        }
    }

    /// The digits of the multiple of the modulus that makes four columns zero. What is above 64 bits, and then above 52,
    /// does not matter.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    #[inline]
    fn digits(&self, columns: v128, carry: u64) -> u64 {
        let sum = limb_of(columns).wrapping_add(carry);
        spread(sum.wrapping_mul(self.inverse))
    }
}

/// Adds the products of a group of limbs with a factor.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn add_group(sums: &mut [v128], factor: &[Columns], group: &Group) {
    // As many sums as there are columns with one below them.
    let length = factor.len().saturating_sub(LIMBS_BEFORE);
    let (blocks, singles) = sums.get_mut(..length).unwrap_or_default().as_chunks_mut();
    let mut rest = factor;
    for sums in blocks {
        if let Some((below, above)) = rest.split_first()
            && let Some(columns) = above.first_chunk()
        {
            add_block(sums, below, columns, group);
            rest = rest.get(VECTORS_PER_BLOCK..).unwrap_or_default();
        }
    }
    for [s0, s1] in singles.as_chunks_mut().0 {
        let [below, c0, c1, ..] = rest else { break };
        add_rows_of_group(s0, below, c0, group);
        add_rows_of_group(s1, c0, c1, group);
        rest = rest.get(LIMBS_PER_GROUP..).unwrap_or_default();
    }
}

/// The same for so many vectors.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline(never)]
fn add_block(
    sums: &mut [v128; VECTORS_PER_BLOCK],
    below: &Columns,
    columns: &[Columns; VECTORS_PER_BLOCK],
    group: &Group,
) {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    let [c0, c1, c2, c3, c4, c5, c6, c7] = columns;
    add_rows_of_group(s0, below, c0, group);
    add_rows_of_group(s1, c0, c1, group);
    add_rows_of_group(s2, c1, c2, group);
    add_rows_of_group(s3, c2, c3, group);
    add_rows_of_group(s4, c3, c4, group);
    add_rows_of_group(s5, c4, c5, group);
    add_rows_of_group(s6, c5, c6, group);
    add_rows_of_group(s7, c6, c7, group);
}

#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn add_rows_of_group(sum: &mut v128, below: &Columns, columns: &Columns, group: &Group) {
    let half = add_rows(*sum, columns, group.first, group.third);
    *sum = add_rows(half, below, group.fifth, group.seventh);
}

/// Adds the four rows of a limb.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn add_rows(sum: v128, columns: &Columns, first: v128, third: v128) -> v128 {
    u32x4_add(
        u32x4_add(sum, i32x4_dot_i16x8(first, columns.first)),
        i32x4_dot_i16x8(third, columns.third),
    )
}

/// The columns of a group of limbs, and those above them.
#[inline]
fn own(factor: &mut [Columns], position: usize) -> Option<&mut [Columns; LIMBS_PER_GROUP + 1]> {
    factor.get_mut(position..)?.first_chunk_mut()
}

#[inline]
fn without_lowest(sums: &mut [v128]) -> &mut [v128] {
    sums.get_mut(LIMBS_PER_GROUP..).unwrap_or_default()
}

/// What four columns carry that are zero otherwise, and to which this was carried.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn carry_of(columns: v128, carry: u64) -> u64 {
    let (low, high) = pairs(columns);
    (((carry + low) >> (2 * DIGIT_BITS)) + high) >> (2 * DIGIT_BITS)
}

/// Leaves 13 bits in each column and adds the others to the next one, all columns at once. What arrives in a column
/// stays there until the next time.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline(never)]
fn pass_carries_on(sums: &mut [v128], length: usize) {
    let none = u64x2(0, 0);
    let (sums, above) = sums.split_at_mut(length.min(sums.len()));
    let (blocks, singles) = sums.as_chunks_mut();
    let mut carries_below = none;
    for sums in blocks {
        let [s0, s1, s2, s3] = sums;
        carries_below = pass_on(s0, carries_below);
        carries_below = pass_on(s1, carries_below);
        carries_below = pass_on(s2, carries_below);
        carries_below = pass_on(s3, carries_below);
    }
    for sum in singles {
        carries_below = pass_on(sum, carries_below);
    }
    if let Some(sum) = above.first_mut() {
        *sum = u32x4_add(*sum, u32x4_shuffle::<3, 4, 5, 6>(carries_below, none));
    }
}

/// Given the carries of the columns below, leaves 13 bits in each column, and returns their carries.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn pass_on(sum: &mut v128, carries_below: v128) -> v128 {
    let carries = u32x4_shr(*sum, DIGIT_BITS as u32);
    // The carry of the column below each: the highest one of the last vector, the three lower ones of this.
    let incoming = u32x4_shuffle::<3, 4, 5, 6>(carries_below, carries);
    let left = v128_and(*sum, u32x4_splat(DIGIT_MASK as u32));
    *sum = u32x4_add(left, incoming);
    carries
}

/// Two columns each as one number.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn pairs(columns: v128) -> (u64, u64) {
    let lower = v128_and(columns, u64x2_splat(u32::MAX as u64));
    let upper = u64x2_shl(u64x2_shr(columns, u32::BITS), DIGIT_BITS as u32);
    let pairs = u64x2_add(lower, upper);
    (
        u64x2_extract_lane::<0>(pairs),
        u64x2_extract_lane::<1>(pairs),
    )
}

/// Four columns as one number, modulo 2^64.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn limb_of(columns: v128) -> u64 {
    let (low, high) = pairs(columns);
    low.wrapping_add(high << (2 * DIGIT_BITS))
}

/// The four digits of a limb with 16 bits for each.
fn spread(limb: u64) -> u64 {
    limb & DIGIT_MASK
        | (limb << 3) & (DIGIT_MASK << 16)
        | (limb << 6) & (DIGIT_MASK << 32)
        | (limb << 9) & (DIGIT_MASK << 48)
}

/// The rows of a limb, given its digits.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn rows(digits: u64) -> (v128, v128) {
    (
        u32x4_splat(digits as u32),
        u32x4_splat((digits >> 32) as u32),
    )
}

#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn group(low: u64, high: u64) -> Group {
    let ((first, third), (fifth, seventh)) = (rows(low), rows(high));
    Group {
        first,
        third,
        fifth,
        seventh,
    }
}

/// The columns at a limb, given its digits and those of the limb below it, spread.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn columns(below: u64, digits: u64) -> Columns {
    let both = u64x2(below, digits);
    Columns {
        first: u16x8_shuffle::<4, 3, 5, 4, 6, 5, 7, 6>(both, both),
        third: u16x8_shuffle::<2, 1, 3, 2, 4, 3, 5, 4>(both, both),
    }
}

/// The columns of a factor, or of twice it where it is to be shifted, with zeros around them.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline(never)]
fn set_columns(all: &mut Vec<Columns>, factor: &[u64], shift: u32) {
    all.clear();
    all.reserve_exact(LIMBS_BEFORE + factor.len() + LIMBS_PER_GROUP);
    all.push(columns(0, 0));
    let mut below = 0;
    for &limb in factor.iter().chain(&[0, 0]) {
        let digits = spread(limb) << shift;
        all.push(columns(below, digits));
        below = digits;
    }
}
