//! `allowed_outbound_hosts`: where a component may send requests to.
//!
//! An entry is `scheme://host:port`. The scheme is a name or `*`. The host is a name, an address, a
//! network (`10.0.0.0/8`), `*.example.com` for every name below it, `*`, or `self` for this
//! application; `NAME.spin.internal` is another component of it. The port is a number, a range `8000..9000` without its end, `*`, or left out where
//! the scheme has a well-known one. What no entry allows is refused.

use std::net::IpAddr;
use std::ops::Range;

use anyhow::{Context as _, Result, ensure};

/// Entries of one component.
const ENTRIES_MAX: usize = 1000;

/// What one component may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<AllowedHosts>);

/// Where a request wants to go.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Name or address; an IPv6 address may stand in brackets.
    pub host: &'a str,
    /// The port, where one is given.
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedHosts {
    /// None is any.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// Every name that ends with this; it starts with a dot.
    Below(String),
    ThisApplication,
    Name(String),
    Address(IpAddr),
    Network(IpAddr, u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PortPattern {
    Any,
    One(u16),
    Range(Range<u16>),
}

impl AllowList {
    /// Reads the entries, variables already expanded. An entry that expanded to nothing, or to
    /// nothing but `http://` or `https://`, allows nothing: an optional upstream that was not given.
    ///
    /// # Errors
    ///
    /// Names the entry and what is wrong with it.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut list = Vec::new();
        for entry in entries {
            let entry = entry.as_ref().trim();
            if matches!(entry, "" | "http://" | "https://") {
                continue;
            }
            ensure!(
                list.len() < ENTRIES_MAX,
                "more than {ENTRIES_MAX} entries in `allowed_outbound_hosts`"
            );
            list.push(
                AllowedHosts::parse(entry)
                    .with_context(|| format!("`{entry}` in `allowed_outbound_hosts`"))?,
            );
        }
        Ok(Self(list))
    }

    /// Whether a request may be sent there.
    #[must_use]
    pub fn allows(&self, to: Destination<'_>) -> bool {
        self.0.iter().any(|entry| {
            entry.allows_scheme(to.scheme)
                && entry.host.allows(to.host)
                && entry
                    .port
                    .allows(to.port.or_else(|| default_port(to.scheme)))
        })
    }

    /// Whether some request may be sent to this host, whatever its scheme and port.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        self.0.iter().any(|entry| entry.host.allows(host))
    }

    /// Whether a request may be sent to this application itself.
    #[must_use]
    pub fn allows_self(&self, scheme: &str) -> bool {
        self.0.iter().any(|entry| {
            entry.allows_scheme(scheme)
                && matches!(entry.host, HostPattern::Any | HostPattern::ThisApplication)
        })
    }
}

impl AllowedHosts {
    fn parse(entry: &str) -> Result<Self> {
        let (scheme, rest) = entry
            .split_once("://")
            .context("has no scheme; write it as `https://example.com`")?;
        let any_scheme = scheme == "*";
        ensure!(
            any_scheme || (!scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphabetic())),
            "the scheme may only have letters, or be `*`"
        );
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = split_port(rest)?;
        Ok(Self {
            host: HostPattern::parse(host)?,
            port: PortPattern::parse(port, &scheme)?,
            scheme: (!any_scheme).then_some(scheme),
        })
    }

    fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme
            .as_ref()
            .is_none_or(|allowed| allowed.eq_ignore_ascii_case(scheme))
    }
}

/// Splits `host:port/`; a network and an IPv6 address keep their slashes and colons.
fn split_port(rest: &str) -> Result<(&str, Option<&str>)> {
    if parse_network(rest).is_some() || rest.parse::<IpAddr>().is_ok() {
        return Ok((rest, None));
    }
    let (authority, path) = match rest.rsplit_once(':') {
        // `10.0.0.0/8:80`: the slash belongs to the network.
        Some((host, port)) if parse_network(host).is_some() => match port.split_once('/') {
            Some((_, path)) => (rest.strip_suffix('/').unwrap_or(rest), path),
            None => (rest, ""),
        },
        _ => rest.split_once('/').unwrap_or((rest, "")),
    };
    ensure!(
        path.is_empty(),
        "has a path; only scheme, host and port may be given"
    );
    ensure!(
        !authority.contains('@'),
        "has a user name; only scheme, host and port may be given"
    );
    if authority.ends_with(']') {
        return Ok((authority, None));
    }
    Ok(match authority.rsplit_once(':') {
        Some((host, port)) => (host, (!port.is_empty()).then_some(port)),
        None => (authority, None),
    })
}

impl HostPattern {
    fn parse(host: &str) -> Result<Self> {
        if host == "*" {
            return Ok(Self::Any);
        }
        if matches!(host, "self" | "self.alt") {
            return Ok(Self::ThisApplication);
        }
        if let Some(address) = parse_address(host) {
            return Ok(Self::Address(address));
        }
        if let Some((address, bits)) = parse_network(host) {
            return Ok(Self::Network(address, bits));
        }
        let host = host.to_ascii_lowercase();
        let (name, below) = match host.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (host.as_str(), false),
        };
        ensure!(
            !name.contains('*'),
            "a `*` may only be the whole host or its first label"
        );
        ensure!(is_name(name), "`{name}` is not a host name");
        Ok(if below {
            Self::Below(format!(".{name}"))
        } else {
            Self::Name(name.to_owned())
        })
    }

    fn allows(&self, host: &str) -> bool {
        match (self, parse_address(host)) {
            (Self::Any, _) => true,
            (Self::Address(allowed), Some(address)) => *allowed == address,
            (Self::Network(network, bits), Some(address)) => contains(*network, *bits, address),
            (Self::Name(name), None) => name.eq_ignore_ascii_case(host),
            (Self::Below(suffix), None) => ends_with_ignoring_case(host, suffix),
            _ => false,
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn ends_with_ignoring_case(host: &str, suffix: &str) -> bool {
    let (host, suffix) = (host.as_bytes(), suffix.as_bytes());
    host.len() > suffix.len()
        && host
            .iter()
            .rev()
            .zip(suffix.iter().rev())
            .all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// An address, an IPv6 one with or without brackets.
fn parse_address(host: &str) -> Option<IpAddr> {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

fn parse_network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    (bits <= bits_max).then_some((address, bits))
}

fn contains(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let ignored = 32_u32.saturating_sub(bits);
            let head = |ip: std::net::Ipv4Addr| ip.to_bits().checked_shr(ignored).unwrap_or(0);
            head(network) == head(address)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let ignored = 128_u32.saturating_sub(bits);
            let head = |ip: std::net::Ipv6Addr| ip.to_bits().checked_shr(ignored).unwrap_or(0);
            head(network) == head(address)
        }
        _ => false,
    }
}

impl PortPattern {
    fn parse(port: Option<&str>, scheme: &str) -> Result<Self> {
        let Some(port) = port else {
            return default_port(scheme).map(Self::One).context(
                "has no port, and its scheme has no well-known one; add one, or `:*` for any",
            );
        };
        if port == "*" {
            return Ok(Self::Any);
        }
        let number = |text: &str| {
            text.parse::<u16>()
                .with_context(|| format!("`{text}` is not a port"))
        };
        if let Some((start, end)) = port.split_once("..") {
            return Ok(Self::Range(number(start)?..number(end)?));
        }
        Ok(Self::One(number(port)?))
    }

    fn allows(&self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::One(allowed), Some(port)) => *allowed == port,
            (Self::Range(range), Some(port)) => range.contains(&port),
            (_, None) => false,
        }
    }
}

/// The port of a scheme where none is given.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
