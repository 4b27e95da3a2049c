//! Keys that tokens are verified with.
//!
//! A key fixes the algorithms it can be used with; the token's header only chooses among them. A
//! public key can never be used as a shared secret: the two come from different constructors and are
//! different types inside.
//!
//! **Which keys are tried.** A token that names its key (`kid`) is tried with the keys of exactly
//! that name; a token that does not, with every key that can be used with its algorithm. In both
//! cases at most [`KEYS_TRIED_MAX`] keys are tried, in the order of the set. Two keys may share a
//! name (RFC 7517 §4.5): both are tried. A shared secret has no name and is tried whatever the token
//! names.
//!
//! **Whose tokens a key verifies.** A key with a member `issuer`, as Microsoft's key sets for several
//! tenants have it, verifies only tokens of that issuer; `{tenantid}` in it stands for the token's `tid`.
//!
//! **What a public key set may hold.** A private or symmetric key makes the whole set refused:
//! whoever published it has lost it. A key that cannot be used — unknown type or curve, weak RSA
//! modulus or exponent, point not on its curve, meant for encryption, members missing or of the wrong
//! type — is left out and the others are used (RFC 7517 §5); [`KeySet::skipped`] tells which and why.

mod error;
pub(crate) mod jwk;
mod secret;

use std::fmt;

pub use error::{KeyPart, KeySetError, SkipReason, SkippedKey};
pub use secret::SecretKey;

use crate::signature::PublicKey;
use crate::{Algorithm, AlgorithmSet, TokenError};

/// The longest key set that is read.
pub const KEY_SET_BYTES_MAX: usize = 512 * 1024;

/// The most keys that a set may hold, those that are skipped included.
pub const KEYS_MAX: usize = 256;

/// The most keys that one token is tried with.
pub const KEYS_TRIED_MAX: usize = 8;

/// The longest shared secret.
pub const SECRET_BYTES_MAX: usize = 4096;

/// The keys of one issuer, parsed, checked and prepared.
///
/// `Debug` prints no key.
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
}

struct Key {
    id: Option<String>,
    /// The only issuer whose tokens it verifies, where the set says so.
    issuer: Option<Box<str>>,
    algorithms: AlgorithmSet,
    material: Material,
}

enum Material {
    Public(PublicKey),
    Secret(Box<SecretKey>),
}

impl KeySet {
    /// Reads a JWK set (RFC 7517 §5) of public keys.
    ///
    /// # Errors
    ///
    /// The set is too long, not strict JSON, without `keys`, holds too many keys, or one that is not
    /// public. A set of which every key was skipped is no error: it verifies nothing.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let (keys, skipped) = jwk::parse_set(json)?;
        Ok(Self { keys, skipped })
    }

    /// A set of one shared secret, for HMAC.
    ///
    /// # Errors
    ///
    /// The secret is shorter than the output of the longest hash among `algorithms` (RFC 7518 §3.2),
    /// longer than [`SECRET_BYTES_MAX`] or looks like a public key; or `algorithms` is empty or holds
    /// one that does not use a secret.
    pub fn from_secret(secret: &[u8], algorithms: AlgorithmSet) -> Result<Self, KeySetError> {
        let key = Key {
            id: None,
            issuer: None,
            algorithms,
            material: Material::Secret(Box::new(SecretKey::new(secret, algorithms)?)),
        };
        Ok(Self {
            keys: vec![key],
            skipped: Vec::new(),
        })
    }

    /// How many usable keys the set holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the set holds no usable key, and so verifies nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that were left out, for the log.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// Checks a signature with the keys that fit. `is_of` says whether what was signed is of the issuer
    /// that a key is for; it is asked only once the signature is that key's. Another key can be the same
    /// one for another issuer.
    pub(crate) fn verify(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
        is_of: &mut dyn FnMut(&str) -> bool,
    ) -> Result<(), TokenError> {
        let mut of_other = false;
        let named = key_id.is_some();
        let mut name_found = false;
        let mut keys_tried = 0;
        for key in self.keys.iter().filter(|key| key.is_named(key_id)) {
            name_found = true;
            if !key.algorithms.contains(algorithm) {
                continue;
            }
            if keys_tried == KEYS_TRIED_MAX {
                break;
            }
            keys_tried += 1;
            let genuine = match &key.material {
                Material::Public(key) => key.verify(algorithm, message, signature),
                Material::Secret(key) => key.verify(algorithm, message, signature),
            };
            if genuine {
                match &key.issuer {
                    Some(issuer) if !is_of(issuer) => of_other = true,
                    _ => return Ok(()),
                }
            }
        }
        if of_other {
            return Err(TokenError::KeyOfOtherIssuer);
        }
        Err(match (keys_tried, named && name_found) {
            (0, true) => TokenError::KeyNotForAlgorithm { algorithm },
            (0, false) => TokenError::UnknownKey { named },
            _ => TokenError::Signature {
                algorithm,
                named,
                keys_tried,
            },
        })
    }
}

impl Key {
    fn is_named(&self, key_id: Option<&str>) -> bool {
        match (&self.material, key_id) {
            (Material::Secret(_), _) | (Material::Public(_), None) => true,
            (Material::Public(_), Some(id)) => self.id.as_deref() == Some(id),
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys.len())
            .field("skipped", &self.skipped.len())
            .finish()
    }
}
