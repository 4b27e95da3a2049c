//! The document shows what is sent: each member of it, and no bound that the code does not have.

use doorward_users::email::Email;
use doorward_users::input::{changed_user, new_user};
use doorward_users::user::{Details, Identity, User};
use serde_json::{Value, json};

use crate::{DOCUMENT, document};

fn schema(name: &str) -> Value {
    document(DOCUMENT)["components"]["schemas"][name].clone()
}

fn names(schema: &Value) -> Vec<String> {
    schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

fn required(schema: &Value) -> Vec<&str> {
    let required = schema["required"].as_array().unwrap();
    let mut required: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
    required.sort_unstable();
    required
}

fn user(identity: Option<Identity>) -> Value {
    let details = Details {
        name: "Ada".to_owned(),
        email: Email::parse("ada@example.com").unwrap(),
        identity,
    };
    User::new(details, 1_000, &[0; 10]).shown()
}

fn members(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_user_is_shown_with_the_members_that_the_document_names() {
    let identity = Identity {
        issuer: "i".to_owned(),
        subject: "s".to_owned(),
    };
    let with = user(Some(identity));
    assert_eq!(members(&with), names(&schema("User")));
    assert_eq!(members(&with["identity"]), names(&schema("Identity")));
    assert_eq!(members(&user(None)), required(&schema("User")));
}

#[test]
fn the_bounds_of_the_document_are_those_of_the_service() {
    let right = json!({
        "name": "Ada",
        "email": "ada@example.com",
        "identity": { "issuer": "i", "subject": "s" },
    });
    let is_taken = |body: &Value| new_user(body.to_string().as_bytes()).is_ok();
    assert!(is_taken(&right));
    for (of, pointer) in [
        ("NewUser", "/name"),
        ("NewIdentity", "/identity/issuer"),
        ("NewIdentity", "/identity/subject"),
    ] {
        let member = pointer.rsplit('/').next().unwrap();
        let schema = schema(of);
        let max = schema["properties"][member]["maxLength"].as_u64().unwrap();
        let max = usize::try_from(max).unwrap();
        for (text, holds) in [
            ("\u{1f600}".repeat(max), true),
            ("\u{1f600}".repeat(max + 1), false),
            (String::new(), false),
            ("a\u{85}".to_owned(), false),
        ] {
            let mut body = right.clone();
            *body.pointer_mut(pointer).unwrap() = json!(text);
            assert_eq!(is_taken(&body), holds, "{pointer}: {text:?}");
        }
    }
}

#[test]
fn what_the_document_does_not_require_may_be_left_out_and_nothing_else() {
    let all = json!({
        "name": "Ada",
        "email": "ada@example.com",
        "identity": { "issuer": "i", "subject": "s" },
    });
    let before = new_user(all.to_string().as_bytes()).unwrap();
    let schema = schema("NewUser");
    for member in names(&schema) {
        let mut body = all.clone();
        body.as_object_mut().unwrap().remove(&member);
        let text = body.to_string();
        let may = !required(&schema).contains(&member.as_str());
        assert_eq!(new_user(text.as_bytes()).is_ok(), may, "{text}");
        let change = changed_user(&before, text.as_bytes());
        assert!(change.is_ok(), "a change may leave out anything: {text}");
    }
    for extra in ["id", "created_at", "role"] {
        let mut body = all.clone();
        body[extra] = json!("x");
        let text = body.to_string();
        assert!(new_user(text.as_bytes()).is_err(), "{text}");
        assert!(changed_user(&before, text.as_bytes()).is_err(), "{text}");
    }
}
