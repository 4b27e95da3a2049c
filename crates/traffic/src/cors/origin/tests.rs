#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use super::*;

fn pattern(text: &str) -> OriginPattern {
    OriginPattern::parse(text).unwrap()
}

#[test]
fn an_origin_as_browsers_write_it_matches_itself() {
    for text in [
        "https://app.example",
        "https://app.example:8443",
        "http://app.example",
        "http://app.example:443",
        "https://app.example:80",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "https://192.0.2.1",
        "http://[::1]",
        "http://[2001:db8::1]:8080",
        "https://xn--bcher-kva.example",
        "https://with_underscore.app.example",
        "https://1.2.3.example",
        "https://app.0xample",
    ] {
        assert_eq!(
            OriginPattern::parse(text),
            Ok(OriginPattern::Exact(text.to_owned())),
            "{text} is an origin"
        );
        assert!(pattern(text).matches(text), "{text} is itself");
    }
}

#[test]
fn an_application_or_an_extension_has_a_scheme_of_its_own() {
    for text in [
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "app://localhost:3000",
        "app://-",
        "wails://wails.localhost",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
        "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
        "com.example.app+x1://main",
    ] {
        let exact = OriginPattern::Exact(text.to_owned());
        assert_eq!(OriginPattern::parse(text), Ok(exact), "{text} is an origin");
        assert!(pattern(text).matches(text), "{text} is itself");
        for other in [
            "null",
            "https://localhost",
            "capacitor://localhost.evil.example",
            "",
        ] {
            assert!(!pattern(text).matches(other), "{text} is not {other}");
        }
    }
    for (text, error) in [
        ("capacitor://", OriginError::Host),
        ("capacitor:localhost", OriginError::NoScheme),
        ("capacitor://localhost/", OriginError::TrailingSlash),
        ("capacitor://localhost/index.html", OriginError::Path),
        ("capacitor://me@localhost", OriginError::UserInfo),
        ("capacitor://localhost:", OriginError::Port),
        ("capacitor://localhost:x", OriginError::Port),
        ("capacitor://*", OriginError::WildcardPlace),
        ("app://*.app.example", OriginError::WildcardPlace),
        ("chrome-extension://*", OriginError::WildcardPlace),
        ("*://localhost", OriginError::Scheme),
        ("Capacitor://localhost", OriginError::UpperCase),
        ("1app://localhost", OriginError::Scheme),
        ("my_app://localhost", OriginError::Scheme),
        ("htps://app.example", OriginError::Scheme),
        ("htttps://app.example", OriginError::Scheme),
        ("wss://app.example", OriginError::Scheme),
        ("file://localhost", OriginError::Scheme),
        ("data://x", OriginError::Scheme),
        ("javascript://x", OriginError::Scheme),
        ("blob://x", OriginError::Scheme),
        ("app://null/", OriginError::TrailingSlash),
    ] {
        assert_eq!(OriginPattern::parse(text), Err(error), "of {text:?}");
    }
}

