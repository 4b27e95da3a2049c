//! That the check for breaks finds each kind of them, and nothing else.

use serde_json::{Value, json};

use crate::breaking::breaks;
use crate::{DOCUMENT, document};

const USERS: &str = "/paths/~1api~1v1~1users";
const USER: &str = "/paths/~1api~1v2~1users~1{uuid}";
const SCHEMAS: &str = "/components/schemas";

/// What is done with a document, and where.
#[derive(Clone)]
enum Edit {
    Remove(String, &'static str),
    Set(String, &'static str, Value),
    Push(String, Value),
}

use Edit::{Push, Remove, Set};

fn edited(edit: &Edit) -> Value {
    let mut document = document(DOCUMENT);
    let (at, known) = match edit {
        Remove(at, name) => (at, Some(*name)),
        Set(at, ..) | Push(at, _) => (at, None),
    };
    let place = document.pointer_mut(at).unwrap();
    if let Some(name) = known {
        assert!(place.get(name).is_some(), "{at} has no {name}");
    }
    match edit.clone() {
        Remove(_, name) => {
            place.as_object_mut().unwrap().remove(name);
        }
        Set(_, name, value) => place[name] = value,
        Push(_, value) => place.as_array_mut().unwrap().push(value),
    }
    document
}

fn schema(path: &str) -> String {
    format!("{SCHEMAS}/{path}")
}

fn parameter(required: bool) -> Value {
    json!({ "name": "team", "in": "query", "required": required, "schema": { "type": "string" } })
}

#[test]
fn a_document_breaks_nobody_who_knows_it() {
    let document = document(DOCUMENT);
    assert_eq!(breaks(&document, &document), Vec::<String>::new());
}

#[test]
fn each_kind_of_break_is_found() {
    let status = || schema("Problem/properties/status");
    for (edit, at) in [
        (
            Remove("/paths".to_owned(), "/api/v1/users/me"),
            "GET /api/v1/users/me",
        ),
        (
            Remove(USER.to_owned(), "delete"),
            "DELETE /api/v2/users/{uuid}",
        ),
        (
            Set(format!("{USERS}/get"), "operationId", json!("x")),
            "operationId",
        ),
        (
            Set(format!("{USERS}/get/security/0"), "token", json!(["admin"])),
            "scope",
        ),
        (
            Set(
                "/paths/~1api~1health/get".to_owned(),
                "security",
                json!([{"token": []}]),
            ),
            "scope",
        ),
        (
            Set(format!("{USERS}/get"), "parameters", json!([])),
            "\"page\": is not there",
        ),
        (
            Push(format!("{USERS}/get/parameters"), parameter(true)),
            "\"team\" is new and required",
        ),
        (
            Set(
                format!("{USERS}/post/parameters/0"),
                "required",
                json!(true),
            ),
            "is required now",
        ),
        (
            Set(
                format!("{USERS}/get/parameters/1/schema"),
                "maximum",
                json!(50),
            ),
            "maximum is 50",
        ),
        (
            Set(
                format!("{USERS}/get/parameters/1/schema"),
                "minimum",
                json!(2),
            ),
            "minimum is 2",
        ),
        (
            Set(
                format!("{USERS}/get/parameters/1/schema"),
                "type",
                json!("string"),
            ),
            "type",
        ),
        (
            Set(
                "/paths/~1api~1v2~1users/get/parameters/1/schema".to_owned(),
                "enum",
                json!(["name"]),
            ),
            "enum",
        ),
        (
            Remove(
                format!("{USERS}/post/requestBody/content"),
                "application/json",
            ),
            "is no application/json",
        ),
        (
            Remove(format!("{USERS}/post/responses"), "201"),
            "201: is not there",
        ),
        (
            Remove(format!("{USERS}/post/responses/201/headers"), "Location"),
            "field Location",
        ),
        (
            Remove(
                format!("{USERS}/get/responses/200/content"),
                "application/json",
            ),
            "is no application/json",
        ),
        (
            Remove(schema("User/properties"), "email"),
            ".email: is not there",
        ),
        (
            Remove(schema("NewUser/properties"), "identity"),
            ".identity: is not there",
        ),
        (
            Push(schema("NewUser/required"), json!("identity")),
            ".identity: is required now",
        ),
        (
            Set(schema("User"), "required", json!(["id"])),
            ".name: may be missing",
        ),
        (
            Set(schema("NewUser/properties/name"), "maxLength", json!(100)),
            "maxLength is 100",
        ),
        (
            Set(schema("NewUser/properties/name"), "pattern", json!("^a")),
            "pattern is",
        ),
        (
            Set(schema("User/properties/name"), "maxLength", json!(300)),
            "maxLength is 300",
        ),
        (
            Remove(schema("User/properties/name"), "maxLength"),
            "maxLength is none",
        ),
        (
            Set(schema("User/properties/id"), "type", json!("integer")),
            "type",
        ),
        (
            Set(
                schema("User/properties/id"),
                "type",
                json!(["string", "null"]),
            ),
            "type",
        ),
        (
            Remove(schema("User/properties/id"), "format"),
            "format is null",
        ),
        (Set(status(), "maximum", json!(999)), "maximum is 999"),
        (
            Set(
                schema("Health/properties/status"),
                "enum",
                json!(["pass", "fail"]),
            ),
            "enum",
        ),
        (
            Set(
                schema("NewUser/properties/identity/oneOf/1"),
                "type",
                json!("string"),
            ),
            "does not take \"null\"",
        ),
        (
            Push(schema("NewUser/properties/identity/oneOf"), json!({})),
            "",
        ),
        (
            Set(
                schema("NewIdentity/properties/issuer"),
                "maxLength",
                json!(10),
            ),
            ".identity.issuer",
        ),
        (
            Set(
                schema("UserPage/properties/users"),
                "items",
                json!({ "type": "string" }),
            ),
            "users[]",
        ),
    ] {
        let breaks = breaks(&document(DOCUMENT), &edited(&edit));
        // The only one that is none: a request may be one more kind of thing.
        let is_found = breaks.iter().any(|found| found.contains(at));
        assert_eq!(is_found, !at.is_empty(), "{at}: {breaks:#?}");
    }
}

#[test]
fn what_is_added_breaks_nobody() {
    let document_before = document(DOCUMENT);
    for edit in [
        Set(
            "/paths".to_owned(),
            "/api/v3/users",
            json!({ "get": { "responses": {} } }),
        ),
        Set(USERS.to_owned(), "put", json!({ "responses": {} })),
        Push(format!("{USERS}/get/parameters"), parameter(false)),
        Set(
            format!("{USERS}/get/responses"),
            "429",
            json!({ "description": "Too many" }),
        ),
        Set(format!("{USERS}/get"), "summary", json!("Other words")),
        Set(format!("{USERS}/get/security/0"), "token", json!([])),
        Set(
            format!("{USERS}/get/parameters/1/schema"),
            "maximum",
            json!(500),
        ),
        Set(
            schema("User/properties"),
            "nickname",
            json!({ "type": "string" }),
        ),
        Push(schema("User/required"), json!("identity")),
        Set(
            schema("NewUser/properties"),
            "nickname",
            json!({ "type": "string" }),
        ),
        Set(schema("NewUser"), "required", json!(["email"])),
        Set(schema("NewUser/properties/name"), "maxLength", json!(300)),
        Remove(schema("NewUser/properties/name"), "pattern"),
        Remove(schema("NewUser"), "additionalProperties"),
        Set(schema("User/properties/name"), "maxLength", json!(100)),
        Set(
            format!("{USERS}/post/responses/201/headers"),
            "X-New",
            json!({ "schema": {} }),
        ),
    ] {
        let breaks = breaks(&document_before, &edited(&edit));
        assert_eq!(breaks, Vec::<String>::new());
    }
}
