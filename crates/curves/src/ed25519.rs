//! Ed25519 (RFC 8032), of which the hash is somebody else's.
//!
//! H. Hisil, K. Wong, G. Carter, E. Dawson, "Twisted Edwards curves revisited" (ASIACRYPT 2008), with the products of
//! their formulas in pairs, four pairs to an addition or doubling. Points are in extended coordinates, x = X / Z, y =
//! Y / Z and x · y = T / Z. The formulas hold for all points, those of small order among them.

use std::sync::OnceLock;

use crate::inverse::inverse;
use crate::limbs::{Limbs, is_below, little_endian, of_little_endian, of_words};
use crate::multiples::{Group, Often, Table};
use crate::order::Order;
use crate::pair::{Pair, Prime};
use crate::primes::P25519;

pub(crate) static ORDER: Order = Order {
    limbs: of_words([
        0x5812_631a_5cf5_d3ed,
        0x14de_f9de_a2f7_9cd6,
        0,
        0x1000_0000_0000_0000,
    ]),
    inverse: 0x0dab_81e5,
    r: of_words([
        0x334c_2e60_714d_f9ed,
        0x56eb_3c98_b3bd_f026,
        0xffff_ffff_ffff_ffd6,
        0x0fff_ffff_ffff_ffff,
    ]),
    r_squared: of_words([
        0xf7c2_8362_eb5f_9d12,
        0x781a_1f9b_abd6_35fc,
        0xb1cf_485f_d6f9_972d,
        0x0504_6df0_c268_f73b,
    ]),
};

/// d of −x² + y² = 1 + d · x² · y².
const D: Limbs = of_words([
    0x75eb_4dca_1359_78a3,
    0x0070_0a4d_4141_d8ab,
    0x8cc7_4079_7779_e898,
    0x5203_6cee_2b6f_fe73,
]);
const TWICE_D: Limbs = of_words([
    0xebd6_9b94_26b2_f159,
    0x00e0_149a_8283_b156,
    0x198e_80f2_eef3_d130,
    0x2406_d9dc_56df_fce7,
]);
/// A square root of −1.
const ROOT: Limbs = of_words([
    0xc4ee_1b27_4a0e_a0b0,
    0x2f43_1806_ad2f_e478,
    0x2b4d_0099_3dfb_d7a7,
    0x2b83_2480_4fc1_df0b,
]);
const TWO: Limbs = [2, 0, 0, 0, 0, 0, 0, 0, 0];
/// The inverse of the prime modulo 2^29.
const PRIME_INVERSE: u32 = 395_589_093;

pub(crate) const GENERATOR: [Limbs; 2] = [
    of_words([
        0xc956_2d60_8f25_d51a,
        0x692c_c760_9525_a7b2,
        0xc0a4_e231_fdd6_dc5c,
        0x2169_36d3_cd6e_53fe,
    ]),
    of_words([
        0x6666_6666_6666_6658,
        0x6666_6666_6666_6666,
        0x6666_6666_6666_6666,
        0x6666_6666_6666_6666,
    ]),
];

/// The generator's table, once a key has one.
static COMB: OnceLock<Table<Point>> = OnceLock::new();

type Numbers = Pair<P25519>;

#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) xy: Numbers,
    pub(crate) zt: Numbers,
}

#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// y − x, and y + x.
    less_more: Numbers,
    /// 2 z, and 2 d t.
    zt: Numbers,
}

impl Point {
    pub(crate) fn new(xy: Numbers) -> Self {
        let t = xy.multiply(&xy.swapped());
        Self {
            xy,
            zt: Pair::one().first_and_second(&t),
        }
    }

