//! Tokens signed by an implementation that shares nothing with the one under test (aws-lc-rs), with
//! the key pairs of `data/token/keys.json`.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_lc_rs::digest::{self, SHA256, SHA384};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};
use aws_lc_rs::{hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_token::{Algorithm, AlgorithmSet, Expectations, UnixTime};
use num_bigint::BigUint;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The time at which tests happen.
pub const NOW: UnixTime = UnixTime(1_800_000_000);
/// The issuer of [`claims`].
pub const ISSUER: &str = "https://login.acme.example";
/// The audience of [`claims`].
pub const AUDIENCE: &str = "https://api.acme.example";
/// A secret that is long enough for every HMAC.
pub const SECRET: &[u8] = b"a shared secret that is just long enough even for HS512, 64 bytes";

/// Which key pair signs which algorithms.
pub const SIGNERS: [(Algorithm, &str); 10] = [
    (Algorithm::Rs256, "rsa-2048"),
    (Algorithm::Rs384, "rsa-2048"),
    (Algorithm::Rs512, "rsa-3072"),
    (Algorithm::Ps256, "rsa-2048"),
    (Algorithm::Ps384, "rsa-2048"),
    (Algorithm::Ps512, "rsa-3072"),
    (Algorithm::Es256, "p-256"),
    (Algorithm::Es384, "p-384"),
    (Algorithm::Es512, "p-521"),
    (Algorithm::EdDsa, "ed25519"),
];

/// The x of the generator and the order of P-256 (FIPS 186-4 D.1.2.3).
const P256: [&[u8]; 2] = [
    b"6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
];
/// The same of P-384 (D.1.2.4).
const P384: [&[u8]; 2] = [
    b"aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38\
      5502f25dbf55296c3a545e3872760ab7",
    b"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf\
      581a0db248b0a77aecec196accc52973",
];

#[derive(Deserialize)]
struct KeyFile {
    keys: BTreeMap<String, KeyPair>,
}

#[derive(Deserialize)]
struct KeyPair {
    jwk: Map<String, Value>,
    pkcs8: String,
}

static KEYS: LazyLock<BTreeMap<String, KeyPair>> = LazyLock::new(|| {
    let file: KeyFile = serde_json::from_str(include_str!("../data/token/keys.json"))
        .expect("keys.json is well-formed");
    file.keys
});

/// Base64url without padding.
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The reverse of [`base64url`].
#[must_use]
pub fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("the text is base64url")
}

/// The public key with this name, as a JWK, with these members added or replaced.
#[must_use]
pub fn jwk(name: &str, changes: Value) -> Value {
    let mut jwk = KEYS.get(name).expect("the key is in keys.json").jwk.clone();
    if let Value::Object(changes) = changes {
        jwk.extend(changes);
    }
    Value::Object(jwk)
}

/// The text of a key set.
#[must_use]
pub fn key_set_text(jwks: &[Value]) -> Vec<u8> {
    json!({ "keys": jwks }).to_string().into_bytes()
}

/// The key set of these keys.
#[must_use]
pub fn key_set(jwks: &[Value]) -> doorward_token::KeySet {
    doorward_token::KeySet::parse(&key_set_text(jwks)).expect("the key set is acceptable")
}

/// Signs a message with the private key with this name.
#[must_use]
pub fn sign(algorithm: Algorithm, key: &str, message: &[u8]) -> Vec<u8> {
    let pkcs8 = from_base64url(&KEYS.get(key).expect("the key is in keys.json").pkcs8);
    match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            sign_with_secret(algorithm, SECRET, message)
        }
        Algorithm::Rs256 => sign_rsa(&RSA_PKCS1_SHA256, &pkcs8, message),
        Algorithm::Rs384 => sign_rsa(&RSA_PKCS1_SHA384, &pkcs8, message),
        Algorithm::Rs512 => sign_rsa(&RSA_PKCS1_SHA512, &pkcs8, message),
        Algorithm::Ps256 => sign_rsa(&RSA_PSS_SHA256, &pkcs8, message),
        Algorithm::Ps384 => sign_rsa(&RSA_PSS_SHA384, &pkcs8, message),
        Algorithm::Ps512 => sign_rsa(&RSA_PSS_SHA512, &pkcs8, message),
        Algorithm::Es256 => sign_ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, message),
        Algorithm::Es384 => sign_ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, &pkcs8, message),
        Algorithm::Es512 => sign_ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING, &pkcs8, message),
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&pkcs8)
            .expect("the key is an Ed25519 key")
            .sign(message)
            .as_ref()
            .to_vec(),
    }
}

