//! White space of JSON (RFC 8259 section 2).

/// Whether a byte is white space.
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether there is nothing else.
pub fn is_blank(text: &[u8]) -> bool {
    text.iter().copied().all(is_space)
}
