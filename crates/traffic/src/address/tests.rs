#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn values(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

fn trusting(hops: u8, networks: &[&str]) -> TrustedProxies {
    TrustedProxies {
        hops,
        networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
    }
}

#[test]
fn a_network_contains_its_addresses_and_no_others() {
    let cases = [
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.8", false),
        ("192.0.2.6/31", "192.0.2.7", true),
        ("0.0.0.0/0", "203.0.113.9", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "192.0.2.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false),
        ("::1", "::1", true),
        ("::1", "::2", false),
        ("::ffff:10.0.0.0/104", "10.9.9.9", true),
        ("::ffff:10.0.0.0/104", "11.0.0.0", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true),
        ("::ffff:0.0.0.0/96", "192.0.2.1", true),
    ];
    for (network, address, contained) in cases {
        let parsed: Network = network.parse().unwrap();
        assert_eq!(
            parsed.contains(ip(address)),
            contained,
            "{address} in {network}"
        );
    }
}

#[test]
fn what_is_no_network_is_refused_with_what_was_meant() {
    let cases = [
        (
            "10.1.2.3/8",
            "bits are set beyond the prefix: the network is `10.0.0.0/8`",
        ),
        (
            "2001:db8::1/64",
            "bits are set beyond the prefix: the network is `2001:db8::/64`",
        ),
        ("::ffff:10.0.0.1/104", "the network is `10.0.0.0/8`"),
        ("::ffff:0.0.0.0/95", "the network is `::fffe:0:0/95`"),
        ("10.0.0.0/33", "0 to 32 bits"),
        ("10.0.0.0/", "0 to 32 bits"),
        ("10.0.0.0/+8", "0 to 32 bits"),
        ("10.0.0.0/08", "0 to 32 bits"),
        ("::/129", "0 to 128 bits"),
        ("::/256", "0 to 128 bits"),
        ("", "an IP address is expected"),
        ("010.0.0.0/8", "an IP address is expected"),
        ("proxy.example", "an IP address is expected"),
        ("10.0.0.0/8/8", "0 to 32 bits"),
    ];
    for (text, says) in cases {
        let error = text.parse::<Network>().unwrap_err().to_string();
        assert!(error.contains(says), "{text:?} is refused with {error:?}");
    }
}

#[test]
fn the_peer_is_what_the_host_appends_last_and_never_what_a_client_sends() {
    let cases: [(&[&str], Option<&str>); 9] = [
        (&["192.0.2.1:40000"], Some("192.0.2.1")),
        (&["[2001:db8::1]:40000"], Some("2001:db8::1")),
        (&["192.0.2.1"], Some("192.0.2.1")),
        (&["2001:db8::1"], Some("2001:db8::1")),
        (&["[::ffff:192.0.2.1]:40000"], Some("192.0.2.1")),
        (&["203.0.113.66:1", "192.0.2.1:40000"], Some("192.0.2.1")),
        (&["203.0.113.66:1", "localhost"], None),
        (&["203.0.113.66:1", ""], None),
        (&[], None),
    ];
    for (sent, peer) in cases {
        assert_eq!(peer_of(&values(sent)), peer.map(ip), "of {sent:?}");
    }
}

/// Trusted hops and networks, the peer, what it sends, and who the client is.
type Case = (
    u8,
    &'static [&'static str],
    Option<&'static str>,
    &'static [&'static str],
    Option<&'static str>,
);

