//! The points of a curve y² = x³ − 3x + b with a prime number of points.
//!
//! J. Renes, C. Costello, L. Batina, "Complete addition formulas for prime order elliptic curves",
//! Eurocrypt 2016: algorithm 4 adds any two points and algorithm 6 doubles any point, so there is no
//! exceptional case to forget. The coordinates are homogeneous: (X : Y : Z) is the point
//! (X / Z, Y / Z), and (0 : 1 : 0) is the neutral one.

use doorward_modular::{Arithmetic, bit};

/// How many limbs a number has in the layout that needs the most of them: the 521 bits of the longest
/// prime and two, in pairs of limbs of 52 bits.
const LIMBS_MAX: usize = 12;

const _: () = assert!(
    LIMBS_MAX == (521_usize + 2).div_ceil(52).next_multiple_of(2),
    "a number has to hold the longest modulus"
);

/// An element of the field, in Montgomery form. The limbs that the prime does not have are zero.
#[derive(Clone, Copy)]
pub(super) struct Number<L>([L; LIMBS_MAX]);

impl<L: Copy + Default> Number<L> {
    fn zero() -> Self {
        Self([L::default(); LIMBS_MAX])
    }

    fn limbs(&self, count: usize) -> &[L] {
        self.0.get(..count).unwrap_or_default()
    }

    fn limbs_mut(&mut self, count: usize) -> &mut [L] {
        self.0.get_mut(..count).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
pub(super) struct Point<L> {
    pub(super) x: Number<L>,
    pub(super) y: Number<L>,
    pub(super) z: Number<L>,
}

/// The field of a curve, and what the formulas need of the curve.
pub(super) struct Field<'m, M: Arithmetic> {
    modulus: &'m M,
    scratch: M::Scratch,
    one: Number<M::Limb>,
    b: Number<M::Limb>,
}

impl<'m, M: Arithmetic> Field<'m, M> {
    /// The field of a prime, and the b of the curve, big-endian.
    pub(super) fn new(modulus: &'m M, b: &[u8]) -> Self {
        let mut field = Self {
            modulus,
            scratch: M::Scratch::default(),
            one: Number::zero(),
            b: Number::zero(),
        };
        field.one = field.read(&[1]);
        field.b = field.read(b);
        field
    }

    /// A big-endian number below the prime.
    pub(super) fn read(&mut self, big_endian: &[u8]) -> Number<M::Limb> {
        let count = self.modulus.limb_count();
        let mut number = Number::zero();
        self.modulus.read(big_endian, number.limbs_mut(count));
        let mut r_squared = Number::zero();
        r_squared
            .limbs_mut(count)
            .copy_from_slice(self.modulus.r_squared());
        self.multiply(&number, &r_squared)
    }

    pub(super) fn is_zero(&self, mut a: Number<M::Limb>) -> bool {
        // Zero is the same in Montgomery form.
        let digits = self.modulus.write(a.limbs_mut(self.modulus.limb_count()));
        digits.iter().all(|&digit| digit == 0)
    }

    pub(super) fn are_equal(&self, a: &Number<M::Limb>, b: &Number<M::Limb>) -> bool {
        self.is_zero(self.subtract(a, b))
    }

    #[inline(never)]
    pub(super) fn multiply(&mut self, a: &Number<M::Limb>, b: &Number<M::Limb>) -> Number<M::Limb> {
        let count = self.modulus.limb_count();
        let mut product = Number::zero();
        self.modulus.multiply(
            &mut self.scratch,
            a.limbs(count),
            b.limbs(count),
            product.limbs_mut(count),
        );
        product
    }

    #[inline(never)]
    pub(super) fn add(&self, a: &Number<M::Limb>, b: &Number<M::Limb>) -> Number<M::Limb> {
        let count = self.modulus.limb_count();
        let mut sum = *a;
        self.modulus.add(sum.limbs_mut(count), b.limbs(count));
        sum
    }

    #[inline(never)]
    pub(super) fn subtract(&self, a: &Number<M::Limb>, b: &Number<M::Limb>) -> Number<M::Limb> {
        let count = self.modulus.limb_count();
        let mut difference = *a;
        self.modulus
            .subtract(difference.limbs_mut(count), b.limbs(count));
        difference
    }

    fn triple(&self, a: &Number<M::Limb>) -> Number<M::Limb> {
        self.add(&self.add(a, a), a)
    }

    /// Whether y² = x³ − 3x + b.
    pub(super) fn is_on_curve(&mut self, x: &Number<M::Limb>, y: &Number<M::Limb>) -> bool {
        let y_squared = self.multiply(y, y);
        let x_squared = self.multiply(x, x);
        let x_cubed = self.multiply(&x_squared, x);
        let rest = self.subtract(&self.b, &self.triple(x));
        self.are_equal(&y_squared, &self.add(&x_cubed, &rest))
    }

    /// The point with these coordinates.
    pub(super) fn point(&self, x: Number<M::Limb>, y: Number<M::Limb>) -> Point<M::Limb> {
        Point { x, y, z: self.one }
    }

    pub(super) fn neutral_point(&self) -> Point<M::Limb> {
        let zero = Number::zero();
        Point {
            x: zero,
            y: self.one,
            z: zero,
        }
    }

