//! The life of a policy that is fetched: the first one, newer ones, and none any more.

use super::common::{
    ENTRY, LIFETIME_S, LOOK, REFRESH, SECOND, Scene, bootstrap, bundle, bundle_but, policy,
};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::hold::Hold;
use doorward_tests::sim::message::Manner;
use doorward_tests::sim::origin::Reply;
use doorward_tests::sim::store::Calls;
use doorward_tests::sim::world::BEGIN_S;
use serde_json::json;
use std::time::Duration;

#[test]
fn the_first_request_has_it_fetched_and_it_decides() {
    for manner in Manner::ALL {
        let scene = Scene::of(Component::new(&bootstrap(&["one"], "")).on(manner));
        scene.publish(&bundle(7, &policy("a", &["acme"])));
        let token = |key| {
            let world = &scene.stage.world;
            scene.acme.token_by(key, world, json!({}))
        };
        let send = |sent| scene.stage.send(sent).status;
        assert_eq!(send(Sent::get("/orders").bearer(&token("first"))), 200);
        assert_eq!(send(Sent::get("/orders").bearer(&token("false"))), 401);
        assert_eq!(send(Sent::get("/orders")), 401);
        assert_eq!(send(Sent::get("/open/a")), 200);
        assert_eq!(send(Sent::get("/nowhere")), 403);
        assert_eq!(scene.server.count(), 1);
        let asked = &scene.server.seen()[0];
        assert_eq!((&*asked.method, &*asked.target), ("GET", "/shop.jws"));
        let told = &scene.stage.world.told("bundle-adopted")[0];
        for (name, value) in [
            ("level", "info"),
            ("application", "shop"),
            ("sequence", "7"),
            ("before", ""),
            ("issued_at", "2026-01-01T00:00:00.000Z"),
            ("expires_at", "2026-01-01T01:00:00.000Z"),
            ("source", "server"),
        ] {
            assert_eq!(told.field(name), value, "{name}: {}", told.text);
        }
    }
}

#[test]
fn without_one_every_request_is_503_and_the_server_is_asked_seldom() {
    let scene = Scene::new();
    for answer in scene.stage.at_once((0..8).map(|_| Sent::get("/open/a"))) {
        assert_eq!(answer.status, 503);
        assert_eq!(answer.field("content-type"), "application/problem+json");
        let problem = answer.json();
        let kind = "urn:problem-type:doorward:policy-unavailable";
        assert_eq!(problem["type"], kind);
        let retry_after_s: u64 = answer.field("retry-after").parse().unwrap();
        assert!((1..=5).contains(&retry_after_s), "{retry_after_s}");
    }
    assert_eq!(scene.app.count(), 0, "nothing passes");
    assert_eq!(scene.server.count(), 1, "they share one fetch");
    for path in ["/open/a", "/ready", "/live", "/"] {
        assert_eq!(scene.get(path).status, 503, "{path}");
    }
    assert_eq!(scene.server.count(), 1, "it is remembered");
    assert_eq!(scene.told("bundle-unavailable"), 1);
    for _ in 0..30 {
        scene.pass(SECOND);
        scene.get("/open/a");
    }
    let count = scene.server.count();
    assert!((5..=8).contains(&count), "{count} in half a minute");
    assert_eq!(scene.told("bundle-unavailable"), 1, "that is known");

    scene.publish(&bundle(1, &policy("a", &["acme"])));
    scene.pass(LOOK);
    assert_eq!(scene.open("a"), 200);
}

#[test]
fn a_server_that_says_nothing_costs_a_request_a_few_seconds_and_the_next_ones_none() {
    let scene = Scene::new();
    scene.server.always(Reply::never());
    let executor = &scene.stage.world.executor;
    let began = executor.now();
    assert_eq!(scene.open("a"), 503);
    let took = executor.now() - began;
    assert!(took <= SECOND * 6, "{took:?}");
    let began = executor.now();
    assert_eq!(scene.open("a"), 503);
    assert_eq!(executor.now(), began);
}

#[test]
fn a_newer_one_takes_the_place_of_the_last_one() {
    let scene = Scene::new();
    scene.publish(&bundle(7, &policy("a", &["acme", "other"])));
    let token = |issuer: &doorward_tests::sim::issuer::Issuer| {
        issuer.token_by("first", &scene.stage.world, json!({}))
    };
    let (acme, other) = (token(&scene.acme), token(&scene.other));
    let send = |token| scene.stage.send(Sent::get("/orders").bearer(token)).status;
    assert_eq!((send(&acme), send(&other)), (200, 200));
    assert_eq!((scene.open("a"), scene.open("b")), (200, 403));

    // An issuer is gone, and who has its tokens, though they were verified before.
    scene.publish(&bundle(8, &policy("b", &["acme"])));
    assert_eq!(send(&other), 200);
    scene.refresh();
    assert_eq!((send(&acme), send(&other)), (200, 401));
    assert_eq!((scene.open("a"), scene.open("b")), (403, 200));
    let told = scene.stage.world.told("bundle-adopted");
    let of = |name: &str| told.iter().map(|line| line.field(name)).collect::<Vec<_>>();
    assert_eq!(of("sequence"), ["7", "8"]);
    assert_eq!(of("before"), ["", "7"]);

    // Back: the older text with a higher number.
    scene.publish(&bundle(9, &policy("a", &["acme", "other"])));
    scene.refresh();
    assert_eq!((send(&acme), send(&other)), (200, 200));
    assert_eq!(scene.acme.origin.count(), 1, "keys are in the store");
    assert_eq!(scene.refused(), [] as [&str; 0]);
}

