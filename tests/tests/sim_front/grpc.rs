//! Refusals of calls of gRPC are statuses of gRPC: its clients see no other.

use crate::{Front, class, fronts, status, values};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::origin::Reply;
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use prost::Message;
use std::collections::BTreeMap;
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

/// Without a token.
const NO_CREDENTIAL: (&str, &str) = ("16", "NO_CREDENTIAL");

/// `google.rpc.Status`
#[derive(Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`
#[derive(Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`
#[derive(Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

/// `google.rpc.RetryInfo`
#[derive(Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`
#[derive(Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

/// What `grpc-status-details-bin` says: the reason, and after how many seconds to come back.
fn details(answer: &Answer) -> (String, Option<i64>) {
    let text = answer.field("grpc-status-details-bin");
    let bytes = STANDARD_NO_PAD.decode(text).expect("it is Base64");
    let status = Status::decode(bytes.as_slice()).expect("it is a message");
    assert_eq!(status.code.to_string(), answer.field("grpc-status"));
    assert_eq!(status.message, answer.field("grpc-message"));
    let detail = |name: &str| {
        let name = format!("type.googleapis.com/google.rpc.{name}");
        let mut found = status.details.iter().filter(|one| one.type_url == name);
        Some(found.next()?.value.as_slice())
    };
    let info = ErrorInfo::decode(detail("ErrorInfo").expect("why")).expect("it is a message");
    assert_eq!(info.domain, "doorward");
    let request_id = answer.field("x-request-id");
    assert_eq!(
        info.metadata,
        [("request_id".to_owned(), request_id)].into()
    );
    let retry = detail("RetryInfo").map(|info| {
        let info = RetryInfo::decode(info).expect("it is a message");
        info.retry_delay.expect("how long").seconds
    });
    assert_eq!(status.details.len(), 1 + usize::from(retry.is_some()));
    (info.reason, retry)
}

fn call(target: &str) -> Sent {
    Sent::post(target, vec![0, 0, 0, 0, 0])
        .field("content-type", "application/grpc")
        .field("te", "trailers")
}

/// Fails unless it is this status of gRPC for this reason, in the fields and in the trailers.
fn is_status(answer: &Answer, (code, reason): (&str, &str), what: &str) {
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
    assert_eq!(details(answer).0, reason, "{what}");
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
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
        for (what, sent, due) in [
            ("no token", call(ORDERS), NO_CREDENTIAL),
            (
                "a false token",
                call(ORDERS).bearer("a.b.c"),
                ("16", "INVALID_TOKEN"),
            ),
            (
                "two tokens",
                call(ORDERS).bearer(&write).field("authorization", &twice),
                ("16", "MALFORMED_CREDENTIAL"),
            ),
            (
                "a scope",
                call(ORDERS).bearer(&write),
                ("7", "INSUFFICIENT_SCOPE"),
            ),
            ("no rule", call("/nowhere/Get"), ("7", "FORBIDDEN")),
            (
                "a malformed target",
                call("/a;b"),
                ("3", "MALFORMED_REQUEST"),
            ),
            (
                "a long target",
                call(&format!("/a?{}", "q".repeat(9000))),
                ("3", "TARGET_TOO_LONG"),
            ),
            (
                "a media type",
                call("/json/a"),
                ("3", "UNSUPPORTED_MEDIA_TYPE"),
            ),
            ("a rate limit", call("/limited/a"), ("8", "RATE_LIMITED")),
            (
                "a length",
                call("/small/a")
                    .pieces(vec![vec![b'x'; 2000]], Duration::ZERO)
                    .with_length(),
                ("8", "BODY_TOO_LARGE"),
            ),
            (
                "more than may come",
                call("/small/a").pieces(vec![vec![b'x'; 2000]], Duration::ZERO),
                ("8", "BODY_TOO_LARGE"),
            ),
            (
                "a field",
                call("/small/a").field("x-a", &long),
                ("8", "HEADERS_TOO_LARGE"),
            ),
            (
                "a WebSocket",
                call(ORDERS).field("sec-websocket-key", "a"),
                ("12", "NOT_IMPLEMENTED"),
            ),
        ] {
            let answer = front.stage.send(sent);
            is_status(&answer, due, &format!("{}: {what}", front.what));
        }
    }
}

#[test]
fn what_is_wrong_behind_has_its_status() {
    for front in fronts(POLICY).filter(|front| front.kind == crate::Kind::Gateway) {
        let read = front.token("read");
        front.behind.answers(|_, _| Reply::never());
        let answer = front.send(call(ORDERS).bearer(&read));
        let due = ("14", "GATEWAY_TIMEOUT");
        is_status(&answer, due, &format!("{}: no answer", front.what));
        front.behind.stop();
        let answer = front.send(call(ORDERS).bearer(&read));
        let due = ("14", "BAD_GATEWAY");
        is_status(&answer, due, &format!("{}: nobody", front.what));
    }
    let world = World::new(1, false);
    let stage = Stage::new(
        &world,
        Component::new("nonsense").invalid(),
        Behind::Upstreams,
    );
    is_status(
        &stage.send(call(ORDERS)),
        ("13", "MISCONFIGURED"),
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
                NO_CREDENTIAL,
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
        is_status(&answer, NO_CREDENTIAL, &front.what);
        let allowed = values(&answer, "access-control-allow-origin");
        assert_eq!(allowed, ["https://app.example"], "{}", front.what);
        assert_eq!(
            answer.field("www-authenticate"),
            "Bearer realm=\"doorward\""
        );
        status(&front.send(call("/limited/a")), 200, &front.what);
        let answer = front.send(call("/limited/a"));
        let seconds = answer.field("retry-after").parse().ok();
        assert!(
            seconds.is_some_and(|seconds: i64| seconds > 0),
            "{}",
            front.what
        );
        assert_eq!(details(&answer).1, seconds, "{}", front.what);
    }
}
