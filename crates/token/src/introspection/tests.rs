#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::{Map, json};

use super::*;
use crate::testing::{AUDIENCE, ISSUER, NOW, expectations};
use crate::{JsonProblem, Proof, TokenKinds};

const TOKEN: &[u8] = b"2YotnFZFEjr1zCsicMWpAA";
const CACHE_S: u64 = 60;

/// An answer that is accepted, with some members replaced, added or (by null) left out.
fn answer(changes: Value) -> Map<String, Value> {
    let mut answer = json!({
        "active": true,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "scope": "read write",
        "client_id": "shop",
        "token_type": "Bearer",
        "exp": NOW.0 + 300,
        "iat": NOW.0 - 10,
    });
    let members = answer.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    members.clone()
}

fn judge_with(
    text: &[u8],
    expect: &Expectations,
    missing_audience: MissingAudience,
) -> Result<IntrospectionResponse, IntrospectionError> {
    parse(text, TOKEN, expect, missing_audience, NOW, CACHE_S)
}

fn judge(changes: Value) -> Result<IntrospectionResponse, IntrospectionError> {
    let text = Value::Object(answer(changes)).to_string();
    judge_with(text.as_bytes(), &expectations(), MissingAudience::Refuse)
}

fn active(changes: Value) -> VerifiedToken {
    let shown = changes.to_string();
    match judge(changes) {
        Ok(IntrospectionResponse::Active(token)) => token,
        other => panic!("with {shown} the token must be active, not {other:?}"),
    }
}

fn error(changes: Value) -> Option<IntrospectionError> {
    judge(changes).err()
}

fn token_error(changes: Value) -> Option<TokenError> {
    match error(changes) {
        Some(IntrospectionError::Token(error)) => Some(error),
        Some(_) | None => None,
    }
}

#[test]
fn an_active_token_says_what_the_answer_says() {
    let token = active(json!({"groups": ["a", "b"], "jti": "7"}));
    assert_eq!(token.proof(), Proof::Introspection);
    assert_eq!(token.algorithm(), None);
    assert_eq!(token.key_id(), None);
    assert_eq!(token.issuer(), ISSUER);
    assert_eq!(token.subject(), Some("alice"));
    assert_eq!(token.audience(), [AUDIENCE]);
    assert_eq!(token.scopes(), ["read", "write"]);
    assert_eq!(token.claims().scopes(), ["read", "write"]);
    assert_eq!(token.expires_at(), NOW.saturating_add(300));
    assert_eq!(token.token_id(), Some("7"));
    assert_eq!(token.claim("groups"), Some(&json!(["a", "b"])));
    assert_eq!(token.claims().claim("client_id"), Some(&json!("shop")));
    let shown = format!("{token:?} {:?}", token.claims());
    assert!(
        !shown.contains("alice") && !shown.contains(AUDIENCE),
        "Debug must tell nothing: {shown}"
    );
}

#[test]
fn a_token_that_is_not_active_is_inactive_whatever_else_the_answer_says() {
    for text in [
        r#"{"active":false}"#,
        r#"{"active":false,"sub":"alice","exp":"never","cnf":{},"iss":1}"#,
        r#" {"scope":"read", "active" : false} "#,
    ] {
        let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Refuse);
        assert!(
            matches!(judged, Ok(IntrospectionResponse::Inactive)),
            "{text}: {judged:?}"
        );
    }
}

#[test]
fn active_has_to_be_a_boolean() {
    for value in [
        json!("true"),
        json!("false"),
        json!(1),
        json!(0),
        json!([true]),
        json!({"active": true}),
    ] {
        assert_eq!(
            error(json!({"active": value})),
            Some(IntrospectionError::Active),
            "{value}"
        );
    }
    for text in [
        "{}",
        r#"{"active":null}"#,
        r#"{"Active":true}"#,
        r#"{"error":"invalid_client"}"#,
    ] {
        let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Refuse);
        assert_eq!(judged.err(), Some(IntrospectionError::Active), "{text}");
    }
}

