//! Why a pattern cannot be compiled.

use core::fmt;

/// Largest automaton of one pattern, in bytes of the program.
pub const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// Why a pattern cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It is no regular expression of ECMA-262. What is wrong with it.
    Malformed(String),
    /// It has this, which needs more than a finite automaton.
    Unsupported(String),
    /// Its automaton has more than [`PATTERN_BYTES_MAX`] bytes.
    TooLarge,
}

impl From<&str> for PatternError {
    fn from(reason: &str) -> Self {
        Self::Malformed(reason.to_owned())
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) => f.write_str(reason),
            Self::Unsupported(what) => write!(f, "{what}, is not supported"),
            Self::TooLarge => write!(
                f,
                "the pattern is too large: its automaton may have {PATTERN_BYTES_MAX} bytes"
            ),
        }
    }
}

impl core::error::Error for PatternError {}
