//! Origins, as a policy writes them and as browsers send them.

use core::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use doorward_syntax::split::split_once;
use doorward_syntax::url::host_and_port;

/// Longest origin, in bytes: scheme, a host name of the longest kind, and a port.
pub const ORIGIN_BYTES_MAX: usize = "https://".len() + HOST_BYTES_MAX + ":65535".len();
/// Longest host name, in bytes (RFC 1035 section 2.3.4, without what only the wire needs).
const HOST_BYTES_MAX: usize = 253;
/// Longest label of a host name, in bytes (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Schemes that no page's origin has: those of the URL standard that are no web page's, and those that have no host.
const NEVER_SCHEMES: [&str; 8] = [
    "about",
    "blob",
    "data",
    "file",
    "ftp",
    "javascript",
    "ws",
    "wss",
];

/// An origin, or several that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPattern {
    /// `*`: every origin. It never goes together with credentials.
    Any,
    /// Exactly this one, as browsers write it.
    Exact(String),
    /// `scheme://*.suffix[:port]`: every name below `suffix`, at any depth, and not `suffix` itself.
    Below {
        /// `https://` or `http://`.
        scheme: String,
        /// `.suffix` and the port, if there is one: what the origin ends in.
        ending: String,
    },
}

impl OriginPattern {
    /// Reads `*`, `https://app.example`, `https://app.example:8443`, `https://*.app.example` or
    /// `capacitor://localhost`: applications that are made of pages, and extensions of browsers, have schemes of
    /// their own, of which there is no list. Those have no default port, and no `*`.
    ///
    /// An origin has to be written as browsers serialise it (the URL standard, "host serializing", and the
    /// HTML standard, "serialization of an origin"): it is compared byte for byte, and one that no browser
    /// sends would allow nobody. There is no list of public suffixes here: `https://*.co.uk` is accepted,
    /// and is everyone below `co.uk`.
    ///
    /// # Errors
    ///
    /// What browsers would write in another way, or never.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.len() > ORIGIN_BYTES_MAX {
            return Err(OriginError::TooLong { bytes: text.len() });
        }
        if !text.is_ascii() {
            return Err(OriginError::NotAscii);
        }
        if text.eq_ignore_ascii_case("null") {
            return Err(OriginError::Null);
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(OriginError::UpperCase);
        }
        let (name, rest) = split_once(text, "://").ok_or(OriginError::NoScheme)?;
        let default_port = match name {
            "https" => Some("443"),
            "http" => Some("80"),
            _ => {
                check_scheme(name)?;
                None
            }
        };
        match rest.split_once(['/', '?', '#', '\\']).map(|(_, path)| path) {
            Some("") if rest.ends_with('/') => return Err(OriginError::TrailingSlash),
            Some(_) => return Err(OriginError::Path),
            None => {}
        }
        if rest.contains('@') {
            return Err(OriginError::UserInfo);
        }
        let (host, port) = host_and_port(rest);
        if let Some(port) = port {
            check_port(port, default_port)?;
        }
        match host.strip_prefix('*').filter(|_| default_port.is_some()) {
            None => check_host(host)?,
            Some(below) => {
                check_suffix(below)?;
                return Ok(Self::Below {
                    scheme: [name, "://"].concat(),
                    ending: rest.get(1..).unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(Self::Exact(text.to_owned()))
    }

    /// Whether this is, or covers, the origin that a request names. The comparison is byte for byte:
    /// browsers have one spelling for each origin.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == origin,
            // What `*` stands for is labels only, so neither a port nor a path nor user info nor the
            // rest of another host can hide in it.
            Self::Below { scheme, ending } => {
                origin.len() <= ORIGIN_BYTES_MAX
                    && origin
                        .strip_prefix(scheme.as_str())
                        .and_then(|rest| rest.strip_suffix(ending.as_str()))
                        .is_some_and(are_labels)
            }
        }
    }
}

/// The scheme of an application (RFC 3986 section 3.1). What begins like `http` is a slip of the pen.
fn check_scheme(name: &str) -> Result<(), OriginError> {
    let good = name.bytes().all(|byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')
    });
    let is_slip = name.starts_with("htt") || name == "htps";
    if good
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !is_slip
        && !NEVER_SCHEMES.contains(&name)
    {
        Ok(())
    } else {
        Err(OriginError::Scheme)
    }
}

