//! What the tables for upstreams and traffic say is what the policy holds.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::{Code, Policy, ProxyRule};
use doorward_traffic::limits::RequestLimits;
use doorward_traffic::rate::{Counts, RateKey};
use doorward_traffic::retry::RetryRule;
use doorward_traffic::upstream::Target;

#[test]
fn what_is_left_out_of_an_upstream_has_the_value_that_is_documented() {
    let policy = Policy::parse(
        "[upstream.a]\nurl = \"http://10.0.0.1:8080\"\ncredential = { secret = \"s\" }\n\
         [[route]]\npath = \"/\"\npublic = true\nupstream = \"a\"\n",
    )
    .unwrap();
    let upstream = &policy.upstreams()[0];
    assert_eq!(upstream.name, "a");
    assert!(upstream.tells_host && upstream.breaker);
    assert_eq!(upstream.connect_timeout_ms, 1000);
    assert_eq!(upstream.first_byte_timeout_ms, 15_000);
    assert_eq!(upstream.between_bytes_timeout_ms, 30_000);
    assert_eq!(upstream.deadline_ms, 30_000);
    let retry = RetryRule {
        attempts_max: 3,
        backoff_ms: 25,
        backoff_ms_max: 1000,
    };
    assert_eq!(upstream.retry, retry);
    let credential = upstream.credential.as_ref().unwrap();
    assert_eq!(credential.header, "authorization");
    assert_eq!(
        (&*credential.prefix, &*credential.variable),
        ("Bearer ", "s")
    );
    assert_eq!(policy.proxy(), &ProxyRule::default());
    assert_eq!(policy.proxy().name, "doorward");
    assert_eq!(policy.proxy().trusted.hops, 0);
}

#[test]
fn what_is_said_of_an_upstream_is_read_as_it_is_written() {
    let policy = Policy::parse(
        r#"
        [proxy]
        name = "edge-1"
        trusted_hops = 2
        trusted_networks = ["10.0.0.0/8", "::1"]
        [upstream.a]
        url = ["HTTPS://Orders.Example:443/base/", "http://[::1]:8080", "http://b.internal:80/x/y"]
        host = "hidden"
        backoff_ms = 2000
        breaker = false
        credential = { secret = "s", header = "x-key" }
        request = { set = { x-env = "prod" }, remove = ["x-debug", "cookie"] }
        response = { set = { }, remove = ["server"] }
        [upstream.b]
        url = "https://b.example"
        credential = { secret = "s", scheme = "Basic" }
        [[route]]
        path = "/"
        public = true
        upstream = "a"
        mirror = "b"
        "#,
    )
    .unwrap();
    let [a, b] = policy.upstreams() else {
        panic!("there are two upstreams");
    };
    let target = |tls, authority: &str, base_path: &str| Target {
        tls,
        authority: authority.to_owned(),
        base_path: base_path.to_owned(),
    };
    assert_eq!(
        a.targets.iter().cloned().collect::<Vec<_>>(),
        [
            target(true, "orders.example", "/base"),
            target(false, "[::1]:8080", ""),
            target(false, "b.internal", "/x/y"),
        ]
    );
    assert!(!a.tells_host && !a.breaker);
    assert_eq!(a.retry.backoff_ms_max, 2000, "no less than the first pause");
    let credential = a.credential.as_ref().unwrap();
    assert_eq!((&*credential.header, &*credential.prefix), ("x-key", ""));
    let set = [("x-env".to_owned(), "prod".to_owned())];
    assert_eq!(a.request_fields.set, set);
    assert_eq!(a.request_fields.remove, ["x-debug", "cookie"]);
    assert_eq!(a.response_fields.remove, ["server"]);
    assert_eq!(b.credential.as_ref().unwrap().prefix, "Basic ");
    let proxy = policy.proxy();
    assert_eq!((&*proxy.name, proxy.trusted.hops), ("edge-1", 2));
    assert_eq!(proxy.trusted.networks.len(), 2);
}