#[test]
fn an_origin_that_no_browser_sends_is_refused_with_what_is_wrong() {
    for (text, error) in [
        ("", OriginError::NoScheme),
        ("null", OriginError::Null),
        ("NULL", OriginError::Null),
        ("app.example", OriginError::NoScheme),
        ("*.app.example", OriginError::NoScheme),
        ("https:app.example", OriginError::NoScheme),
        ("//app.example", OriginError::NoScheme),
        ("://app.example", OriginError::Scheme),
        ("ftp://app.example", OriginError::Scheme),
        ("file://", OriginError::Scheme),
        ("*://app.example", OriginError::Scheme),
        ("HTTPS://app.example", OriginError::UpperCase),
        ("https://App.example", OriginError::UpperCase),
        ("https://bücher.example", OriginError::NotAscii),
        ("https://user@app.example", OriginError::UserInfo),
        ("https://user:word@app.example", OriginError::UserInfo),
        ("https://app.example/", OriginError::TrailingSlash),
        ("https://app.example:8443/", OriginError::TrailingSlash),
        ("https://app.example//", OriginError::Path),
        ("https://app.example/path", OriginError::Path),
        ("https://app.example/@", OriginError::Path),
        ("https://app.example?", OriginError::Path),
        ("https://app.example?a/", OriginError::Path),
        ("https://app.example#top", OriginError::Path),
        ("https://app.example\\", OriginError::Path),
        (
            "https://app.example:443",
            OriginError::DefaultPort { port: "443" },
        ),
        (
            "http://app.example:80",
            OriginError::DefaultPort { port: "80" },
        ),
        ("https://app.example:", OriginError::Port),
        ("https://app.example:0", OriginError::Port),
        ("https://app.example:08443", OriginError::Port),
        ("https://app.example:65536", OriginError::Port),
        ("https://app.example:+8443", OriginError::Port),
        ("https://app.example:*", OriginError::Port),
        ("https://app.example:1:2", OriginError::Host),
        ("https://", OriginError::Host),
        ("https://:8443", OriginError::Host),
        ("https://.app.example", OriginError::Host),
        ("https://app..example", OriginError::Host),
        ("https://app.example.", OriginError::Host),
        ("https://app example", OriginError::Host),
        (" https://app.example", OriginError::Scheme),
        ("https://app.example ", OriginError::Host),
        ("https://app.example\0", OriginError::Host),
        ("https://app.example,https://b.example", OriginError::Path),
        ("https://app%2eexample", OriginError::Host),
        ("https://127.1", OriginError::Address),
        ("https://0x7f000001", OriginError::Address),
        ("https://0x", OriginError::Address),
        ("https://127.0.0.01", OriginError::Address),
        ("https://256.0.0.1", OriginError::Address),
        ("https://[0:0:0:0:0:0:0:1]", OriginError::Address),
        ("https://[::ffff:192.0.2.1]", OriginError::Address),
        ("https://[::ffff:c000:201]", OriginError::Address),
        ("https://[::1", OriginError::Address),
        ("https://[]", OriginError::Address),
    ] {
        assert_eq!(OriginPattern::parse(text), Err(error), "of {text:?}");
    }
}

#[test]
fn a_wildcard_stands_for_first_labels_of_a_domain_and_for_nothing_else() {
    for (text, error) in [
        ("https://*", OriginError::WildcardTooWide),
        ("https://*:8443", OriginError::WildcardTooWide),
        ("https://*.example", OriginError::WildcardTooWide),
        ("https://*.com:8443", OriginError::WildcardTooWide),
        ("https://*.", OriginError::Host),
        ("https://*..example", OriginError::Host),
        ("https://*app.example", OriginError::WildcardPlace),
        ("https://a*.app.example", OriginError::WildcardPlace),
        ("https://a.*.example", OriginError::WildcardPlace),
        ("https://*.*.example", OriginError::WildcardPlace),
        ("https://app.*", OriginError::WildcardPlace),
        ("https://**.app.example", OriginError::WildcardPlace),
        ("https://*.168.0.1", OriginError::Address),
        ("https://*.app.0x1", OriginError::Address),
        ("https://*.[::1]", OriginError::Host),
        ("https://*.app.example/", OriginError::TrailingSlash),
        (
            "https://*.app.example:443",
            OriginError::DefaultPort { port: "443" },
        ),
        ("**", OriginError::NoScheme),
    ] {
        assert_eq!(OriginPattern::parse(text), Err(error), "of {text:?}");
    }
    assert_eq!(
        OriginPattern::parse("*"),
        Ok(OriginPattern::Any),
        "every origin"
    );
}

#[test]
fn a_wildcard_covers_what_is_below_its_domain() {
    for (text, origin) in [
        ("https://*.app.example", "https://a.app.example"),
        ("https://*.app.example", "https://a.b.app.example"),
        ("https://*.app.example", "https://x-1_2.app.example"),
        ("https://*.app.example", "https://xn--bcher-kva.app.example"),
        ("https://*.app.example:8443", "https://a.app.example:8443"),
        ("http://*.localhost:3000", "http://a.localhost:3000"),
        ("*", "https://app.example"),
        ("*", "null"),
    ] {
        assert!(pattern(text).matches(origin), "{text} covers {origin}");
    }
}

