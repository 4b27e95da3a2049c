//! What a request is called, and to which trace it belongs: said by who is trusted and by nobody else, and the same in
//! the answer, in the problem document, in the log and behind.

use crate::{Front, Kind, class, fronts, status, values};
use doorward_gate::platform::FieldList;
use doorward_syntax::request_id::is_uuid;
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Reply, Seen};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::World;
use std::collections::BTreeSet;

const POLICY: &str = r#"
[proxy]
trusted_hops = 1
trusted_networks = ["10.0.0.0/8"]

[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"

[issuer.test.logout]
path = "/logout"
client_id = "shop"

[revocation]

[cors.web]
origins = ["https://app.example"]

[rate_limit.never]
requests = 1
per_s = 86400
burst = 1

[limits.small]
body_bytes_max = 10

[security_headers.api]
preset = "api"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/read/**"
issuer = "test"
scope = ["read"]

[[route]]
path = "/pages/**"
methods = ["GET"]
public = true
cors = "web"
security_headers = "api"

[[route]]
path = "/limited/**"
public = true
rate_limit = "never"

[[route]]
path = "/small/**"
public = true
limits = "small"
"#;

/// A trusted proxy.
const PROXY: &str = "10.0.0.7:40000";
/// What a client would have its request called.
const FORGED: &str = "00000000-aaaa-4bbb-8ccc-forged000000";
const TOLD: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const TRACE: &str = "12345678901234567890123456789012";

fn fronted() -> impl Iterator<Item = Front> {
    fronts(POLICY)
}

/// The one name in an answer.
fn name(answer: &Answer, what: &str) -> String {
    let names = values(answer, "x-request-id");
    assert_eq!(names.len(), 1, "{what}: {names:?}");
    names[0].clone()
}

/// What is behind has seen last.
fn seen(front: &Front) -> Seen {
    front.behind.seen().pop().expect("it came through")
}

/// The name and the trace that a line of the log about this event has.
fn told(front: &Front, event: &str) -> (String, String) {
    let line = front.stage.world.told(event).pop();
    let line = line.expect("it is told");
    (line.field("request_id"), line.field("trace_id"))
}

fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

fn preflight(origin: &str) -> Sent {
    Sent::new("OPTIONS", "/pages/a")
        .field("origin", origin)
        .field("access-control-request-method", "GET")
}

fn form(body: &str) -> Sent {
    Sent::post("/logout", body)
        .field("content-type", "application/x-www-form-urlencoded")
        .with_length()
}

#[test]
fn every_kind_of_response_has_one_name_that_nobody_else_chose() {
    let kinds = |front: &Front| {
        let token = front.token("read");
        let narrow = front.token("write");
        let get = Sent::get;
        let answers = [
            ("x-answer-x-request-id", FORGED),
            ("x-answer-etag", "\"1\""),
        ];
        let asks = |sent: Sent| {
            let sent = answers.iter().fold(sent, |sent, (n, v)| sent.field(n, v));
            sent.field("X-Request-Id", FORGED)
                .field("x_request_id", FORGED)
                .field("Doorward-Request-Id", FORGED)
        };
        vec![
            ("an answer", 200, asks(get("/public/a"))),
            (
                "to who has shown a token",
                200,
                asks(get("/read/a").bearer(&token)),
            ),
            ("with fields of ours", 200, asks(get("/pages/a"))),
            ("to a HEAD", 200, asks(Sent::new("HEAD", "/public/a"))),
            ("to a body", 200, asks(Sent::post("/public/a", "body"))),
            ("no credential", 401, asks(get("/read/a"))),
            ("a false one", 401, asks(get("/read/a").bearer("x.y.z"))),
            ("a narrow one", 403, asks(get("/read/a").bearer(&narrow))),
            ("no route", 403, asks(get("/nowhere"))),
            ("a malformed target", 400, asks(get("/public/../a"))),
            (
                "a long target",
                414,
                asks(get(&format!("/{}", "a".repeat(5000)))),
            ),
            (
                "a websocket",
                501,
                asks(get("/public/a").field("sec-websocket-key", "k")),
            ),
            (
                "a large body",
                413,
                asks(Sent::post("/small/a", "more than ten").with_length()),
            ),
            (
                "a large body in pieces",
                413,
                asks(Sent::post("/small/a", "more than ten")),
            ),
            ("the last one", 200, asks(get("/limited/a"))),
            ("one too many", 429, asks(get("/limited/a"))),
            ("a preflight", 204, asks(preflight("https://app.example"))),
            (
                "a preflight of others",
                403,
                asks(preflight("https://other.example")),
            ),
            (
                "a logout that is none",
                400,
                asks(form("logout_token=x.y.z")),
            ),
            (
                "a logout without a form",
                400,
                asks(Sent::post("/logout", "{}")),
            ),
        ]
    };
    for front in fronted() {
        let mut names = BTreeSet::new();
        let kinds = kinds(&front);
        let count = kinds.len();
        for (kind, expected, sent) in kinds {
            let what = format!("{}: {kind}", front.what);
            let answer = front.send(sent);
            status(&answer, expected, &what);
            let name = name(&answer, &what);
            assert!(is_uuid(&name), "{what}: {name}");
            names.insert(name);
        }
        assert_eq!(names.len(), count, "{}: each has its own", front.what);
        for seen in front.behind.seen() {
            let fields = format!("{:?}", seen.fields.iter().collect::<Vec<_>>());
            assert_eq!(seen.values("x_request_id"), NOTHING, "{}", front.what);
            assert_eq!(seen.values("doorward-request-id"), NOTHING, "{fields}");
            assert!(names.contains(&seen.field("x-request-id")), "{fields}");
            assert_eq!(seen.values("x-request-id").len(), 1, "{fields}");
        }
        let log = front.stage.log();
        assert!(!log.contains("forged"), "{log}");
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_call_of_grpc_that_is_refused_has_its_name() {
    for front in fronted() {
        let sent = Sent::post("/read/a", vec![0; 5]).field("content-type", "application/grpc");
        let answer = front.send(sent);
        assert_eq!(answer.field("grpc-status"), "16");
        let name = name(&answer, &front.what);
        assert_eq!(told(&front, "refused").0, name);
    }
}

#[test]
fn without_a_policy_a_refusal_has_its_name() {
    let world = World::new(1, false);
    let mut component = Component::new("");
    component.files.clear();
    let stage = Stage::new(&world, component, Behind::Upstreams);
    let answer = stage.send(Sent::get("/").field("x-request-id", FORGED));
    status(&answer, 500, "no policy");
    assert!(is_uuid(&name(&answer, "no policy")));
}

#[test]
fn the_name_is_one_in_the_answer_the_problem_the_log_and_behind() {
    for front in fronted() {
        let what = &front.what;
        let refused = front.send(Sent::get("/read/a").field("x-request-id", FORGED));
        let name_of_refused = name(&refused, what);
        let problem = refused.json();
        assert_eq!(class(&refused), "no-credential");
        assert_eq!(problem["request_id"], name_of_refused, "{problem}");
        assert_eq!(problem["instance"], format!("urn:uuid:{name_of_refused}"));
        let (in_log, trace) = told(&front, "refused");
        assert_eq!(in_log, name_of_refused, "{what}");
        assert_eq!(
            trace,
            name_of_refused.replace('-', ""),
            "one leads to the other"
        );

        let passed = front.send(Sent::get("/public/a"));
        let seen = seen(&front);
        assert_eq!(seen.values("x-request-id"), [name(&passed, what)], "{what}");
        let traceparent = seen.field("traceparent");
        assert!(traceparent.ends_with("-00"), "{traceparent}");
        assert_eq!(trace_id(&traceparent), name(&passed, what).replace('-', ""));
    }
}

#[test]
fn an_upstream_that_fails_is_told_of_under_the_name_of_the_request() {
    for front in fronted().filter(|front| front.kind == Kind::Gateway) {
        front
            .behind
            .answers(|_, _| Reply::failure(Failure::ConnectionTerminated));
        let answer = front.send(Sent::post("/public/a", "body"));
        status(&answer, 502, &front.what);
        let name = name(&answer, &front.what);
        assert_eq!(told(&front, "upstream-failed").0, name);
        assert_eq!(told(&front, "refused").0, name);
    }
}

#[test]
fn lines_about_preflights_and_logouts_have_the_name() {
    for front in fronted() {
        let answer = front.send(preflight("https://other.example"));
        let (in_log, trace) = told(&front, "preflight-refused");
        assert_eq!(in_log, name(&answer, &front.what));
        assert_eq!(trace, in_log.replace('-', ""));
        let answer = front.send(form("logout_token=x.y.z"));
        assert_eq!(told(&front, "logout-refused").0, name(&answer, &front.what));
    }
}

#[test]
fn a_trusted_peer_says_what_a_request_is_called() {
    let longest = "a".repeat(128);
    let of_proxy = |target: &str, id: &str| {
        Sent::get(target)
            .from(Some(PROXY))
            .field("X-Request-Id", id)
    };
    for front in fronted() {
        let what = &front.what;
        for id in [
            "req-1",
            "0b9c54a0-3f0e-7b0e-9d2c-1f2e3d4c5b6a",
            &longest,
            "a/b+c=:@~._",
        ] {
            let passed = front.send(of_proxy("/public/a", id));
            assert_eq!(name(&passed, what), id);
            assert_eq!(seen(&front).values("x-request-id"), [id], "{what}");
            let refused = front.send(of_proxy("/read/a", id));
            assert_eq!(name(&refused, what), id);
            let problem = refused.json();
            assert_eq!(problem["request_id"], id);
            let instance = problem
                .get("instance")
                .and_then(|instance| instance.as_str());
            let urn = format!("urn:uuid:{id}");
            assert_eq!(instance, is_uuid(id).then_some(urn.as_str()), "{problem}");
            assert_eq!(told(&front, "refused").0, id);
        }
    }
}

#[test]
fn what_is_no_name_is_taken_from_nobody() {
    let too_long = "a".repeat(129);
    for front in fronted() {
        for id in [
            "", "a b", "a\"b", "a,b", "\u{e9}", "<b>", "a\\u0000", &too_long,
        ] {
            let sent = Sent::get("/public/a")
                .from(Some(PROXY))
                .field("x-request-id", id);
            let name = name(&front.send(sent), &front.what);
            assert!(is_uuid(&name), "{id:?}: {name}");
            assert_eq!(seen(&front).values("x-request-id"), [name]);
        }
        let twice = Sent::get("/public/a")
            .from(Some(PROXY))
            .field("x-request-id", "one")
            .field("x-request-id", "other");
        assert!(is_uuid(&name(&front.send(twice), &front.what)));
        // What an upstream could fold goes, whoever sends it.
        let folded = Sent::get("/public/a")
            .from(Some(PROXY))
            .field("X_Request_Id", "one");
        assert!(is_uuid(&name(&front.send(folded), &front.what)));
        assert_eq!(seen(&front).values("x_request_id"), NOTHING);
    }
}

/// What a client says of a trace, in the spelling of this one.
fn traced(sent: Sent) -> Sent {
    sent.field("Traceparent", TOLD)
        .field("tracestate", "foo=1")
        .field("tracestate", "bar=2")
        .field("baggage", "user=alice")
}

#[test]
fn a_trusted_peers_trace_goes_on_in_a_span_of_ours() {
    for front in fronted() {
        let what = &front.what;
        front.send(traced(Sent::get("/public/a").from(Some(PROXY))));
        let passed = seen(&front);
        assert_eq!(passed.values("traceparent").len(), 1, "{what}");
        let traceparent = &passed.field("traceparent");
        assert_eq!(trace_id(traceparent), TRACE, "{what}");
        assert!(traceparent.ends_with("-01"), "{what}: it stays sampled");
        assert!(
            !traceparent.contains("1234567890123456-01"),
            "{what}: the span is ours"
        );
        assert_eq!(passed.values("tracestate"), ["foo=1", "bar=2"], "{what}");
        assert_eq!(passed.values("baggage"), ["user=alice"], "{what}");
        front.send(traced(Sent::get("/read/a").from(Some(PROXY))));
        assert_eq!(told(&front, "refused").1, TRACE, "{what}");

        // One that goes on as it came.
        let sent = Sent::get("/public/a").from(Some(PROXY));
        front.send(sent.field("traceparent", TOLD).field("tracestate", "foo=1"));
        assert_eq!(seen(&front).values("tracestate"), ["foo=1"], "{what}");
    }
}

#[test]
fn a_clients_trace_is_linked_and_nothing_of_it_goes_on() {
    for front in fronted() {
        let what = &front.what;
        front.send(traced(Sent::get("/public/a")));
        let seen = seen(&front);
        let traceparent = seen.field("traceparent");
        assert_ne!(trace_id(&traceparent), TRACE, "{what}");
        assert!(traceparent.ends_with("-00"), "{what}: {traceparent}");
        assert_eq!(seen.values("traceparent").len(), 1, "{what}");
        for name in ["tracestate", "baggage"] {
            assert_eq!(seen.values(name), NOTHING, "{what}: {name}");
        }
        front.send(traced(Sent::get("/read/a")));
        let refused = front.stage.world.told("refused").pop().expect("a line");
        assert_ne!(refused.field("trace_id"), TRACE, "{what}");
        assert_eq!(refused.field("linked_trace_id"), TRACE, "{what}");
    }
}

#[test]
fn a_trace_that_is_not_valid_begins_anew_even_of_a_trusted_peer() {
    for front in fronted() {
        for told in [
            "ff-12345678901234567890123456789012-1234567890123456-01",
            "00-12345678901234567890123456789012-1234567890123456-01-more",
            "00-00000000000000000000000000000000-1234567890123456-01",
            "00-1234567890123456789012345678901A-1234567890123456-01",
            "",
        ] {
            let sent = Sent::get("/public/a").from(Some(PROXY));
            let sent = sent.field("traceparent", told).field("tracestate", "foo=1");
            let answer = front.send(sent.field("baggage", "a=b"));
            let seen = seen(&front);
            let traceparent = seen.field("traceparent");
            let uuid = name(&answer, &front.what).replace('-', "");
            assert_eq!(trace_id(&traceparent), uuid, "{told}");
            assert_eq!(seen.values("tracestate"), NOTHING, "{told}");
            assert_eq!(seen.values("baggage"), ["a=b"], "{told}");
        }
    }
}

#[test]
fn nothing_of_it_comes_in_as_a_trailer() {
    for front in fronted() {
        let sent = Sent::post("/public/a", "body")
            .field(
                "trailer",
                "x-request-id, X_Request_Id, traceparent, tracestate, baggage, x-sum",
            )
            .from(Some(PROXY))
            .trailer("x-request-id", FORGED)
            .trailer("X_Request_Id", FORGED)
            .trailer("traceparent", TOLD)
            .trailer("tracestate", "foo=1")
            .trailer("baggage", "a=b")
            .trailer("x-sum", "1");
        front.send(sent);
        let trailers = seen(&front).trailers;
        let expected = FieldList::of([("x-sum", "1")]);
        assert_eq!(trailers, Ok(expected), "{}", front.what);
    }
}

#[test]
fn what_connection_names_is_set_all_the_same() {
    for front in fronted() {
        let sent = Sent::get("/public/a").field("connection", "x-request-id, traceparent");
        let answer = front.send(sent);
        let seen = seen(&front);
        assert_eq!(seen.values("x-request-id"), [name(&answer, &front.what)]);
        assert_eq!(seen.values("traceparent").len(), 1);
    }
}
