//! Whose request is it? The client's address, from what the host reports and from whom the policy trusts.
//!
//! 1. The peer is what the host appended last to `spin-client-addr`. What comes before it is the client's.
//! 2. Without trusted proxies the client is the peer.
//! 3. With n of them, and the peer in one of the trusted networks, it is the n-th element of
//!    `X-Forwarded-For` from the right: each trusted proxy appends who asked it, so what a client sends
//!    is further left.
//! 4. Where that element is missing or is no address, the client is the peer. Nobody gets to choose.
//!
//! Addresses that mean the same are the same here: IPv4 ones that are written as IPv6 (`::ffff:192.0.2.1`,
//! RFC 4291 section 2.5.5.2) are IPv4.

use core::fmt;
use core::str::FromStr;
use std::net::{IpAddr, SocketAddr};

use doorward_syntax::list::{ascii, elements};

/// Networks that a policy can list.
pub const NETWORKS_MAX: usize = 64;
/// Proxies in a row that a policy can trust.
pub const HOPS_MAX: u8 = 16;
/// Longest address that is read, with brackets and a port, in bytes. The longest one that makes sense has
/// 47, and a scope.
pub const ADDRESS_BYTES_MAX: usize = 64;
/// How much of `X-Forwarded-For` is read, from the right, in bytes.
pub const FORWARDED_FOR_BYTES_MAX: usize = 4096;

/// Which peers are believed when they say for whom they ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// How many proxies in a row are trusted; 0: none, and nothing that a client sends is believed.
    pub hops: u8,
    /// Where the nearest of them is; empty: wherever a connection comes from.
    pub networks: Vec<Network>,
}

/// A range of addresses, as CIDR writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Who is connected, as the host reports it; `None` where it does not.
    pub peer: Option<IpAddr>,
    /// The client: the peer, or for whom a trusted one asks.
    pub address: Option<IpAddr>,
    /// Whether what the peer says of the request's way is believed.
    pub peer_is_trusted: bool,
}

/// Why a text names no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// It does not begin with an IPv4 or IPv6 address.
    Address,
    /// What follows the `/` is no number of bits, or more than an address has.
    Prefix {
        /// How many an address of this kind has.
        bits_max: u8,
    },
    /// The address has bits set beyond the prefix: it is one in the network rather than the network.
    HostBits {
        /// The network that it is in.
        network: Network,
    },
}

impl TrustedProxies {
    /// Whose request it is, by the peer that the host reports ([`peer_of`]) and all values of
    /// `X-Forwarded-For`.
    #[must_use]
    pub fn client(&self, peer: Option<IpAddr>, forwarded_for: &[Vec<u8>]) -> Client {
        let peer = peer.map(|address| address.to_canonical());
        let peer_is_trusted = self.hops > 0
            && (self.networks.is_empty()
                || peer.is_some_and(|peer| self.networks.iter().any(|net| net.contains(peer))));
        let told = if peer_is_trusted {
            let hops = usize::from(self.hops);
            elements_from_end(forwarded_for)
                .nth(hops - 1)
                .and_then(parse_address)
        } else {
            None
        };
        Client {
            peer,
            address: told.or(peer),
            peer_is_trusted,
        }
    }
}

impl Network {
    /// Whether every address of its kind is in this network.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.prefix_bits == 0
    }

    /// Whether an address is in this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let prefix_bits = u32::from(self.prefix_bits);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                u32::from(network) == u32::from(address) & !host_mask_v4(prefix_bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                u128::from(network) == u128::from(address) & !host_mask_v6(prefix_bits)
            }
            _ => false,
        }
    }
}

fn host_mask_v4(prefix_bits: u32) -> u32 {
    u32::MAX.checked_shr(prefix_bits).unwrap_or_default()
}

