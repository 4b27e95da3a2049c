//! Key sets: which keys are used, which are left out, and what is no key set.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the failure of a test"
)]

use doorward_tests::signing::{
    SECRET, SIGNERS, any_algorithm, base64url, from_base64url, jwk, key_set, token, verify,
};
use doorward_token::signature::{MODULUS_BITS_MAX, MODULUS_BITS_MIN};
use doorward_token::{
    Algorithm, KEY_ID_BYTES_MAX, KEY_SET_BYTES_MAX, KEYS_MAX, KeyPart, KeySet, KeySetError,
    SkipReason, TokenError,
};
use serde_json::{Value, json};

/// Why the only key of a set was left out.
fn skipped(jwk: Value) -> Option<SkipReason> {
    let keys = key_set(&[jwk]);
    assert_eq!(keys.len() + keys.skipped().len(), 1);
    keys.skipped().first().map(|skipped| skipped.reason)
}

/// A key with a member replaced.
fn with(key: &str, member: &str, value: Value) -> Value {
    let mut jwk = jwk(key, json!({}));
    jwk.as_object_mut()
        .unwrap()
        .insert(member.to_owned(), value);
    jwk
}

/// A key with a member taken away.
fn without(key: &str, member: &str) -> Value {
    let mut jwk = jwk(key, json!({}));
    jwk.as_object_mut().unwrap().remove(member);
    jwk
}

#[test]
fn members_that_say_nothing_about_use_are_ignored() {
    for (_, key) in SIGNERS {
        let jwk = jwk(
            key,
            json!({"kid": "k", "use": "sig", "key_ops": ["verify"], "x5t": "x", "x5c": ["MII"], "x5u": "https://evil.example", "extra": {"a": [1]}}),
        );
        assert_eq!(skipped(jwk), None, "{key}");
    }
}

#[test]
fn keys_for_something_else_are_left_out() {
    for purpose in ["enc", "SIG", "sig ", ""] {
        assert_eq!(
            skipped(with("p-256", "use", json!(purpose))),
            Some(SkipReason::NotForSignatures),
            "{purpose}"
        );
    }
    assert_eq!(
        skipped(with("p-256", "use", json!(["sig"]))),
        Some(SkipReason::WrongType { member: "use" })
    );
    for operations in [
        json!([]),
        json!(["sign"]),
        json!(["encrypt"]),
        json!(["verify", "verify"]),
        json!(["Verify"]),
        json!([["verify"]]),
        json!([null]),
    ] {
        assert_eq!(
            skipped(with("p-256", "key_ops", operations.clone())),
            Some(SkipReason::NotForVerification),
            "{operations}"
        );
    }
    assert_eq!(
        skipped(with("p-256", "key_ops", json!("verify"))),
        Some(SkipReason::WrongType { member: "key_ops" })
    );
    // Nobody has thousands of operations, and each would be compared with all others.
    let mut many: Vec<Value> = (0..32).map(Value::from).collect();
    many.push("verify".into());
    assert_eq!(
        skipped(with("p-256", "key_ops", many.into())),
        Some(SkipReason::NotForVerification)
    );
    for operations in [json!(["verify"]), json!(["sign", "verify"])] {
        assert_eq!(skipped(with("p-256", "key_ops", operations)), None);
    }
}

#[test]
fn keys_whose_algorithm_does_not_fit_are_left_out() {
    for algorithm in ["RSA-OAEP", "ECDH-ES", "none", "es256", "", "RS1"] {
        assert_eq!(
            skipped(with("p-256", "alg", json!(algorithm))),
            Some(SkipReason::UnsupportedAlgorithm),
            "{algorithm}"
        );
    }
    assert_eq!(
        skipped(with("p-256", "alg", json!(256))),
        Some(SkipReason::WrongType { member: "alg" })
    );
    for (key, algorithm) in [
        ("p-256", Algorithm::Es384),
        ("p-384", Algorithm::Es256),
        ("p-521", Algorithm::EdDsa),
        ("ed25519", Algorithm::Es256),
        ("rsa-2048", Algorithm::Es256),
        ("rsa-2048", Algorithm::Hs256),
        ("p-256", Algorithm::Hs256),
    ] {
        assert_eq!(
            skipped(with(key, "alg", json!(algorithm.name()))),
            Some(SkipReason::AlgorithmOfOtherKeyType { algorithm }),
            "{key} for {algorithm}"
        );
    }
}