    /// The point that is encoded so (RFC 8032 §5.1.3), but for y that is not below the prime, which is taken modulo the
    /// prime, and for an x of 0 that is said to be odd.
    pub(crate) fn decode(encoding: &[u8; 32]) -> Option<Self> {
        let mut y = *encoding;
        let [.., last] = &mut y;
        let is_odd = *last >> 7 == 1;
        *last &= 0x7f;
        let y = of_little_endian(&y);
        let y = Numbers::new(&y, &y);
        let square = y.square();
        // Step 2: x² = u / v.
        let u = square.subtract(&Pair::one());
        let v = square.multiply(&Pair::new(&D, &D)).add(&Pair::one());
        // Step 3: u · v³ · (u · v⁷) to the power of (p − 5) / 8.
        let v_3 = v.square().multiply(&v);
        let v_7 = v_3.square().multiply(&v);
        let x = u.multiply(&v_3).multiply(&u.multiply(&v_7).power_of_p58());
        let product = x.square().multiply(&v);
        let [is_root, _] = product.subtract(&u).are_zero();
        let [is_other, _] = product.add(&u).are_zero();
        let x = match (is_root, is_other) {
            (true, _) => x,
            (_, true) => x.multiply(&Pair::new(&ROOT, &ROOT)),
            _ => return None,
        };
        // Step 4.
        let [[lowest, ..], _] = x.numbers();
        let x = if (lowest & 1 == 1) == is_odd {
            x
        } else {
            Pair::zero().subtract(&x)
        };
        Some(Self::new(x.first_and_second(&y)))
    }

    /// RFC 8032 §5.1.2.
    fn encode(&self) -> [u8; 32] {
        let [z, _] = self.zt.numbers();
        let inverse = inverse(&z, &P25519::PRIME, PRIME_INVERSE);
        let [x, y] = self.xy.multiply(&Pair::new(&inverse, &inverse)).numbers();
        let mut encoding = little_endian(&y);
        let ([lowest, ..], [.., last]) = (x, &mut encoding);
        *last |= (lowest as u8 & 1) << 7;
        encoding
    }

    fn negative(&self) -> Self {
        let zero = Numbers::zero();
        Self {
            xy: zero.subtract(&self.xy).first_and_second(&self.xy),
            zt: self.zt.first_and_second(&zero.subtract(&self.zt)),
        }
    }

    /// Whether eight times the point is the neutral one.
    fn has_small_order(&self) -> bool {
        let multiple = self.doubled().doubled().doubled();
        let [x, _] = multiple.xy.are_zero();
        let [_, y] = multiple.xy.subtract(&multiple.zt.swapped()).are_zero();
        x && y
    }

    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn doubled(&self) -> Self {
        let squares = self.xy.square();
        let sum = self.xy.add(&self.xy.swapped());
        let z_sum = self.zt.firsts(&sum).square();
        // a = x², b = y²: a − b and a + b, which are g and h of the paper.
        let gh = squares
            .firsts(&squares)
            .subtract_first_add_second(&squares.seconds(&squares));
        // c = 2 z²: f = c + g. e = h − (x + y)².
        let e = gh.subtract(&z_sum);
        let z = z_sum.firsts(&z_sum);
        let f = z.add(&z).add(&gh);
        Self::of_factors(&f.firsts(&gh.swapped()), &e.swapped().firsts(&gh))
    }

    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn added(&self, less_more: &Numbers, zt: &Numbers) -> Self {
        let mine = self.xy.swapped().subtract_first_add_second(&self.xy);
        let ab = mine.multiply(less_more);
        let dc = self.zt.multiply(zt);
        // b − a and b + a, d − c and d + c.
        let eh = ab.seconds(&ab).subtract_first_add_second(&ab.firsts(&ab));
        let fg = dc.firsts(&dc).subtract_first_add_second(&dc.seconds(&dc));
        Self::of_factors(&fg.first_and_second(&eh), &eh.first_and_second(&fg))
    }

    /// Of f and h, e and g: x = e f, y = g h, z = f g, t = e h.
    #[inline]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn of_factors(fh: &Numbers, eg: &Numbers) -> Self {
        let xy = fh.multiply(eg);
        Self {
            xy,
            zt: fh.multiply(&eg.swapped()),
        }
    }
}