#[test]
fn an_answer_that_is_not_one_strict_and_small_object_is_refused() {
    let good = Value::Object(answer(json!({}))).to_string();
    let with = |member: &str| good.replacen('{', &format!("{{{member},"), 1);
    let deep = format!(r#"{{"a":{}}}"#, "[".repeat(50_000));
    for (text, problem) in [
        ("", JsonProblem::Syntax),
        ("active", JsonProblem::Syntax),
        ("[]", JsonProblem::NotAnObject),
        ("true", JsonProblem::NotAnObject),
        (
            r#"{"active":true,"active":true}"#,
            JsonProblem::DuplicateMember,
        ),
        (
            r#"{"active":false,"active":true}"#,
            JsonProblem::DuplicateMember,
        ),
        (
            r#"{"active":false,"\u0061ctive":false}"#,
            JsonProblem::DuplicateMember,
        ),
        (&with(r#""sub":"root""#), JsonProblem::DuplicateMember),
        (
            &with(r#""act":{"sub":"a","sub":"b"}"#),
            JsonProblem::DuplicateMember,
        ),
        (&format!("{good}{good}"), JsonProblem::Syntax),
        (&deep, JsonProblem::TooDeep),
        (
            &with(&format!(r#""a":[{}0]"#, "0,".repeat(5000))),
            JsonProblem::TooManyValues,
        ),
    ] {
        let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Refuse);
        let shown = text.get(..80).unwrap_or(text);
        let Err(IntrospectionError::Json(error)) = judged else {
            panic!("{shown} must be refused as JSON, not {judged:?}")
        };
        assert_eq!(error.problem, problem, "{shown}");
    }
}

#[test]
fn the_length_of_an_answer_ends_exactly_at_its_bound() {
    let mut text = Value::Object(answer(json!({}))).to_string();
    text += &" ".repeat(INTROSPECTION_BYTES_MAX - text.len());
    let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Refuse);
    assert!(
        matches!(judged, Ok(IntrospectionResponse::Active(_))),
        "{judged:?}"
    );
    text.push(' ');
    let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Refuse);
    let expected = IntrospectionError::TooLong {
        bytes: INTROSPECTION_BYTES_MAX + 1,
        bytes_max: INTROSPECTION_BYTES_MAX,
    };
    assert_eq!(judged.err(), Some(expected));
}

#[test]
fn an_answer_of_another_issuer_is_refused_and_one_without_counts_as_the_asked_ones() {
    for issuer in ["", "https://evil.example", "https://login.acme.example/"] {
        assert_eq!(
            token_error(json!({"iss": issuer})),
            Some(TokenError::Issuer),
            "{issuer:?}"
        );
    }
    assert_eq!(
        token_error(json!({"iss": [ISSUER]})),
        Some(TokenError::ClaimType {
            name: "iss",
            expected: "a string"
        })
    );
    let token = active(json!({"iss": null}));
    assert_eq!(token.issuer(), ISSUER);
    assert_eq!(token.claim("iss"), Some(&json!(ISSUER)));
}

#[test]
fn the_audience_is_checked_and_its_absence_is_what_the_policy_takes_it_for() {
    use MissingAudience::{Accept, Refuse};
    let missing = Some(TokenError::MissingClaim { name: "aud" });
    let wrong_type = Some(TokenError::ClaimType {
        name: "aud",
        expected: "a string or a list of strings",
    });
    for (audience, when_missing, expected) in [
        (json!(AUDIENCE), Refuse, None),
        (json!(["other", AUDIENCE]), Refuse, None),
        (json!("other"), Refuse, Some(TokenError::Audience)),
        (json!("other"), Accept, Some(TokenError::Audience)),
        (json!([]), Refuse, Some(TokenError::Audience)),
        (json!([]), Accept, Some(TokenError::Audience)),
        (json!({"aud": AUDIENCE}), Accept, wrong_type),
        (json!(1), Accept, wrong_type),
        (Value::Null, Refuse, missing),
        (Value::Null, Accept, None),
    ] {
        let text = Value::Object(answer(json!({"aud": audience}))).to_string();
        let judged = judge_with(text.as_bytes(), &expectations(), when_missing);
        match (judged, expected) {
            (Ok(IntrospectionResponse::Active(token)), None) => {
                let again = token.recheck(&expectations(), NOW);
                assert_eq!(again, Ok(()), "{audience} {when_missing:?}, on a hit");
            }
            (judged, expected) => assert_eq!(
                judged.err(),
                expected.map(IntrospectionError::Token),
                "{audience} {when_missing:?}"
            ),
        }
    }
}

#[test]
fn an_answer_without_audience_is_still_checked_for_the_rest_on_each_hit() {
    let text = Value::Object(answer(json!({"aud": null}))).to_string();
    let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Accept);
    let Ok(IntrospectionResponse::Active(token)) = judged else {
        panic!("the token must be active, not {judged:?}")
    };
    assert_eq!(token.audience(), [""; 0]);
    let other = Expectations {
        issuer: "https://other.example".to_owned(),
        ..expectations()
    };
    assert_eq!(token.recheck(&other, NOW), Err(TokenError::Issuer));
    let late = NOW.saturating_add(300 + 60);
    assert!(matches!(
        token.recheck(&expectations(), late),
        Err(TokenError::Expired { .. })
    ));
}

#[test]
fn dates_are_judged_as_in_a_signed_token() {
    let leeway_s = expectations().leeway_s;
    for (changes, good) in [
        (json!({"exp": NOW.0 - leeway_s + 1}), true),
        (json!({"exp": NOW.0 - leeway_s}), false),
        (json!({"nbf": NOW.0 + leeway_s}), true),
        (json!({"nbf": NOW.0 + leeway_s + 1}), false),
        (json!({"iat": NOW.0 + leeway_s}), true),
        (json!({"iat": NOW.0 + leeway_s + 1}), false),
        (json!({"iat": null}), true),
        (json!({"exp": NOW.0 as f64 + 0.5}), true),
        (json!({"exp": "1900000000"}), false),
        (json!({"exp": [1_900_000_000]}), false),
        (json!({"exp": -1}), false),
        (json!({"exp": 1e300}), false),
        (json!({"exp": 1_900_000_000_000_u64}), false),
        (json!({"nbf": "0"}), false),
        (json!({"iat": true}), false),
    ] {
        let shown = changes.to_string();
        let refused = token_error(changes);
        assert_eq!(refused.is_none(), good, "{shown}: {refused:?}");
    }
}

#[test]
fn an_answer_without_expiry_is_good_for_as_long_as_it_may_be_cached() {
    let text = Value::Object(answer(json!({"exp": null}))).to_string();
    let expect = Expectations {
        leeway_s: 0,
        ..expectations()
    };
    for (cache_s, good_s) in [(0, ANSWER_S_MIN), (1, ANSWER_S_MIN), (60, 60), (3600, 3600)] {
        let judged = parse(
            text.as_bytes(),
            TOKEN,
            &expect,
            MissingAudience::Refuse,
            NOW,
            cache_s,
        );
        let Ok(IntrospectionResponse::Active(token)) = judged else {
            panic!("with cache_s = {cache_s} the token must be active, not {judged:?}")
        };
        assert_eq!(
            token.expires_at(),
            NOW.saturating_add(good_s),
            "cache_s = {cache_s}"
        );
        let end = token.expires_at();
        assert_eq!(token.recheck(&expect, end.saturating_sub(1)), Ok(()));
        assert!(token.recheck(&expect, end).is_err(), "cache_s = {cache_s}");
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    for changes in [
        json!({"token_type": "DPoP"}),
        json!({"token_type": "DPoP", "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
        json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
        json!({"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}),
        json!({"cnf": {}}),
        json!({"cnf": false}),
        json!({"token_type": "PoP"}),
        json!({"token_type": "mac"}),
        json!({"token_type": "N_A"}),
        json!({"token_type": ""}),
    ] {
        let shown = changes.to_string();
        assert_eq!(token_error(changes), Some(TokenError::Bound), "{shown}");
    }
    for wrong in [json!(["Bearer"]), json!(1)] {
        let judged = token_error(json!({"token_type": wrong}));
        let refused = matches!(
            judged,
            Some(TokenError::ClaimType {
                name: "token_type",
                ..
            })
        );
        assert!(refused, "{wrong}: {judged:?}");
    }
    for good in [json!({"token_type": null}), json!({"token_type": "bearer"})] {
        assert_eq!(error(good.clone()), None, "{good}");
    }
}

#[test]
fn a_token_for_another_use_is_no_access_token_though_it_is_active() {
    let other_use = |claim| TokenError::OtherUse { claim };
    let kind = TokenError::Kind {
        accepted: TokenKinds::Access,
    };
    for (member, value, expected) in [
        ("token_use", json!("access_token"), None),
        ("token_use", json!("access"), None),
        (
            "token_use",
            json!("refresh_token"),
            Some(other_use("token_use")),
        ),
        ("token_use", json!("id"), Some(kind)),
        ("typ", json!("Bearer"), None),
        ("typ", json!("at+jwt"), None),
        ("typ", json!("JWT"), None),
        ("typ", json!("Refresh"), Some(other_use("typ"))),
        ("typ", json!("Offline"), Some(other_use("typ"))),
        // A signed token may have it.
        ("typ", json!("Ticket"), Some(other_use("typ"))),
        ("typ", json!("ID"), Some(kind)),
        ("at_hash", json!("x"), Some(kind)),
        ("events", json!({}), Some(TokenError::SecurityEvent)),
    ] {
        let judged = token_error(json!({member: value}));
        assert_eq!(judged, expected, "{member}: {value}");
    }
    for member in ["token_use", "typ"] {
        let judged = token_error(json!({member: 1}));
        assert!(
            matches!(judged, Some(TokenError::ClaimType { .. })),
            "{member}"
        );
    }
}

/// An answer with members that [`answer`] would leave out.
fn with_nulls(names: &[&str]) -> Vec<u8> {
    let mut answer = answer(json!({}));
    for name in names {
        answer.insert((*name).to_owned(), Value::Null);
    }
    Value::Object(answer).to_string().into_bytes()
}

#[test]
fn what_is_null_is_absent_but_for_active() {
    let all = [
        "cnf",
        "events",
        "typ",
        "token_use",
        "token_type",
        "at_hash",
        "nbf",
        "iat",
        "exp",
        "jti",
        "iss",
        "scope",
        "scp",
        "sid",
        "client_id",
        "act",
    ];
    let judged = judge_with(&with_nulls(&all), &expectations(), MissingAudience::Refuse);
    let Ok(IntrospectionResponse::Active(token)) = judged else {
        panic!("the token must be active, not {judged:?}")
    };
    assert_eq!(token.claim("cnf"), None);
    let judged = judge_with(
        &with_nulls(&["sub"]),
        &expectations(),
        MissingAudience::Refuse,
    );
    assert!(
        matches!(judged, Ok(IntrospectionResponse::Active(token)) if token.subject().is_none())
    );
    let judged = judge_with(
        &with_nulls(&["aud"]),
        &expectations(),
        MissingAudience::Refuse,
    );
    let missing = TokenError::MissingClaim { name: "aud" };
    assert_eq!(judged.err(), Some(IntrospectionError::Token(missing)));
    let judged = judge_with(
        &with_nulls(&["active"]),
        &expectations(),
        MissingAudience::Refuse,
    );
    assert_eq!(judged.err(), Some(IntrospectionError::Active));
}

#[test]
fn a_subject_that_is_counted_is_its_decimal_digits() {
    for (number, expected) in [
        ("4711", Some("4711")),
        ("0", Some("0")),
        ("-7", Some("-7")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("4711.0", None),
        ("4.711e3", None),
        ("18446744073709551616", None),
    ] {
        let text = Value::Object(answer(json!({"sub": "#"}))).to_string();
        let text = text.replace("\"#\"", number);
        let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Refuse);
        match judged {
            Ok(IntrospectionResponse::Active(token)) => {
                assert_eq!(token.subject(), expected, "{number}");
                assert_eq!(token.claim("sub").and_then(Value::as_str), expected);
            }
            Ok(IntrospectionResponse::Inactive) => panic!("{number}"),
            Err(error) => {
                assert_eq!(expected, None, "{number}: {error}");
            }
        }
    }
}

#[test]
fn an_answer_without_audience_has_to_say_that_the_token_is_a_bearer_token() {
    let untyped = Some(IntrospectionError::Untyped);
    for (changes, expected) in [
        (json!({"aud": null}), None),
        (json!({"aud": null, "token_type": null}), untyped),
        (json!({"token_type": null}), None),
    ] {
        let text = Value::Object(answer(changes.clone())).to_string();
        let judged = judge_with(text.as_bytes(), &expectations(), MissingAudience::Accept);
        assert_eq!(judged.err(), expected, "{changes}");
    }
}

#[test]
fn members_of_the_wrong_type_are_never_taken_for_absent() {
    for (name, value) in [
        ("sub", json!(7.5)),
        ("sub", json!(["alice"])),
        ("jti", json!(7)),
    ] {
        let judged = token_error(json!({name: value}));
        assert!(
            matches!(judged, Some(TokenError::ClaimType { name: found, .. }) if found == name),
            "{name}: {value}: {judged:?}"
        );
    }
}

#[test]
fn what_is_expected_of_signatures_is_not_expected_of_an_answer() {
    let expect = Expectations {
        algorithms: crate::AlgorithmSet::EMPTY,
        access_token_profile: true,
        ..expectations()
    };
    let text = Value::Object(answer(json!({"client_id": null}))).to_string();
    let judged = judge_with(text.as_bytes(), &expect, MissingAudience::Refuse);
    let Ok(IntrospectionResponse::Active(token)) = judged else {
        panic!("the token must be active, not {judged:?}")
    };
    assert_eq!(token.recheck(&expect, NOW), Ok(()));
}

#[test]
fn a_refusal_says_whether_the_token_is_to_blame() {
    for (error, is_verdict) in [
        (IntrospectionError::Active, false),
        (
            IntrospectionError::TooLong {
                bytes: 1,
                bytes_max: 0,
            },
            false,
        ),
        (IntrospectionError::Token(TokenError::Bound), true),
        (IntrospectionError::Untyped, true),
        (IntrospectionError::Token(TokenError::Audience), true),
    ] {
        assert_eq!(error.is_verdict(), is_verdict, "{error}");
    }
    let judged = judge_with(b"<html>", &expectations(), MissingAudience::Refuse);
    assert!(
        judged.is_err_and(|error| !error.is_verdict()),
        "a page of HTML says nothing of the token"
    );
}

#[test]
fn every_cut_answer_is_an_error() {
    let text = Value::Object(answer(json!({"act": {"sub": "b"}}))).to_string();
    for end in 0..text.len() {
        let cut = text.as_bytes().get(..end).unwrap();
        let judged = judge_with(cut, &expectations(), MissingAudience::Accept);
        assert!(judged.is_err(), "cut to {end} bytes");
    }
}

#[test]
fn the_question_is_a_form_with_the_token_in_it() {
    for (token, written) in [
        ("abc-._~+/==", "abc-._%7E%2B%2F%3D%3D"),
        ("a&token=b c", "a%26token%3Db+c"),
    ] {
        assert_eq!(
            String::from_utf8(request_body(token)).unwrap(),
            format!("token={written}&token_type_hint=access_token")
        );
    }
}

/// RFC 6749 §5.2.
#[test]
fn an_error_that_speaks_against_the_client_is_told_from_one_about_the_token() {
    for (body, expected) in [
        (r#"{"error":"invalid_client"}"#, true),
        (
            r#"{"error":"unauthorized_client","error_description":"x"}"#,
            true,
        ),
        (r#"{"error":"unsupported_token_type"}"#, false),
        (r#"{"error":"invalid_request"}"#, false),
        (r#"{"error":["invalid_client"]}"#, false),
        (r#"{"error_description":"invalid_client"}"#, false),
        ("invalid_client", false),
        ("", false),
    ] {
        assert_eq!(is_client_error(body.as_bytes()), expected, "{body}");
    }
}
