//! What operators see of it: the paths of `[health]`, and numbers.

use super::common::{LIFETIME_S, LOOK, SECOND, Scene, bootstrap, bundle, bundle_but, policy};
use doorward_gate::metrics::{Instrument, Value};
use doorward_tests::sim::component::Component;
use doorward_tests::sim::world::BEGIN_S;
use serde_json::json;
use std::collections::BTreeMap;

#[test]
fn who_asks_whether_it_is_ready_is_told_which_one_it_is_and_how_old() {
    let scene = Scene::new();
    assert_eq!(scene.get("/ready").status, 503, "there is none");
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    scene.pass(LOOK);
    let answer = scene.get("/ready");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json()["checks"]["policy"].clone();
    let expected = json!({
        "status": "pass", "sequence": 7, "age_s": 5, "expires_in_s": LIFETIME_S - 5
    });
    assert_eq!(told, expected);

    scene.publish(&bundle(6, &policy("old", &["acme"])));
    scene.refresh();
    let answer = scene.get("/ready");
    let told = &answer.json()["checks"]["policy"];
    assert_eq!((answer.status, &told["status"]), (200, &json!("warn")));
    assert_eq!(told["newer"], "lower-sequence");
    scene.server.stop();
    scene.refresh();
    let told = scene.get("/ready").json()["checks"]["policy"].clone();
    assert_eq!(told["newer"], "unreachable");

    // Where it has expired nothing is decided, and those who ask are answered all the same.
    scene.pass(SECOND * 3600);
    let answer = scene.get("/ready");
    assert_eq!(answer.status, 503);
    let told = answer.json();
    assert_eq!(told["type"], "urn:problem-type:doorward:not-ready");
    assert_eq!(told["checks"]["policy"]["status"], "fail");
    assert_eq!(told["checks"]["policy"]["expires_in_s"], 0);
    assert_eq!(scene.get("/live").status, 200, "it runs");
    assert_eq!(scene.open("a"), 503);
}

#[test]
fn numbers_say_which_one_it_is_how_old_and_what_came_of_asking() {
    let mut component = Component::new(&bootstrap(&["one"], ""));
    component.measures = true;
    let scene = Scene::of(component);
    let later = json!({"exp": BEGIN_S + 7200});
    scene.open("a");
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    scene.pass(LOOK);
    scene.open("a");
    scene.refresh();
    scene.publish(&bundle_but(8, &policy("a", &["acme"]), &later));
    scene.refresh();
    scene.publish(&bundle(7, &policy("a", &["acme"])));
    scene.refresh();
    scene.server.stop();
    scene.refresh();
    scene.pass(SECOND * 5);
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let mut last: BTreeMap<Instrument, u64> = BTreeMap::new();
    for point in scene.stage.world.measurements().into_iter().flatten() {
        let labels = point.labels.clone();
        match (point.instrument, point.value) {
            (Instrument::BundleFetches, Value::Sum(sum)) => {
                assert_eq!(labels[0], "shop");
                *counted.entry(labels[1].clone()).or_default() += sum;
            }
            (instrument, Value::Last(value)) if labels == ["shop"] => {
                last.insert(instrument, value as u64);
            }
            (Instrument::InstanceStarts, Value::Sum(sum)) => {
                *counted.entry("starts".to_owned()).or_default() += sum;
            }
            _ => {}
        }
    }
    let counted: Vec<_> = counted
        .iter()
        .map(|(name, count)| (&**name, *count))
        .collect();
    assert_eq!(
        counted,
        [
            ("adopted", 2),
            ("lower-sequence", 1),
            ("starts", 1),
            ("unchanged", 1),
            ("unreachable", 2)
        ]
    );
    assert_eq!(last[&Instrument::BundleSequence], 8);
    assert_eq!(last[&Instrument::BundleIssued], BEGIN_S);
    assert_eq!(last[&Instrument::BundleExpires], BEGIN_S + 7200);
}
