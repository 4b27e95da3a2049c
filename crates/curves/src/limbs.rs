//! Numbers of 256 bits as nine limbs of 29 bits.

/// The bits of a limb. Nine of them are 261 bits.
pub(crate) const LIMB_BITS: u32 = 29;
pub(crate) const LIMB_MASK: u32 = (1 << LIMB_BITS) - 1;

/// A number, its lowest limb first. Where nothing else is said, each limb but the highest has 29 bits.
pub(crate) type Limbs = [u32; 9];

pub(crate) const ONE: Limbs = [1, 0, 0, 0, 0, 0, 0, 0, 0];

/// Of a number in words of 64 bits, the lowest first.
pub(crate) const fn of_words([w0, w1, w2, w3]: [u64; 4]) -> Limbs {
    const MASK: u64 = LIMB_MASK as u64;
    [
        (w0 & MASK) as u32,
        ((w0 >> 29) & MASK) as u32,
        ((w0 >> 58 | w1 << 6) & MASK) as u32,
        ((w1 >> 23) & MASK) as u32,
        ((w1 >> 52 | w2 << 12) & MASK) as u32,
        ((w2 >> 17) & MASK) as u32,
        ((w2 >> 46 | w3 << 18) & MASK) as u32,
        ((w3 >> 11) & MASK) as u32,
        (w3 >> 40) as u32,
    ]
}

/// The inverse of [`of_words`], of a number below 2^256.
pub(crate) fn words(limbs: &Limbs) -> [u64; 4] {
    let [l0, l1, l2, l3, l4, l5, l6, l7, l8] = limbs.map(u64::from);
    [
        l0 | l1 << 29 | l2 << 58,
        l2 >> 6 | l3 << 23 | l4 << 52,
        l4 >> 12 | l5 << 17 | l6 << 46,
        l6 >> 18 | l7 << 11 | l8 << 40,
    ]
}

pub(crate) fn of_big_endian(bytes: &[u8; 32]) -> Limbs {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().rev().zip(bytes.as_chunks().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    of_words(words)
}

pub(crate) fn of_little_endian(bytes: &[u8; 32]) -> Limbs {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    of_words(words)
}

/// Little-endian, of a number below 2^256.
pub(crate) fn little_endian(limbs: &Limbs) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words(limbs)) {
        *place = word.to_le_bytes();
    }
    bytes
}

pub(crate) fn is_zero(number: &Limbs) -> bool {
    number.iter().all(|&limb| limb == 0)
}

/// Whether a < b.
pub(crate) fn is_below(a: &Limbs, b: &Limbs) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// One bit, counted from the lowest.
pub(crate) fn bit(number: &Limbs, position: u32) -> bool {
    let limb = number.get((position / LIMB_BITS) as usize);
    limb.is_some_and(|limb| limb >> (position % LIMB_BITS) & 1 == 1)
}

/// Half of a number, rounded down.
pub(crate) fn half(number: &Limbs) -> Limbs {
    let mut half = *number;
    let mut above = 0;
    for limb in half.iter_mut().rev() {
        let lowest = *limb & 1;
        *limb = *limb >> 1 | above << (LIMB_BITS - 1);
        above = lowest;
    }
    half
}

/// a + b, of which limbs may have more than 29 bits, as long as no sum of two has more than 31.
pub(crate) fn sum(a: &Limbs, b: &Limbs) -> Limbs {
    let mut sum = *a;
    let mut carry = 0;
    for (limb, more) in sum.iter_mut().zip(b) {
        let whole = *limb + more + carry;
        *limb = whole & LIMB_MASK;
        carry = whole >> LIMB_BITS;
    }
    sum
}

/// a − b. `None` where b is the greater one.
pub(crate) fn difference(a: &Limbs, b: &Limbs) -> Option<Limbs> {
    let mut difference = *a;
    let mut borrow = 0;
    for (limb, less) in difference.iter_mut().zip(b) {
        let whole = limb.wrapping_sub(less + borrow);
        *limb = whole & LIMB_MASK;
        borrow = whole >> 31;
    }
    (borrow == 0).then_some(difference)
}

/// A number below twice the modulus, brought below it.
pub(crate) fn reduced(number: &Limbs, modulus: &Limbs) -> Limbs {
    difference(number, modulus).unwrap_or(*number)
}
