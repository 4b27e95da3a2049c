//! Where a PostgreSQL is: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`, or `host=… user=…` as libpq has it.

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::error::{PostgresError, PostgresResult, words};

/// Bytes of an address.
const ADDRESS_BYTES_MAX: usize = 4096;
/// Hosts of an address, which are tried one after the other.
const HOSTS_MAX: usize = 8;
/// Where a server listens unless the address says otherwise.
const PORT: u16 = 5432;

/// An address.
#[derive(Clone)]
pub struct Address {
    /// As it was written. It may have a password in it.
    pub text: String,
    /// What it says.
    pub config: Config,
    /// Name or address, and port.
    pub places: Vec<(String, u16)>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, without the password.
    pub fn parse(text: &str) -> PostgresResult<Self> {
        let failed = |why: &str| PostgresError::ConnectionFailed(why.to_owned());
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(failed("the address is too long"));
        }
        let config: Config = text.parse().map_err(|error| failed(&words(&error)))?;
        // Elsewhere it is connected to in place of the host, which is what is allowed or not.
        if !config.get_hostaddrs().is_empty() {
            return Err(failed("`hostaddr` is not supported: write it as `host`"));
        }
        let hosts = config.get_hosts();
        let ports = config.get_ports();
        if hosts.is_empty() || hosts.len() > HOSTS_MAX {
            return Err(failed("the address has no host, or too many"));
        }
        if ports.len() > 1 && ports.len() != hosts.len() {
            return Err(failed("the address has not as many ports as hosts"));
        }
        let mut places = Vec::with_capacity(hosts.len());
        for (index, host) in hosts.iter().enumerate() {
            let Host::Tcp(host) = host else {
                return Err(failed("Unix sockets are not supported on WebAssembly"));
            };
            let port = ports.get(index).or(ports.first());
            places.push((host.clone(), port.copied().unwrap_or(PORT)));
        }
        Ok(Self {
            text: text.to_owned(),
            config,
            places,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where() {
        for (text, places) in [
            ("postgres://db", vec![("db", 5432)]),
            ("postgresql://me:secret@db:7/own", vec![("db", 7)]),
            ("postgres://me@[::1]:7", vec![("::1", 7)]),
            ("host=db user=me password='a b'", vec![("db", 5432)]),
            ("host=10.0.0.1 port=7", vec![("10.0.0.1", 7)]),
            ("postgres://a:1,b:2/own", vec![("a", 1), ("b", 2)]),
            ("host=a,b port=7", vec![("a", 7), ("b", 7)]),
        ] {
            let had = Address::parse(text).unwrap().places;
            let had: Vec<(&str, u16)> = had.iter().map(|(h, port)| (h.as_str(), *port)).collect();
            assert_eq!(had, places, "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_address() {
        let long = format!("postgres://db/{}", "a".repeat(ADDRESS_BYTES_MAX));
        let many = format!("host={}", ["a"; HOSTS_MAX + 1].join(","));
        for text in [
            "",
            "db",
            "postgres://",
            "postgres:///own",
            "http://db",
            "redis://db",
            "postgres://db:port",
            "postgres://db?nonsense=1",
            "postgres://%2Frun%2Fpostgresql/own",
            "host=/run/postgresql user=me",
            "host=db hostaddr=10.0.0.1",
            "hostaddr=10.0.0.1",
            "host=a,b,c port=1,2",
            &long,
            &many,
        ] {
            let refused = Address::parse(text).map(drop).unwrap_err();
            let is_right = matches!(refused, PostgresError::ConnectionFailed(_));
            assert!(is_right, "{text}: {refused:?}");
        }
    }

    #[test]
    fn no_error_has_the_password_in_it() {
        for text in [
            "postgres://me:secret@db:port",
            "postgres://me:secret@db?sslmode=secretly",
            "host=db password=secret nonsense=1",
            "host=db hostaddr=10.0.0.1 password=secret",
        ] {
            let refused = Address::parse(text).map(drop).unwrap_err();
            assert!(!format!("{refused:?}").contains("secret"), "{refused:?}");
        }
    }
}
