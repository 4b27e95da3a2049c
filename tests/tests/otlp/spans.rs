//! Spans of a request, as a collector has them.

use super::scene::{Scene, attributes, hex, named, names};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::hold::Hold;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use std::collections::BTreeMap;
use std::time::Duration;

const ALL: &str = "metrics = false\ntrace_one_in = 1";

#[test]
fn a_request_has_a_span_with_the_names_of_the_conventions() {
    let scene = Scene::new(ALL);
    let answer = scene.stage.send(scene.get("/orders/7?secret=of-nobody"));
    scene.soon();
    let spans = scene.spans();
    let root = named(&spans, "GET /orders/{number}");
    assert_eq!(root.kind(), SpanKind::Server);
    assert!(root.parent_span_id.is_empty() && root.status.is_none());
    assert!(root.start_time_unix_nano <= root.end_time_unix_nano);
    let told = attributes(&root.attributes);
    let request_id = answer.field("x-request-id");
    let expected = [
        ("doorward.decision", "admitted"),
        ("doorward.request_id", &request_id),
        ("doorward.rule", "3"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/orders/{number}"),
        ("url.path", "/orders/7"),
        ("url.scheme", "https"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(told, BTreeMap::from(expected));
    assert_eq!(hex(&root.trace_id), request_id.replace('-', ""));
}

#[test]
fn what_is_done_for_a_request_is_in_its_span_each_in_the_other() {
    let scene = Scene::new(ALL);
    scene.stage.send(scene.get("/orders/7"));
    scene.soon();
    let spans = scene.spans();
    for (name, parents) in [
        ("authentication", &["GET /orders/{number}"][..]),
        ("load keys", &["authentication"]),
        ("fetch keys", &["load keys"]),
        ("open", &["load keys"]),
        ("set", &["load keys"]),
    ] {
        let span = named(&spans, name);
        assert!(
            parents.contains(&parent_of(&spans, span)),
            "{name} in {}",
            parent_of(&spans, span)
        );
        let around = around(&spans, span).unwrap();
        assert!(
            around.start_time_unix_nano <= span.start_time_unix_nano,
            "{name}"
        );
    }
    let exchanges: Vec<_> = spans.iter().filter(|span| span.name == "GET").collect();
    let mut parents: Vec<_> = exchanges
        .iter()
        .map(|span| parent_of(&spans, span))
        .collect();
    parents.sort_unstable();
    assert_eq!(parents, ["GET /orders/{number}", "fetch keys"]);
    for span in exchanges {
        assert_eq!(span.kind(), SpanKind::Client);
        let told = attributes(&span.attributes);
        let (host, port, url) = match parent_of(&spans, span) {
            "fetch keys" => ("acme.example", "443", "https://acme.example/keys"),
            _ => (
                "orders.example",
                "8080",
                "http://orders.example:8080/orders/7",
            ),
        };
        assert_eq!(told["server.address"], host);
        assert_eq!(told["server.port"], port);
        assert_eq!(told["url.full"], url);
        assert_eq!(told["http.request.method"], "GET");
        assert_eq!(told["http.response.status_code"], "200");
    }
    let told = attributes(&named(&spans, "authentication").attributes);
    assert_eq!(told["doorward.credential"], "jwt");
    assert_eq!(told["doorward.proof"], "signature");
    let told = attributes(&named(&spans, "set").attributes);
    assert_eq!(told["db.operation.name"], "set");
}

#[test]
fn each_attempt_at_an_upstream_is_a_span_that_the_upstream_is_told() {
    let scene = Scene::new(ALL);
    scene.origin.next(Reply::failure(Failure::ResponseTimeout));
    scene.origin.next(Reply::status(503));
    scene.stage.send(scene.get("/orders/7"));
    scene.soon();
    let spans = scene.spans();
    let root = named(&spans, "GET /orders/{number}");
    let attempts: Vec<_> = spans
        .iter()
        .filter(|span| span.name == "GET" && span.parent_span_id == root.span_id)
        .collect();
    let told: Vec<_> = attempts
        .iter()
        .map(|span| attributes(&span.attributes))
        .collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(told[0].get("http.request.resend_count"), None);
    assert_eq!(told[1]["http.request.resend_count"], "1");
    assert_eq!(told[2]["http.request.resend_count"], "2");
    let errors: Vec<_> = told
        .iter()
        .map(|told| told.get("error.type").map(String::as_str))
        .collect();
    assert_eq!(errors, [Some("timeout"), Some("503"), None]);
    let is_error = |span: &&Span| {
        let status = span.status.as_ref();
        status.is_some_and(|status| status.code() == StatusCode::Error)
    };
    assert_eq!(
        attempts.iter().map(is_error).collect::<Vec<_>>(),
        [true, true, false]
    );
    let seen = scene.origin.seen();
    let sent: Vec<_> = seen.iter().map(|seen| seen.field("traceparent")).collect();
    let expected = attempts.iter().map(|span| {
        let (trace, span) = (hex(&span.trace_id), hex(&span.span_id));
        format!("00-{trace}-{span}-01")
    });
    // One that timed out was sent as well.
    assert_eq!(sent, expected.collect::<Vec<_>>());
}

#[test]
fn a_refusal_says_its_class_and_is_no_error_of_the_server() {
    let scene = Scene::new(ALL);
    scene
        .stage
        .send(Sent::get("/orders/7").bearer("not.a.token"));
    scene.stage.send(Sent::get("/nowhere/x"));
    scene.soon();
    let spans = scene.spans();
    let root = named(&spans, "GET /orders/{number}");
    let told = attributes(&root.attributes);
    assert_eq!(told["doorward.decision"], "refused");
    assert_eq!(told["doorward.class"], "invalid-token");
    assert_eq!(told["http.response.status_code"], "401");
    assert!(root.status.is_none());
    let told = attributes(&named(&spans, "GET").attributes);
    assert_eq!(told.get("http.route"), None, "no rule has it");
}

#[test]
fn introspection_is_a_span_and_no_secret_is_in_one() {
    let scene = Scene::new(ALL);
    let opaque = Origin::at(&scene.stage.world, "opaque.example");
    opaque.always(
        Reply::status(200)
            .field("content-type", "application/json")
            .body(r#"{"active":true,"aud":"api","sub":"someone","iss":"https://opaque.example"}"#),
    );
    let token = "opaque-token-that-nobody-may-see";
    let answer = scene.stage.send(Sent::get("/opaque").bearer(token));
    assert_eq!(answer.status, 200);
    scene.soon();
    let spans = scene.spans();
    let asked = named(&spans, "introspection");
    assert_eq!(parent_of(&spans, asked), "authentication");
    let posted = named(&spans, "POST");
    assert_eq!(parent_of(&spans, posted), "introspection");
    let told = attributes(&posted.attributes);
    assert_eq!(told["url.full"], "https://opaque.example/introspect");
    let bodies: Vec<_> = scene
        .collector
        .seen()
        .into_iter()
        .map(|seen| seen.body)
        .collect();
    let all = String::from_utf8_lossy(&bodies.concat()).into_owned();
    for secret in [token, "s3cret-of-the-gate", "secret-realm"] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(all.contains("authentication"), "something was looked at");
}

#[test]
fn a_method_that_nobody_knows_is_no_name() {
    let scene = Scene::new(ALL);
    scene.stage.send(Sent::new("BREW", "/public/pot"));
    scene.soon();
    let spans = scene.spans();
    let told = attributes(&named(&spans, "HTTP /public/**").attributes);
    assert_eq!(told["http.request.method"], "_OTHER");
    assert!(names(&spans).iter().all(|name| !name.contains("BREW")));
}

#[test]
fn spans_of_requests_at_once_do_not_mix() {
    let scene = Scene::new(ALL);
    scene.origin.answers(|seen, _| {
        let number: u64 = seen.target.rsplit('/').next().unwrap().parse().unwrap();
        Reply::status(200).after(Duration::from_millis(10 * (9 - number)))
    });
    let all = (0..10).map(|number| scene.get(&format!("/orders/{number}")));
    scene.stage.at_once(all);
    scene.soon();
    let spans = scene.spans();
    let roots: Vec<_> = spans
        .iter()
        .filter(|span| span.name == "GET /orders/{number}")
        .collect();
    assert_eq!(roots.len(), 10);
    for root in roots {
        let path = attributes(&root.attributes)["url.path"].clone();
        let within: Vec<_> = spans
            .iter()
            .filter(|span| span.trace_id == root.trace_id)
            .collect();
        let attempts: Vec<_> = within
            .iter()
            .filter(|span| span.parent_span_id == root.span_id && span.name == "GET")
            .collect();
        assert_eq!(attempts.len(), 1, "{path}");
        let told = attributes(&attempts[0].attributes);
        assert_eq!(
            told["url.full"],
            format!("http://orders.example:8080{path}")
        );
        for span in within {
            let has_parent = span.parent_span_id.is_empty() || around(&spans, span).is_some();
            assert!(has_parent, "{} of {path}", span.name);
        }
    }
}

#[test]
fn what_was_given_up_with_its_client_says_so() {
    let scene = Scene::new(ALL);
    scene.stage.send(scene.get("/orders/1"));
    let hold = Hold::closed(&scene.stage.world);
    scene.origin.always(Reply::status(200).held(&hold));
    let leaving = scene.stage.begin(scene.get("/orders/2"));
    scene
        .stage
        .until("the origin has it", || scene.origin.count() == 2);
    leaving.leave();
    scene.origin.always(Reply::status(200));
    scene.stage.send(scene.get("/orders/3"));
    scene.soon();
    let spans = scene.spans();
    let left: Vec<_> = spans
        .iter()
        .filter(|span| {
            let told = attributes(&span.attributes);
            told.get("error.type").map(String::as_str) == Some("cancelled")
        })
        .collect();
    assert_eq!(left.len(), 1, "{:?}", names(&spans));
    assert_eq!(left[0].name, "GET");
}

#[test]
fn keys_that_are_refreshed_after_the_answer_are_of_the_request_that_began_it() {
    let scene = Scene::of(ALL, |mut component: Component| {
        component.idle_max = None;
        component
    });
    scene.issuer.says("cache-control", "max-age=60");
    scene.stage.send(scene.get("/orders/1"));
    scene.stage.world.executor.run_for(Duration::from_secs(45));
    let first = scene.spans().len();
    for _ in 0..3 {
        scene.stage.send(scene.get("/orders/2"));
        scene.stage.world.executor.run_for(Duration::from_secs(20));
    }
    let spans = scene.spans();
    let later = &spans[first..];
    let fetches: Vec<_> = later
        .iter()
        .filter(|span| span.name == "load keys")
        .collect();
    assert!(!fetches.is_empty(), "{:?}", names(later));
    for fetch in fetches {
        assert_eq!(parent_of(&spans, fetch), "authentication");
    }
}

fn around<'s>(spans: &'s [Span], span: &Span) -> Option<&'s Span> {
    let of_trace = |other: &&Span| other.trace_id == span.trace_id;
    let mut all = spans.iter().filter(of_trace);
    all.find(|other| other.span_id == span.parent_span_id)
}

fn parent_of<'s>(spans: &'s [Span], span: &Span) -> &'s str {
    around(spans, span).map_or("nobody", |around| around.name.as_str())
}
