//! Moduli that can be factored: those of the library of CVE-2017-15361 ("The Return of Coppersmith's
//! Attack", Nemec, Sys, Svenda, Klinec, Matyas, 2017).
//!
//! Its primes are of the form k · M + (65537^a mod M), where M is the product of the first primes. So the
//! modulus is a power of 65537 as well, modulo each of these. Of other moduli, about one in 2^27 is.

/// The small primes that tell: the first 38 odd ones. For every length of key, M is a multiple of them.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const GENERATOR: u32 = 65_537;

/// Whether the modulus, big-endian, has the fingerprint.
///
/// It is divided by the product of as many primes as fit into 32 bits at a time. The first nine tell nearly all moduli.
pub(super) fn is_factorable(modulus: &[u8]) -> bool {
    let mut rest = PRIMES.as_slice();
    while !rest.is_empty() {
        let mut product = 1_u32;
        let mut length = 0;
        while let Some(more) = rest
            .get(length)
            .and_then(|&prime| product.checked_mul(prime))
        {
            product = more;
            length += 1;
        }
        let remainder = remainder(modulus, product);
        let (group, others) = rest.split_at(length);
        if !group
            .iter()
            .all(|&prime| is_power(remainder % prime, prime))
        {
            return false;
        }
        rest = others;
    }
    true
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    let (first, words) = number.as_rchunks();
    let first = first
        .iter()
        .fold(0, |first, &byte| first << 8 | u64::from(byte));
    let divisor = u64::from(divisor);
    let remainder = words.iter().fold(first % divisor, |remainder, &word| {
        (remainder << 32 | u64::from(u32::from_be_bytes(word))) % divisor
    });
    // It is below a divisor of 32 bits.
    remainder as u32
}

/// Whether it is a power of the generator, modulo the prime.
fn is_power(remainder: u32, prime: u32) -> bool {
    let mut power = 1;
    // There are fewer than the prime.
    for _ in 0..prime {
        if power == remainder {
            return true;
        }
        power = power * (GENERATOR % prime) % prime;
    }
    false
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use sha2::{Digest as _, Sha512};

    use super::*;

    /// Numbers that look like moduli of that many bits, each another one.
    fn moduli(bits: usize) -> impl Iterator<Item = Vec<u8>> {
        (0_u32..400).map(move |number| {
            let mut bytes: Vec<u8> = (0..bits.div_ceil(512) as u32)
                .flat_map(|part| {
                    Sha512::digest([number.to_le_bytes(), part.to_le_bytes()].concat())
                })
                .collect();
            bytes.truncate(bits / 8);
            if let [first, .., last] = bytes.as_mut_slice() {
                *first |= 0x80;
                *last |= 1;
            }
            bytes
        })
    }

    #[test]
    fn powers_of_the_generator_modulo_the_small_primes_are_told() {
        let product = PRIMES.iter().map(|&prime| BigUint::from(prime));
        let product: BigUint = product.product();
        for (number, modulus) in moduli(2048).enumerate().take(50) {
            let modulus = BigUint::from_bytes_be(&modulus);
            let power = BigUint::from(GENERATOR).modpow(&BigUint::from(number), &product);
            let weak = (&modulus / &product) * &product + power;
            assert!(is_factorable(&weak.to_bytes_be()), "number {number}");
            assert!(
                !is_factorable(&(weak + 2_u8).to_bytes_be()),
                "number {number}"
            );
        }
        for exponent in [128, 192, 256] {
            let power = BigUint::from(GENERATOR).pow(exponent);
            assert!(is_factorable(&power.to_bytes_be()), "{exponent}");
        }
    }

    #[test]
    fn other_moduli_are_not() {
        for bits in [2048, 3072, 4096] {
            for modulus in moduli(bits) {
                assert!(!is_factorable(&modulus), "{modulus:?}");
            }
        }
    }

    #[test]
    fn the_primes_are_the_first_ones() {
        let is_prime = |number: &u32| (2..*number).all(|divisor| !number.is_multiple_of(divisor));
        let primes: Vec<u32> = (3..=167).filter(is_prime).collect();
        assert_eq!(PRIMES.as_slice(), primes);
    }
}
