//! Tokens that were taken back, with signatures of another implementation.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the failure of a test"
)]

use doorward_tests::signing::{
    AUDIENCE, ISSUER, NOW, SIGNERS, any_algorithm, base64url, claims, compact, from_base64url, jwk,
    key_set, sign, token, verify,
};
use doorward_token::introspection::{self, IntrospectionResponse, MissingAudience};
use doorward_token::revocation::{RevocationEntry, RevocationKind, RevocationSet};
use doorward_token::{Algorithm, UnixTime, VerifiedToken};
use serde_json::{Value, json};

/// The order of the curve P-256 (FIPS 186-4 D.1.2.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The token with the other signature that fits: s negated, which takes no private key.
fn malleated(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = from_base64url(signature);
    let mut borrow = 0;
    for (byte, order) in signature.iter_mut().skip(32).zip(ORDER).rev() {
        let difference = 0x100 + i16::from(order) - i16::from(*byte) - borrow;
        *byte = (difference & 0xff) as u8;
        borrow = i16::from(difference < 0x100);
    }
    format!("{input}.{}", base64url(signature))
}

fn verified(token: &str) -> VerifiedToken {
    let keys = key_set(&[jwk("p-256", json!({}))]);
    verify(token, &keys, &any_algorithm()).expect("the signature is one of the issuer")
}

fn revoking(text: &str) -> RevocationSet {
    let named =
        RevocationEntry::of_token(text.as_bytes(), Some(ISSUER), UnixTime(u64::MAX)).unwrap();
    let names: Vec<String> = named.entries.iter().map(RevocationEntry::name).collect();
    RevocationSet::from_names(names.iter().map(String::as_str), NOW)
        .unwrap()
        .set
}

#[test]
fn a_revoked_token_does_not_come_back_with_another_signature_of_the_same() {
    let token = token(Algorithm::Es256, "p-256", json!({}));
    let other = malleated(&token);
    assert_ne!(token, other);
    assert_eq!(
        verified(&token).token_id(),
        None,
        "this is about a token without `jti`"
    );
    assert_eq!(malleated(&other), token, "negated twice it is the same");
    for revoked in [&token, &other] {
        let set = revoking(revoked);
        for presented in [&token, &other] {
            assert_eq!(
                set.revokes(&verified(presented)),
                Some(RevocationKind::Token),
                "revoked by {revoked}, presented as {presented}"
            );
        }
    }
}

/// What the issuer says when it is asked about the text, with these members more.
fn introspected(text: &str, more: Value) -> VerifiedToken {
    let mut answer = json!({"active": true, "aud": AUDIENCE, "sub": "alice"});
    answer
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    match introspection::parse(
        answer.to_string().as_bytes(),
        text.as_bytes(),
        &any_algorithm(),
        MissingAudience::Refuse,
        NOW,
        60,
    ) {
        Ok(IntrospectionResponse::Active(token)) => token,
        answer => panic!("the token is active, not {answer:?}"),
    }
}

#[test]
fn an_opaque_token_is_revoked_by_its_text_whatever_the_issuer_says_of_its_jti() {
    let set = revoking("2YotnFZFEjr1zCsicMWpAA");
    for more in [json!({}), json!({"jti": "1"}), json!({"iss": ISSUER})] {
        assert_eq!(
            set.revokes(&introspected("2YotnFZFEjr1zCsicMWpAA", more.clone())),
            Some(RevocationKind::Token),
            "{more}"
        );
        assert_eq!(
            set.revokes(&introspected("2YotnFZFEjr1zCsicMWpAB", more.clone())),
            None,
            "another token, {more}"
        );
    }
    let mut set = RevocationSet::default();
    set.insert(&RevocationEntry::token(ISSUER, "1", UnixTime(u64::MAX)));
    assert_eq!(
        set.revokes(&introspected("2YotnFZFEjr1zCsicMWpAA", json!({"jti": "1"}))),
        Some(RevocationKind::Token),
        "by its `jti`, where that is known"
    );
}

#[test]
fn a_signed_token_that_the_issuer_is_asked_about_is_revoked_with_either_signature() {
    for changes in [json!({}), json!({"jti": "1"})] {
        let mut claims = claims();
        claims
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let token = compact(r#"{"alg":"ES256"}"#, &claims.to_string(), |input| {
            sign(Algorithm::Es256, "p-256", input)
        });
        let set = revoking(&token);
        for presented in [&token, &malleated(&token)] {
            assert_eq!(
                set.revokes(&introspected(presented, json!({}))),
                Some(RevocationKind::Token),
                "{presented}"
            );
        }
        assert_eq!(
            set.revokes(&verified(&token)),
            Some(RevocationKind::Token),
            "and where its signature is checked"
        );
    }
}

#[test]
fn a_token_of_every_algorithm_is_revoked_by_its_text() {
    for (algorithm, key) in SIGNERS {
        let token = token(algorithm, key, json!({}));
        let keys = key_set(&[jwk(key, json!({}))]);
        let verified = verify(&token, &keys, &any_algorithm()).unwrap();
        assert_eq!(
            revoking(&token).revokes(&verified),
            Some(RevocationKind::Token),
            "{algorithm}"
        );
    }
}
