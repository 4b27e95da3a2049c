//! What both kinds of limbs have in common.

/// An odd modulus, prepared. Wherever a number is asked for, it has as many limbs as the modulus; what
/// range it has to be in is up to the implementation, and all results are in it.
pub trait Arithmetic: Sized {
    /// A digit of a number.
    type Limb: Copy + Default;
    /// Memory for intermediate results, to be used for one multiplication after the other.
    type Scratch: Default;

    /// Prepares an odd modulus, given big-endian without leading zeros.
    fn new(modulus: &[u8]) -> Self;

    /// How many limbs the modulus has.
    fn limb_count(&self) -> usize;

    /// R² modulo the modulus.
    fn r_squared(&self) -> &[Self::Limb];

    /// Reads a big-endian number that is not longer than the modulus. It may be as large as fits into
    /// the bits of the modulus.
    fn read(&self, big_endian: &[u8], number: &mut [Self::Limb]);

    /// Brings a number below the modulus and writes it big-endian, as long as the modulus.
    fn write(&self, number: &mut [Self::Limb]) -> Vec<u8>;

    /// a · b / R.
    fn multiply(
        &self,
        scratch: &mut Self::Scratch,
        a: &[Self::Limb],
        b: &[Self::Limb],
        product: &mut [Self::Limb],
    );

    /// a · a / R.
    fn square(&self, scratch: &mut Self::Scratch, a: &[Self::Limb], square: &mut [Self::Limb]) {
        self.multiply(scratch, a, a, square);
    }

    /// Adds `b` to `a`.
    fn add(&self, a: &mut [Self::Limb], b: &[Self::Limb]);

    /// Subtracts `b` from `a`.
    fn subtract(&self, a: &mut [Self::Limb], b: &[Self::Limb]);

    /// `base` to the power of an odd exponent of at least 3, big-endian all three. `base` is less than
    /// the modulus and as long; so is the result.
    fn power(&self, base: &[u8], exponent: &[u8]) -> Vec<u8> {
        let mut scratch = Self::Scratch::default();
        let zero = vec![Self::Limb::default(); self.limb_count()];
        let (mut plain, mut factor, mut next) = (zero.clone(), zero.clone(), zero);
        self.read(base, &mut plain);
        self.multiply(&mut scratch, &plain, self.r_squared(), &mut factor);
        let mut power = factor.clone();
        for position in (0..bits(exponent).saturating_sub(1)).rev() {
            self.square(&mut scratch, &power, &mut next);
            std::mem::swap(&mut power, &mut next);
            if bit(exponent, position) {
                // The lowest bit is set. Multiplying with the base itself divides the result by R.
                let factor = if position == 0 { &plain } else { &factor };
                self.multiply(&mut scratch, &power, factor, &mut next);
                std::mem::swap(&mut power, &mut next);
            }
        }
        self.write(&mut power)
    }

    /// a · b, big-endian all three. `a` and `b` are not longer than the modulus and may be as large as
    /// fits into its bits; the result is less than the modulus and as long.
    fn product(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut scratch = Self::Scratch::default();
        let zero = vec![Self::Limb::default(); self.limb_count()];
        let (mut factor, mut next, mut product) = (zero.clone(), zero.clone(), zero);
        self.read(a, &mut next);
        self.multiply(&mut scratch, &next, self.r_squared(), &mut factor);
        self.read(b, &mut next);
        self.multiply(&mut scratch, &factor, &next, &mut product);
        self.write(&mut product)
    }
}

/// The length of a big-endian number in bits, not counting leading zeros.
pub fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    (number.len() - zeros) * 8 - first as usize
}

/// One bit of a big-endian number, counted from the lowest.
pub fn bit(number: &[u8], position: usize) -> bool {
    let byte = number.iter().nth_back(position / 8);
    byte.is_some_and(|byte| byte >> (position % 8) & 1 == 1)
}
