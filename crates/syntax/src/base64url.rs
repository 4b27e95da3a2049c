//! Base64url as JOSE wants it (RFC 7515 §2): no padding, no white space, no bit that no byte uses. And the
//! standard alphabet where certificates and HTTP Basic have it, as strictly.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD,
};

const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Decodes; `None` when the text is not strict base64url.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The same, with padding where it belongs (RFC 4648 §5), which some issuers write in their key sets.
#[must_use]
pub fn decode_padded(text: &[u8]) -> Option<Vec<u8>> {
    GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT)
        .decode(text)
        .ok()
}

/// Decodes the standard alphabet (RFC 4648 §4), with or without padding.
#[must_use]
pub fn decode_standard(text: &[u8]) -> Option<Vec<u8>> {
    GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT)
        .decode(text)
        .ok()
}

/// Decodes the standard alphabet with its padding (RFC 4648 §4), as HTTP Basic has it; `None` where the
/// padding is missing, a bit is set that no byte uses, or something else is in the text.
#[must_use]
pub fn decode_standard_padded(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether [`decode_standard_padded`] would decode this, without what comes of it.
#[must_use]
pub fn is_standard_padded(text: &[u8]) -> bool {
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] => digits,
        digits => digits,
    };
    let Some(last) = digits.last() else {
        return text.is_empty();
    };
    // How many bits of the last digit no byte uses.
    let unused = match digits.len() % 4 {
        2 => 15,
        3 => 3,
        _ => 0,
    };
    text.len().is_multiple_of(4)
        && digits.iter().all(|digit| value_of(*digit).is_some())
        && value_of(*last).is_some_and(|value| value & unused == 0)
}

/// The value of a digit of the standard alphabet.
const fn value_of(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// Encodes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    push(&mut text, bytes, ['-', '_']);
    text
}

/// Encodes with the standard alphabet and padding (RFC 4648 §4), which HTTP Basic wants.
#[must_use]
pub fn encode_standard(bytes: &[u8]) -> String {
    let mut text = encode_standard_unpadded(bytes);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Encodes with the standard alphabet without padding, which gRPC wants in fields whose names end with `-bin`.
#[must_use]
pub fn encode_standard_unpadded(bytes: &[u8]) -> String {
    let mut text = String::new();
    push(&mut text, bytes, ['+', '/']);
    text
}

/// Written here because the library's encoder takes ten times the room in a component.
fn push(text: &mut String, bytes: &[u8], [digit_62, digit_63]: [char; 2]) {
    for group in bytes.chunks(3) {
        // Three bytes, those that are missing being zero, are four digits.
        let mut number = 0_u32;
        for place in 0..3 {
            let byte = group.get(place).copied().unwrap_or_default();
            number = number << 8 | u32::from(byte);
        }
        for _ in 0..=group.len() {
            let digit = (number >> 18 & 63) as u8;
            number <<= 6;
            text.push(match digit {
                0..26 => char::from(b'A' + digit),
                26..52 => char::from(b'a' + digit - 26),
                52..62 => char::from(b'0' + digit - 52),
                62 => digit_62,
                _ => digit_63,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{decode, decode_standard_padded, encode, encode_standard, is_standard_padded};

    #[test]
    fn strict_text_decodes() {
        assert_eq!(decode(b""), Some(vec![]));
        assert_eq!(decode(b"-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(decode(b"AAEC"), Some(vec![0, 1, 2]));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "A", "AA==", "AA=", "AB", "AAB", "A A", "AA\n", " AA", "+/8", "AA.A", "\u{e9}A",
            "AAAA\0",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?} must be refused");
        }
    }

    #[test]
    fn the_standard_alphabet_with_padding_is_read_as_strictly() {
        for (text, bytes) in [
            ("", Some(&[][..])),
            ("+/8=", Some(&[0xfb, 0xff])),
            ("AA==", Some(&[0])),
            ("AAEC", Some(&[0, 1, 2])),
            ("AAECAA==", Some(&[0, 1, 2, 0])),
            // Without all of its padding, or with too much.
            ("AA", None),
            ("AA=", None),
            ("AAA", None),
            ("AA===", None),
            ("A===", None),
            ("====", None),
            ("AAEC====", None),
            // Padding in the midst of it.
            ("AA==AAEC", None),
            ("A=AA", None),
            ("AA=A", None),
            // Bits that no byte uses.
            ("AB==", None),
            ("AAB=", None),
            // Another alphabet, white space, and what is in none.
            ("-_8=", None),
            ("AA==\n", None),
            (" AA==", None),
            ("A A=", None),
            ("\u{e9}A=", None),
        ] {
            let found = decode_standard_padded(text.as_bytes());
            assert_eq!(found.as_deref(), bytes, "{text:?}");
            assert_eq!(
                is_standard_padded(text.as_bytes()),
                bytes.is_some(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for length in 0..70_usize {
            for step in [1, 37, 101, 255] {
                let bytes: Vec<u8> = (0..length).map(|at| (at * step) as u8).collect();
                let text = encode(&bytes);
                assert_eq!(
                    decode(text.as_bytes()).as_deref(),
                    Some(bytes.as_slice()),
                    "{text}"
                );
                let standard = encode_standard(&bytes);
                assert_eq!(standard, STANDARD.encode(&bytes));
                assert_eq!(decode_standard_padded(standard.as_bytes()), Some(bytes));
            }
        }
    }

    #[test]
    fn what_decodes_is_told_without_decoding() {
        for first in 0..=u8::MAX {
            for (second, third) in [
                (b'A', b'='),
                (b'Q', b'='),
                (b'R', b'A'),
                (b'/', b'E'),
                (b'=', b'A'),
            ] {
                for text in [
                    [first, second, third, b'='],
                    [second, third, first, b'='],
                    [b'A', second, third, first],
                ] {
                    let expected = decode_standard_padded(&text).is_some();
                    assert_eq!(
                        is_standard_padded(&text),
                        expected,
                        "{}",
                        text.escape_ascii()
                    );
                }
            }
        }
    }

    /// RFC 4648 §10, and every digit.
    #[test]
    fn encoded_text_is_that_of_the_specification() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode_standard(bytes.as_bytes()), text);
            assert_eq!(encode(bytes.as_bytes()), text.trim_end_matches('='));
        }
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bytes = decode(digits.as_bytes()).unwrap_or_default();
        assert_eq!(encode(&bytes), digits);
        let standard = digits.replace('-', "+").replace('_', "/");
        assert_eq!(encode_standard(&bytes), standard);
    }
}
