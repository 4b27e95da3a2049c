//! What is answered, however the identity came here.

use serde_json::{Map, Value};

/// How the names of the fields begin that carry the identity.
pub const IDENTITY_PREFIX: &str = "x-auth-";

/// The media type of the answer.
pub const JSON: &str = "application/json";

/// Method, target and the identity, by field, as JSON with a line feed behind it.
pub fn answer<'i>(
    method: &str,
    target: Option<&str>,
    fields: impl Iterator<Item = (&'i str, &'i [u8])>,
) -> Vec<u8> {
    let mut identity = Map::new();
    for (name, value) in fields {
        if let Some(name) = name.to_ascii_lowercase().strip_prefix(IDENTITY_PREFIX) {
            let value = String::from_utf8_lossy(value).into_owned();
            identity.insert(name.to_owned(), Value::from(value));
        }
    }
    let answer = Value::Object(Map::from_iter([
        ("method".to_owned(), Value::from(method)),
        ("target".to_owned(), Value::from(target)),
        ("identity".to_owned(), Value::Object(identity)),
    ]));
    let mut body = answer.to_string().into_bytes();
    body.push(b'\n');
    body
}
