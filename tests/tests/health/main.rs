//! What the gate answers by itself to who asks how it is (`[health]`): when it is ready, who is told what is wrong, and
//! that asking costs nobody anything.

#![expect(clippy::indexing_slicing, reason = "tests")]

mod around;

use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::Behind;
use doorward_tests::sim::issuer::Issuer;
use doorward_tests::sim::message::Manner;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use doorward_tests::sim::store::Calls;
use doorward_tests::sim::world::World;
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// How long keys and the store are waited for.
const WAIT: Duration = Duration::from_secs(2);

const ISSUERS: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_url = "https://acme.example/keys"
stale_if_error_s = 600

[issuer.other]
url = "https://other.example"
audience = "api"
jwks_url = "https://other.example/keys"
"#;

const ROUTES: &str = r#"
[[route]]
path = "/orders"
issuer = ["acme", "other"]

[[route]]
path = "/public/**"
public = true
"#;

struct Scene {
    stage: Stage,
    acme: Rc<Issuer>,
    other: Rc<Issuer>,
    origin: Rc<Origin>,
}

impl Scene {
    /// A gateway with these tables of its policy, before an upstream `orders`.
    fn new(health: &str) -> Self {
        Self::with(health, "", true)
    }

    fn with(health: &str, more: &str, is_gateway: bool) -> Self {
        let policy = format!(
            "[health]\n{health}\n{more}\n{ISSUERS}\n[upstream.orders]\nurl = \"http://orders.example\"\n\
             attempts_max = 1\n[defaults]\nupstream = \"orders\"\n{ROUTES}"
        );
        Self::of(Component::new(&policy), is_gateway)
    }

    fn of(component: Component, is_gateway: bool) -> Self {
        let world = World::new(1, false);
        let acme = Issuer::at(&world, "acme.example", "first");
        let other = Issuer::at(&world, "other.example", "first");
        let origin = Origin::at(&world, "orders.example");
        let behind = match is_gateway {
            true => Behind::Upstreams,
            false => Behind::Next(origin.peer()),
        };
        Self {
            stage: Stage::new(&world, component, behind),
            acme,
            other,
            origin,
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.stage.send(Sent::get(path))
    }

    fn pass(&self, time: Duration) {
        self.stage.world.executor.run_for(time);
    }
}

/// What an answer says of one thing.
fn check(answer: &Answer, name: &str) -> Value {
    answer.json()["checks"][name].clone()
}

#[test]
fn a_gate_that_has_not_fetched_keys_yet_fetches_them_and_is_ready() {
    for manner in Manner::ALL {
        for is_gateway in [true, false] {
            let policy = format!("[health]\nready = \"/ready\"\n{ISSUERS}{ROUTES}");
            let scene = Scene::of(Component::new(&policy).on(manner), is_gateway);
            for origin in [&scene.acme.origin, &scene.other.origin] {
                assert_eq!(origin.count(), 0);
            }
            let answer = scene.get("/ready?from=probe");
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.json(), json!({"status": "pass"}));
            assert_eq!(answer.field("content-type"), "application/json");
            assert_eq!(answer.field("content-length"), "17");
            assert_eq!(answer.field("cache-control"), "no-store");
            assert_ne!(answer.field("x-request-id"), "");
            for origin in [&scene.acme.origin, &scene.other.origin] {
                assert_eq!(origin.count(), 1, "each issuer was asked once");
            }
            assert_eq!(scene.origin.count(), 0, "nothing reaches what is behind");
        }
    }
}

#[test]
fn the_keys_of_all_issuers_are_fetched_at_the_same_time() {
    let scene = Scene::new("ready = \"/ready\"");
    for issuer in [&scene.acme, &scene.other] {
        issuer.says("x-slow", "1");
        let slow = Reply::default()
            .after(Duration::from_millis(1500))
            .body("{\"keys\":[]}");
        issuer.origin.next(slow);
    }
    let began = scene.stage.world.executor.now();
    let answer = scene.get("/ready");
    let took = scene.stage.world.executor.now() - began;
    assert!(took < WAIT, "{took:?}");
    assert_eq!(answer.status, 503, "the sets that came are empty");
}

