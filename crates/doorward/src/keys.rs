//! The development issuer's keys, kept between runs in a file that only its owner can read.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::files::{self, Readers};
use crate::state;

/// The file in the state folder.
const FILE: &str = "issuer-keys.json";
/// The largest key file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// What a development token can be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// Ed25519.
    #[value(name = "EdDSA", alias = "Ed25519")]
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    #[value(name = "ES256")]
    Es256,
    /// ECDSA with P-384 and SHA-384.
    #[value(name = "ES384")]
    Es384,
    /// ECDSA with P-521 and SHA-512.
    #[value(name = "ES512")]
    Es512,
    /// RSA, 2048 bits, PKCS #1 v1.5 with SHA-256.
    #[value(name = "RS256")]
    Rs256,
    /// RSA, 2048 bits, PSS with SHA-256.
    #[value(name = "PS256")]
    Ps256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 6] = [
        Self::EdDsa,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Rs256,
        Self::Ps256,
    ];

    /// The name in `alg` (RFC 7518 §3.1, RFC 8037 §3.1).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    /// The curve of an elliptic-curve algorithm: how it signs, and its name (RFC 7518 §6.2.1.1).
    fn curve(self) -> Option<(&'static EcdsaSigningAlgorithm, &'static str)> {
        match self {
            Self::Es256 => Some((&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")),
            Self::Es384 => Some((&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")),
            Self::Es512 => Some((&signature::ECDSA_P521_SHA512_FIXED_SIGNING, "P-521")),
            Self::EdDsa | Self::Rs256 | Self::Ps256 => None,
        }
    }
}

/// One private key with its public half. `Debug` shows the key's id only.
pub(crate) struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    /// The public JWK without `kid`.
    public: Map<String, Value>,
    key_id: String,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm.name(), self.key_id)
    }
}

impl SigningKey {
    /// The key whose PKCS #8 form is `pkcs8`.
    fn parse(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self> {
        let rejected = |error| anyhow!("the {} key is damaged: {error}", algorithm.name());
        let (pair, mut public) = match (algorithm, algorithm.curve()) {
            (_, Some((signing, curve))) => {
                let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8).map_err(rejected)?;
                // RFC 5480 §2.2: 4, then both coordinates at full length.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                let public = members([("crv", curve.into()), ("kty", "EC".into())])
                    .chain(members([("x", encoded(x)), ("y", encoded(y))]))
                    .collect();
                (Pair::Ecdsa(pair), public)
            }
            (Algorithm::EdDsa, None) => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
                let x = encoded(pair.public_key().as_ref());
                let public =
                    members([("crv", "Ed25519".into()), ("kty", "OKP".into()), ("x", x)]).collect();
                (Pair::Ed25519(pair), public)
            }
            (_, None) => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
                let (n, e) = rsa_public(pair.public_key().as_ref())
                    .context("the RSA key has no public half")?;
                let public = members([("e", encoded(e)), ("kty", "RSA".into()), ("n", encoded(n))])
                    .collect();
                let encoding: &'static dyn RsaEncoding = if algorithm == Algorithm::Ps256 {
                    &signature::RSA_PSS_SHA256
                } else {
                    &signature::RSA_PKCS1_SHA256
                };
                (Pair::Rsa(pair, encoding), public)
            }
        };
        let key_id = thumbprint(&public);
        public.insert("alg".to_owned(), algorithm.name().into());
        public.insert("use".to_owned(), "sig".into());
        Ok(Self {
            algorithm,
            pair,
            public,
            key_id,
        })
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public key as a JWK (RFC 7517).
    pub(crate) fn public_jwk(&self) -> Value {
        let mut jwk = self.public.clone();
        jwk.insert("kid".to_owned(), self.key_id.clone().into());
        Value::Object(jwk)
    }

    /// The signature in the form of JWS (RFC 7518 §3).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let failed = |_| anyhow!("signing with the {} key failed", self.algorithm.name());
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

