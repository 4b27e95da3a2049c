//! JSON read strictly (why not by `serde_json` alone: `docs/decisions/0001-strict-json.md`).
//!
//! 1. One object, UTF-8, nothing after it (RFC 8259 §8.1 allows white space around it).
//! 2. No object holds the same member name twice, at any level. RFC 7515 §4 and RFC 7519 §4 leave
//!    the choice between refusing and taking the last one; two parsers that choose differently
//!    would see two different tokens.
//! 3. Depth and number of values are bounded.
//!
//! Names are compared after their escapes are resolved, so `"iss"` and `"\u0069ss"` are the same.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How much a document may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Objects and arrays inside each other, the outermost counted.
    pub(crate) depth_max: u32,
    /// Values altogether, the outermost counted.
    pub(crate) values_max: u32,
}

/// What is wrong with a JSON text. It holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonProblem {
    /// The text is not JSON, not UTF-8, cut short or followed by something else.
    Syntax,
    /// The outermost value is not an object.
    NotAnObject,
    /// An object holds a member name twice.
    DuplicateMember,
    /// Objects and arrays are nested deeper than the bound.
    TooDeep,
    /// The text holds more values than the bound.
    TooManyValues,
}

impl fmt::Display for JsonProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "is not well-formed JSON",
            Self::NotAnObject => "is not a JSON object",
            Self::DuplicateMember => "holds a member name twice",
            Self::TooDeep => "is nested too deep",
            Self::TooManyValues => "holds too many values",
        })
    }
}

/// Where and why a JSON text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub problem: JsonProblem,
    /// The line, counted from 1; 0 where the end of the text is the place.
    pub line: usize,
    /// The column in bytes, counted from 1.
    pub column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (line {}, column {})",
            self.problem, self.line, self.column
        )
    }
}

impl std::error::Error for JsonError {}

/// Reads one object.
pub(crate) fn parse_object(text: &[u8], limits: Limits) -> Result<Map<String, Value>, JsonError> {
    let state = VisitorState {
        values_left: Cell::new(limits.values_max),
        problem: Cell::new(None),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Strict {
        state: &state,
        depth_left: limits.depth_max,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|error| JsonError {
        problem: state.problem.get().unwrap_or(JsonProblem::Syntax),
        line: error.line(),
        column: error.column(),
    })?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError {
            problem: JsonProblem::NotAnObject,
            line: 1,
            column: 1,
        }),
    }
}

/// Reads one string member of an object and builds nothing else.
///
/// `None` when the text is not an object, the member is missing, not a string or there twice.
pub(crate) fn peek_string(text: &[u8], name: &str) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let found = deserializer.deserialize_map(Peek { name }).ok()?;
    deserializer.end().ok()?;
    found
}

/// What the visitors of one document share.
struct VisitorState {
    values_left: Cell<u32>,
    problem: Cell<Option<JsonProblem>>,
}

impl VisitorState {
    fn refuse<E: serde::de::Error>(&self, problem: JsonProblem) -> E {
        self.problem.set(Some(problem));
        E::custom("refused")
    }
}

#[derive(Clone, Copy)]
struct Strict<'s> {
    state: &'s VisitorState,
    depth_left: u32,
}

impl Strict<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.state.refuse(JsonProblem::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.state.values_left.get().checked_sub(1) {
            Some(left) => self.state.values_left.set(left),
            None => return Err(self.state.refuse(JsonProblem::TooManyValues)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(self.state.refuse(JsonProblem::DuplicateMember));
            }
        }
        Ok(Value::Object(members))
    }
}

struct Peek<'n> {
    name: &'n str,
}

impl<'de> Visitor<'de> for Peek<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Option<String>, A::Error> {
        let mut found = None;
        while let Some(name) = entries.next_key::<String>()? {
            if name != self.name {
                entries.next_value::<IgnoredAny>()?;
            } else if found.replace(entries.next_value::<String>()?).is_some() {
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot go on says so by panicking"
    )]

    use super::*;

    const LIMITS: Limits = Limits {
        depth_max: 3,
        values_max: 8,
    };

    fn problem(text: &str) -> JsonProblem {
        match parse_object(text.as_bytes(), LIMITS) {
            Ok(_) => panic_with(text),
            Err(error) => error.problem,
        }
    }

    #[expect(clippy::panic, reason = "the failure of a test")]
    fn panic_with(text: &str) -> JsonProblem {
        panic!("{text} must be refused");
    }

    #[test]
    fn an_object_is_read_as_it_is_written() {
        let members = parse_object(
            br#" {"a": [1, -2, 0.5], "b": null, "\u0063": "\u00e9"} "#,
            LIMITS,
        )
        .unwrap();
        assert_eq!(
            Value::Object(members),
            serde_json::json!({"a": [1, -2, 0.5], "b": null, "c": "é"})
        );
    }

    #[test]
    fn a_member_name_may_not_come_twice_at_any_level() {
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": 1, "b": 2, "\u0061": 3}"#,
            r#"{"o": {"a": 1, "a": 2}}"#,
            r#"{"o": [{"a": 1, "a": 2}]}"#,
        ] {
            assert_eq!(problem(text), JsonProblem::DuplicateMember, "{text}");
        }
    }

    #[test]
    fn depth_and_number_of_values_end_exactly_at_their_bounds() {
        assert!(parse_object(br#"{"a": [[]]}"#, LIMITS).is_ok());
        assert_eq!(problem(r#"{"a": [[[]]]}"#), JsonProblem::TooDeep);
        assert!(parse_object(br#"{"a": [1,2,3,4,5,6]}"#, LIMITS).is_ok());
        assert_eq!(
            problem(r#"{"a": [1,2,3,4,5,6,7]}"#),
            JsonProblem::TooManyValues
        );
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(problem(&deep), JsonProblem::TooDeep);
    }

    #[test]
    fn what_is_not_one_json_object_is_refused() {
        for text in [
            "",
            "{",
            "{}x",
            "{} {}",
            "{\"a\":}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":1e999}",
            "{\"a\":NaN}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\u{1}\"}",
            "// c\n{}",
        ] {
            assert_eq!(problem(text), JsonProblem::Syntax, "{text:?}");
        }
        for text in ["[]", "1", "\"{}\"", "null", "true"] {
            assert_eq!(problem(text), JsonProblem::NotAnObject, "{text:?}");
        }
        assert!(
            parse_object(b"{\"a\":\"\xff\"}", LIMITS).is_err(),
            "invalid UTF-8 must be refused"
        );
        assert!(
            parse_object(b"{\"a\":\"\xc0\xaf\"}", LIMITS).is_err(),
            "overlong UTF-8 must be refused"
        );
    }

    #[test]
    fn peeking_finds_the_top_level_string_and_nothing_else() {
        assert_eq!(
            peek_string(br#"{"x": {"iss": "inner"}, "iss": "outer"}"#, "iss").as_deref(),
            Some("outer")
        );
        for text in [
            r#"{"x": {"iss": "inner"}}"#,
            r#"{"iss": 1}"#,
            r#"{"iss": ["a"]}"#,
            r#"{"iss": "a", "iss": "a"}"#,
            r#"{"iss": "a"} x"#,
            r#"["iss"]"#,
            r#"{"iss": "a""#,
        ] {
            assert_eq!(peek_string(text.as_bytes(), "iss"), None, "{text}");
        }
    }
}
