#![expect(clippy::unwrap_used, reason = "the addresses are good")]

use super::*;

#[test]
fn addresses_are_https_or_loopback() {
    for url in [
        "https://a.example",
        "https://a.example/",
        "https://a.example:8443/k?x=y&z=%20",
        "HTTPS://A.example/k",
        "https://10.0.0.1/k",
        "https://[2001:db8::1]:8443/k",
        "https://spin.internal.example/k",
        "https://notspin.internal/k",
        "https://js.spin.internals/k",
        "https://a.example/js.spin.internal?http://js.spin.internal",
        "http://127.0.0.1:3001/k",
        "http://127.8.9.10/k",
        "http://[::1]:3001/k",
        "http://localhost/k",
        "http://LOCALHOST:1/k",
    ] {
        assert_eq!(check_url(url), Ok(()), "{url} must be accepted");
    }
    for (url, error) in [
        ("", UrlError::Scheme),
        ("a.example/k", UrlError::Scheme),
        ("//a.example/k", UrlError::Scheme),
        ("https:/a.example/k", UrlError::Scheme),
        ("file:///etc/passwd", UrlError::Scheme),
        ("ftp://a.example", UrlError::Scheme),
        ("javascript:https://a.example", UrlError::Scheme),
        ("http://a.example/k", UrlError::NotEncrypted),
        ("http://128.0.0.1/k", UrlError::NotEncrypted),
        ("http://169.254.169.254/latest", UrlError::NotEncrypted),
        ("http://localhost.evil.example/k", UrlError::NotEncrypted),
        ("http://127.0.0.1.evil.example/k", UrlError::NotEncrypted),
        ("http://[::ffff:127.0.0.1]/k", UrlError::NotEncrypted),
        ("http://[::2]/k", UrlError::NotEncrypted),
        ("http://js.spin.internal/k", UrlError::Component),
        ("https://js.spin.internal/k", UrlError::Component),
        ("HTTPS://JS.Spin.INTERNAL:8443", UrlError::Component),
        ("https://js.spin.internal./k", UrlError::Component),
        ("https://a.b.spin.internal/k", UrlError::Component),
        ("https://spin.internal/k", UrlError::Component),
        ("https://spin.internal.?a", UrlError::Component),
        ("https://a@js.spin.internal/k", UrlError::UserInfo),
        ("https://js.spin.internal../k", UrlError::Host),
        ("http://127.1/k", UrlError::Host),
        ("http://2130706433/k", UrlError::Host),
        ("http://0x7f000001/k", UrlError::Host),
        ("http://0177.0.0.1/k", UrlError::Host),
        ("https://127.1/k", UrlError::Host),
        ("https://1.2.3.4.5/k", UrlError::Host),
        ("https://a.0x1/k", UrlError::Host),
        ("https:///k", UrlError::Host),
        ("https://:443/k", UrlError::Host),
        ("https://?a", UrlError::Host),
        ("https://a..example/k", UrlError::Host),
        ("https://a%2eexample/k", UrlError::Host),
        ("https://[::1/k", UrlError::Host),
        ("https://[::1]x/k", UrlError::Host),
        ("https://[::1%25eth0]/k", UrlError::Host),
        ("https://[]/k", UrlError::Host),
        ("https://a.example:/k", UrlError::Port),
        ("https://a.example:0/k", UrlError::Port),
        ("https://a.example:0443/k", UrlError::Port),
        ("https://a.example:+443/k", UrlError::Port),
        ("https://a.example:65536/k", UrlError::Port),
        ("https://a.example:443:443/k", UrlError::Port),
        ("https://user@a.example/k", UrlError::UserInfo),
        ("https://a.example:1@evil.example/k", UrlError::UserInfo),
        ("https://a.example/k#f", UrlError::Fragment),
        ("https://evil.example#@a.example", UrlError::Fragment),
        ("https://a.example\\@evil.example/k", UrlError::Character),
        ("https://a.example/k k", UrlError::Character),
        (" https://a.example/k", UrlError::Character),
        ("https://a.example/\r\nHost: evil", UrlError::Character),
        ("https://a.example/\0", UrlError::Character),
        ("https://ä.example/k", UrlError::Character),
        ("https://a。example/k", UrlError::Character),
    ] {
        assert_eq!(check_url(url), Err(error), "{url:?} must be refused");
    }
    let long = |bytes: usize| format!("https://a.example/{}", "k".repeat(bytes - 18));
    assert_eq!(check_url(&long(URL_BYTES_MAX)), Ok(()));
    assert_eq!(check_url(&long(URL_BYTES_MAX + 1)), Err(UrlError::TooLong));
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    assert!(same_origin(
        "https://a.example/x",
        "HTTPS://A.EXAMPLE:443/y?z",
        Wire::Safe
    ));
    assert!(same_origin(
        "http://localhost",
        "http://localhost:80/",
        Wire::Safe
    ));
    for (a, b) in [
        ("https://a.example", "https://b.example"),
        ("https://a.example", "https://a.example:8443"),
        ("https://a.example", "https://a.example.evil.example"),
        ("https://a.example", "https://a.example@evil.example"),
        ("https://localhost:80", "http://localhost:80"),
        ("https://a.example", "file:///a.example"),
        ("nonsense", "nonsense"),
    ] {
        assert!(!same_origin(a, b, Wire::Safe), "{a} and {b} must differ");
        assert!(!same_origin(b, a, Wire::Safe), "{b} and {a} must differ");
    }
}

