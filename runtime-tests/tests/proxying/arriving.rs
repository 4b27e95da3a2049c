//! What reaches the origin: what was authorised, byte for byte, and nothing that was refused.

use crate::{Stage, head, policy};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, send_bytes};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    method_target_fields_and_body_arrive_byte_for_byte,
    status_fields_and_body_of_the_answer_arrive_byte_for_byte,
    identity_fields_in_trailers_never_arrive,
    the_origin_is_asked_under_the_host_of_its_url,
    a_request_that_is_unclear_about_its_host_is_refused,
    more_fields_than_spin_takes_are_refused_by_spin,
    connections_to_the_origin_are_kept,
];

/// The fields that the gateway adds, and those that belong to the connection.
const OWN: [&str; 10] = [
    "host",
    "traceparent",
    "x-request-id",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "cdn-loop",
    "content-length",
];

async fn method_target_fields_and_body_arrive_byte_for_byte(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let body: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    let target = "/public/A~b-c_d.e/f@g:h,i=j?q=%2F..%2f&x=//;y&%41=+";
    for (method, body) in [
        ("GET", &[][..]),
        ("POST", &body[..]),
        ("PUT", &body[..100]),
        ("PATCH", b"x"),
        ("DELETE", &[]),
        ("DELETE", b"with a body"),
        ("OPTIONS", &[]),
        ("QUERY", b"select"),
        ("X-OWN!#$%&'*+.^_`|~9", b"token"),
    ] {
        stage.origin.forget();
        let ask = Ask::new(method, target)
            .header("X-One", "1, 2;  \"3\\\" \u{7e}")
            .header("Cookie", "a=b; c=d")
            .header("x-two", "first")
            .header("X-TWO", "second")
            .header("X-Empty", "")
            .header("If-None-Match", "\"a\", W/\"b\"")
            .header("Accept-Encoding", "gzip, br")
            .header("User-Agent", "a test/1.0")
            .body(body);
        let answer = stage.send(ask).await;
        status(&answer, 200, method);
        let seen = stage.origin.request();
        let named = seen.field("x-request-id").expect("the request has a name");
        assert_eq!(
            answer.header("x-request-id"),
            Some(named),
            "{method}: one name for both sides"
        );
        assert_eq!(seen.method, method, "the method");
        assert_eq!(seen.target, target, "{method}: the target");
        assert_eq!(seen.body, body, "{method}: the body");
        let mut fields: Vec<(String, &str)> = seen
            .fields
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
            .filter(|(name, _)| !OWN.contains(&name.as_str()))
            .collect();
        fields.sort();
        let expected = [
            ("accept-encoding", "gzip, br"),
            ("cookie", "a=b; c=d"),
            ("if-none-match", "\"a\", W/\"b\""),
            ("user-agent", "a test/1.0"),
            ("x-empty", ""),
            ("x-one", "1, 2;  \"3\\\" \u{7e}"),
            ("x-two", "first"),
            ("x-two", "second"),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        assert_eq!(fields, expected, "{method}: these fields and no others");
        // A method that may have a body says that there is none (RFC 9110 §8.6).
        let length = (method != "GET").then(|| body.len().to_string());
        assert_eq!(
            seen.field("content-length"),
            length.as_deref(),
            "{method}: the length is announced"
        );
    }
}

async fn status_fields_and_body_of_the_answer_arrive_byte_for_byte(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("")).await;
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for code in [
        200, 201, 206, 299, 301, 307, 400, 401, 404, 418, 429, 500, 503, 599,
    ] {
        let reply = Reply::status(code)
            .field("X-One", "1, 2;  \"3\"")
            .field("Set-Cookie", "a=b; Path=/")
            .field("set-cookie", "c=d")
            .field("Location", "/elsewhere?x")
            .field("WWW-Authenticate", "Basic realm=\"origin\"")
            .field("X-Empty", "")
            .body(&body);
        stage.origin.set(reply);
        let answer = stage.get("/public/a").await;
        status(&answer, code, "the origin's status");
        assert!(answer.body == body, "{code}: the body");
        let mut fields: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            // The server at the front says these, and the gate what the request is called.
            .filter(|(name, _)| !["date", "connection", "x-request-id"].contains(name))
            .collect();
        let named = answer.header("x-request-id");
        assert!(named.is_some(), "{code}: the answer has a name");
        fields.sort_unstable();
        let expected = [
            ("content-length", "300000"),
            ("location", "/elsewhere?x"),
            ("set-cookie", "a=b; Path=/"),
            ("set-cookie", "c=d"),
            ("www-authenticate", "Basic realm=\"origin\""),
            ("x-empty", ""),
            ("x-one", "1, 2;  \"3\""),
        ];
        assert_eq!(fields, expected, "{code}: these fields and no others");
    }
}

