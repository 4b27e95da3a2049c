//! ECDSA on P-256 (FIPS 186-5 §6.4.2, SP 800-186 §3.2.1.3).
//!
//! J. Renes, C. Costello, L. Batina, "Complete addition formulas for prime order elliptic curves" (EUROCRYPT 2016):
//! algorithm 4 with its products in pairs, seven pairs to an addition. Points are in projective coordinates, x = X / Z
//! and y = Y / Z; the neutral one is (0, 1, 0).

use std::sync::OnceLock;

use crate::limbs::{Limbs, is_below, is_zero, of_big_endian, of_words, sum};
use crate::multiples::{Group, Often, Table};
use crate::order::Order;
use crate::pair::{Pair, Prime, both};
use crate::primes::P256;

pub(crate) static ORDER: Order = Order {
    limbs: of_words([
        0xf3b9_cac2_fc63_2551,
        0xbce6_faad_a717_9e84,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_0000_0000,
    ]),
    inverse: 0x11ff_43b1,
    r: of_words([
        0x88c6_a7a0_739b_55e0,
        0x6320_aa4b_1d0c_2f61,
        0x8,
        0x1f_ffff_ffe0,
    ]),
    r_squared: of_words([
        0x45e9_cfee_b48d_9ef5,
        0x1f11_fc5b_b2d3_1a99,
        0x16c8_e4ad_afb1_6586,
        0x84b6_556a_6558_7f06,
    ]),
};

/// b of y² = x³ − 3x + b, in the form in which it is multiplied with.
const B: Limbs = of_words([
    0x139b_ec45_3897_bbfb,
    0x9e00_b994_1086_121b,
    0xb444_157e_e425_dad5,
    0x8600_c3bb_90e9_0681,
]);

pub(crate) const GENERATOR: [Limbs; 2] = [
    of_words([
        0xf4a1_3945_d898_c296,
        0x7703_7d81_2deb_33a0,
        0xf8bc_e6e5_63a4_40f2,
        0x6b17_d1f2_e12c_4247,
    ]),
    of_words([
        0xcbb6_4068_37bf_51f5,
        0x2bce_3357_6b31_5ece,
        0x8ee7_eb4a_7c0f_9e16,
        0x4fe3_42e2_fe1a_7f9b,
    ]),
];

/// The generator's table, once a key has one.
static COMB: OnceLock<Table<Point>> = OnceLock::new();

type Numbers = Pair<P256>;

#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) xy: Numbers,
    /// Z, twice.
    pub(crate) zz: Numbers,
}

/// The products of the coordinates of two points, with xy = x₁ · y₂ + x₂ · y₁, and so on.
struct Products {
    xx_yy: Numbers,
    /// Twice the same, as is xy.
    zz: Numbers,
    xy: Numbers,
    xz_yz: Numbers,
}

impl Point {
    pub(crate) fn new([x, y]: &[Limbs; 2]) -> Self {
        Self {
            xy: Pair::new(x, y),
            zz: Pair::one(),
        }
    }

    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn doubled(&self) -> Self {
        let Self { xy, zz } = self;
        let xx_yy = xy.square();
        let xz_yz = xy.multiply(zz);
        let z_x = zz.firsts(xy);
        let z_y = zz.first_and_second(xy);
        let zz_xy = z_x.multiply(&z_y);
        let crossed = zz_xy.seconds(&zz_xy);
        Self::of_products(&Products {
            xx_yy,
            zz: zz_xy.firsts(&zz_xy),
            xy: crossed.add(&crossed),
            xz_yz: xz_yz.add(&xz_yz),
        })
    }

    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn added(&self, Self { xy, zz }: &Self) -> Self {
        let xx_yy = self.xy.multiply(xy);
        let mine = self.zz.first_and_second(&self.xy.add(&self.xy.swapped()));
        let other = zz.first_and_second(&xy.add(&xy.swapped()));
        let zz_sums = mine.multiply(&other);
        let sums = self.xy.add(&self.zz).multiply(&xy.add(zz));
        let products_zz = zz_sums.firsts(&zz_sums);
        Self::of_products(&Products {
            xx_yy,
            zz: products_zz,
            xy: zz_sums
                .seconds(&zz_sums)
                .subtract_two(&xx_yy, &xx_yy.swapped()),
            xz_yz: sums.subtract_two(&xx_yy, &products_zz),
        })
    }

