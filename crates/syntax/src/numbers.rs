//! Numbers in fields.

/// `1*DIGIT`, such as `delta-seconds` (RFC 9111 section 1.2.2): digits only. A number that is too large is the
/// largest one.
#[must_use]
pub fn parse_digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::parse_digits;

    #[test]
    fn a_number_has_digits_only_and_may_be_too_large_to_tell() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0003", Some(3)),
            ("120", Some(120)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("", None),
            (" 1", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("3e2", None),
            ("0x10", None),
            ("\u{661}", None),
        ] {
            assert_eq!(parse_digits(text), expected, "{text:?}");
        }
    }
}
