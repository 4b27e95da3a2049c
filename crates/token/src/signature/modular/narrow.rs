//! Montgomery multiplication with limbs of 28 bits, four to a vector of `simd128`.
//!
//! Wasm has no multiplication of 64 by 64 bits into 128, but one instruction that multiplies two pairs
//! of 32 bits into two of 64. Products of 28 by 28 bits leave eight bits of room, so that carries are
//! passed on only now and then. The functions ask for `simd128` themselves, so the target needs no
//! flag; wasmtime, Spin and every browser have had it on for years.
//!
//! Numbers are little-endian lists of `count` limbs, a multiple of four with 28 · `count` at least the
//! bits of the modulus and two more; R is 2^(28 · `count`). With R more than four times the modulus,
//! the product of two numbers below twice the modulus is again below twice the modulus
//! ((4n² + R·n) / R < 2n). So numbers are kept below twice the modulus, and only what is written has to
//! be reduced.
//!
//! A product is summed up in lanes of 64 bits, two columns to a vector. Two rows are done at a time:
//! the second row, which is one column up, uses copies of the factors that are shifted up by one limb,
//! so that no lane ever moves. Only the two lowest columns of a pair of rows are computed limb by
//! limb: they decide which multiples of the modulus are added.

#[cfg(target_arch = "wasm32")]
use core::arch::wasm32::{
    u32x4, u32x4_splat, u64x2_add, u64x2_extmul_high_u32x4, u64x2_extmul_low_u32x4,
    u64x2_extract_lane, u64x2_shr, u64x2_shuffle, u64x2_splat, v128, v128_and,
};

#[cfg(not(target_arch = "wasm32"))]
use super::vector::{
    u32x4, u32x4_splat, u64x2_add, u64x2_extmul_high_u32x4, u64x2_extmul_low_u32x4,
    u64x2_extract_lane, u64x2_shr, u64x2_shuffle, u64x2_splat, v128, v128_and,
};

use super::arithmetic::{Arithmetic, bits};

const LIMB_BITS: usize = 28;
const LIMB_MASK: u32 = (1 << LIMB_BITS) - 1;
const LIMBS_PER_VECTOR: usize = 4;

/// After how many pairs of rows the carries are passed on. A pair adds four products of 56 bits to a
/// column, less than 2^58; sixteen pairs, less than 2^62; what a column holds before, less than 2^37.
const PAIRS_BETWEEN_CARRIES: usize = 16;

const _: () = assert!(
    PAIRS_BETWEEN_CARRIES as u128 * 4 * (LIMB_MASK as u128).pow(2) + (1 << 37) <= u64::MAX as u128,
    "a column of 64 bits has to hold what comes between two carries"
);

pub(crate) struct Modulus {
    limbs: Vec<u32>,
    /// Twice the modulus.
    twice: Vec<u32>,
    /// The negated inverse of the modulus, modulo 2^28.
    inverse: u32,
    r_squared: Vec<u32>,
    /// The length of the modulus in bytes.
    bytes: usize,
}

/// What a multiplication needs memory for.
#[derive(Default)]
pub(crate) struct Scratch {
    columns: Vec<Columns>,
    sums: Vec<v128>,
}

/// Four limbs of each factor of a pair of rows.
struct Columns {
    b: v128,
    n: v128,
    /// The same one limb up, for the second row.
    b_up: v128,
    n_up: v128,
}

impl Arithmetic for Modulus {
    type Limb = u32;
    type Scratch = Scratch;

    fn new(modulus: &[u8]) -> Self {
        let bits = bits(modulus);
        let count = (bits + 2)
            .div_ceil(LIMB_BITS)
            .next_multiple_of(LIMBS_PER_VECTOR);
        let mut limbs = vec![0; count];
        read(modulus, &mut limbs);
        let mut twice = limbs.clone();
        double(&mut twice);
        let mut prepared = Self {
            inverse: negated_inverse(&limbs),
            r_squared: Vec::new(),
            bytes: modulus.len(),
            limbs,
            twice,
        };
        prepared.r_squared = prepared.square_of_r(bits);
        prepared
    }

    fn limb_count(&self) -> usize {
        self.limbs.len()
    }

    fn r_squared(&self) -> &[u32] {
        &self.r_squared
    }

    fn read(&self, big_endian: &[u8], number: &mut [u32]) {
        read(big_endian, number);
    }

    fn write(&self, number: &mut [u32]) -> Vec<u8> {
        subtract_if_reached(number, &self.limbs);
        bytes(number, self.bytes)
    }

    #[inline]
    fn multiply(&self, scratch: &mut Scratch, a: &[u32], b: &[u32], product: &mut [u32]) {
        self.multiply_vectors(scratch, a, b, product);
    }