#[test]
fn the_client_is_the_element_that_the_outermost_trusted_proxy_appended() {
    let peer = Some("10.0.0.1");
    let cases: [Case; 19] = [
        // Nobody is trusted.
        (0, &[], peer, &["203.0.113.66"], peer),
        (0, &["10.0.0.0/8"], peer, &["203.0.113.66"], peer),
        // The peer is not where the trusted proxies are.
        (1, &["10.2.0.0/16"], peer, &["203.0.113.66"], peer),
        // It is.
        (1, &[], peer, &["192.0.2.7"], Some("192.0.2.7")),
        (1, &["10.0.0.0/8"], peer, &["192.0.2.7"], Some("192.0.2.7")),
        (
            1,
            &[],
            peer,
            &["203.0.113.66, 192.0.2.7"],
            Some("192.0.2.7"),
        ),
        (
            1,
            &[],
            peer,
            &["203.0.113.66", "192.0.2.7"],
            Some("192.0.2.7"),
        ),
        (
            2,
            &[],
            peer,
            &["203.0.113.66, 192.0.2.7 ,10.0.0.2"],
            Some("192.0.2.7"),
        ),
        (
            2,
            &[],
            peer,
            &["203.0.113.66", "192.0.2.7", "10.0.0.2"],
            Some("192.0.2.7"),
        ),
        (2, &[], peer, &["192.0.2.7,unknown"], Some("192.0.2.7")),
        // Every way to write an address.
        (1, &[], peer, &["192.0.2.7:5678"], Some("192.0.2.7")),
        (1, &[], peer, &["[2001:db8::7]:80"], Some("2001:db8::7")),
        (1, &[], peer, &["[2001:db8::7]"], Some("2001:db8::7")),
        (1, &[], peer, &["::ffff:192.0.2.7"], Some("192.0.2.7")),
        // Too few elements, and none that is an address.
        (2, &[], peer, &["192.0.2.7"], peer),
        (1, &[], peer, &[], peer),
        // The peer is not known.
        (1, &[], None, &["192.0.2.7"], Some("192.0.2.7")),
        (1, &["10.0.0.0/8"], None, &["192.0.2.7"], None),
        (0, &[], None, &["192.0.2.7"], None),
    ];
    for (hops, networks, peer, sent, address) in cases {
        let client = trusting(hops, networks).client(peer.map(ip), &values(sent));
        let told = format!("{hops} hops at {networks:?}, {peer:?} sends {sent:?}");
        assert_eq!(client.address, address.map(ip), "{told}");
        assert_eq!(client.peer, peer.map(ip), "{told}");
    }
}

#[test]
fn an_element_that_is_no_address_makes_the_peer_the_client() {
    let long = format!("[fe80::7%{}7]:80", "0".repeat(ADDRESS_BYTES_MAX));
    let peer = ip("10.0.0.1");
    for last in [
        "unknown",
        "_hidden",
        "",
        " ",
        "192.0.2.7:port",
        "192.0.2.7:99999",
        "192.0.2.07",
        "192.0.2.7/32",
        "\"192.0.2.7\"",
        "[192.0.2.7]",
        "[2001:db8::7",
        "192.0.2.7\u{a0}",
        &long,
    ] {
        let sent = values(&["203.0.113.66", &format!("203.0.113.66, {last}")]);
        let client = trusting(1, &[]).client(Some(peer), &sent);
        assert_eq!(client.address, Some(peer), "the last element is {last:?}");
        assert!(client.peer_is_trusted, "the last element is {last:?}");
    }
}

#[test]
fn an_empty_element_is_counted_so_that_none_of_a_client_takes_its_place() {
    let peer = ip("10.0.0.1");
    let sent = values(&["203.0.113.66,,10.0.0.2"]);
    let client = trusting(2, &[]).client(Some(peer), &sent);
    assert_eq!(client.address, Some(peer), "the second one is empty");
}

#[test]
fn no_more_is_read_than_the_bound() {
    let padding = " ".repeat(FORWARDED_FOR_BYTES_MAX);
    let sent = values(&["192.0.2.7", &padding]);
    assert_eq!(elements_from_end(&sent).count(), 0, "too long an element");
    let sent = values(&[&",".repeat(FORWARDED_FOR_BYTES_MAX * 2)]);
    assert_eq!(
        elements_from_end(&sent).count(),
        FORWARDED_FOR_BYTES_MAX,
        "a byte for each element"
    );
}

#[test]
fn a_peer_that_is_written_as_ipv6_is_in_an_ipv4_network() {
    let client =
        trusting(1, &["10.0.0.0/8"]).client(Some(ip("::ffff:10.0.0.1")), &values(&["192.0.2.7"]));
    assert!(client.peer_is_trusted, "10.0.0.1 is in 10.0.0.0/8");
    assert_eq!(client.peer, Some(ip("10.0.0.1")));
}

#[test]
fn callers_are_counted_by_ipv4_address_and_by_ipv6_network() {
    let same = [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
    ];
    for (one, other) in same {
        assert_eq!(
            limit_key(ip(one)),
            limit_key(ip(other)),
            "{one} and {other}"
        );
    }
    let different = [
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("192.0.2.1", "192.0.2.2"),
        ("0.0.0.1", "0:0:0:1::"),
        ("192.0.2.1", "::192.0.2.1"),
    ];
    for (one, other) in different {
        assert_ne!(
            limit_key(ip(one)),
            limit_key(ip(other)),
            "{one} and {other}"
        );
    }
}
