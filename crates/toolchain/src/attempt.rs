//! What was tried, for the error that lists it.

use std::fmt;

/// One way that did not lead to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    what: String,
    why_not: String,
}

impl Attempt {
    pub(crate) fn new(what: &str, why_not: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            why_not: why_not.into(),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why_not)
    }
}
