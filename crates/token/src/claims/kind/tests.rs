#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::json;

use super::*;
use crate::Expectations;
use crate::testing::{NOW, claims, expectations, keys, sign, verify_with};

const EVERY_KIND: [TokenKinds; 3] = [TokenKinds::Access, TokenKinds::Id, TokenKinds::Any];

fn expecting(tokens: TokenKinds) -> Expectations {
    Expectations {
        tokens,
        ..expectations()
    }
}

/// What is said of a signed token with this header's `typ` and these claims, for each kind.
fn judged(typ: &str, changes: &Value) -> [Option<TokenError>; 3] {
    let header = match typ {
        "" => r#"{"alg":"HS256"}"#.to_owned(),
        typ => json!({"alg": "HS256", "typ": typ}).to_string(),
    };
    let token = sign(&header, &claims(changes.clone()).to_string());
    EVERY_KIND.map(|tokens| verify_with(&token, &expecting(tokens), NOW).err())
}

fn accepted(typ: &str, changes: &Value) -> [bool; 3] {
    judged(typ, changes).map(|error| error.is_none())
}

#[test]
fn a_token_without_a_mark_is_accepted_whatever_is_expected() {
    for (typ, changes) in [
        ("", json!({})),
        ("JWT", json!({})),
        ("application/jwt", json!({})),
        ("", json!({"typ": "JWT"})),
        ("", json!({"nonce": "n-0S6_WzA2Mj"})),
        ("", json!({"azp": "https://api.acme.example"})),
        ("", json!({"auth_time": 1_799_999_000, "amr": ["pwd"]})),
        ("", json!({"token_type": "Bearer"})),
        ("", json!({"typ": "Ticket"})),
        ("", json!({"type": "user", "purpose": "billing"})),
        ("", json!({"type": 7, "purpose": ["id"]})),
    ] {
        assert_eq!(accepted(typ, &changes), [true; 3], "{typ} {changes}");
    }
}

#[test]
fn an_id_token_is_accepted_only_where_id_tokens_are() {
    for (typ, changes) in [
        ("id_token+jwt", json!({})),
        ("application/ID+JWT", json!({})),
        ("", json!({"typ": "ID"})),
        ("", json!({"typ": "id"})),
        ("", json!({"typ": "id_token"})),
        ("", json!({"token_use": "id"})),
        ("", json!({"token_use": "ID"})),
        ("", json!({"token_type": "id_token"})),
        (
            "",
            json!({"token_type": "urn:ietf:params:oauth:token-type:id_token"}),
        ),
        ("", json!({"tokenName": "id_token"})),
        ("", json!({"purpose": "id"})),
        ("", json!({"at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"})),
        ("", json!({"c_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"})),
        ("", json!({"s_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng"})),
        ("", json!({"at_hash": 1})),
        (
            "JWT",
            json!({"at_hash": "MTIzNDU2Nzg5MDEyMzQ1Ng", "typ": "ID"}),
        ),
    ] {
        assert_eq!(
            accepted(typ, &changes),
            [false, true, true],
            "{typ} {changes}"
        );
    }
}

#[test]
fn an_access_token_is_accepted_only_where_access_tokens_are() {
    for (typ, changes) in [
        ("at+jwt", json!({})),
        ("application/AT+JWT", json!({})),
        ("", json!({"typ": "Bearer"})),
        ("", json!({"typ": "at+jwt"})),
        ("", json!({"token_use": "access"})),
        ("", json!({"token_use": "access_token"})),
        ("", json!({"token_use": "at+jwt"})),
        (
            "",
            json!({"token_use": "urn:ietf:params:oauth:token-type:access_token"}),
        ),
        ("", json!({"token_type": "access_token"})),
        ("", json!({"tokenName": "access_token"})),
        ("", json!({"type": "access"})),
        ("", json!({"purpose": "access_token"})),
    ] {
        assert_eq!(
            accepted(typ, &changes),
            [true, false, true],
            "{typ} {changes}"
        );
    }
}

