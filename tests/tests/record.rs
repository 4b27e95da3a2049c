//! The record of a request: each phase fills in what it finds out.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use doorward_gate::record::{Outcome, Proof};
use doorward_policy::Reason;
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::{Behind, Gate};
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::world::{Observed, World};
use doorward_traffic::retry::{End, WhyNot};
use doorward_traffic::upstream::UpstreamFailure;
use serde_json::json;
use std::rc::Rc;
use std::time::Duration;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[rate_limit.each]
key = "client"
requests = 3
per_s = 60

[upstream.orders]
url = "http://orders.example"
attempts_max = 2

[[route]]
path = "/orders/{id}"
methods = ["GET", "POST"]
scope = ["read"]
upstream = "orders"

[[route]]
path = "/counted"
methods = ["GET"]
public = true
upstream = "orders"
rate_limit = "each"

[cors.pages]
origins = ["https://page.example"]

[[route]]
path = "/page"
methods = ["GET"]
public = true
upstream = "orders"
cors = "pages"
"#;

struct Scene {
    world: Rc<World>,
    issuer: Rc<Issuer>,
    orders: Rc<Origin>,
    gate: Rc<Gate>,
}

fn scene() -> Scene {
    let world = World::new(1, false);
    let issuer = Issuer::at(&world, "acme.example", "first");
    let orders = Origin::at(&world, "orders.example");
    let gate = Gate::new(&world, Component::new(POLICY), Behind::Upstreams);
    Scene {
        world,
        issuer,
        orders,
        gate,
    }
}

impl Scene {
    /// What is known of this request once it is answered.
    fn record(&self, sent: Sent) -> Observed {
        let gate = Rc::clone(&self.gate);
        let answer = self
            .world
            .executor
            .run(async move { gate.send(sent).await });
        answer.expect("the gate answers");
        self.world.observed().pop().expect("a record")
    }

    fn token(&self) -> String {
        let claims = json!({ "scope": "read" });
        self.issuer.token_by("first", &self.world, claims)
    }
}

#[test]
fn it_says_who_asked_for_what_and_by_which_proof() {
    let scene = scene();
    let token = scene.token();
    let first = scene.record(Sent::get("/orders/7?a=secret").bearer(&token));
    assert_eq!(first.method, "GET");
    assert_eq!(first.path, "/orders/7");
    assert_eq!(first.route.as_deref(), Some("/orders/{id}"));
    let alice = ("acme".to_owned(), Some("alice".to_owned()));
    assert_eq!(first.principal, Some(alice));
    let keys_age_s = Some(0);
    assert_eq!(first.proof, Some(Proof::Signature { keys_age_s }));
    assert_eq!(first.outcome, Outcome::Forwarded(200));

    let second = scene.record(Sent::post("/orders/7", "three").bearer(&token));
    assert_eq!(second.proof, Some(Proof::Remembered));
    assert_eq!(second.body_bytes, 5);
    assert_eq!(second.id.instance, first.id.instance);
    assert_eq!(second.id.number, first.id.number + 1);
}

#[test]
fn it_says_why_a_request_was_refused_so_that_it_can_be_matched_on() {
    let scene = scene();
    let narrow = scene
        .issuer
        .token_by("first", &scene.world, json!({ "scope": "write" }));
    let refused = scene.record(Sent::get("/orders/7").bearer(&narrow));
    let Outcome::Refused(refusal) = refused.outcome else {
        panic!("{:?}", refused.outcome);
    };
    let missing = match refusal.reason() {
        Reason::Scope { missing, .. } => missing.as_str(),
        _ => "",
    };
    assert_eq!(missing, "read");
    assert_eq!(refused.route.as_deref(), Some("/orders/{id}"));
    assert!(refused.times.is_some_and(|times| times.admitted.is_none()));
    assert_eq!(refused.upstreams, []);

    let nowhere = scene.record(Sent::get("/nowhere"));
    assert_eq!(nowhere.route, None);
}

#[test]
fn it_says_whom_it_was_sent_to_how_often_and_why_no_more() {
    let scene = scene();
    let token = scene.token();
    let retry_after_ms = None;
    let end = |status| End::Status {
        status,
        retry_after_ms,
    };
    scene.orders.next(Reply::status(503));
    let again = scene.record(Sent::get("/orders/7").bearer(&token));
    assert_eq!(again.upstreams.len(), 1);
    assert_eq!(again.upstreams[0].upstream.name, "orders");
    assert_eq!(again.upstreams[0].attempts, [(0, end(503)), (0, end(200))]);
    assert_eq!(again.upstreams[0].no_more, None);

    scene.orders.next(Reply::status(503));
    scene.orders.next(Reply::status(503));
    let twice = scene.record(Sent::get("/orders/7").bearer(&token));
    assert_eq!(twice.upstreams[0].no_more, Some(WhyNot::Attempts));
    assert_eq!(twice.outcome, Outcome::Forwarded(503));

    scene
        .orders
        .next(Reply::failure(Failure::ConnectionTerminated));
    let once = scene.record(Sent::post("/orders/7", "three").bearer(&token));
    let reset = End::Failure(UpstreamFailure::Reset);
    assert_eq!(once.upstreams[0].attempts, [(0, reset)]);
    assert_eq!(once.upstreams[0].no_more, Some(WhyNot::NotRepeatable));
}

#[test]
fn it_says_what_rate_limits_said_and_how_long_each_part_took() {
    let scene = scene();
    let slow = Reply::default().after(Duration::from_millis(250));
    scene.orders.always(slow);
    let limits = |admitted| vec![("each".to_owned(), admitted)];
    for _ in 0..3 {
        let counted = scene.record(Sent::get("/counted"));
        assert_eq!(counted.limits, limits(true));
        let times = counted.times.expect("times");
        assert_eq!(times.admitted, Some(times.arrived));
        let answered = times.answered.expect("the time of the answer");
        assert_eq!(answered.since(times.arrived), 250);
    }
    assert_eq!(scene.record(Sent::get("/counted")).limits, limits(false));
}

#[test]
fn it_names_what_answered_by_itself() {
    let scene = scene();
    let preflight = Sent::new("OPTIONS", "/page")
        .field("origin", "https://page.example")
        .field("access-control-request-method", "GET");
    let answered = scene.record(preflight);
    assert_eq!(answered.endpoint, Some("preflight"));
    assert_eq!(answered.outcome, Outcome::Answered(204));
}
