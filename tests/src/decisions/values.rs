//! Values of cases, and tokens that are broken on purpose.

use serde_json::{Map, Value, json};

use super::Tampered;

/// `{ now = 60 }` is a minute from now; `{ json = "null" }` is what TOML cannot say.
pub(crate) fn resolved(value: &Value, now_s: u64) -> Value {
    let Value::Object(object) = value else {
        return value.clone();
    };
    if object.len() == 1 {
        if let Some(offset_s) = object.get("now").and_then(Value::as_i64) {
            return json!(now_s.saturating_add_signed(offset_s));
        }
        if let Some(text) = object.get("json").and_then(Value::as_str) {
            return serde_json::from_str(text).expect("the case holds JSON");
        }
    }
    value.clone()
}

/// Replaces a character in the middle of a part by another one.
pub(super) fn tampered(token: &str, part: Tampered) -> String {
    let index = match part {
        Tampered::Header => 0,
        Tampered::Payload => 1,
        Tampered::Signature => 2,
    };
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let part = parts.get_mut(index).expect("a token has three parts");
    let middle = part.len() / 2;
    let other = if part.get(middle..=middle) == Some("A") {
        "B"
    } else {
        "A"
    };
    part.replace_range(middle..=middle, other);
    parts.join(".")
}

pub(crate) fn object(table: &toml::Table) -> Map<String, Value> {
    table
        .iter()
        .map(|(key, value)| (key.clone(), json_of(value)))
        .collect()
}

fn json_of(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(boolean) => json!(boolean),
        toml::Value::Datetime(datetime) => json!(datetime.to_string()),
        toml::Value::Array(values) => values.iter().map(json_of).collect(),
        toml::Value::Table(table) => Value::Object(object(table)),
    }
}
