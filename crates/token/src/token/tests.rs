#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::json;

use super::*;
use crate::testing::{ISSUER, NOW, claims, expectations, keys, sign, token, verify, verify_with};
use crate::{
    Algorithm, AlgorithmSet, JsonProblem, KEY_ID_BYTES_MAX, TOKEN_BYTES_DEFAULT, TOKEN_BYTES_MAX,
};

fn verify_header(header: &str) -> Result<VerifiedToken, TokenError> {
    verify(&sign(header, &claims(json!({})).to_string()))
}

#[test]
fn a_good_token_is_accepted() {
    let verified =
        verify_header(r#"{"alg":"HS256","typ":"JWT","kid":"ignored by secrets"}"#).unwrap();
    assert_eq!(verified.issuer(), ISSUER);
    assert_eq!(verified.subject(), Some("alice"));
    assert_eq!(verified.key_id(), Some("ignored by secrets"));
    assert_eq!(verified.algorithm(), Some(Algorithm::Hs256));
}

#[test]
fn only_three_parts_are_a_token() {
    let good = token(&claims(json!({})));
    let two = good.rsplit_once('.').unwrap().0.to_owned();
    for text in [
        String::new(),
        ".".into(),
        "..".into(),
        two.clone(),
        format!("{good}."),
        format!("{good}.AAAA"),
        format!(".{good}"),
        format!("{two}.."),
    ] {
        let expected = match text.as_str() {
            // An empty header is three parts, and no JSON.
            ".." => TokenError::Json {
                part: Part::Header,
                problem: JsonProblem::Syntax,
            },
            _ => TokenError::NotThreeParts,
        };
        assert_eq!(
            UnverifiedToken::parse(text.as_bytes()).err(),
            Some(expected),
            "{text:?}"
        );
    }
    assert!(
        verify(&format!("{two}.")).is_err(),
        "an empty signature must be refused"
    );
}

#[test]
fn a_token_may_be_as_long_as_the_bound_and_no_longer() {
    let bytes_of = |padding: usize| {
        let token = token(&claims(json!({"padding": "x".repeat(padding)})));
        (token.len(), token)
    };
    for bytes_max in [TOKEN_BYTES_DEFAULT, TOKEN_BYTES_MAX, usize::MAX] {
        let expect = Expectations {
            token_bytes_max: bytes_max,
            ..expectations()
        };
        let bytes_max = bytes_max.min(TOKEN_BYTES_MAX);
        let mut padding = bytes_max / 4 * 3 - 300;
        while bytes_of(padding + 1).0 <= bytes_max {
            padding += 1;
        }
        let (bytes, longest) = bytes_of(padding);
        assert!(
            bytes > bytes_max - 4 && verify_with(&longest, &expect, NOW).is_ok(),
            "{bytes} bytes must be accepted"
        );
        let (bytes, too_long) = bytes_of(padding + 1);
        assert_eq!(
            verify_with(&too_long, &expect, NOW).err(),
            Some(TokenError::TooLong { bytes, bytes_max })
        );
    }
}

#[test]
fn every_part_is_strict_base64url() {
    let good = token(&claims(json!({})));
    let parts: Vec<&str> = good.split('.').collect();
    let names = [Part::Header, Part::Payload, Part::Signature];
    for (position, part) in names.into_iter().enumerate() {
        for ending in ["=", "==", " ", "\n", "\0", "+", "/", "é"] {
            let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            changed.get_mut(position).unwrap().push_str(ending);
            let error = verify(&changed.join(".")).err();
            // A payload is decoded after the signature, which does not fit it any more.
            let expected = match part {
                Part::Payload => matches!(error, Some(TokenError::Signature { .. })),
                _ => error == Some(TokenError::Encoding { part }),
            };
            assert!(expected, "{part} with {ending:?}: {error:?}");
        }
    }
    // A signature of 32 bytes is 43 characters, the last of which has two bits that belong to none.
    let last = good.chars().last().unwrap();
    let spelling = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let twin = spelling
        .chars()
        .nth(spelling.find(last).unwrap() + 1)
        .unwrap();
    let respelled = format!("{}{twin}", good.strip_suffix(last).unwrap());
    assert_eq!(
        verify(&respelled).err(),
        Some(TokenError::Encoding {
            part: Part::Signature
        })
    );
}

#[test]
fn a_payload_that_was_signed_has_to_be_strict_all_the_same() {
    let payload = claims(json!({})).to_string();
    let header = r#"{"alg":"HS256"}"#;
    let twice = payload.replacen('{', r#"{"sub":"root","#, 1);
    for (payload, problem) in [
        (twice, JsonProblem::DuplicateMember),
        (format!("{payload} {payload}"), JsonProblem::Syntax),
        (format!("[{payload}]"), JsonProblem::NotAnObject),
        ("\"text\"".to_owned(), JsonProblem::NotAnObject),
        (String::new(), JsonProblem::Syntax),
        (
            format!(r#"{{"a":{}"#, "[".repeat(9000)),
            JsonProblem::TooDeep,
        ),
        (
            format!(r#"{{"a":[0{}]}}"#, ",0".repeat(9000)),
            JsonProblem::TooManyValues,
        ),
    ] {
        let expected = TokenError::Json {
            part: Part::Payload,
            problem,
        };
        let start: String = payload.chars().take(60).collect();
        let expect = Expectations {
            token_bytes_max: TOKEN_BYTES_MAX,
            ..expectations()
        };
        assert_eq!(
            verify_with(&sign(header, &payload), &expect, NOW).err(),
            Some(expected),
            "{start}"
        );
    }
}

#[test]
fn the_header_is_strict_json_and_has_a_supported_algorithm() {
    for (header, expected) in [
        (r#"{}"#, TokenError::MissingParameter { name: "alg" }),
        (r#"{"alg":null}"#, TokenError::ParameterType { name: "alg" }),
        (r#"{"alg":256}"#, TokenError::ParameterType { name: "alg" }),
        (
            r#"{"alg":["HS256"]}"#,
            TokenError::ParameterType { name: "alg" },
        ),
        (
            r#"{"alg":"HS256","kid":7}"#,
            TokenError::ParameterType { name: "kid" },
        ),
        (
            r#"{"alg":"HS256","kid":null}"#,
            TokenError::ParameterType { name: "kid" },
        ),
        (
            r#"{"alg":"HS256","typ":["JWT"]}"#,
            TokenError::ParameterType { name: "typ" },
        ),
        (
            r#"{"alg":"HS256","alg":"HS256"}"#,
            TokenError::Json {
                part: Part::Header,
                problem: JsonProblem::DuplicateMember,
            },
        ),
        (
            r#"{"alg":"none","\u0061lg":"HS256"}"#,
            TokenError::Json {
                part: Part::Header,
                problem: JsonProblem::DuplicateMember,
            },
        ),
        (
            r#"["HS256"]"#,
            TokenError::Json {
                part: Part::Header,
                problem: JsonProblem::NotAnObject,
            },
        ),
        (
            r#"{"alg":"HS256"} "x""#,
            TokenError::Json {
                part: Part::Header,
                problem: JsonProblem::Syntax,
            },
        ),
        (r#"{"alg":"hs256"}"#, TokenError::UnsupportedAlgorithm),
        (r#"{"alg":"HS256 "}"#, TokenError::UnsupportedAlgorithm),
        (r#"{"alg":""}"#, TokenError::UnsupportedAlgorithm),
        (r#"{"alg":"ES256K"}"#, TokenError::UnsupportedAlgorithm),
        (r#"{"alg":"dir"}"#, TokenError::UnsupportedAlgorithm),
    ] {
        assert_eq!(verify_header(header).err(), Some(expected), "{header}");
    }
}

#[test]
fn none_is_refused_in_every_capitalisation() {
    for letters in 0..16_u8 {
        let alg: String = "none"
            .chars()
            .enumerate()
            .map(|(i, letter)| {
                if letters >> i & 1 == 1 {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                }
            })
            .collect();
        assert_eq!(
            verify_header(&format!(r#"{{"alg":"{alg}"}}"#)).err(),
            Some(TokenError::Unsecured),
            "{alg}"
        );
    }
    assert!(verify_header(r#"{"alg":" none"}"#).is_err());
}

#[test]
fn parameters_that_change_the_rules_are_refused_whatever_they_hold() {
    for name in ["crit", "b64", "zip"] {
        for value in [
            "null",
            "[]",
            "true",
            "false",
            "\"DEF\"",
            r#"["exp"]"#,
            r#"["b64"]"#,
        ] {
            assert_eq!(
                verify_header(&format!(r#"{{"alg":"HS256","{name}":{value}}}"#)).err(),
                Some(TokenError::UnsupportedParameter { name }),
                "{name} = {value}"
            );
        }
    }
}

#[test]
fn parameters_that_bring_a_key_along_are_ignored_whatever_they_hold() {
    for name in ["jku", "x5u", "jwk", "x5c", "x5t", "x5t#S256", "cty", "url"] {
        for value in [
            r#""https://evil.example/keys""#,
            r#"{"kty":"oct","k":"AAAA"}"#,
            "[]",
            "null",
            "1",
        ] {
            let header = format!(r#"{{"alg":"HS256","{name}":{value}}}"#);
            assert!(verify_header(&header).is_ok(), "{header} must not matter");
        }
    }
}

#[test]
fn a_key_id_is_bounded_and_otherwise_any_text() {
    for id in [
        "",
        "../../etc/passwd",
        "' OR 1=1 --",
        "a\\u0000b",
        "\\ud83d\\ude00",
        &"k".repeat(KEY_ID_BYTES_MAX),
    ] {
        assert!(
            verify_header(&format!(r#"{{"alg":"HS256","kid":"{id}"}}"#)).is_ok(),
            "{id}"
        );
    }
    let bytes = KEY_ID_BYTES_MAX + 1;
    assert_eq!(
        verify_header(&format!(
            r#"{{"alg":"HS256","kid":"{}"}}"#,
            "k".repeat(bytes)
        ))
        .err(),
        Some(TokenError::KeyIdTooLong {
            bytes,
            bytes_max: KEY_ID_BYTES_MAX
        })
    );
}

#[test]
fn typ_is_a_kind_of_access_token() {
    let mut profile = expectations();
    profile.access_token_profile = true;
    let full = claims(json!({"client_id": "web", "iat": NOW.0, "jti": "1"})).to_string();
    for (typ, plain, strict) in [
        (None, true, false),
        (Some("JWT"), true, false),
        (Some("jwt"), true, false),
        (Some("application/JWT"), true, false),
        (Some("at+jwt"), true, true),
        (Some("AT+JWT"), true, true),
        (Some("application/at+jwt"), true, true),
        (Some("Application/At+JWT"), true, true),
        (Some(""), false, false),
        (Some("JOSE"), false, false),
        (Some("logout+jwt"), false, false),
        (Some("secevent+jwt"), false, false),
        (Some("dpop+jwt"), false, false),
        (Some("at+jwt "), false, false),
        (Some("text/at+jwt"), false, false),
        (Some("application/application/jwt"), false, false),
    ] {
        let header = match typ {
            Some(typ) => json!({"alg": "HS256", "typ": typ}),
            None => json!({"alg": "HS256"}),
        };
        let token = sign(&header.to_string(), &full);
        for (expect, accepted) in [(&expectations(), plain), (&profile, strict)] {
            let access_token_profile = expect.access_token_profile;
            let expected = (!accepted).then_some(TokenError::MediaType {
                access_token_profile,
            });
            assert_eq!(
                verify_with(&token, expect, NOW).err(),
                expected,
                "typ {typ:?}, profile {access_token_profile}"
            );
        }
    }
}

#[test]
fn an_algorithm_that_is_not_expected_is_refused_before_any_key_is_looked_at() {
    let mut expect = expectations();
    expect.algorithms = AlgorithmSet::asymmetric();
    // Neither is there a key for it, nor is the signature one.
    let token = token(&claims(json!({})));
    let (input, _) = token.rsplit_once('.').unwrap();
    for token in [token.clone(), format!("{input}.AAAA"), format!("{input}.")] {
        let refused = UnverifiedToken::parse(token.as_bytes()).unwrap().verify(
            &KeySet::parse(br#"{"keys":[]}"#).unwrap(),
            &expect,
            NOW,
        );
        let expected = TokenError::AlgorithmNotAccepted {
            algorithm: Algorithm::Hs256,
        };
        assert_eq!(refused.err(), Some(expected), "{token}");
    }
}

#[test]
fn a_hint_of_the_issuer_is_read_from_the_top_level_only() {
    let hint = |payload: &str| {
        let token = sign(r#"{"alg":"HS256"}"#, payload);
        UnverifiedToken::parse(token.as_bytes())
            .unwrap()
            .issuer_hint()
    };
    assert_eq!(
        hint(r#"{"iss":"https://a.example"}"#).as_deref(),
        Some("https://a.example")
    );
    assert_eq!(hint(r#"{"x":{"iss":"https://a.example"}}"#), None);
    assert_eq!(hint(r#"{"iss":"a","iss":"b"}"#), None);
    assert_eq!(hint(r#"{"iss":["a"]}"#), None);
    assert_eq!(hint("not JSON"), None);
}

#[test]
fn nothing_of_a_token_is_printed() {
    let text = token(&claims(json!({"sub": "somebody-secret"})));
    let unverified = UnverifiedToken::parse(text.as_bytes()).unwrap();
    let verified = unverified.verify(&keys(), &expectations(), NOW).unwrap();
    for printed in [
        format!("{unverified:?}"),
        format!("{verified:?}"),
        format!("{:?}", keys()),
    ] {
        for secret in text.split('.').chain(["somebody-secret", "secret of"]) {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
