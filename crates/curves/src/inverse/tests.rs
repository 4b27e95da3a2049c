#![expect(clippy::unwrap_used, reason = "tests")]

use num_bigint::BigUint;

use super::*;
use crate::testing::{Numbers, Reference, big, limbs};

/// The inverse of an odd number modulo 2^29.
fn low_inverse(modulus: &BigUint) -> u32 {
    let power = BigUint::from(1_u32 << LIMB_BITS);
    modulus.modinv(&power).unwrap().try_into().unwrap()
}

#[test]
fn inverses_are_those_of_numbers() {
    let (p256, ed25519) = (Reference::p256(), Reference::ed25519());
    let mut numbers = Numbers(3);
    for modulus in [p256.prime, p256.order, ed25519.prime, ed25519.order] {
        let ends = [
            1_u8.into(),
            2_u8.into(),
            &modulus - 1_u8,
            &modulus - 2_u8,
            &modulus >> 1,
        ];
        let some = (0..300).map(|_| numbers.number() % &modulus);
        for number in ends.into_iter().chain(some) {
            let found = inverse(&limbs(&number), &limbs(&modulus), low_inverse(&modulus));
            let due = number.modinv(&modulus).unwrap_or_default();
            assert_eq!(big(&found), due, "{number:x} modulo {modulus:x}");
        }
    }
}

#[test]
fn zero_gives_zero() {
    let modulus = Reference::ed25519().prime;
    assert_eq!(
        inverse(&[0; 9], &limbs(&modulus), low_inverse(&modulus)),
        [0; 9]
    );
}

#[test]
fn small_moduli_agree_for_every_number() {
    for modulus in [3_u32, 5, 7, 31, 127, 251] {
        let large = BigUint::from(modulus);
        for number in 1..modulus {
            let found = inverse(&limbs(&number.into()), &limbs(&large), low_inverse(&large));
            let due = BigUint::from(number).modinv(&large).unwrap();
            assert_eq!(big(&found), due, "{number} modulo {modulus}");
        }
    }
}
