use super::*;

const ISSUER: &str = "https://login.acme.example/tenant";

#[test]
fn metadata_is_looked_for_where_both_standards_say() {
    assert_eq!(
        candidate_urls("https://login.acme.example"),
        [
            "https://login.acme.example/.well-known/openid-configuration",
            "https://login.acme.example/.well-known/oauth-authorization-server",
        ]
    );
    assert_eq!(
        candidate_urls("https://login.acme.example"),
        candidate_urls("https://login.acme.example/")
    );
    assert_eq!(
        candidate_urls("https://login.acme.example:8443/a/b/"),
        [
            "https://login.acme.example:8443/a/b/.well-known/openid-configuration",
            "https://login.acme.example:8443/.well-known/oauth-authorization-server/a/b",
            "https://login.acme.example:8443/.well-known/openid-configuration/a/b",
        ]
    );
    for issuer in [
        "",
        "acme",
        "http://login.acme.example",
        "https://login.acme.example/?a=b",
        "https://login.acme.example/#a",
        "https://a@b.example",
        "file:///etc/passwd",
    ] {
        assert_eq!(candidate_urls(issuer), [""; 0], "{issuer}");
    }
    for url in candidate_urls(ISSUER) {
        assert_eq!(check_url(&url), Ok(()), "{url}");
    }
}

#[test]
fn a_document_of_the_issuer_names_its_keys() {
    let text = br#"{"issuer":"https://login.acme.example/tenant","jwks_uri":"https://keys.acme.example/k?v=1","other":[{}]}"#;
    let expected = Metadata {
        issuer: ISSUER.to_owned(),
        jwks_uri: "https://keys.acme.example/k?v=1".to_owned(),
        introspection_endpoint: None,
    };
    assert_eq!(parse(text, ISSUER), Ok(expected));
}

#[test]
fn a_document_may_name_an_endpoint_for_introspection() {
    for (member, expected) in [
        (
            r#""https://other.example/introspect""#,
            Some("https://other.example/introspect"),
        ),
        (
            r#""http://127.0.0.1:3001/introspect""#,
            Some("http://127.0.0.1:3001/introspect"),
        ),
        (r#""http://login.acme.example/introspect""#, None),
        (r#""https://user@login.acme.example/""#, None),
        (r#""""#, None),
        ("null", None),
        ("[\"https://login.acme.example/introspect\"]", None),
    ] {
        let text = format!(
            r#"{{"issuer":"{ISSUER}","jwks_uri":"https://a.example/k","introspection_endpoint":{member}}}"#
        );
        let endpoint = parse(text.as_bytes(), ISSUER).map(|found| found.introspection_endpoint);
        assert_eq!(endpoint, Ok(expected.map(str::to_owned)), "{member}");
    }
}

fn other(published: &str) -> MetadataError {
    MetadataError::OtherIssuer {
        published: published.to_owned(),
        configured: ISSUER.to_owned(),
    }
}

#[test]
fn metadata_of_another_issuer_name_both() {
    let long = "x".repeat(ISSUER_SHOWN_CHARS_MAX + 1);
    let text = format!(r#"{{"issuer":"{long}","jwks_uri":"https://a.example/k"}}"#);
    let shown = "x".repeat(ISSUER_SHOWN_CHARS_MAX);
    assert_eq!(parse(text.as_bytes(), ISSUER), Err(other(&shown)));
    assert_eq!(
        other("https://login.acme.example/tenant/").to_string(),
        format!(
            "the metadata's `issuer` is \"https://login.acme.example/tenant/\", the policy's is \"{ISSUER}\""
        )
    );
}

#[test]
fn every_other_document_is_refused() {
    for (text, error) in [
        (
            r#"{"jwks_uri":"https://a.example/k"}"#,
            MetadataError::Missing { member: "issuer" },
        ),
        (
            r#"{"issuer":["https://login.acme.example/tenant"],"jwks_uri":"https://a.example/k"}"#,
            MetadataError::WrongType { member: "issuer" },
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant/","jwks_uri":"https://a.example/k"}"#,
            other("https://login.acme.example/tenant/"),
        ),
        (
            r#"{"issuer":"https://evil.example","jwks_uri":"https://a.example/k"}"#,
            other("https://evil.example"),
        ),
        (
            r#"{"issuer":"a\n\u001b[2J\u202e\"b","jwks_uri":"https://a.example/k"}"#,
            other(r#"a\n\u{1b}[2J\u{202e}\"b"#),
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant"}"#,
            MetadataError::Missing { member: "jwks_uri" },
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant","jwks_uri":1}"#,
            MetadataError::WrongType { member: "jwks_uri" },
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant","jwks_uri":"http://a.example/k"}"#,
            MetadataError::KeySetUrl(UrlError::NotEncrypted),
        ),
        (
            r#"{"issuer":"https://login.acme.example/tenant","jwks_uri":"file:///k"}"#,
            MetadataError::KeySetUrl(UrlError::Scheme),
        ),
    ] {
        assert_eq!(parse(text.as_bytes(), ISSUER), Err(error), "{text}");
    }
    for text in ["", "[]", "<html>", r#"{"issuer":"a","issuer":"b"}"#] {
        assert!(
            matches!(parse(text.as_bytes(), ISSUER), Err(MetadataError::Json(_))),
            "{text}"
        );
    }
    let bytes = METADATA_BYTES_MAX + 1;
    assert_eq!(
        parse(&vec![b' '; bytes], ISSUER),
        Err(MetadataError::TooLong {
            bytes,
            bytes_max: METADATA_BYTES_MAX
        })
    );
}

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
        "HTTPS://A.EXAMPLE:443/y?z"
    ));
    assert!(same_origin("http://localhost", "http://localhost:80/"));
    for (a, b) in [
        ("https://a.example", "https://b.example"),
        ("https://a.example", "https://a.example:8443"),
        ("https://a.example", "https://a.example.evil.example"),
        ("https://a.example", "https://a.example@evil.example"),
        ("https://localhost:80", "http://localhost:80"),
        ("https://a.example", "file:///a.example"),
        ("nonsense", "nonsense"),
    ] {
        assert!(!same_origin(a, b), "{a} and {b} must differ");
        assert!(!same_origin(b, a), "{b} and {a} must differ");
    }
}

#[test]
#[expect(clippy::unwrap_used, reason = "the addresses are good")]
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
#[expect(clippy::unwrap_used, reason = "the documents are good")]
fn no_metadata_send_anybody_to_a_component_of_the_application() {
    for host in [
        "keys.spin.internal",
        "Keys.Spin.Internal.",
        "spin.internal:8443",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}/x");
            assert_eq!(candidate_urls(&url), Vec::<String>::new());
            assert!(!same_origin(&url, &url), "no redirect is followed to {url}");
            let keys = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{url}"}}"#);
            assert_eq!(
                parse(keys.as_bytes(), ISSUER),
                Err(MetadataError::KeySetUrl(UrlError::Component))
            );
            let introspection = format!(
                r#"{{"issuer":"{ISSUER}","jwks_uri":"https://a.example/k","introspection_endpoint":"{url}"}}"#
            );
            let metadata = parse(introspection.as_bytes(), ISSUER).unwrap();
            assert_eq!(metadata.introspection_endpoint, None, "{url}");
        }
    }
}
