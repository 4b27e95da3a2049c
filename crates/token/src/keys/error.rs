//! Why keys were refused or left out.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::json::JsonError;

/// Why a key set was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetError {
    /// The set is longer than [`KEY_SET_BYTES_MAX`](crate::KEY_SET_BYTES_MAX).
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The set is not an acceptable JSON object.
    Json(JsonError),
    /// The set has no member `keys`, or it is not a list (RFC 7517 §5.1).
    NoKeys,
    /// The secret is shorter than the hash of one of its algorithms (RFC 7518 §3.2).
    SecretTooShort {
        /// Its length.
        bytes: usize,
        /// The length of the hash.
        bytes_min: usize,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The secret is longer than [`SECRET_BYTES_MAX`](crate::SECRET_BYTES_MAX).
    SecretTooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The secret is a public key or a certificate, which everybody has.
    SecretIsPublic,
    /// The secret was given without an algorithm.
    NoAlgorithm,
    /// The secret was given with an algorithm that does not use one.
    NotForSecrets {
        /// The algorithm.
        algorithm: Algorithm,
    },
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, bytes_max } => {
                write!(
                    f,
                    "the key set is {bytes} bytes long, more than {bytes_max}"
                )
            }
            Self::Json(error) => write!(f, "the key set {error}"),
            Self::NoKeys => f.write_str("the key set has no list `keys`"),
            Self::SecretTooShort {
                bytes,
                bytes_min,
                algorithm,
            } => {
                write!(
                    f,
                    "the secret is {bytes} bytes long, {algorithm} needs at least {bytes_min}"
                )
            }
            Self::SecretTooLong { bytes, bytes_max } => {
                write!(f, "the secret is {bytes} bytes long, more than {bytes_max}")
            }
            Self::SecretIsPublic => f.write_str("the secret is a public key or a certificate"),
            Self::NoAlgorithm => {
                f.write_str("a secret needs at least one of HS256, HS384 and HS512")
            }
            Self::NotForSecrets { algorithm } => {
                write!(f, "{algorithm} does not verify with a secret")
            }
        }
    }
}

impl std::error::Error for KeySetError {}

/// A key that was left out of its set.
#[derive(Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its position in `keys`, counted from 0.
    pub position: usize,
    /// Its `kid`, if it has one that is not too long.
    pub key_id: Option<String>,
    /// Why it was left out.
    pub reason: SkipReason,
}

impl fmt::Debug for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `{:?}` escapes what could break a line of the log.
        match &self.key_id {
            Some(id) => write!(f, "keys[{}] ({id:?}): {}", self.position, self.reason),
            None => write!(f, "keys[{}]: {}", self.position, self.reason),
        }
    }
}

/// A number of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// RSA: `n`.
    Modulus,
    /// RSA: `e`.
    Exponent,
    /// Elliptic curve: `x`.
    X,
    /// Elliptic curve: `y`.
    Y,
}

impl KeyPart {
    /// The member of the JWK.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Modulus => "n",
            Self::Exponent => "e",
            Self::X => "x",
            Self::Y => "y",
        }
    }
}

