//! `spin:mqtt` against a real Mosquitto: all that it offers, what it refuses, and what becomes of it when the broker
//! goes away and comes back.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Address, Host, How, Running};
use doorward_runtime_tests::servers::{Kind as _, Mosquitto, Server};
use doorward_runtime_tests::subscriber::{Message, Subscriber};
use doorward_runtime_tests::{cases, run};
use serde_json::{Value, json};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

fn main() -> ExitCode {
    run::main_with(
        Mosquitto::available,
        cases![
            what_is_published_arrives_through_both_versions,
            who_may_not_sign_in_publishes_nothing,
            what_is_not_allowed_is_not_connected_to,
            where_nobody_listens_nothing_is_published,
            nothing_is_published_to_a_filter_of_topics,
            over_tls_only_who_is_vouched_for_is_told,
            when_the_broker_is_killed_it_is_said_and_when_it_is_back_it_is_used;
            both_manners: messages_at_the_same_time_each_have_their_own_answer,
            requests_with_one_client_s_name_do_not_end_each_other_s_connection,
            what_cannot_be_sent_is_refused_and_the_next_is_not,
            a_client_needs_no_name,
        ],
    )
}

/// How long an error may take whatever happens to the broker: a connection's time and a message's.
const ERROR_TIME_MAX: Duration = Duration::from_secs(20);

fn spec(outbound: &[&str]) -> AppSpec {
    let mut spec = AppSpec::gated("uses-mqtt", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.outbound = outbound.iter().map(|entry| (*entry).to_owned()).collect();
    spec
}

/// A host with the component, which may connect to this broker.
async fn served(host: &dyn Host, broker: &Server<Mosquitto>, how: How) -> (App, Running) {
    let app = spec(&[&broker.url()]).write();
    let running = host.serve(&app, how).await;
    (app, running)
}

async fn told(at: Address, task: &Value) -> Value {
    let ask = Ask::new("POST", "/").body(task.to_string().as_bytes());
    let answer = ask.send(at).await;
    status(&answer, 200, "the component");
    answer.json()
}

/// The broker's address under a name: Spin takes none without one.
fn address(broker: &Server<Mosquitto>) -> String {
    format!("{}?client_id=component", broker.url())
}

/// What the steps say.
async fn done(at: Address, address: &str, steps: Value) -> Value {
    let task = json!({ "address": address, "keep_alive": 30, "steps": steps });
    let mut told = told(at, &task).await;
    assert_eq!(told["open"], "done", "{address}");
    told["steps"].take()
}

fn assert_failed(said: &Value) {
    let failed = said
        .as_str()
        .unwrap()
        .starts_with("error: connection-failed: ");
    assert!(failed, "{said}");
}

fn message(topic: &str, payload: &[u8], quality: u8) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: payload.to_vec(),
        quality,
    }
}

async fn what_is_published_arrives_through_both_versions(host: &dyn Host) {
    let broker = Server::start(Mosquitto::default()).await;
    let mut subscriber = Subscriber::start(broker.address(), None).await;
    let (_app, running) = served(host, &broker, How::default()).await;
    for version in [2, 3] {
        for quality in [0, 1, 2] {
            let mut steps = vec![
                json!(["a", "text", quality]),
                json!(["a/b c//é", "", quality]),
                json!(["/long", 10_000, quality]),
                json!(["$a", "not for all", quality]),
                json!(["a", "by another one", quality]),
            ];
            // On Spin a second connection of the same name ends the first one, with what the broker has not read.
            if quality > 0 {
                steps.insert(3, json!(["open"]));
            }
            let task = json!({
                "address": address(&broker),
                "keep_alive": 30,
                "version": version,
                "steps": steps,
            });
            let had = told(running.address, &task).await;
            let done = json!({ "open": "done", "steps": vec!["done"; steps.len()] });
            assert_eq!(had, done, "version {version}, quality {quality}");
            for (topic, payload) in [
                ("a", b"text".as_slice()),
                ("a/b c//é", b""),
                ("/long", &[b'a'; 10_000]),
                ("a", b"by another one"),
            ] {
                let had = subscriber.next().await;
                assert_eq!(had, message(topic, payload, quality), "version {version}");
            }
        }
    }
}

