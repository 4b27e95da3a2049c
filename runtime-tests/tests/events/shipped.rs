//! The intake in the application that the repository ships: behind its policy, and fed by what happens to users.

use crate::scene::{EVENTS, LINES, as_sent, event, ids, lines};
use crate::streaming::Listener;
use doorward_runtime_tests::app::{App, workspace};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::credential::ApiKey;
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::issuer::{Issuer, now};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

/// The cases.
pub const CASES: &[Case] = cases![
    what_happens_to_a_user_shows_up_in_the_list_and_in_the_stream,
    an_api_key_may_send_what_its_scopes_say,
    who_sends_too_often_waits_and_nobody_else_does,
    the_route_has_a_bound_of_its_own_for_bodies,
    what_the_document_shows_is_what_is_answered,
];

/// The issuer and the audience of the shipped policy.
const SHIPPED_ISSUER: &str = "http://127.0.0.1:3001";
const AUDIENCE: &str = "http://127.0.0.1:3000";
/// Before this there is a place for API keys in it.
const IDENTITY: &str = "\n[identity]\n";
/// How often one sender may ask, as it is shipped and as it is here.
const OFTEN: &str = "requests = 6000\nper_s = 60\nburst = 1000\n";
const SELDOM: &str = "requests = 1\nper_s = 3600\nburst = 2\n";
/// How long a body may be, as it is shipped and as it is here.
const LONG: &str = "body_bytes_max = 1073741824\n";
const SHORT: &str = "body_bytes_max = 1024\n";

struct Shipped {
    issuer: Issuer,
    running: Running,
    _app: App,
}

impl Shipped {
    /// The application, with other texts in its policy.
    async fn with(host: &dyn Host, changes: &[(&str, &str)]) -> Self {
        let policy = std::fs::read_to_string(workspace().join("doorward.toml")).unwrap();
        for (from, _) in changes {
            assert!(policy.contains(from), "the policy has {from:?}");
        }
        let issuer = Issuer::start().await;
        let url = issuer.url();
        let changes = [changes, &[(SHIPPED_ISSUER, &url)]].concat();
        // What draws a page of another service is mounted, and not asked for here.
        let drawn = "components/users-docs/renderer/none";
        let files = [(workspace().join("doorward.toml"), drawn)];
        let app = App::shipped(&changes, &files);
        let running = host.serve(&app, How::one()).await;
        Self {
            issuer,
            running,
            _app: app,
        }
    }

    fn token(&self, subject: &str, scope: &str) -> String {
        self.issuer.key().sign(&json!({
            "iss": self.issuer.url(), "aud": AUDIENCE, "sub": subject, "scope": scope,
            "iat": now(), "exp": now() + 600,
        }))
    }

    async fn send(&self, ask: Ask) -> Answer {
        ask.send(self.running.address).await
    }

