//! The same curves in the way of a textbook, on another implementation of numbers: affine coordinates
//! and every case on its own.

use num_bigint::BigUint;

use super::domain::Domain;

/// A point by its coordinates; `None` is the neutral one.
pub(super) type Affine = Option<(BigUint, BigUint)>;

pub(super) fn number(digits: &[u8]) -> BigUint {
    BigUint::from_bytes_be(digits)
}

/// Big-endian, as long as the numbers of the curve.
pub(super) fn digits(domain: &Domain, number: &BigUint) -> Vec<u8> {
    let digits = number.to_bytes_be();
    [vec![0; domain.bytes() - digits.len()], digits].concat()
}

pub(super) fn inverse(number: &BigUint, modulus: &BigUint) -> BigUint {
    number.modinv(modulus).unwrap_or_default()
}

pub(super) fn generator(domain: &Domain) -> Affine {
    Some((number(domain.x), number(domain.y)))
}

pub(super) fn negative(domain: &Domain, point: &Affine) -> Affine {
    let (x, y) = point.clone()?;
    Some((x, number(domain.prime) - y))
}

/// x³ − 3x + b.
fn right_side(domain: &Domain, x: &BigUint) -> BigUint {
    let prime = number(domain.prime);
    let negative_x = &prime - x % &prime;
    (x * x * x + BigUint::from(3_u8) * negative_x + number(domain.b)) % prime
}

/// The first point whose x is this or more.
pub(super) fn point_from(domain: &Domain, mut x: BigUint) -> (BigUint, BigUint) {
    let prime = number(domain.prime);
    loop {
        let square = right_side(domain, &x);
        // The primes are 3 modulo 4.
        let y = square.modpow(&((&prime + BigUint::from(1_u8)) >> 2_u32), &prime);
        if &y * &y % &prime == square {
            return (x, y);
        }
        x += BigUint::from(1_u8);
    }
}

pub(super) fn add(domain: &Domain, p: &Affine, q: &Affine) -> Affine {
    let prime = number(domain.prime);
    let (Some((x1, y1)), Some((x2, y2))) = (p, q) else {
        return p.clone().or_else(|| q.clone());
    };
    let minus = |a: &BigUint, b: &BigUint| (a + &prime - b) % &prime;
    let slope = if x1 != x2 {
        minus(y2, y1) * inverse(&minus(x2, x1), &prime)
    } else if y1 == y2 {
        let three = BigUint::from(3_u8);
        minus(&(&three * x1 * x1 % &prime), &three) * inverse(&(y1 + y2), &prime)
    } else {
        return None;
    };
    let x = minus(&minus(&(&slope * &slope % &prime), x1), x2);
    let y = minus(&(slope * minus(x1, &x) % &prime), y1);
    Some((x, y))
}

pub(super) fn multiple(domain: &Domain, factor: &BigUint, point: &Affine) -> Affine {
    let mut sum = None;
    for position in (0..factor.bits()).rev() {
        sum = add(domain, &sum, &sum);
        if factor.bit(position) {
            sum = add(domain, &sum, point);
        }
    }
    sum
}
