//! What the gate measures: of each request, of what it rests on, and when it is told.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "tests")]

use doorward_gate::metrics::{Distribution, Instrument, Kind, Value};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::world::{BEGIN_S, World};
use doorward_tests::tree::{root, text_of};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"

[rate_limit.few]
requests = 2
per_s = 60
key = "client"

[upstream.orders]
url = "http://orders.example"
attempts_max = 2

[defaults]
upstream = "orders"

[[route]]
path = "/orders/{number}"
scope = ["read"]

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/limited"
public = true
rate_limit = "few"
"#;

/// Longer than a measurement waits.
const SOON: Duration = Duration::from_millis(1500);

struct Scene {
    stage: Stage,
    issuer: Rc<Issuer>,
    origin: Rc<Origin>,
}

impl Scene {
    fn new(policy: &str) -> Self {
        Self::of(Component::new(policy), true)
    }

    fn of(mut component: Component, is_gateway: bool) -> Self {
        component.measures = true;
        let world = World::beginning_at(BEGIN_S);
        let issuer = Issuer::at(&world, "acme.example", "first");
        let origin = Origin::at(&world, "orders.example");
        let behind = match is_gateway {
            true => Behind::Upstreams,
            false => Behind::Next(origin.peer()),
        };
        Self {
            stage: Stage::new(&world, component, behind),
            issuer,
            origin,
        }
    }

    fn send(&self, sent: Sent) -> u16 {
        self.stage.send(sent).status
    }

    fn token(&self) -> String {
        let claims = json!({ "scope": "read" });
        self.issuer.token_by("first", &self.stage.world, claims)
    }

    /// Everything that was told up to soon, added up: by instrument and labels.
    fn told(&self) -> Told {
        self.stage.world.executor.run_for(SOON);
        let mut told = Told::default();
        for point in self.stage.world.measurements().into_iter().flatten() {
            let labels = point.instrument.labels();
            assert_eq!(labels.len(), point.labels.len(), "{point:?}");
            let key = (point.instrument, point.labels.join(" "));
            match point.value {
                Value::Sum(by) => *told.sums.entry(key).or_default() += by,
                Value::Last(value) => drop(told.gauges.insert(key, value)),
                Value::Distribution(more) => {
                    let all: &mut Distribution = told.distributions.entry(key).or_default();
                    for (count, more) in all.counts.iter_mut().zip(more.counts) {
                        *count += more;
                    }
                    all.sum += more.sum;
                }
            }
        }
        told
    }
}

#[derive(Debug, Default)]
struct Told {
    sums: BTreeMap<(Instrument, String), u64>,
    gauges: BTreeMap<(Instrument, String), f64>,
    distributions: BTreeMap<(Instrument, String), Distribution>,
}

impl Told {
    fn sum(&self, instrument: Instrument, labels: &str) -> u64 {
        let key = (instrument, labels.to_owned());
        self.sums.get(&key).copied().unwrap_or_default()
    }

    fn count(&self, instrument: Instrument, labels: &str) -> u64 {
        let key = (instrument, labels.to_owned());
        let found = self.distributions.get(&key);
        found.map_or(0, |all| all.counts.iter().sum())
    }
}

#[test]
fn requests_are_counted_by_route_method_status_and_decision() {
    for is_gateway in [true, false] {
        let scene = Scene::of(Component::new(POLICY), is_gateway);
        let token = scene.token();
        let get = |target: &str| Sent::get(target).bearer(&token);
        for target in ["/orders/1", "/orders/2", "/orders/2?a=b"] {
            assert_eq!(scene.send(get(target)), 200);
        }
        scene.send(Sent::get("/orders/1"));
        scene.send(Sent::get("/nowhere/but/here"));
        scene.send(Sent::get("/public/a").with_method("BREW"));
        let told = scene.told();
        for (labels, count) in [
            ("/orders/{number} GET 200 admitted", 3),
            ("/orders/{number} GET 401 refused", 1),
            ("(none) GET 403 refused", 1),
            ("/public/** _OTHER 200 admitted", 1),
        ] {
            assert_eq!(
                told.sum(Instrument::Requests, labels),
                count,
                "{labels}: {:#?}",
                told.sums
            );
        }
        let all: u64 = told.sums.iter().fold(0, |all, ((instrument, _), count)| {
            all + if *instrument == Instrument::Requests {
                *count
            } else {
                0
            }
        });
        assert_eq!(all, 6, "each is counted once: {:#?}", told.sums);
        let refused = Instrument::Refusals;
        assert_eq!(told.sum(refused, "/orders/{number} no-credential"), 1);
        assert_eq!(told.sum(refused, "(none) forbidden"), 1);
        assert_eq!(told.sum(Instrument::InstanceStarts, ""), 1);
        assert_eq!(told.count(Instrument::InstanceStartDuration, ""), 1);
    }
}

