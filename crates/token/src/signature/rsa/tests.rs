//! The limits of keys.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use num_bigint::BigUint;

use super::*;

fn modulus_of(bits: usize) -> Vec<u8> {
    ((BigUint::from(1_u8) << (bits - 1)) + BigUint::from(1_u8)).to_bytes_be()
}

#[test]
fn moduli_are_accepted_from_2048_to_8192_bits() {
    for bits in [2048, 2049, 3072, 8191, 8192] {
        assert!(
            RsaKey::new(&modulus_of(bits), &[1, 0, 1]).is_ok(),
            "{bits} bits must be accepted"
        );
    }
    for bits in [512, 1024, 2040, 2047, 8193, 16_384] {
        assert_eq!(
            RsaKey::new(&modulus_of(bits), &[1, 0, 1]).err(),
            Some(SkipReason::ModulusSize { bits }),
            "{bits} bits must be refused"
        );
    }
}

#[test]
fn weak_and_badly_written_keys_are_refused() {
    let modulus = modulus_of(2048);
    let mut even = modulus.clone();
    *even.last_mut().unwrap() = 2;
    assert_eq!(
        RsaKey::new(&even, &[3]).err(),
        Some(SkipReason::EvenModulus)
    );
    for exponent in [&[1][..], &[2], &[4], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(
            RsaKey::new(&modulus, exponent).err(),
            Some(SkipReason::Exponent),
            "exponent {exponent:?}"
        );
    }
    for exponent in [&[3][..], &[5], &[1, 0, 1], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(
            RsaKey::new(&modulus, exponent).is_ok(),
            "exponent {exponent:?}"
        );
    }
    let zero = |part| Some(SkipReason::LeadingZero { part });
    assert_eq!(
        RsaKey::new(&[&[0], modulus.as_slice()].concat(), &[3]).err(),
        zero(KeyPart::Modulus)
    );
    assert_eq!(RsaKey::new(&[], &[3]).err(), zero(KeyPart::Modulus));
    assert_eq!(
        RsaKey::new(&modulus, &[0, 3]).err(),
        zero(KeyPart::Exponent)
    );
    assert_eq!(RsaKey::new(&modulus, &[]).err(), zero(KeyPart::Exponent));
    assert_eq!(RsaKey::new(&modulus, &[0]).err(), zero(KeyPart::Exponent));
}