#[test]
fn a_request_under_way_ends_by_the_policy_that_it_began_with() {
    let scene = Scene::new();
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    assert_eq!(scene.open("a"), 200);
    let hold = Hold::closed(&scene.stage.world);
    scene.app.next(Reply::default().held(&hold).body("late"));
    let under_way = scene.stage.begin(Sent::get("/open/a"));
    scene.pass(SECOND);
    scene.publish(&bundle(8, &policy("b", &["acme"])));
    scene.refresh();
    assert_eq!((scene.open("a"), scene.open("b")), (403, 200));
    assert!(!under_way.has_ended());
    hold.open();
    let answer = under_way.answer();
    assert_eq!((answer.status, &*answer.text()), (200, "late"));
}

#[test]
fn nobody_waits_for_a_newer_one() {
    let scene = Scene::new();
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    assert_eq!(scene.open("a"), 200);
    scene.server.always(Reply::never());
    scene.store.latency.set(Duration::from_millis(500));
    scene.pass(REFRESH);
    let executor = &scene.stage.world.executor;
    for _ in 0..20 {
        let began = executor.now();
        assert_eq!(scene.open("a"), 200);
        assert_eq!(executor.now(), began);
        scene.pass(SECOND);
    }
    assert_eq!(scene.server.count(), 2, "the one that hangs was begun once");
}

#[test]
fn it_is_asked_for_at_most_once_in_each_refresh_and_only_what_has_changed_comes() {
    let scene = Scene::new();
    let text = bundle(7, &policy("a", &["acme"]));
    scene.server.answers(
        move |seen, _| match seen.field("if-none-match") == "\"v7\"" {
            true => Reply::status(304).body(""),
            false => Reply::default().field("etag", "\"v7\"").body(text.clone()),
        },
    );
    for _ in 0..600 {
        assert_eq!(scene.open("a"), 200);
        scene.pass(SECOND);
    }
    let asked = scene.server.seen();
    assert!((9..=10).contains(&asked.len()), "{}", asked.len());
    let tags: Vec<_> = asked
        .iter()
        .map(|seen| seen.field("if-none-match"))
        .collect();
    assert_eq!(tags[0], "");
    assert!(tags[1..].iter().all(|tag| tag == "\"v7\""), "{tags:?}");
    assert_eq!(scene.told("bundle-adopted"), scene.stage.gate.made_so_far());

    // What the store has lost is not asked for as something that has not changed.
    scene.stage.gate.end_instances();
    scene.store.take(ENTRY);
    scene.server.forget();
    assert_eq!(scene.open("a"), 200);
    assert_eq!(scene.server.seen()[0].field("if-none-match"), "");
}

#[test]
fn the_last_good_one_serves_while_the_server_is_away_and_until_it_expires() {
    let scene = Scene::new();
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    assert_eq!(scene.open("a"), 200);
    scene.server.stop();
    for _ in 0..LIFETIME_S / 60 - 1 {
        scene.pass(REFRESH);
        // Also in instances that begin now.
        scene.stage.gate.end_instances();
        assert_eq!(scene.open("a"), 200);
    }
    scene.pass(REFRESH - SECOND);
    assert_eq!(scene.open("a"), 200, "a second before the end");
    scene.pass(SECOND);
    assert_eq!(scene.open("a"), 503, "at the end");
    assert_eq!(scene.told("bundle-expired"), 1);
    assert_eq!(scene.open("a"), 503);
    assert_eq!(scene.told("bundle-expired"), 1, "it is told once");
    scene.stage.gate.end_instances();
    assert_eq!(scene.open("a"), 503, "nor is it read from the store");
    let why = scene.refused();
    assert_eq!(why, ["expired"], "which is told");

    scene.server.revive();
    scene.publish(&bundle_but(
        8,
        &policy("a", &["acme"]),
        &json!({"exp": BEGIN_S + 7200}),
    ));
    scene.pass(LOOK);
    assert_eq!(scene.open("a"), 200);
}

#[test]
fn without_a_store_each_instance_fetches_for_itself() {
    for breaks in [Calls::Fail, Calls::Hang] {
        let scene = Scene::new();
        scene.store.calls(breaks.clone());
        scene.publish(&bundle(7, &policy("a", &["acme"])));
        assert_eq!(scene.open("a"), 200, "{breaks:?}");
        scene.publish(&bundle(8, &policy("b", &["acme"])));
        scene.pass(REFRESH);
        scene.open("b");
        scene.pass(SECOND * 10);
        assert_eq!(scene.open("b"), 200, "{breaks:?}");
    }
    let mut component = Component::new(&bootstrap(&["one"], ""));
    component.stores.clear();
    let scene = Scene::of(component);
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    for _ in 0..120 {
        assert_eq!(scene.open("a"), 200);
        scene.pass(SECOND);
    }
    assert_eq!(scene.server.count(), 2);
    assert_eq!(scene.told("store-not-granted"), 1);
}

#[test]
fn a_policy_that_is_mounted_is_used_as_ever() {
    let scene = Scene::with(&policy("a", &["acme"]));
    assert_eq!(scene.open("a"), 200);
    scene.pass(REFRESH);
    assert_eq!(scene.open("a"), 200);
    assert_eq!(scene.server.count(), 0);
    let invalid = Component::new("[bundle]\nurl = 7").invalid();
    let scene = Scene::of(invalid);
    assert_eq!(scene.open("a"), 500);
    let told = &scene.stage.world.told("policy-invalid")[0];
    assert_eq!(told.field("path"), "/doorward.toml");
}
