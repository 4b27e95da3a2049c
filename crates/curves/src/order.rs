//! Numbers modulo the order of a curve's points: a handful for each signature, so in ordinary arithmetic, and small.

use crate::inverse;
use crate::limbs::{LIMB_BITS, LIMB_MASK, Limbs, reduced, sum};

/// An order, with what Montgomery multiplication by it needs. R is 2^261.
pub(crate) struct Order {
    pub(crate) limbs: Limbs,
    /// The inverse of the order modulo 2^29.
    pub(crate) inverse: u32,
    /// R modulo the order.
    pub(crate) r: Limbs,
    /// R² modulo the order.
    pub(crate) r_squared: Limbs,
}

impl Order {
    /// a · b / R, below the order. Of the factors one is below the order, and the other one below 2^261.
    pub(crate) fn multiply(&self, a: &Limbs, b: &Limbs) -> Limbs {
        // A column adds 18 products below 2^58, and a carry.
        let mut columns = [0_u64; 9];
        for &limb in a {
            add(&mut columns, limb, b);
            let [lowest, ..] = columns;
            let multiple = (lowest as u32).wrapping_mul(self.inverse.wrapping_neg()) & LIMB_MASK;
            add(&mut columns, multiple, &self.limbs);
            let [lowest, next, ..] = &mut columns;
            *next += *lowest >> LIMB_BITS;
            *lowest = 0;
            columns.rotate_left(1);
        }
        let mut product = [0; 9];
        let mut carry = 0;
        for (limb, column) in product.iter_mut().zip(columns) {
            let column = column + carry;
            *limb = column as u32 & LIMB_MASK;
            carry = column >> LIMB_BITS;
        }
        reduced(&product, &self.limbs)
    }

    /// a modulo the order, of any a below 2^261.
    pub(crate) fn remainder(&self, a: &Limbs) -> Limbs {
        self.multiply(a, &self.r)
    }

    /// low + R · high, modulo the order.
    pub(crate) fn wide_remainder(&self, low: &Limbs, high: &Limbs) -> Limbs {
        let high = self.multiply(high, &self.r_squared);
        reduced(&sum(&self.remainder(low), &high), &self.limbs)
    }

    /// b / a and c / a, where a is below the order and not zero.
    pub(crate) fn quotients(&self, a: &Limbs, b: &Limbs, c: &Limbs) -> [Limbs; 2] {
        let inverse = inverse::inverse(a, &self.limbs, self.inverse);
        let inverse = self.multiply(&inverse, &self.r_squared);
        [b, c].map(|number| self.multiply(number, &inverse))
    }
}

/// Adds a multiple of a number, column by column.
fn add(columns: &mut [u64; 9], multiple: u32, number: &Limbs) {
    for (column, limb) in columns.iter_mut().zip(number) {
        *column += u64::from(multiple) * u64::from(*limb);
    }
}

#[cfg(test)]
mod tests;
