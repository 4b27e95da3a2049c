//! Events that go to a collector by HTTP.

use crate::scene::{EVENTS, LINES, Scene, as_sent, event, events, lines, post, reader};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Script, Seen};
use doorward_runtime_tests::run::Case;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read as _;

/// The cases.
pub const CASES: &[Case] = cases![
    a_collector_gets_batches_of_events,
    a_collector_that_takes_gzip_gets_it,
    a_collector_that_is_busy_for_a_while_loses_nothing,
    a_collector_that_refuses_is_said_to_the_log_and_the_client_knows_where_to_resume,
    a_collector_gives_nothing_back,
];

/// What is said to the collector.
const AUTHORIZATION: &str = "Bearer of-the-events";

/// An intake whose events go to this collector.
async fn scene(host: &dyn Host, collector: &Origin, gzip: &str) -> Scene {
    let variables = [
        ("events_sink", &*format!("{}/in?a=1", collector.url())),
        ("events_sink_authorization", AUTHORIZATION),
        ("events_sink_gzip", gzip),
    ];
    Scene::of(host, &variables).await
}

/// The events of a batch, as they were sent.
fn batch(json: &[u8]) -> Vec<Value> {
    let batch: Vec<Value> = serde_json::from_slice(json).unwrap();
    batch.iter().map(as_sent).collect()
}

fn assert_is_batch(seen: &Seen) {
    assert!(seen.is_whole(), "{seen:?}");
    assert_eq!((&*seen.method, &*seen.target), ("POST", "/in?a=1"));
    let length = seen.body_bytes.to_string();
    for (name, value) in [
        ("content-type", "application/cloudevents-batch+json"),
        ("content-length", &length),
        ("authorization", AUTHORIZATION),
    ] {
        assert_eq!(seen.values(name), [value], "{name}");
    }
}

async fn a_collector_gets_batches_of_events(host: &dyn Host) {
    let collector = Origin::start(Reply::status(204)).await;
    let scene = scene(host, &collector, "").await;
    let sent = events("a", 100);
    scene.taken(&sent).await;
    let seen = collector.request();
    assert_is_batch(&seen);
    assert_eq!(seen.field("content-encoding"), None);
    assert_eq!(batch(&seen.body), sent);
    // No batch has more than a thousand, and none is sent before the one in front of it is taken.
    collector.forget();
    scene.taken(&events("b", 2_500)).await;
    let seen = collector.requests();
    assert_eq!(seen.len(), 3, "{}", seen.len());
    seen.iter().for_each(assert_is_batch);
    // Nobody is told of a body in which there is nothing.
    collector.forget();
    let empty = scene.send(post("application/json", "[]")).await;
    assert_eq!((empty.status, &empty.json()["received"]), (200, &json!(0)));
    assert_eq!(collector.count(), 0);
}

async fn a_collector_that_takes_gzip_gets_it(host: &dyn Host) {
    let collector = Origin::start(Reply::status(202)).await;
    let scene = scene(host, &collector, "true").await;
    let sent = events("a", 500);
    scene.taken(&sent).await;
    let seen = collector.request();
    assert_is_batch(&seen);
    assert_eq!(seen.values("content-encoding"), ["gzip"]);
    let mut json = Vec::new();
    GzDecoder::new(&seen.body[..])
        .read_to_end(&mut json)
        .unwrap();
    assert_eq!(batch(&json), sent);
    assert!(seen.body.len() * 5 < json.len(), "{}", seen.body.len());
}

async fn a_collector_that_is_busy_for_a_while_loses_nothing(host: &dyn Host) {
    let busy = Script::sequence([
        Reply::unavailable(1),
        Reply::reset(),
        Reply::status(429),
        Reply::status(204),
    ]);
    let collector = Origin::start(busy).await;
    let scene = scene(host, &collector, "false").await;
    let sent = events("a", 10);
    scene.taken(&sent).await;
    let seen = collector.requests();
    assert_eq!(seen.len(), 4);
    for seen in seen.iter().filter(|seen| seen.is_whole()) {
        assert_is_batch(seen);
        assert_eq!(batch(&seen.body), sent);
    }
    // Spin says besides where it keeps what.
    let log = scene.running.log();
    assert!(!log.iter().any(|line| line.contains("events-")), "{log:?}");
}

async fn a_collector_that_refuses_is_said_to_the_log_and_the_client_knows_where_to_resume(
    host: &dyn Host,
) {
    let collector = Origin::start(Script::sequence([Reply::status(204), Reply::status(400)])).await;
    let scene = scene(host, &collector, "").await;
    let sent = events("a", 2_000);
    let body = lines(&sent);
    let ask = post(LINES, &body).header("x-request-id", "of-the-gate");
    let answer = scene.send(ask).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let report = answer.json();
    // What the first batch had is not sent again.
    let offset = lines(&sent[..1_000]).len();
    let place = json!({ "event": 1001, "line": 1001, "offset": offset });
    assert_eq!(report["resume_from"], place, "{report}");
    assert_eq!(report["accepted"], 1_000, "{report}");
    let text = answer.text();
    for said in ["400", "collector", "127.0.0.1", AUTHORIZATION] {
        assert!(!text.contains(said), "{said}: {text}");
    }
    // It is not asked again what it never takes.
    assert_eq!(collector.count(), 2);
    let line = scene
        .running
        .wait_for_log(|line| line.contains("events-sink-failed"))
        .await;
    assert!(line.contains("status 400"), "{line}");
    assert!(line.contains("of-the-gate"), "{line}");
    assert!(!line.contains(AUTHORIZATION), "{line}");
    // Going on from there brings the rest, each once.
    collector.set(Reply::status(204));
    collector.forget();
    let rest = scene.send(post(LINES, &body[offset..])).await;
    assert_eq!(
        (rest.status, &rest.json()["accepted"]),
        (200, &json!(1_000))
    );
    assert_eq!(collector.count(), 1);
}

async fn a_collector_gives_nothing_back(host: &dyn Host) {
    let collector = Origin::start(Reply::status(204)).await;
    let scene = scene(host, &collector, "").await;
    scene.taken(&[event("1")]).await;
    let answer = scene.send(reader(Ask::get(EVENTS))).await;
    assert_eq!(answer.status, 405, "{}", answer.text());
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_eq!(scene.send(Ask::get("/events/ready")).await.status, 200);
}
