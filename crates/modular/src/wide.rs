//! Montgomery multiplication with limbs of 64 bits. Numbers are kept below the modulus.

use super::arithmetic::{Arithmetic, bits};

/// An odd modulus, prepared.
pub struct Modulus {
    limbs: Vec<u64>,
    /// The negated inverse of the modulus, modulo 2^64.
    inverse: u64,
    r_squared: Vec<u64>,
    /// The length of the modulus in bytes.
    bytes: usize,
}

impl Arithmetic for Modulus {
    type Limb = u64;
    type Scratch = ();

    fn new(modulus: &[u8]) -> Self {
        let mut limbs = vec![0; modulus.len().div_ceil(8)];
        read(modulus, &mut limbs);
        let mut prepared = Self {
            inverse: negated_inverse(&limbs),
            r_squared: Vec::new(),
            bytes: modulus.len(),
            limbs,
        };
        prepared.r_squared = prepared.square_of_r(bits(modulus));
        prepared
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
        bytes(number, self.bytes)
    }

    /// Of the factors, only one has to be below the modulus, for (R·n + R·n) / R = 2n.
    fn multiply(&self, (): &mut (), a: &[u64], b: &[u64], product: &mut [u64]) {
        product.fill(0);
        let mut top = 0;
        for &digit in b {
            top = self.add_row(product, top, a, digit);
        }
        self.reduce(product, top != 0);
    }

    fn add(&self, a: &mut [u64], b: &[u64]) {
        let overflow = add(a, b);
        self.reduce(a, overflow);
    }

    fn subtract(&self, a: &mut [u64], b: &[u64]) {
        if subtract(a, b) {
            add(a, &self.limbs);
        }
    }
}

impl Modulus {
    /// Brings a number below twice the modulus, which may have reached R, below the modulus.
    fn reduce(&self, number: &mut [u64], overflow: bool) {
        if overflow || !is_less(number, &self.limbs) {
            subtract(number, &self.limbs);
        }
    }

    /// Makes `sum` (whose highest limb is `top`) what `sum + a · digit` is after a multiple of the
    /// modulus was added that makes the lowest limb zero, and that limb was dropped. Returns the new
    /// highest limb.
    fn add_row(&self, sum: &mut [u64], top: u64, a: &[u64], digit: u64) -> u64 {
        let mut columns = sum.iter_mut().zip(a).zip(&self.limbs);
        let Some(((mut place, &a), &n)) = columns.next() else {
            return top;
        };
        let (low, mut carry_a) = multiply_add(a, digit, *place, 0);
        let multiple = low.wrapping_mul(self.inverse);
        let (_, mut carry_n) = multiply_add(n, multiple, low, 0);
        for ((limb, &a), &n) in columns {
            let low;
            (low, carry_a) = multiply_add(a, digit, *limb, carry_a);
            (*place, carry_n) = multiply_add(n, multiple, low, carry_n);
            place = limb;
        }
        let last = u128::from(top) + u128::from(carry_a) + u128::from(carry_n);
        *place = last as u64;
        (last >> 64) as u64
    }

    fn square_of_r(&self, modulus_bits: usize) -> Vec<u64> {
        // Half of the highest power of two that the modulus reaches is less than the modulus.
        let mut number = vec![0; self.limbs.len()];
        if let Some(limb) = number.get_mut((modulus_bits - 1) / 64) {
            *limb = 1 << ((modulus_bits - 1) % 64);
        }
        // Doubled until it is R, then until it is 2^k · R, with k limbs.
        let doublings = 64 * self.limbs.len() - (modulus_bits - 1) + self.limbs.len();
        for _ in 0..doublings {
            let overflow = double(&mut number);
            self.reduce(&mut number, overflow);
        }
        // Each squaring doubles the exponent before R: 2^64k · R in the end, and R is 2^64k.
        let mut square = number.clone();
        for _ in 0..6 {
            self.multiply(&mut (), &number, &number, &mut square);
            std::mem::swap(&mut number, &mut square);
        }
        number
    }
}

/// a · b + c + d, low and high half.
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let result = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (result as u64, (result >> 64) as u64)
}

/// Newton's iteration: each step doubles the number of right bits, and an odd number is its own
/// inverse in the lowest three.
fn negated_inverse(limbs: &[u64]) -> u64 {
    let lowest = limbs.first().copied().unwrap_or(1);
    let mut inverse = lowest;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// a + b, modulo R, and whether R was reached.
fn add(a: &mut [u64], b: &[u64]) -> bool {
    let mut carry = false;
    for (a, &b) in a.iter_mut().zip(b) {
        let (sum, above) = a.overflowing_add(b);
        let (sum, above_too) = sum.overflowing_add(u64::from(carry));
        *a = sum;
        carry = above || above_too;
    }
    carry
}

/// a − b, modulo R, and whether the difference is below zero.
fn subtract(a: &mut [u64], b: &[u64]) -> bool {
    let mut borrow = false;
    for (a, &b) in a.iter_mut().zip(b) {
        let (difference, below) = a.overflowing_sub(b);
        let (difference, below_too) = difference.overflowing_sub(u64::from(borrow));
        *a = difference;
        borrow = below || below_too;
    }
    borrow
}

/// Doubles modulo R, and says whether R was reached.
fn double(number: &mut [u64]) -> bool {
    let mut carry = 0;
    for limb in number {
        let next = *limb >> 63;
        *limb = *limb << 1 | carry;
        carry = next;
    }
    carry == 1
}

fn read(big_endian: &[u8], number: &mut [u64]) {
    let mut chunks = big_endian.rchunks(8);
    for limb in number {
        let chunk = chunks.next().unwrap_or_default();
        *limb = chunk
            .iter()
            .fold(0, |limb, &byte| limb << 8 | u64::from(byte));
    }
}

fn bytes(limbs: &[u64], bytes: usize) -> Vec<u8> {
    let mut number: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    number.resize(bytes, 0);
    number.reverse();
    number
}
