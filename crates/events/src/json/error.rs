//! Why a text is no JSON value.

use core::fmt;

use super::bounds::{DEPTH_MAX, EXPONENT_MAX, NUMBER_CHARS_MAX, TEXT_BYTES_MAX};

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// At which byte of the text, from 0.
    pub offset: usize,
    /// What is wrong there.
    pub reason: JsonReason,
}

/// What is wrong with a text. [`JsonReason::Expected`] is RFC 8259's grammar, the others are what [`crate::json`] lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonReason {
    /// Not UTF-8.
    NotUtf8,
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// Longer than [`crate::json::TEXT_BYTES_MAX`].
    TooLong,
    /// It ends where something is missing.
    EndsEarly,
    /// Something else is there than may be.
    Expected(&'static str),
    /// Something follows the value.
    Trailing,
    /// More arrays and objects within each other than [`crate::json::DEPTH_MAX`].
    TooDeep,
    /// An object has two members of this name, of which [`crate::json::NAME_CHARS_SHOWN`] characters are kept.
    Duplicate(String),
    /// A control character in a string: it would have to be escaped.
    ControlCharacter(u8),
    /// A backslash with something that is no escape.
    BadEscape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// A number of more than [`crate::json::NUMBER_CHARS_MAX`] characters.
    NumberTooLong,
    /// An exponent beyond [`crate::json::EXPONENT_MAX`].
    ExponentTooLarge,
    /// A number beyond what a double has (IEEE 754 binary64).
    NumberTooLarge,
}

impl fmt::Display for JsonReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("invalid UTF-8"),
            Self::ByteOrderMark => f.write_str("a byte order mark, which must not be there"),
            Self::TooLong => write!(f, "longer than {} bytes", TEXT_BYTES_MAX),
            Self::EndsEarly => f.write_str("it ends in the middle of a value"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::Trailing => f.write_str("something follows the value"),
            Self::TooDeep => write!(
                f,
                "more than {} arrays and objects within each other",
                DEPTH_MAX
            ),
            Self::Duplicate(name) => write!(f, "two members with the name {name:?}"),
            Self::ControlCharacter(byte) => {
                write!(
                    f,
                    "the control character U+{byte:04X} in a string, unescaped"
                )
            }
            Self::BadEscape => f.write_str("a backslash with something that is no escape"),
            Self::LoneSurrogate => f.write_str("half of a surrogate pair"),
            Self::NumberTooLong => {
                write!(f, "a number of more than {} characters", NUMBER_CHARS_MAX)
            }
            Self::ExponentTooLarge => {
                write!(f, "a number with an exponent beyond {}", EXPONENT_MAX)
            }
            Self::NumberTooLarge => f.write_str("a number that is too large for a double"),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.reason, self.offset)
    }
}

impl core::error::Error for JsonError {}