#[test]
fn an_address_is_taken_apart_whether_or_not_it_is_encrypted() {
    let parts = UrlParts::of_any("HTTP://Orders.internal:8080/base/?a=b").unwrap();
    assert_eq!(parts.scheme, "http");
    assert_eq!(parts.authority, "Orders.internal:8080");
    assert_eq!((parts.host, parts.port), ("Orders.internal", 8080));
    assert_eq!((parts.path, parts.query), ("/base/", Some("a=b")));
    assert!(!parts.has_default_port());
    for (url, port) in [
        ("http://a.example", 80),
        ("http://a.example:80", 80),
        ("https://a.example", 443),
        ("https://[::1]:443/", 443),
    ] {
        let parts = UrlParts::of_any(url).unwrap();
        assert!(parts.has_default_port() && parts.port == port, "{url}");
    }
    let odd = UrlParts::of_any("http://a.example:443").unwrap();
    assert!(!odd.has_default_port(), "443 is the port of https");
    // The rest of the grammar is the same.
    for (url, error) in [
        ("http://a@orders.internal", UrlError::UserInfo),
        ("http://orders.internal/#a", UrlError::Fragment),
        ("http://2130706433", UrlError::Host),
        ("http://orders.internal:0", UrlError::Port),
        ("orders.internal", UrlError::Scheme),
    ] {
        assert_eq!(UrlParts::of_any(url), Err(error), "{url}");
    }
    assert_eq!(check_url("http://a.example"), Err(UrlError::NotEncrypted));
    // Upstreams can be what nothing is fetched from.
    let parts = UrlParts::of_any("http://JS.spin.internal/base").unwrap();
    assert!(parts.is_component() && parts.host == "JS.spin.internal");
}

#[test]
fn what_is_asked_for_is_path_and_query() {
    for (url, target) in [
        ("https://a.example", "/"),
        ("https://a.example/", "/"),
        ("https://a.example/k", "/k"),
        ("https://a.example:8443/k?x=y&z=%20", "/k?x=y&z=%20"),
        ("https://a.example/?", "/?"),
        ("https://a.example?x=/y?z", "/?x=/y?z"),
        ("https://[::1]?", "/?"),
        ("https://a.example//b/../c", "//b/../c"),
    ] {
        let parts = UrlParts::of(url).unwrap();
        assert_eq!(parts.target(), target, "{url}");
        let of_path = format!(
            "{}{}",
            parts.path,
            parts
                .query
                .map_or(String::new(), |query| format!("?{query}"))
        );
        assert_eq!(
            parts.target().trim_start_matches('/'),
            of_path.trim_start_matches('/')
        );
    }
}

#[test]
fn names_below_spin_internal_are_components_in_whatever_spelling() {
    for (host, expected) in [
        ("js.spin.internal", Some("js")),
        ("JS.Spin.INTERNAL", Some("JS")),
        ("js.spin.internal.", Some("js")),
        ("a.b.spin.internal", Some("a.b")),
        // No component is called so, and none of these may be looked for in the network.
        ("spin.internal", Some("")),
        ("Spin.Internal.", Some("")),
        (".spin.internal", Some("")),
        ("js.spin.internal..", None),
        ("spin.internal.example.com", None),
        ("notspin.internal", None),
        ("js-spin.internal", None),
        ("js.spin.internals", None),
        ("127.0.0.1", None),
        ("ü.spin.internal", Some("ü")),
        ("ü", None),
        ("", None),
    ] {
        assert_eq!(component_of(host), expected, "{host:?}");
    }
}

#[test]
fn a_port_is_what_follows_the_last_colon_that_is_in_no_brackets() {
    for (authority, host, port) in [
        ("a.example", "a.example", None),
        ("a.example:8080", "a.example", Some("8080")),
        ("a.example:", "a.example", Some("")),
        ("[::1]", "[::1]", None),
        ("[::1]:80", "[::1]", Some("80")),
        ("a:1:2", "a:1", Some("2")),
        (":80", "", Some("80")),
        ("", "", None),
    ] {
        assert_eq!(host_and_port(authority), (host, port), "{authority}");
    }
}

#[test]
fn an_open_wire_takes_http_from_any_host_and_nothing_else_besides() {
    for url in [
        "http://keys.internal:8080/k",
        "HTTP://10.0.0.1/k",
        "http://[fd00::1]/k",
    ] {
        assert_eq!(UrlParts::over(url, Wire::Safe), Err(UrlError::NotEncrypted));
        assert!(UrlParts::over(url, Wire::Open).is_ok(), "{url}");
        assert!(same_origin(url, url, Wire::Open), "{url}");
        assert!(!same_origin(url, url, Wire::Safe), "{url}");
        let tls = url.to_ascii_lowercase().replace("http://", "https://");
        assert!(!same_origin(url, &tls, Wire::Open), "{url} and {tls}");
    }
    for (url, error) in [
        ("http://js.spin.internal/k", UrlError::Component),
        ("http://a@keys.internal/k", UrlError::UserInfo),
        ("http://keys.internal/#k", UrlError::Fragment),
        ("http://2130706433/k", UrlError::Host),
        ("http://keys.internal:0/k", UrlError::Port),
        ("ftp://keys.internal/k", UrlError::Scheme),
        ("file:///k", UrlError::Scheme),
    ] {
        assert_eq!(UrlParts::over(url, Wire::Open), Err(error), "{url}");
    }
}
