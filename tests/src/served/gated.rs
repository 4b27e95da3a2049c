//! What the tests of the gate share: one policy that has a route of each kind, and how to look at an answer.

use super::client::Answer;
use super::issuer::Issuer;
use crate::issuer::AUDIENCE;

/// A policy with a public route, one for reading, one for writing, and one that keeps the credential.
#[must_use]
pub fn policy(issuer: &Issuer) -> String {
    policy_of(&issuer.url())
}

/// The same, by the URL of the issuer.
#[must_use]
pub fn policy_of(url: &str) -> String {
    format!(
        r#"
        [issuer.test]
        url = "{}"
        audience = "{AUDIENCE}"
        leeway_s = 0

        [identity]
        "x-auth-subject" = "sub"
        "x-auth-issuer" = "iss"

        [[route]]
        path = "/public/**"
        public = true

        [[route]]
        path = "/read/**"
        issuer = ["test"]
        scope = ["read"]

        [[route]]
        path = "/write"
        methods = ["POST", "PUT"]
        issuer = ["test"]
        scope = ["read", "write"]

        [[route]]
        path = "/keep"
        issuer = ["test"]
        credential = "forward"
        "#,
        url
    )
}

/// Fails unless the answer has this status.
///
/// # Panics
/// When it has another one.
pub fn status(answer: &Answer, expected: u16, what: &str) {
    assert_eq!(answer.status, expected, "{what}: {:?}", answer.text());
}

/// The values that the service `echo` saw for a header field.
#[must_use]
pub fn seen(answer: &Answer, name: &str) -> Vec<String> {
    answer.json()["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name))
        .map(|pair| pair[1].as_str().unwrap().to_owned())
        .collect()
}
