//! Where a Redis is: `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS.

use std::fmt;

use ::redis::{ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo};

/// Bytes of an address.
const ADDRESS_BYTES_MAX: usize = 4096;
/// The schemes, without and with TLS.
const PLAIN: &str = "redis";
const SECURE: &str = "rediss";

/// An address.
#[derive(Clone)]
pub struct Address {
    /// As it was written. It may have a password in it.
    pub text: String,
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// Name or address, an IPv6 one without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is said first: user, password and database.
    pub greeting: RedisConnectionInfo,
}

impl Address {
    /// Reads an address; none where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let tls = scheme.eq_ignore_ascii_case(SECURE);
        if !tls && !scheme.eq_ignore_ascii_case(PLAIN) {
            return None;
        }
        // TLS is ours, so the crate is not to know of it. In its addresses a fragment turns the checks of TLS off.
        if rest.contains('#') {
            return None;
        }
        let info = format!("{PLAIN}://{rest}").into_connection_info().ok()?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return None;
        };
        Some(Self {
            text: text.to_owned(),
            tls,
            host: host.clone(),
            port: *port,
            greeting: info.redis_settings().clone(),
        })
    }

    /// Where it is, for messages.
    pub fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Its scheme.
    pub fn scheme(&self) -> &'static str {
        if self.tls { SECURE } else { PLAIN }
    }
}

// By hand: it may have a password in it.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.place())
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Address {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_as_whom() {
        for (text, scheme, host, port, user, password, database) in [
            ("redis://db", "redis", "db", 6379, None, None, 0),
            ("REDIS://db:1/", "redis", "db", 1, None, None, 0),
            ("rediss://db", "rediss", "db", 6379, None, None, 0),
            ("redis://[::1]:7/3", "redis", "::1", 7, None, None, 3),
            ("redis://:s%20@db", "redis", "db", 6379, None, Some("s "), 0),
            (
                "rediss://me:secret@10.0.0.1:7/15",
                "rediss",
                "10.0.0.1",
                7,
                Some("me"),
                Some("secret"),
                15,
            ),
        ] {
            let address = Address::parse(text).unwrap();
            let said = (address.scheme(), address.host.as_str(), address.port);
            assert_eq!(said, (scheme, host, port), "{text}");
            let greeting = &address.greeting;
            let said = (greeting.username(), greeting.password(), greeting.db());
            assert_eq!(said, (user, password, database), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_address() {
        let long = format!("redis://db/{}", "0".repeat(ADDRESS_BYTES_MAX));
        for text in [
            "",
            "db",
            "db:6379",
            "redis://",
            "redis://:1",
            "redis://db:port",
            "redis://db/name",
            "redis://db:66000",
            "http://db",
            "valkey://db",
            "unix:///run/redis",
            "redis+unix:///run/redis",
            "rediss://db#insecure",
            "rediss://db/#insecure",
            &long,
        ] {
            assert!(Address::parse(text).is_none(), "{text}");
        }
    }
}
