//! What the interfaces say to each other: the same types under two names, for they are generated for each.

use rusqlite::types;

use super::bindings::fermyon::spin::sqlite as spin_v2;
use super::bindings::spin::sqlite::sqlite as spin;
use crate::interfaces::sqlite::connection::QueryResult;
use crate::interfaces::sqlite::error::SqliteError;
use crate::interfaces::sqlite::statement::Row;

/// To and from the types of an interface.
macro_rules! conversions {
    ($interface:ident) => {
        impl From<SqliteError> for $interface::Error {
            fn from(error: SqliteError) -> Self {
                match error {
                    SqliteError::AccessDenied => Self::AccessDenied,
                    SqliteError::InvalidConnection => Self::InvalidConnection,
                    SqliteError::DatabaseFull => Self::DatabaseFull,
                    SqliteError::Io(reason) => Self::Io(reason),
                }
            }
        }

        impl From<types::Value> for $interface::Value {
            fn from(value: types::Value) -> Self {
                match value {
                    types::Value::Null => Self::Null,
                    types::Value::Integer(number) => Self::Integer(number),
                    types::Value::Real(number) => Self::Real(number),
                    types::Value::Text(text) => Self::Text(text),
                    types::Value::Blob(bytes) => Self::Blob(bytes),
                }
            }
        }

        impl From<$interface::Value> for types::Value {
            fn from(value: $interface::Value) -> Self {
                match value {
                    $interface::Value::Null => Self::Null,
                    $interface::Value::Integer(number) => Self::Integer(number),
                    $interface::Value::Real(number) => Self::Real(number),
                    $interface::Value::Text(text) => Self::Text(text),
                    $interface::Value::Blob(bytes) => Self::Blob(bytes),
                }
            }
        }

        impl From<Row> for $interface::RowResult {
            fn from(row: Row) -> Self {
                let values = row.into_iter().map($interface::Value::from);
                Self {
                    values: values.collect(),
                }
            }
        }

        impl From<QueryResult> for $interface::QueryResult {
            fn from(result: QueryResult) -> Self {
                let rows = result.rows.into_iter().map($interface::RowResult::from);
                Self {
                    columns: result.columns,
                    rows: rows.collect(),
                }
            }
        }
    };
}

conversions!(spin);
conversions!(spin_v2);
