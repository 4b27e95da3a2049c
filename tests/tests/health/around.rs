//! What is told of the store and of upstreams, and when the gate is not ready because of them.

use crate::{SECOND, Scene, check};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;
use doorward_tests::sim::store::Calls;
use serde_json::{Value, json};

#[test]
fn a_store_that_fails_is_told_and_fails_it_only_where_it_is_required() {
    for (require, status) in [("", 200), ("require = [\"store\"]", 503)] {
        let health = format!("ready = \"/ready\"\ndetails = \"all\"\n{require}");
        let scene = Scene::with(
            &health,
            "[revocation]\n[store]\nstale_if_error_s = 30",
            true,
        );
        let store = scene.stage.world.store("default");
        assert_eq!(check(&scene.get("/ready"), "store")["status"], "pass");
        store.calls(Calls::Fail);
        scene.pass(SECOND * 10);
        let answer = scene.get("/ready");
        assert_eq!(answer.status, 200, "what was read is good for a while");
        assert_eq!(
            check(&answer, "store")["status"],
            "warn",
            "{}",
            answer.text()
        );
        scene.pass(SECOND * 60);
        let answer = scene.get("/ready");
        assert_eq!(answer.status, status, "{}", answer.text());
        let told = if status == 200 { "warn" } else { "fail" };
        assert_eq!(check(&answer, "store")["status"], told);
        store.calls(Calls::Work);
        let answer = scene.get("/ready");
        assert_eq!(
            (answer.status, answer.json()["status"].clone()),
            (200, json!("pass"))
        );
    }
}

#[test]
fn a_store_that_nothing_needs_is_not_looked_at() {
    let scene = Scene::new("ready = \"/ready\"\ndetails = \"all\"");
    let store = scene.stage.world.store("default");
    let answer = scene.get("/ready");
    assert_eq!(store.listings(), 0);
    assert_eq!(check(&answer, "store"), Value::Null);
    let scene = Scene::new("ready = \"/ready\"\nrequire = [\"store\"]");
    scene.stage.world.store("default").calls(Calls::Fail);
    assert_eq!(scene.get("/ready").status, 503, "required all the same");
}

#[test]
fn an_upstream_that_cannot_be_reached_is_told_without_asking_it() {
    for (require, status, told) in [
        ("", 200, "warn"),
        ("require = [\"upstream:orders\"]", 503, "fail"),
    ] {
        let scene = Scene::new(&format!("ready = \"/ready\"\ndetails = \"all\"\n{require}"));
        assert_eq!(scene.get("/ready").status, 200, "nobody has asked it yet");
        scene
            .origin
            .always(Reply::failure(Failure::ConnectionRefused));
        assert_eq!(scene.get("/public/a").status, 502);
        let asked = scene.origin.count();
        let answer = scene.get("/ready");
        assert_eq!(answer.status, status, "{}", answer.text());
        let check_of = check(&answer, "upstream:orders");
        assert_eq!(check_of["status"], told);
        assert_eq!(
            (&check_of["targets"], &check_of["unreachable"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(scene.origin.count(), asked, "it is not asked for this");
        assert!(
            !answer.text().contains("orders.example"),
            "{}",
            answer.text()
        );

        // Only a request finds out whether it is back, so it has to get one.
        scene.pass(SECOND * 2);
        assert_eq!(scene.get("/ready").status, 200, "when its time is up");
        assert_eq!(scene.origin.count(), asked);
    }
}

#[test]
fn a_breaker_that_is_open_is_told_until_its_time_is_up() {
    let health = "ready = \"/ready\"\ndetails = \"all\"\nrequire = [\"upstream:orders\"]";
    let scene = Scene::new(health);
    scene
        .origin
        .always(Reply::failure(Failure::ConnectionRefused));
    for client in 0..20 {
        scene.stage.send(Sent::get("/public/a").of_client(client));
    }
    let answer = scene.get("/ready");
    assert_eq!(answer.status, 503);
    assert_eq!(check(&answer, "upstream:orders")["breaker_open"], true);
    scene.pass(SECOND * 90);
    let answer = scene.get("/ready");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(check(&answer, "upstream:orders")["breaker_open"], false);
}

#[test]
fn a_breaker_that_is_open_for_a_route_is_told() {
    let scene =
        Scene::new("ready = \"/ready\"\ndetails = \"all\"\nrequire = [\"upstream:orders\"]");
    scene.origin.always(Reply::status(503));
    for client in 0..20 {
        scene.stage.send(Sent::get("/public/a").of_client(client));
    }
    let answer = scene.get("/ready");
    assert_eq!(answer.status, 200, "other routes may go well");
    let told = check(&answer, "upstream:orders");
    assert_eq!(
        (&told["status"], &told["routes_open"]),
        (&json!("warn"), &json!(1))
    );
    assert_eq!(told["breaker_open"], false);
}