/// Why a key was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It is not an object.
    NotAKey,
    /// The set holds more keys than [`KEYS_MAX`](crate::KEYS_MAX): those from here on are left out.
    TooManyKeys {
        /// How many it holds.
        keys: usize,
        /// The bound.
        keys_max: usize,
    },
    /// The key is private: everybody can sign with it.
    Private {
        /// The member that gives it away.
        member: &'static str,
    },
    /// The private half of the key was seen, in this set or in an earlier one.
    Exposed,
    /// The key is a shared secret, which is none when it is published.
    Symmetric,
    /// A required member is missing.
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A member has a value of the wrong type.
    WrongType {
        /// The member.
        member: &'static str,
    },
    /// `kty` is not one that can verify here.
    UnknownKeyType,
    /// `crv` is not one that can verify here.
    UnknownCurve,
    /// `kid` is longer than [`KEY_ID_BYTES_MAX`](crate::KEY_ID_BYTES_MAX).
    KeyIdTooLong,
    /// `use` is not `sig` (RFC 7517 §4.2).
    NotForSignatures,
    /// `key_ops` lacks what the key is for, or names something twice (RFC 7517 §4.3).
    NotForVerification,
    /// `alg` is not a supported signature algorithm (RFC 7517 §4.4).
    UnsupportedAlgorithm,
    /// `alg` is an algorithm of another type of key.
    AlgorithmOfOtherKeyType {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// A number is not strict base64url.
    Encoding {
        /// The number.
        part: KeyPart,
    },
    /// A number begins with a zero byte (RFC 7518 §2, `Base64urlUInt`).
    LeadingZero {
        /// The number.
        part: KeyPart,
    },
    /// A coordinate is not as long as the curve's field (RFC 7518 §6.2.1.2).
    Length {
        /// The coordinate.
        part: KeyPart,
    },
    /// The RSA modulus is shorter or longer than what is accepted.
    ModulusSize {
        /// Its length.
        bits: usize,
    },
    /// The RSA modulus is even.
    EvenModulus,
    /// The RSA modulus was made by a library whose keys can be factored (CVE-2017-15361, ROCA).
    FactorableModulus,
    /// The RSA exponent is even, less than 3 or more than 32 bits long.
    Exponent,
    /// The point is not on its curve.
    NotOnCurve,
    /// The point is one of the few of small order, or not encoded canonically.
    WeakPoint,
    /// `x5c` stands for the numbers, and has no certificate that can be read, or one of a key that cannot
    /// be used here.
    Certificate,
    /// The first certificate of `x5c` is of another key than the one that is listed.
    OtherCertificate,
}

impl SkipReason {
    /// Whether somebody else may be able to sign with the key.
    #[must_use]
    pub const fn is_exposed(&self) -> bool {
        matches!(self, Self::Private { .. } | Self::Exposed)
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKey => f.write_str("it is not an object"),
            Self::TooManyKeys { keys, keys_max } => write!(
                f,
                "the set holds {keys} keys; this one and those after it are more than {keys_max}"
            ),
            Self::Private { member } => write!(
                f,
                "the key is private (it has `{member}`): nothing signed with it can be trusted"
            ),
            Self::Exposed => f.write_str(
                "the private half of the key was published: nothing signed with it can be trusted",
            ),
            Self::Symmetric => {
                f.write_str("the key is a shared secret, which must not be in a key set")
            }
            Self::Missing { member } => write!(f, "`{member}` is missing"),
            Self::WrongType { member } => write!(f, "`{member}` has the wrong type"),
            Self::UnknownKeyType => f.write_str("`kty` is not a supported key type"),
            Self::UnknownCurve => f.write_str("`crv` is not a supported curve"),
            Self::KeyIdTooLong => f.write_str("`kid` is too long"),
            Self::NotForSignatures => f.write_str("`use` is not `sig`"),
            Self::NotForVerification => {
                f.write_str("`key_ops` does not allow this use, or holds a value twice")
            }
            Self::UnsupportedAlgorithm => {
                f.write_str("`alg` is not a supported signature algorithm")
            }
            Self::AlgorithmOfOtherKeyType { algorithm } => {
                write!(f, "`alg` is {algorithm}, which is not for this type of key")
            }
            Self::Encoding { part } => write!(f, "`{}` is not strict base64url", part.member()),
            Self::LeadingZero { part } => {
                write!(f, "`{}` is empty or begins with a zero byte", part.member())
            }
            Self::Length { part } => write!(f, "`{}` has the wrong length", part.member()),
            Self::ModulusSize { bits } => write!(
                f,
                "the modulus has {bits} bits, which is not between 2048 and 8192"
            ),
            Self::EvenModulus => f.write_str("the modulus is even"),
            Self::FactorableModulus => {
                f.write_str("the modulus can be factored (CVE-2017-15361, ROCA)")
            }
            Self::Exponent => {
                f.write_str("the exponent is even, less than 3 or more than 32 bits long")
            }
            Self::NotOnCurve => f.write_str("the point is not on its curve"),
            Self::WeakPoint => {
                f.write_str("the point has small order or is not encoded canonically")
            }
            Self::Certificate => {
                f.write_str("`x5c` begins with no certificate of a key that can be used")
            }
            Self::OtherCertificate => {
                f.write_str("`x5c` begins with the certificate of another key")
            }
        }
    }
}
