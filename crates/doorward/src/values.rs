//! Values of flags.

use std::time::Duration;

/// `KEY=VALUE`.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it has to be KEY=VALUE".to_owned()),
    }
}

/// A text that says something.
pub(crate) fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it must not be empty".to_owned());
    }
    Ok(text.to_owned())
}

/// A duration as Spin writes them: a number of seconds, or a number with `s`, `ms`, `us` or `ns`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text.contains("..") {
        return Err("a range is not served here; give one value".to_owned());
    }
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number = number.parse();
    match (number, unit) {
        (Ok(number), "" | "s") => Ok(Duration::from_secs(number)),
        (Ok(number), "ms") => Ok(Duration::from_millis(number)),
        (Ok(number), "us" | "μs" | "µs") => Ok(Duration::from_micros(number)),
        (Ok(number), "ns") => Ok(Duration::from_nanos(number)),
        _ => Err("it has to be a number of seconds, or a number with s, ms, us or ns".to_owned()),
    }
}

/// A count of at least 1.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    if text.contains("..") {
        return Err("a range is not served here; give one value".to_owned());
    }
    match text.parse() {
        Ok(0) | Err(_) => Err("it has to be a number, at least 1".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// The lifetime of a token in seconds: a number, or a number with `s`, `m`, `h` or `d`.
pub(crate) fn lifetime_s(text: &str) -> Result<i64, String> {
    const LIFETIME_S_MAX: i64 = 10 * 365 * 24 * 3600;
    let (number, seconds) = match text.char_indices().next_back() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        Some((at, 'd')) => (text.get(..at), 24 * 3600),
        _ => (Some(text), 1),
    };
    number
        .and_then(|number| number.parse::<i64>().ok())
        .and_then(|number| number.checked_mul(seconds))
        .filter(|lifetime| (-LIFETIME_S_MAX..=LIFETIME_S_MAX).contains(lifetime))
        .ok_or_else(|| "it has to be a number of seconds, or a number with s, m, h or d".to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn durations_are_written_as_spin_writes_them() {
        for (text, expected) in [
            ("1", Some(Duration::from_secs(1))),
            ("1s", Some(Duration::from_secs(1))),
            ("250ms", Some(Duration::from_millis(250))),
            ("7us", Some(Duration::from_micros(7))),
            ("9ns", Some(Duration::from_nanos(9))),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1..8s", None),
            ("1h", None),
        ] {
            assert_eq!(duration(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn lifetimes_may_be_negative_and_are_bounded() {
        for (text, expected) in [
            ("90", Some(90)),
            ("15m", Some(900)),
            ("2h", Some(7200)),
            ("1d", Some(86400)),
            ("-60", Some(-60)),
            ("9223372036854775807", None),
            ("9223372036854775807d", None),
            ("m", None),
            ("soon", None),
        ] {
            assert_eq!(lifetime_s(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_pair_needs_a_key_and_keeps_the_rest_as_the_value() {
        assert_eq!(key_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        for text in ["", "a", "=b"] {
            if let Ok(pair) = key_value(text) {
                panic!("{text:?} was read as {pair:?}");
            }
        }
    }
}
