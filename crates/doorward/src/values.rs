//! Values of flags.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use doorward_host::IpNet;
use doorward_host::options::{HTTP2_WINDOW_BYTES_MAX, HTTP2_WINDOW_BYTES_MIN, INSTANCES_MAX};

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

/// A duration as [`duration`] reads it, that is one.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it has to be more than nothing".to_owned()),
        time => Ok(time),
    }
}

/// An address, or a network with the length of its prefix.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network = address.or_else(|_| text.parse::<IpNet>());
    network.map_err(|_| {
        "it has to be an address or a network, such as 192.0.2.1 or 10.0.0.0/8".to_owned()
    })
}

/// A share of at least 1 per cent.
pub(crate) fn per_cent(text: &str) -> Result<usize, String> {
    within(text.strip_suffix('%').unwrap_or(text), 1..=100)
}

/// As many instances as the host has room for.
pub(crate) fn instances(text: &str) -> Result<usize, String> {
    within(text, 1..=INSTANCES_MAX)
}

/// As many bytes as a window of HTTP/2 can have.
pub(crate) fn http2_window(text: &str) -> Result<u32, String> {
    within(text, HTTP2_WINDOW_BYTES_MIN..=HTTP2_WINDOW_BYTES_MAX)
}

/// A number of this range.
fn within<N: FromStr + PartialOrd + Display>(
    text: &str,
    range: RangeInclusive<N>,
) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (least, most) = range.into_inner();
        format!("it has to be a number from {least} to {most}")
    })
}

/// A count of at least 1, in 32 bits.
pub(crate) fn count_u32(text: &str) -> Result<u32, String> {
    u32::try_from(count(text)?).map_err(|_| format!("it has to be at most {}", u32::MAX))
}

/// A host, with a port or without one, as URLs have it.
pub(crate) fn authority(text: &str) -> Result<http::uri::Authority, String> {
    let wrong = || "it has to be a host, or a host and a port: orders.internal:50051".to_owned();
    let authority: http::uri::Authority = text.parse().map_err(|_| wrong())?;
    let port = text.rsplit_once(']').map_or(text, |(_, port)| port);
    if authority.as_str().contains('@') || (port.contains(':') && authority.port_u16().is_none()) {
        return Err(wrong());
    }
    Ok(authority)
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
    fn a_window_has_32_kib_at_least_and_fits_twice_into_31_bits() {
        for (text, expected) in [
            ("32768", Some(32_768)),
            ("536870912", Some(536_870_912)),
            ("32767", None),
            ("536870913", None),
            ("64k", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(http2_window(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_network_is_an_address_or_has_the_length_of_its_prefix() {
        for (text, expected) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("192.0.2.1", Some("192.0.2.1/32")),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("fd00::/8", Some("fd00::/8")),
            ("10.0.0.0/33", None),
            ("proxy.example", None),
            ("", None),
        ] {
            let found = network(text).ok().map(|network| network.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_share_is_from_1_to_100_per_cent() {
        for (text, expected) in [
            ("80", Some(80)),
            ("80%", Some(80)),
            ("100", Some(100)),
            ("0", None),
            ("101", None),
            ("-1", None),
        ] {
            assert_eq!(per_cent(text).ok(), expected, "{text}");
        }
        assert!(some_time("0").is_err());
        assert_eq!(some_time("1ms"), Ok(Duration::from_millis(1)));
    }

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
    fn a_server_is_named_as_in_urls() {
        for (text, is_one) in [
            ("orders.internal:50051", true),
            ("orders.internal", true),
            ("[::1]:80", true),
            ("[::1]", true),
            ("", false),
            ("http://orders", false),
            ("orders/a", false),
            ("me@orders", false),
            ("orders:", false),
            ("orders:grpc", false),
        ] {
            assert_eq!(authority(text).is_ok(), is_one, "{text:?}");
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