#[test]
fn unknown_types_and_curves_are_left_out_and_the_others_used() {
    assert_eq!(
        skipped(json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"})),
        Some(SkipReason::UnsupportedAlgorithm)
    );
    assert_eq!(
        skipped(json!({"kty": "AKP", "pub": "AAAA"})),
        Some(SkipReason::UnknownKeyType)
    );
    assert_eq!(
        skipped(json!({"kty": "rsa"})),
        Some(SkipReason::UnknownKeyType)
    );
    assert_eq!(
        skipped(json!({})),
        Some(SkipReason::Missing { member: "kty" })
    );
    assert_eq!(
        skipped(json!({"kty": 1})),
        Some(SkipReason::WrongType { member: "kty" })
    );
    for (kty, crv) in [
        ("EC", "secp256k1"),
        ("EC", "P-192"),
        ("EC", "Ed25519"),
        ("EC", "p-256"),
        ("OKP", "Ed448"),
        ("OKP", "X25519"),
        ("OKP", "P-256"),
    ] {
        assert_eq!(
            skipped(json!({"kty": kty, "crv": crv, "x": "AA", "y": "AA"})),
            Some(SkipReason::UnknownCurve),
            "{kty} {crv}"
        );
    }
    let keys = key_set(&[
        json!({"kty": "AKP", "kid": "new"}),
        jwk("p-256", json!({"kid": "good"})),
    ]);
    assert_eq!(keys.len(), 1);
    let told: Vec<String> = keys.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [r#"keys[0] ("new"): `kty` is not a supported key type"#]
    );
    assert!(
        verify(
            &token(Algorithm::Es256, "p-256", json!({"kid": "good"})),
            &keys,
            &any_algorithm()
        )
        .is_ok()
    );
    let error = verify(
        &token(Algorithm::Es256, "p-256", json!({"kid": "new"})),
        &keys,
        &any_algorithm(),
    )
    .err();
    assert_eq!(
        error,
        Some(TokenError::UnknownKey { named: true }),
        "a key that was left out is no key"
    );
}

#[test]
fn every_number_has_to_be_there_and_to_be_a_number() {
    for (key, members) in [
        ("rsa-2048", &["n", "e"][..]),
        ("p-256", &["crv", "x", "y"]),
        ("p-384", &["x", "y"]),
        ("p-521", &["x", "y"]),
        ("ed25519", &["crv", "x"]),
    ] {
        for &member in members {
            assert_eq!(
                skipped(without(key, member)),
                Some(SkipReason::Missing { member }),
                "{key} without {member}"
            );
            for wrong in [json!(65537), json!(["AQAB"]), json!({})] {
                assert_eq!(
                    skipped(with(key, member, wrong)),
                    Some(SkipReason::WrongType { member }),
                    "{key}"
                );
            }
            let part = match member {
                "n" => KeyPart::Modulus,
                "e" => KeyPart::Exponent,
                "x" => KeyPart::X,
                "y" => KeyPart::Y,
                _ => continue,
            };
            for wrong in ["AQAB=", "AQ AB", "A", "+///", "AQAC\n", "é"] {
                assert_eq!(
                    skipped(with(key, member, json!(wrong))),
                    Some(SkipReason::Encoding { part }),
                    "{key} {member} {wrong:?}"
                );
            }
        }
    }
}

#[test]
fn points_have_the_length_of_their_field_and_lie_on_their_curve() {
    for key in ["p-256", "p-384", "p-521"] {
        for (member, part) in [("x", KeyPart::X), ("y", KeyPart::Y)] {
            let original = jwk(key, json!({}));
            let number = from_base64url(original.get(member).and_then(Value::as_str).unwrap());
            let replaced = |bytes: &[u8]| skipped(with(key, member, json!(base64url(bytes))));
            let zero = [0_u8];
            for wrong in [
                &[&zero[..], &number].concat()[..],
                &number[1..],
                &number[..number.len() - 1],
                &[],
            ] {
                assert_eq!(
                    replaced(wrong),
                    Some(SkipReason::Length { part }),
                    "{key} {member}"
                );
            }
            let mut moved = number.clone();
            *moved.last_mut().unwrap() ^= 1;
            assert_eq!(
                replaced(&moved),
                Some(SkipReason::NotOnCurve),
                "{key} {member} moved by one"
            );
            assert_eq!(
                replaced(&vec![0xff; number.len()]),
                Some(SkipReason::NotOnCurve),
                "{key} {member} above the prime"
            );
        }
        let bytes = from_base64url(
            jwk(key, json!({}))
                .get("x")
                .and_then(Value::as_str)
                .unwrap(),
        )
        .len();
        let mut zeros = with(key, "x", json!(base64url(vec![0; bytes])));
        zeros
            .as_object_mut()
            .unwrap()
            .insert("y".to_owned(), json!(base64url(vec![0; bytes])));
        assert_eq!(
            skipped(zeros),
            Some(SkipReason::NotOnCurve),
            "{key}: (0, 0) stands for infinity in places"
        );
    }
    // The twist: x of no point of the curve.
    assert_eq!(
        skipped(with(
            "ed25519",
            "x",
            json!(base64url([[2].as_slice(), &[0; 31]].concat()))
        )),
        Some(SkipReason::NotOnCurve)
    );
    assert_eq!(
        skipped(with("ed25519", "x", json!("AAAA"))),
        Some(SkipReason::Length { part: KeyPart::X })
    );
    // A key of one curve under the name of another.
    assert_eq!(
        skipped(with("p-384", "crv", json!("P-256"))),
        Some(SkipReason::Length { part: KeyPart::X })
    );
}

#[test]
fn weak_rsa_keys_are_left_out_and_do_not_verify() {
    let modulus = |bits: usize| {
        let mut bytes = vec![0; bits.div_ceil(8)];
        *bytes.first_mut().unwrap() = 1 << ((bits - 1) % 8);
        *bytes.last_mut().unwrap() |= 1;
        json!(base64url(bytes))
    };
    for bits in [512, 1024, 2047, 8193, 16_384] {
        assert_eq!(
            skipped(with("rsa-2048", "n", modulus(bits))),
            Some(SkipReason::ModulusSize { bits }),
            "{bits} bits"
        );
    }
    for bits in [MODULUS_BITS_MIN, 3072, MODULUS_BITS_MAX] {
        assert_eq!(
            skipped(with("rsa-2048", "n", modulus(bits))),
            None,
            "{bits} bits"
        );
    }
    for exponent in [&[1][..], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(
            skipped(with("rsa-2048", "e", json!(base64url(exponent)))),
            Some(SkipReason::Exponent),
            "{exponent:?}"
        );
    }
    for (member, part) in [("n", KeyPart::Modulus), ("e", KeyPart::Exponent)] {
        for zero in ["", "AA", "AAAA", "AA=="] {
            assert_eq!(
                skipped(with("rsa-2048", member, json!(zero))),
                Some(SkipReason::LeadingZero { part }),
                "{member} {zero:?}"
            );
        }
    }

    // With e = 1 the encoded message is its own signature; whoever knows how to encode can forge.
    let keys = key_set(&[with("rsa-2048", "e", json!("AQ"))]);
    let error = verify(
        &token(Algorithm::Rs256, "rsa-2048", json!({})),
        &keys,
        &any_algorithm(),
    )
    .err();
    assert_eq!(error, Some(TokenError::UnknownKey { named: false }));
}

/// Some servers write every member that they know of.
#[test]
fn a_member_that_is_null_is_absent() {
    for key in ["rsa-2048", "p-256", "ed25519"] {
        let mut jwk = jwk(key, json!({}));
        let members = jwk.as_object_mut().unwrap();
        for member in [
            "alg", "d", "dp", "dq", "issuer", "k", "key_ops", "kid", "oth", "p", "q", "qi", "use",
            "x5c", "x5t", "x5u",
        ] {
            members.insert(member.to_owned(), json!(null));
        }
        assert_eq!(skipped(jwk.clone()), None, "{jwk}");
    }
    for member in ["kty", "n"] {
        let missing = Some(SkipReason::Missing { member });
        assert_eq!(skipped(with("rsa-2048", member, json!(null))), missing);
    }
}

#[test]
fn a_private_key_is_left_out_whatever_it_is_for_and_the_others_are_used() {
    for key in ["rsa-2048", "p-256", "ed25519"] {
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
            for value in [json!("AQ"), json!(""), json!([{}])] {
                let jwk = with(key, member, value);
                assert_eq!(
                    skipped(jwk.clone()),
                    Some(SkipReason::Private { member }),
                    "{jwk}"
                );
            }
        }
    }
    assert_eq!(
        skipped(json!({"kty": "new", "use": "enc", "d": "AQ"})),
        Some(SkipReason::Private { member: "d" }),
        "also a key that would have been left out for another reason"
    );
}