async fn who_may_not_sign_in_publishes_nothing(host: &dyn Host) {
    let broker = Server::start(Mosquitto::with_user("writer", "secret")).await;
    let mut subscriber = Subscriber::start(broker.address(), Some(("writer", "secret"))).await;
    let (_app, running) = served(host, &broker, How::default()).await;
    for (user, password, may) in [
        ("writer", "another", false),
        ("reader", "secret", false),
        ("writer", "", false),
        ("", "", false),
        ("writer", "secret", true),
    ] {
        let task = json!({
            "address": address(&broker),
            "user": user,
            "password": password,
            "keep_alive": 30,
            "steps": [["a", user, 0], ["a", user, 1]],
        });
        let had = told(running.address, &task).await;
        let steps = had["steps"].as_array().unwrap();
        match may {
            true => assert_eq!(had["steps"], json!(["done", "done"])),
            false => steps.iter().for_each(assert_failed),
        }
        let had = had.to_string();
        assert!(!had.contains("secret") && !had.contains("another"), "{had}");
    }
    for quality in [0, 1] {
        assert_eq!(subscriber.next().await, message("a", b"writer", quality));
    }
}

async fn what_is_not_allowed_is_not_connected_to(host: &dyn Host) {
    let broker = Server::start(Mosquitto::default()).await;
    let port = broker.port();
    for (outbound, is_allowed) in [
        (vec![], false),
        (vec!["http://127.0.0.1:*".to_owned()], false),
        (vec![format!("mqtts://127.0.0.1:{port}")], false),
        (vec![format!("mqtt://127.0.0.1:{}", port ^ 1)], false),
        (vec![format!("mqtt://localhost:{port}")], false),
        (vec![format!("mqtt://127.0.0.1:{port}")], true),
        (vec!["mqtt://127.0.0.0/8:*".to_owned()], true),
        (vec!["*://*:*".to_owned()], true),
    ] {
        let outbound: Vec<&str> = outbound.iter().map(String::as_str).collect();
        let app = spec(&outbound).write();
        let running = host.start(&app).await;
        for version in [2, 3] {
            let task = json!({
                "address": address(&broker),
                "keep_alive": 30,
                "version": version,
                "steps": [["a", "text", 1]],
            });
            let had = told(running.address, &task).await;
            match is_allowed {
                true => assert_eq!(had, json!({ "open": "done", "steps": ["done"] })),
                false => {
                    assert_failed(&had["open"]);
                    let said = had["open"].as_str().unwrap();
                    assert!(said.ends_with("is not permitted"), "{said}");
                }
            }
        }
        for nonsense in ["", "mqtt", "mqtt://", "http://127.0.0.1"] {
            let had = told(running.address, &json!({ "address": nonsense })).await;
            let said = had["open"].as_str().unwrap();
            assert!(said.starts_with("error: "), "{nonsense:?}: {said}");
        }
    }
}

async fn where_nobody_listens_nothing_is_published(host: &dyn Host) {
    let mut broker = Server::start(Mosquitto::default()).await;
    broker.stop();
    let (_app, running) = served(host, &broker, How::default()).await;
    let begun = Instant::now();
    let steps = json!([["a", "text", 0], ["a", "text", 1], ["a", "text", 2]]);
    let had = done(running.address, &address(&broker), steps).await;
    had.as_array().unwrap().iter().for_each(assert_failed);
    assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
}

async fn nothing_is_published_to_a_filter_of_topics(host: &dyn Host) {
    let broker = Server::start(Mosquitto::default()).await;
    let mut subscriber = Subscriber::start(broker.address(), None).await;
    let (_app, running) = served(host, &broker, How::default()).await;
    let steps = json!([["a/+", "no", 1], ["#", "no", 1], ["a", "yes", 1]]);
    let had = done(running.address, &address(&broker), steps).await;
    for refused in [&had[0], &had[1]] {
        let said = refused.as_str().unwrap();
        // On Spin the broker says so, and ends the connection.
        assert!(said.starts_with("error: "), "{said}");
    }
    assert_eq!(had[2], "done", "the next one is published");
    assert_eq!(subscriber.next().await, message("a", b"yes", 1));
}

async fn over_tls_only_who_is_vouched_for_is_told(host: &dyn Host) {
    let broker = Server::start(Mosquitto::over_tls()).await;
    for (ca_file, is_told) in [(Some(Mosquitto::authority()), true), (None, false)] {
        let how = How {
            ca_file,
            ..How::default()
        };
        let (_app, running) = served(host, &broker, how).await;
        let steps = json!([["a", "text", 0], ["a", "text", 1], ["a", "text", 2]]);
        let had = done(running.address, &address(&broker), steps).await;
        match is_told {
            true => assert_eq!(had, json!(["done", "done", "done"])),
            false => had.as_array().unwrap().iter().for_each(assert_failed),
        }
    }
}

/// Sends a signal to all of the broker.
fn signal(broker: &Server<Mosquitto>, signal: &str) {
    let processes = broker.processes();
    let mut kill = Command::new("kill");
    kill.arg(format!("-{signal}"));
    kill.args(processes.iter().map(u32::to_string));
    assert!(kill.status().unwrap().success(), "send {signal}");
}