fn host_mask_v6(prefix_bits: u32) -> u128 {
    u128::MAX.checked_shr(prefix_bits).unwrap_or_default()
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `address/bits` (RFC 4632 section 3.1, RFC 4291 section 2.3), or a single address.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written = IpAddr::from_str(address).map_err(|_| NetworkError::Address)?;
        let bits_max = if written.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => bits_max,
            Some(prefix) => {
                let one_spelling = prefix.bytes().all(|byte| byte.is_ascii_digit())
                    && (prefix == "0" || !prefix.starts_with('0'));
                u8::from_str(prefix)
                    .ok()
                    .filter(|&bits| one_spelling && bits <= bits_max)
                    .ok_or(NetworkError::Prefix { bits_max })?
            }
        };
        // The 96 bits before an IPv4 address that is written as IPv6. A shorter prefix has the `ffff` beyond
        // it, so that the check for host bits finds it.
        let (address, prefix_bits) = match (written.to_canonical(), prefix_bits.checked_sub(96)) {
            (IpAddr::V4(address), Some(bits)) if written.is_ipv6() => (IpAddr::V4(address), bits),
            _ => (written, prefix_bits),
        };
        let prefix = u32::from(prefix_bits);
        let network = Self {
            address: match address {
                IpAddr::V4(address) => {
                    IpAddr::V4((u32::from(address) & !host_mask_v4(prefix)).into())
                }
                IpAddr::V6(address) => {
                    IpAddr::V6((u128::from(address) & !host_mask_v6(prefix)).into())
                }
            },
            prefix_bits,
        };
        if network.address == address {
            Ok(network)
        } else {
            Err(NetworkError::HostBits { network })
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("an IP address is expected, or `address/bits`"),
            Self::Prefix { bits_max } => {
                write!(f, "0 to {bits_max} bits are expected after the `/`")
            }
            Self::HostBits { network } => write!(
                f,
                "bits are set beyond the prefix: the network is `{network}`, a single address has no `/`"
            ),
        }
    }
}

impl core::error::Error for NetworkError {}

/// Who is connected: the last value of `spin-client-addr`, which is the one that the host appends. `None`
/// where that one is malformed: the ones before it are what the client sent.
#[must_use]
pub fn peer_of(values: &[Vec<u8>]) -> Option<IpAddr> {
    values.last().and_then(|value| parse_address(value))
}

/// What callers with this address are counted under: the whole of an IPv4 address, and the /64 network of an
/// IPv6 one, because whoever has one address has all of its network (RFC 6177 section 2).
#[must_use]
pub fn limit_key(address: IpAddr) -> [u8; 9] {
    let (kind, bits) = match address.to_canonical() {
        IpAddr::V4(address) => (4, u64::from(u32::from(address))),
        IpAddr::V6(address) => (6, (u128::from(address) >> 64) as u64),
    };
    let mut key = [kind; 9];
    for (byte, bits) in key.iter_mut().skip(1).zip(bits.to_be_bytes()) {
        *byte = bits;
    }
    key
}

/// The elements of `X-Forwarded-For`, the last one first. An empty element counts: a proxy that did not know
/// who asked it may have left it, and were it skipped, an element of the client would count in its place.
/// It ends where [`FORWARDED_FOR_BYTES_MAX`] are read.
pub(crate) fn elements_from_end(values: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    let mut bytes_left = FORWARDED_FOR_BYTES_MAX;
    elements(values).rev().map_while(move |element| {
        bytes_left = bytes_left.checked_sub(element.len().saturating_add(1))?;
        Some(element)
    })
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
pub(crate) fn parse_address(element: &[u8]) -> Option<IpAddr> {
    let text = ascii(element).filter(|text| text.len() <= ADDRESS_BYTES_MAX)?;
    let in_brackets = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = match in_brackets {
        Some(address) => IpAddr::V6(address.parse().ok()?),
        None => match IpAddr::from_str(text) {
            Ok(address) => address,
            Err(_) => SocketAddr::from_str(text).ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