    /// What doubling and addition do with the products.
    #[inline(never)]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    fn of_products(products: &Products) -> Self {
        let Products {
            xx_yy,
            zz,
            xy,
            xz_yz,
        } = products;
        let b = Pair::of_lanes(both(B));
        let b_zz_xz = zz.firsts(xz_yz).multiply(&b);
        let zz_3 = zz.triple();
        let xx = xx_yy.firsts(xx_yy);
        let less = b_zz_xz.firsts(&zz_3.add(&xx));
        // 3 (xz − b zz), and 3 (b xz − 3 zz − xx).
        let shift_rest = xz_yz.first_and_second(&b_zz_xz).subtract(&less).triple();
        let shift = shift_rest.firsts(&shift_rest);
        // yy − shift, and yy + shift.
        let minus_plus = xx_yy.seconds(xx_yy).subtract_first_add_second(&shift);
        let slope = xx.subtract(zz).triple();
        let xy_yz = xy.first_and_second(xz_yz);
        let for_x = minus_plus
            .seconds(&minus_plus)
            .first_and_second(&shift_rest)
            .multiply(&xy_yz);
        let plus_slope = minus_plus.swapped().first_and_second(&slope);
        let minus_rest = minus_plus.first_and_second(&shift_rest);
        let for_y = plus_slope.multiply(&minus_rest);
        let minus_slope = minus_plus.first_and_second(&slope);
        let for_z = xy_yz.swapped().multiply(&minus_slope);
        Self {
            xy: for_x
                .firsts(&for_y)
                .subtract_first_add_second(&for_x.seconds(&for_y)),
            zz: for_z.add(&for_z.swapped()),
        }
    }
}

impl Group for Point {
    type Entry = Self;

    fn neutral() -> Self {
        Self {
            xy: Pair::zero().first_and_second(&Pair::one()),
            zz: Pair::zero(),
        }
    }

    fn double(&self) -> Self {
        self.doubled()
    }

    fn add(&self, entry: &Self) -> Self {
        self.added(entry)
    }

    fn subtract(&self, entry: &Self) -> Self {
        let negative = Pair::zero().subtract(&entry.xy);
        self.added(&Self {
            xy: entry.xy.first_and_second(&negative),
            zz: entry.zz,
        })
    }

    fn entry(&self) -> Self {
        *self
    }
}

/// A public key.
pub struct Key(Often<Point>);

impl Key {
    /// The key with these coordinates, big-endian. `None` when they are not those of a point of the curve, each below
    /// the prime (SP 800-186 §D.1.1). Any such point has the order of the curve, because that is prime.
    #[must_use]
    pub fn new(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        let coordinates = [x, y].map(of_big_endian);
        if !coordinates
            .iter()
            .all(|coordinate| is_below(coordinate, &P256::PRIME))
        {
            return None;
        }
        let point = Point::new(&coordinates);
        // (x², y²), and y² − x (x² − 3) − b.
        let squares = point.xy.square();
        let threes = Pair::one().triple();
        let cubic = squares.subtract(&threes).multiply(&point.xy);
        let rest = squares
            .swapped()
            .subtract_two(&cubic, &Pair::of_lanes(both(B)));
        let [is_on_curve, _] = rest.are_zero();
        is_on_curve.then(|| Self(Often::new(point)))
    }

    /// Whether this is a signature, r and s, of what has this hash.
    #[must_use]
    pub fn verify(&self, hash: &[u8; 32], signature: &[u8; 64]) -> bool {
        let ([r, s], []) = signature.as_chunks() else {
            return false;
        };
        let (r, s, hash) = (of_big_endian(r), of_big_endian(s), of_big_endian(hash));
        // Step 1: from 1 to the order less 1.
        if [r, s]
            .iter()
            .any(|number| is_zero(number) || !is_below(number, &ORDER.limbs))
        {
            return false;
        }
        // Steps 4 to 6.
        let [u, v] = ORDER.quotients(&s, &hash, &r);
        let generator = Point::new(&GENERATOR);
        let point = self.0.sum(&generator, &COMB, [&u, &v]);
        let is_genuine = point.has_x(&r);
        if is_genuine {
            self.0.has_verified();
        }
        is_genuine
    }
}

impl Point {
    /// Steps 6 to 8: the point is not the neutral one, and r is its x modulo the order.
    ///
    /// X / Z is less than the prime, which is less than twice the order: it is either r or r plus the order, if that is
    /// still below the prime.
    fn has_x(&self, r: &Limbs) -> bool {
        let [z, _] = self.zz.are_zero();
        let greater = sum(r, &ORDER.limbs);
        let is_possible = is_below(&greater, &P256::PRIME);
        let candidates = Pair::new(r, if is_possible { &greater } else { r });
        let xx = self.xy.firsts(&self.xy);
        let differences = candidates.multiply(&self.zz).subtract(&xx);
        !z && differences.are_zero() != [false; 2]
    }
}

#[cfg(test)]
mod tests;
