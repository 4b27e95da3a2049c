#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

/// What an untrusted client sends, which must not be seen again.
const FORGED: &str = "203.0.113.66";

fn values(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

fn peer(address: &str, is_trusted: bool) -> Client {
    Client {
        peer: address.parse().ok(),
        address: address.parse().ok(),
        peer_is_trusted: is_trusted,
    }
}

fn way(client: &Client) -> Hop<'_> {
    Hop {
        pseudonym: "doorward",
        client,
        trusted_hops: 1,
        host: Some("api.example"),
        scheme: "https",
        tells_host: true,
    }
}

fn field(fields: &[(&'static str, Vec<u8>)], name: &str) -> Option<String> {
    fields
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
}

/// The fields of a request, of which `x-forwarded-for` and so on had these values.
fn set(way: &Hop<'_>, received: [&[&str]; 5]) -> Vec<(&'static str, Vec<u8>)> {
    let [
        forwarded_for,
        forwarded_proto,
        forwarded_host,
        via,
        cdn_loop,
    ] = received.map(values);
    request_fields(
        way,
        &PriorHops {
            forwarded_for: &forwarded_for,
            forwarded_proto: &forwarded_proto,
            forwarded_host: &forwarded_host,
            via: &via,
            cdn_loop: &cdn_loop,
        },
    )
}

#[test]
fn what_a_host_sets_itself_is_known_in_every_spelling() {
    for name in [
        "spin-client-addr",
        "Spin-Client-Addr",
        "SPIN_CLIENT_ADDR",
        "spin.path-info",
        "spin-",
    ] {
        assert!(is_host_field(name), "{name} is the host's");
        assert!(is_forwarding_field(name), "{name} tells of the way");
    }
    for name in ["spin", "spinning", "x-spin-client-addr", "forwarded", ""] {
        assert!(!is_host_field(name), "{name} is nobody's");
    }
}

#[test]
fn fields_that_say_where_a_request_comes_from_are_known_in_every_spelling() {
    for name in [
        "Forwarded",
        "forwarded",
        "Via",
        "CDN-Loop",
        "cdn_loop",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "x.forwarded.for",
        "x-forwarded",
        "X-Forwarded-User",
        "x-forwarded-client-cert",
        "X-Real-IP",
        "x_real_ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "True-Client-IP",
        "CF-Connecting-IP",
        "Fastly-Client-IP",
        "x-original-forwarded-for",
        "x-original-host",
        "x-original-url",
        "x-rewrite-url",
        "x-host",
        "spin-client-addr",
        "Spin_Full_Url",
        "x-envoy-original-path",
        "client-ip",
        "proxy",
        "x-http-method-override",
    ] {
        assert!(is_forwarding_field(name), "{name} is not to cross");
    }
    for name in [
        "",
        "x",
        "host",
        "via-x",
        "proxy-authorization",
        "x-hosted",
        "accept",
        "spinner",
        "x-request-id",
        "authorization",
    ] {
        assert!(!is_forwarding_field(name), "{name} is none of them");
    }
}

#[test]
fn of_an_untrusted_peer_nothing_is_kept() {
    let client = peer("192.0.2.1", false);
    let fields = set(
        &way(&client),
        [
            &[FORGED],
            &["http"],
            &["evil.example"],
            &["1.1 evil"],
            &["other"],
        ],
    );
    let due = [
        ("via", "1.1 doorward"),
        ("forwarded", "for=192.0.2.1;host=api.example;proto=https"),
        ("x-forwarded-for", "192.0.2.1"),
        ("cdn-loop", "other, doorward"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "api.example"),
    ];
    let due: Vec<(&str, Vec<u8>)> = due.map(|(name, value)| (name, value.into())).into();
    assert_eq!(fields, due);
}

#[test]
fn addresses_are_written_as_everybody_writes_them() {
    for octet in 0..=255_u8 {
        for address in [[octet, 10, 99, 100], [0, 255, octet, octet]] {
            let address = IpAddr::from(address);
            let client = Client {
                peer: Some(address),
                address: Some(address),
                peer_is_trusted: false,
            };
            let fields = set(&way(&client), [&[]; 5]);
            assert_eq!(field(&fields, "x-forwarded-for"), Some(address.to_string()));
            let forwarded = format!("for={address};host=api.example;proto=https");
            assert_eq!(field(&fields, "forwarded"), Some(forwarded));
        }
    }
}

#[test]
fn of_a_trusted_peer_the_way_is_kept_and_ours_is_appended() {
    let client = peer("10.0.0.1", true);
    let fields = set(
        &way(&client),
        [
            &["203.0.113.66, [2001:db8::7]:99"],
            &["HTTP"],
            &["shop.example:8443"],
            &["1.0 fred, 1.1 a\"b, 1.1, \"1.1 c, HTTP/1.1 p.example.net (squid, 5.1)"],
            &[],
        ],
    );
    let due = [
        ("x-forwarded-for", "203.0.113.66, 2001:db8::7, 10.0.0.1"),
        (
            "forwarded",
            "for=203.0.113.66, for=\"[2001:db8::7]\";host=\"shop.example:8443\";proto=http, \
             for=10.0.0.1;host=api.example;proto=https",
        ),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "shop.example:8443"),
        ("via", "1.0 fred, HTTP/1.1 p.example.net, 1.1 doorward"),
        ("cdn-loop", "doorward"),
    ];
    for (name, value) in due {
        assert_eq!(field(&fields, name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn scheme_and_host_are_those_of_the_outermost_trusted_proxy() {
    let client = peer("10.0.0.1", true);
    let cases: [(u8, &[&str], &str); 6] = [
        (1, &["https, http"], "http"),
        (2, &["https, http"], "https"),
        (2, &["http", "https, http"], "https"),
        (3, &["http"], "http"),
        (1, &["gopher"], "https"),
        (1, &[], "https"),
    ];
    for (trusted_hops, sent, proto) in cases {
        let way = Hop {
            trusted_hops,
            ..way(&client)
        };
        let fields = set(&way, [&[], sent, &[], &[], &[]]);
        assert_eq!(
            field(&fields, "x-forwarded-proto").as_deref(),
            Some(proto),
            "{trusted_hops} hops, {sent:?}"
        );
    }
}

#[test]
fn a_peer_that_is_not_known_holds_its_place() {
    let client = peer("nobody", false);
    let fields = set(&way(&client), [&[FORGED], &[], &[], &[], &[]]);
    assert_eq!(
        field(&fields, "x-forwarded-for").as_deref(),
        Some("unknown")
    );
    assert_eq!(
        field(&fields, "forwarded").as_deref(),
        Some("for=unknown;host=api.example;proto=https")
    );
    let client = peer("10.0.0.1", true);
    let fields = set(&way(&client), [&["192.0.2.1, , x\"y"], &[], &[], &[], &[]]);
    assert_eq!(
        field(&fields, "x-forwarded-for").as_deref(),
        Some("192.0.2.1, unknown, unknown, 10.0.0.1"),
        "who counts from the right arrives where it would have"
    );
}

#[test]
fn an_upstream_that_is_not_told_the_host_finds_it_nowhere() {
    let client = peer("10.0.0.1", true);
    let way = Hop {
        tells_host: false,
        ..way(&client)
    };
    let fields = set(&way, [&[FORGED], &[], &["shop.example"], &[], &[]]);
    for (name, value) in &fields {
        let value = String::from_utf8_lossy(value);
        assert!(!value.contains("example"), "{name} is {value}");
    }
}

#[test]
fn nothing_in_a_host_or_a_scheme_ends_its_value() {
    for odd in [
        "a\"b",
        "a;proto=http",
        "a,b",
        "a b",
        "a\\",
        "a\r\nx: y",
        "\u{e9}",
        "",
        "a/b",
        "u@a",
        &"a".repeat(HOST_BYTES_MAX + 1),
    ] {
        let client = peer("192.0.2.1", false);
        let way = Hop {
            host: Some(odd),
            scheme: odd,
            ..way(&client)
        };
        let fields = set(&way, [&[], &[], &[], &[], &[]]);
        assert_eq!(field(&fields, "x-forwarded-host"), None, "{odd:?}");
        assert_eq!(field(&fields, "x-forwarded-proto"), None, "{odd:?}");
        assert_eq!(
            field(&fields, "forwarded").as_deref(),
            Some("for=192.0.2.1"),
            "{odd:?}"
        );
    }
    let client = peer("2001:db8::1", false);
    let way = Hop {
        host: Some("[2001:db8::2]:8080"),
        ..way(&client)
    };
    let fields = set(&way, [&[], &[], &[], &[], &[]]);
    assert_eq!(
        field(&fields, "forwarded").as_deref(),
        Some("for=\"[2001:db8::1]\";host=\"[2001:db8::2]:8080\";proto=https")
    );
}

#[test]
fn of_what_is_too_much_the_oldest_is_left_out() {
    let client = peer("10.0.0.1", true);
    let many = |prefix: &str| {
        let elements: Vec<String> = (0..1000).map(|n| format!("{prefix}{n}")).collect();
        elements.join(",")
    };
    let (nodes, via, cdns) = (many("192.0.2.1:"), many("1.1 p"), many("c"));
    let fields = set(&way(&client), [&[&nodes], &[], &[], &[&via], &[&cdns]]);
    for (name, last) in [
        ("x-forwarded-for", ", 192.0.2.1, 10.0.0.1"),
        ("via", ", 1.1 p999, 1.1 doorward"),
        ("cdn-loop", ", c999, doorward"),
    ] {
        let value = field(&fields, name).unwrap();
        assert!(value.ends_with(last), "{name} is {value}");
        let count = value.split(", ").count();
        assert_eq!(count, ELEMENTS_MAX + 1, "elements of {name}");
    }
    let long = "p".repeat(ELEMENT_BYTES_MAX + 1);
    let via = format!("1.1 {long}");
    let fields = set(&way(&client), [&[], &[], &[], &[&via], &[&long]]);
    assert_eq!(field(&fields, "via").as_deref(), Some("1.1 doorward"));
    assert_eq!(field(&fields, "cdn-loop").as_deref(), Some("doorward"));
}

#[test]
fn a_cdn_keeps_its_name_whatever_its_parameters_are() {
    let client = peer("192.0.2.1", false);
    let sent = [
        "one; v=1",
        "two;x=\"",
        "three;x=\u{e9}",
        "fo ur",
        "[2001:db8::5]:80;\"",
        "\"six\"",
        ",",
    ];
    let fields = set(&way(&client), [&[], &[], &[], &[], &sent]);
    assert_eq!(
        field(&fields, "cdn-loop").as_deref(),
        Some("one; v=1, two, three, [2001:db8::5]:80, doorward")
    );
}

#[test]
fn a_request_that_was_here_before_is_known_by_our_name() {
    let cases: [(&[&str], bool); 12] = [
        (&["doorward"], true),
        (&["DoorWard ; v=1.0"], true),
        (&["other, doorward"], true),
        (&["other", "doorward, third"], true),
        (&["x;a=\", doorward"], true),
        (&["\u{e9}, doorward;x=\u{e9}"], true),
        (&["\"a, doorward , b\""], true),
        (&[], false),
        (&["", ", ,"], false),
        (&["other"], false),
        (&["doorward2, a.doorward"], false),
        (&["x;doorward"], false),
    ];
    for (sent, looped) in cases {
        assert_eq!(loops("doorward", &values(sent)), looped, "{sent:?}");
    }
}

#[test]
fn what_goes_on_is_found_when_it_comes_back() {
    let client = peer("192.0.2.1", false);
    let hostile = format!("x;a=\"{},\\\u{e9};", ",y".repeat(5000));
    let fields = set(&way(&client), [&[], &[], &[], &[], &[&hostile]]);
    let sent = field(&fields, "cdn-loop").unwrap();
    assert!(loops("doorward", &values(&[&sent])), "{sent}");
}

#[test]
fn the_origin_is_what_the_outermost_trusted_proxy_was_asked_under() {
    let proto = values(&["http, https"]);
    let host = values(&["evil.example, app.example:8443", "inner.example"]);
    let received = PriorHops {
        forwarded_proto: &proto,
        forwarded_host: &host,
        ..PriorHops::default()
    };
    for (peer_is_trusted, trusted_hops, due) in [
        (false, 0, "http://gate.internal:80"),
        // Who is not trusted says nothing, however many would be.
        (false, 2, "http://gate.internal:80"),
        (true, 1, "https://inner.example"),
        (true, 2, "http://app.example:8443"),
    ] {
        let client = Client {
            peer_is_trusted,
            ..Client::default()
        };
        let way = Hop {
            pseudonym: "",
            client: &client,
            trusted_hops,
            host: Some("gate.internal:80"),
            scheme: "http",
            tells_host: true,
        };
        assert_eq!(asked_origin(&way, &received).as_deref(), Some(due));
        let nothing = PriorHops::default();
        let own = asked_origin(&way, &nothing);
        assert_eq!(
            own.as_deref(),
            Some("http://gate.internal:80"),
            "nothing is told"
        );
        let nobody = Hop { host: None, ..way };
        assert_eq!(
            asked_origin(&nobody, &nothing),
            None,
            "nobody knows the host"
        );
    }
}
