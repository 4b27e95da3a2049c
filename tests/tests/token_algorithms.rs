//! The key fixes the algorithm: confusion of algorithms, and signatures that look like some.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the failure of a test"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_tests::signing::{
    AUDIENCE, SECRET, SIGNERS, any_algorithm, base64url, claims, compact, expectations,
    from_base64url, jwk, key_set, key_set_text, sign, sign_with_secret, token, verify,
};
use doorward_token::{Algorithm, AlgorithmSet, KeySet, SkipReason, TokenError};
use serde_json::{Value, json};

#[test]
fn every_algorithm_verifies_with_its_own_key() {
    for (algorithm, key) in SIGNERS {
        let keys = key_set(&[jwk(key, json!({"kid": "k"}))]);
        for header in [
            json!({}),
            json!({"kid": "k"}),
            json!({"kid": "k", "typ": "JWT"}),
        ] {
            let verified = verify(&token(algorithm, key, header), &keys, &any_algorithm())
                .expect("the token is good");
            assert_eq!(verified.algorithm(), Some(algorithm));
            assert_eq!(verified.subject(), Some("alice"));
            assert_eq!(verified.audience(), [AUDIENCE]);
            assert_eq!(verified.scopes(), ["read", "write"]);
        }
    }
    for algorithm in AlgorithmSet::symmetric().iter() {
        let keys = KeySet::from_secret(SECRET, AlgorithmSet::of(&[algorithm]))
            .expect("the secret is long enough");
        let header = json!({"alg": algorithm.name()}).to_string();
        let token = compact(&header, &claims().to_string(), |m| {
            sign_with_secret(algorithm, SECRET, m)
        });
        assert!(
            verify(&token, &keys, &any_algorithm()).is_ok(),
            "{algorithm}"
        );
    }
}

/// RFC 9864 gives the algorithm of Ed25519 keys its own name; both are the same thing.
#[test]
fn ed25519_goes_by_both_names() {
    for key_alg in [
        json!({}),
        json!({"alg": "EdDSA"}),
        json!({"alg": "Ed25519"}),
    ] {
        let keys = key_set(&[jwk("ed25519", key_alg)]);
        for name in ["EdDSA", "Ed25519"] {
            let header = json!({"alg": name}).to_string();
            let token = compact(&header, &claims().to_string(), |m| {
                sign(Algorithm::EdDsa, "ed25519", m)
            });
            assert!(verify(&token, &keys, &any_algorithm()).is_ok(), "{name}");
        }
    }
}

#[test]
fn no_key_verifies_with_an_algorithm_of_another_key() {
    for (signed_with, signer) in SIGNERS {
        for said in Algorithm::ALL {
            if said == signed_with {
                continue;
            }
            // The signature is good; the header says another algorithm.
            let header = json!({"alg": said.name(), "kid": "k"}).to_string();
            let token = compact(&header, &claims().to_string(), |m| {
                sign(signed_with, signer, m)
            });
            for (_, key) in SIGNERS {
                let keys = key_set(&[jwk(key, json!({"kid": "k"}))]);
                let error = verify(&token, &keys, &any_algorithm()).err();
                assert!(
                    matches!(
                        error,
                        Some(TokenError::KeyNotForAlgorithm { .. } | TokenError::Signature { .. })
                    ),
                    "signed with {signed_with}, said {said}, key {key}: {error:?}"
                );
            }
        }
    }
}

#[test]
fn a_key_that_names_its_algorithm_verifies_with_no_other() {
    for (named, signer) in SIGNERS {
        let keys = key_set(&[jwk(signer, json!({"kid": "k", "alg": named.name()}))]);
        for (algorithm, other) in SIGNERS {
            if other != signer {
                continue;
            }
            let verified = verify(
                &token(algorithm, signer, json!({"kid": "k"})),
                &keys,
                &any_algorithm(),
            );
            let expected =
                (algorithm != named).then_some(TokenError::KeyNotForAlgorithm { algorithm });
            assert_eq!(
                verified.err(),
                expected,
                "a key for {named}, a token with {algorithm}"
            );
        }
    }
}

/// CVE-2015-9235 and its descendants: the public key, which everybody has, used as an HMAC secret.
#[test]
fn a_public_key_in_whatever_form_is_not_a_secret() {
    for key in ["rsa-2048", "p-256", "p-384", "p-521", "ed25519"] {
        let public = jwk(key, json!({"kid": "k"}));
        let keys = key_set(std::slice::from_ref(&public));
        for secret in public_forms(&public) {
            for algorithm in AlgorithmSet::symmetric().iter() {
                for header in [
                    json!({"alg": algorithm.name(), "kid": "k"}),
                    json!({"alg": algorithm.name()}),
                ] {
                    let forged = compact(&header.to_string(), &claims().to_string(), |m| {
                        sign_with_secret(algorithm, &secret, m)
                    });
                    let error = verify(&forged, &keys, &any_algorithm()).err();
                    let expected = match header.get("kid") {
                        Some(_) => TokenError::KeyNotForAlgorithm { algorithm },
                        None => TokenError::UnknownKey { named: false },
                    };
                    assert_eq!(error, Some(expected), "{algorithm} with {key}");
                }
            }
        }
    }
}