    fn add(&self, a: &mut [u32], b: &[u32]) {
        add(a, b);
        subtract_if_reached(a, &self.twice);
    }

    fn subtract(&self, a: &mut [u32], b: &[u32]) {
        if subtract(a, b) {
            add(a, &self.twice);
        }
    }
}

impl Modulus {
    /// a · b / R modulo the modulus, below twice the modulus, as are `a` and `b`.
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn multiply_vectors(&self, scratch: &mut Scratch, a: &[u32], b: &[u32], product: &mut [u32]) {
        let (Some([b0, b1]), Some([n0, n1])) = (b.first_chunk(), self.limbs.first_chunk()) else {
            return;
        };
        let (b0, b1, n0, n1) = (
            u64::from(*b0),
            u64::from(*b1),
            u64::from(*n0),
            u64::from(*n1),
        );
        let Scratch { columns, sums } = scratch;
        set_columns(columns, b, &self.limbs);
        // Two columns to a vector: all that the pairs of rows drop, and what the last one leaves.
        sums.clear();
        sums.resize(self.limbs.len() / 2 + 2 * columns.len(), u64x2_splat(0));
        let mut rest = sums.as_mut_slice();
        let mut carry = 0;
        let mut pairs_since_carries = 0;

        for rows in a.chunks_exact(2) {
            let (&[a0, a1], Some(&lowest)) = (rows, rest.first()) else {
                break;
            };
            let (first, second) = (u64::from(a0), u64::from(a1));
            let column = u64x2_extract_lane::<0>(lowest) + carry + first * b0;
            let m0 = (column as u32).wrapping_mul(self.inverse) & LIMB_MASK;
            carry = (column + u64::from(m0) * n0) >> LIMB_BITS;
            let column = u64x2_extract_lane::<1>(lowest)
                + carry
                + first * b1
                + u64::from(m0) * n1
                + second * b0;
            let m1 = (column as u32).wrapping_mul(self.inverse) & LIMB_MASK;
            carry = (column + u64::from(m1) * n0) >> LIMB_BITS;

            add_rows(rest, columns, [a0, a1], [m0, m1]);
            let Some((_, higher)) = std::mem::take(&mut rest).split_first_mut() else {
                break;
            };
            rest = higher;
            pairs_since_carries += 1;
            if pairs_since_carries == PAIRS_BETWEEN_CARRIES {
                pairs_since_carries = 0;
                pass_carries_on(rest);
            }
        }

        let mut places = product.iter_mut();
        for &sum in rest.iter().take(self.limbs.len() / 2) {
            for column in [u64x2_extract_lane::<0>(sum), u64x2_extract_lane::<1>(sum)] {
                let column = column + carry;
                carry = column >> LIMB_BITS;
                if let Some(place) = places.next() {
                    *place = column as u32 & LIMB_MASK;
                }
            }
        }
    }

    fn square_of_r(&self, modulus_bits: usize) -> Vec<u32> {
        let count = self.limbs.len();
        // Half of the highest power of two that the modulus reaches is less than the modulus.
        let mut number = vec![0; count];
        if let Some(limb) = number.get_mut((modulus_bits - 1) / LIMB_BITS) {
            *limb = 1 << ((modulus_bits - 1) % LIMB_BITS);
        }
        // Doubled until it is R, then until it is 2^(7 · count / 4) · R.
        for _ in 0..LIMB_BITS * count - (modulus_bits - 1) + 7 * (count / LIMBS_PER_VECTOR) {
            double(&mut number);
            subtract_if_reached(&mut number, &self.limbs);
        }
        // Each squaring doubles the exponent before R: 2^(28 · count) · R in the end.
        let mut scratch = Scratch::default();
        let mut square = number.clone();
        for _ in 0..4 {
            self.multiply(&mut scratch, &number, &number, &mut square);
            std::mem::swap(&mut number, &mut square);
        }
        number
    }
}

/// a + b, modulo R.
fn add(a: &mut [u32], b: &[u32]) {
    let mut carry = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let sum = *a + b + carry;
        *a = sum & LIMB_MASK;
        carry = sum >> LIMB_BITS;
    }
}

/// a − b, modulo R, and whether the difference is below zero.
fn subtract(a: &mut [u32], b: &[u32]) -> bool {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        // Limbs have 28 bits: a difference below zero sets the bits above them.
        let difference = a.wrapping_sub(b).wrapping_sub(borrow);
        *a = difference & LIMB_MASK;
        borrow = difference >> 31;
    }
    borrow == 1
}

fn subtract_if_reached(number: &mut [u32], limit: &[u32]) {
    if !number.iter().rev().lt(limit.iter().rev()) {
        subtract(number, limit);
    }
}

