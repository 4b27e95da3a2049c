//! Writing `application/x-www-form-urlencoded` (RFC 6749 appendix B).

/// Adds a parameter to a form.
pub(crate) fn push(form: &mut Vec<u8>, name: &str, value: &str) {
    if !form.is_empty() {
        form.push(b'&');
    }
    form.extend_from_slice(name.as_bytes());
    form.push(b'=');
    push_value(form, value);
}

/// Adds a value, every byte of which but letters, digits and `*-._` is written as `%XX`, and a space
/// as `+`.
pub(crate) fn push_value(form: &mut Vec<u8>, value: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        match byte {
            b' ' => form.push(b'+'),
            b'*' | b'-' | b'.' | b'_' => form.push(byte),
            _ if byte.is_ascii_alphanumeric() => form.push(byte),
            _ => {
                form.push(b'%');
                for digit in [byte >> 4, byte & 15] {
                    form.extend(DIGITS.get(usize::from(digit)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{push, push_value};

    #[test]
    fn every_byte_but_the_plain_ones_is_escaped() {
        for (value, written) in [
            ("", ""),
            ("aZ09*-._", "aZ09*-._"),
            (" +%&=~", "+%2B%25%26%3D%7E"),
            ("\u{e9}\n\0", "%C3%A9%0A%00"),
            // The example of RFC 6749 appendix B.
            (" %&+\u{a3}\u{20ac}", "+%25%26%2B%C2%A3%E2%82%AC"),
        ] {
            let mut form = Vec::new();
            push_value(&mut form, value);
            assert_eq!(String::from_utf8(form).as_deref(), Ok(written), "{value:?}");
        }
    }

    #[test]
    fn parameters_are_joined() {
        let mut form = Vec::new();
        push(&mut form, "a", "1&b=2");
        push(&mut form, "c", "");
        assert_eq!(form, b"a=1%26b%3D2&c=");
    }
}