/// The public key as JWK, as its numbers, and as DER and PEM of a SubjectPublicKeyInfo.
fn public_forms(public: &Value) -> Vec<Vec<u8>> {
    let mut forms = vec![
        public.to_string().into_bytes(),
        key_set_text(std::slice::from_ref(public)),
    ];
    for member in ["n", "x", "y"] {
        if let Some(number) = public.get(member).and_then(Value::as_str) {
            forms.push(number.as_bytes().to_vec());
            forms.push(from_base64url(number));
        }
    }
    if public.get("crv").and_then(Value::as_str) == Some("P-256") {
        let number = |member| {
            from_base64url(
                public
                    .get(member)
                    .and_then(Value::as_str)
                    .expect("a coordinate"),
            )
        };
        let prefix = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
        let der = [&prefix[..], &number("x"), &number("y")].concat();
        let body = STANDARD.encode(&der);
        let (first, second) = body.split_at(64);
        for end in ["\n", ""] {
            let pem = format!(
                "-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----{end}"
            );
            forms.push(pem.clone().into_bytes());
            assert!(
                KeySet::from_secret(pem.as_bytes(), AlgorithmSet::symmetric()).is_err(),
                "PEM configured as a secret must be refused"
            );
        }
        assert!(
            KeySet::from_secret(&der, AlgorithmSet::symmetric()).is_err(),
            "and DER"
        );
        forms.push(der);
    }
    forms
}

#[test]
fn none_is_refused_whatever_the_keys_and_the_signature() {
    let secret =
        KeySet::from_secret(SECRET, AlgorithmSet::symmetric()).expect("the secret is long enough");
    let public = key_set(&[jwk("rsa-2048", json!({})), jwk("ed25519", json!({}))]);
    for alg in ["none", "None", "NONE", "nOnE"] {
        for signature in [vec![], vec![0; 32], SECRET.to_vec()] {
            let header = json!({"alg": alg}).to_string();
            let token = compact(&header, &claims().to_string(), |_| signature.clone());
            for keys in [&secret, &public] {
                assert_eq!(
                    verify(&token, keys, &any_algorithm()).err(),
                    Some(TokenError::Unsecured),
                    "{alg}"
                );
            }
        }
    }
}

#[test]
fn what_the_issuer_does_not_sign_with_is_refused_even_with_a_good_signature() {
    for (algorithm, key) in SIGNERS {
        let keys = key_set(&[jwk(key, json!({}))]);
        let others = Algorithm::ALL
            .into_iter()
            .filter(|&other| other != algorithm)
            .collect();
        let error = verify(
            &token(algorithm, key, json!({})),
            &keys,
            &expectations(others),
        )
        .err();
        assert_eq!(error, Some(TokenError::AlgorithmNotAccepted { algorithm }));
    }
}

/// Replaces the signature of a good token.
fn with_signature(algorithm: Algorithm, key: &str, signature: &[u8]) -> String {
    let good = token(algorithm, key, json!({}));
    let (input, _) = good.rsplit_once('.').expect("a token has three parts");
    format!("{input}.{}", base64url(signature))
}

fn assert_refused(algorithm: Algorithm, key: &str, signature: &[u8], what: &str) {
    let keys = key_set(&[jwk(key, json!({}))]);
    let error = verify(
        &with_signature(algorithm, key, signature),
        &keys,
        &any_algorithm(),
    )
    .err();
    assert!(
        matches!(error, Some(TokenError::Signature { .. })),
        "{algorithm}, {what}: {error:?}"
    );
}

/// The order of the curve's group, big-endian.
fn order(algorithm: Algorithm) -> Vec<u8> {
    let digits = match algorithm {
        Algorithm::Es256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Algorithm::Es384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
        _ => {
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
        }
    };
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2).unwrap(), 16).unwrap())
        .collect()
}

/// CVE-2022-21449 ("psychic signatures") and everything around it.
#[test]
fn ecdsa_values_out_of_range_are_refused() {
    for (algorithm, key) in [
        (Algorithm::Es256, "p-256"),
        (Algorithm::Es384, "p-384"),
        (Algorithm::Es512, "p-521"),
    ] {
        let order = order(algorithm);
        let bytes = order.len();
        let (zero, one, most) = (
            vec![0; bytes],
            [vec![0; bytes - 1], vec![1]].concat(),
            vec![0xff; bytes],
        );
        let mut above = order.clone();
        *above.last_mut().unwrap() += 1;
        let values = [zero, one, order, above, most];
        for (i, r) in values.iter().enumerate() {
            for (j, s) in values.iter().enumerate() {
                assert_refused(
                    algorithm,
                    key,
                    &[r.as_slice(), s].concat(),
                    &format!("r {i}, s {j}"),
                );
            }
        }
    }
}

