#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn allows(entry: &str, url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap();
    let authority: http::uri::Authority = rest.parse().unwrap();
    AllowList::parse([entry]).unwrap().allows(Destination {
        scheme,
        host: authority.host(),
        port: authority.port_u16(),
    })
}

#[test]
fn what_an_entry_allows() {
    for (entry, url) in [
        ("https://example.com", "https://example.com"),
        ("https://example.com", "https://example.com:443"),
        ("https://example.com", "https://EXAMPLE.com"),
        ("https://Example.com/", "https://example.com"),
        ("https://example.com:443/", "https://example.com"),
        ("http://example.com:8080", "http://example.com:8080"),
        ("http://example.com:*", "http://example.com:1"),
        ("http://example.com:8000..9000", "http://example.com:8000"),
        ("http://example.com:8000..9000", "http://example.com:8999"),
        ("*://example.com:443", "https://example.com"),
        ("*://*:*", "http://anything:1"),
        ("http://*:80", "http://anything"),
        ("https://*.example.com", "https://a.example.com"),
        ("https://*.example.com", "https://a.B.Example.com"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://[::1]", "http://[0:0:0:0:0:0:0:1]"),
        ("http://10.0.0.0/8", "http://10.255.0.1"),
        ("http://10.0.0.0/8:8080", "http://10.1.2.3:8080"),
        ("http://0.0.0.0/0", "http://192.0.2.1"),
        ("http://fd00::/8", "http://[fd12::1]"),
    ] {
        assert!(allows(entry, url), "{entry} should allow {url}");
    }
}

#[test]
fn what_an_entry_refuses() {
    for (entry, url) in [
        ("https://example.com", "http://example.com"),
        ("https://example.com", "https://example.com:8443"),
        ("https://example.com", "https://example.com.evil.test"),
        ("https://example.com", "https://evil-example.com"),
        ("https://example.com", "https://a.example.com"),
        ("https://example.com", "https://example.com."),
        ("https://*.example.com", "https://example.com"),
        ("https://*.example.com", "https://.example.com"),
        ("https://*.example.com", "https://evilexample.com"),
        ("http://example.com:8000..9000", "http://example.com:9000"),
        ("http://example.com:8000..9000", "http://example.com:7999"),
        ("http://127.0.0.1:3000", "http://localhost:3000"),
        ("http://localhost:3000", "http://127.0.0.1:3000"),
        ("http://127.0.0.1:3000", "http://0x7f000001:3000"),
        ("http://127.0.0.1", "http://[::ffff:127.0.0.1]"),
        ("http://10.0.0.0/8", "http://11.0.0.1"),
        ("http://10.0.0.0/8", "http://10.evil.test"),
        ("http://fd00::/8", "http://[fe80::1]"),
        ("http://self", "http://self"),
        ("http://self", "http://example.com"),
    ] {
        assert!(!allows(entry, url), "{entry} should not allow {url}");
    }
}

#[test]
fn nothing_is_allowed_by_default() {
    let list = AllowList::default();
    assert!(!list.allows(Destination {
        scheme: "https",
        host: "example.com",
        port: None
    }));
    assert!(!list.allows_self("http"));
}

#[test]
fn an_entry_that_expanded_to_nothing_allows_nothing() {
    assert_eq!(
        AllowList::parse(["", "http://", " https:// "]).unwrap(),
        AllowList::default()
    );
}

#[test]
fn the_application_itself_is_reached_through_self_or_any() {
    for entry in ["http://self", "http://self.alt", "*://*:*"] {
        assert!(
            AllowList::parse([entry]).unwrap().allows_self("http"),
            "{entry} should allow requests to the application itself"
        );
    }
    assert!(
        !AllowList::parse(["http://example.com"])
            .unwrap()
            .allows_self("http")
    );
    assert!(
        !AllowList::parse(["https://self"])
            .unwrap()
            .allows_self("http")
    );
}

#[test]
fn what_is_not_an_entry_is_an_error_that_names_it() {
    for (entry, says) in [
        ("*", "no scheme"),
        ("example.com", "no scheme"),
        ("ht!tp://example.com", "only have letters"),
        ("https://example.com/path", "has a path"),
        ("https://example.com:443/path", "has a path"),
        ("https://user@example.com", "user name"),
        ("https://a.*.example.com", "first label"),
        ("https://*.*.example.com", "first label"),
        ("https://exa mple.com", "not a host name"),
        ("https://:443", "not a host name"),
        ("ftp://example.com", "no port"),
        ("https://example.com:port", "not a port"),
        ("https://example.com:70000", "not a port"),
        ("https://example.com:1..x", "not a port"),
    ] {
        let error = format!("{:#}", AllowList::parse([entry]).unwrap_err());
        assert!(
            error.contains(entry) && error.contains(says),
            "the error about {entry:?} should say {says:?}: {error}"
        );
    }
}

#[test]
fn other_components_are_allowed_by_name_or_all_together() {
    let chained = |scheme, host, port| Destination { scheme, host, port };
    for (entry, scheme, host, port, allowed) in [
        (
            "http://js.spin.internal",
            "http",
            "js.spin.internal",
            None,
            true,
        ),
        (
            "http://js.spin.internal",
            "http",
            "JS.Spin.Internal",
            Some(80),
            true,
        ),
        (
            "http://js.spin.internal",
            "http",
            "js.spin.internal",
            Some(81),
            false,
        ),
        (
            "http://js.spin.internal",
            "https",
            "js.spin.internal",
            None,
            false,
        ),
        (
            "http://js.spin.internal",
            "http",
            "orders.spin.internal",
            None,
            false,
        ),
        (
            "http://*.spin.internal",
            "http",
            "js.spin.internal",
            None,
            true,
        ),
        (
            "http://*.spin.internal",
            "https",
            "js.spin.internal",
            None,
            false,
        ),
        (
            "https://*.spin.internal",
            "https",
            "js.spin.internal",
            None,
            true,
        ),
        ("http://*.internal", "http", "js.spin.internal", None, true),
        ("*://*:*", "http", "js.spin.internal", None, true),
        ("http://self", "http", "js.spin.internal", None, false),
        (
            "http://127.0.0.1:*",
            "http",
            "js.spin.internal",
            None,
            false,
        ),
    ] {
        let list = AllowList::parse([entry]).unwrap();
        let to = chained(scheme, host, port);
        assert_eq!(list.allows(to), allowed, "{entry} and {to:?}");
    }
}