    /// p + q, whatever they are (algorithm 4).
    pub(super) fn add_points(&mut self, p: &Point<M::Limb>, q: &Point<M::Limb>) -> Point<M::Limb> {
        let xx = self.multiply(&p.x, &q.x);
        let yy = self.multiply(&p.y, &q.y);
        let zz = self.multiply(&p.z, &q.z);
        let terms = Terms {
            xy: self.cross([&p.x, &p.y], [&q.x, &q.y], [&xx, &yy]),
            yz: self.cross([&p.y, &p.z], [&q.y, &q.z], [&yy, &zz]),
            xz: self.cross([&p.x, &p.z], [&q.x, &q.z], [&xx, &zz]),
            xx,
            yy,
            zz,
        };
        let Sum { x, y, factors } = self.sum(&terms);
        let [for_yz, for_xy] = factors;
        let (z, rest) = (
            self.multiply(&terms.yz, &for_yz),
            self.multiply(&terms.xy, &for_xy),
        );
        let z = self.add(&z, &rest);
        Point { x, y, z }
    }

    /// p + p (algorithm 6).
    pub(super) fn double_point(&mut self, p: &Point<M::Limb>) -> Point<M::Limb> {
        let terms = Terms {
            xx: self.multiply(&p.x, &p.x),
            yy: self.multiply(&p.y, &p.y),
            zz: self.multiply(&p.z, &p.z),
            xy: self.twice_product(&p.x, &p.y),
            yz: self.twice_product(&p.y, &p.z),
            xz: self.twice_product(&p.x, &p.z),
        };
        let Sum { x, y, .. } = self.sum(&terms);
        // What the other formula for Z comes to on the curve, with one multiplication less.
        let z = self.twice_product(&terms.yz, &terms.yy);
        let z = self.add(&z, &z);
        Point { x, y, z }
    }

    /// a₁ · b₂ + a₂ · b₁, given also a₁ · a₂ and b₁ · b₂.
    #[inline(never)]
    fn cross(
        &mut self,
        [a1, b1]: [&Number<M::Limb>; 2],
        [a2, b2]: [&Number<M::Limb>; 2],
        [aa, bb]: [&Number<M::Limb>; 2],
    ) -> Number<M::Limb> {
        let (first, second) = (self.add(a1, b1), self.add(a2, b2));
        let all = self.multiply(&first, &second);
        self.subtract(&all, &self.add(aa, bb))
    }

    #[inline(never)]
    fn twice_product(&mut self, a: &Number<M::Limb>, b: &Number<M::Limb>) -> Number<M::Limb> {
        let product = self.multiply(a, b);
        self.add(&product, &product)
    }

    /// What both algorithms do with the products of the coordinates.
    #[inline(never)]
    fn sum(&mut self, terms: &Terms<M::Limb>) -> Sum<M::Limb> {
        let Terms {
            xx,
            yy,
            zz,
            xy,
            yz,
            xz,
        } = terms;
        let b = self.b;
        let b_zz = self.multiply(&b, zz);
        let b_xz = self.multiply(&b, xz);
        let shift = self.triple(&self.subtract(xz, &b_zz));
        let (plus, minus) = (self.add(yy, &shift), self.subtract(yy, &shift));
        let zz_3 = self.triple(zz);
        let slope = self.subtract(&self.triple(xx), &zz_3);
        let rest = self.subtract(&self.subtract(&b_xz, &zz_3), xx);
        let rest = self.triple(&rest);

        let (x, less) = (self.multiply(xy, &plus), self.multiply(yz, &rest));
        let x = self.subtract(&x, &less);
        let (y, more) = (self.multiply(&plus, &minus), self.multiply(&slope, &rest));
        let y = self.add(&y, &more);
        Sum {
            x,
            y,
            factors: [minus, slope],
        }
    }

    /// k₁ · p₁ + k₂ · p₂, with numbers that are big-endian and equally long.
    ///
    /// Two bits of both numbers at a time: the points are doubled once for both (the trick that is
    /// Shamir's by name).
    pub(super) fn sum_of_multiples(
        &mut self,
        [k1, k2]: [&[u8]; 2],
        [p1, p2]: [&Point<M::Limb>; 2],
    ) -> Point<M::Limb> {
        let neutral = self.neutral_point();
        // i · p1 + j · p2 at 4 · i + j.
        let mut multiples = Vec::with_capacity(16);
        let mut row = neutral;
        for _ in 0..4 {
            let mut multiple = row;
            for _ in 0..4 {
                multiples.push(multiple);
                multiple = self.add_points(&multiple, p2);
            }
            row = self.add_points(&row, p1);
        }
        let mut sum = neutral;
        for position in (0..k1.len().max(k2.len()) * 4).rev() {
            sum = self.double_point(&sum);
            sum = self.double_point(&sum);
            let digit = [k1, k2].into_iter().fold(0, |digit, number| {
                digit << 2
                    | usize::from(bit(number, 2 * position + 1)) << 1
                    | usize::from(bit(number, 2 * position))
            });
            if digit != 0
                && let Some(multiple) = multiples.get(digit)
            {
                sum = self.add_points(&sum, multiple);
            }
        }
        sum
    }
}

/// The products of the coordinates of two points; xy is x₁ · y₂ + x₂ · y₁, and so on.
struct Terms<L> {
    xx: Number<L>,
    yy: Number<L>,
    zz: Number<L>,
    xy: Number<L>,
    yz: Number<L>,
    xz: Number<L>,
}

/// The sum of two points but for its Z, which is yz times the first factor and xy times the second.
struct Sum<L> {
    x: Number<L>,
    y: Number<L>,
    factors: [Number<L>; 2],
}

#[cfg(test)]
mod tests;
