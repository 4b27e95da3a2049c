//! Forms, `application/x-www-form-urlencoded` (RFC 6749 appendix B, and the URL standard), and the escapes that
//! queries have, too (RFC 3986 section 2.1).

/// The parameters of a form, name and value, both still encoded. What is empty between two `&` is none.
pub fn parameters(form: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    form.split(|&byte| byte == b'&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let mut halves = parameter.splitn(2, |&byte| byte == b'=');
            let name = halves.next().unwrap_or_default();
            (name, halves.next().unwrap_or_default())
        })
}

/// Whether every byte is one that a form has: all other ones it writes as `%XX`. People write some by hand.
#[must_use]
pub fn is_encoded(form: &[u8]) -> bool {
    form.iter().all(u8::is_ascii_graphic)
}

/// Decodes a name or a value: `+` is a space, `%` with two hexadecimal digits is a byte, and any other byte is
/// itself ([`is_encoded`] says whether there may be one). `None` where a `%` has no such digits.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    unescaped(text, b' ')
}

/// The bytes of a text that is percent-encoded (RFC 3986 section 2.1), where `+` is itself. `None` where a `%` has no two
/// hexadecimal digits.
#[must_use]
pub fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    unescaped(text, b'+')
}

fn unescaped(mut text: &[u8], plus: u8) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    while let Some((&byte, mut rest)) = text.split_first() {
        decoded.push(match byte {
            b'+' => plus,
            b'%' => {
                let (&[high, low], after) = rest.split_first_chunk()?;
                rest = after;
                escaped_byte(high, low)?
            }
            byte => byte,
        });
        text = rest;
    }
    Some(decoded)
}

/// The byte that is written as `%` and these two hexadecimal digits, in either case.
#[must_use]
pub fn escaped_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Adds a parameter to a form.
pub fn push(form: &mut Vec<u8>, name: &str, value: &str) {
    if !form.is_empty() {
        form.push(b'&');
    }
    form.extend_from_slice(name.as_bytes());
    form.push(b'=');
    push_value(form, value);
}

/// Adds a value, every byte of which but letters, digits and `*-._` is written as `%XX`, and a space
/// as `+`.
pub fn push_value(form: &mut Vec<u8>, value: &str) {
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
    use super::{decode, escaped_byte, is_encoded, parameters, percent_decode, push, push_value};

    #[test]
    fn parameters_are_what_is_between_and_signs() {
        for (form, expected) in [
            ("", &[][..]),
            ("&&", &[]),
            ("a", &[("a", "")]),
            ("a=b&c", &[("a", "b"), ("c", "")]),
            ("s=a+b%20c&&x==", &[("s", "a+b%20c"), ("x", "=")]),
            ("=a&=", &[("", "a"), ("", "")]),
            ("a=1;b=2", &[("a", "1;b=2")]),
        ] {
            let found: Vec<_> = parameters(form.as_bytes()).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
                .collect();
            assert_eq!(found, expected, "{form}");
        }
    }

    #[test]
    fn a_value_is_decoded_once() {
        for (text, expected) in [
            ("", Some("")),
            ("a.b.c", Some("a.b.c")),
            ("a+b%20c%C3%A9", Some("a b c\u{e9}")),
            ("a%2Eb%2ec", Some("a.b.c")),
            ("%25%00", Some("%\0")),
            ("%2541", Some("%41")),
            ("a=b=", Some("a=b=")),
            ("%", None),
            ("a%4", None),
            ("a%zz", None),
            ("a%2g", None),
            ("a%+1", None),
            ("%%41", None),
            // What a form would have escaped, as people write it by hand.
            ("a b\u{e9}", Some("a b\u{e9}")),
        ] {
            let decoded = decode(text.as_bytes());
            assert_eq!(decoded.as_deref(), expected.map(str::as_bytes), "{text}");
            if !text.contains('+') {
                assert_eq!(percent_decode(text.as_bytes()), decoded, "{text}");
            }
        }
        assert_eq!(percent_decode(b"a+b%20c"), Some(b"a+b c".to_vec()));
        assert_eq!(decode(b"%ff\xff"), Some(vec![0xff, 0xff]), "whatever it is");
        for (high, low, expected) in [
            (b'0', b'0', Some(0)),
            (b'4', b'a', Some(0x4a)),
            (b'F', b'f', Some(0xff)),
            (b'g', b'0', None),
            (b'0', b' ', None),
        ] {
            assert_eq!(escaped_byte(high, low), expected);
        }
    }

    #[test]
    fn what_a_form_would_have_escaped_is_told() {
        for (form, expected) in [
            ("", true),
            ("a=b+c%20d&e", true),
            ("a=b c", false),
            ("a=b\r\n", false),
            ("a=\u{e9}", false),
            ("a=\0", false),
        ] {
            assert_eq!(is_encoded(form.as_bytes()), expected, "{form:?}");
        }
        let mut written = Vec::new();
        let all: String = (0..=255_u8).map(char::from).collect();
        push(&mut written, "a", &all);
        assert!(is_encoded(&written));
        let value = parameters(&written).next().map(|(_, value)| decode(value));
        assert_eq!(value, Some(Some(all.into_bytes())), "and decoded again");
    }

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