#[test]
fn nothing_passes_for_an_origin_that_it_is_not() {
    let long = format!("https://{}app.example", "a.".repeat(ORIGIN_BYTES_MAX));
    for (text, origin) in [
        ("https://app.example", "http://app.example"),
        ("https://app.example", "https://app.example:443"),
        ("https://app.example", "https://app.example:8443"),
        ("https://app.example", "https://app.example/"),
        ("https://app.example", "https://app.example."),
        ("https://app.example", "https://APP.example"),
        ("https://app.example", "https://app.example.evil.test"),
        ("https://app.example", "https://app.examples"),
        ("https://app.example", "https://appXexample"),
        ("https://app.example", "https://a.app.example"),
        ("https://app.example", "https://evil-app.example"),
        ("https://app.example", "https://user@app.example"),
        ("https://app.example", "https://app.example\0"),
        (
            "https://app.example",
            "https://app.example https://evil.test",
        ),
        ("https://app.example", "null"),
        ("https://app.example", ""),
        ("https://*.app.example", "https://app.example"),
        ("https://*.app.example", "https://.app.example"),
        ("https://*.app.example", "https://..app.example"),
        ("https://*.app.example", "https://a..app.example"),
        ("https://*.app.example", "https://*.app.example"),
        ("https://*.app.example", "https://evil-app.example"),
        ("https://*.app.example", "https://evilapp.example"),
        ("https://*.app.example", "https://app.example.evil.test"),
        ("https://*.app.example", "https://a.app.example.evil.test"),
        ("https://*.app.example", "https://a.app.example:444"),
        ("https://*.app.example", "https://a.app.example:443"),
        ("https://*.app.example", "https://a.app.example/"),
        ("https://*.app.example", "https://a.app.example."),
        ("https://*.app.example", "http://a.app.example"),
        ("https://*.app.example", "https://A.app.example"),
        ("https://*.app.example", "https://user@a.app.example"),
        ("https://*.app.example", "https://evil.test/.app.example"),
        ("https://*.app.example", "https://evil.test/a.app.example"),
        ("https://*.app.example", "https://evil.test?.app.example"),
        ("https://*.app.example", "https://evil.test#.app.example"),
        ("https://*.app.example", "https://evil.test\\.app.example"),
        ("https://*.app.example", "https://evil.test:80.app.example"),
        ("https://*.app.example", "https://evil.test\0.app.example"),
        ("https://*.app.example", "https://evil.test%00.app.example"),
        (
            "https://*.app.example",
            "https://evil.test, https://a.app.example",
        ),
        ("https://*.app.example", "https://ä.app.example"),
        ("https://*.app.example", "https://[::1].app.example"),
        ("https://*.app.example", "null"),
        ("https://*.app.example", &long),
        ("https://*.app.example:8443", "https://a.app.example"),
        ("https://*.app.example:8443", "https://a.app.example:84"),
        ("https://*.app.example:8443", "https://a.app.example:18443"),
    ] {
        assert!(
            !pattern(text).matches(origin),
            "{text} does not cover {origin:?}"
        );
    }
}

#[test]
fn a_name_is_as_long_as_names_can_be() {
    let label = "a".repeat(LABEL_BYTES_MAX);
    let long = format!("https://{label}.example");
    assert!(
        OriginPattern::parse(&long).is_ok(),
        "the longest label is one"
    );
    assert_eq!(
        OriginPattern::parse(&format!("https://a{label}.example")),
        Err(OriginError::Host),
        "a longer label is none"
    );
    let name = format!("{}.{}", [label.as_str(); 3].join("."), "b".repeat(61));
    assert_eq!(name.len(), HOST_BYTES_MAX, "this is the longest name");
    let longest = format!("https://{name}:65535");
    assert_eq!(longest.len(), ORIGIN_BYTES_MAX, "and the longest origin");
    assert!(
        pattern(&longest).matches(&longest),
        "the longest origin is one"
    );
    assert_eq!(
        OriginPattern::parse(&format!("http://{name}b")),
        Err(OriginError::Host),
        "a longer name is none"
    );
    let bytes = ORIGIN_BYTES_MAX + 1;
    assert_eq!(
        OriginPattern::parse(&"a".repeat(bytes)),
        Err(OriginError::TooLong { bytes }),
        "a longer text is not looked at"
    );
}

#[test]
fn each_mistake_is_told_from_the_others() {
    let mistakes = [
        OriginError::TooLong { bytes: 1000 },
        OriginError::Null,
        OriginError::NotAscii,
        OriginError::UpperCase,
        OriginError::NoScheme,
        OriginError::Scheme,
        OriginError::UserInfo,
        OriginError::TrailingSlash,
        OriginError::Path,
        OriginError::Port,
        OriginError::DefaultPort { port: "443" },
        OriginError::WildcardPlace,
        OriginError::WildcardTooWide,
        OriginError::Host,
        OriginError::Address,
    ]
    .map(|mistake| mistake.to_string());
    let different: std::collections::BTreeSet<_> = mistakes.iter().collect();
    assert_eq!(
        different.len(),
        mistakes.len(),
        "no two of them read alike: {mistakes:?}"
    );
}