#[test]
fn ecdsa_signatures_of_another_length_or_form_are_refused() {
    for (algorithm, key) in [
        (Algorithm::Es256, "p-256"),
        (Algorithm::Es384, "p-384"),
        (Algorithm::Es512, "p-521"),
    ] {
        let good = token(algorithm, key, json!({}));
        let (input, signature) = good.rsplit_once('.').unwrap();
        let signature = from_base64url(signature);
        let (r, s) = signature.split_at(signature.len() / 2);
        let zero = [0_u8];
        for (what, changed) in [
            ("DER", der(r, s)),
            (
                "cut at the end",
                signature.get(..signature.len() - 1).unwrap().to_vec(),
            ),
            ("cut at the start", signature.get(1..).unwrap().to_vec()),
            ("r only", r.to_vec()),
            ("empty", vec![]),
            ("a byte more", [&signature, &zero[..]].concat()),
            ("a leading zero in each half", [&zero, r, &zero, s].concat()),
            ("twice", [signature.as_slice(), &signature].concat()),
        ] {
            let keys = key_set(&[jwk(key, json!({}))]);
            let error = verify(
                &format!("{input}.{}", base64url(&changed)),
                &keys,
                &any_algorithm(),
            )
            .err();
            assert!(
                matches!(error, Some(TokenError::Signature { .. })),
                "{algorithm}, {what}: {error:?}"
            );
        }
        // (r, n - s) is as good a signature as (r, s) in ECDSA, and RFC 7518 prefers neither: whoever
        // has a token can write it in a second way. Nothing may take a token's bytes for its identity.
        let negated = subtract(&order(algorithm), s);
        let twin = format!("{input}.{}", base64url([r, &negated].concat()));
        let keys = key_set(&[jwk(key, json!({}))]);
        assert!(
            verify(&twin, &keys, &any_algorithm()).is_ok(),
            "{algorithm}: the twin of a good signature"
        );
    }
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let digits: Vec<u8> = number
            .iter()
            .copied()
            .skip_while(|&byte| byte == 0)
            .collect();
        let sign = digits.first().is_some_and(|first| first & 0x80 != 0);
        let body = if sign {
            [vec![0], digits].concat()
        } else {
            digits
        };
        [vec![2, u8::try_from(body.len()).unwrap()], body].concat()
    };
    let body = [integer(r), integer(s)].concat();
    let length = u8::try_from(body.len()).unwrap();
    let head = if length < 128 {
        vec![0x30, length]
    } else {
        vec![0x30, 0x81, length]
    };
    [head, body].concat()
}

/// a − b, big-endian, equally long, a ≥ b.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(&a, &b)| {
            let digit = i16::from(a) - i16::from(b) - borrow;
            borrow = i16::from(digit < 0);
            digit.rem_euclid(256) as u8
        })
        .collect();
    difference.reverse();
    difference
}

#[test]
fn rsa_signatures_are_as_long_as_the_modulus_and_below_it() {
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        let key = "rsa-2048";
        let public = jwk(key, json!({}));
        let modulus = from_base64url(public.get("n").and_then(Value::as_str).unwrap());
        let good = token(algorithm, key, json!({}));
        let (input, signature) = good.rsplit_once('.').unwrap();
        let signature = from_base64url(signature);
        let zero = [0_u8];
        let mut sum = Vec::new();
        let mut carry = 0;
        for (a, b) in signature.iter().zip(&modulus).rev() {
            let digit = u16::from(*a) + u16::from(*b) + carry;
            sum.push(digit as u8);
            carry = digit >> 8;
        }
        sum.push(carry as u8);
        sum.reverse();
        let sum_same_length = sum.strip_prefix(&zero).unwrap_or(&sum).to_vec();
        for (what, changed) in [
            ("a leading zero", [&zero[..], &signature].concat()),
            ("a zero at the end", [&signature, &zero[..]].concat()),
            ("cut at the start", signature.get(1..).unwrap().to_vec()),
            ("cut at the end", signature.get(..255).unwrap().to_vec()),
            ("the modulus added", sum_same_length),
            ("the modulus itself", modulus.clone()),
            ("zero", vec![0; 256]),
            ("one", [vec![0; 255], vec![1]].concat()),
            ("all ones", vec![0xff; 256]),
            ("empty", vec![]),
        ] {
            let keys = key_set(std::slice::from_ref(&public));
            let error = verify(
                &format!("{input}.{}", base64url(&changed)),
                &keys,
                &any_algorithm(),
            )
            .err();
            assert!(
                matches!(error, Some(TokenError::Signature { .. })),
                "{algorithm}, {what}: {error:?}"
            );
        }
    }
}