#[test]
fn times_are_those_of_the_clock_and_of_the_right_phase() {
    let scene = Scene::new(POLICY);
    scene
        .origin
        .always(Reply::default().after(Duration::from_millis(700)));
    let token = scene.token();
    for _ in 0..2 {
        scene.send(Sent::get("/orders/7").bearer(&token));
    }
    let told = scene.told();
    let of = |instrument, labels: &str| {
        let found = told.distributions.get(&(instrument, labels.to_owned()));
        found
            .unwrap_or_else(|| panic!("{labels}: {told:#?}"))
            .clone()
    };
    let whole = of(Instrument::RequestDuration, "/orders/{number} admitted");
    assert!((1.4..1.6).contains(&whole.sum), "{whole:?}");
    let first = of(Instrument::AuthenticationDuration, "jwt signature");
    assert!(
        (0.0001..0.1).contains(&first.sum),
        "keys are fetched: {first:?}"
    );
    let second = of(Instrument::AuthenticationDuration, "jwt remembered");
    assert!(second.sum < 0.0001, "{second:?}");
}

#[test]
fn limits_upstreams_and_keys_are_counted_by_their_names() {
    let scene = Scene::new(POLICY);
    for _ in 0..5 {
        scene.send(Sent::get("/limited").from(Some("10.0.0.1:1")));
    }
    scene.origin.next(Reply::status(503));
    scene.send(Sent::get("/public/a"));
    scene
        .origin
        .next(Reply::failure(Failure::ConnectionTerminated));
    scene.send(Sent::get("/public/a"));
    let token = scene.token();
    assert_eq!(scene.send(Sent::get("/orders/7").bearer(&token)), 200);
    let fetched_s = scene.stage.world.wall_ms() / 1000;
    let told = scene.told();
    assert_eq!(
        told.sum(Instrument::RateLimitRefusals, "few"),
        3,
        "{told:#?}"
    );
    let attempts =
        |outcome: &str| told.sum(Instrument::UpstreamAttempts, &format!("orders {outcome}"));
    assert_eq!((attempts("5xx"), attempts("reset")), (1, 1), "{told:#?}");
    assert_eq!(attempts("2xx"), 5, "{told:#?}");
    assert_eq!(told.sum(Instrument::KeySetChanges, "acme loaded"), 1);
    assert_eq!(told.sum(Instrument::Events, "keys-loaded info"), 1);
    let fetched = told.gauges[&(Instrument::KeySetFetched, "acme".to_owned())];
    assert!((fetched - fetched_s as f64).abs() < 2.0, "{fetched}");
}

#[test]
fn what_an_open_breaker_keeps_from_an_upstream_is_counted() {
    let scene = Scene::new(POLICY);
    scene
        .origin
        .always(Reply::failure(Failure::ConnectionRefused));
    let mut statuses = BTreeMap::<u16, u64>::new();
    for _ in 0..40 {
        *statuses
            .entry(scene.send(Sent::get("/public/a")))
            .or_default() += 1;
    }
    let told = scene.told();
    let kept = told.sum(Instrument::UpstreamBreaker, "orders");
    assert!(kept > 0, "{told:#?}");
    assert_eq!(statuses.get(&503), Some(&kept), "{statuses:?}");
    assert!(told.sum(Instrument::UpstreamAttempts, "orders unreachable") > 0);
}

#[test]
fn report_mode_is_counted_apart_from_refusals() {
    let report = "mode = \"report\"\nreport_until = \"2026-01-31\"\n";
    let scene = Scene::new(&format!("{report}{POLICY}"));
    assert_eq!(scene.send(Sent::get("/orders/7")), 200);
    let told = scene.told();
    let would = told.sum(Instrument::WouldRefuse, "/orders/{number} no-credential");
    assert_eq!(would, 1, "{told:#?}");
    let labels = "/orders/{number} GET 200 would_refuse";
    assert_eq!(told.sum(Instrument::Requests, labels), 1, "{told:#?}");
    let refused = told
        .sums
        .keys()
        .any(|(one, _)| *one == Instrument::Refusals);
    assert!(!refused, "{told:#?}");
}

#[test]
fn what_is_measured_is_told_within_a_second_in_one_batch() {
    let scene = Scene::new(POLICY);
    for _ in 0..20 {
        scene.send(Sent::get("/public/a"));
    }
    assert!(
        scene.stage.world.measurements().is_empty(),
        "not with each request"
    );
    scene.stage.world.executor.run_for(SOON);
    assert_eq!(scene.stage.world.measurements().len(), 1, "all in one");
    scene.stage.world.executor.run_for(Duration::from_secs(60));
    assert_eq!(
        scene.stage.world.measurements().len(),
        1,
        "and nothing where nothing is new"
    );
}

