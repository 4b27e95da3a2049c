//! Keys and signatures made so that one rule decides about them, in both layouts of limbs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use num_bigint::BigUint;

use super::super::domain::{P384, P521};
use super::super::reference::{self, Affine, digits, number};
use super::*;
use doorward_modular::{narrow, wide};

const HASH: &[u8] = &[0xa5; 48];

fn small(value: u32) -> BigUint {
    BigUint::from(value)
}

/// What both layouts say of a key and a signature of [`HASH`]; `None` when they refuse the key.
fn verdict(domain: &'static Domain, x: &BigUint, y: &BigUint, signature: &[u8]) -> Option<bool> {
    let (x, y) = (digits(domain, x), digits(domain, y));
    let wide =
        EcdsaKey::<wide::Modulus>::new(domain, &x, &y).map(|key| key.verify(HASH, signature));
    let narrow =
        EcdsaKey::<narrow::Modulus>::new(domain, &x, &y).map(|key| key.verify(HASH, signature));
    assert_eq!(wide, narrow, "both layouts say the same");
    wide
}

fn signature(domain: &Domain, r: &BigUint, s: &BigUint) -> Vec<u8> {
    [digits(domain, r), digits(domain, s)].concat()
}

/// The key for which r and s belong to [`HASH`] by this point: (s · R − hash · G) / r.
fn key_for(domain: &Domain, point: &Affine, r: &BigUint, s: &BigUint) -> (BigUint, BigUint) {
    let order = number(domain.order);
    let hash = reference::multiple(domain, &number(HASH), &reference::generator(domain));
    let difference = reference::add(
        domain,
        &reference::multiple(domain, s, point),
        &reference::negative(domain, &hash),
    );
    reference::multiple(domain, &reference::inverse(r, &order), &difference).unwrap()
}

#[test]
fn the_numbers_of_a_curve_belong_together() {
    for domain in [&P384, &P521] {
        let (prime, order) = (number(domain.prime), number(domain.order));
        assert_eq!(&prime - &order, number(domain.prime_above_order));
        assert!(prime < &order + &order);
        let (x, y) = (number(domain.x), number(domain.y));
        assert_eq!(reference::point_from(domain, x.clone()).0, x);
        let (_, root) = reference::point_from(domain, x);
        assert!(y == root || y == prime - root);
    }
}

#[test]
fn a_signature_verifies_and_another_does_not() {
    for domain in [&P384, &P521] {
        let (x, y) = reference::point_from(domain, small(1000));
        let (r, s) = (x.clone(), small(77));
        let (key_x, key_y) = key_for(domain, &Some((x, y)), &r, &s);
        let verdict =
            |r: &BigUint, s: &BigUint| verdict(domain, &key_x, &key_y, &signature(domain, r, s));
        assert_eq!(verdict(&r, &s), Some(true));
        assert_eq!(verdict(&r, &small(78)), Some(false));
        assert_eq!(verdict(&(&r + small(1)), &s), Some(false));
        assert_eq!(verdict(&s, &r), Some(false));
    }
}

#[test]
fn lengths_other_than_that_of_two_numbers_are_refused() {
    for domain in [&P384, &P521] {
        let (x, y) = reference::point_from(domain, small(1000));
        let (r, s) = (x.clone(), small(77));
        let (key_x, key_y) = key_for(domain, &Some((x, y)), &r, &s);
        let good = signature(domain, &r, &s);
        let (r, s) = good.split_at(domain.bytes());
        for other in [
            vec![],
            good[1..].to_vec(),
            good[..good.len() - 1].to_vec(),
            [&[0], &good[..]].concat(),
            [&good[..], &[0]].concat(),
            [&[0], r, &[0], s].concat(),
            [&r[1..], &s[1..]].concat(),
            // The same numbers, one byte longer or shorter.
            [r, &[0], s].concat(),
            [r, &s[1..]].concat(),
        ] {
            assert_eq!(verdict(domain, &key_x, &key_y, &other), Some(false));
        }
    }
}

