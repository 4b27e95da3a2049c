#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::json;

use super::*;
use crate::testing::{ISSUER, NOW, claims, expectations, token, verify_with};

#[test]
fn an_issuer_has_one_name_whatever_its_tokens_call_it() {
    let expect = Expectations {
        issuer_spellings: vec!["accounts.acme.example".to_owned()],
        ..expectations()
    };
    for issuer in [ISSUER, "accounts.acme.example"] {
        let token = verify_with(&token(&claims(json!({"iss": issuer}))), &expect, NOW).unwrap();
        assert_eq!(token.issuer(), ISSUER);
        assert_eq!(token.claim("iss"), Some(&json!(ISSUER)));
        assert_eq!(token.recheck(&expect, NOW), Ok(()));
    }
    for issuer in [
        "",
        "acme.example",
        "ACCOUNTS.acme.example",
        "accounts.acme.example/",
    ] {
        let judged = verify_with(&token(&claims(json!({"iss": issuer}))), &expect, NOW);
        assert_eq!(judged.err(), Some(TokenError::Issuer), "{issuer}");
    }
}

#[test]
fn the_tenant_is_bound_to_the_issuer() {
    let expect = Expectations {
        issuer: "https://login.example/{tenant}/v2.0".to_owned(),
        any_tenant: true,
        ..expectations()
    };
    let judged = |changes: Value| verify_with(&token(&claims(changes)), &expect, NOW);
    let blue = json!({"iss": "https://login.example/blue/v2.0", "tid": "blue"});
    let token = judged(blue).unwrap();
    assert_eq!(token.issuer(), "https://login.example/blue/v2.0");
    assert_eq!(token.tenant(), Some("blue"));
    assert_eq!(token.recheck(&expect, NOW), Ok(()));
    let other = Expectations {
        issuer: "https://login.other/{tenant}/v2.0".to_owned(),
        ..expect.clone()
    };
    assert_eq!(token.recheck(&other, NOW), Err(TokenError::Issuer));
    let not_a_string = TokenError::ClaimType {
        name: "tid",
        expected: "a string",
    };
    for (issuer, tenant, expected) in [
        (
            "https://login.example/blue/v2.0",
            json!("red"),
            TokenError::Issuer,
        ),
        (
            "https://login.example/blue/v2.0",
            json!("Blue"),
            TokenError::Issuer,
        ),
        (
            "https://login.example/blue/v2.0",
            json!(""),
            TokenError::Issuer,
        ),
        (
            "https://login.example/blue/v2.0",
            Value::Null,
            TokenError::MissingClaim { name: "tid" },
        ),
        (
            "https://login.example/blue/v2.0",
            json!(["blue"]),
            not_a_string,
        ),
        ("https://login.example//v2.0", json!(""), TokenError::Issuer),
        (
            "https://login.example/../v2.0",
            json!(".."),
            TokenError::Issuer,
        ),
        (
            "https://login.example/a/b/v2.0",
            json!("a/b"),
            TokenError::Issuer,
        ),
        (
            "https://login.example/{tenant}/v2.0",
            json!("{tenant}"),
            TokenError::Issuer,
        ),
        (
            "https://login.example/blue/v1.0",
            json!("blue"),
            TokenError::Issuer,
        ),
        (
            "https://login.example/blue",
            json!("blue"),
            TokenError::Issuer,
        ),
        (ISSUER, json!("blue"), TokenError::Issuer),
    ] {
        let changes = json!({"iss": issuer, "tid": tenant});
        assert_eq!(judged(changes).err(), Some(expected), "{issuer} {tenant}");
    }
}
