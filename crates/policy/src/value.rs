//! The values of a policy file, each with its place.

use std::borrow::Cow;

/// Something with the byte offset at which it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<T> {
    pub(crate) offset: usize,
    pub(crate) value: T,
}

pub(crate) enum Value<'s> {
    Text(Cow<'s, str>),
    /// `None`: more than 64 bits.
    Integer(Option<i64>),
    Boolean(bool),
    Float,
    Datetime,
    Array {
        values: Vec<At<Value<'s>>>,
        /// Whether it was made by `[[…]]`.
        of_tables: bool,
    },
    Table(TableId),
}

impl Value<'_> {
    /// What it is, with an article.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Float => "a float",
            Self::Datetime => "a datetime",
            Self::Array { .. } => "an array",
            Self::Table(_) => "a table",
        }
    }
}

/// The position of a table in its document.
pub(crate) type TableId = usize;
