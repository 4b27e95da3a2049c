//! One JSON value (RFC 8259), read strictly and in one pass, without copying anything of it.
//!
//! [`Tape::parse`] lists where each value begins and ends; a [`Value`] is a place in this list. The list is used
//! again for the next text, so that a good one costs no allocation.
//!
//! What has two meanings, or none, is refused, also where RFC 8259 leaves it to the reader:
//!
//! | refused | because |
//! |---|---|
//! | anything but UTF-8, and a byte order mark | RFC 8259 §8.1 |
//! | two members of an object with the same name, escapes undone | §4: two readers would see two documents |
//! | half of a surrogate pair | §8.2: it is no character |
//! | more than [`DEPTH_MAX`] arrays and objects within each other | §9: a bound on depth |
//! | a number of more than [`NUMBER_CHARS_MAX`] characters, with an exponent beyond [`EXPONENT_MAX`], or beyond what a double has | §6: readers would differ |
//! | more than [`TEXT_BYTES_MAX`] in all | places are kept in 32 bits |

pub mod bounds;
pub mod error;
pub mod number;
pub mod parse;
pub mod string;
pub mod value;

pub use bounds::{DEPTH_MAX, EXPONENT_MAX, NAME_CHARS_SHOWN, NUMBER_CHARS_MAX, TEXT_BYTES_MAX};
pub use error::{JsonError, JsonReason};
pub use number::Number;
pub use parse::Tape;
pub use string::JsonStr;
pub use value::{Kind, Value};
