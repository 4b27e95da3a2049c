//! Points against the textbook, in both layouts of limbs.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use num_bigint::BigUint;

use super::super::domain::{Domain, P384, P521};
use super::super::reference::{self, Affine};
use super::*;
use doorward_modular::{narrow, wide};

/// Runs a function for both curves and both layouts.
macro_rules! everywhere {
    ($test:ident) => {
        for domain in [&P384, &P521] {
            $test::<wide::Modulus>(domain);
            $test::<narrow::Modulus>(domain);
        }
    };
}

fn number<M: Arithmetic>(field: &mut Field<'_, M>, number: &Number<M::Limb>) -> BigUint {
    let count = field.modulus.limb_count();
    let mut one = Number::zero();
    field.modulus.read(&[1], one.limbs_mut(count));
    // The product with one is no longer in Montgomery form.
    let mut plain = field.multiply(number, &one);
    BigUint::from_bytes_be(&field.modulus.write(plain.limbs_mut(count)))
}

fn affine<M: Arithmetic>(
    domain: &Domain,
    field: &mut Field<'_, M>,
    point: &Point<M::Limb>,
) -> Affine {
    let prime = reference::number(domain.prime);
    let [x, y, z] = [&point.x, &point.y, &point.z].map(|a| number(field, a));
    if z == BigUint::ZERO {
        assert_eq!(x, BigUint::ZERO, "the neutral point is (0 : Y : 0)");
        assert_ne!(y, BigUint::ZERO, "(0 : 0 : 0) is no point");
        return None;
    }
    let inverse = reference::inverse(&z, &prime);
    Some((x * &inverse % &prime, y * &inverse % &prime))
}

/// The point with these coordinates, multiplied by some Z other than one.
fn point<M: Arithmetic>(
    domain: &Domain,
    field: &mut Field<'_, M>,
    point: &Affine,
) -> Point<M::Limb> {
    let Some((x, y)) = point else {
        return field.neutral_point();
    };
    let z = field.read(&reference::digits(domain, &BigUint::from(0xfedc_ba98_u32)));
    let [x, y] = [x, y].map(|a| {
        let a = field.read(&reference::digits(domain, a));
        field.multiply(&a, &z)
    });
    Point { x, y, z }
}

/// The neutral point, the generator and some of its multiples, and their negatives.
fn samples(domain: &Domain) -> Vec<Affine> {
    let generator = reference::generator(domain);
    let mut samples = vec![None];
    for factor in [1_u64, 2, 3, 0x0123_4567_89ab_cdef] {
        let point = reference::multiple(domain, &BigUint::from(factor), &generator);
        samples.push(reference::negative(domain, &point));
        samples.push(point);
    }
    samples
}

fn assert_sums_agree<M: Arithmetic>(domain: &Domain) {
    let prime = M::new(domain.prime);
    let mut field = Field::new(&prime, domain.b);
    for p in samples(domain) {
        let p_here = point(domain, &mut field, &p);
        for q in samples(domain) {
            let q_here = point(domain, &mut field, &q);
            let sum = field.add_points(&p_here, &q_here);
            assert_eq!(
                affine(domain, &mut field, &sum),
                reference::add(domain, &p, &q),
                "{p:?} and {q:?}"
            );
        }
    }
}

/// Among them are a point and itself, a point and its negative, and the neutral point.
#[test]
fn sums_of_points_agree_with_the_textbook() {
    everywhere!(assert_sums_agree);
}

fn assert_doubling_is_adding_to_itself<M: Arithmetic>(domain: &Domain) {
    let prime = M::new(domain.prime);
    let mut field = Field::new(&prime, domain.b);
    for p in samples(domain) {
        let here = point(domain, &mut field, &p);
        let doubled = field.double_point(&here);
        let added = field.add_points(&here, &here);
        let expected = reference::add(domain, &p, &p);
        assert_eq!(affine(domain, &mut field, &doubled), expected, "{p:?}");
        assert_eq!(affine(domain, &mut field, &added), expected, "{p:?}");
    }
}

#[test]
fn doubling_a_point_is_adding_it_to_itself() {
    everywhere!(assert_doubling_is_adding_to_itself);
}

fn assert_order<M: Arithmetic>(domain: &Domain) {
    let prime = M::new(domain.prime);
    let mut field = Field::new(&prime, domain.b);
    let generator = reference::generator(domain);
    let here = point(domain, &mut field, &generator);
    let order = reference::number(domain.order);
    let one = BigUint::from(1_u8);
    let zero = reference::digits(domain, &BigUint::ZERO);
    for (factor, expected) in [
        (BigUint::ZERO, None),
        (one.clone(), generator.clone()),
        (&order - &one, reference::negative(domain, &generator)),
        (order.clone(), None),
        (&order + &one, generator.clone()),
    ] {
        // Above the order of P-384 there are numbers of 384 bits.
        let digits = reference::digits(domain, &factor);
        for factors in [[&digits[..], &zero], [&zero, &digits]] {
            let multiple = field.sum_of_multiples(factors, [&here, &here]);
            let multiple = affine(domain, &mut field, &multiple);
            assert_eq!(multiple, expected, "{factor} times the generator");
        }
    }
}

#[test]
fn the_generator_has_the_order_of_the_curve() {
    everywhere!(assert_order);
}

fn assert_multiples_agree<M: Arithmetic>(domain: &Domain) {
    let prime = M::new(domain.prime);
    let mut field = Field::new(&prime, domain.b);
    let order = reference::number(domain.order);
    let generator = reference::generator(domain);
    let mut k1 = BigUint::from(0x9e37_79b9_7f4a_7c15_u64);
    for round in 0..3_u32 {
        k1 = k1.modpow(&BigUint::from(17_u8), &order);
        let k2 = &k1 * &k1 % &order;
        let q = reference::multiple(domain, &(&k2 >> 100_u32), &generator);
        let expected = reference::add(
            domain,
            &reference::multiple(domain, &k1, &generator),
            &reference::multiple(domain, &k2, &q),
        );
        let points = [&generator, &q].map(|p| point(domain, &mut field, p));
        let sum = field.sum_of_multiples(
            [
                &reference::digits(domain, &k1),
                &reference::digits(domain, &k2),
            ],
            points.each_ref(),
        );
        let sum = affine(domain, &mut field, &sum);
        assert_eq!(sum, expected, "round {round}: {k1} and {k2}");
    }
}

#[test]
fn sums_of_multiples_agree_with_the_textbook() {
    everywhere!(assert_multiples_agree);
}

fn assert_membership<M: Arithmetic>(domain: &Domain) {
    let prime = M::new(domain.prime);
    let mut field = Field::new(&prime, domain.b);
    for sample in samples(domain).iter().skip(1) {
        let (x, y) = sample.clone().unwrap();
        let [x, y, other] = [x, &y + BigUint::from(0_u8), y ^ BigUint::from(2_u8)]
            .map(|a| field.read(&reference::digits(domain, &a)));
        assert!(field.is_on_curve(&x, &y), "{sample:?}");
        assert!(!field.is_on_curve(&x, &other), "{sample:?}");
        assert!(!field.is_on_curve(&y, &x), "{sample:?}");
    }
}

#[test]
fn points_of_the_curve_are_told_from_others() {
    everywhere!(assert_membership);
}
