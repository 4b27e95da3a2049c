//! Numbers in limbs of 52 bits, little-endian, as [`super::narrow`] keeps them.

/// Bits of a limb.
pub(super) const LIMB_BITS: usize = 52;
/// All bits of a limb.
pub(super) const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
/// By how many bits a remainder is shifted at a time. What is shifted, and what is subtracted from it, have so many bits
/// more than a limb, and with the sign no more than 64.
const SHIFT_BITS_MAX: usize = 10;
/// From how many bits of a modulus a quotient of that many bits is guessed.
const LEADING_BITS: usize = 40;
/// Two limbs are so many whole bytes.
const BYTES_PER_PAIR: usize = 2 * LIMB_BITS / 8;

/// a + b, modulo R.
pub(super) fn add(a: &mut [u64], b: &[u64]) {
    let mut carry = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let sum = *a + b + carry;
        *a = sum & LIMB_MASK;
        carry = sum >> LIMB_BITS;
    }
}

/// a − b, modulo R, and whether the difference is below zero.
pub(super) fn subtract(a: &mut [u64], b: &[u64]) -> bool {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        // Limbs have 52 bits: a difference below zero sets the bits above them.
        let difference = a.wrapping_sub(b).wrapping_sub(borrow);
        *a = difference & LIMB_MASK;
        borrow = difference >> 63;
    }
    borrow == 1
}

/// Subtracts the limit from a number that is not below it.
pub(super) fn subtract_if_reached(number: &mut [u64], limit: &[u64]) {
    if !number.iter().rev().lt(limit.iter().rev()) {
        subtract(number, limit);
    }
}

/// Doubles, modulo R.
pub(super) fn double(number: &mut [u64]) {
    let mut carry = 0;
    for limb in number {
        let doubled = *limb << 1 | carry;
        *limb = doubled & LIMB_MASK;
        carry = doubled >> LIMB_BITS;
    }
}

/// 2 to the power of the exponent, modulo an odd modulus of so many bits, which are more than 50 and not more than the
/// exponent. What is returned may be larger than the modulus, by less than a millionth of it.
///
/// Division as on paper, with quotients that are guessed and never too large. For the remainder r, shifted by k bits, the
/// guess is ⌊⌊2^k · r / 2^s⌋ / (⌊n / 2^s⌋ + 1)⌋, where n / 2^s has 40 bits. It is not more than 2^k · r / n, and less than
/// 1 + 2^-28 below it. So the next remainder is less than (1 + 2^-28) · n again.
pub(super) fn power_of_two(exponent: usize, modulus: &[u64], modulus_bits: usize) -> Vec<u64> {
    // Half of the highest power of two that the modulus reaches is less than the modulus.
    let begin = modulus_bits - 1;
    let mut remainder = vec![0; modulus.len()];
    if let Some(limb) = remainder.get_mut(begin / LIMB_BITS) {
        *limb = 1 << (begin % LIMB_BITS);
    }
    let below = modulus_bits.saturating_sub(LEADING_BITS);
    let divisor = from_bit(modulus, below) + 1;
    let mut left = exponent.saturating_sub(begin);
    while left > 0 {
        let shift = left.min(SHIFT_BITS_MAX);
        let quotient = from_bit(&remainder, below.saturating_sub(shift)) / divisor;
        shift_and_subtract(&mut remainder, shift, modulus, quotient);
        left -= shift;
    }
    remainder
}

/// A number without the bits below this one. What is left of it has to have fewer bits than a limb.
fn from_bit(number: &[u64], position: usize) -> u64 {
    let mut above = number.iter().skip(position / LIMB_BITS);
    let mut next = || above.next().copied().unwrap_or(0);
    let offset = position % LIMB_BITS;
    next() >> offset | next() << (LIMB_BITS - offset)
}

/// 2^shift · number − quotient · modulus, which must be neither below zero nor longer than a number may be.
fn shift_and_subtract(number: &mut [u64], shift: usize, modulus: &[u64], quotient: u64) {
    let step = |limb: &mut u64, modulus: u64, carry: i64| {
        let shifted = (*limb << shift).cast_signed();
        let difference = shifted - (quotient * modulus).cast_signed() + carry;
        *limb = difference.cast_unsigned() & LIMB_MASK;
        difference >> LIMB_BITS
    };
    let mut carry = 0;
    // Four at a time: what a host does for every turn of a loop is as much as a step.
    let (blocks, rest) = number.as_chunks_mut();
    let (modulus_blocks, modulus_rest) = modulus.as_chunks();
    for ([a, b, c, d], &[m, n, o, p]) in blocks.iter_mut().zip(modulus_blocks) {
        carry = step(a, m, carry);
        carry = step(b, n, carry);
        carry = step(c, o, carry);
        carry = step(d, p, carry);
    }
    for (limb, &modulus) in rest.iter_mut().zip(modulus_rest) {
        carry = step(limb, modulus, carry);
    }
}

/// Newton's iteration: each step doubles the number of right bits, and an odd number is its own
/// inverse in the lowest three.
pub(super) fn negated_inverse(limbs: &[u64]) -> u64 {
    let lowest = limbs.first().copied().unwrap_or(1);
    let mut inverse = lowest;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg() & LIMB_MASK
}

/// Reads a big-endian number.
pub(super) fn read(big_endian: &[u8], number: &mut [u64]) {
    let mut pairs = big_endian.rchunks(BYTES_PER_PAIR);
    for limbs in number.chunks_mut(2) {
        let bytes = pairs.next().unwrap_or_default();
        let pair = bytes
            .iter()
            .fold(0_u128, |pair, &byte| pair << 8 | u128::from(byte));
        for (limb, value) in limbs.iter_mut().zip([pair, pair >> LIMB_BITS]) {
            *limb = value as u64 & LIMB_MASK;
        }
    }
}

/// The number, big-endian and so long.
pub(super) fn bytes(limbs: &[u64], bytes: usize) -> Vec<u8> {
    let mut number = Vec::with_capacity(bytes + BYTES_PER_PAIR);
    for pair in limbs.chunks(2) {
        let pair = pair
            .iter()
            .rev()
            .fold(0_u128, |pair, &limb| pair << LIMB_BITS | u128::from(limb));
        number.extend(pair.to_le_bytes().iter().take(BYTES_PER_PAIR));
    }
    number.resize(bytes, 0);
    number.reverse();
    number
}
