//! What a request has besides its body.

use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{RefOr, Required, Schema};

use super::schemas;
use crate::cursor::CURSOR_CHARS_MAX;
use crate::idempotency::KEY_BYTES_MAX;
use crate::query::{LIMIT_DEFAULT, LIMIT_MAX, PAGE_MAX, SortKey};

/// What the document calls the token that the gate asks for.
pub const TOKEN: &str = "token";
/// The part of the path that says which user it is.
pub const ID: &str = "uuid";
/// The field that says which version is changed.
pub const IF_MATCH: &str = "If-Match";

/// Which user it is.
pub fn id() -> Parameter {
    let id = ParameterBuilder::new()
        .name(ID)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(schemas::id()));
    id.description(Some("The user's `id`.")).build()
}

/// What a request for a page asks for.
pub fn of_page() -> Vec<Parameter> {
    let page = schemas::number(1, Some(PAGE_MAX)).default(Some(json!(1)));
    vec![
        query("page", "Which page, from 1 on.", page),
        limit("How many users a page has at most."),
    ]
}

/// What a request for a list asks for.
pub fn of_list() -> Vec<Parameter> {
    let keys = [SortKey::Created, SortKey::Name, SortKey::Email].map(SortKey::name);
    let orders = keys
        .iter()
        .flat_map(|key| [(*key).to_owned(), format!("-{key}")]);
    let sort = schemas::text()
        .enum_values(Some(orders))
        .default(Some(json!(SortKey::Created.name())));
    let cursor = schemas::text()
        .max_length(Some(CURSOR_CHARS_MAX))
        .pattern(Some("^[A-Za-z0-9_-]+$"));
    let exactly = || schemas::text().pattern(Some(schemas::VISIBLE));
    vec![
        limit("How many users a part of the list has at most."),
        query(
            "sort",
            "In which order. With `-` before it the last one comes first.",
            sort,
        ),
        query("name", "Only who has exactly this name.", exactly()),
        query("email", "Only who has this address.", schemas::email()),
        query("issuer", "Only who has this issuer.", exactly()),
        query("subject", "Only who has this subject.", exactly()),
        query(
            "cursor",
            "Where the list goes on: from `next`, with the same order and filters.",
            cursor,
        ),
    ]
}

/// Which version a change is of.
pub fn if_match() -> Parameter {
    let description = "Which version is changed: the `ETag` of any answer with the user, or `*` for any. With another \
                       one the answer is a 412.";
    let field = header(IF_MATCH, description, schemas::text());
    let field = field.required(Required::True);
    field.example(Some(json!(etag()))).build()
}

/// Which version a user is wanted in.
pub fn if_match_to_read() -> Parameter {
    let description = "Only in this version; with another one the answer is a 412.";
    header(IF_MATCH, description, schemas::text()).build()
}

/// What the client has already.
pub fn if_none_match() -> Parameter {
    let description =
        "The `ETag` of what the client has: where it is still so, the answer is a 304.";
    header("If-None-Match", description, schemas::text()).build()
}

/// By what a request is known that comes again.
pub fn idempotency_key() -> Parameter {
    // A string of RFC 9651 §3.3.3, or the same without its quotes, which then has no space at either end.
    let inner = "!#-\\[\\]-~";
    let between = KEY_BYTES_MAX - 2;
    let pattern = format!(
        "^(\"[ {inner}]{{1,{KEY_BYTES_MAX}}}\"|[{inner}]([ {inner}]{{0,{between}}}[{inner}])?)$"
    );
    let key = schemas::text().pattern(Some(pattern));
    let description = "Any text that is made anew for each user. The same request again has the same answer, and \
                       creates nobody.";
    let field = header("Idempotency-Key", description, key);
    field.example(Some(json!("\"8e03978e-40d5\""))).build()
}

/// What a version is called, as an example.
pub fn etag() -> Value {
    json!(format!("\"{}.1\"", schemas::ID))
}

fn limit(description: &str) -> Parameter {
    let limit = schemas::number(1, Some(LIMIT_MAX)).default(Some(json!(LIMIT_DEFAULT)));
    query("limit", description, limit)
}

fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    of(name, ParameterIn::Query, description, schema).build()
}

fn header(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    of(name, ParameterIn::Header, description, schema)
}

fn of(
    name: &str,
    place: ParameterIn,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}