/// Like [`sign`], with the same bytes in every run: what it takes to verify a signature of ES256 or ES384 depends on them.
/// The nonce is 1, which would give away a key that is not a test's.
#[must_use]
pub fn sign_repeatably(algorithm: Algorithm, key: &str, message: &[u8]) -> Vec<u8> {
    let (curve, hash, [x, order]) = match algorithm {
        Algorithm::Es256 => (&ECDSA_P256_SHA256_FIXED_SIGNING, &SHA256, P256),
        Algorithm::Es384 => (&ECDSA_P384_SHA384_FIXED_SIGNING, &SHA384, P384),
        _ => return sign(algorithm, key, message),
    };
    let pkcs8 = from_base64url(&KEYS.get(key).expect("the key is in keys.json").pkcs8);
    let pair = EcdsaKeyPair::from_pkcs8(curve, &pkcs8).expect("the key is on the curve");
    let private: EcPrivateKeyBin<'_> = (pair.private_key().as_be_bytes()).expect("it has one");
    let number = |text: &[u8]| BigUint::parse_bytes(text, 16).expect("digits");
    let (r, order) = (number(x), number(order));
    let digest = BigUint::from_bytes_be(digest::digest(hash, message).as_ref());
    let s = (digest + &r * BigUint::from_bytes_be(private.as_ref())) % order;
    let padded = |number: &BigUint| {
        let bytes = number.to_bytes_be();
        let zeros = hash.output_len() - bytes.len();
        [vec![0; zeros], bytes].concat()
    };
    [padded(&r), padded(&s)].concat()
}

/// The HMAC of a message with [`SECRET`] and SHA-256.
#[must_use]
pub fn hs256(message: &[u8]) -> Vec<u8> {
    sign_with_secret(Algorithm::Hs256, SECRET, message)
}

/// The HMAC of a message.
#[must_use]
pub fn sign_with_secret(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    let hash = match algorithm {
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    hmac::sign(&hmac::Key::new(hash, secret), message)
        .as_ref()
        .to_vec()
}

fn sign_rsa(encoding: &'static dyn RsaEncoding, pkcs8: &[u8], message: &[u8]) -> Vec<u8> {
    let key = RsaKeyPair::from_pkcs8(pkcs8).expect("the key is an RSA key");
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .expect("signing works");
    signature
}

fn sign_ecdsa(
    algorithm: &'static signature::EcdsaSigningAlgorithm,
    pkcs8: &[u8],
    message: &[u8],
) -> Vec<u8> {
    let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).expect("the key is on the curve");
    key.sign(&SystemRandom::new(), message)
        .expect("signing works")
        .as_ref()
        .to_vec()
}

/// A compact JWS of this header and payload, whatever they are, signed by the function.
#[must_use]
pub fn compact(header: &str, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = sign(input.as_bytes());
    format!("{input}.{}", base64url(signature))
}

/// Claims that [`expectations`] accept at [`NOW`].
#[must_use]
pub fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW.0 + 300, "scope": "read write"})
}

/// A token with [`claims`] that says who signed it, and with these header parameters besides `alg`.
#[must_use]
pub fn token(algorithm: Algorithm, key: &str, header: Value) -> String {
    let mut parameters = Map::from_iter([("alg".to_owned(), json!(algorithm.name()))]);
    if let Value::Object(others) = header {
        parameters.extend(others);
    }
    let header = Value::Object(parameters).to_string();
    compact(&header, &claims().to_string(), |message| {
        sign(algorithm, key, message)
    })
}

/// What [`claims`] fulfil.
#[must_use]
pub fn expectations(algorithms: AlgorithmSet) -> Expectations {
    Expectations {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        algorithms,
        leeway_s: 60,
        access_token_profile: false,
        ..Expectations::default()
    }
}

/// Expectations that accept every algorithm there is: what the keys allow is what counts.
#[must_use]
pub fn any_algorithm() -> Expectations {
    expectations(Algorithm::ALL.into_iter().collect())
}

/// Whether these keys verify the token at [`NOW`].
///
/// # Errors
///
/// Why they do not.
pub fn verify(
    token: &str,
    keys: &doorward_token::KeySet,
    expect: &Expectations,
) -> Result<doorward_token::VerifiedToken, doorward_token::TokenError> {
    doorward_token::UnverifiedToken::parse(token.as_bytes())?.verify(keys, expect, NOW)
}