async fn identity_fields_in_trailers_never_arrive(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let token = format!("Authorization: Bearer {}", stage.token());
    let mut bytes = head(
        "POST",
        "/read/a",
        &[
            &token,
            "Transfer-Encoding: chunked",
            // What is not announced goes no further than the next server anyway.
            "Trailer: X-Auth-Subject, X_Auth.Subject, Authorization, X-Forwarded-For, Via, Forwarded, \
             CDN-Loop, X-Real-IP, X-Checksum",
            "Connection: close",
        ],
    );
    bytes.push_str(
        "5\r\nhello\r\n0\r\nX-Auth-Subject: mallory\r\nX_Auth.Subject: mallory\r\n\
         Authorization: Bearer b\r\nX-Forwarded-For: 192.0.2.1\r\nVia: 1.1 m\r\nForwarded: for=m\r\n\
         CDN-Loop: m\r\nX-Real-IP: 192.0.2.1\r\nX-Checksum: 1\r\n\r\n",
    );
    let answer = send_bytes(stage.running.address, bytes.as_bytes()).await;
    status(&answer, 200, "a chunked body with trailers");
    let seen = stage.origin.request();
    assert_eq!(seen.body, b"hello", "the body arrives whole");
    assert_eq!(
        seen.trailers,
        [("x-checksum".to_owned(), "1".to_owned())],
        "of the trailers only what is not reserved"
    );
}

async fn the_origin_is_asked_under_the_host_of_its_url(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let own = stage.origin.address().to_string();
    for name in [
        "gateway.example",
        "gateway.example:8080",
        "127.0.0.1",
        "[::1]:80",
    ] {
        stage.origin.forget();
        let bytes = format!("GET /public/a HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        let answer = send_bytes(stage.running.address, bytes.as_bytes()).await;
        status(&answer, 200, name);
        let seen = stage.origin.request();
        assert_eq!(seen.values("host"), [&*own], "asked for {name}");
        assert_eq!(seen.values("x-forwarded-host"), [name], "and told it");
    }
}

async fn a_request_that_is_unclear_about_its_host_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let both = [
        AppSpec::gateway(policy(&issuer, &origin.url(), "")),
        AppSpec::gated("echo", "[[route]]\npath = \"/public/**\"\npublic = true\n"),
    ];
    for spec in both {
        let service = spec.service;
        let app = spec.write();
        let running = host.start(&app).await;
        for (target, hosts, expected) in [
            ("/public/a", &["a.example", "a.example"][..], 400),
            ("/public/a", &["a.example", "b.example"], 400),
            ("/public/a", &["a.example", "A.example"], 400),
            ("/public/a", &["user@a.example"], 400),
            ("http://a.example/public/a", &["b.example"], 400),
            ("http://a.example:8080/public/a", &["a.example"], 400),
            (
                "http://a.example/public/a",
                &["a.example", "a.example"],
                400,
            ),
            ("http://user@a.example/public/a", &["a.example"], 400),
            ("/public/a", &["A.example"], 200),
            ("http://a.example/public/a", &["A.example"], 200),
            ("http://a.example:80/public/a", &["a.example"], 200),
            ("http://a.example/public/a", &["a.example:443"], 200),
        ] {
            let what = format!("{service}, {target}, {hosts:?}");
            let mut bytes = format!("GET {target} HTTP/1.1\r\nConnection: close\r\n");
            for host in hosts {
                bytes.push_str(&format!("Host: {host}\r\n"));
            }
            bytes.push_str("\r\n");
            origin.forget();
            let answer = send_bytes(running.address, bytes.as_bytes()).await;
            if host.name() == "spin" && target.starts_with("http:") {
                // Spin looks at targets itself, and compares ports as they are written. What it refuses
                // gets no answer.
                assert!(
                    [expected, 400, 0].contains(&answer.status),
                    "{what}: {answer:?}"
                );
                assert!(
                    expected == 200 || answer.status != 200,
                    "{what}: {answer:?}"
                );
                continue;
            }
            status(&answer, expected, &what);
            if expected == 400 {
                assert_eq!(origin.count(), 0, "{what}: nobody is asked");
                if host.shows_hops() {
                    assert_eq!(
                        answer.header("content-type"),
                        Some("application/problem+json")
                    );
                }
            }
        }
    }
}

async fn more_fields_than_spin_takes_are_refused_by_spin(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let names: Vec<String> = (0..101).map(|number| format!("X-{number}: a")).collect();
    let fields: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut client = stage.connect().await;
    client.send(head("GET", "/public/a", &fields)).await;
    let answer = client.response().await.unwrap();
    match host.name() {
        "spin" => assert_eq!((answer.status, answer.text()), (431, String::new())),
        _ => assert_eq!((answer.status, answer.text()), (200, "hello".to_owned())),
    }
}

async fn connections_to_the_origin_are_kept(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let mut client = stage.connect().await;
    for number in 0..20 {
        let (method, body) = match number % 2 {
            0 => ("GET", ""),
            _ => ("POST", "hello"),
        };
        let length = format!("Content-Length: {}", body.len());
        client.send(head(method, "/public/a", &[&length])).await;
        client.send(body).await;
        let response = client.response().await.expect("an answer");
        assert_eq!(
            (response.status, response.text()),
            (200, "hello".to_owned())
        );
    }
    assert_eq!(stage.origin.count(), 20, "every request was one");
    // One that was just answered on may not be free yet when the next request comes.
    let connections = stage.origin.connections();
    assert!(
        connections < 10,
        "{connections} connections for 20 requests"
    );
}
