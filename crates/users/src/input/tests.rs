use doorward_service::problem::Problem;

use super::{changed_user, new_user};
use http::HeaderMap;
use serde_json::{Value, json};

/// Where a body is wrong, and how.
fn errors(problem: &Problem) -> Vec<(String, String)> {
    let response = problem.response(&HeaderMap::new());
    let document: Value = serde_json::from_str(response.body()).expect("JSON");
    let text = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let errors = document["errors"].as_array().cloned().unwrap_or_default();
    let mut errors: Vec<_> = errors
        .iter()
        .map(|error| (text(error, "pointer"), text(error, "detail")))
        .collect();
    errors.sort();
    errors
}

fn refused(body: &Value) -> Vec<(String, String)> {
    let problem = new_user(body.to_string().as_bytes());
    errors(&problem.expect_err(&body.to_string()))
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(pointer, detail): &(&str, &str)| ((*pointer).to_owned(), (*detail).to_owned());
    expected.iter().map(pair).collect()
}

#[test]
fn a_user_is_read() {
    let body = json!({
        "name": "Ada Lovelace",
        "email": "Ada@Example.com",
        "identity": { "issuer": "https://login.example", "subject": "ada" },
    });
    let details = new_user(body.to_string().as_bytes()).expect("it is right");
    assert_eq!(details.name, "Ada Lovelace");
    assert_eq!(details.email.as_str(), "ada@example.com");
    assert_eq!(details.identity.expect("it is there").subject, "ada");
    for identity in [json!({}), json!({ "identity": null })] {
        let mut body = json!({ "name": "Ada", "email": "ada@example.com" });
        body["identity"] = identity["identity"].clone();
        let details = new_user(body.to_string().as_bytes()).expect("it is right");
        assert_eq!(details.identity, None);
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let body = json!({
        "name": 7,
        "email": "nobody",
        "identity": { "issuer": "", "sub/ject": 1 },
        "id": "x",
        "admin": true,
    });
    let expected = pairs(&[
        ("#/admin", "is not known here"),
        (
            "#/email",
            "has to be an e-mail address: a name, @, and a domain",
        ),
        ("#/id", "is written by the service only"),
        ("#/identity/issuer", "is empty"),
        ("#/identity/subject", "is missing"),
        ("#/identity/sub~1ject", "is not known here"),
        ("#/name", "has to be a text"),
    ]);
    assert_eq!(refused(&body), expected);
}

#[test]
fn each_rule_is_kept() {
    let right = json!({ "name": "Ada", "email": "ada@example.com" });
    let long_name = "ä".repeat(201);
    let long_id = "ä".repeat(401);
    for (member, value, pointer, detail) in [
        ("name", json!(null), "#/name", "is missing"),
        ("name", json!(""), "#/name", "is empty"),
        ("name", json!(" \u{a0}"), "#/name", "is empty"),
        ("name", json!("a\u{0}"), "#/name", "has a control character"),
        ("name", json!("a\nb"), "#/name", "has a control character"),
        (
            "name",
            json!(long_name),
            "#/name",
            "is longer than 200 characters",
        ),
        ("email", json!([]), "#/email", "has to be a text"),
        ("identity", json!("x"), "#/identity", "has to be an object"),
        ("identity", json!([]), "#/identity", "has to be an object"),
        (
            "identity",
            json!({ "issuer": "i", "subject": long_id }),
            "#/identity/subject",
            "is longer than 255 characters",
        ),
        (
            "identity",
            json!({ "issuer": long_id, "subject": "s" }),
            "#/identity/issuer",
            "is longer than 400 characters",
        ),
    ] {
        let mut body = right.clone();
        body[member] = value;
        assert_eq!(refused(&body), pairs(&[(pointer, detail)]), "{body}");
    }
    let longest = json!({
        "name": "ä".repeat(200),
        "email": "ada@example.com",
        "identity": { "issuer": "ä".repeat(400), "subject": "ä".repeat(255) },
    });
    assert!(new_user(longest.to_string().as_bytes()).is_ok());
}

#[test]
fn what_is_no_object_is_refused() {
    for body in ["[]", "null", "\"x\"", "1"] {
        let problem = new_user(body.as_bytes()).expect_err(body);
        assert_eq!(
            errors(&problem),
            pairs(&[("#", "has to be a JSON object")]),
            "{body}"
        );
    }
    for body in ["", "{", "{\"name\": \"a\", \"name\": \"b\"}"] {
        let problem = new_user(body.as_bytes()).expect_err(body);
        let response = problem.response(&HeaderMap::new());
        assert_eq!(response.status(), 400, "{body}");
    }
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let body = json!({
        "name": "Ada",
        "email": "ada@example.com",
        "identity": { "issuer": "i", "subject": "s" },
    });
    let before = new_user(body.to_string().as_bytes()).expect("it is right");
    let changed = |patch: Value| changed_user(&before, patch.to_string().as_bytes());
    let named = changed(json!({ "name": "Augusta" })).expect("it is right");
    assert_eq!(
        (named.name.as_str(), &named.identity),
        ("Augusta", &before.identity)
    );
    let other = changed(json!({ "identity": { "subject": "t" } })).expect("it is right");
    let identity = other.identity.expect("it is there");
    assert_eq!(
        (identity.issuer.as_str(), identity.subject.as_str()),
        ("i", "t")
    );
    let without = changed(json!({ "identity": null })).expect("it is right");
    assert_eq!(without.identity, None);
    assert_eq!(changed(json!({})), Ok(before.clone()));
    for (patch, pointer, detail) in [
        (json!({ "name": null }), "#/name", "is missing"),
        (
            json!({ "identity": { "issuer": null } }),
            "#/identity/issuer",
            "is missing",
        ),
        (json!({ "admin": null }), "#/admin", "is not known here"),
        (json!({ "admin": 1 }), "#/admin", "is not known here"),
        (
            json!({ "id": "x" }),
            "#/id",
            "is written by the service only",
        ),
        (json!([]), "#", "has to be a JSON object"),
        (json!(null), "#", "has to be a JSON object"),
    ] {
        let problem = changed(patch.clone()).expect_err("it is wrong");
        assert_eq!(errors(&problem), pairs(&[(pointer, detail)]), "{patch}");
    }
}