/// FIPS 186-5 §6.4.2 step 1: the same numbers modulo the order, but not below it.
#[test]
fn numbers_that_are_not_from_one_to_below_the_order_are_refused() {
    for domain in [&P384, &P521] {
        let order = number(domain.order);
        let (x, y) = reference::point_from(domain, small(1000));
        let (r, s) = (x.clone(), small(77));
        let (key_x, key_y) = key_for(domain, &Some((x, y)), &r, &s);
        let verdict =
            |r: &BigUint, s: &BigUint| verdict(domain, &key_x, &key_y, &signature(domain, r, s));
        assert_eq!(verdict(&r, &s), Some(true));
        assert_eq!(verdict(&(&r + &order), &s), Some(false), "r plus the order");
        assert_eq!(verdict(&r, &(&s + &order)), Some(false), "s plus the order");
        for bad in [small(0), order.clone()] {
            assert_eq!(verdict(&bad, &s), Some(false), "r is {bad}");
            assert_eq!(verdict(&r, &bad), Some(false), "s is {bad}");
            assert_eq!(verdict(&bad, &bad), Some(false), "both are {bad}");
        }
    }
}

/// About one of 2^190 points has such an x, so no test with random keys meets one.
#[test]
fn x_of_the_order_and_above_is_taken_modulo_the_order() {
    for domain in [&P384, &P521] {
        let order = number(domain.order);
        let (x, y) = reference::point_from(domain, &order + small(5));
        let (r, s) = (&x - &order, small(77));
        let (key_x, key_y) = key_for(domain, &Some((x, y)), &r, &s);
        let good = signature(domain, &r, &s);
        assert_eq!(verdict(domain, &key_x, &key_y, &good), Some(true));
    }
}

/// The x of this point is r plus the order, but only modulo the prime.
#[test]
fn r_plus_the_order_has_to_be_below_the_prime() {
    for domain in [&P384, &P521] {
        let (x, y) = reference::point_from(domain, small(1));
        let (r, s) = (&x + number(domain.prime_above_order), small(77));
        let (key_x, key_y) = key_for(domain, &Some((x, y)), &r, &s);
        let bad = signature(domain, &r, &s);
        assert_eq!(verdict(domain, &key_x, &key_y, &bad), Some(false));
    }
}

/// The key is d · G and r is −hash / d, so the point is (hash + r · d) / s · G, which is neutral. Its
/// X is r · Z, as both are zero.
#[test]
fn the_neutral_point_is_no_signature() {
    for domain in [&P384, &P521] {
        let order = number(domain.order);
        let d = small(123_457);
        let (key_x, key_y) =
            reference::multiple(domain, &d, &reference::generator(domain)).unwrap();
        let r = (&order - number(HASH) % &order) * reference::inverse(&d, &order) % &order;
        let bad = signature(domain, &r, &small(77));
        assert_eq!(verdict(domain, &key_x, &key_y, &bad), Some(false));
    }
}

#[test]
fn coordinates_of_the_prime_and_above_are_refused() {
    for domain in [&P384, &P521] {
        let prime = number(domain.prime);
        let (x, y) = reference::point_from(domain, small(0));
        let any = signature(domain, &small(1), &small(1));
        assert_eq!(verdict(domain, &x, &y, &any), Some(false), "a good key");
        assert_eq!(verdict(domain, &(&x + &prime), &y, &any), None);
        assert_eq!(verdict(domain, &prime, &y, &any), None);
        assert_eq!(verdict(domain, &x, &prime, &any), None);
    }
}

#[test]
fn coordinates_of_no_point_are_refused() {
    for domain in [&P384, &P521] {
        let (x, y) = reference::point_from(domain, small(1000));
        let any = signature(domain, &small(1), &small(1));
        for (x, y) in [
            (small(0), small(0)),
            (small(0), small(1)),
            (x.clone(), &y + small(1)),
            (&x + small(1), y.clone()),
            (y, x),
        ] {
            assert_eq!(verdict(domain, &x, &y, &any), None, "{x}, {y}");
        }
    }
}