impl Pair<P25519> {
    /// To the power of (p − 5) / 8, which is 2^252 − 3.
    fn power_of_p58(&self) -> Self {
        let squared =
            |number: Self, times: u32| (0..times).fold(number, |number, _| number.square());
        // To the power of 2^n − 1, for n = 1, 2, 4, 5, 10, …
        let n_2 = squared(*self, 1).multiply(self);
        let n_4 = squared(n_2, 2).multiply(&n_2);
        let n_5 = squared(n_4, 1).multiply(self);
        let n_10 = squared(n_5, 5).multiply(&n_5);
        let n_20 = squared(n_10, 10).multiply(&n_10);
        let n_40 = squared(n_20, 20).multiply(&n_20);
        let n_50 = squared(n_40, 10).multiply(&n_10);
        let n_100 = squared(n_50, 50).multiply(&n_50);
        let n_200 = squared(n_100, 100).multiply(&n_100);
        let n_250 = squared(n_200, 50).multiply(&n_50);
        squared(n_250, 2).multiply(self)
    }
}

impl Group for Point {
    type Entry = Entry;

    fn neutral() -> Self {
        Self {
            xy: Pair::zero().first_and_second(&Pair::one()),
            zt: Pair::one().first_and_second(&Pair::zero()),
        }
    }

    fn double(&self) -> Self {
        self.doubled()
    }

    fn add(&self, entry: &Entry) -> Self {
        self.added(&entry.less_more, &entry.zt)
    }

    fn subtract(&self, entry: &Entry) -> Self {
        let negative = Pair::zero().subtract(&entry.zt);
        self.added(
            &entry.less_more.swapped(),
            &entry.zt.first_and_second(&negative),
        )
    }

    fn entry(&self) -> Entry {
        Entry {
            less_more: self.xy.swapped().subtract_first_add_second(&self.xy),
            zt: self.zt.multiply(&Pair::new(&TWO, &TWICE_D)),
        }
    }
}

/// A public key.
pub struct Key {
    encoding: [u8; 32],
    /// The key's point, subtracted from the neutral one.
    negative: Often<Point>,
}

impl Key {
    /// The key that is encoded so (RFC 8032 §5.1.3). `None` when there is no such point. Whether a y is below the prime
    /// is not looked at, nor the sign of an x that is zero.
    #[must_use]
    pub fn new(encoding: &[u8; 32]) -> Option<Self> {
        let point = Point::decode(encoding)?;
        Some(Self {
            encoding: *encoding,
            negative: Often::new(point.negative()),
        })
    }

    /// The key as it was given.
    #[must_use]
    pub fn encoding(&self) -> &[u8; 32] {
        &self.encoding
    }

    /// Whether eight times the key's point is the neutral one. Such a key verifies signatures that nobody made.
    #[must_use]
    pub fn has_small_order(&self) -> bool {
        self.negative.point().has_small_order()
    }

    /// Whether this is a signature of the message with this challenge: SHA-512 of R, the key and the message (RFC 8032
    /// §5.1.7 step 2), as 64 bytes.
    ///
    /// R must be encoded canonically and not be of small order, S must be below the order, and the equation is the one
    /// without the cofactor.
    #[must_use]
    pub fn verify(&self, challenge: &[u8; 64], signature: &[u8; 64]) -> bool {
        let ([r, s], []) = signature.as_chunks() else {
            return false;
        };
        let s = of_little_endian(s);
        if !is_below(&s, &ORDER.limbs) {
            return false;
        }
        let [x, y] = &GENERATOR;
        let generator = Point::new(Pair::new(x, y));
        let point = self
            .negative
            .sum(&generator, &COMB, [&s, &challenge_number(challenge)]);
        // What is encoded is canonical, and of the order that the point has which was computed.
        let is_genuine = point.encode() == *r && !point.has_small_order();
        if is_genuine {
            self.negative.has_verified();
        }
        is_genuine
    }
}

/// The challenge, little-endian, modulo the order.
fn challenge_number(challenge: &[u8; 64]) -> Limbs {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(challenge.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
    // 261 bits, and the rest.
    let mut low = of_words([w0, w1, w2, w3]);
    let [.., highest] = &mut low;
    *highest |= (w4 as u32 & 0x1f) << 24;
    let high = of_words([
        w4 >> 5 | w5 << 59,
        w5 >> 5 | w6 << 59,
        w6 >> 5 | w7 << 59,
        w7 >> 5,
    ]);
    ORDER.wide_remainder(&low, &high)
}

#[cfg(test)]
mod tests;
