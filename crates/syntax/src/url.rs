//! URLs of `http` and `https`: what an upstream has, and what something may be fetched from.
//!
//! A small grammar on purpose: what two parsers could read differently is refused (`docs/decisions/0006-url.md`).

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest address.
pub const URL_BYTES_MAX: usize = 2048;
/// What the hosts of components end with.
pub const COMPONENT_SUFFIX: &str = ".spin.internal";

/// Why an address was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It is longer than [`URL_BYTES_MAX`].
    TooLong,
    /// It holds white space, a control character, a backslash or something that is not ASCII.
    Character,
    /// It does not begin with `https://` or `http://`.
    Scheme,
    /// It has a user name or a password.
    UserInfo,
    /// It has a fragment.
    Fragment,
    /// Its host is empty, or a number that is not an IPv4 address in four decimal parts, or not an
    /// IPv6 address in brackets.
    Host,
    /// Its port is not a number from 1 to 65535.
    Port,
    /// It is `http`, and its host is not this machine's loopback.
    NotEncrypted,
    /// Its host is another component of the application.
    Component,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "is longer than {URL_BYTES_MAX} bytes"),
            Self::Character => f.write_str("holds a character that an address cannot hold"),
            Self::Scheme => f.write_str("does not begin with https://"),
            Self::UserInfo => f.write_str("has a user name or a password"),
            Self::Fragment => f.write_str("has a fragment"),
            Self::Host => f.write_str("has no valid host"),
            Self::Port => f.write_str("has no valid port"),
            Self::NotEncrypted => {
                f.write_str("is not https (http is for 127.0.0.0/8, [::1] and localhost)")
            }
            Self::Component => {
                f.write_str("is a component of the application (only upstreams can be)")
            }
        }
    }
}

impl std::error::Error for UrlError {}

/// What may be between here and an address that something is fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Nobody who could read or change it: `https`, or `http` from loopback.
    Safe,
    /// Anybody: `http` from any host as well, because the policy says so.
    Open,
}

/// Whether something may be fetched from this address: `https`, or `http` from loopback
/// (127.0.0.0/8, `[::1]`, `localhost`); no user name, no password, no fragment, no component of the
/// application (`*.spin.internal`).
///
/// # Errors
///
/// What speaks against it.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    UrlParts::of(url).map(|_| ())
}

/// Whether two addresses have the same scheme, host and port (RFC 6454 section 4). An address from which nothing may be
/// fetched over such a wire has no origin and equals none.
#[must_use]
pub fn same_origin(a: &str, b: &str, wire: Wire) -> bool {
    match (UrlParts::over(a, wire), UrlParts::over(b, wire)) {
        (Ok(a), Ok(b)) => {
            a.scheme == b.scheme && a.host.eq_ignore_ascii_case(b.host) && a.port == b.port
        }
        _ => false,
    }
}

/// The name of the component that a host stands for, if it is one under which components of an application reach
/// each other (Spin's service chaining): what is before [`COMPONENT_SUFFIX`]. It is empty where nothing is. Names
/// are compared without case (RFC 3986 section 3.2.2), and a dot at the end changes nothing.
#[must_use]
pub fn component_of(host: &str) -> Option<&str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.eq_ignore_ascii_case(COMPONENT_SUFFIX.trim_start_matches('.')) {
        return Some("");
    }
    let (name, suffix) = host.split_at_checked(host.len().checked_sub(COMPONENT_SUFFIX.len())?)?;
    suffix
        .eq_ignore_ascii_case(COMPONENT_SUFFIX)
        .then_some(name)
}

/// Host and port of an authority without user information (RFC 3986 section 3.2), as they are written: neither is
/// judged, and a port may be empty.
#[must_use]
pub fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // An IPv6 address has colons, and a bracket after the last one.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// An address taken apart (RFC 3986 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlParts<'u> {
    /// `https` or `http`.
    pub scheme: &'static str,
    /// Host and port as they are written.
    pub authority: &'u str,
    /// The host as it is written, an IPv6 address in brackets.
    pub host: &'u str,
    /// The port, or that of the scheme where none is written.
    pub port: u16,
    /// Empty or beginning with a slash.
    pub path: &'u str,
    /// What follows the first `?`.
    pub query: Option<&'u str>,
    path_and_query: &'u str,
    loopback: bool,
}

