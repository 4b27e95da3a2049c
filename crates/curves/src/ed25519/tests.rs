#![expect(clippy::unwrap_used, reason = "tests")]

use num_bigint::BigUint;

use super::*;
use crate::multiples::VERIFIED_BEFORE_COMB;
use crate::multiples::tests::{Shown as _, of_order_eight};
use crate::testing::{Affine, Kind, Numbers, Reference};

fn little_endian_32(number: &BigUint) -> [u8; 32] {
    let mut bytes = number.to_bytes_le();
    bytes.resize(32, 0);
    *bytes.as_array().unwrap()
}

fn encoded(point: &Affine) -> [u8; 32] {
    let [x, y] = point.as_ref().unwrap();
    let mut encoding = little_endian_32(y);
    let [.., last] = &mut encoding;
    *last |= u8::from(x.bit(0)) << 7;
    encoding
}

/// A challenge of 64 bytes that is this number, and so many orders.
fn challenge(number: &BigUint, orders: &BigUint, order: &BigUint) -> [u8; 64] {
    let mut bytes = (number + orders * order).to_bytes_le();
    bytes.resize(64, 0);
    *bytes.as_array().unwrap()
}

/// The rules by the book: S · B − k · A is R, which is not of small order, in this encoding.
fn is_genuine(reference: &Reference, key: &Affine, k: &BigUint, [r, s]: [&[u8; 32]; 2]) -> bool {
    let s = BigUint::from_bytes_le(s);
    if s >= reference.order {
        return false;
    }
    let of_generator = reference.multiple(&s, &Point::generator());
    let of_key = reference.multiple(k, key);
    let found = reference.sum(&of_generator, &reference.negative(&of_key));
    encoded(&found) == *r && reference.multiple(&8_u8.into(), &found) != reference.neutral()
}

/// Keys and signatures with parts of small order: whether they are accepted depends on the equation without the
/// cofactor, and on nothing else that is done with them.
#[test]
fn signatures_verify_where_the_equation_without_the_cofactor_holds() {
    let reference = Reference::ed25519();
    let order = &reference.order;
    let (generator, eighth) = (Point::generator(), of_order_eight());
    let mut numbers = Numbers(10);
    let (mut genuine, mut others) = (0, 0);
    for small_of_key in 0..8_u8 {
        let secret = numbers.number() % order;
        let small = reference.multiple(&small_of_key.into(), &eighth);
        let point = reference.sum(&reference.multiple(&secret, &generator), &small);
        let key = Key::new(&encoded(&point)).unwrap();
        for round in 0..10_u8 {
            // Challenges that are odd and even, and at the ends of their range.
            let k = match round {
                0 => BigUint::ZERO,
                1 => 1_u8.into(),
                2 => order - 1_u8,
                3 => 8_u8.into(),
                _ => numbers.number() % order,
            };
            let nonce = if round == 4 {
                BigUint::ZERO
            } else {
                numbers.number() % order
            };
            // Every other time the one with which the equation holds.
            let matching = 8_u8
                - (&k * small_of_key % 8_u8)
                    .iter_u32_digits()
                    .next()
                    .unwrap_or(0) as u8;
            let small_of_r = if round % 2 == 0 { matching } else { round };
            let small_of_r = reference.multiple(&small_of_r.into(), &eighth);
            let r = encoded(&reference.sum(&reference.multiple(&nonce, &generator), &small_of_r));
            let s = (&nonce + &k * &secret) % order;
            let whole = challenge(&k, &(numbers.number() & BigUint::from(u64::MAX)), order);
            for s in [s.clone(), &s + order, (&s + 1_u8) % order] {
                let s = little_endian_32(&s);
                let signature = *[r, s].as_flattened().as_array().unwrap();
                let due = is_genuine(&reference, &point, &k, [&r, &s]);
                assert_eq!(
                    key.verify(&whole, &signature),
                    due,
                    "key {small_of_key}, round {round}"
                );
                genuine += u32::from(due);
                others += u32::from(!due);
            }
        }
    }
    assert!(
        genuine > 8 * (VERIFIED_BEFORE_COMB + 1) && others > 80,
        "{genuine} and {others}"
    );
}

#[test]
fn only_points_of_small_order_are_said_to_be() {
    let reference = Reference::ed25519();
    let mut numbers = Numbers(11);
    for number in 0..8_u8 {
        let small = reference.multiple(&number.into(), &of_order_eight());
        assert!(
            Key::new(&encoded(&small)).unwrap().has_small_order(),
            "{number}"
        );
        let some = reference.multiple(&numbers.number(), &Point::generator());
        let sum = reference.sum(&small, &some);
        assert!(
            !Key::new(&encoded(&sum)).unwrap().has_small_order(),
            "{number}"
        );
    }
}

#[test]
fn a_point_is_decoded_from_its_encoding_and_from_no_other() {
    let reference = Reference::ed25519();
    let Kind::Ed25519 { d } = &reference.kind else {
        return;
    };
    let prime = &reference.prime;
    let mut numbers = Numbers(12);
    let mut none = 0;
    for round in 0..300_u32 {
        let y = if round < 20 {
            round.into()
        } else {
            numbers.number() % prime
        };
        // Euler's criterion: whether x² is a square.
        let square = &y * &y % prime;
        let over = (d * &square + 1_u8).modinv(prime).unwrap();
        let square = (square + prime - 1_u8) * over % prime;
        let is_point = square.modpow(&(prime >> 1), prime) <= 1_u8.into();
        none += u32::from(!is_point);
        for sign in [0, 0x80] {
            let mut encoding = little_endian_32(&y);
            let [.., last] = &mut encoding;
            *last |= sign;
            let point = Point::decode(&encoding);
            assert_eq!(point.is_some(), is_point, "{y:x}");
            let Some(point) = point else { continue };
            let shown = point.shown();
            let [x, same] = shown.as_ref().unwrap();
            assert_eq!(x * x % prime, square);
            assert_eq!(*same, y);
            if *x != BigUint::ZERO {
                assert_eq!(point.encode(), encoding);
            }
        }
    }
    assert!((100..200).contains(&none), "{none} are no points");
}

#[test]
fn constants_are_what_they_are_called() {
    let reference = Reference::ed25519();
    let prime = &reference.prime;
    let [d, twice, root] = [&D, &TWICE_D, &ROOT].map(crate::testing::big);
    let Kind::Ed25519 { d: due } = &reference.kind else {
        return;
    };
    assert_eq!((&d, twice), (due, &d * 2_u8 % prime));
    assert_eq!(&root * &root % prime, prime - 1_u8);
    assert_eq!(
        BigUint::from(PRIME_INVERSE) * prime % (1_u32 << 29),
        1_u8.into()
    );
    assert_eq!(
        reference.multiple(&reference.order, &Point::generator()),
        reference.neutral()
    );
}
