//! The arithmetic against another implementation, and the limits of keys and signatures.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use num_bigint::BigUint;

use super::*;

/// SplitMix64: numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

fn padded(number: &BigUint, bytes: usize) -> Vec<u8> {
    let digits = number.to_bytes_be();
    [vec![0; bytes - digits.len()], digits].concat()
}

/// Odd moduli of every interesting length: full limbs, one bit more and less; random ones, and those
/// with as few and as many ones as there can be.
fn moduli(bits: usize, numbers: &mut Numbers) -> [BigUint; 3] {
    let one = BigUint::from(1_u8);
    let top = &one << (bits - 1);
    let random = BigUint::from_bytes_be(&numbers.bytes(bits / 8)) % &top;
    [(&top + &random) | &one, &top + &one, (&top << 1) - &one]
}

fn bases(modulus: &BigUint, numbers: &mut Numbers) -> [BigUint; 4] {
    let one = BigUint::from(1_u8);
    let bytes = modulus.bits().div_ceil(8) as usize;
    let random = BigUint::from_bytes_be(&numbers.bytes(bytes)) % modulus;
    [BigUint::ZERO, one.clone(), modulus - &one, random]
}

fn assert_powers_agree(bits: usize, exponents: &[u32]) {
    let mut numbers = Numbers(bits as u64);
    for modulus in moduli(bits, &mut numbers) {
        let digits = modulus.to_bytes_be();
        let (wide, narrow) = (wide::Modulus::new(&digits), narrow::Modulus::new(&digits));
        for base in bases(&modulus, &mut numbers) {
            for &exponent in exponents {
                let expected = base.modpow(&BigUint::from(exponent), &modulus);
                let expected = padded(&expected, digits.len());
                let base = padded(&base, digits.len());
                let case = format!("{bits} bits, exponent {exponent}");
                assert!(
                    wide.power(&base, exponent) == expected,
                    "64-bit limbs: {case}"
                );
                assert!(
                    narrow.power(&base, exponent) == expected,
                    "28-bit limbs: {case}"
                );
            }
        }
    }
}

#[test]
fn both_ways_to_multiply_agree_with_another_implementation() {
    // 2126 is the longest that 76 limbs of 28 bits take, 2127 the shortest that needs 80.
    for bits in [2048, 2049, 2057, 2112, 2113, 2126, 2127] {
        assert_powers_agree(bits, &[3, 65_537]);
    }
    for bits in [3072, 4096, 8191, 8192] {
        assert_powers_agree(bits, &[3]);
    }
}

#[test]
fn both_ways_to_multiply_take_every_exponent() {
    assert_powers_agree(2048, &[5, 7, 17, 257, 65_539, 0x8000_0001, u32::MAX]);
}

/// `u64x2_add` of the stand-in panics on overflow, so this is also the proof that 16 pairs of rows fit.
#[test]
fn carries_that_wait_as_long_as_they_can_do_not_overflow() {
    // All limbs of modulus and factors as large as they can be.
    for bits in [2046_usize, 2238, 8190] {
        let modulus = (BigUint::from(1_u8) << bits) - BigUint::from(1_u8);
        let base = &modulus - BigUint::from(2_u8);
        let digits = modulus.to_bytes_be();
        let expected = padded(
            &base.modpow(&BigUint::from(65_537_u32), &modulus),
            digits.len(),
        );
        let base = padded(&base, digits.len());
        assert!(
            narrow::Modulus::new(&digits).power(&base, 65_537) == expected,
            "{bits} bits of ones"
        );
    }
}

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
