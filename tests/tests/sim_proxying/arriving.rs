//! What reaches the origin: what was authorised, byte for byte, and nothing that was refused.

use crate::{NONE, ORDERS, Scene, all_of, chunked, policy, scenes, status, trailers};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::Reply;
use std::time::Duration;

/// The fields that the gateway adds, and those with which hosts frame a message.
const OWN: [&str; 9] = [
    "host",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "cdn-loop",
    "content-length",
    "transfer-encoding",
];

fn all() -> impl Iterator<Item = Scene> {
    scenes(&policy(""))
}

#[test]
fn method_target_fields_and_body_arrive_byte_for_byte() {
    let body: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    let target = "/public/A~b-c_d.e/f@g:h,i=j?q=%2F..%2f&x=//;y&%41=+";
    for scene in all() {
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
            let sent = Sent::new(method, target)
                .field("X-One", "1, 2;  \"3\\\" \u{7e}")
                .field("Cookie", "a=b; c=d")
                .field("x-two", "first")
                .field("X-TWO", "second")
                .field("X-Empty", "")
                .field("If-None-Match", "\"a\", W/\"b\"")
                .field("Accept-Encoding", "gzip, br")
                .field("User-Agent", "a test/1.0");
            let sent = match body {
                [] => sent,
                body => sent
                    .pieces(vec![body.to_vec()], Duration::ZERO)
                    .with_length(),
            };
            let seen = scene.passes(sent, method);
            assert_eq!(seen.method, method, "the method");
            assert_eq!(seen.target, target, "{method}: the target");
            assert!(seen.body == body, "{method}: the body");
            let mut fields: Vec<_> = seen
                .fields
                .iter()
                .map(|(name, value)| (name, String::from_utf8_lossy(value)))
                .filter(|(name, _)| !OWN.contains(name))
                .collect();
            fields.sort();
            let (traceparent, request_id) = (seen.field("traceparent"), seen.field("x-request-id"));
            let expected = [
                ("accept-encoding", "gzip, br"),
                ("cookie", "a=b; c=d"),
                ("if-none-match", "\"a\", W/\"b\""),
                ("traceparent", &*traceparent),
                ("user-agent", "a test/1.0"),
                ("x-empty", ""),
                ("x-one", "1, 2;  \"3\\\" \u{7e}"),
                ("x-request-id", &*request_id),
                ("x-two", "first"),
                ("x-two", "second"),
            ]
            .map(|(name, value)| (name, value.into()));
            assert_eq!(fields, expected, "{method}: these fields and no others");
            // A method that may have a body says that there is none (RFC 9110 §8.6).
            let length = (method != "GET").then(|| body.len().to_string());
            let length: Vec<_> = length.into_iter().collect();
            assert_eq!(
                seen.values("content-length"),
                length,
                "{method}: the length is announced"
            );
        }
    }
}

#[test]
fn status_fields_and_body_of_the_answer_arrive_byte_for_byte() {
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for scene in all() {
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
                .field("Content-Length", "300000")
                .body(body.clone());
            scene.origin.always(reply);
            let answer = scene.send(Sent::get("/public/a"));
            assert_eq!(answer.status, code, "the origin's status");
            assert!(answer.body == body, "{code}: the body");
            assert!(answer.is_whole(), "{code}: all of it");
            let mut fields: Vec<_> = answer
                .fields
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(value)))
                .collect();
            fields.sort();
            let request_id = answer.field("x-request-id");
            let expected = [
                ("content-length", "300000"),
                ("location", "/elsewhere?x"),
                ("set-cookie", "a=b; Path=/"),
                ("set-cookie", "c=d"),
                ("www-authenticate", "Basic realm=\"origin\""),
                ("x-empty", ""),
                ("x-one", "1, 2;  \"3\""),
                ("x-request-id", &*request_id),
            ]
            .map(|(name, value)| (name.to_owned(), value.into()));
            assert_eq!(fields, expected, "{code}: these fields and no others");
        }
    }
}

#[test]
fn who_is_refused_never_reaches_the_origin() {
    for scene in all() {
        let (token, poor) = (scene.token("read"), scene.token("write"));
        for (sent, expected) in [
            (Sent::get("/read/a"), 401),
            (Sent::get("/read/a").bearer("nonsense"), 401),
            (Sent::get("/read/a").bearer(&poor), 403),
            (Sent::get("/unlisted").bearer(&token), 403),
            (Sent::get("/public/../read/a"), 400),
            (Sent::get("/public/%2e%2e/read/a"), 400),
            (Sent::post("/read/a", "a body").with_length(), 401),
            (
                Sent::get("/read/a")
                    .bearer(&token)
                    .field("Authorization", "Bearer b"),
                400,
            ),
        ] {
            let what = format!("{sent:?}");
            status(&scene.send(sent), expected, &what);
        }
        assert_eq!(scene.origin.count(), 0, "the origin was not asked");
        let seen = scene.passes(Sent::get("/read/a").bearer(&token), "who may, does");
        assert_eq!(seen.values("x-auth-subject"), ["alice"], "the identity");
        let issuer = scene.issuer.url.as_str();
        assert_eq!(seen.values("x-auth-issuer"), [issuer], "the identity");
    }
}

