//! Numbers and points for tests, and both curves by the book.

use num_bigint::BigUint;

use crate::limbs::{LIMB_BITS, Limbs};

/// The same numbers each time (S. Vigna's SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below 2^256; some have long rows of equal bits.
    pub(crate) fn number(&mut self) -> BigUint {
        let words = [(); 4].map(|()| match self.next() % 4 {
            0 => [0, u64::MAX, 1, 1 << 63][self.next() as usize % 4],
            _ => self.next(),
        });
        of_words(words)
    }
}

pub(crate) fn of_words(words: [u64; 4]) -> BigUint {
    let number = |sum: BigUint, word: &u64| (sum << 64_u32) + *word;
    words.iter().rev().fold(BigUint::ZERO, number)
}

pub(crate) fn big(limbs: &Limbs) -> BigUint {
    let number = |sum: BigUint, limb: &u32| (sum << LIMB_BITS) + *limb;
    limbs.iter().rev().fold(BigUint::ZERO, number)
}

pub(crate) fn limbs(number: &BigUint) -> Limbs {
    let mut limbs = [0; 9];
    for (place, limb) in limbs.iter_mut().enumerate() {
        let shifted: BigUint = number >> (LIMB_BITS as usize * place);
        *limb = (shifted % (1_u32 << LIMB_BITS)).try_into().unwrap();
    }
    assert_eq!(&big(&limbs), number, "a number of 261 bits");
    limbs
}

pub(crate) fn bytes(number: &BigUint) -> [u8; 32] {
    let bytes = number.to_bytes_be();
    let mut whole = [0; 32];
    whole[32 - bytes.len()..].copy_from_slice(&bytes);
    whole
}

pub(crate) fn hex(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 16).unwrap()
}

/// A curve in affine coordinates.
pub(crate) struct Reference {
    pub(crate) prime: BigUint,
    pub(crate) order: BigUint,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    /// y² = x³ − 3x + b; its neutral point has no coordinates.
    P256,
    /// −x² + y² = 1 + d · x² · y².
    Ed25519 { d: BigUint },
}

/// Coordinates, or none for the neutral point of P-256.
pub(crate) type Affine = Option<[BigUint; 2]>;

impl Reference {
    pub(crate) fn p256() -> Self {
        Self {
            prime: hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
            order: hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
            kind: Kind::P256,
        }
    }

    pub(crate) fn ed25519() -> Self {
        let prime = (BigUint::from(1_u8) << 255) - 19_u8;
        let d = &prime
            - BigUint::from(121_665_u32) * BigUint::from(121_666_u32).modinv(&prime).unwrap()
                % &prime;
        Self {
            prime,
            order: (BigUint::from(1_u8) << 252) + hex("14def9dea2f79cd65812631a5cf5d3ed"),
            kind: Kind::Ed25519 { d },
        }
    }

    pub(crate) fn neutral(&self) -> Affine {
        match self.kind {
            Kind::P256 => None,
            Kind::Ed25519 { .. } => Some([BigUint::ZERO, BigUint::from(1_u8)]),
        }
    }

    fn divided(&self, a: &BigUint, b: &BigUint) -> BigUint {
        a * b.modinv(&self.prime).unwrap() % &self.prime
    }

    fn minus(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + &self.prime - b % &self.prime) % &self.prime
    }

    pub(crate) fn negative(&self, point: &Affine) -> Affine {
        let zero = BigUint::ZERO;
        point.as_ref().map(|[x, y]| match self.kind {
            Kind::P256 => [x.clone(), self.minus(&zero, y)],
            Kind::Ed25519 { .. } => [self.minus(&zero, x), y.clone()],
        })
    }

    pub(crate) fn sum(&self, a: &Affine, b: &Affine) -> Affine {
        let (Some([x1, y1]), Some([x2, y2])) = (a, b) else {
            return a.clone().or_else(|| b.clone());
        };
        match &self.kind {
            Kind::P256 => {
                let slope = if x1 != x2 {
                    self.divided(&self.minus(y2, y1), &self.minus(x2, x1))
                } else if y1 == y2 {
                    self.divided(
                        &self.minus(&(x1 * x1 * 3_u8), &BigUint::from(3_u8)),
                        &(y1 * 2_u8),
                    )
                } else {
                    return None;
                };
                let x = self.minus(&self.minus(&(&slope * &slope), x1), x2);
                let y = self.minus(&(&slope * self.minus(x1, &x)), y1);
                Some([x, y])
            }
            Kind::Ed25519 { d } => {
                let one = BigUint::from(1_u8);
                let product = d * x1 * x2 % &self.prime * y1 * y2 % &self.prime;
                let (for_x, for_y) = (&one + &product, self.minus(&one, &product));
                let inverse = (&for_x * &for_y).modinv(&self.prime).unwrap();
                let x = (x1 * y2 + x2 * y1) * &inverse * &for_y % &self.prime;
                let y = (y1 * y2 + x1 * x2) * inverse * for_x % &self.prime;
                Some([x, y])
            }
        }
    }

    pub(crate) fn multiple(&self, number: &BigUint, point: &Affine) -> Affine {
        (0..number.bits()).rev().fold(self.neutral(), |sum, bit| {
            let double = self.sum(&sum, &sum);
            if number.bit(bit) {
                self.sum(&double, point)
            } else {
                double
            }
        })
    }
}