#[test]
fn without_the_keys_of_an_issuer_it_is_not_ready_and_says_when_to_ask_again() {
    let scene = Scene::new("ready = \"/ready\"\nlive = \"/health\"");
    scene.acme.origin.always(Reply::status(500));
    let answer = scene.get("/ready");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.field("content-type"), "application/problem+json");
    assert_eq!(answer.field("cache-control"), "no-store");
    let retry_after_s: u64 = answer.field("retry-after").parse().unwrap_or_default();
    assert!((1..=60).contains(&retry_after_s), "{retry_after_s}");
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:problem-type:doorward:not-ready");
    assert_eq!(problem["status"], 503);
    assert_eq!(problem["request_id"], answer.field("x-request-id"));
    assert!(problem.get("checks").is_none(), "nobody is told: {problem}");
    assert!(!answer.text().contains("acme"), "{}", answer.text());
    assert_eq!(scene.get("/health").status, 200, "it is alive");

    scene.acme.answer();
    scene.pass(SECOND * u32::try_from(retry_after_s).unwrap_or(1));
    assert_eq!(scene.get("/ready").status, 200);
}

#[test]
fn keys_that_are_old_and_allowed_are_told_and_good_enough_until_they_are_too_old() {
    let scene = Scene::new("ready = \"/ready\"\ndetails = \"all\"");
    scene.acme.says("cache-control", "max-age=300");
    assert_eq!(scene.get("/ready").status, 200);
    scene.acme.origin.always(Reply::status(500));
    scene.pass(SECOND * 330);
    // It is asked again after the answer.
    scene.get("/ready");
    scene.pass(SECOND);
    let answer = scene.get("/ready");
    assert_eq!(
        (answer.status, answer.json()["status"].clone()),
        (200, json!("warn"))
    );
    let told = check(&answer, "issuer:acme");
    assert_eq!(
        (&told["status"], &told["keys"]),
        (&json!("warn"), &json!("failing"))
    );
    assert_eq!(told["age_s"], 331);
    assert_eq!(check(&answer, "issuer:other")["status"], "pass");

    scene.pass(SECOND * 600);
    let answer = scene.get("/ready");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(check(&answer, "issuer:acme")["keys"], "expired");
}

#[test]
fn an_issuer_that_does_not_answer_is_waited_for_no_longer_than_two_seconds_and_asked_once() {
    let scene = Scene::new("ready = \"/ready\"");
    scene.acme.origin.always(Reply::never());
    let executor = &scene.stage.world.executor;
    let began = executor.now();
    assert_eq!(scene.get("/ready").status, 503);
    assert_eq!(executor.now() - began, WAIT);
    for answer in scene.stage.at_once((0..16).map(|_| Sent::get("/ready"))) {
        assert_eq!(answer.status, 503);
    }
    assert_eq!(scene.acme.origin.count(), 1, "they share one fetch");
}

#[test]
fn a_flood_of_questions_asks_nobody_more_often() {
    let scene = Scene::with(
        "ready = \"/ready\"\nlive = \"/health\"",
        "[revocation]",
        true,
    );
    scene.acme.origin.always(Reply::status(500));
    let store = scene.stage.world.store("default");
    for _ in 0..100 {
        scene.stage.at_once((0..16).map(|_| Sent::get("/ready")));
        scene.get("/health");
    }
    assert_eq!(
        scene.acme.origin.count(),
        1,
        "an issuer that fails is left alone"
    );
    assert_eq!(scene.other.origin.count(), 1);
    let instances = scene.stage.gate.made_so_far();
    assert!(
        store.listings() <= instances,
        "{} listings by {instances} instances",
        store.listings()
    );
    assert_eq!(scene.origin.count(), 0);
}

#[test]
fn being_alive_needs_and_touches_nothing() {
    let scene = Scene::with("live = \"/health\"", "[revocation]", true);
    scene.acme.origin.always(Reply::never());
    scene.stage.world.store("default").calls(Calls::Hang);
    let began = scene.stage.world.executor.now();
    let answer = scene.get("/health");
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"status": "pass"}))
    );
    assert_eq!(scene.stage.world.executor.now(), began);
    assert_eq!(scene.acme.origin.count(), 0);
    assert_eq!(scene.stage.world.store("default").listings(), 0);
    assert_eq!(
        scene.get("/ready").status,
        403,
        "and no other path is taken"
    );
}

#[test]
fn only_get_and_head_are_answered() {
    let scene = Scene::new("ready = \"/ready\"\nlive = \"/health\"");
    for path in ["/ready", "/health"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get"] {
            let answer = scene.stage.send(Sent::new(method, path));
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.field("allow"), "GET, HEAD");
            let problem = answer.json();
            assert_eq!(
                problem["type"],
                "urn:problem-type:doorward:method-not-allowed"
            );
            assert_eq!(problem["request_id"], answer.field("x-request-id"));
        }
        assert_eq!(scene.stage.send(Sent::new("HEAD", path)).status, 200);
    }
    assert_eq!(scene.origin.count(), 0);
}