#[test]
fn identity_fields_of_the_client_never_arrive_under_any_spelling() {
    let spellings = [
        "x-auth-subject",
        "X-Auth-Subject",
        "X-AUTH-SUBJECT",
        "x_auth_subject",
        "X_Auth-Subject",
        "x.auth.subject",
        "X.Auth-Subject",
        "x-auth.subject",
        "x-Auth-issuer",
        "x_auth_issuer",
        "x.auth.issuer",
    ];
    for scene in all() {
        for (target, subjects) in [("/read/a", &["alice"][..]), ("/public/a", &[])] {
            let mut sent = Sent::get(target);
            for spelling in spellings {
                sent = sent.field(spelling, "mallory").field(spelling, "mallory");
            }
            if target == "/read/a" {
                sent = sent.bearer(&scene.token("read"));
            }
            let seen = scene.passes(sent, target);
            let all = all_of(&seen);
            assert!(
                !all.contains("mallory"),
                "{target}: a forged identity arrived: {all}"
            );
            assert_eq!(seen.values("x-auth-subject"), subjects, "{target}");
        }
    }
}

#[test]
fn identity_fields_in_trailers_never_arrive() {
    for scene in all() {
        let sent = chunked(
            "/read/a",
            &[],
            &[
                ("x-auth-subject", "mallory"),
                ("x_auth.subject", "mallory"),
                ("authorization", "Bearer b"),
                ("x-forwarded-for", "192.0.2.1"),
                ("via", "1.1 m"),
                ("forwarded", "for=m"),
                ("cdn-loop", "m"),
                ("x-real-ip", "192.0.2.1"),
                ("x-checksum", "1"),
            ],
        );
        let sent = sent.bearer(&scene.token("read"));
        let seen = scene.passes(sent, "a chunked body with trailers");
        assert_eq!(seen.body, b"hello", "the body arrives whole");
        assert_eq!(
            trailers(&seen),
            [("x-checksum".to_owned(), "1".to_owned())],
            "of the trailers only what is not reserved"
        );
    }
}

#[test]
fn the_origin_is_asked_under_the_host_of_its_url() {
    for scene in all() {
        for name in [
            "gateway.example",
            "gateway.example:8080",
            "127.0.0.1",
            "[::1]:80",
        ] {
            let seen = scene.passes(Sent::get("/public/a").to(name), name);
            assert_eq!(seen.authority.as_deref(), Some(ORDERS), "asked for {name}");
            let hosts = seen.values("host");
            assert!(
                hosts == NONE || hosts == [ORDERS],
                "{name}: the host says {hosts:?}"
            );
            assert_eq!(seen.values("x-forwarded-host"), [name], "and told it");
        }
    }
}

#[test]
fn of_what_te_says_the_trailers_of_a_call_of_grpc_go_on() {
    for scene in all() {
        for (content_type, te, goes_on) in [
            ("application/grpc", &["trailers"][..], &["trailers"][..]),
            ("application/grpc+proto", &["trailers"], &["trailers"]),
            ("application/grpc", &["trailers, deflate"], &[]),
            ("application/grpc", &["trailers", "trailers"], &[]),
            ("application/grpc", &["gzip"], &[]),
            ("application/grpc", &[], &[]),
            ("application/grpc-web", &["trailers"], &[]),
            ("application/json", &["trailers"], &[]),
        ] {
            let sent = Sent::post("/public/a", vec![0; 5]).field("content-type", content_type);
            let sent = te.iter().fold(sent, |sent, te| sent.field("te", te));
            let seen = scene.passes(sent, content_type);
            assert_eq!(seen.values("te"), goes_on, "{content_type} {te:?}");
        }
    }
}

/// An event stream is silent between two events for as long as nothing happens.
#[test]
fn an_answer_may_pause_for_as_long_as_the_policy_says_and_where_that_is_0_for_ever() {
    let (short, long) = (Duration::from_secs(29), Duration::from_secs(86_400));
    for (lines, pause, arrives) in [
        ("", short, true),
        ("", long, false),
        ("between_bytes_timeout_ms = 600000", short * 20, true),
        ("between_bytes_timeout_ms = 600000", long, false),
        ("between_bytes_timeout_ms = 0", long, true),
    ] {
        for scene in scenes(&policy(lines)) {
            let reply = Reply::default().chunked().piece_after(pause, "first ");
            scene.origin.always(reply.piece_after(pause, "second"));
            let answer = scene.stage.send(Sent::get("/public/events"));
            status(&answer, 200, lines);
            assert_eq!(answer.trailers.is_ok(), arrives, "{lines}: {pause:?}");
            let whole = answer.text().ends_with("first second");
            assert_eq!(whole, arrives, "{lines}: {:?}", answer.text());
        }
    }
}