#[test]
fn ed25519_is_verified_strictly() {
    let good = token(Algorithm::EdDsa, "ed25519", json!({}));
    let signature = from_base64url(good.rsplit_once('.').unwrap().1);
    let (r, s) = signature.split_at(32);
    // S + L verifies with every implementation that does not check RFC 8032 §5.1.7.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut carry = 0;
    let s_and_order: Vec<u8> = s
        .iter()
        .enumerate()
        .map(|(at, &digit)| {
            let sum = u16::from(digit)
                + u16::from_str_radix(order.get(2 * at..2 * at + 2).unwrap(), 16).unwrap()
                + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect();
    assert_eq!(carry, 0);
    assert_refused(
        Algorithm::EdDsa,
        "ed25519",
        &[r, &s_and_order].concat(),
        "S + L",
    );
    for (what, r) in small_order_points() {
        assert_refused(
            Algorithm::EdDsa,
            "ed25519",
            &[r.as_slice(), &[0; 32]].concat(),
            &format!("R is {what}, S is zero"),
        );
        assert_refused(
            Algorithm::EdDsa,
            "ed25519",
            &[r.as_slice(), s].concat(),
            &format!("R is {what}"),
        );
    }
    assert_refused(
        Algorithm::EdDsa,
        "ed25519",
        signature.get(..63).unwrap(),
        "cut",
    );
    assert_refused(
        Algorithm::EdDsa,
        "ed25519",
        &[signature.as_slice(), &[0]].concat(),
        "a byte more",
    );
}

/// Points whose order divides eight, some of them not encoded canonically: with such a key, one
/// signature fits a good part of all messages.
fn small_order_points() -> Vec<(&'static str, [u8; 32])> {
    let point = |hex: &str| {
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2).unwrap(), 16).unwrap();
        }
        bytes
    };
    vec![
        (
            "the neutral point",
            point("0100000000000000000000000000000000000000000000000000000000000000"),
        ),
        (
            "of order 2",
            point("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ),
        (
            "of order 4",
            point("0000000000000000000000000000000000000000000000000000000000000000"),
        ),
        (
            "of order 4, negative",
            point("0000000000000000000000000000000000000000000000000000000000000080"),
        ),
        (
            "of order 8",
            point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        ),
        (
            "of order 8, negative",
            point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        ),
        (
            "neutral, not canonical",
            point("0100000000000000000000000000000000000000000000000000000000000080"),
        ),
        (
            "neutral plus the prime",
            point("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ),
        (
            "zero plus the prime",
            point("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ),
    ]
}

#[test]
fn ed25519_keys_of_small_order_are_left_out() {
    for (what, point) in small_order_points() {
        let keys = key_set(&[json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(point)})]);
        let reasons: Vec<SkipReason> = keys
            .skipped()
            .iter()
            .map(|skipped| skipped.reason)
            .collect();
        assert!(
            matches!(
                reasons.as_slice(),
                [SkipReason::WeakPoint | SkipReason::NotOnCurve]
            ),
            "{what}: {reasons:?}"
        );
        // The neutral point as key and R, with S = 0, fits every message.
        let token = compact(r#"{"alg":"EdDSA"}"#, &claims().to_string(), |_| {
            [point.as_slice(), &[0; 32]].concat()
        });
        assert_eq!(
            verify(&token, &keys, &any_algorithm()).err(),
            Some(TokenError::UnknownKey { named: false }),
            "{what}"
        );
    }
}

#[test]
fn a_signature_over_another_token_is_refused() {
    for (algorithm, key) in SIGNERS {
        let keys = key_set(&[jwk(key, json!({}))]);
        let one = token(algorithm, key, json!({"kid": "a", "typ": "JWT"}));
        let two = token(algorithm, key, json!({"typ": "at+jwt"}));
        let (Some((header, _)), Some((_, signature))) = (one.split_once('.'), two.rsplit_once('.'))
        else {
            panic!("a token has three parts");
        };
        let payload = one.split('.').nth(1).unwrap();
        let mixed = format!("{header}.{payload}.{signature}");
        let keys_of_a = key_set(&[jwk(key, json!({"kid": "a"}))]);
        let error = verify(&mixed, &keys_of_a, &any_algorithm()).err();
        assert!(
            matches!(error, Some(TokenError::Signature { .. })),
            "{algorithm}: {error:?}"
        );
        assert!(verify(&two, &keys, &any_algorithm()).is_ok(), "{algorithm}");
    }
}