#[test]
fn another_spelling_of_the_path_is_another_path() {
    let scene = Scene::new("ready = \"/public/ready\"\nlive = \"/health\"");
    for path in ["/public/READY", "/public/ready/", "/public/ready2"] {
        let before = scene.origin.count();
        assert_eq!(scene.get(path).status, 200, "{path}");
        assert_eq!(scene.origin.count(), before + 1, "{path} is the service's");
    }
    for path in [
        "/Health",
        "/health/",
        "/%68ealth",
        "//health",
        "/a/../health",
    ] {
        assert_ne!(scene.get(path).status, 200, "{path}");
    }
    let before = scene.origin.count();
    assert_eq!(scene.get("/public/ready").status, 200);
    assert_eq!(scene.origin.count(), before, "and this one is the gate's");
}

#[test]
fn required_are_the_issuers_whose_signed_tokens_are_accepted_or_those_that_are_named() {
    let issuer = |name: &str, more: &str| {
        format!(
            "[issuer.{name}]\nurl = \"https://{name}.example\"\naudience = \"api\"\n\
             jwks_url = \"https://{name}.example/keys\"\n{more}\n"
        )
    };
    let opaque = "[issuer.other.introspection]\nclient_id = \"gate\"\nsecret = \"s\"\n\
                  endpoint = \"https://other.example/introspect\"";
    let tenants = "[issuer.other]\nurl = \"https://other.example/{tenant}\"\naudience = \"api\"\n\
                   jwks_url = \"https://other.example/keys/{tenant}\"\ntenants = [\"blue\", \"red\"]\n";
    let acme = issuer("acme", "");
    let both = "[[route]]\npath = \"/a\"\nissuer = [\"acme\", \"other\"]";
    for (what, require, other, routes, status) in [
        ("accepted", "", issuer("other", ""), both, 503),
        (
            "another one named",
            "require = [\"issuer:acme\"]",
            issuer("other", ""),
            both,
            200,
        ),
        (
            "named",
            "require = [\"issuer:other\"]",
            issuer("other", ""),
            both,
            503,
        ),
        (
            "no route takes it",
            "",
            issuer("other", ""),
            "[[route]]\npath = \"/a\"\nissuer = \"acme\"",
            200,
        ),
        (
            "only opaque tokens",
            "",
            issuer("other", opaque),
            "[[route]]\npath = \"/a\"\nissuer = \"acme\"\n[[route]]\npath = \"/b\"\n\
             issuer = \"other\"\naccept = \"opaque\"",
            200,
        ),
        (
            "an alternative takes it",
            "",
            issuer("other", ""),
            "[[route]]\npath = \"/a\"\n[[route.allow]]\nissuer = \"acme\"\n[[route.allow]]\n\
             issuer = \"other\"\nscope = \"a\"",
            503,
        ),
        ("several tenants", "", tenants.to_owned(), both, 200),
        (
            "a tenant named",
            "require = [\"issuer:other/red\"]",
            tenants.to_owned(),
            both,
            503,
        ),
        (
            "all named",
            "require = [\"issuer:other\"]",
            tenants.to_owned(),
            both,
            503,
        ),
    ] {
        let policy = format!("[health]\nready = \"/ready\"\n{require}\n{acme}{other}{routes}");
        let scene = Scene::of(Component::new(&policy), false);
        scene.other.origin.always(Reply::status(500));
        let answer = scene.get("/ready");
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
}

#[test]
fn keys_from_a_file_and_from_a_variable_count_as_well() {
    let policy = "[health]\nready = \"/ready\"\n[issuer.acme]\nurl = \"acme\"\naudience = \"api\"\n\
                  secret = \"acme_secret\"\nalgorithms = [\"HS256\"]\n[[route]]\npath = \"/a\"";
    let scene = Scene::of(Component::new(policy), false);
    assert_eq!(scene.get("/ready").status, 503, "there is no such variable");
    let component = Component::new(policy).secret("acme_secret", &"k".repeat(64));
    assert_eq!(Scene::of(component, false).get("/ready").status, 200);

    let policy = policy.replace(
        "secret = \"acme_secret\"\nalgorithms = [\"HS256\"]",
        "jwks_file = \"/keys.json\"",
    );
    let scene = Scene::of(Component::new(&policy), false);
    assert_eq!(scene.get("/ready").status, 503, "there is no such file");
}

#[test]
fn details_are_for_those_whom_the_policy_names() {
    let trusted = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"10.0.0.0/8\"]";
    let inside = || Sent::get("/ready").from(Some("10.1.2.3:5"));
    let outside = || Sent::get("/ready").from(Some("192.0.2.1:5"));
    for (details, sent, is_told) in [
        ("none", inside(), false),
        ("all", outside(), true),
        ("trusted", inside(), true),
        ("trusted", outside(), false),
        ("trusted", Sent::get("/ready").from(None), false),
        (
            "trusted",
            outside().field("x-forwarded-for", "10.1.2.3"),
            false,
        ),
        // A proxy inside that asks for somebody else, whoever that is.
        (
            "trusted",
            inside().field("x-forwarded-for", "192.0.2.1"),
            false,
        ),
        (
            "trusted",
            inside().field("x-forwarded-for", "10.9.9.9"),
            false,
        ),
        ("trusted", inside().field("x-forwarded-for", ""), false),
        (
            "trusted",
            inside().field("forwarded", "for=192.0.2.1"),
            false,
        ),
        ("trusted", inside().field("via", "1.1 edge"), false),
    ] {
        for fails in [false, true] {
            let health = format!("ready = \"/ready\"\nlive = \"/health\"\ndetails = \"{details}\"");
            let scene = Scene::with(&health, trusted, true);
            if fails {
                scene.acme.origin.always(Reply::status(500));
            }
            let answer = scene.stage.send(sent.clone());
            assert_eq!(answer.status, if fails { 503 } else { 200 });
            let has_details = answer.json().get("checks").is_some();
            assert_eq!(has_details, is_told, "{details}, {sent:?}");
            assert_eq!(answer.text().contains("acme"), is_told);
            assert!(
                !answer.text().contains("example"),
                "no address: {}",
                answer.text()
            );
        }
    }
}

#[test]
fn each_change_has_one_line_in_the_log() {
    let scene = Scene::new("ready = \"/ready\"");
    scene.acme.origin.always(Reply::status(500));
    for _ in 0..5 {
        scene.get("/ready");
    }
    let told = scene.stage.world.told("not-ready");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0].field("without"), "issuer:acme");
    assert_eq!(told[0].field("level"), "warn");
    assert_eq!(scene.stage.told("ready"), 0);
    scene.acme.answer();
    scene.pass(SECOND * 60);
    for _ in 0..5 {
        assert_eq!(scene.get("/ready").status, 200);
    }
    assert_eq!(
        (scene.stage.told("ready"), scene.stage.told("not-ready")),
        (1, 1)
    );
}

