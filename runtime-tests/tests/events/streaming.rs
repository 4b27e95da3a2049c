//! Events as they come, to clients that listen: server-sent events.

use crate::scene::{CHANGED, EVENTS, ISSUER, Scene, as_sent, event, events};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The cases.
pub const CASES: &[Case] = cases![
    a_stream_has_what_was_there_and_what_comes_and_goes_on_after_a_position,
    streams_are_of_a_type_or_begin_with_what_comes;
    both_manners:
    no_more_streams_are_open_than_there_may_be_and_who_leaves_makes_room,
];

/// Who has all streams that one instance has, as `components/events` has it: two each.
const LISTENERS: [&str; 4] = ["alice", "alice", "bob", "bob"];
/// How long it may take until a client that left is not counted.
const LEAVING_TIME_MAX: Duration = Duration::from_secs(60);

/// A client that listens.
pub struct Listener(Raw);

impl Listener {
    /// Asks for a stream, and gives the status and who listens.
    async fn ask(scene: &Scene, query: &str, more: &str) -> (String, Self) {
        Self::ask_as("alice", scene, query, more).await
    }

    /// The same, as somebody.
    async fn ask_as(subject: &str, scene: &Scene, query: &str, more: &str) -> (String, Self) {
        let fields = format!(
            "x-auth-issuer: {ISSUER}\r\nx-auth-subject: {subject}\r\nx-auth-scope: read:events\r\n{more}"
        );
        Self::ask_at(scene.running.address, query, &fields).await
    }

    /// The same, of whoever serves there, with these fields.
    async fn ask_at(address: SocketAddr, query: &str, fields: &str) -> (String, Self) {
        let mut client = Raw::connect(address).await;
        client
            .send(format!(
                "GET {EVENTS}{query} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n{fields}\r\n"
            ))
            .await;
        let head = client.read_until("\r\n\r\n").await.to_ascii_lowercase();
        (head, Self(client))
    }

    /// One that has a stream of who serves there.
    pub async fn open_at(address: SocketAddr, query: &str, fields: &str) -> Self {
        Self::opened(Self::ask_at(address, query, fields).await).await
    }

    /// One that has a stream.
    pub async fn open(scene: &Scene, query: &str, more: &str) -> Self {
        Self::opened(Self::ask(scene, query, more).await).await
    }

    /// Who asked, and has a stream.
    async fn opened((head, mut listener): (String, Self)) -> Self {
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        let opening = listener.0.read_until("\n\n").await;
        assert!(opening.contains("retry: "), "{opening}");
        assert!(opening.contains("id: "), "{opening}");
        listener
    }

    /// The next event, and its position.
    pub async fn next(&mut self) -> (Value, String) {
        loop {
            let text = self.0.read_until("\n\n").await;
            // Chunks begin wherever they like.
            let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            if let (Some(id), Some(data)) = (line("id: "), line("data: ")) {
                let record = serde_json::from_str(data).unwrap();
                return (as_sent(&record), id.to_owned());
            }
        }
    }
}

async fn a_stream_has_what_was_there_and_what_comes_and_goes_on_after_a_position(host: &dyn Host) {
    let scene = Scene::of(host, &[]).await;
    scene.taken(&[event("1")]).await;
    let mut listener = Listener::open(&scene, "", "").await;
    assert_eq!(listener.next().await.0, event("1"));
    scene.taken(&[event("2"), event("3")]).await;
    let (second, position) = listener.next().await;
    assert_eq!(second, event("2"));
    assert_eq!(listener.next().await.0, event("3"));
    drop(listener);
    scene.taken(&events("more", 150)).await;
    // The client says it by itself, with the URL that it had.
    let field = format!("Last-Event-ID: {position}\r\n");
    let mut again = Listener::open(&scene, "?after=0", &field).await;
    assert_eq!(again.next().await.0, event("3"));
    for expected in events("more", 150) {
        assert_eq!(again.next().await.0, expected);
    }
    let (head, _) = Listener::ask(&scene, "", "Last-Event-ID: yesterday\r\n").await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
}

async fn streams_are_of_a_type_or_begin_with_what_comes(host: &dyn Host) {
    let scene = Scene::of(host, &[("events_unknown_types", "accept")]).await;
    let mut other = event("other");
    other["type"] = json!("com.example.other");
    scene.taken(&[other.clone(), event("1")]).await;
    let mut of_type = Listener::open(&scene, &format!("?type={CHANGED}"), "").await;
    let mut latest = Listener::open(&scene, "?after=latest", "").await;
    assert_eq!(of_type.next().await.0, event("1"));
    other["id"] = json!("another");
    scene.taken(&[other.clone(), event("2")]).await;
    assert_eq!(of_type.next().await.0, event("2"));
    assert_eq!(latest.next().await.0, other);
    assert_eq!(latest.next().await.0, event("2"));
}

async fn no_more_streams_are_open_than_there_may_be_and_who_leaves_makes_room(host: &dyn Host) {
    let scene = Scene::served(host, &AppSpec::intake(&[]), How::one()).await;
    let mut open = Vec::new();
    for subject in LISTENERS {
        let asked = Listener::ask_as(subject, &scene, "", "").await;
        open.push(Listener::opened(asked).await);
        if open.len() == 2 {
            let (head, _) = Listener::ask(&scene, "", "").await;
            assert!(
                head.starts_with("http/1.1 503"),
                "another one of alice: {head}"
            );
        }
    }
    let (head, _) = Listener::ask_as("carol", &scene, "", "").await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    // Others are served, and those that listen have what comes.
    scene.taken(&[event("1")]).await;
    for listener in &mut open {
        assert_eq!(listener.next().await.0, event("1"));
    }
    open.pop();
    let begun = Instant::now();
    let mut number = 0;
    loop {
        // Who has left shows when something is sent.
        number += 1;
        scene.taken(&[event(&format!("more{number}"))]).await;
        let (head, _) = Listener::ask_as("carol", &scene, "", "").await;
        if head.starts_with("http/1.1 200") {
            break;
        }
        assert!(begun.elapsed() < LEAVING_TIME_MAX, "{head}");
        for listener in &mut open {
            listener.next().await;
        }
    }
}