impl<'u> UrlParts<'u> {
    /// Whether it has the port of its scheme (RFC 9110 section 4.2).
    #[must_use]
    pub fn has_default_port(&self) -> bool {
        self.port == default_port(self.scheme)
    }

    /// Whether the host is one under which components of an application reach each other (Spin's service
    /// chaining), in any spelling.
    #[must_use]
    pub fn is_component(&self) -> bool {
        component_of(self.host).is_some()
    }

    /// What a request for it has for a target (RFC 9112 section 3.2.1): path and query, and a slash where it has no path.
    #[must_use]
    pub fn target(&self) -> Cow<'u, str> {
        if self.path.is_empty() {
            Cow::Owned("/".to_owned() + self.path_and_query)
        } else {
            Cow::Borrowed(self.path_and_query)
        }
    }

    /// Those of an address that something may be fetched from.
    ///
    /// # Errors
    ///
    /// What speaks against it, as with [`check_url`].
    pub fn of(url: &'u str) -> Result<Self, UrlError> {
        Self::over(url, Wire::Safe)
    }

    /// Those of an address that something may be fetched from over such a wire. No component is one.
    ///
    /// # Errors
    ///
    /// What speaks against it, as with [`check_url`]; over an open one never [`UrlError::NotEncrypted`].
    pub fn over(url: &'u str, wire: Wire) -> Result<Self, UrlError> {
        let parts = Self::of_any(url)?;
        if parts.is_component() {
            return Err(UrlError::Component);
        }
        if wire == Wire::Safe && parts.scheme == "http" && !parts.loopback {
            return Err(UrlError::NotEncrypted);
        }
        Ok(parts)
    }

    /// Those of any address, whether or not what is fetched from it would be encrypted: `https` or
    /// `http`, no user name, no password, no fragment.
    ///
    /// # Errors
    ///
    /// What speaks against it; never [`UrlError::NotEncrypted`] or [`UrlError::Component`].
    pub fn of_any(url: &'u str) -> Result<Self, UrlError> {
        if url.len() > URL_BYTES_MAX {
            return Err(UrlError::TooLong);
        }
        if !url.bytes().all(|byte| {
            byte.is_ascii_graphic()
                && !matches!(
                    byte,
                    b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}'
                )
        }) {
            return Err(UrlError::Character);
        }
        if url.contains('#') {
            return Err(UrlError::Fragment);
        }
        let (scheme, rest) = match (
            without_scheme(url, "https://"),
            without_scheme(url, "http://"),
        ) {
            (Some(rest), _) => ("https", rest),
            (None, Some(rest)) => ("http", rest),
            (None, None) => return Err(UrlError::Scheme),
        };
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path_and_query) =
            rest.split_at_checked(authority_end).ok_or(UrlError::Host)?;
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => default_port(scheme),
            // No sign, no empty port, no leading zero.
            Some(digits) if digits.starts_with(|first: char| matches!(first, '1'..='9')) => {
                digits.parse().map_err(|_| UrlError::Port)?
            }
            Some(_) => return Err(UrlError::Port),
        };
        let loopback = is_loopback(host)?;
        Ok(Self {
            scheme,
            authority,
            host,
            port,
            path,
            query,
            path_and_query,
            loopback,
        })
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// RFC 3986 section 3.1: schemes are compared without regard to case.
fn without_scheme<'u>(url: &'u str, scheme: &str) -> Option<&'u str> {
    let (start, rest) = url.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(UrlError::Host)?;
        let (host, rest) = authority.split_at_checked(end + 1).ok_or(UrlError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(UrlError::Host),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

/// Whether the host is loopback, by its name alone; an error when it is not a host.
fn is_loopback(host: &str) -> Result<bool, UrlError> {
    if let Some(inside) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        let address: Ipv6Addr = inside.parse().map_err(|_| UrlError::Host)?;
        return Ok(address == Ipv6Addr::LOCALHOST);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let labels_valid = name.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    if !labels_valid {
        return Err(UrlError::Host);
    }
    // A host that ends in a number is an IPv4 address to most resolvers, also as `127.1`,
    // `2130706433` or `0x7f.0.0.1`; only the plain form is taken.
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    if hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit()) {
        let address: Ipv4Addr = host.parse().map_err(|_| UrlError::Host)?;
        return Ok(address.is_loopback());
    }
    Ok(host.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests;
