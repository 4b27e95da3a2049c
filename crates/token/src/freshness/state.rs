//! How usable keys are, in one word.

use std::fmt;

/// How usable keys are, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetState {
    /// They are fresh.
    Fresh,
    /// They are used while they are refreshed.
    Stale,
    /// They are used because the issuer fails.
    Failing,
    /// They have to be fetched before they are used.
    Expired,
    /// The issuer says that there are none, or none that can be used.
    Unusable,
    /// There are none.
    Missing,
}

/// One word each.
impl fmt::Display for KeySetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Failing => "failing",
            Self::Expired => "expired",
            Self::Unusable => "unusable",
            Self::Missing => "missing",
        })
    }
}
