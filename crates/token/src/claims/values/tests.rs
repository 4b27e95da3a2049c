#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::json;

use super::*;
use crate::Expectations;
use crate::testing::{AUDIENCE, NOW, claims, expectations, token, verify, verify_with};

fn error(changes: Value) -> Option<TokenError> {
    verify(&token(&claims(changes))).err()
}

#[test]
fn scopes_come_from_scope_or_else_from_scp() {
    let scopes = |changes: Value| verify(&token(&claims(changes))).unwrap().scopes().to_vec();
    assert_eq!(scopes(json!({})), [""; 0]);
    assert_eq!(scopes(json!({"scope": ""})), [""; 0]);
    assert_eq!(scopes(json!({"scope": "a"})), ["a"]);
    assert_eq!(scopes(json!({"scope": " a  b:c "})), ["a", "b:c"]);
    assert_eq!(scopes(json!({"scope": "a\tb"})), ["a\tb"]);
    assert_eq!(scopes(json!({"scp": "a b"})), ["a", "b"]);
    assert_eq!(scopes(json!({"scp": ["a", "b c"]})), ["a", "b c"]);
    assert_eq!(
        scopes(json!({"scope": "a", "scp": ["admin"]})),
        ["a"],
        "scp must not add to scope"
    );
    assert_eq!(scopes(json!({"scope": "", "scp": ["admin"]})), [""; 0]);
    let many = |count| vec!["s"; count].join(" ");
    assert_eq!(scopes(json!({"scope": many(SCOPES_MAX)})).len(), SCOPES_MAX);
    assert_eq!(
        error(json!({"scope": many(SCOPES_MAX + 1)})),
        Some(TokenError::TooManyValues {
            name: "scope",
            count_max: SCOPES_MAX
        })
    );
    assert_eq!(
        error(json!({"scp": vec!["s"; SCOPES_MAX + 1]})),
        Some(TokenError::TooManyValues {
            name: "scope",
            count_max: SCOPES_MAX
        })
    );
}

#[test]
fn a_list_of_scopes_is_read_where_a_string_is() {
    let scopes = |changes: Value| verify(&token(&claims(changes))).unwrap().scopes().to_vec();
    assert_eq!(
        scopes(json!({"scope": ["a", "b c", "d"]})),
        ["a", "b c", "d"]
    );
    assert_eq!(scopes(json!({"scope": ["a"], "scp": ["admin"]})), ["a"]);
    assert_eq!(scopes(json!({"scope": [], "scp": ["admin"]})), [""; 0]);
    for wrong in [
        json!(1),
        json!(true),
        json!({}),
        json!({"a": true}),
        json!([1]),
        json!(["a", 1]),
        json!(["a", null]),
        json!([["a"]]),
    ] {
        assert_eq!(scopes(json!({"scope": wrong})), [""; 0], "{wrong}");
        assert_eq!(scopes(json!({"scp": wrong})), [""; 0], "{wrong}");
        // What is there decides, also where it grants nothing.
        assert_eq!(
            scopes(json!({"scope": wrong, "scp": "admin"})),
            [""; 0],
            "{wrong}"
        );
    }
}

