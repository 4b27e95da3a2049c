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
pub struct Unreadable {
    reason: Cow<'static, str>,
    help: Option<&'static str>,
}

impl Unreadable {
    /// In these words.
    #[must_use]
    pub fn because(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: reason.into(),
            help: None,
        }
    }

    /// A file is embedded in the component, and mounted as well.
    #[must_use]
    pub fn twice() -> Self {
        Self {
            reason: "it is embedded in this component and mounted as well, and nobody says which one counts".into(),
            help: Some(
                "take it out of `files`, or use a component that it is not embedded in (`doorward compose` without it)",
            ),
        }
    }

    /// There is no file in the component.
    #[must_use]
    pub fn not_embedded() -> Self {
        Self {
            reason: "nothing is embedded in this component".into(),
            help: Some("embed it: `doorward compose --policy FILE`"),
        }
    }

    /// What to do, where that is not what one does about a file that is not there.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        self.help
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
