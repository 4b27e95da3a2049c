//! Values of rows as what they mean.

use uuid::Uuid;

use crate::database::{Row, Value};
use crate::store::StoreError;

/// The text of the first row.
///
/// # Errors
/// It is another value.
pub fn first_text(rows: Vec<Row>) -> Result<String, StoreError> {
    text(first(rows))
}

/// The number of the first row.
///
/// # Errors
/// It is another value.
pub fn first_number(rows: Vec<Row>) -> Result<u64, StoreError> {
    number(first(rows))
}

/// A number that is at least 0.
///
/// # Errors
/// It is another value.
pub fn number(value: Option<Value>) -> Result<u64, StoreError> {
    match value {
        Some(Value::Integer(number)) => u64::try_from(number).ok(),
        _ => None,
    }
    .ok_or(StoreError::Unreadable("a number"))
}

/// An id. SQLite has it as a text.
///
/// # Errors
/// It is another value.
pub fn id(value: Option<Value>) -> Result<Uuid, StoreError> {
    match value {
        Some(Value::Uuid(id)) => Some(id),
        Some(Value::Text(text)) => Uuid::try_parse(&text).ok(),
        _ => None,
    }
    .ok_or(StoreError::Unreadable("an id"))
}

/// A text.
///
/// # Errors
/// It is another value.
pub fn text(value: Option<Value>) -> Result<String, StoreError> {
    optional_text(value)?.ok_or(StoreError::Unreadable("a text"))
}

/// A text, or `NULL`.
///
/// # Errors
/// It is another value.
pub fn optional_text(value: Option<Value>) -> Result<Option<String>, StoreError> {
    match value {
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(Value::Null) => Ok(None),
        _ => Err(StoreError::Unreadable("a text")),
    }
}

fn first(rows: Vec<Row>) -> Option<Value> {
    rows.into_iter().next()?.into_iter().next()
}
