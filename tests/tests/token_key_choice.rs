//! Which keys a token is tried with.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the failure of a test"
)]

use doorward_tests::signing::{
    any_algorithm, base64url, claims, compact, jwk, key_set, sign, token, verify,
};
use doorward_token::{Algorithm, KEYS_MAX, KEYS_TRIED_MAX, TokenError};
use serde_json::{Value, json};

#[test]
fn a_token_that_names_its_key_is_tried_with_keys_of_exactly_that_name() {
    let keys = key_set(&[
        jwk("p-256-other", json!({"kid": "a"})),
        jwk("p-256", json!({"kid": "b"})),
        jwk("ed25519", json!({})),
    ]);
    let try_kid = |kid: &str| {
        verify(
            &token(Algorithm::Es256, "p-256", json!({"kid": kid})),
            &keys,
            &any_algorithm(),
        )
        .err()
    };
    assert_eq!(try_kid("b"), None);
    assert_eq!(
        try_kid("a"),
        Some(TokenError::Signature {
            algorithm: Algorithm::Es256,
            named: true,
            keys_tried: 1
        })
    );
    for kid in [
        "",
        "B",
        "b ",
        "b\0",
        "../b",
        "b' OR '1'='1",
        "%62",
        "b/../b",
        "file:///dev/null",
    ] {
        assert_eq!(
            try_kid(kid),
            Some(TokenError::UnknownKey { named: true }),
            "{kid:?}"
        );
    }
}

#[test]
fn a_key_without_a_name_is_tried_where_no_key_has_the_one_of_the_token() {
    let keys = key_set(&[
        jwk("p-256-other", json!({"kid": "a"})),
        jwk("p-256", json!({})),
        jwk("ed25519", json!({})),
    ]);
    let error = |algorithm, key: &str, kid: &str| {
        let token = token(algorithm, key, json!({"kid": kid}));
        verify(&token, &keys, &any_algorithm()).err()
    };
    let unknown = Some(TokenError::UnknownKey { named: true });
    assert_eq!(error(Algorithm::Es256, "p-256", "b"), None);
    assert_eq!(error(Algorithm::EdDsa, "ed25519", "b"), None);
    assert_eq!(
        error(Algorithm::Es256, "p-256-other", "b"),
        unknown,
        "one that fails on it has an unknown key"
    );
    assert_eq!(
        error(Algorithm::Es384, "p-384", "b"),
        unknown,
        "no key fits"
    );
    assert_eq!(
        error(Algorithm::Es256, "p-256", "a"),
        Some(TokenError::Signature {
            algorithm: Algorithm::Es256,
            named: true,
            keys_tried: 1
        }),
        "where a key has the name, that one only"
    );
    assert_eq!(
        error(Algorithm::EdDsa, "ed25519", "a"),
        Some(TokenError::KeyNotForAlgorithm {
            algorithm: Algorithm::EdDsa
        }),
        "also where it is for another algorithm"
    );
}

#[test]
fn no_more_keys_without_a_name_are_tried_than_one_token_may_cost() {
    let mut jwks = vec![jwk("p-256-other", json!({})); KEYS_TRIED_MAX - 1];
    jwks.push(jwk("p-256", json!({})));
    let named = token(Algorithm::Es256, "p-256", json!({"kid": "b"}));
    assert!(verify(&named, &key_set(&jwks), &any_algorithm()).is_ok());
    jwks.insert(0, jwk("p-256-other", json!({})));
    let error = verify(&named, &key_set(&jwks), &any_algorithm()).err();
    assert_eq!(error, Some(TokenError::UnknownKey { named: true }));
}

#[test]
fn keys_that_share_a_name_are_both_tried() {
    let twins = [
        jwk("p-256-other", json!({"kid": "k"})),
        jwk("ed25519", json!({"kid": "k"})),
        jwk("p-256", json!({"kid": "k"})),
    ];
    let keys = key_set(&twins);
    for (algorithm, key) in [
        (Algorithm::Es256, "p-256"),
        (Algorithm::Es256, "p-256-other"),
        (Algorithm::EdDsa, "ed25519"),
    ] {
        assert!(
            verify(
                &token(algorithm, key, json!({"kid": "k"})),
                &keys,
                &any_algorithm()
            )
            .is_ok(),
            "{key}"
        );
    }
    let error = verify(
        &token(Algorithm::Rs256, "rsa-2048", json!({"kid": "k"})),
        &keys,
        &any_algorithm(),
    )
    .err();
    assert_eq!(
        error,
        Some(TokenError::KeyNotForAlgorithm {
            algorithm: Algorithm::Rs256
        })
    );
}

#[test]
fn a_token_that_names_no_key_is_tried_with_every_fitting_one_up_to_a_bound() {
    let unnamed = token(Algorithm::Es256, "p-256", json!({}));
    let mut jwks = vec![
        jwk("rsa-2048", json!({"kid": "r"})),
        jwk("ed25519", json!({"kid": "e"})),
    ];
    jwks.extend(vec![jwk("p-256-other", json!({})); KEYS_TRIED_MAX - 1]);
    jwks.push(jwk("p-256", json!({"kid": "named all the same"})));
    assert!(
        verify(&unnamed, &key_set(&jwks), &any_algorithm()).is_ok(),
        "the last one that is tried"
    );
    jwks.insert(0, jwk("p-256-other", json!({})));
    let error = verify(&unnamed, &key_set(&jwks), &any_algorithm()).err();
    let expected = TokenError::Signature {
        algorithm: Algorithm::Es256,
        named: false,
        keys_tried: KEYS_TRIED_MAX,
    };
    assert_eq!(error, Some(expected), "one too many");
}