fn encoded(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

fn members<const N: usize>(
    members: [(&str, Value); N],
) -> impl Iterator<Item = (String, Value)> + use<N> {
    members
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
}

/// RFC 7638: the SHA-256 of the required members in lexical order, without white space, which is
/// how `serde_json` writes a map.
fn thumbprint(required: &Map<String, Value>) -> String {
    let text = Value::Object(required.clone()).to_string();
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// The modulus and the exponent in an `RSAPublicKey` (RFC 8017 §A.1.1), without leading zeros.
fn rsa_public(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let (body, _) = der_element(der, SEQUENCE)?;
    let (n, rest) = der_element(body, INTEGER)?;
    let (e, _) = der_element(rest, INTEGER)?;
    let unsigned = |bytes| <[u8]>::strip_prefix(bytes, &[0]).unwrap_or(bytes);
    Some((unsigned(n), unsigned(e)))
}

/// The content of the first element, which has to have this tag, and what follows it.
fn der_element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // The long form: the low bits say how many bytes hold the length.
        _ => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length.iter().try_fold(0_usize, |sum, byte| {
                sum.checked_mul(256)?.checked_add(usize::from(*byte))
            })?;
            (length, rest)
        }
    };
    rest.split_at_checked(length)
}

/// The keys of a development issuer, one for each algorithm.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Vec<SigningKey>,
}

impl Keys {
    /// The keys in `state_dir`; new ones are made and kept there where it has none.
    pub(crate) fn load_or_create(state_dir: &Path) -> Result<Self> {
        state::create(state_dir)?;
        // Two processes that start together must not each make keys. Locking the folder leaves no
        // file behind.
        let folder = fs::File::open(state_dir).ok();
        let _ = folder.as_ref().map(fs::File::lock);
        let path = state_dir.join(FILE);
        match read(&path) {
            Ok(Some(text)) => Self::parse(&text).with_context(|| {
                format!(
                    "the keys in {} cannot be used; delete the file to have new ones made",
                    path.display()
                )
            }),
            Ok(None) => {
                let text = generate()?;
                files::write(&path, text.as_bytes(), Readers::Owner)
                    .with_context(|| format!("{} cannot be written", path.display()))?;
                Self::parse(&text)
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let file: Map<String, Value> = serde_json::from_str(text).context("it is not JSON")?;
        let keys = Algorithm::ALL
            .into_iter()
            .map(|algorithm| {
                let name = algorithm.name();
                let Some(encoded) = file.get(name).and_then(Value::as_str) else {
                    bail!("it has no {name} key");
                };
                let pkcs8 = STANDARD
                    .decode(encoded)
                    .map_err(|_| anyhow!("the {name} key is not base64"))?;
                SigningKey::parse(algorithm, &pkcs8)
            })
            .collect::<Result<_>>()?;
        Ok(Self { keys })
    }

    pub(crate) fn get(&self, algorithm: Algorithm) -> Result<&SigningKey> {
        self.keys
            .iter()
            .find(|key| key.algorithm == algorithm)
            .with_context(|| format!("there is no {} key", algorithm.name()))
    }

    /// The public keys as a JWK set (RFC 7517 §5).
    pub(crate) fn jwk_set(&self) -> Value {
        let keys: Vec<Value> = self.keys.iter().map(SigningKey::public_jwk).collect();
        json!({ "keys": keys })
    }
}

/// New keys, as the file holds them: each in PKCS #8 form under the name of its algorithm.
fn generate() -> Result<String> {
    let mut file = Map::new();
    for algorithm in Algorithm::ALL {
        let failed = |_| anyhow!("making a {} key failed", algorithm.name());
        let encoded = match (algorithm, algorithm.curve()) {
            (_, Some((signing, _))) => {
                let pair = EcdsaKeyPair::generate(signing).map_err(failed)?;
                STANDARD.encode(pair.to_pkcs8v1().map_err(failed)?)
            }
            (Algorithm::EdDsa, None) => {
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                STANDARD.encode(pair.to_pkcs8().map_err(failed)?)
            }
            (_, None) => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                STANDARD.encode(pkcs8.as_ref())
            }
        };
        file.insert(algorithm.name().to_owned(), encoded.into());
    }
    Ok(format!("{:#}\n", Value::Object(file)))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match files::read_text(path, FILE_BYTES_MAX) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
