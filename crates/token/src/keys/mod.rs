//! Keys that tokens are verified with.
//!
//! A key fixes the algorithms it can be used with; the token's header only chooses among them. A
//! public key can never be used as a shared secret: the two come from different constructors and are
//! different types inside.
//!
//! **Which keys are tried.** A token that names its key (`kid`) is tried with the keys of exactly
//! that name and, where there is none, with those that have no name; a token that does not, with every
//! key that can be used with its algorithm. In all cases at most [`KEYS_TRIED_MAX`] keys are tried, in
//! the order of the set. Two keys may share a name (RFC 7517 §4.5): both are tried. A shared secret has
//! no name and is tried whatever the token names.
//!
//! **Whose tokens a key verifies.** A key with a member `issuer`, as Microsoft's key sets for several
//! tenants have it, verifies only tokens of that issuer; `{tenantid}` in it stands for the token's `tid`.
//!
//! **What a public key set may hold.** A set is what its issuer says about its keys, and so is one in
//! which nothing can be used: what it does not list is withdrawn. A key that cannot be used — unknown
//! type or curve, weak RSA modulus or exponent, point not on its curve, meant for encryption, a shared
//! secret, members missing or of the wrong type — is left out and the others are used (RFC 7517 §5);
//! [`KeySet::skipped`] tells which and why. A key that is listed with its private half is left out
//! wherever it is listed, by its public numbers, in this set and in those after it: see
//! [`ExposedKeys`].
//!
//! **Numbers.** Those of RSA may begin with zeros, all of them may be padded. Where there are none, the
//! first certificate of `x5c` has them; nothing else of the certificate counts. A member that is `null` is
//! absent.

mod bounds;
mod certificate;
pub(crate) mod error;
mod exposed;
pub(crate) mod jwk;
mod key;
mod numbers;
pub(crate) mod secret;

use std::fmt;

pub use bounds::{KEY_SET_BYTES_MAX, KEYS_MAX, KEYS_TRIED_MAX, SECRET_BYTES_MAX};
pub use certificate::CERTIFICATE_CHARS_MAX;
pub use error::{KeyPart, KeySetError, SkipReason, SkippedKey};
pub use exposed::{EXPOSED_KEYS_MAX, ExposedKeys};

use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::error::TokenError;
use key::{Key, Material};
use secret::SecretKey;

/// The keys of one issuer, parsed, checked and prepared.
///
/// `Debug` prints no key.
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
    exposed: ExposedKeys,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517 §5) of public keys.
    ///
    /// # Errors
    ///
    /// The set is too long, not strict JSON, or without a list `keys`. A set of which every key was
    /// skipped is no error: it verifies nothing.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        Self::parse_without(json, &ExposedKeys::default())
    }

    /// The same, where these keys were seen with their private half before. They are left out.
    ///
    /// # Errors
    ///
    /// Those of [`parse`](Self::parse).
    pub fn parse_without(json: &[u8], exposed: &ExposedKeys) -> Result<Self, KeySetError> {
        let (keys, skipped, exposed) = jwk::parse_set(json, exposed)?;
        Ok(Self {
            keys,
            skipped,
            exposed,
        })
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
            exposed: ExposedKeys::default(),
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

    /// The names (`kid`) of the usable keys in the order of the set, and what each is for.
    pub fn names(&self) -> impl Iterator<Item = (Option<&str>, AlgorithmSet)> {
        let keys = self.keys.iter();
        keys.map(|key| (key.id.as_deref(), key.algorithms))
    }

    /// The keys that were left out, for the log.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// The keys that this set lists with their private half, to leave them out of every later one.
    #[must_use]
    pub fn exposed(&self) -> &ExposedKeys {
        &self.exposed
    }

    /// Why the set is of no use, in words for the log; `None` where it holds a usable key.
    #[must_use]
    pub fn unusable(&self) -> Option<String> {
        if !self.is_empty() {
            return None;
        }
        Some(match self.skipped.first() {
            None => "the key set is empty".to_owned(),
            Some(first) => format!(
                "the key set holds no key that can be used ({} left out, the first: {first})",
                self.skipped.len()
            ),
        })
    }

    /// Checks a signature with the keys that fit. `is_of` says whether what was signed is of the issuer
    /// that a key is restricted to. It is asked only after that key has verified the signature; where it
    /// says no, the others are still tried, because a set may list one key several times for several
    /// issuers.
    pub(crate) fn verify(
        &self,
        key_id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
        is_of: &mut dyn FnMut(&str) -> bool,
    ) -> Result<(), TokenError> {
        let mut of_other = false;
        let name_found = self.keys.iter().any(|key| key.is_named(key_id));
        // Some issuers have one key and give it no name, or give their tokens one that is not that of
        // the key.
        let fits = |key: &&Key| key.is_named(key_id) || (!name_found && key.id.is_none());
        let mut keys_tried = 0;
        for key in self.keys.iter().filter(fits) {
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
        let named = key_id.is_some();
        Err(match (keys_tried, named, name_found) {
            (_, true, false) | (0, false, _) => TokenError::UnknownKey { named },
            (0, true, true) => TokenError::KeyNotForAlgorithm { algorithm },
            _ => TokenError::Signature {
                algorithm,
                named,
                keys_tried,
            },
        })
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
