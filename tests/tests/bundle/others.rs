//! Several instances, and the store between them.

use super::common::{
    ASKED, ENTRY, LOOK, REFRESH, SECOND, Scene, bootstrap, bundle, payload, policy, signed_with,
};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::stage::Stage;
use serde_json::json;
use std::time::Duration;

fn open(stage: &Stage, name: &str) -> u16 {
    stage.send(Sent::get(&format!("/open/{name}"))).status
}

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8(bytes.unwrap_or_default()).unwrap()
}

#[test]
fn one_fetches_and_the_others_have_it_from_the_store() {
    let scene = Scene::new();
    let seven = bundle(7, &policy("a", &["acme"]));
    scene.publish(&seven);
    let stages = [(); 5].map(|()| scene.beside(&bootstrap(&["one"], "")));
    let begun = stages
        .each_ref()
        .map(|stage| stage.begin(Sent::get("/open/a")));
    for under_way in begun {
        assert_eq!(under_way.answer().status, 200);
    }
    assert_eq!(
        scene.server.count(),
        1,
        "those that began together wait for one"
    );
    assert_eq!(text(scene.store.newest(ENTRY)), seven);

    scene.publish(&bundle(8, &policy("b", &["acme"])));
    scene.pass(REFRESH + SECOND);
    open(&stages[0], "a");
    scene.pass(SECOND);
    assert_eq!(open(&stages[0], "b"), 200);
    for stage in &stages[1..] {
        open(stage, "a");
        scene.pass(Duration::from_millis(1));
        assert_eq!(open(stage, "b"), 200, "the store says so");
    }
    assert_eq!(scene.server.count(), 2);
}

#[test]
fn what_is_in_the_store_is_checked_again() {
    let a = policy("a", &["acme"]);
    let good = bundle(7, &a);
    let mut broken = good.clone();
    broken.replace_range(broken.len() - 9..broken.len() - 8, "-");
    for (what, there, why) in [
        ("text of nobody", a.clone(), "malformed"),
        ("a bundle that was changed", broken, "signature"),
        (
            "another key's",
            signed_with("evil", json!({}), &payload(9, &a)),
            "signature",
        ),
        (
            "a token",
            signed_with("one", json!({"typ": "JWT"}), &payload(9, &a)),
            "type",
        ),
        (
            "another application's",
            signed_with("one", json!({}), &{
                let mut payload = payload(9, &a);
                payload["app"] = json!("other");
                payload
            }),
            "application",
        ),
    ] {
        let scene = Scene::new();
        scene.store.put(ENTRY, there);
        assert_eq!(scene.open("a"), 503, "{what}");
        assert_eq!(scene.refused(), [why], "{what}");
        let told = &scene.stage.world.told("bundle-refused")[0];
        assert_eq!(told.field("source"), "store");
        assert_eq!(scene.app.count(), 0);

        scene.publish(&good);
        scene.pass(LOOK);
        assert_eq!(scene.open("a"), 200, "{what}");
        assert_eq!(text(scene.store.newest(ENTRY)), good, "it is written over");
    }
    // And one that is good needs no server.
    let scene = Scene::new();
    scene.store.put(ENTRY, good);
    assert_eq!(scene.open("a"), 200);
}

#[test]
fn a_store_that_goes_back_in_time_takes_nobody_along() {
    let scene = Scene::new();
    let [seven, eight] =
        [7, 8].map(|number| bundle(number, &policy(&number.to_string(), &["acme"])));
    scene.publish(&eight);
    assert_eq!(scene.open("8"), 200);
    scene.store.put(ENTRY, seven.clone());
    scene.pass(LOOK);
    assert_eq!(scene.open("8"), 200);
    scene.pass(SECOND);
    assert_eq!(scene.open("8"), 200, "memory knows better");
    assert_eq!(text(scene.store.newest(ENTRY)), eight, "and says so");

    // Who begins after that has nothing but the store, until the server was asked.
    scene.store.put(ENTRY, seven.clone());
    scene.stage.gate.end_instances();
    assert_eq!(scene.open("7"), 200, "what a writer to the store can do");
    scene.refresh();
    assert_eq!((scene.open("7"), scene.open("8")), (403, 200));
    assert_eq!(text(scene.store.newest(ENTRY)), eight);

    // Unless the mounted file says what is too old.
    let bound = scene.beside(&bootstrap(&["one"], "minimum = 8"));
    scene.store.put(ENTRY, seven);
    assert_eq!((open(&bound, "7"), open(&bound, "8")), (403, 200));
    assert_eq!(scene.refused(), ["minimum"]);
}

