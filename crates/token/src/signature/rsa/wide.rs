//! Montgomery multiplication with limbs of 64 bits.
//!
//! P. Montgomery, "Modular multiplication without trial division", Mathematics of Computation 44
//! (1985). Numbers are little-endian lists of as many limbs as the modulus has; R is 2 to the power of
//! all their bits.

pub(in crate::signature) struct Modulus {
    limbs: Vec<u64>,
    /// The negated inverse of the modulus, modulo 2^64.
    inverse: u64,
    /// R² modulo the modulus.
    r_squared: Vec<u64>,
    /// The length of the modulus in bytes.
    bytes: usize,
}

impl Modulus {
    /// Prepares an odd modulus, given big-endian without leading zeros.
    pub(in crate::signature) fn new(modulus: &[u8]) -> Self {
        let limbs = limbs(modulus, modulus.len().div_ceil(8));
        let mut prepared = Self {
            inverse: negated_inverse(&limbs),
            r_squared: Vec::new(),
            bytes: modulus.len(),
            limbs,
        };
        prepared.r_squared = prepared.square_of_r(super::bits(modulus));
        prepared
    }

    /// `base` to the power of an odd exponent. `base` is big-endian, as long as the modulus and less
    /// than it; so is the result.
    pub(in crate::signature) fn power(&self, base: &[u8], exponent: u32) -> Vec<u8> {
        let base = limbs(base, self.limbs.len());
        let factor = self.multiply(&base, &self.r_squared);
        let mut power = factor.clone();
        // From the second highest bit to the second lowest.
        for bit in (1..exponent.checked_ilog2().unwrap_or(0)).rev() {
            power = self.multiply(&power, &power);
            if exponent >> bit & 1 == 1 {
                power = self.multiply(&power, &factor);
            }
        }
        // The lowest bit is set. Multiplying with the base itself divides the result by R.
        if exponent > 1 {
            power = self.multiply(&power, &power);
        }
        bytes(&self.multiply(&power, &base), self.bytes)
    }

    /// a · b / R modulo the modulus.
    fn multiply(&self, a: &[u64], b: &[u64]) -> Vec<u64> {
        let mut sum = vec![0; self.limbs.len()];
        let mut top = 0;
        for &digit in b {
            top = self.add_row(&mut sum, top, a, digit);
        }
        if top != 0 || !is_less(&sum, &self.limbs) {
            subtract(&mut sum, &self.limbs);
        }
        sum
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
            if overflow || !is_less(&number, &self.limbs) {
                subtract(&mut number, &self.limbs);
            }
        }
        // Each squaring doubles the exponent before R: 2^64k · R in the end, and R is 2^64k.
        for _ in 0..6 {
            number = self.multiply(&number, &number);
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

/// a − b, modulo R.
fn subtract(a: &mut [u64], b: &[u64]) {
    let mut borrow = false;
    for (a, &b) in a.iter_mut().zip(b) {
        let (difference, below) = a.overflowing_sub(b);
        let (difference, below_too) = difference.overflowing_sub(u64::from(borrow));
        *a = difference;
        borrow = below || below_too;
    }
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

fn limbs(big_endian: &[u8], count: usize) -> Vec<u64> {
    let mut limbs: Vec<u64> = big_endian
        .rchunks(8)
        .map(|chunk| {
            chunk
                .iter()
                .fold(0, |limb, &byte| limb << 8 | u64::from(byte))
        })
        .collect();
    limbs.resize(count, 0);
    limbs
}

fn bytes(limbs: &[u64], bytes: usize) -> Vec<u8> {
    let mut number: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    number.resize(bytes, 0);
    number.reverse();
    number
}
