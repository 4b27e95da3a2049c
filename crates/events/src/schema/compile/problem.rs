//! What a schema has that cannot be compiled.

use core::fmt;

/// One thing that is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Where in it (RFC 6901), with the keyword if there is one: empty for the whole of it.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            pointer,
            reason,
        } = self;
        write!(f, "{file}: at #{pointer}: {reason}")
    }
}

/// A pointer to a member of what another one points to.
pub(super) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
