//! Which pages are of our own.

use super::{is_own_origin, is_own_url};

#[test]
fn an_origin_is_ours_by_host_and_port_and_a_scheme_that_is_as_good() {
    for (origin, own) in [
        ("http://a.example", "http://a.example"),
        ("https://a.example", "https://a.example"),
        // TLS ends before the host.
        ("https://a.example", "http://a.example"),
        ("https://a.example", "http://a.example:443"),
        ("http://a.example:3000", "http://a.example:3000"),
        ("https://a.example", "https://A.Example"),
        ("https://a.example", "https://a.example:443"),
        ("http://a.example", "http://a.example:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://[::1]", "https://[::1]"),
    ] {
        assert!(is_own_origin(origin, own), "{origin} at {own}");
    }
}

#[test]
fn any_other_origin_is_not() {
    for (origin, own) in [
        // Whoever is on the way can write such a page.
        ("http://a.example", "https://a.example"),
        ("https://b.example", "https://a.example"),
        ("https://a.example.b.example", "https://a.example"),
        ("https://b.a.example", "https://a.example"),
        ("https://a.example:8443", "https://a.example"),
        ("https://a.example", "https://a.example:8443"),
        ("https://a.example/", "https://a.example"),
        ("https://b.example@a.example", "https://a.example"),
        ("https://a.example#", "https://a.example"),
        ("ftp://a.example", "http://a.example"),
        ("null", "https://a.example"),
        ("", "https://a.example"),
        ("https://", "https://"),
        ("https://a.example", ""),
        ("null", ""),
        ("", ""),
        ("http://[::1]:3000", "http://[::1]:3001"),
    ] {
        assert!(!is_own_origin(origin, own), "{origin} at {own}");
    }
}

#[test]
fn a_url_is_ours_by_host_and_port_whatever_else_it_says() {
    for (url, own) in [
        ("https://a.example/b?c", "https://a.example"),
        ("http://a.example/b?c", "https://a.example"),
        ("https://a.example:443?c", "http://a.example"),
        ("HTTPS://A.EXAMPLE/", "https://a.example"),
        ("https://user:pass@a.example/", "https://a.example"),
        ("//a.example/b", "https://a.example"),
        ("/b?c=https://b.example/", "https://a.example"),
        ("b?c://d", "https://a.example"),
        ("?c", "https://a.example"),
        ("", "https://a.example"),
        // Nobody said who was asked.
        ("https://b.example/", ""),
    ] {
        assert!(is_own_url(url, own), "{url} at {own}");
    }
    for (url, own) in [
        ("https://b.example/a.example", "https://a.example"),
        ("https://a.example@b.example/", "https://a.example"),
        ("https://b.example?https://a.example/", "https://a.example"),
        ("//b.example/", "https://a.example"),
        ("https://a.example:8443/", "https://a.example"),
    ] {
        assert!(!is_own_url(url, own), "{url} at {own}");
    }
}