async fn when_the_broker_is_killed_it_is_said_and_when_it_is_back_it_is_used(host: &dyn Host) {
    let mut broker = Server::start(Mosquitto::default()).await;
    let (_app, running) = served(host, &broker, How::one()).await;
    let (at, address) = (running.address, address(&broker));
    let published = async || done(at, &address, json!([["a", "text", 1], ["a", "text", 2]])).await;
    assert_eq!(published().await, json!(["done", "done"]));
    for _ in 0..2 {
        // What it is asked now it answers no more, whenever it is killed.
        signal(&broker, "STOP");
        let mut waiting = JoinSet::new();
        for quality in [1, 2] {
            let address = address.clone();
            let steps = json!([["a", "text", quality], ["a", "text", quality]]);
            waiting.spawn(async move { done(at, &address, steps).await });
        }
        let begun = Instant::now();
        broker.kill();
        while let Some(had) = waiting.join_next().await {
            let had = had.unwrap();
            had.as_array().unwrap().iter().for_each(assert_failed);
        }
        for _ in 0..3 {
            let had = published().await;
            had.as_array().unwrap().iter().for_each(assert_failed);
        }
        assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
        broker.start_again().await;
        let mut subscriber = Subscriber::start(broker.address(), None).await;
        assert_eq!(published().await, json!(["done", "done"]), "it is back");
        // Nothing of what was an error is sent afterwards.
        for quality in [1, 2] {
            assert_eq!(subscriber.next().await, message("a", b"text", quality));
        }
    }
}

async fn messages_at_the_same_time_each_have_their_own_answer(host: &dyn Host) {
    let broker = Server::start(Mosquitto::default()).await;
    let mut subscriber = Subscriber::start(broker.address(), None).await;
    let (_app, running) = served(host, &broker, How::default()).await;
    let count = 300;
    let steps: Vec<Value> = (0..count)
        .map(|n| json!(["a", format!("{n:03}"), n % 3]))
        .collect();
    let had = done(running.address, &address(&broker), json!([[steps]])).await;
    assert_eq!(had, json!([vec!["done"; count]]));
    for (n, had) in subscriber.next_of(count).await.into_iter().enumerate() {
        let quality = u8::try_from(n % 3).unwrap();
        assert_eq!(had, message("a", format!("{n:03}").as_bytes(), quality));
    }
}

async fn requests_with_one_client_s_name_do_not_end_each_other_s_connection(host: &dyn Host) {
    let broker = Server::start(Mosquitto::default()).await;
    let (_app, running) = served(host, &broker, How::spread()).await;
    let mut publishing = JoinSet::new();
    for _ in 0..20 {
        let (at, address) = (running.address, address(&broker));
        publishing.spawn(async move {
            let steps: Vec<Value> = (0..10).map(|n| json!(["a", "text", 1 + n % 2])).collect();
            done(at, &address, json!(steps)).await
        });
    }
    for had in publishing.join_all().await {
        assert_eq!(had, json!(vec!["done"; 10]));
    }
}

async fn what_cannot_be_sent_is_refused_and_the_next_is_not(host: &dyn Host) {
    let broker = Server::start(Mosquitto::default()).await;
    let mut subscriber = Subscriber::start(broker.address(), None).await;
    let (_app, running) = served(host, &broker, How::default()).await;
    let long = "a".repeat(65_536);
    let steps = json!([
        ["", "no", 1],
        ["a\0b", "no", 1],
        ["a/+", "no", 1],
        [long, "no", 1],
        ["a", (16 << 20) + 1, 1],
        ["a", 16 << 20, 1],
        ["b", "yes", 1],
    ]);
    let had = done(running.address, &address(&broker), steps).await;
    let parts = ["empty", "'\\0'", "'+'", "65535 bytes", "16777216 bytes"];
    for (n, part) in parts.into_iter().enumerate() {
        let said = had[n].as_str().unwrap();
        let is_said = said.starts_with("error: other: ") && said.contains(part);
        assert!(is_said, "{part}: {said}");
    }
    assert_eq!([&had[5], &had[6]], ["done", "done"]);
    assert_eq!(subscriber.next().await.payload.len(), 16 << 20);
    assert_eq!(subscriber.next().await, message("b", b"yes", 1));
}

async fn a_client_needs_no_name(host: &dyn Host) {
    let broker = Server::start(Mosquitto::default()).await;
    let (_app, running) = served(host, &broker, How::default()).await;
    let had = done(running.address, &broker.url(), json!([["a", "text", 2]])).await;
    assert_eq!(had, json!(["done"]));
}
