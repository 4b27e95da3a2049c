//! Refusals of calls of gRPC are statuses of gRPC: its clients see no other.

use crate::{Front, class, fronts, status, values};
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::origin::Reply;
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use std::time::Duration;

const POLICY: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"

[cors.web]
origins = ["https://app.example"]

[rate_limit.never]
requests = 1
per_s = 86400
burst = 1

[limits.small]
body_bytes_max = 1000
header_bytes_max = 3000

[limits.json]
content_types = ["application/json"]

[defaults]
cors = "web"

[[route]]
path = "/shop.Orders/**"
issuer = "test"
scope = ["read"]

[[route]]
path = "/limited/**"
public = true
rate_limit = "never"

[[route]]
path = "/small/**"
public = true
limits = "small"

[[route]]
path = "/json/**"
public = true
limits = "json"
"#;

const ORDERS: &str = "/shop.Orders/Get";

fn call(target: &str) -> Sent {
    Sent::post(target, vec![0, 0, 0, 0, 0])
        .field("content-type", "application/grpc")
        .field("te", "trailers")
}

/// Fails unless it is this status of gRPC, in the fields and in the trailers.
fn is_status(answer: &Answer, code: &str, what: &str) {
    status(answer, 200, what);
    assert_eq!(
        values(answer, "content-type"),
        ["application/grpc"],
        "{what}"
    );
    assert_eq!(values(answer, "grpc-status"), [code], "{what}");
    assert!(!answer.field("grpc-message").is_empty(), "{what}");
    assert_eq!(values(answer, "cache-control"), ["no-store"], "{what}");
    assert!(answer.body.is_empty(), "{what}: {}", answer.text());
    let trailers = answer.trailers.as_ref().expect("it is whole");
    for name in ["grpc-status", "grpc-message"] {
        let there: Vec<_> = trailers.named(name).collect();
        assert_eq!(there, [answer.field(name).as_bytes()], "{what}: {name}");
    }
}

#[test]
fn each_class_of_refusal_has_its_status() {
    for front in fronts(POLICY) {
        let write = front.token("write");
        let twice = format!("Bearer {write}");
        status(&front.send(call("/limited/a")), 200, &front.what);
        let long = "h".repeat(4000);
        for (what, sent, code) in [
            ("no token", call(ORDERS), "16"),
            ("a false token", call(ORDERS).bearer("a.b.c"), "16"),
            (
                "two tokens",
                call(ORDERS).bearer(&write).field("authorization", &twice),
                "16",
            ),
            ("a scope", call(ORDERS).bearer(&write), "7"),
            ("no rule", call("/nowhere/Get"), "7"),
            ("a malformed target", call("/a;b"), "3"),
            (
                "a long target",
                call(&format!("/a?{}", "q".repeat(9000))),
                "3",
            ),
            ("a media type", call("/json/a"), "3"),
            ("a rate limit", call("/limited/a"), "8"),
            (
                "a length",
                call("/small/a")
                    .pieces(vec![vec![b'x'; 2000]], Duration::ZERO)
                    .with_length(),
                "8",
            ),
            (
                "more than may come",
                call("/small/a").pieces(vec![vec![b'x'; 2000]], Duration::ZERO),
                "8",
            ),
            ("a field", call("/small/a").field("x-a", &long), "8"),
            (
                "a WebSocket",
                call(ORDERS).field("sec-websocket-key", "a"),
                "12",
            ),
        ] {
            let answer = front.stage.send(sent);
            is_status(&answer, code, &format!("{}: {what}", front.what));
        }
    }
}

#[test]
fn what_is_wrong_behind_has_its_status() {
    for front in fronts(POLICY).filter(|front| front.kind == crate::Kind::Gateway) {
        let read = front.token("read");
        front.behind.answers(|_, _| Reply::never());
        let answer = front.send(call(ORDERS).bearer(&read));
        is_status(&answer, "14", &format!("{}: no answer", front.what));
        front.behind.stop();
        let answer = front.send(call(ORDERS).bearer(&read));
        is_status(&answer, "14", &format!("{}: nobody", front.what));
    }
    let world = World::new(1, false);
    let stage = Stage::new(
        &world,
        Component::new("nonsense").invalid(),
        Behind::Upstreams,
    );
    is_status(
        &stage.send(call(ORDERS)),
        "13",
        "a policy that cannot be used",
    );
}

#[test]
fn calls_are_told_by_their_media_type() {
    for front in fronts(POLICY) {
        let sent = |front: &Front, content_type: &str| {
            front.send(
                Sent::post(ORDERS, "")
                    .field("content-type", content_type)
                    .field("te", "trailers"),
            )
        };
        for grpc in [
            "application/grpc",
            "application/grpc+proto",
            "Application/gRPC+json",
            "application/grpc;a=b",
        ] {
            is_status(
                &sent(&front, grpc),
                "16",
                &format!("{}: {grpc}", front.what),
            );
        }
        for other in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpc-web-text",
            "application/grpcx",
            "application/json",
            "text/plain; a=application/grpc",
            "",
        ] {
            let answer = sent(&front, other);
            status(&answer, 401, &format!("{}: {other}", front.what));
            assert_eq!(class(&answer), "no-credential", "{other}");
        }
        let twice = call(ORDERS).field("content-type", "application/grpc");
        status(&front.send(twice), 401, "two media types are none");
        let get = Sent::get(ORDERS).field("content-type", "application/grpc");
        status(&front.send(get), 401, "no call is a GET");
    }
}

#[test]
fn what_else_an_answer_has_it_still_has() {
    for front in fronts(POLICY) {
        let answer = front.send(call(ORDERS).field("origin", "https://app.example"));
        is_status(&answer, "16", &front.what);
        let allowed = values(&answer, "access-control-allow-origin");
        assert_eq!(allowed, ["https://app.example"], "{}", front.what);
        assert_eq!(
            answer.field("www-authenticate"),
            "Bearer realm=\"doorward\""
        );
        status(&front.send(call("/limited/a")), 200, &front.what);
        let answer = front.send(call("/limited/a"));
        assert!(!answer.field("retry-after").is_empty(), "{}", front.what);
    }
}
