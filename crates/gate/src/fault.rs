//! What hosts say that fails.

use std::borrow::Cow;
use std::fmt;

/// Why a store did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The host has no such store.
    NoSuchStore,
    /// The component was not granted it.
    AccessDenied,
    /// The component has too many open.
    StoreTableFull,
    /// In the host's words.
    Other(String),
}

/// As log lines have it.
impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchStore => f.write_str("Error::NoSuchStore"),
            Self::AccessDenied => f.write_str("Error::AccessDenied"),
            Self::StoreTableFull => f.write_str("Error::StoreTableFull"),
            Self::Other(text) => f.debug_tuple("Error::Other").field(text).finish(),
        }
    }
}

/// Why the host cannot give what the operator set up: a variable or a file. It is for the log and never says what is
/// in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(Cow<'static, str>);

impl Unreadable {
    /// In these words.
    #[must_use]
    pub fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
