//! The intake of events on one of its sinks, and how it is asked.

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, How, Running};
use serde_json::{Value, json};

/// Where events are.
pub const EVENTS: &str = "/events";
/// The issuer of those who call.
pub const ISSUER: &str = "https://login.example";
/// A type that there is a schema for.
pub const CHANGED: &str = "dev.doorward.user.changed.v1";
/// The media type of lines.
pub const LINES: &str = "application/x-ndjson";

/// An intake that runs.
pub struct Scene {
    /// The host.
    pub running: Running,
    _app: App,
}

impl Scene {
    /// One with these variables.
    pub async fn of(host: &dyn Host, variables: &[(&str, &str)]) -> Self {
        Self::served(host, &AppSpec::intake(variables), How::default()).await
    }

    /// One whose events go to this sink.
    pub async fn into(host: &dyn Host, sink: &str) -> Self {
        Self::of(host, &[("events_sink", sink)]).await
    }

    /// This one, served in this way.
    pub async fn served(host: &dyn Host, spec: &AppSpec, how: How) -> Self {
        let app = spec.write();
        let running = host.serve(&app, how).await;
        Self { running, _app: app }
    }

    /// What is answered to a request.
    pub async fn send(&self, ask: Ask) -> Answer {
        ask.send(self.running.address).await
    }

    /// The report on these events, sent as lines, all of which are taken.
    pub async fn taken(&self, events: &[Value]) -> Value {
        let answer = self.send(post(LINES, lines(events))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let report = answer.json();
        assert_eq!(report["accepted"], events.len(), "{report}");
        report
    }

    /// The events after a position, and where to go on.
    pub async fn list(&self, query: &str) -> (Vec<Value>, String) {
        let answer = self
            .send(reader(Ask::get(&format!("{EVENTS}{query}"))))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let list = answer.json();
        let next = list["next"].as_str().unwrap().to_owned();
        (list["events"].as_array().unwrap().clone(), next)
    }

    /// The ids of all events.
    pub async fn ids(&self) -> Vec<String> {
        ids(&self.list("?limit=1000").await.0)
    }
}

/// The request of somebody, as the gate hands it on.
pub fn by(scope: &str, ask: Ask) -> Ask {
    ask.header("x-auth-issuer", ISSUER)
        .header("x-auth-subject", "alice")
        .header("x-auth-scope", scope)
}

/// The request of somebody who may read events.
pub fn reader(ask: Ask) -> Ask {
    by("read:events", ask)
}

/// A request with events, of somebody who may write them.
pub fn post(media_type: &str, body: impl AsRef<[u8]>) -> Ask {
    let ask = Ask::new("POST", EVENTS).header("Content-Type", media_type);
    by("write:events", ask.body(body.as_ref()))
}

/// An event with which nothing is wrong.
pub fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "urn:test",
        "type": CHANGED,
        "data": data(),
    })
}

/// Data that its schema is content with.
pub fn data() -> Value {
    json!({
        "id": "0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42",
        "name": "Ada \u{1f980} Lovelace",
        "email": "ada@example.com",
        "created_at": "2026-01-31T12:00:00.123Z",
        "updated_at": "2026-01-31T12:00:00.123Z",
        "version": 3,
    })
}

/// So many of them, whose ids begin with this.
pub fn events(prefix: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| event(&format!("{prefix}{number:03}")))
        .collect()
}

/// Events as lines.
pub fn lines(events: &[Value]) -> Vec<u8> {
    let lines = events.iter().map(|event| format!("{event}\n"));
    lines.collect::<String>().into_bytes()
}

/// The ids of events.
pub fn ids(events: &[Value]) -> Vec<String> {
    let ids = events.iter().map(|event| event["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// What an event is without that which the intake says of it.
pub fn as_sent(record: &Value) -> Value {
    let mut event = record.clone();
    let recorded = event.as_object_mut().unwrap().remove("recordedtime");
    assert!(recorded.is_some(), "{record}");
    event
}
