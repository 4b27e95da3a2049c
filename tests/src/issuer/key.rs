//! The signing keys of an issuer, and of the clients that prove to it who they are.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

/// A signing key.
#[derive(Debug, Clone)]
pub struct Key {
    pub(super) id: String,
    pair: Arc<Pair>,
}

#[derive(Debug)]
enum Pair {
    /// With the seed, which is the private key's text form.
    Ed25519(Ed25519KeyPair, [u8; 32]),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    /// A new Ed25519 key.
    pub fn ed25519(id: &str) -> Self {
        let mut seed = [0; 32];
        aws_lc_rs::rand::fill(&mut seed).unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        Self::of(id, Pair::Ed25519(pair, seed))
    }

    /// A new P-256 key.
    pub fn p256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self::of(id, Pair::P256(pair))
    }

    /// The RSA key of 2048 bits, under this name. It takes long to make one, so there are two of them.
    pub fn rsa(id: &str) -> Self {
        static PAIR: LazyLock<Arc<Pair>> = LazyLock::new(rsa_pair);
        Self::with(id, &PAIR)
    }

    /// The other one.
    pub fn another_rsa(id: &str) -> Self {
        static PAIR: LazyLock<Arc<Pair>> = LazyLock::new(rsa_pair);
        Self::with(id, &PAIR)
    }

    fn of(id: &str, pair: Pair) -> Self {
        Self {
            id: id.to_owned(),
            pair: Arc::new(pair),
        }
    }

    fn with(id: &str, pair: &Arc<Pair>) -> Self {
        Self {
            id: id.to_owned(),
            pair: Arc::clone(pair),
        }
    }

    /// The same key under another name.
    pub fn named(&self, id: &str) -> Self {
        Self::with(id, &self.pair)
    }

    /// A key set of this key alone, as text.
    pub fn key_set(&self) -> String {
        json!({ "keys": [self.public_jwk()] }).to_string()
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> &'static str {
        match *self.pair {
            Pair::Ed25519(..) => "EdDSA",
            Pair::P256(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    pub(super) fn public_jwk(&self) -> Value {
        let mut jwk = json!({ "use": "sig", "alg": self.algorithm(), "kid": self.id });
        let members = match &*self.pair {
            Pair::Ed25519(pair, _) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key()) })
            }
            Pair::P256(pair) => {
                // An uncompressed point: 0x04, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({
                    "kty": "EC", "crv": "P-256",
                    "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
                })
            }
            Pair::Rsa(pair) => {
                let n = modulus(pair.public_key().as_ref());
                json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": "AQAB" })
            }
        };
        for (name, value) in members.as_object().into_iter().flatten() {
            jwk[name] = value.clone();
        }
        jwk
    }

    /// The private key as a JWK (RFC 8037 §2), as a client keeps it. Ed25519 only.
    pub fn private_jwk(&self) -> String {
        let Pair::Ed25519(_, seed) = &*self.pair else {
            panic!("only Ed25519 keys are written down with their private part");
        };
        let mut jwk = self.public_jwk();
        jwk["d"] = URL_SAFE_NO_PAD.encode(seed).into();
        jwk.to_string()
    }

    /// Signs `claims` as a compact JWS.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with_header(&json!({}), claims)
    }

    /// Signs `claims` under a header with more parameters than usual, or other ones; `null` leaves one
    /// out.
    pub fn sign_with_header(&self, extra: &Value, claims: &Value) -> String {
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": self.id });
        for (name, value) in extra.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        if let Some(header) = header.as_object_mut() {
            header.retain(|_, value| !value.is_null());
        }
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let message = input.as_bytes();
        let signature = match &*self.pair {
            Pair::Ed25519(pair, _) => pair.sign(message).as_ref().to_vec(),
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).unwrap();
                signature.as_ref().to_vec()
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .unwrap();
                signature
            }
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Header and claims of a compact JWS that this key has signed; `None` of any other one.
    pub(super) fn open(&self, token: &str) -> Option<(Value, Value)> {
        let (input, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let (algorithm, public): (&'static dyn aws_lc_rs::signature::VerificationAlgorithm, _) =
            match &*self.pair {
                Pair::Ed25519(pair, _) => (&ED25519, pair.public_key().as_ref()),
                Pair::P256(pair) => (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()),
                Pair::Rsa(_) => return None,
            };
        UnparsedPublicKey::new(algorithm, public)
            .verify(input.as_bytes(), &signature)
            .ok()?;
        let (header, claims) = input.split_once('.')?;
        let read = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        Some((read(header)?, read(claims)?))
    }
}

fn rsa_pair() -> Arc<Pair> {
    Arc::new(Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
}

/// The modulus in the DER of an RSA public key of 2048 bits with e = 65537 (RFC 8017 appendix A.1.1):
/// a sequence of 266 bytes, in it an integer of 257 bytes that begins with a zero, and one of three.
fn modulus(der: &[u8]) -> &[u8] {
    const HEAD: [u8; 9] = [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
    let rest = der
        .strip_prefix(&HEAD)
        .expect("a public key of 2048 bits has this form");
    let (modulus, exponent) = rest.split_at(256);
    assert_eq!(exponent, [2, 3, 1, 0, 1], "the exponent is 65537");
    modulus
}
