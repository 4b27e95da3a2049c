//! A value that a schema names, in `enum` or `const`.

use core::cmp::Ordering;

use crate::json::{JsonStr, Kind, Number, Value};

/// A value of a schema.
#[derive(Clone, Debug)]
pub(super) enum Literal<'b> {
    Null,
    Bool(bool),
    Number(Number<'b>),
    String(&'b str),
    Array(Vec<Literal<'b>>),
    /// In the order of the names, none of which is there twice.
    Object(Vec<(&'b str, Literal<'b>)>),
}

impl Literal<'_> {
    /// Whether a value is this one (JSON Schema core §4.2.2): numbers by their values, objects in any order.
    pub(super) fn is(&self, value: Value<'_>) -> bool {
        match self {
            Self::Null => value.kind() == Kind::Null,
            Self::Bool(expected) => value.as_bool() == Some(*expected),
            Self::Number(expected) => value.as_number().is_some_and(|number| number == *expected),
            Self::String(expected) => value
                .as_string()
                .is_some_and(|string| string.eq_str(expected)),
            Self::Array(expected) => {
                value.kind() == Kind::Array
                    && value.len() == expected.len()
                    && expected
                        .iter()
                        .zip(value.elements())
                        .all(|(literal, value)| literal.is(value))
            }
            // No name is there twice on either side, so that as many that are found are all.
            Self::Object(expected) => {
                value.kind() == Kind::Object
                    && value.len() == expected.len()
                    && value.members().all(|(name, value)| {
                        let found = expected.binary_search_by(|(other, _)| order(other, name));
                        let literal = found.ok().and_then(|place| expected.get(place));
                        literal.is_some_and(|(_, literal)| literal.is(value))
                    })
            }
        }
    }
}

/// The order of a name that a schema has and one that was sent.
pub(super) fn order(ours: &str, sent: JsonStr<'_>) -> Ordering {
    if sent.has_escapes() {
        ours.chars().cmp(sent.chars())
    } else {
        ours.cmp(sent.raw())
    }
}