#[test]
fn what_could_not_be_told_is_told_with_what_comes_next() {
    let scene = Scene::new(POLICY);
    scene.stage.world.refuses_measurements(true);
    scene.send(Sent::get("/public/a"));
    scene.stage.world.executor.run_for(SOON);
    assert!(scene.stage.world.measurements().is_empty());
    scene.stage.world.refuses_measurements(false);
    scene.send(Sent::get("/public/a"));
    let told = scene.told();
    assert_eq!(
        told.sum(Instrument::Requests, "/public/** GET 200 admitted"),
        2
    );
    assert_eq!(told.sum(Instrument::InstanceStarts, ""), 1);
}

#[test]
fn a_label_says_nothing_that_a_client_has_sent() {
    let scene = Scene::new(POLICY);
    let secret = "s3cret-of-the-client";
    for sent in [
        Sent::get(&format!("/public/{secret}?{secret}={secret}")),
        Sent::get(&format!("/{secret}")),
        Sent::get("/orders/1").bearer(secret),
        Sent::get("/orders/1").with_method(secret),
        Sent::get("/limited").field("x-forwarded-for", secret),
        Sent::get("/limited").field("x-request-id", secret),
    ] {
        scene.send(sent);
    }
    scene.stage.world.executor.run_for(SOON);
    let points = scene.stage.world.measurements();
    assert!(points.iter().flatten().count() > 10, "{points:?}");
    assert!(!format!("{points:?}").contains(secret), "{points:#?}");
}

#[test]
fn who_does_not_want_to_know_is_told_nothing() {
    let world = World::new(1, false);
    let origin = Origin::at(&world, "orders.example");
    let stage = Stage::new(&world, Component::new(POLICY), Behind::Next(origin.peer()));
    stage.send(Sent::get("/public/a"));
    world.executor.run_for(SOON);
    assert!(world.measurements().is_empty());
}

/// A name as Prometheus has it.
fn in_prometheus(instrument: Instrument) -> String {
    let name = instrument.name().replace('.', "_");
    match (instrument.kind(), instrument.unit()) {
        (Kind::Counter, _) => format!("{name}_total"),
        (_, "s") => format!("{name}_seconds"),
        _ => name,
    }
}

/// The words of a text that begin as our metrics do.
fn named_in(text: &str) -> BTreeSet<&str> {
    let is_of_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    text.split(|letter: char| !is_of_name(letter))
        .filter(|word| word.starts_with("doorward_"))
        .collect()
}

#[test]
fn alerts_dashboard_and_documentation_name_only_metrics_that_there_are() {
    let ours: BTreeSet<String> = Instrument::ALL
        .iter()
        .map(|one| in_prometheus(*one))
        .collect();
    let of_host = text_of(&root().join("crates/host/src/metrics.rs"));
    let of_host = named_in(&of_host);
    assert!(of_host.contains("doorward_host_connections"), "{of_host:?}");
    let is_there = |name: &str| {
        let base = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        [name, base]
            .iter()
            .any(|name| ours.contains(*name) || of_host.contains(name))
    };
    let mut named = BTreeSet::new();
    for file in [
        "docs/operations/alerts.yml",
        "docs/operations/alerts_test.yml",
        "docs/operations/dashboard.json",
        "docs/operations.md",
        "docs/host.md",
    ] {
        let text = text_of(&root().join(file));
        for name in named_in(&text) {
            assert!(is_there(name), "{file}: there is no {name}");
            named.insert(name.to_owned());
        }
    }
    for name in &ours {
        let documented = text_of(&root().join("docs/operations.md"));
        assert!(documented.contains(name), "docs/operations.md lacks {name}");
    }
    assert!(named.len() > 15, "{named:?}");
}

#[test]
fn each_instrument_is_measured_by_a_test_here_or_beside_it() {
    // The ones of which no request here can be had in one scene.
    let apart = [Instrument::Lost, Instrument::CandidateDiffers];
    let here = [include_str!("metrics.rs"), include_str!("bundle/shown.rs")].concat();
    for instrument in Instrument::ALL {
        let name = format!("Instrument::{instrument:?}");
        let is_here = here.matches(&name).count() > 0;
        assert!(is_here || apart.contains(instrument), "{name}");
        assert_ne!(instrument.description(), "");
        assert!(matches!(
            instrument.kind(),
            Kind::Counter | Kind::Gauge | Kind::Histogram
        ));
    }
}