#[test]
fn without_a_policy_that_can_be_used_nothing_is_ready() {
    let component = Component::new("[health]\nready = \"/ready\"\nlive = \"/health\"").invalid();
    let scene = Scene::of(component, false);
    for path in ["/ready", "/health"] {
        assert_eq!(
            scene.get(path).status,
            500,
            "{path}: nobody knows that it is one"
        );
    }
}

#[test]
fn without_the_table_no_path_is_taken() {
    let policy = format!("{ISSUERS}[[route]]\npath = \"/**\"\npublic = true");
    let scene = Scene::of(Component::new(&policy), false);
    for path in ["/ready", "/health"] {
        assert_eq!(scene.get(path).status, 200);
    }
    assert_eq!(scene.origin.count(), 2, "they are the service's own");
}

#[test]
fn what_is_in_report_mode_and_until_when_is_told_who_is_told_what_is_wrong() {
    let hour = "mode = \"report\"\nreport_until = \"2026-01-01T01:00:00Z\"\n";
    let scene = |details: &str| {
        let policy = format!(
            "{hour}[health]\nready = \"/ready\"\nlive = \"/live\"\ndetails = \"{details}\"\n{ISSUERS}{hour}\
             [rate_limit.each]\nrequests = 1\nper_s = 1\nkey = \"client\"\n{hour}{ROUTES}{hour}rate_limit = \"each\"\n"
        );
        Scene::of(Component::new(&policy), false)
    };
    let told = scene("all");
    let until = "2026-01-01T01:00:00.000Z";
    let due = json!([
        { "what": "policy", "until": until },
        { "what": "route", "name": "/public/**", "until": until },
        { "what": "issuer", "name": "other", "until": until },
        { "what": "rate_limit", "name": "each", "until": until },
    ]);
    let answer = told.get("/ready");
    assert_eq!(answer.status, 200, "it changes nothing of that");
    assert_eq!(answer.json()["status"], "pass");
    assert_eq!(answer.json()["report_mode"], due);
    assert_eq!(told.get("/live").json(), json!({ "status": "pass" }));
    told.stage.world.set_clock(3600);
    assert_eq!(
        told.get("/ready").json().get("report_mode"),
        None,
        "it is over"
    );
    let answer = scene("none").get("/ready");
    assert_eq!(answer.json(), json!({ "status": "pass" }));
    let none = Scene::new("ready = \"/ready\"\ndetails = \"all\"");
    assert_eq!(none.get("/ready").json().get("report_mode"), None);
}
