//! Signature algorithms and sets of them.

use std::fmt;
use std::str::FromStr;

/// A signature algorithm of RFC 7518 §3.1, RFC 8037 §3.1 or RFC 9864 §2.2.
///
/// `none` is not among them and cannot be expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and 32 bytes of salt.
    Ps256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and 48 bytes of salt.
    Ps384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and 64 bytes of salt.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519, under its old name `EdDSA` and under `Ed25519`. Ed448 is not supported.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, in the order of the declaration.
    pub const ALL: [Self; 13] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The algorithm with this `alg` value.
    ///
    /// RFC 7515 §4.1.1: the value is case-sensitive.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "HS384" => Self::Hs384,
            "HS512" => Self::Hs512,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }

    /// The `alg` value; `EdDSA` for Ed25519.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Whether the algorithm verifies with the secret that also signs.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not the `alg` value of a supported algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of a supported signature algorithm")
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::from_name(name).ok_or(UnknownAlgorithm)
    }
}

/// A set of algorithms.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// No algorithm at all: nothing verifies.
    pub const EMPTY: Self = Self(0);

    /// Every algorithm that verifies with a public key.
    #[must_use]
    pub const fn asymmetric() -> Self {
        Self::of(&[
            Algorithm::Rs256,
            Algorithm::Rs384,
            Algorithm::Rs512,
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::EdDsa,
        ])
    }

    /// Every algorithm that verifies with a shared secret.
    #[must_use]
    pub const fn symmetric() -> Self {
        Self::of(&[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512])
    }

    /// The set of these algorithms.
    #[must_use]
    pub const fn of(algorithms: &[Algorithm]) -> Self {
        let mut bits = 0;
        let mut rest = algorithms;
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Adds an algorithm.
    pub const fn insert(&mut self, algorithm: Algorithm) {
        self.0 |= algorithm.bit();
    }

    /// Whether the algorithm is in the set.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// How many algorithms are in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The algorithms of the set, in the order of [`Algorithm::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL
            .into_iter()
            .filter(move |&algorithm| self.contains(algorithm))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        let mut set = Self::EMPTY;
        for algorithm in algorithms {
            set.insert(algorithm);
        }
        set
    }
}

impl fmt::Debug for AlgorithmSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, AlgorithmSet};

    #[test]
    fn every_name_leads_back_to_its_algorithm() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
    }

    #[test]
    fn names_are_case_sensitive_and_none_is_no_algorithm() {
        for name in [
            "", "none", "None", "rs256", "RS256 ", "eddsa", "ED25519", "Ed448", "ES256K", "RS1",
        ] {
            assert_eq!(
                Algorithm::from_name(name),
                None,
                "{name:?} must name no algorithm"
            );
        }
    }

    #[test]
    fn the_symmetric_and_the_asymmetric_ones_are_all_of_them_and_share_none() {
        assert_eq!(
            AlgorithmSet::asymmetric().intersection(AlgorithmSet::symmetric()),
            AlgorithmSet::EMPTY
        );
        assert_eq!(
            AlgorithmSet::asymmetric().len() + AlgorithmSet::symmetric().len(),
            Algorithm::ALL.len()
        );
        assert!(
            AlgorithmSet::symmetric()
                .iter()
                .all(Algorithm::is_symmetric)
        );
        assert!(
            !AlgorithmSet::asymmetric()
                .iter()
                .any(Algorithm::is_symmetric)
        );
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: AlgorithmSet = [Algorithm::EdDsa, Algorithm::Hs256].into_iter().collect();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Algorithm::Hs256, Algorithm::EdDsa]
        );
        assert_eq!(format!("{set:?}"), "{Hs256, EdDsa}");
        assert!(AlgorithmSet::EMPTY.is_empty() && !set.is_empty());
    }
}
