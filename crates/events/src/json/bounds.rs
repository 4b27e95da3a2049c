//! How far a JSON value may go.

/// Most arrays and objects within each other.
pub const DEPTH_MAX: usize = 64;
/// Longest number, in characters: a double written out in full has 17 digits that count.
pub const NUMBER_CHARS_MAX: usize = 256;
/// Largest exponent of a number, either way. Numbers are compared as they are written, not as doubles, so that one that
/// is below every double but 0 still has its value.
pub const EXPONENT_MAX: i32 = 9_999;
/// Longest text, in bytes: where a value is and how many parts it has is kept in 28 bits.
pub const TEXT_BYTES_MAX: usize = (1 << 28) - 1;
/// Most characters of a member's name that an error repeats.
pub const NAME_CHARS_SHOWN: usize = 64;