#[test]
fn a_shared_secret_is_left_out_and_the_others_are_used() {
    for secret in [
        json!({"kty": "oct", "k": base64url([7; 64]), "alg": "HS256"}),
        json!({"kty": "oct"}),
        json!({"kty": "oct", "kid": "k", "use": "enc", "k": "AA"}),
        with("rsa-2048", "k", json!("AQAB")),
    ] {
        assert_eq!(
            skipped(secret.clone()),
            Some(SkipReason::Symmetric),
            "{secret}"
        );
        let keys = key_set(&[secret.clone(), jwk("p-256", json!({}))]);
        let good = token(Algorithm::Es256, "p-256", json!({}));
        assert!(verify(&good, &keys, &any_algorithm()).is_ok(), "{secret}");
    }
    // Nor does it verify what is signed with it, by whatever name.
    let published = json!({"kty": "oct", "k": base64url(SECRET), "alg": "HS256", "kid": "k"});
    let keys = key_set(&[published]);
    for header in [json!({}), json!({"kid": "k"})] {
        let forged = token(Algorithm::Hs256, "p-256", header);
        let error = verify(&forged, &keys, &any_algorithm()).err();
        assert!(
            matches!(error, Some(TokenError::UnknownKey { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn what_is_not_a_key_set_is_refused() {
    for (text, expected) in [
        ("{}", KeySetError::NoKeys),
        (r#"{"keys":{}}"#, KeySetError::NoKeys),
        (r#"{"keys":null}"#, KeySetError::NoKeys),
        (r#"{"Keys":[]}"#, KeySetError::NoKeys),
        (r#"{"error":"busy"}"#, KeySetError::NoKeys),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#,
            KeySetError::NoKeys,
        ),
    ] {
        assert_eq!(
            KeySet::parse(text.as_bytes()).err(),
            Some(expected),
            "{text}"
        );
    }
    for text in [
        "",
        "[]",
        "<!doctype html>",
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#,
        r#"{"keys":[]} x"#,
    ] {
        assert!(
            matches!(
                KeySet::parse(text.as_bytes()).err(),
                Some(KeySetError::Json(_))
            ),
            "{text}"
        );
    }
    for text in [
        r#"{"keys":[[]]}"#,
        r#"{"keys":[null]}"#,
        r#"{"keys":["x"]}"#,
    ] {
        let keys = KeySet::parse(text.as_bytes()).expect("what is in the list makes it no other");
        let reasons: Vec<_> = keys.skipped().iter().map(|key| key.reason).collect();
        assert_eq!(reasons, [SkipReason::NotAKey], "{text}");
    }
    let empty = KeySet::parse(br#"{"keys":[]}"#).expect("an empty set is a set");
    assert!(empty.is_empty());
    let error = verify(
        &token(Algorithm::Es256, "p-256", json!({})),
        &empty,
        &any_algorithm(),
    )
    .err();
    assert_eq!(
        error,
        Some(TokenError::UnknownKey { named: false }),
        "and verifies nothing"
    );
}

#[test]
fn sets_are_bounded() {
    let small = json!({"kty": "x"});
    let full = key_set(&vec![small.clone(); KEYS_MAX]);
    assert_eq!(full.skipped().len(), KEYS_MAX);
    for count in [KEYS_MAX + 1, 10_000] {
        let mut jwks = vec![small.clone(); count];
        *jwks.first_mut().unwrap() = jwk("p-256", json!({}));
        *jwks.last_mut().unwrap() = jwk("ed25519", json!({}));
        let keys = key_set(&jwks);
        assert_eq!(keys.len(), 1, "those within the bound are used");
        assert_eq!(keys.skipped().len(), KEYS_MAX, "of the rest one is told");
        assert_eq!(
            keys.skipped().last().unwrap().reason,
            SkipReason::TooManyKeys {
                keys: count,
                keys_max: KEYS_MAX
            }
        );
    }
    let bytes = KEY_SET_BYTES_MAX + 1;
    assert_eq!(
        KeySet::parse(&vec![b' '; bytes]).err(),
        Some(KeySetError::TooLong {
            bytes,
            bytes_max: KEY_SET_BYTES_MAX
        })
    );
    let deep = format!(r#"{{"keys":[{{"kty":{}"#, "[".repeat(200_000));
    assert!(KeySet::parse(deep.as_bytes()).is_err());
    assert_eq!(
        skipped(with("p-256", "kid", json!("k".repeat(KEY_ID_BYTES_MAX)))),
        None
    );
    assert_eq!(
        skipped(with(
            "p-256",
            "kid",
            json!("k".repeat(KEY_ID_BYTES_MAX + 1))
        )),
        Some(SkipReason::KeyIdTooLong)
    );
    assert_eq!(
        skipped(with("p-256", "kid", json!(7))),
        Some(SkipReason::WrongType { member: "kid" })
    );
}

#[test]
fn errors_and_debug_output_hold_nothing_of_keys() {
    let keys = key_set(&[
        jwk("p-256", json!({"kid": "visible\nname", "use": "enc"})),
        jwk("rsa-2048", json!({})),
    ]);
    let number = jwk("rsa-2048", json!({}))
        .get("n")
        .and_then(Value::as_str)
        .unwrap()
        .to_owned();
    let printed = format!("{keys:?} {:?}", keys.skipped());
    assert!(
        !printed.contains(&number) && !printed.contains('\n'),
        "{printed}"
    );
    assert!(printed.contains(r"visible\nname"), "{printed}");
}