#[test]
fn a_slow_writer_does_not_undo_what_others_know() {
    let scene = Scene::new();
    let [six, seven, eight] =
        [6, 7, 8].map(|number| bundle(number, &policy(&number.to_string(), &["acme"])));
    scene.publish(&six);
    let [slow, quick] = [(); 2].map(|()| scene.beside(&bootstrap(&["one"], "")));
    assert_eq!((open(&slow, "6"), open(&quick, "6")), (200, 200));
    // The slow one has looked and is about to write the seventh when the eighth is there.
    scene.publish(&seven);
    scene.pass(REFRESH + SECOND);
    scene.store.hold_writes(true);
    open(&slow, "6");
    scene.pass(Duration::from_millis(100));
    scene.store.put(ENTRY, eight.clone());
    scene.publish(&eight);
    scene.store.hold_writes(false);
    scene.pass(SECOND);
    // Whoever wrote last: nobody goes below what it has seen, and it ends with the newest.
    open(&quick, "6");
    scene.pass(SECOND);
    for _ in 0..20 {
        open(&slow, "8");
        open(&quick, "8");
        scene.pass(LOOK);
    }
    assert_eq!((open(&slow, "8"), open(&quick, "8")), (200, 200));
    assert_eq!(text(scene.store.newest(ENTRY)), eight);
    let numbers = scene.stage.world.told("bundle-adopted");
    for line in numbers {
        let [before, now] = ["before", "sequence"].map(|name| line.field(name));
        assert!(before < now, "{}", line.text);
    }
}

#[test]
fn keys_are_rotated_with_both_in_the_file_for_a_while() {
    let scene = Scene::new();
    let by = |key, number, name: &str| {
        let policy = policy(name, &["acme"]);
        signed_with(key, json!({}), &payload(number, &policy))
    };
    scene.publish(&by("one", 7, "a"));
    assert_eq!(scene.open("a"), 200);
    // The next key is not known yet.
    scene.publish(&by("two", 8, "b"));
    scene.refresh();
    assert_eq!(scene.open("a"), 200);
    assert_eq!(scene.refused(), ["signature"]);
    // Deployed with both, then with the second alone.
    let both = scene.beside(&bootstrap(&["one", "two"], ""));
    assert_eq!(open(&both, "a"), 200);
    scene.pass(REFRESH + SECOND);
    open(&both, "a");
    scene.pass(SECOND);
    assert_eq!(open(&both, "b"), 200);
    let second = scene.beside(&bootstrap(&["two"], ""));
    assert_eq!(open(&second, "b"), 200);
    // What the first one signs now is nobody's.
    scene.publish(&by("one", 9, "c"));
    scene.pass(REFRESH + SECOND);
    open(&second, "b");
    scene.pass(SECOND);
    assert_eq!((open(&second, "b"), open(&second, "c")), (200, 403));
}

#[test]
fn a_record_of_asking_that_is_none_or_of_the_future_keeps_nobody_from_asking() {
    for there in [
        "",
        "7",
        "{}",
        "{\"at\":\"now\"}",
        "{\"at\":99999999999,\"failed\":true}",
        "{\"at\":1,\"etag\":\"\\\"v8\\\"\\r\\nx: y\",\"of\":7}",
    ] {
        let scene = Scene::new();
        scene.store.put(ASKED, there);
        scene.publish(&bundle(7, &policy("a", &["acme"])));
        assert_eq!(scene.open("a"), 200, "{there}");
        scene.publish(&bundle(8, &policy("b", &["acme"])));
        scene.pass(REFRESH);
        scene.store.put(ASKED, there);
        scene.open("a");
        scene.pass(SECOND);
        assert_eq!(scene.open("b"), 200, "{there}");
        for seen in scene.server.seen() {
            assert_eq!(seen.values("x"), [] as [&str; 0]);
        }
    }
}
