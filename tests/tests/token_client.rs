//! Assertions of a client (RFC 7523), judged by an implementation that shares nothing with the one that
//! signs them (aws-lc-rs).

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
    VerificationAlgorithm,
};
use doorward_tests::signing::{NOW, base64url, from_base64url, key_set};
use doorward_token::client::ClientKey;
use doorward_token::{Algorithm, AlgorithmSet, Expectations, UnverifiedToken};
use serde_json::{Value, json};

/// How many keys of each type are tried.
const KEYS: usize = 40;

struct Case {
    jwk: Value,
    public: Vec<u8>,
    algorithm: Algorithm,
    verification: &'static dyn VerificationAlgorithm,
}

/// Keys that follow from their names, so that every run has the same.
fn cases() -> Vec<Case> {
    let numbers = |kind: &str| -> Vec<Vec<u8>> {
        (0..KEYS)
            .map(|number| digest(&SHA256, format!("{kind} {number}").as_bytes()))
            .map(|digest| digest.as_ref().to_vec())
            .collect()
    };
    let ed25519 = numbers("ed25519").into_iter().map(|seed| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let public = pair.public_key().as_ref().to_vec();
        Case {
            jwk: json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": base64url(&public),
                "d": base64url(seed),
            }),
            public,
            algorithm: Algorithm::EdDsa,
            verification: &ED25519,
        }
    });
    let p256 = numbers("p-256").into_iter().map(|number| {
        let key = agreement::PrivateKey::from_private_key(&ECDH_P256, &number)
            .expect("the number is below the order");
        let public = key.compute_public_key().expect("it has a public key");
        let public = public.as_ref().to_vec();
        Case {
            jwk: json!({
                "kty": "EC",
                "crv": "P-256",
                "x": base64url(public.get(1..33).expect("the point is uncompressed")),
                "y": base64url(public.get(33..).expect("the point is uncompressed")),
                "d": base64url(number),
            }),
            public,
            algorithm: Algorithm::Es256,
            verification: &ECDSA_P256_SHA256_FIXED,
        }
    });
    ed25519.chain(p256).collect()
}

#[test]
fn another_implementation_and_our_own_accept_what_a_client_signs() {
    let cases = cases();
    assert_eq!(cases.len(), 2 * KEYS);
    for case in cases {
        let key = ClientKey::parse(case.jwk.to_string().as_bytes()).expect("the key is good");
        let assertion = key.assertion("shop", "https://login.acme.example/", &[1; 16], NOW);
        let (signed, signature) = assertion.rsplit_once('.').expect("a JWS has dots");
        let verdict = UnparsedPublicKey::new(case.verification, &case.public)
            .verify(signed.as_bytes(), &from_base64url(signature));
        assert_eq!(verdict, Ok(()), "aws-lc on {}", case.jwk);

        let mut public = case.jwk.clone();
        public.as_object_mut().expect("it is one").remove("d");
        let expect = Expectations {
            issuer: "shop".to_owned(),
            audience: vec!["https://login.acme.example/".to_owned()],
            algorithms: AlgorithmSet::of(&[case.algorithm]),
            leeway_s: 0,
            access_token_profile: false,
            ..Expectations::default()
        };
        let verdict = UnverifiedToken::parse(assertion.as_bytes())
            .and_then(|token| token.verify(&key_set(&[public]), &expect, NOW));
        assert_eq!(verdict.map(|_| ()), Ok(()), "we on {}", case.jwk);
    }
}

/// Ed25519 leaves nothing to choose (RFC 8032 §5.1.6).
#[test]
fn another_implementation_signs_with_ed25519_in_the_same_way() {
    for case in cases() {
        if case.algorithm != Algorithm::EdDsa {
            continue;
        }
        let key = ClientKey::parse(case.jwk.to_string().as_bytes()).expect("the key is good");
        let assertion = key.assertion("shop", "https://login.acme.example/", &[1; 16], NOW);
        let (signed, signature) = assertion.rsplit_once('.').expect("a JWS has dots");
        let seed = case.jwk.get("d").and_then(Value::as_str);
        let seed = from_base64url(seed.expect("the key is private"));
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let theirs = pair.sign(signed.as_bytes());
        assert_eq!(signature, base64url(theirs.as_ref()), "{}", case.jwk);
    }
}

#[test]
fn a_private_number_of_another_key_is_refused() {
    let cases = cases();
    for pair in cases.windows(2) {
        let [one, other] = pair else { continue };
        if one.algorithm != other.algorithm {
            continue;
        }
        let mut mixed = one.jwk.clone();
        let number = other.jwk.get("d").cloned().expect("the key is private");
        mixed
            .as_object_mut()
            .expect("it is one")
            .insert("d".to_owned(), number);
        let refused = ClientKey::parse(mixed.to_string().as_bytes()).err();
        assert_eq!(
            refused,
            Some(doorward_token::client::ClientKeyError::Mismatch),
            "{mixed}"
        );
    }
}
