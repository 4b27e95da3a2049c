//! Events that the SDK of CloudEvents for Python makes and sends.

use crate::scene::{CHANGED, EVENTS, ISSUER, Scene, data};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::cloudevents::steps;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

/// The cases.
pub const CASES: &[Case] = cases![what_the_sdk_sends_is_taken_in_both_modes_as_it_was_meant];

async fn what_the_sdk_sends_is_taken_in_both_modes_as_it_was_meant(host: &dyn Host) {
    let scene = Scene::of(host, &[("events_time_behind_s", "3153600000")]).await;
    let url = format!("http://{}{EVENTS}", scene.running.address);
    let subject = "Z\u{fc}rich \u{20ac} \u{1f600} \"100 %\"";
    let attributes = |id: &str| {
        json!({
            "id": id,
            "source": "/sensors/tn-1234567/alerts?a=b",
            "type": CHANGED,
            "subject": subject,
            "time": "2026-01-31T12:00:00.123456+00:00",
            "datacontenttype": "application/json",
            "extension1": "a\u{f1}o nuevo",
        })
    };
    let send = |mode: &str, attributes: Value, data: Value| {
        let headers = json!({
            "x-auth-issuer": ISSUER, "x-auth-subject": "alice", "x-auth-scope": "write:events",
        });
        json!({ "send": url, "as": mode, "headers": headers, "attributes": attributes, "data": data })
    };
    let mut unknown = attributes("3");
    unknown["type"] = json!("com.example.\u{e9}");
    let wrong = json!({ "version": "\u{fc}" });
    let answers = steps(json!([
        send("structured", attributes("1"), data()),
        send("binary", attributes("2"), data()),
        send("structured", unknown.clone(), data()),
        send("binary", unknown, data()),
        send("structured", attributes("4"), wrong.clone()),
        send("binary", attributes("5"), wrong),
    ]))
    .await;
    let answers = answers.as_array().unwrap();
    let statuses: Vec<_> = answers
        .iter()
        .map(|answer| answer["status"].as_u64())
        .collect();
    let expected = [200, 200, 422, 422, 422, 422].map(Some);
    assert_eq!(statuses, expected, "{answers:?}");
    for refused in &answers[2..4] {
        assert_eq!(refused["body"]["errors"][0]["field"], "/type");
    }
    let (had, _) = scene.list("").await;
    assert_eq!(had.len(), 2, "{had:?}");
    for (record, id) in had.iter().zip(["1", "2"]) {
        let expected = attributes(id);
        for (name, value) in expected.as_object().unwrap() {
            // Of a time there is more than one way to write it.
            if name != "time" {
                assert_eq!(&record[name], value, "{name} of {id}");
            }
        }
        let time = record["time"].as_str().unwrap();
        assert!(time.starts_with("2026-01-31T12:00:00.123"), "{time}");
        assert_eq!(record["data"], data());
    }
}
