//! What a letter of a token is.

/// Whether a byte is one of the letters, the dot included.
pub(super) const fn is_letter(byte: u8) -> bool {
    matches!(byte, b'.' | b'-' | b'_' | b'~' | b'+' | b'/') || byte.is_ascii_alphanumeric()
}
