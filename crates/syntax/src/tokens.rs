//! Tokens (RFC 9110 section 5.6.2): methods, names of fields and most of what is in their values.

/// `tchar`: a byte of a token.
#[inline(always)]
#[must_use]
pub const fn is_tchar(byte: u8) -> bool {
    matches!(
        byte,
        b'0'..=b'9'
            | b'A'..=b'Z'
            | b'a'..=b'z'
            | b'!'
            | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}

/// Whether this is a token: one `tchar` or more.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::{is_tchar, is_token};

    #[test]
    fn a_token_has_the_characters_of_the_specification_and_no_other_ones() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_tchar(byte), expected, "{}", byte.escape_ascii());
        }
        for (text, expected) in [
            ("", false),
            ("a", true),
            ("x-a.b_c~", true),
            ("GET", true),
            ("a b", false),
            (" a", false),
            ("a:", false),
            ("a\t", false),
            ("\u{e9}", false),
            ("a\"b\"", false),
        ] {
            assert_eq!(is_token(text.as_bytes()), expected, "{text:?}");
        }
    }
}
