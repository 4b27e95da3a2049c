//! Events that are taken into a database, and given back; and what is said of those that are not.

use crate::scene::{
    CHANGED, EVENTS, LINES, Scene, as_sent, by, data, event, events, ids, lines, post, reader,
};
use doorward_runtime_tests::app::{AppSpec, workspace};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::run::Case;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write as _;

/// The cases, on SQLite.
pub const CASES: &[Case] = cases![
    lines_are_taken_once_and_given_back_in_their_order,
    a_bad_event_is_told_by_line_and_field_and_the_others_go_through,
    all_or_nothing_is_nothing_where_one_is_bad,
    every_form_of_events_is_taken,
    what_is_compressed_is_unfolded,
    what_is_not_for_the_intake_is_refused,
    a_schema_is_shown_to_who_may_send_or_read,
    without_schemas_it_is_not_ready_and_takes_nothing,
    types_without_a_schema_are_taken_where_that_is_said,
    data_in_base64_is_taken_and_given_back_where_no_schema_asks_for_json,
    a_wrong_setting_is_said_to_the_log_alone,
];

async fn lines_are_taken_once_and_given_back_in_their_order(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    let sent = events("a", 250);
    let report = scene.taken(&sent).await;
    assert_eq!(
        report,
        json!({
            "received": 250, "accepted": 250, "duplicates": 0, "refused": 0, "errors": [], "errors_omitted": 0,
        })
    );
    // With a page after the other, by where the one before says to go on.
    let (mut had, mut after) = (Vec::new(), "0".to_owned());
    for expected in [100, 100, 50, 0] {
        let (page, next) = scene.list(&format!("?after={after}")).await;
        assert_eq!(page.len(), expected, "after {after}");
        had.extend(page);
        after = next;
    }
    let had: Vec<Value> = had.iter().map(as_sent).collect();
    assert_eq!(had, sent);

    let again = scene.taken(&sent).await;
    assert_eq!(again["duplicates"], 250);
    // Another source may have the same ids.
    let mut other = event("a000");
    other["source"] = json!("urn:other");
    let report = scene.taken(&[event("a001"), other, event("b")]).await;
    assert_eq!(report["duplicates"], 1);
    let (since, _) = scene.list(&format!("?after={after}")).await;
    assert_eq!(ids(&since), ["a000", "b"]);
    let (of_type, _) = scene.list(&format!("?type={CHANGED}&limit=3")).await;
    assert_eq!(ids(&of_type), ["a000", "a001", "a002"]);
    let (none, _) = scene.list("?type=dev.doorward.user.created.v1").await;
    assert_eq!(none, Vec::<Value>::new());
}

