//! Keys of a curve, and the signatures that they verify (FIPS 186-5 §6.4.2).

use super::domain::Domain;
use super::point::{Field, Number, Point};
use crate::signature::prepared::Prepared;
use doorward_modular::Arithmetic;

pub(crate) struct EcdsaKey<M: Arithmetic> {
    domain: &'static Domain,
    /// Arithmetic modulo the prime of the field.
    prime: M,
    /// Arithmetic modulo the order.
    order: Prepared<M>,
    x: Number<M::Limb>,
    y: Number<M::Limb>,
}

impl<M: Arithmetic> EcdsaKey<M> {
    /// The key with these coordinates, big-endian and as long as the prime. `None` when they are not
    /// those of a point of the curve, each below the prime (SP 800-186 §D.1.1). Any such point but the
    /// neutral one, which has no such coordinates, has the order of the curve, because that is prime.
    pub(super) fn new(domain: &'static Domain, x: &[u8], y: &[u8]) -> Option<Self> {
        if [x, y]
            .iter()
            .any(|coordinate| !is_below(coordinate, domain.prime))
        {
            return None;
        }
        let prime = M::new(domain.prime);
        let mut field = Field::new(&prime, domain.b);
        let (x, y) = (field.read(x), field.read(y));
        if !field.is_on_curve(&x, &y) {
            return None;
        }
        Some(Self {
            domain,
            prime,
            order: Prepared::not_yet(),
            x,
            y,
        })
    }

    /// Whether this is a signature of what has this hash, which must not be longer than the order: of a
    /// longer one only the leftmost bits would count, but no hash is used with a shorter order.
    pub(super) fn verify(&self, hash: &[u8], signature: &[u8]) -> bool {
        let domain = self.domain;
        // Both numbers in full length, and nothing else.
        if signature.len() != 2 * domain.bytes() {
            return false;
        }
        let Some((r, s)) = signature.split_at_checked(domain.bytes()) else {
            return false;
        };
        // Step 1: from 1 to the order less 1.
        if [r, s]
            .iter()
            .any(|number| is_zero(number) || !is_below(number, domain.order))
        {
            return false;
        }
        // Steps 4 and 5. The order is prime, so by Fermat a power of s is its inverse.
        let mut exponent = domain.order.to_vec();
        if let Some(last) = exponent.last_mut() {
            // No borrow: no order ends with less.
            *last -= 2;
        }
        let order = self.order.get(|| M::new(domain.order));
        let inverse = order.power(s, &exponent);
        let u = order.product(&inverse, hash);
        let v = order.product(&inverse, r);
        // Step 6.
        let mut field = Field::new(&self.prime, domain.b);
        let (x, y) = (field.read(domain.x), field.read(domain.y));
        let generator = field.point(x, y);
        let public = field.point(self.x, self.y);
        let point = field.sum_of_multiples([&u, &v], [&generator, &public]);
        self.has_x(&mut field, &point, r)
    }

    /// Steps 6 to 8: the point is not the neutral one, and r is its x modulo the order.
    ///
    /// X / Z is less than the prime, which is less than twice the order: it is either r or r plus the
    /// order, if that is still below the prime.
    fn has_x(&self, field: &mut Field<'_, M>, point: &Point<M::Limb>, r: &[u8]) -> bool {
        if field.is_zero(point.z) {
            return false;
        }
        let number = field.read(r);
        let expected = field.multiply(&number, &point.z);
        if field.are_equal(&expected, &point.x) {
            return true;
        }
        if !is_below(r, self.domain.prime_above_order) {
            return false;
        }
        let order = field.read(self.domain.order);
        let expected = field.multiply(&field.add(&number, &order), &point.z);
        field.are_equal(&expected, &point.x)
    }
}

fn is_zero(number: &[u8]) -> bool {
    number.iter().all(|&byte| byte == 0)
}

/// Both are big-endian and equally long.
fn is_below(number: &[u8], limit: &[u8]) -> bool {
    number < limit
}

#[cfg(test)]
mod tests;