#[test]
fn marks_that_contradict_each_other_are_for_those_who_take_any() {
    for (typ, changes) in [
        ("at+jwt", json!({"at_hash": "x"})),
        ("at+jwt", json!({"typ": "ID"})),
        ("", json!({"token_use": "access", "c_hash": "x"})),
        ("", json!({"token_use": "id", "typ": "Bearer"})),
        ("id_token+jwt", json!({"token_use": "access"})),
    ] {
        assert_eq!(
            accepted(typ, &changes),
            [false, false, true],
            "{typ} {changes}"
        );
    }
}

#[test]
fn what_lets_nobody_in_is_refused_whatever_is_expected() {
    for claim in [
        "typ",
        "token_use",
        "token_type",
        "tokenName",
        "type",
        "purpose",
    ] {
        for value in [
            "refresh",
            "Refresh",
            "REFRESH_TOKEN",
            "refresh-token",
            "RefreshToken",
            "urn:ietf:params:oauth:token-type:refresh_token",
        ] {
            let refused = [Some(TokenError::OtherUse { claim }); 3];
            assert_eq!(
                judged("", &json!({claim: value})),
                refused,
                "{claim} {value}"
            );
        }
    }
    for value in [
        "Offline",
        "offline",
        "Logout",
        "logout+jwt",
        "logout_token",
        "Serialized-ID",
        "SERIALIZED-ID",
        "DPoP",
        "dpop+jwt",
        "secevent+jwt",
        "application/secevent+jwt",
        "RegistrationAccessToken",
        "InitialAccessToken",
        "verify-email",
        "reset-credentials",
        "execute-actions",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
        "rt+jwt",
    ] {
        let refused = [Some(TokenError::OtherUse { claim: "typ" }); 3];
        assert_eq!(judged("", &json!({"typ": value})), refused, "{value}");
    }
    for value in ["refresh", "", "both", "client", "logout", "JWT", "Bearer"] {
        let refused = [Some(TokenError::OtherUse { claim: "token_use" }); 3];
        assert_eq!(judged("", &json!({"token_use": value})), refused, "{value}");
    }
    for typ in [
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "Refresh",
        "JOSE",
        " ",
    ] {
        let refused = judged(typ, &json!({}));
        let all = refused
            .iter()
            .all(|error| matches!(error, Some(TokenError::MediaType { .. })));
        assert!(all, "{typ}: {refused:?}");
    }
    for events in [json!({}), json!("x"), json!(false)] {
        let refused = [Some(TokenError::SecurityEvent); 3];
        assert_eq!(judged("", &json!({"events": events})), refused);
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_refused_where_nothing_proves_the_possession() {
    for changes in [
        json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
        json!({"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}),
        json!({"cnf": {}}),
        json!({"cnf": "x"}),
        json!({"cnf": false}),
        json!({"token_type": "DPoP"}),
        json!({"token_type": "pop"}),
        json!({"token_type": "mac"}),
    ] {
        let refused = [Some(TokenError::Bound); 3];
        assert_eq!(judged("JWT", &changes), refused, "{changes}");
    }
}

#[test]
fn a_mark_of_the_wrong_type_is_refused() {
    for claim in ["typ", "token_use", "token_type"] {
        for wrong in [json!(1), json!(["Bearer"]), json!({}), json!(true)] {
            let refused = judged("", &json!({claim: wrong}));
            let all = refused.iter().all(
                |error| matches!(error, Some(TokenError::ClaimType { name, .. }) if *name == claim),
            );
            assert!(all, "{claim} {wrong}: {refused:?}");
        }
    }
}

#[test]
fn a_token_that_is_remembered_is_judged_by_its_marks_again() {
    let token = sign(
        r#"{"alg":"HS256"}"#,
        &claims(json!({"typ": "ID"})).to_string(),
    );
    let token = crate::UnverifiedToken::parse(token.as_bytes()).unwrap();
    let token = token.verify(&keys(), &expecting(TokenKinds::Id), NOW);
    let token = token.unwrap();
    let again = EVERY_KIND.map(|tokens| token.recheck(&expecting(tokens), NOW).is_ok());
    assert_eq!(again, [false, true, true]);
}
