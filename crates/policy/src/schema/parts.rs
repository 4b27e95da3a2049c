//! What a schema is put together from.

use core::ops::RangeInclusive;

use doorward_syntax::tokens::is_tchar;
use serde_json::{Map, Value, json};

/// What names of issuers, upstreams and their kind are made of.
const NAME_CHARACTERS: &str = "[A-Za-z0-9_-]";

/// A string.
pub(super) fn text(about: &str) -> Value {
    json!({ "description": about, "type": "string" })
}

/// A string of a form.
pub(super) fn formed(about: &str, pattern: &str) -> Value {
    json!({ "description": about, "type": "string", "pattern": pattern })
}

/// The name of a Spin variable, whose value is what is meant.
pub(super) fn variable(about: &str) -> Value {
    formed(about, "^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
}

/// A day, or a time to the second, in UTC.
pub(super) fn day(about: &str) -> Value {
    formed(
        about,
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$",
    )
}

/// `true` or `false`.
pub(super) fn flag(about: &str, otherwise: bool) -> Value {
    json!({ "description": about, "type": "boolean", "default": otherwise })
}

/// A whole number between two others.
pub(super) fn number(about: &str, least: u64, most: u64) -> Value {
    json!({ "description": about, "type": "integer", "minimum": least, "maximum": most })
}

/// One of some words, the first of which is so where nothing is said.
pub(super) fn choice(about: &str, words: &[&str]) -> Value {
    let first = words.first().copied().unwrap_or_default();
    json!({ "description": about, "type": "string", "enum": words, "default": first })
}

/// The same, where nothing said is something else.
pub(super) fn one_of(about: &str, words: &[&str]) -> Value {
    json!({ "description": about, "type": "string", "enum": words })
}

/// Any string but the empty one: what a list may hold.
pub(super) fn entry() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// One of these words, in a list.
pub(super) fn word(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// A list of strings, or one of them without brackets.
pub(super) fn list(about: &str, most: usize, entry: &Value) -> Value {
    json!({ "description": about, "anyOf": [entry, array(entry, 1, most)] })
}

/// The same, which may be empty.
pub(super) fn list_or_none(about: &str, most: usize, entry: &Value) -> Value {
    json!({ "description": about, "anyOf": [entry, array(entry, 0, most)] })
}

/// The same, or `false`.
pub(super) fn list_or_false(about: &str, most: usize, entry: &Value) -> Value {
    json!({ "description": about, "anyOf": [entry, array(entry, 1, most), never()] })
}

/// A string, or `false`.
pub(super) fn text_or_false(about: &str) -> Value {
    json!({ "description": about, "anyOf": [{ "type": "string" }, never()] })
}

fn array(entry: &Value, least: usize, most: usize) -> Value {
    json!({
        "type": "array", "items": entry, "minItems": least, "maxItems": most, "uniqueItems": true
    })
}

fn never() -> Value {
    json!({ "type": "boolean", "enum": [false] })
}

/// A table with these keys and no others.
pub(super) fn table<const N: usize>(
    about: &str,
    needed: &[&str],
    keys: [(&str, Value); N],
) -> Value {
    let keys = keys.into_iter().map(|(key, value)| (key.to_owned(), value));
    let mut schema = json!({
        "description": about,
        "type": "object",
        "properties": keys.collect::<Map<_, _>>(),
        "additionalProperties": false
    });
    if !needed.is_empty()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.insert("required".to_owned(), json!(needed));
    }
    schema
}

/// A table of tables, each under a name of somebody's own.
pub(super) fn named(about: &str, most: usize, name_bytes_max: usize, each: &Value) -> Value {
    let name = format!("^{NAME_CHARACTERS}{{1,{name_bytes_max}}}$");
    keyed(about, &name, most, each)
}

/// A table whose keys have a form.
pub(super) fn keyed(about: &str, key: &str, most: usize, each: &Value) -> Value {
    json!({
        "description": about,
        "type": "object",
        "propertyNames": { "pattern": key },
        "maxProperties": most,
        "additionalProperties": each
    })
}

/// Tables, each under a header in two brackets.
pub(super) fn tables(about: &str, most: usize, each: &Value) -> Value {
    json!({ "description": about, "type": "array", "items": each, "maxItems": most })
}

/// What is so where nothing is said.
pub(super) fn otherwise(mut schema: Value, value: impl Into<Value>) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("default".to_owned(), value.into());
    }
    schema
}

/// The characters of a token (RFC 9110 section 5.6.2) but for those of this range, as a class of a pattern.
pub(super) fn token_without(left_out: &RangeInclusive<u8>) -> String {
    let mut class = "[".to_owned();
    for byte in (b'!'..=b'~').filter(|byte| is_tchar(*byte) && !left_out.contains(byte)) {
        if matches!(byte, b'^' | b'-' | b']' | b'\\') {
            class.push('\\');
        }
        class.push(char::from(byte));
    }
    class.push(']');
    class
}

/// The name of a header field in lower case, of so many bytes at most.
pub(super) fn field_name(bytes_max: usize) -> String {
    format!("^{}{{1,{bytes_max}}}$", token_without(&(b'A'..=b'Z')))
}
