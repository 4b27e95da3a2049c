//! Shared secrets.

use hmac::{Hmac, KeyInit as _, Mac};
use sha2::{Sha256, Sha384, Sha512};

use super::bounds::SECRET_BYTES_MAX;
use super::error::KeySetError;
use crate::algorithm::{Algorithm, AlgorithmSet};

/// A shared secret, absorbed by the hashes that it will be used with.
///
/// The bytes of the secret are not kept, and there is no `Debug`.
pub struct SecretKey {
    hs256: Option<Hmac<Sha256>>,
    hs384: Option<Hmac<Sha384>>,
    hs512: Option<Hmac<Sha512>>,
}

impl SecretKey {
    /// Prepares a secret for these algorithms (RFC 7518 §3.2).
    ///
    /// # Errors
    ///
    /// Those of [`KeySet::from_secret`](crate::KeySet::from_secret).
    pub fn new(secret: &[u8], algorithms: AlgorithmSet) -> Result<Self, KeySetError> {
        if algorithms.is_empty() {
            return Err(KeySetError::NoAlgorithm);
        }
        if secret.len() > SECRET_BYTES_MAX {
            return Err(KeySetError::SecretTooLong {
                bytes: secret.len(),
                bytes_max: SECRET_BYTES_MAX,
            });
        }
        if looks_public(secret) {
            return Err(KeySetError::SecretIsPublic);
        }
        for algorithm in algorithms.iter() {
            // RFC 7518 §3.2: a key at least as long as the hash.
            let bytes_min = match algorithm {
                Algorithm::Hs256 => 32,
                Algorithm::Hs384 => 48,
                Algorithm::Hs512 => 64,
                _ => return Err(KeySetError::NotForSecrets { algorithm }),
            };
            if secret.len() < bytes_min {
                return Err(KeySetError::SecretTooShort {
                    bytes: secret.len(),
                    bytes_min,
                    algorithm,
                });
            }
        }
        // HMAC takes keys of every length; `ok` drops an error that cannot occur, and were it to
        // occur, the algorithm would verify nothing.
        Ok(Self {
            hs256: algorithms
                .contains(Algorithm::Hs256)
                .then(|| Hmac::new_from_slice(secret).ok())
                .flatten(),
            hs384: algorithms
                .contains(Algorithm::Hs384)
                .then(|| Hmac::new_from_slice(secret).ok())
                .flatten(),
            hs512: algorithms
                .contains(Algorithm::Hs512)
                .then(|| Hmac::new_from_slice(secret).ok())
                .flatten(),
        })
    }

    /// Whether this is the code of the message. The comparison takes the same time wherever the
    /// first difference is, and a shortened code is refused. An algorithm that the secret was not
    /// given for verifies nothing.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], code: &[u8]) -> bool {
        match algorithm {
            Algorithm::Hs256 => verify(self.hs256.as_ref(), message, code),
            Algorithm::Hs384 => verify(self.hs384.as_ref(), message, code),
            Algorithm::Hs512 => verify(self.hs512.as_ref(), message, code),
            _ => false,
        }
    }
}

fn verify<M: Mac + Clone>(keyed: Option<&M>, message: &[u8], code: &[u8]) -> bool {
    keyed.is_some_and(|keyed| {
        keyed
            .clone()
            .chain_update(message)
            .verify_slice(code)
            .is_ok()
    })
}

/// Whether somebody has put a public key where the secret belongs. Tokens "signed" with it are the
/// oldest forgery there is.
fn looks_public(secret: &[u8]) -> bool {
    let text = secret.trim_ascii();
    // PEM, or a JWK or a set of them.
    if text.starts_with(b"-----BEGIN ") || (text.starts_with(b"{") && text.ends_with(b"}")) {
        return true;
    }
    // DER: a SEQUENCE that reaches exactly to the end and holds, in a SubjectPublicKeyInfo or a
    // certificate, another SEQUENCE first and, in an RSAPublicKey, an INTEGER.
    let (length, content) = match secret {
        [0x30, 0x82, high, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        [0x30, length, content @ ..] => (usize::from(*length), content),
        _ => return false,
    };
    length == content.len() && matches!(content, [0x30 | 0x02, ..])
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use super::*;

    fn only(algorithm: Algorithm) -> AlgorithmSet {
        AlgorithmSet::of(&[algorithm])
    }

    #[test]
    fn a_secret_is_at_least_as_long_as_the_hash() {
        for (algorithm, bytes_min) in [
            (Algorithm::Hs256, 32),
            (Algorithm::Hs384, 48),
            (Algorithm::Hs512, 64),
        ] {
            let bytes = bytes_min - 1;
            assert_eq!(
                SecretKey::new(&vec![7; bytes], only(algorithm)).err(),
                Some(KeySetError::SecretTooShort {
                    bytes,
                    bytes_min,
                    algorithm
                })
            );
            assert!(
                SecretKey::new(&vec![7; bytes_min], only(algorithm)).is_ok(),
                "{algorithm}"
            );
        }
        assert!(SecretKey::new(&[7; 32], AlgorithmSet::symmetric()).is_err());
        assert!(SecretKey::new(&[7; SECRET_BYTES_MAX + 1], only(Algorithm::Hs256)).is_err());
    }

    #[test]
    fn a_secret_serves_only_hmac() {
        assert_eq!(
            SecretKey::new(&[7; 64], AlgorithmSet::EMPTY).err(),
            Some(KeySetError::NoAlgorithm)
        );
        for algorithm in AlgorithmSet::asymmetric().iter() {
            assert_eq!(
                SecretKey::new(&[7; 64], only(algorithm)).err(),
                Some(KeySetError::NotForSecrets { algorithm })
            );
        }
    }

    #[test]
    fn a_public_key_is_no_secret() {
        let pem = b"\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";
        let jwk =
            br#" {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"} "#;
        let mut der = vec![0x30, 0x59];
        der.resize(2 + 0x59, 0x30);
        for secret in [&pem[..], jwk, &der] {
            assert_eq!(
                SecretKey::new(secret, only(Algorithm::Hs256)).err(),
                Some(KeySetError::SecretIsPublic)
            );
        }
    }

    #[test]
    fn an_algorithm_that_the_secret_was_not_given_for_verifies_nothing() {
        let key = SecretKey::new(&[7; 64], only(Algorithm::Hs256)).unwrap();
        let code = Hmac::<Sha512>::new_from_slice(&[7; 64])
            .unwrap()
            .chain_update(b"m")
            .finalize()
            .into_bytes();
        assert!(!key.verify(Algorithm::Hs512, b"m", &code));
        assert!(
            SecretKey::new(&[7; 64], only(Algorithm::Hs512))
                .unwrap()
                .verify(Algorithm::Hs512, b"m", &code)
        );
        assert!(!key.verify(Algorithm::Rs256, b"m", &code));
    }
}