#[test]
fn rules_are_read_as_they_are_written() {
    let policy = Policy::parse(
        r#"
        [cors.web]
        origins = ["https://app.example"]
        credentials = true
        request_headers = []
        exposed_headers = ["etag"]
        [rate_limit.a]
        requests = 100
        per_s = 60
        key = "header:x-tenant"
        counts = "failed-authentication"
        shared = true
        [rate_limit.b]
        requests = 100
        per_s = 60
        burst = 10
        key = "claim:https://acme.example/tenant"
        [limits.a]
        header_count_max = 10
        content_types = ["image/*", "application/problem+json"]
        [security_headers.a]
        set = { x-content-type-options = "b", x-frame-options = "SAMEORIGIN" }
        remove = ["strict-transport-security"]
        [defaults]
        rate_limit = "a"
        [issuer.acme]
        url = "https://acme.example"
        audience = "api"
        [[route]]
        path = "/"
        rate_limit = ["a", "b"]
        cors = "web"
        limits = "a"
        security_headers = "a"
        [[route]]
        path = "/public"
        public = true
        "#,
    )
    .unwrap();
    assert!(policy.warnings().is_empty(), "{}", policy.warnings());
    let traffic = policy.route("GET", "/").unwrap().traffic();
    let cors = traffic.cors().unwrap();
    assert!(cors.credentials && cors.exposed_headers == ["etag"]);
    assert_eq!(
        cors.request_headers,
        Some(Vec::new()),
        "a page may set none"
    );
    assert_eq!(cors.max_age_s, 600);
    let [a, b] = policy.rate_limits() else {
        panic!("there are two limits");
    };
    assert_eq!((a.requests, a.per_s, a.burst), (100, 60, 100));
    assert_eq!(a.key, RateKey::Header("x-tenant".to_owned()));
    assert_eq!((a.counts, a.shared), (Counts::FailedAuthentication, true));
    assert_eq!((b.burst, b.counts, b.shared), (10, Counts::Requests, false));
    let claim = "https://acme.example/tenant".to_owned();
    assert_eq!(b.key, RateKey::Claim(claim));
    let limits = RequestLimits {
        header_count_max: Some(10),
        content_types: vec!["image/*".to_owned(), "application/problem+json".to_owned()],
        ..RequestLimits::default()
    };
    assert_eq!(traffic.limits(), Some(&limits));
    let fields = &traffic.security_headers().unwrap().fields;
    let value = |name: &str| {
        let mut found = fields.iter().filter(|(field, _)| field == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there once");
        value
    };
    assert_eq!(value("strict-transport-security"), None);
    assert_eq!(value("x-content-type-options"), Some("b"));
    assert_eq!(value("x-frame-options"), Some("SAMEORIGIN"));
}

#[test]
fn the_number_of_upstreams_and_tables_is_bounded() {
    use doorward_policy::load::{TRAFFIC_TABLES_MAX, UPSTREAMS_MAX};
    let upstreams = |count: usize| -> String {
        (0..count)
            .map(|n| format!("[upstream.u{n}]\nurl = \"https://u{n}.example\"\n"))
            .collect()
    };
    let limits = |count: usize| -> String {
        (0..count)
            .map(|n| format!("[limits.l{n}]\nbody_bytes_max = 1\n"))
            .collect()
    };
    let route = "[[route]]\npath = \"/\"\npublic = true\n";
    for (good, bad) in [
        (upstreams(UPSTREAMS_MAX), upstreams(UPSTREAMS_MAX + 1)),
        (limits(TRAFFIC_TABLES_MAX), limits(TRAFFIC_TABLES_MAX + 1)),
    ] {
        let policy = Policy::parse(&(good + route));
        assert!(policy.is_ok(), "{}", policy.unwrap_err());
        let found = Policy::parse(&(bad + route)).unwrap_err();
        assert_eq!(found.as_slice()[0].code, Code::TooLarge, "{found}");
    }
}

#[test]
fn what_no_route_uses_is_a_warning_and_no_error() {
    let table = "[upstream.a]\nurl = \"https://a.example\"\n";
    let route = |more: &str| format!("[[route]]\npath = \"/\"\npublic = true\n{more}");
    let unused = |text: String| {
        let policy = Policy::parse(&text).unwrap();
        let codes = policy.warnings().as_slice().iter();
        codes.map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(unused(format!("{table}{}", route(""))), [Code::Unused]);
    let defaults = "[defaults]\nupstream = \"a\"\n";
    assert_eq!(unused(format!("{table}{defaults}{}", route(""))), []);
    let refused = route("upstream = false\n");
    assert_eq!(
        unused(format!("{table}{defaults}{refused}")),
        [Code::Unused],
        "a default that no route takes uses nothing"
    );
}

#[test]
fn a_policy_that_says_nothing_of_traffic_has_nothing_of_it() {
    let policy = Policy::parse("[[route]]\npath = \"/\"\npublic = true\n").unwrap();
    assert!(policy.upstreams().is_empty() && policy.rate_limits().is_empty());
    let traffic = policy.route("GET", "/").unwrap().traffic();
    assert_eq!(traffic.rate_limits().count(), 0);
    assert!(traffic.cors().is_none() && traffic.limits().is_none());
    assert!(traffic.security_headers().is_none() && traffic.upstream().is_none());
    assert!(policy.preflight("/", "GET").is_none() && policy.cors_of("/").is_none());
}

#[test]
fn an_upstream_can_be_another_component_of_the_application() {
    let policy = |url: &str| {
        Policy::parse(&format!(
            "[upstream.a]\nurl = \"{url}\"\n\
             [[route]]\npath = \"/\"\npublic = true\nupstream = \"a\"\n"
        ))
    };
    for (url, authority, base_path) in [
        ("http://js.spin.internal", "js.spin.internal", ""),
        ("http://JS.Spin.Internal:80/", "js.spin.internal", ""),
        (
            "http://my-app.spin.internal/base",
            "my-app.spin.internal",
            "/base",
        ),
    ] {
        let policy = policy(url).unwrap();
        assert!(policy.warnings().is_empty());
        let target = &policy.upstreams()[0].targets.at(0);
        assert!(target.is_component() && !target.tls, "{url}");
        assert_eq!(
            (&*target.authority, &*target.base_path),
            (authority, base_path)
        );
    }
    for url in [
        "https://js.spin.internal",
        "https://js.spin.internal:443",
        "http://js.spin.internal.",
        "http://js.spin.internal:8080",
        "http://a.js.spin.internal",
        "http://spin.internal",
        "https://SPIN.internal.",
    ] {
        let findings = policy(url).unwrap_err();
        let [finding] = findings.as_slice() else {
            panic!("{url}: {findings:?}");
        };
        assert_eq!(finding.code, Code::BadUrl);
        assert!(
            finding
                .message
                .contains("write `http://NAME.spin.internal`"),
            "{}",
            finding.message
        );
    }
    for url in [
        "http://js.spin.internal.example",
        "https://notspin.internal",
    ] {
        let policy = policy(url).unwrap();
        assert!(!policy.upstreams()[0].targets.at(0).is_component(), "{url}");
    }
}

/// What is fetched decides who gets in, and what is asked gets credentials: a component could be given both
/// by whoever can write one route.
#[test]
fn nothing_but_an_upstream_can_be_a_component_of_the_application() {
    let hosts = [
        "x.spin.internal",
        "X.Spin.Internal",
        "x.spin.internal.",
        "x.spin.internal:8443",
    ];
    for (scheme, host) in ["http", "https"]
        .iter()
        .flat_map(|scheme| hosts.map(|host| (scheme, host)))
    {
        for issuer in [
            "url = \"URL\"",
            "url = \"URL\"\njwks_file = \"/keys.json\"",
            "url = \"URL\"\njwks_url = \"https://a.example/keys\"",
            "url = \"URL\"\nsecret = \"s\"",
            "url = \"https://a.example\"\nissuer = [\"URL\"]",
            "url = \"https://a.example\"\njwks_url = \"URL/keys\"",
            "url = \"https://a.example\"\nintrospection = { endpoint = \"URL/ask\", client_id = \"c\", \
             secret = \"s\" }",
        ] {
            let issuer = issuer.replace("URL", &format!("{scheme}://{host}"));
            let text =
                format!("[issuer.a]\naudience = \"api\"\n{issuer}\n[[route]]\npath = \"/\"\n");
            let findings = Policy::parse(&text).unwrap_err();
            let says = "is a component of the application (only upstreams can be)";
            assert!(
                findings
                    .as_slice()
                    .iter()
                    .any(|finding| finding.message.contains(says)),
                "{issuer}: {findings:?}"
            );
        }
    }
}
