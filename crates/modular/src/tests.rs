//! The arithmetic against another implementation.

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
                    wide.power(&base, &exponent.to_be_bytes()) == expected,
                    "64-bit limbs: {case}"
                );
                assert!(
                    narrow.power(&base, &exponent.to_be_bytes()) == expected,
                    "13-bit digits: {case}"
                );
            }
        }
    }
}

#[test]
fn both_ways_to_multiply_agree_with_another_implementation() {
    // 2078 is the longest that 40 limbs of 52 bits take, 2079 the shortest that needs 42.
    for bits in [2048, 2049, 2057, 2078, 2079, 2112, 2113] {
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

/// `u32x4_add` of the stand-in panics on overflow, so this is also the proof that as many rows fit as are added.
#[test]
fn carries_that_wait_as_long_as_they_can_do_not_overflow() {
    // All limbs of modulus and factors as large as they can be.
    for bits in [446_usize, 518, 550, 2046, 2078, 2182, 8190] {
        let modulus = (BigUint::from(1_u8) << bits) - BigUint::from(1_u8);
        let base = &modulus - BigUint::from(2_u8);
        let digits = modulus.to_bytes_be();
        let expected = padded(
            &base.modpow(&BigUint::from(65_537_u32), &modulus),
            digits.len(),
        );
        let base = padded(&base, digits.len());
        assert!(
            narrow::Modulus::new(&digits).power(&base, &[1, 0, 1]) == expected,
            "{bits} bits of ones"
        );
    }
}

/// R is hardly more than four times the modulus: what comes of R² has to be below twice the modulus to be of use. Once it
/// was not, for one in several hundred of the moduli with 6,134 bits that begin with 16 ones, and for one in several
/// thousand of those with 2,806 bits: the seeds are those of some.
#[test]
fn r_squared_is_right_where_r_is_just_large_enough() {
    for (bits, seed) in [(2806, 15_571), (2806, 16_418), (6134, 68), (6134, 85)] {
        let one = BigUint::from(1_u8);
        let random = BigUint::from_bytes_be(&Numbers(seed).bytes(bits / 8));
        let modulus = (&one << bits) - &one - (random >> 16_u8 << 1_u8);
        let digits = modulus.to_bytes_be();
        let prepared = narrow::Modulus::new(&digits);
        let r = &one << (52 * prepared.limb_count());
        assert!(&modulus << 2_u8 > &r - (&r >> 8_u8), "R is large");

        let mut r_squared = prepared.r_squared().to_vec();
        let case = format!("{bits} bits, seed {seed}");
        assert!(
            BigUint::from_bytes_be(&prepared.write(&mut r_squared)) == &r * &r % &modulus,
            "R², {case}"
        );
        let base = &modulus >> 1_u8;
        let expected = padded(&base.modpow(&3_u8.into(), &modulus), digits.len());
        assert!(
            prepared.power(&padded(&base, digits.len()), &[3]) == expected,
            "a power, {case}"
        );
    }
}

#[test]
fn r_squared_is_right_for_moduli_of_every_length() {
    let mut numbers = Numbers(52);
    for bits in (384..2200).step_by(13).chain([3072, 4096, 8191, 8192]) {
        for modulus in moduli(bits, &mut numbers) {
            let prepared = narrow::Modulus::new(&modulus.to_bytes_be());
            let r = BigUint::from(1_u8) << (52 * prepared.limb_count());
            let found = BigUint::from_bytes_be(&prepared.write(&mut prepared.r_squared().to_vec()));
            assert!(found == &r * &r % &modulus, "{bits} bits: {modulus}");
        }
    }
}

/// The primes and orders of P-384 and P-521 (SP 800-186 §3.2.1.4, §3.2.1.5).
fn moduli_of_curves() -> [BigUint; 4] {
    let one = BigUint::from(1_u8);
    let number = |digits: &[u8]| BigUint::parse_bytes(digits, 16).unwrap();
    [
        (&one << 384_u32) - (&one << 128_u32) - (&one << 96_u32) + (&one << 32_u32) - &one,
        (&one << 521_u32) - &one,
        (&one << 384_u32) - number(b"389cb27e0bc8d220a7e5f24db74f58851313e695333ad68d"),
        (&one << 521_u32)
            - number(b"5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7"),
    ]
}

/// Numbers below the modulus: the lowest and highest, with as many ones as there can be, and random.
fn numbers_below(modulus: &BigUint, numbers: &mut Numbers) -> Vec<BigUint> {
    let one = BigUint::from(1_u8);
    let bytes = modulus.bits().div_ceil(8) as usize;
    let ones = |bits: u64| (&one << bits) - &one;
    let mut below = vec![
        BigUint::ZERO,
        one.clone(),
        BigUint::from(2_u8),
        modulus - &one,
        modulus - BigUint::from(2_u8),
        modulus >> 1_u32,
        (modulus >> 1_u32) + &one,
        ones(modulus.bits() - 1),
        // All limbs but the highest, in either layout.
        ones((modulus.bits() - 1) / 52 * 52),
        ones((modulus.bits() - 1) / 64 * 64),
    ];
    for _ in 0..3 {
        below.push(BigUint::from_bytes_be(&numbers.bytes(bytes)) % modulus);
    }
    below
}

/// Adds, subtracts and multiplies all pairs of numbers; multiplies also what is not below the modulus.
fn assert_sums_and_products_agree<M: Arithmetic>(layout: &str) {
    let mut numbers = Numbers(2016);
    for modulus in moduli_of_curves() {
        let bytes = modulus.bits().div_ceil(8) as usize;
        let prepared = M::new(&padded(&modulus, bytes));
        let count = prepared.limb_count();
        let read = |number: &BigUint| {
            let mut limbs = vec![M::Limb::default(); count];
            prepared.read(&padded(number, bytes), &mut limbs);
            limbs
        };
        let below = numbers_below(&modulus, &mut numbers);
        for a in &below {
            for b in &below {
                let case = format!("{layout}: {a} and {b} modulo {modulus}");
                let mut sum = read(a);
                prepared.add(&mut sum, &read(b));
                let expected = padded(&((a + b) % &modulus), bytes);
                assert!(prepared.write(&mut sum) == expected, "sum, {case}");

                let mut difference = read(a);
                prepared.subtract(&mut difference, &read(b));
                let expected = padded(&((a + &modulus - b) % &modulus), bytes);
                assert!(
                    prepared.write(&mut difference) == expected,
                    "difference, {case}"
                );

                let expected = padded(&(a * b % &modulus), bytes);
                let product = prepared.product(&padded(a, bytes), &padded(b, bytes));
                assert!(product == expected, "product, {case}");
            }
            let ones = (BigUint::from(1_u8) << modulus.bits()) - BigUint::from(1_u8);
            let expected = padded(&(a * &ones % &modulus), bytes);
            for (a, b) in [(a, &ones), (&ones, a)] {
                let product = prepared.product(&padded(a, bytes), &padded(b, bytes));
                assert!(
                    product == expected,
                    "product of ones, {layout}: {a} and {b}"
                );
            }
        }
    }
}

#[test]
fn sums_and_products_modulo_the_numbers_of_curves_agree_with_another_implementation() {
    assert_sums_and_products_agree::<wide::Modulus>("64-bit limbs");
    assert_sums_and_products_agree::<narrow::Modulus>("13-bit digits");
}

/// Long chains of sums and products: what one leaves is good enough for the next.
fn assert_chains_agree<M: Arithmetic>(layout: &str) {
    let mut numbers = Numbers(384_521);
    for modulus in moduli_of_curves() {
        let bytes = modulus.bits().div_ceil(8) as usize;
        let prepared = M::new(&padded(&modulus, bytes));
        let zero = vec![M::Limb::default(); prepared.limb_count()];
        let (mut number, mut start, mut product) = (zero.clone(), zero.clone(), zero);
        let mut expected = BigUint::from_bytes_be(&numbers.bytes(bytes)) % &modulus;
        prepared.read(&padded(&expected, bytes), &mut number);
        prepared.read(&padded(&expected, bytes), &mut start);
        let first = expected.clone();
        let r_squared = BigUint::from_bytes_be(&prepared.write(&mut prepared.r_squared().to_vec()));
        let r_inverse = {
            // The product with one and R² is R.
            let mut one = number.clone();
            prepared.read(&[1], &mut one);
            prepared.multiply(
                &mut M::Scratch::default(),
                &one,
                prepared.r_squared(),
                &mut product,
            );
            let r = BigUint::from_bytes_be(&prepared.write(&mut product.clone()));
            assert_eq!(&r * &r % &modulus, r_squared, "{layout}");
            r.modpow(&(&modulus - BigUint::from(2_u8)), &modulus)
        };
        let mut scratch = M::Scratch::default();
        for round in 0..200 {
            match numbers.next() % 4 {
                0 => {
                    prepared.add(&mut number, &start);
                    expected = (expected + &first) % &modulus;
                }
                1 => {
                    prepared.subtract(&mut number, &start);
                    expected = (expected + &modulus - &first) % &modulus;
                }
                2 => {
                    let same = number.clone();
                    prepared.add(&mut number, &same);
                    expected = (&expected + &expected) % &modulus;
                }
                _ => {
                    prepared.multiply(&mut scratch, &number, &number, &mut product);
                    let mut square = product.clone();
                    prepared.square(&mut scratch, &number, &mut square);
                    assert!(
                        prepared.write(&mut square) == prepared.write(&mut product.clone()),
                        "square, {layout}, round {round} modulo {modulus}"
                    );
                    number.clone_from(&product);
                    expected = &expected * &expected * &r_inverse % &modulus;
                }
            }
            assert!(
                prepared.write(&mut number.clone()) == padded(&expected, bytes),
                "{layout}, round {round} modulo {modulus}"
            );
        }
    }
}

#[test]
fn what_one_operation_leaves_is_good_enough_for_the_next() {
    assert_chains_agree::<wide::Modulus>("64-bit limbs");
    assert_chains_agree::<narrow::Modulus>("13-bit digits");
}

fn assert_inverses_agree<M: Arithmetic>(layout: &str) {
    let mut numbers = Numbers(1985);
    for modulus in moduli_of_curves() {
        let bytes = modulus.bits().div_ceil(8) as usize;
        let prepared = M::new(&padded(&modulus, bytes));
        let exponent = padded(&(&modulus - BigUint::from(2_u8)), bytes);
        for number in numbers_below(&modulus, &mut numbers) {
            let digits = padded(&number, bytes);
            let inverse = prepared.power(&digits, &exponent);
            let one = BigUint::from_bytes_be(&prepared.product(&inverse, &digits));
            let expected = BigUint::from(u8::from(number != BigUint::ZERO));
            assert_eq!(one, expected, "{layout}: {number} modulo {modulus}");
        }
    }
}

#[test]
fn inverses_modulo_the_numbers_of_curves_are_right() {
    assert_inverses_agree::<wide::Modulus>("64-bit limbs");
    assert_inverses_agree::<narrow::Modulus>("13-bit digits");
}

#[test]
fn bits_are_counted_and_found() {
    assert_eq!(bits(&[]), 0);
    assert_eq!(bits(&[0, 0]), 0);
    assert_eq!(bits(&[0, 1, 0]), 9);
    assert_eq!(bits(&[0x80]), 8);
    let set: Vec<usize> = (0..40).filter(|&at| bit(&[0x81, 0x02], at)).collect();
    assert_eq!(set, [1, 8, 15]);
}