    /// The events that somebody reads.
    async fn list(&self) -> Vec<Value> {
        let token = self.token("reader", "read:events");
        let answer = self.send(Ask::get(EVENTS).bearer(&token)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["events"].as_array().unwrap().clone()
    }
}

/// A request with these lines.
fn send(body: &[u8]) -> Ask {
    let ask = Ask::new("POST", EVENTS).header("Content-Type", LINES);
    ask.body(body)
}

async fn what_happens_to_a_user_shows_up_in_the_list_and_in_the_stream(host: &dyn Host) {
    let shipped = Shipped::with(host, &[]).await;
    let reader = shipped.token("reader", "read:events");
    let admin = shipped.token("admin", "write:users");
    let fields = format!("Authorization: Bearer {reader}\r\n");
    let mut listener = Listener::open_at(shipped.running.address, "?after=latest", &fields).await;
    let user = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    let create = Ask::new("POST", "/api/v1/users")
        .header("Content-Type", "application/json")
        .body(user.to_string().as_bytes());
    let created = shipped.send(create.bearer(&admin)).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let path = created.header("location").unwrap().to_owned();
    let change = Ask::new("PATCH", &path)
        .header("Content-Type", "application/merge-patch+json")
        .header("If-Match", "*")
        .body(br#"{"name":"Ada King"}"#);
    let changed = shipped.send(change.bearer(&admin)).await;
    assert_eq!(changed.status, 204, "{}", changed.text());
    let delete = Ask::new("DELETE", &path).header("If-Match", "*");
    assert_eq!(shipped.send(delete.bearer(&admin)).await.status, 204);

    let id = created.json()["id"].as_str().unwrap().to_owned();
    let mut streamed = Vec::new();
    for (version, kind, name) in [
        (1, "created", json!("Ada Lovelace")),
        (2, "changed", json!("Ada King")),
        (3, "deleted", Value::Null),
    ] {
        let (event, _) = listener.next().await;
        assert_eq!(event["type"], format!("dev.doorward.user.{kind}.v1"));
        assert_eq!(event["source"], "urn:doorward:users");
        assert_eq!(event["id"], format!("{id}.{version}"));
        assert_eq!(event["data"]["name"], name, "{event}");
        streamed.push(event);
    }
    // What was streamed is written.
    let listed: Vec<Value> = shipped.list().await.iter().map(as_sent).collect();
    assert_eq!(listed, streamed);
}

async fn an_api_key_may_send_what_its_scopes_say(host: &dyn Host) {
    let writes = ApiKey::new("machine", &["write:events"], None);
    let reads = ApiKey::new("other", &["read:events"], None);
    let tables = format!("\n{}\n{}{IDENTITY}", writes.table(), reads.table());
    let shipped = Shipped::with(host, &[(IDENTITY, &tables)]).await;
    let body = lines(&[event("1"), event("2")]);
    let by = |key: &str| send(&body).header("x-api-key", key);
    let answer = shipped.send(by(&writes.text)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], 2);
    assert_eq!(shipped.send(by(&reads.text)).await.status, 403);
    let wrong = writes.with_another_secret();
    assert_eq!(shipped.send(by(&wrong)).await.status, 401);
    // To read takes a token.
    let read = Ask::get(EVENTS).header("x-api-key", &reads.text);
    assert_eq!(shipped.send(read).await.status, 401);
    assert_eq!(ids(&shipped.list().await), ["1", "2"]);
}

async fn who_sends_too_often_waits_and_nobody_else_does(host: &dyn Host) {
    let shipped = Shipped::with(host, &[(OFTEN, SELDOM)]).await;
    let [alice, bob] = ["alice", "bob"].map(|name| shipped.token(name, "write:events"));
    let mut statuses = Vec::new();
    for (number, token) in [&alice, &alice, &alice, &bob].into_iter().enumerate() {
        let body = lines(&[event(&number.to_string())]);
        let answer = shipped.send(send(&body).bearer(token)).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 429, 200]);
    assert_eq!(ids(&shipped.list().await), ["0", "1", "3"]);
}

async fn the_route_has_a_bound_of_its_own_for_bodies(host: &dyn Host) {
    let shipped = Shipped::with(host, &[(LONG, SHORT)]).await;
    let token = shipped.token("alice", "write:events");
    let answer = shipped
        .send(send(&lines(&[event("1")])).bearer(&token))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let long = lines(&[event("2"), event("3"), event("4"), event("5")]);
    assert!(long.len() > 1_024);
    let answer = shipped.send(send(&long).bearer(&token)).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(ids(&shipped.list().await), ["1"]);
}

/// The first example of `docs/events.md`: what is sent, and what comes of it.
async fn what_the_document_shows_is_what_is_answered(host: &dyn Host) {
    let text = std::fs::read_to_string(workspace().join("docs/events.md")).unwrap();
    let (_, rest) = text.split_once("<<'END'\n").unwrap();
    let (sent, rest) = rest.split_once("END\n").unwrap();
    let (_, rest) = rest.split_once("```\n\n```\n").unwrap();
    let (said, _) = rest.split_once("\n```").unwrap();
    let shipped = Shipped::with(host, &[]).await;
    let token = shipped.token("alice", "read:events write:events");
    let answer = shipped.send(send(sent.as_bytes()).bearer(&token)).await;
    assert_eq!((answer.status, &*answer.text()), (200, said));
    let listed = shipped.list().await;
    assert_eq!(ids(&listed), ["1"]);
    for path in [
        format!("{EVENTS}?type=dev.doorward.user.deleted.v1&limit=10"),
        format!("{EVENTS}/schema/dev.doorward.user.deleted.v1"),
    ] {
        assert!(text.contains(path.trim_start_matches(EVENTS)), "{path}");
        let answer = shipped.send(Ask::get(&path).bearer(&token)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}
