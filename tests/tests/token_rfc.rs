//! The examples of RFC 7515 appendix A, RFC 7520 section 4 and RFC 8037 appendix A.
//!
//! None of them is a token that anybody should accept: some payloads are no JSON, others name no
//! audience and expired long ago. What shows that the signature was verified is that the payload, or
//! its claims, are what the refusal is about.

#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the failure of a test"
)]

use doorward_tests::signing::{any_algorithm, base64url, from_base64url, key_set, verify};
use doorward_token::{Algorithm, AlgorithmSet, JsonProblem, KeySet, Part, TokenError};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Example {
    name: String,
    algorithm: String,
    key: Value,
    token: String,
    outcome: String,
}

fn examples() -> Vec<Example> {
    serde_json::from_str(include_str!("../data/token/rfc.json")).expect("rfc.json is well-formed")
}

fn keys(example: &Example, algorithm: Algorithm) -> KeySet {
    match example.key.get("k").and_then(Value::as_str) {
        Some(secret) => {
            KeySet::from_secret(&from_base64url(secret), AlgorithmSet::of(&[algorithm]))
                .expect("the secret is long enough")
        }
        None => key_set(std::slice::from_ref(&example.key)),
    }
}

#[test]
fn every_signature_is_verified_and_every_other_one_is_not() {
    let examples = examples();
    assert_eq!(examples.len(), 9);
    for example in examples {
        let name = &example.name;
        let algorithm =
            Algorithm::from_name(&example.algorithm).expect("the algorithm is supported");
        let keys = keys(&example, algorithm);
        let expected = match example.outcome.as_str() {
            // `{"iss":"joe", "exp":1300819380, …}`
            "claims" => TokenError::MissingClaim { name: "aud" },
            "text" => TokenError::Json {
                part: Part::Payload,
                problem: JsonProblem::Syntax,
            },
            other => panic!("{name}: {other} is no outcome"),
        };
        assert_eq!(
            verify(&example.token, &keys, &any_algorithm()).err(),
            Some(expected),
            "{name}"
        );

        let (input, signature) = example.token.rsplit_once('.').unwrap();
        let mut bytes = from_base64url(signature);
        *bytes.last_mut().unwrap() ^= 1;
        let forged = format!("{input}.{}", base64url(bytes));
        let error = verify(&forged, &keys, &any_algorithm()).err();
        assert!(
            matches!(error, Some(TokenError::Signature { .. })),
            "{name}, forged: {error:?}"
        );
    }
}

/// RFC 7515 appendix A.5.
#[test]
fn the_unsecured_example_is_refused() {
    let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    for example in examples() {
        let algorithm =
            Algorithm::from_name(&example.algorithm).expect("the algorithm is supported");
        let error = verify(token, &keys(&example, algorithm), &any_algorithm()).err();
        assert_eq!(
            error,
            Some(TokenError::Unsecured),
            "with the key of {}",
            example.name
        );
    }
}

/// RFC 7515 appendix E: a critical parameter that nobody understands.
#[test]
fn the_example_with_a_critical_parameter_is_refused() {
    let token = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";
    let error = verify(token, &key_set(&[]), &any_algorithm()).err();
    assert_eq!(
        error,
        Some(TokenError::UnsupportedParameter { name: "crit" })
    );
}