async fn a_bad_event_is_told_by_line_and_field_and_the_others_go_through(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    let mut unknown = event("3");
    unknown["type"] = json!("dev.doorward.nothing");
    let mut against_schema = event("4");
    against_schema["data"]["email"] = json!("nobody");
    let mut without_source = event("5");
    without_source.as_object_mut().unwrap().remove("source");
    let mut early = event("6");
    early["time"] = json!("2001-01-01T00:00:00Z");
    let body = [
        &lines(&[event("1")])[..],
        b"{\"id\": \"2\",}\n\n",
        &lines(&[unknown, against_schema, without_source, early, event("7")]),
    ]
    .concat();
    let answer = scene.send(post(LINES, body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = answer.json();
    let counts = ["received", "accepted", "refused"].map(|count| report[count].as_u64());
    assert_eq!(counts, [Some(7), Some(2), Some(5)], "{report}");
    let errors = report["errors"].as_array().unwrap();
    let places: Vec<_> = errors
        .iter()
        .map(|error| (&error["event"], &error["line"], error["field"].as_str()))
        .collect();
    // The fourth line is the third event: empty ones are none.
    let expected = [
        (json!(2), json!(2), None),
        (json!(3), json!(4), Some("/type")),
        (json!(4), json!(5), Some("/data/email")),
        (json!(5), json!(6), Some("/source")),
        (json!(6), json!(7), Some("/time")),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(event, line, field)| (event, line, *field))
        .collect();
    assert_eq!(places, expected, "{report}");
    assert_eq!(scene.ids().await, ["1", "7"]);

    let none = scene.send(post(LINES, "{}\n[]\n")).await;
    assert_eq!(none.status, 422, "{}", none.text());
    assert_eq!(
        none.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(none.json()["refused"], 2);
}

async fn all_or_nothing_is_nothing_where_one_is_bad(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    let strict = |body: Vec<u8>| {
        let ask = Ask::new("POST", "/events?strict=true").header("Content-Type", LINES);
        by("write:events", ask.body(&body))
    };
    let mut bad = event("2");
    bad["id"] = json!("");
    let answer = scene.send(strict(lines(&[event("1"), bad]))).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let report = answer.json();
    assert_eq!(
        (&report["accepted"], &report["errors"][0]["field"]),
        (&json!(0), &json!("/id"))
    );
    let many = scene.send(strict(lines(&events("m", 1_001)))).await;
    assert_eq!(many.status, 413, "{}", many.text());
    assert_eq!(scene.ids().await, Vec::<String>::new());
    let good = scene.send(strict(lines(&events("g", 1_000)))).await;
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(scene.ids().await.len(), 1_000);
}

async fn every_form_of_events_is_taken(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    for (media_type, body) in [
        ("application/json", json!([event("1"), event("2")])),
        ("application/json; charset=utf-8", event("3")),
        ("application/cloudevents+json", event("4")),
        (
            "application/cloudevents-batch+json",
            json!([event("5"), event("6")]),
        ),
    ] {
        let answer = scene.send(post(media_type, body.to_string())).await;
        assert_eq!(answer.status, 200, "{media_type}: {}", answer.text());
        assert_eq!(answer.json()["refused"], 0, "{media_type}");
    }
    let binary = post("application/json", data().to_string())
        .header("ce-specversion", "1.0")
        .header("ce-id", "7")
        .header("ce-source", "urn:test")
        .header("ce-type", CHANGED)
        .header("ce-subject", "Z%C3%BCrich%20%25");
    let answer = scene.send(binary).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (had, _) = scene.list("").await;
    assert_eq!(ids(&had), ["1", "2", "3", "4", "5", "6", "7"]);
    let binary = &had[6];
    assert_eq!(
        (&binary["data"], &binary["subject"]),
        (&data(), &json!("Z\u{fc}rich %"))
    );
    // What is said to be a CloudEvent says its version.
    let mut plain = event("8");
    plain.as_object_mut().unwrap().remove("specversion");
    let body = plain.to_string();
    let answer = scene
        .send(post("application/cloudevents+json", &body))
        .await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let answer = scene.send(post("application/json", &body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn what_is_compressed_is_unfolded(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    let coded = |coding: &str, body: &[u8]| post(LINES, body).header("Content-Encoding", coding);
    let gzip = gzipped(&lines(&events("g", 300)));
    let answer = scene.send(coded("gzip", &gzip)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], 300);
    let zstd = zstd::encode_all(&lines(&events("z", 300))[..], 3).unwrap();
    let answer = scene.send(coded("zstd", &zstd)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], 300);
    assert_eq!(scene.ids().await.len(), 600);
    for (coding, body) in [
        ("gzip", &gzip[..gzip.len() - 4]),
        ("gzip", &b"no gzip"[..]),
        ("zstd", &gzip),
    ] {
        let answer = scene.send(coded(coding, body)).await;
        assert_eq!(answer.status, 400, "{coding}: {}", answer.text());
    }
    // A thousand bytes for one, and nothing but a line without an end.
    let bomb = gzipped(&vec![b' '; 64 << 20]);
    let answer = scene.send(coded("gzip", &bomb)).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
}

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

async fn what_is_not_for_the_intake_is_refused(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    let body = lines(&[event("1")]);
    let nobody = Ask::new("POST", EVENTS).header("Content-Type", LINES);
    for (what, ask, status, field) in [
        ("nobody writes", nobody.clone().body(&body), 401, None),
        (
            "a reader writes",
            by("read:events", nobody.body(&body)),
            403,
            None,
        ),
        ("nobody reads", Ask::get(EVENTS), 401, None),
        (
            "a writer reads",
            by("write:events", Ask::get(EVENTS)),
            403,
            None,
        ),
        ("no path", reader(Ask::get("/events/1")), 404, None),
        (
            "no method",
            by("write:events", Ask::new("PUT", EVENTS).body(&body)),
            405,
            Some(("allow", "GET, HEAD, POST")),
        ),
        ("a text", post("text/plain", &body), 415, None),
        (
            "no type",
            by("write:events", Ask::new("POST", EVENTS).body(&body)),
            415,
            None,
        ),
        (
            "a coding",
            post(LINES, &body).header("Content-Encoding", "br"),
            415,
            Some(("accept-encoding", "gzip, zstd")),
        ),
        ("no JSON", post("application/json", "[{},"), 400, None),
        ("a query", reader(Ask::get("/events?before=1")), 400, None),
        (
            "no JSON accepted",
            reader(Ask::get(EVENTS)).header("Accept", "text/html"),
            406,
            None,
        ),
    ] {
        let answer = scene.send(ask).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.json()["status"], status, "{what}");
        if let Some((name, value)) = field {
            assert_eq!(answer.header(name), Some(value), "{what}");
        }
    }
    assert_eq!(scene.ids().await, Vec::<String>::new());
}

async fn a_schema_is_shown_to_who_may_send_or_read(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    let path = format!("/events/schema/{CHANGED}");
    let file = workspace().join(format!("crates/users/schemas/{CHANGED}.json"));
    let written: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for scope in ["read:events", "write:events"] {
        let answer = scene.send(by(scope, Ask::get(&path))).await;
        assert_eq!((answer.status, answer.json()), (200, written.clone()));
        assert_eq!(
            answer.header("content-type"),
            Some("application/schema+json")
        );
    }
    assert_eq!(scene.send(Ask::get(&path)).await.status, 401);
    let unknown = scene.send(reader(Ask::get("/events/schema/none"))).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text());
    for path in ["/events/health", "/events/ready"] {
        let answer = scene.send(Ask::get(path)).await;
        assert_eq!(
            (answer.status, &*answer.text()),
            (200, r#"{"status":"ok"}"#)
        );
        let head = scene.send(Ask::new("HEAD", path)).await;
        assert_eq!((head.status, &*head.text()), (200, ""));
    }
}

async fn without_schemas_it_is_not_ready_and_takes_nothing(host: &dyn Host) {
    let mut spec = AppSpec::intake(&[]);
    spec.files.clear();
    let scene = Scene::served(host, &spec, How::default()).await;
    assert_eq!(scene.send(Ask::get("/events/health")).await.status, 200);
    assert_eq!(scene.send(Ask::get("/events/ready")).await.status, 503);
    let answer = scene.send(post(LINES, lines(&[event("1")]))).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let line = scene
        .running
        .wait_for_log(|line| line.contains("events-sink-failed"))
        .await;
    assert!(line.contains("there are no schemas"), "{line}");
}

async fn types_without_a_schema_are_taken_where_that_is_said(host: &dyn Host) {
    let scene = Scene::of(host, &[("events_unknown_types", "accept")]).await;
    let mut unknown = event("1");
    unknown["type"] = json!("com.example.any");
    unknown["data"] = json!({ "exact": 1 });
    scene.taken(&[unknown]).await;
    let mut known = event("2");
    known["data"] = json!({});
    let answer = scene.send(post(LINES, lines(&[known]))).await;
    assert_eq!(answer.status, 422, "what has a schema is checked");
    let binary = post("application/octet-stream", [0, 255])
        .header("ce-specversion", "1.0")
        .header("ce-id", "3")
        .header("ce-source", "urn:test")
        .header("ce-type", "com.example.bytes");
    let answer = scene.send(binary).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (had, _) = scene.list("").await;
    assert_eq!(ids(&had), ["1", "3"]);
    assert_eq!(had[1]["data_base64"], "AP8=");
}

async fn data_in_base64_is_taken_and_given_back_where_no_schema_asks_for_json(host: &dyn Host) {
    let scene = Scene::of(host, &[("events_unknown_types", "accept")]).await;
    let in_base64 = |id: &str, kind: &str, data: &str| {
        let mut event = event(id);
        event.as_object_mut().unwrap().remove("data");
        event["type"] = json!(kind);
        event["datacontenttype"] = json!("application/octet-stream");
        event["data_base64"] = json!(data);
        event
    };
    let good = in_base64("1", "com.example.bytes", "AP8=");
    let mut both = in_base64("2", "com.example.bytes", "AP8=");
    both["data"] = json!(1);
    let batch = json!([
        good,
        both,
        in_base64("3", "com.example.bytes", "no base64"),
        in_base64("4", CHANGED, "AP8="),
    ]);
    let answer = scene
        .send(post(
            "application/cloudevents-batch+json",
            batch.to_string(),
        ))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = answer.json();
    let errors = report["errors"].as_array().unwrap().iter();
    let places: Vec<_> = errors
        .map(|error| (&error["event"], &error["field"]))
        .collect();
    let places = json!(places);
    assert_eq!(
        places,
        json!([[2, "/data_base64"], [3, "/data_base64"], [4, "/data"]]),
        "{report}"
    );
    let (had, _) = scene.list("").await;
    assert_eq!(had.iter().map(as_sent).collect::<Vec<_>>(), [good]);
}

async fn a_wrong_setting_is_said_to_the_log_alone(host: &dyn Host) {
    for (name, value) in [
        ("events_sink", "kafka://secret"),
        ("events_unknown_types", "secret"),
        ("events_time_ahead_s", "secret"),
    ] {
        let scene = Scene::of(host, &[(name, value)]).await;
        let answer = scene.send(post(LINES, lines(&[event("1")]))).await;
        assert_eq!(answer.status, 503, "{name}: {}", answer.text());
        assert!(!answer.text().contains(name), "{}", answer.text());
        let line = scene.running.wait_for_log(|line| line.contains(name)).await;
        assert!(!line.contains("secret"), "{line}");
        assert_eq!(scene.send(Ask::get("/events/ready")).await.status, 503);
    }
}
