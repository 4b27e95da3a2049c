#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::json;

use super::values::STRING_OR_LIST;
use super::*;
use crate::testing::{AUDIENCE, NOW, claims, expectations, sign, token, verify, verify_with};
use crate::{AUDIENCES_MAX, AlgorithmSet, DATE_MAX_S, LEEWAY_S_MAX};

fn error(changes: Value) -> Option<TokenError> {
    verify(&token(&claims(changes))).err()
}

/// Claims whose numbers are written exactly so.
fn error_of_text(name: &str, value: &str) -> Option<TokenError> {
    let rest = claims(json!({name: null})).to_string();
    verify(&sign(
        r#"{"alg":"HS256"}"#,
        &rest.replacen('{', &format!(r#"{{"{name}":{value},"#), 1),
    ))
    .err()
}

#[test]
fn issuer_audience_and_expiry_are_required() {
    for name in ["iss", "aud", "exp"] {
        assert_eq!(
            error(json!({name: null})),
            Some(TokenError::MissingClaim { name }),
            "{name}"
        );
    }
    assert_eq!(
        error(json!({"sub": null})),
        None,
        "a token without a subject is a token"
    );
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for issuer in [
        "",
        "https://login.acme.example/",
        "https://LOGIN.acme.example",
        "http://login.acme.example",
        "https://login.acme.example\u{0}",
        "https://login.acme.example.evil.example",
    ] {
        assert_eq!(
            error(json!({"iss": issuer})),
            Some(TokenError::Issuer),
            "{issuer}"
        );
    }
    assert_eq!(
        error(json!({"iss": ["https://login.acme.example"]})),
        Some(TokenError::ClaimType {
            name: "iss",
            expected: "a string"
        })
    );
    assert_eq!(
        error(json!({"iss": null, "claims": {"iss": "https://login.acme.example"}})),
        Some(TokenError::MissingClaim { name: "iss" })
    );
}

#[test]
fn the_audience_is_a_string_or_a_list_that_names_an_accepted_one() {
    assert_eq!(error(json!({"aud": AUDIENCE})), None);
    assert_eq!(error(json!({"aud": [AUDIENCE]})), None);
    assert_eq!(error(json!({"aud": ["other", AUDIENCE]})), None);
    for other in [
        json!("other"),
        json!([]),
        json!(["other"]),
        json!(""),
        json!("https://API.acme.example"),
        json!(format!("{AUDIENCE} other")),
    ] {
        assert_eq!(
            error(json!({"aud": other})),
            Some(TokenError::Audience),
            "{other}"
        );
    }
    for wrong in [
        json!({"0": AUDIENCE}),
        json!(1),
        json!(true),
        json!([AUDIENCE, 1]),
        json!([[AUDIENCE]]),
        json!([null]),
    ] {
        assert_eq!(
            error(json!({"aud": wrong})),
            Some(TokenError::ClaimType {
                name: "aud",
                expected: STRING_OR_LIST
            }),
            "{wrong}"
        );
    }
    assert_eq!(
        error_of_text("aud", "null"),
        Some(TokenError::ClaimType {
            name: "aud",
            expected: STRING_OR_LIST
        })
    );
    let many = |count: usize| {
        let mut many = vec!["a"; count - 1];
        many.push(AUDIENCE);
        json!({"aud": many})
    };
    assert_eq!(error(many(AUDIENCES_MAX)), None);
    assert_eq!(
        error(many(AUDIENCES_MAX + 1)),
        Some(TokenError::TooManyValues {
            name: "aud",
            count_max: AUDIENCES_MAX
        })
    );
}

#[test]
fn whoever_expects_no_audience_accepts_no_token() {
    let mut expect = expectations();
    expect.audience.clear();
    assert_eq!(
        verify_with(&token(&claims(json!({}))), &expect, NOW).err(),
        Some(TokenError::Audience)
    );
}

#[test]
fn a_claim_of_the_wrong_type_is_never_treated_as_absent() {
    for name in ["sub", "jti"] {
        for wrong in ["1", "true", "null", "[]", "[\"a\"]", "{}"] {
            assert_eq!(
                error_of_text(name, wrong),
                Some(TokenError::ClaimType {
                    name,
                    expected: "a string"
                }),
                "{name} = {wrong}"
            );
        }
    }
    for name in ["exp", "nbf", "iat"] {
        for wrong in [
            "\"1800000300\"",
            "\"2027-01-15T08:00:00Z\"",
            "null",
            "true",
            "[1800000300]",
            "{}",
            "\"\"",
        ] {
            assert_eq!(
                error_of_text(name, wrong),
                Some(TokenError::ClaimType {
                    name,
                    expected: "a number"
                }),
                "{name} = {wrong}"
            );
        }
    }
}

#[test]
fn dates_are_between_1970_and_9999() {
    for name in ["exp", "nbf", "iat"] {
        for wrong in [
            "-1",
            "-0.5",
            "-1800000300",
            "-1e300",
            "1e300",
            "253402300800",
            "253402300799.5e0",
            "1800000300000",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999",
        ] {
            // 253402300799.5 rounds down into the range for `exp` and up out of it for the others.
            let expected = match (name, wrong) {
                ("exp", "253402300799.5e0") => None,
                _ => Some(TokenError::DateOutOfRange { name }),
            };
            assert_eq!(error_of_text(name, wrong), expected, "{name} = {wrong}");
        }
        assert_eq!(
            error_of_text(name, "1e999"),
            Some(TokenError::Json {
                part: crate::Part::Payload,
                problem: crate::JsonProblem::Syntax
            })
        );
    }
    for fine in ["0", "-0", "0.0", "1.8e9", "1800000000.0"] {
        assert_eq!(error_of_text("nbf", fine), None, "nbf = {fine}");
    }
    assert_eq!(error_of_text("exp", "1.8000003e9"), None);
    assert_eq!(error_of_text("exp", &DATE_MAX_S.to_string()), None);
}

#[test]
fn rounding_never_makes_a_token_valid_when_it_is_not() {
    let verified = verify(&token(&claims(json!({
        "exp": 1_800_000_300.999, "nbf": 1_799_999_999.001, "iat": 1_799_999_998.5
    }))))
    .unwrap();
    assert_eq!(verified.expires_at(), UnixTime(1_800_000_300));
    assert_eq!(verified.not_before(), Some(UnixTime(1_800_000_000)));
    assert_eq!(verified.issued_at(), Some(UnixTime(1_799_999_999)));
}

#[test]
fn time_is_checked_to_the_second() {
    let mut expect = expectations();
    for leeway_s in [0, 1, 60, 300] {
        expect.leeway_s = leeway_s;
        let at = |changes: Value, now: u64| {
            verify_with(&token(&claims(changes)), &expect, UnixTime(now)).err()
        };
        let (date, late) = (NOW.0, NOW.0 + leeway_s);
        let early = NOW.0 - leeway_s;

        let expired = |now| {
            Some(TokenError::Expired {
                now: UnixTime(now),
                expires_at: NOW,
            })
        };
        assert_eq!(
            at(json!({"exp": date}), late - 1),
            None,
            "the last second, leeway {leeway_s}"
        );
        assert_eq!(
            at(json!({"exp": date}), late),
            expired(late),
            "the second of exp, leeway {leeway_s}"
        );
        assert_eq!(at(json!({"exp": date}), late + 1), expired(late + 1));
        assert_eq!(at(json!({"exp": date}), u64::MAX), expired(u64::MAX));

        assert_eq!(
            at(json!({"nbf": date}), early),
            None,
            "the second of nbf, leeway {leeway_s}"
        );
        assert_eq!(
            at(json!({"nbf": date}), early - 1),
            Some(TokenError::NotYetValid {
                now: UnixTime(early - 1),
                not_before: NOW
            })
        );
        assert_eq!(
            at(json!({"iat": date}), early),
            None,
            "the second of iat, leeway {leeway_s}"
        );
        assert_eq!(
            at(json!({"iat": date}), early - 1),
            Some(TokenError::IssuedInFuture {
                now: UnixTime(early - 1),
                issued_at: NOW
            })
        );
    }
}

#[test]
fn leeway_has_an_upper_bound() {
    let mut expect = expectations();
    expect.leeway_s = u64::MAX;
    let token = token(&claims(json!({"exp": NOW.0})));
    assert!(verify_with(&token, &expect, UnixTime(NOW.0 + LEEWAY_S_MAX - 1)).is_ok());
    let error = verify_with(&token, &expect, UnixTime(NOW.0 + LEEWAY_S_MAX)).err();
    assert!(error.is_some_and(|error| error.is_expired()), "{error:?}");
}

#[test]
fn the_access_token_profile_demands_its_claims() {
    let mut expect = expectations();
    expect.access_token_profile = true;
    let full = json!({"sub": "alice", "client_id": "web", "iat": NOW.0, "jti": "1"});
    let verify = |changes: &Value| {
        let token = sign(
            r#"{"alg":"HS256","typ":"at+jwt"}"#,
            &claims(changes.clone()).to_string(),
        );
        verify_with(&token, &expect, NOW).err()
    };
    assert_eq!(verify(&full), None);
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        let mut lacking = full.clone();
        lacking
            .as_object_mut()
            .unwrap()
            .insert(name.to_owned(), Value::Null);
        assert_eq!(
            verify(&lacking),
            Some(TokenError::MissingClaim { name }),
            "without {name}"
        );
    }
    let mut wrong = full.clone();
    wrong
        .as_object_mut()
        .unwrap()
        .insert("client_id".to_owned(), json!(["web"]));
    assert_eq!(
        verify(&wrong),
        Some(TokenError::ClaimType {
            name: "client_id",
            expected: "a string"
        })
    );
}

#[test]
fn a_verified_token_is_judged_again_by_other_expectations_and_at_another_time() {
    let verified = verify(&token(&claims(json!({"nbf": NOW.0})))).unwrap();
    let changed = |change: fn(&mut Expectations)| {
        let mut expect = expectations();
        change(&mut expect);
        verified.recheck(&expect, NOW).err()
    };
    assert_eq!(changed(|_| ()), None);
    assert_eq!(
        changed(|expect| expect.issuer.push('/')),
        Some(TokenError::Issuer)
    );
    assert_eq!(
        changed(|expect| expect.audience = vec!["other".to_owned()]),
        Some(TokenError::Audience)
    );
    assert_eq!(
        changed(|expect| expect.algorithms = AlgorithmSet::asymmetric()),
        Some(TokenError::AlgorithmNotAccepted {
            algorithm: Algorithm::Hs256
        })
    );
    assert_eq!(
        changed(|expect| expect.access_token_profile = true),
        Some(TokenError::MediaType {
            access_token_profile: true
        })
    );
    assert!(
        verified
            .recheck(&expectations(), UnixTime(NOW.0 + 360))
            .is_err_and(|error| error.is_expired())
    );
    assert!(matches!(
        verified.recheck(&expectations(), UnixTime(NOW.0 - 61)),
        Err(TokenError::NotYetValid { .. })
    ));
}

#[test]
fn memory_is_estimated_generously() {
    let small = verify(&token(&claims(json!({})))).unwrap().memory_bytes();
    let nested = verify(&token(&claims(
        json!({"a": {"b": {"c": {"d": {}}}}, "e": [[], [], [[]]]}),
    )))
    .unwrap();
    let long = verify(&token(&claims(json!({"a": "x".repeat(5000)})))).unwrap();
    assert!(small > 500 && small < 4000, "{small}");
    assert!(
        nested.memory_bytes() > small + 4 * 600,
        "{}",
        nested.memory_bytes()
    );
    assert!(
        long.memory_bytes() > small + 5000 && long.memory_bytes() < small + 6000,
        "{}",
        long.memory_bytes()
    );
}

#[test]
fn a_security_event_is_no_access_token_however_well_it_is_signed() {
    for events in [
        json!({"http://schemas.openid.net/event/backchannel-logout": {}}),
        json!({}),
        json!([]),
        json!("none"),
        json!(false),
    ] {
        assert_eq!(
            error(json!({"events": events})),
            Some(TokenError::SecurityEvent),
            "{events}"
        );
    }
    assert_eq!(
        error(json!({"event": {}, "claims": {"events": {}}})),
        None,
        "only the member `events` says so"
    );
}

#[test]
fn a_token_with_a_signature_says_that_it_was_verified_by_it() {
    let token = verify(&token(&claims(json!({"scope": "a b", "groups": [1]})))).unwrap();
    assert_eq!(token.proof(), Proof::Signature);
    let said = token.claims();
    assert_eq!(said.subject(), Some("alice"));
    assert_eq!(said.scopes(), ["a", "b"]);
    assert_eq!(said.claim("groups"), Some(&json!([1])));
    assert!(token.memory_bytes() > size_of::<VerifiedToken>() + size_of::<Claims>());
}
