//! Who a request comes from, as far as its share of the host is concerned.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use doorward_syntax::list::{ascii, members};
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Bits of an IPv6 address that are one client's network.
const IPV6_NETWORK_BITS: u32 = 64;

/// One client: an IPv4 address, or a network of IPv6, of which anybody has all the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey(IpAddr);

impl ClientKey {
    /// The client at this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let mask = u128::MAX << (128 - IPV6_NETWORK_BITS);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        })
    }
}

/// The proxies whose word on where a request comes from counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.to_vec())
    }

    /// Whether one of them is at this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client that a request comes from, whose fields a trusted proxy at `proxy` has sent: the last address
    /// in `X-Forwarded-For`, or where there is none in `Forwarded` (RFC 7239), that is not a trusted proxy's.
    /// Nobody where all of them are, and where there are none: the request is the proxy's own.
    ///
    /// What is not an address was written by a proxy that does not tell; all of those are one client, under the
    /// proxy's own address.
    #[must_use]
    pub fn client(&self, headers: &HeaderMap, proxy: IpAddr) -> Option<ClientKey> {
        // From the right: what is further left anybody can have written.
        let listed = headers.contains_key(X_FORWARDED_FOR);
        let name = if listed { X_FORWARDED_FOR } else { FORWARDED };
        for member in members(headers.get_all(name).iter()).rev() {
            let told = if listed {
                address(member)
            } else {
                forwarded_for(member)
            };
            match told {
                Some(address) if self.contains(address) => {}
                Some(address) => return Some(ClientKey::of(address)),
                None => return Some(ClientKey::of(proxy)),
            }
        }
        None
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = ascii(text)?;
    let bracketed = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse().ok().map(IpAddr::V6)
    };
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

/// The address in `for=` of one element.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    ascii(element)?.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("for") {
            return None;
        }
        address(value.trim().trim_matches('"').as_bytes())
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_an_address_of_ipv4_is_one() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:2:3:4", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let found = ClientKey::of(ip(one)) == ClientKey::of(ip(other));
            assert_eq!(found, same, "{one} and {other}");
        }
    }

    #[test]
    fn behind_trusted_proxies_the_client_is_the_last_address_that_is_none_of_theirs() {
        let proxies =
            TrustedProxies::new(&["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap()));
        let x = "x-forwarded-for";
        for (fields, expected) in [
            (vec![], None),
            (vec![(x, "192.0.2.1")], Some("192.0.2.1")),
            (vec![(x, "192.0.2.9, 192.0.2.1")], Some("192.0.2.1")),
            (vec![(x, "192.0.2.1, 10.1.1.1, fd00::1")], Some("192.0.2.1")),
            (vec![(x, "192.0.2.1"), (x, "10.1.1.1")], Some("192.0.2.1")),
            (vec![(x, "10.1.1.1, 10.1.1.2")], None),
            (vec![(x, "192.0.2.1:4711")], Some("192.0.2.1")),
            (vec![(x, "[2001:db8::1]:4711")], Some("2001:db8::1")),
            (vec![(x, "[2001:db8::1]")], Some("2001:db8::1")),
            // It does not say: one client, whatever else is there.
            (vec![(x, "192.0.2.1, unknown")], Some("10.0.0.1")),
            (
                vec![("forwarded", "for=192.0.2.1;proto=https, for=10.2.2.2")],
                Some("192.0.2.1"),
            ),
            (
                vec![("forwarded", "by=10.0.0.1;For=\"[2001:db8::1]:80\"")],
                Some("2001:db8::1"),
            ),
            (vec![("forwarded", "for=_hidden")], Some("10.0.0.1")),
            (
                vec![("forwarded", "for=192.0.2.9"), (x, "192.0.2.1")],
                Some("192.0.2.1"),
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in &fields {
                headers.append(*name, value.parse().unwrap());
            }
            assert_eq!(
                proxies.client(&headers, ip("10.0.0.1")),
                expected.map(|address| ClientKey::of(ip(address))),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn an_address_of_ipv4_is_a_proxys_in_ipv6_as_well() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        assert!(proxies.contains(ip("::ffff:10.1.2.3")));
        assert!(!proxies.contains(ip("192.0.2.1")));
        assert!(!TrustedProxies::default().contains(ip("10.1.2.3")));
    }
}