#[test]
fn the_policy_can_have_the_scopes_read_from_other_claims_and_never_adds_them_up() {
    let paths = |texts: &[&str]| {
        let paths = texts.iter().map(|text| ClaimPath::parse(text).unwrap());
        Expectations {
            scope_claims: paths.collect(),
            ..expectations()
        }
    };
    let scopes = |expect: &Expectations, changes: Value| {
        let token = verify_with(&token(&claims(changes)), expect, NOW);
        token.unwrap().scopes().to_vec()
    };
    let expect = paths(&["permissions"]);
    for (changes, expected) in [
        (
            json!({"permissions": ["read", "write all"]}),
            vec!["read", "write all"],
        ),
        (json!({"permissions": "read write"}), vec!["read", "write"]),
        (
            json!({"permissions": ["read"], "scope": "admin", "scp": ["admin"]}),
            vec!["read"],
        ),
        (json!({"scope": "admin", "scp": ["admin"]}), vec![]),
        (json!({"permissions": [], "scope": "admin"}), vec![]),
        (json!({"permissions": 7, "scope": "admin"}), vec![]),
    ] {
        assert_eq!(scopes(&expect, changes.clone()), expected, "{changes}");
    }
    let expect = paths(&["realm_access.roles", "https://acme.example/scope", "scope"]);
    for (changes, expected) in [
        (
            json!({"realm_access": {"roles": ["a"]}, "scope": "b"}),
            vec!["a"],
        ),
        (
            json!({"https://acme.example/scope": "c d", "scope": "b"}),
            vec!["c", "d"],
        ),
        (json!({"realm_access": {"roles": []}, "scope": "b"}), vec![]),
        (json!({"realm_access": ["roles"], "scope": "b"}), vec!["b"]),
    ] {
        assert_eq!(scopes(&expect, changes.clone()), expected, "{changes}");
    }
}

#[test]
fn the_audience_is_looked_for_elsewhere_only_where_there_is_none() {
    let expect = Expectations {
        audience_claim: Some(ClaimPath::parse("client_id").unwrap()),
        ..expectations()
    };
    let judged = |changes: Value| verify_with(&token(&claims(changes)), &expect, NOW).err();
    for changes in [
        json!({"aud": null, "client_id": AUDIENCE}),
        json!({"aud": "", "client_id": AUDIENCE}),
        json!({"aud": [], "client_id": AUDIENCE}),
        json!({"aud": null, "client_id": ["other", AUDIENCE]}),
        json!({"client_id": "other"}),
        json!({"client_id": 7}),
        json!({}),
    ] {
        assert_eq!(judged(changes.clone()), None, "{changes}");
    }
    for (changes, expected) in [
        (
            json!({"aud": "other", "client_id": AUDIENCE}),
            TokenError::Audience,
        ),
        (
            json!({"aud": ["other"], "client_id": AUDIENCE}),
            TokenError::Audience,
        ),
        (
            json!({"aud": [""], "client_id": AUDIENCE}),
            TokenError::Audience,
        ),
        (
            json!({"aud": null, "client_id": "other"}),
            TokenError::Audience,
        ),
        (json!({"aud": null, "client_id": ""}), TokenError::Audience),
        (json!({"aud": null, "client_id": []}), TokenError::Audience),
        (json!({"aud": null, "client_id": 7}), TokenError::Audience),
        (
            json!({"aud": null, "client_id": {"a": AUDIENCE}}),
            TokenError::Audience,
        ),
        (
            json!({"aud": null, "client_id": [AUDIENCE, 7]}),
            TokenError::Audience,
        ),
        (
            json!({"aud": null}),
            TokenError::MissingClaim { name: "aud" },
        ),
        (
            json!({"aud": null, "azp": AUDIENCE}),
            TokenError::MissingClaim { name: "aud" },
        ),
    ] {
        assert_eq!(judged(changes.clone()), Some(expected), "{changes}");
    }
    // Nobody is asked to look elsewhere.
    for changes in [
        json!({"aud": null, "client_id": AUDIENCE}),
        json!({"aud": "", "client_id": AUDIENCE}),
    ] {
        assert!(error(changes.clone()).is_some(), "{changes}");
    }
}

#[test]
fn what_tells_nobody_apart_is_absent() {
    let token = verify(&token(&claims(json!({"sub": "", "jti": "", "sid": ""})))).unwrap();
    assert_eq!(token.subject(), None);
    assert_eq!(token.token_id(), None);
    assert!(
        token.text_digest().is_some(),
        "it has to be revocable by its text"
    );
    for name in ["sub", "jti", "sid"] {
        assert_eq!(token.claim(name), None, "{name}");
    }
}