#[test]
fn newer_keys_may_help_exactly_where_no_key_verifies_the_signature() {
    let keys = key_set(&[jwk("p-256", json!({"kid": "k"}))]);
    let error =
        |token: String| verify(&token, &keys, &any_algorithm()).expect_err("the token is refused");
    let helps = |token: String| {
        let error = error(token);
        error.may_have_newer_key() && error.is_unknown_key()
    };
    // The issuer may have put another key under the name; the key is not unknown.
    let may_have_changed = |token: String| {
        let error = error(token);
        error.may_have_newer_key() && !error.is_unknown_key()
    };
    assert!(
        helps(token(
            Algorithm::Es256,
            "p-256-other",
            json!({"kid": "new"})
        )),
        "another name"
    );
    assert!(
        helps(token(Algorithm::EdDsa, "ed25519", json!({}))),
        "another type of key"
    );
    assert!(
        helps(token(Algorithm::Es256, "p-256-other", json!({}))),
        "no name, and no key that verifies it"
    );
    assert!(
        may_have_changed(token(Algorithm::Es256, "p-256-other", json!({"kid": "k"}))),
        "another signature under the name"
    );
    assert!(
        may_have_changed(token(Algorithm::EdDsa, "ed25519", json!({"kid": "k"}))),
        "another type of key under the name"
    );
    let mut expired = claims();
    let members = expired.as_object_mut().unwrap();
    members.insert("exp".to_owned(), json!(1));
    let header = json!({"alg": "ES256", "kid": "k"}).to_string();
    let expired = compact(&header, &expired.to_string(), |m| {
        sign(Algorithm::Es256, "p-256", m)
    });
    assert!(
        !error(expired).may_have_newer_key(),
        "the signature is right"
    );
}

/// RFC 8725 §3.9, §3.10; CVE-2018-0114.
#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let attacker = jwk("p-256-other", json!({"kid": "k"}));
    let keys = key_set(&[jwk("p-256", json!({"kid": "k"}))]);
    let certificate = json!(["MIIBszCCAVmgAwIBAgIU"]);
    for (name, value) in [
        ("jwk", attacker.clone()),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/certificate")),
        ("x5c", certificate),
        ("x5t", json!("AAAA")),
    ] {
        for kid in [json!("k"), json!("unknown"), Value::Null] {
            let mut header = json!({"alg": "ES256", name: value});
            if !kid.is_null() {
                header
                    .as_object_mut()
                    .unwrap()
                    .insert("kid".to_owned(), kid.clone());
            }
            let forged = compact(&header.to_string(), &claims().to_string(), |m| {
                sign(Algorithm::Es256, "p-256-other", m)
            });
            let error = verify(&forged, &keys, &any_algorithm()).err();
            assert!(
                matches!(
                    error,
                    Some(TokenError::Signature { .. } | TokenError::UnknownKey { .. })
                ),
                "{name}, kid {kid}: {error:?}"
            );
        }
    }
}

#[test]
fn ten_thousand_unknown_names_cost_no_signature() {
    let jwks: Vec<Value> = (0..KEYS_MAX)
        .map(|n| jwk("p-256", json!({"kid": format!("key{n}")})))
        .collect();
    let keys = key_set(&jwks);
    let good = token(Algorithm::Es256, "p-256", json!({"kid": "key0"}));
    let (_, rest) = good.split_once('.').unwrap();
    for n in 0..10_000 {
        let header = base64url(json!({"alg": "ES256", "kid": format!("unknown{n}")}).to_string());
        let error = verify(&format!("{header}.{rest}"), &keys, &any_algorithm()).err();
        assert_eq!(error, Some(TokenError::UnknownKey { named: true }));
    }
}

#[test]
fn a_key_that_is_for_one_issuer_verifies_the_tokens_of_no_other() {
    let token = token(Algorithm::Es256, "p-256", json!({"kid": "a"}));
    let issuer = claims().get("iss").cloned().unwrap();
    let judged = |issuers: &[&Value]| {
        let jwks: Vec<Value> = issuers
            .iter()
            .map(|issuer| jwk("p-256", json!({"kid": "a", "issuer": issuer})))
            .collect();
        let keys = key_set(&jwks);
        (keys.len(), verify(&token, &keys, &any_algorithm()).err())
    };
    let other = json!("https://other.example");
    assert_eq!(judged(&[&issuer]), (1, None));
    assert_eq!(judged(&[&other]), (1, Some(TokenError::KeyOfOtherIssuer)));
    assert_eq!(judged(&[&other, &issuer]), (2, None));
    assert_eq!(judged(&[&issuer, &other]), (2, None));
    // `{tenantid}` is the token's `tid`, and it has none.
    assert_eq!(
        judged(&[&json!("https://{tenantid}.example")]),
        (1, Some(TokenError::KeyOfOtherIssuer))
    );
    for wrong in [json!(7), json!([issuer.clone()]), json!({})] {
        let (usable, error) = judged(&[&wrong]);
        assert_eq!(usable, 0, "{wrong}");
        assert_eq!(error, Some(TokenError::UnknownKey { named: true }));
    }
    // The signature comes first.
    let start = token.get(..token.len() - 4).unwrap();
    let forged = format!("{start}AAAA");
    let keys = key_set(&[jwk("p-256", json!({"kid": "a", "issuer": other}))]);
    let error = verify(&forged, &keys, &any_algorithm()).err();
    assert!(
        matches!(error, Some(TokenError::Signature { .. })),
        "{error:?}"
    );
}
