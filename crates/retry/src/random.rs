//! Random numbers that are good enough for balancing and jitter. Nothing secret comes from here.

/// 2^64 by the golden ratio: what SplitMix64 counts by.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64 (Steele, Lea and Flood, 2014): one addition and three multiplications for a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// Numbers that follow from `seed` alone.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Numbers that follow from this name and from what is [added](Self::and) to it: who knows the same has the same.
    #[must_use]
    pub fn named(name: &str) -> Self {
        name.bytes()
            .fold(Self(0), |random, byte| random.and(u64::from(byte)))
    }

    /// Others, which follow from this number as well.
    #[must_use]
    pub const fn and(self, number: u64) -> Self {
        Self(mix(self.0 ^ number).wrapping_add(GOLDEN))
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `bound`, each of them as likely as any other but for one in 2^64 / `bound`; 0 where
    /// `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }
}

/// Every bit of the result depends on every bit of the input, and no two inputs have the same result.
#[must_use]
pub const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// The first outputs of the reference implementation for the seed 1234567.
    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        let mut random = Random::seeded(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        let due = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(first, due);
    }

    #[test]
    fn names_and_numbers_make_others() {
        let mut seen = std::collections::BTreeSet::new();
        for name in ["", "a", "b", "ab", "ba", "https://issuer.example"] {
            for at in [0, 1, 1_800_000_000, 1_800_000_001] {
                for nth in [0, 1, 2] {
                    let random = Random::named(name).and(at).and(nth);
                    assert_eq!(random, Random::named(name).and(at).and(nth));
                    assert!(seen.insert(random.clone().next()), "{name:?} {at} {nth}");
                }
            }
        }
    }

    #[test]
    fn numbers_below_a_bound_are_spread_evenly() {
        let mut random = Random::seeded(1);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            if let Some(count) = counts.get_mut(random.below(7) as usize) {
                *count += 1;
            }
        }
        for count in counts {
            assert!((9_500..10_500).contains(&count), "{counts:?}");
        }
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }
}
