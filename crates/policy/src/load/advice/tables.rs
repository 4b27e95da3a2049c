//! What a document has at a place, of whatever type it should be.

use crate::source::Fields;
use crate::value::{At, Value};

/// The tables of an array.
pub(super) fn tables<'t, 's>(
    around: Fields<'t, 's>,
    array: Option<&'t At<Value<'s>>>,
) -> Vec<Fields<'t, 's>> {
    match array.map(|array| &array.value) {
        Some(Value::Array { values, .. }) => {
            values.iter().filter_map(|one| around.table(one)).collect()
        }
        _ => Vec::new(),
    }
}

/// A value, or those of an array.
pub(super) fn each<'t, 's>(value: Option<&'t At<Value<'s>>>) -> &'t [At<Value<'s>>] {
    match value.map(|value| &value.value) {
        Some(Value::Array { values, .. }) => values,
        _ => value.map_or(&[], core::slice::from_ref),
    }
}

/// A string, or the strings of an array.
pub(super) fn texts<'t>(value: Option<&'t At<Value<'_>>>) -> Vec<At<&'t str>> {
    let text = |one: &'t At<Value<'_>>| match &one.value {
        Value::Text(text) => Some(At {
            offset: one.offset,
            value: text.as_ref(),
        }),
        _ => None,
    };
    each(value).iter().filter_map(text).collect()
}