fn double(number: &mut [u32]) {
    let mut carry = 0;
    for limb in number {
        let doubled = *limb << 1 | carry;
        *limb = doubled & LIMB_MASK;
        carry = doubled >> LIMB_BITS;
    }
}

/// Adds a0 · b + m0 · n and, one column up, a1 · b + m1 · n.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn add_rows(sums: &mut [v128], columns: &[Columns], [a0, a1]: [u32; 2], [m0, m1]: [u32; 2]) {
    let (a0, a1, m0, m1) = (
        u32x4_splat(a0),
        u32x4_splat(a1),
        u32x4_splat(m0),
        u32x4_splat(m1),
    );
    for (pair, column) in sums.chunks_exact_mut(2).zip(columns) {
        let [low, high] = pair else { break };
        *low = u64x2_add(
            u64x2_add(
                u64x2_add(*low, u64x2_extmul_low_u32x4(a0, column.b)),
                u64x2_extmul_low_u32x4(m0, column.n),
            ),
            u64x2_add(
                u64x2_extmul_low_u32x4(a1, column.b_up),
                u64x2_extmul_low_u32x4(m1, column.n_up),
            ),
        );
        *high = u64x2_add(
            u64x2_add(
                u64x2_add(*high, u64x2_extmul_high_u32x4(a0, column.b)),
                u64x2_extmul_high_u32x4(m0, column.n),
            ),
            u64x2_add(
                u64x2_extmul_high_u32x4(a1, column.b_up),
                u64x2_extmul_high_u32x4(m1, column.n_up),
            ),
        );
    }
}

/// Leaves 28 bits in each column and adds the others to the next one, all columns at once. What
/// arrives in a column stays there until the next time.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn pass_carries_on(sums: &mut [v128]) {
    let mask = u64x2_splat(LIMB_MASK as u64);
    let mut carries_below = u64x2_splat(0);
    for sum in sums {
        let carries = u64x2_shr(*sum, LIMB_BITS as u32);
        // The carry of the column below each: the upper one of the last vector, the lower one of this.
        let incoming = u64x2_shuffle::<1, 2>(carries_below, carries);
        *sum = u64x2_add(v128_and(*sum, mask), incoming);
        carries_below = carries;
    }
}

/// The factors in vectors, once as they are and once one limb up. That takes one vector more, unless the
/// highest limbs are zero; they nearly always are, because `count` is rounded up.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
#[inline]
fn set_columns(columns: &mut Vec<Columns>, b: &[u32], n: &[u32]) {
    let zeros = [0; LIMBS_PER_VECTOR];
    let (mut b_below, mut n_below) = (0, 0);
    let mut next = |(b, n): (&[u32; LIMBS_PER_VECTOR], &[u32; LIMBS_PER_VECTOR])| {
        let (&[b0, b1, b2, b3], &[n0, n1, n2, n3]) = (b, n);
        let next = Columns {
            b: u32x4(b0, b1, b2, b3),
            n: u32x4(n0, n1, n2, n3),
            b_up: u32x4(b_below, b0, b1, b2),
            n_up: u32x4(n_below, n0, n1, n2),
        };
        (b_below, n_below) = (b3, n3);
        next
    };
    columns.clear();
    columns.extend(b.as_chunks().0.iter().zip(n.as_chunks().0).map(&mut next));
    if b.last() != Some(&0) || n.last() != Some(&0) {
        columns.push(next((&zeros, &zeros)));
    }
}

/// Newton's iteration: each step doubles the number of right bits, and an odd number is its own
/// inverse in the lowest three.
fn negated_inverse(limbs: &[u32]) -> u32 {
    let lowest = limbs.first().copied().unwrap_or(1);
    let mut inverse = lowest;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg() & LIMB_MASK
}

fn read(big_endian: &[u8], number: &mut [u32]) {
    let mut bytes = big_endian.iter().rev();
    let (mut pending, mut pending_bits) = (0_u64, 0);
    for limb in number {
        while pending_bits < LIMB_BITS {
            pending |= u64::from(bytes.next().copied().unwrap_or(0)) << pending_bits;
            pending_bits += 8;
        }
        *limb = pending as u32 & LIMB_MASK;
        pending >>= LIMB_BITS;
        pending_bits -= LIMB_BITS;
    }
}

fn bytes(limbs: &[u32], bytes: usize) -> Vec<u8> {
    let mut number = Vec::with_capacity(bytes + 4);
    let (mut pending, mut pending_bits) = (0_u64, 0);
    for &limb in limbs {
        pending |= u64::from(limb) << pending_bits;
        pending_bits += LIMB_BITS;
        while pending_bits >= 8 {
            number.push(pending as u8);
            pending >>= 8;
            pending_bits -= 8;
        }
    }
    number.resize(bytes, 0);
    number.reverse();
    number
}