/// A port as it is serialised: no zero in front, and left out where it is the scheme's own.
fn check_port(port: &str, default_port: Option<&'static str>) -> Result<(), OriginError> {
    if let Some(default) = default_port
        && port == default
    {
        return Err(OriginError::DefaultPort { port: default });
    }
    let good = port.bytes().all(|byte| byte.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok();
    if good { Ok(()) } else { Err(OriginError::Port) }
}

fn check_host(host: &str) -> Result<(), OriginError> {
    if host.contains('*') {
        return Err(OriginError::WildcardPlace);
    }
    let canonical = if let Some(address) = host.strip_prefix('[') {
        // The URL standard writes an IPv4-mapped address like any other, `Ipv6Addr` does not.
        address.strip_suffix(']').is_some_and(|address| {
            address.parse::<Ipv6Addr>().is_ok_and(|parsed| {
                parsed.to_ipv4_mapped().is_none() && parsed.to_string() == address
            })
        })
    } else if ends_in_a_number(host) {
        // `Ipv4Addr` reads nothing but four decimal numbers without zeros in front.
        host.parse::<Ipv4Addr>().is_ok()
    } else {
        return check_name(host);
    };
    if canonical {
        Ok(())
    } else {
        Err(OriginError::Address)
    }
}

/// What comes after the `*` of a pattern.
fn check_suffix(below: &str) -> Result<(), OriginError> {
    let suffix = match below.strip_prefix('.') {
        Some(suffix) => suffix,
        None if below.is_empty() => return Err(OriginError::WildcardTooWide),
        None => return Err(OriginError::WildcardPlace),
    };
    if suffix.contains('*') {
        return Err(OriginError::WildcardPlace);
    }
    // Nothing is below an address: with a number in front it is another address, of anybody.
    if ends_in_a_number(suffix) {
        return Err(OriginError::Address);
    }
    check_name(suffix)?;
    if suffix.contains('.') || suffix == "localhost" {
        Ok(())
    } else {
        Err(OriginError::WildcardTooWide)
    }
}

fn check_name(name: &str) -> Result<(), OriginError> {
    let good = name.len() <= HOST_BYTES_MAX
        && are_labels(name)
        && name.split('.').all(|label| label.len() <= LABEL_BYTES_MAX);
    if good { Ok(()) } else { Err(OriginError::Host) }
}

/// One or more labels with dots between them. `_` is no part of a host name, yet browsers accept it.
fn are_labels(text: &str) -> bool {
    text.split('.').all(|label| {
        !label.is_empty()
            && label.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
            })
    })
}

/// Whether browsers read the host as an IPv4 address (the URL standard, "ends in a number checker").
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    match last.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// Why a policy's origin is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// It is longer than [`ORIGIN_BYTES_MAX`].
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// `null`: the origin of documents that have none, which anyone can make.
    Null,
    /// A character that is not ASCII.
    NotAscii,
    /// A letter in upper case.
    UpperCase,
    /// No `://`.
    NoScheme,
    /// A scheme that no page's origin has, or that is none.
    Scheme,
    /// A user name.
    UserInfo,
    /// A slash at the end.
    TrailingSlash,
    /// A path, a query or a fragment.
    Path,
    /// A port that is no number from 1 to 65535, or that begins with a zero.
    Port,
    /// The port that the scheme has anyway.
    DefaultPort {
        /// The port.
        port: &'static str,
    },
    /// A `*` that does not stand for all of the first labels.
    WildcardPlace,
    /// A `*` with not even two labels after it.
    WildcardTooWide,
    /// A host that is no name.
    Host,
    /// An IP address in a spelling that browsers do not use, or with a `*` in front.
    Address,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong { bytes } => {
                return write!(
                    f,
                    "an origin has at most {ORIGIN_BYTES_MAX} bytes, this one has {bytes}"
                );
            }
            Self::DefaultPort { port } => {
                return write!(f, "browsers leave out `:{port}`: it is the scheme's own port");
            }
            Self::Null => {
                "`null` is the origin of any sandboxed page, whoever made it: allowing it allows everyone"
            }
            Self::NotAscii => "browsers write an international name in ASCII: `xn--…`",
            Self::UpperCase => "browsers write origins in lower case",
            Self::NoScheme => "an origin begins with its scheme: `https://app.example`",
            Self::Scheme => {
                "the scheme of an origin is `https`, `http` or an application's own, as `capacitor`"
            }
            Self::UserInfo => "an origin has no user name: only scheme, host and port",
            Self::TrailingSlash => "browsers write no slash at the end of an origin",
            Self::Path => "an origin ends after host and port: no path, query or fragment",
            Self::Port => "a port is a number from 1 to 65535, without a zero in front",
            Self::WildcardPlace => {
                "`*` stands for whole labels at the beginning of the host: `https://*.app.example`"
            }
            Self::WildcardTooWide => {
                "`*` needs a domain after it that is yours: `https://*.app.example`"
            }
            Self::Host => "the host is no name: labels of letters, digits, `-` and `_`, dots between",
            Self::Address => {
                "browsers write an IP address in its shortest form, and nothing is below it: \
                 `http://127.0.0.1:3000`, `http://[::1]:3000`"
            }
        })
    }
}

impl core::error::Error for OriginError {}

#[cfg(test)]
mod tests;
