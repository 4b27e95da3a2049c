//! A policy that is fetched, in a component that is built for it. What becomes of each bundle is shown in virtual time;
//! here it is that a host's HTTP and its store do for that.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec, built};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clock::Clock;
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::{cases, run};
use doorward_tests::mint::SigningKey;
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Longer than an instance waits before it looks again, and than all do before they ask again, in seconds.
const SOON_S: u64 = 6;
/// How long what is done after a response may take.
const AFTERWARDS: Duration = Duration::from_secs(40);
/// How often is looked whether it is done, before more time passes.
const LOOKS: usize = 20;
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    run::main(cases![
        a_policy_is_fetched_and_a_newer_one_takes_its_place,
        what_is_refused_changes_nothing,
        the_last_good_one_is_in_the_store_for_instances_that_begin,
        the_gate_as_it_is_shipped_knows_no_such_table_and_serves_nothing,
    ])
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A bundle with this policy that is signed now, with the key of this name.
fn bundle(key: &str, clock: &Clock<'_>, sequence: u64, policy: &str) -> String {
    let now = clock.now();
    let payload = json!({
        "app": "shop", "seq": sequence, "iat": now, "exp": now + 3600, "policy": policy
    });
    let header = json!({"typ": "doorward-policy+jws"});
    SigningKey::ed25519(key).sign(&members(header), &members(payload))
}

/// The policy of all tests of the gate, and what anybody may read.
fn policy_with(issuer: &Issuer, path: &str) -> String {
    format!(
        "{}\n[[route]]\npath = \"{path}\"\npublic = true\n",
        policy(issuer)
    )
}

/// The service `echo` behind a gate that fetches its policy from there.
fn app(server: &Origin, gate: &str) -> App {
    let key = SigningKey::ed25519("one").jwk().unwrap();
    let text = format!(
        "[bundle]\nurl = \"{}/shop.jws\"\napplication = \"shop\"\nkeys = [{}]\nrefresh_s = 5\n",
        server.url(),
        key["x"]
    );
    let mut spec = AppSpec::gated("echo", text);
    spec.sources.push(("gate", built(gate)));
    spec.write()
}

async fn get(running: &Running, path: &str) -> u16 {
    Ask::get(path).send(running.address).await.status
}

/// Lets time pass and asks for a path, again and again, until this holds of the status and the log. What makes it so
/// goes on after responses, and an instance that is still at it looks again only after a while.
async fn until(
    running: &Running,
    clock: &Clock<'_>,
    path: &str,
    holds: impl Fn(u16, &[String]) -> bool,
) {
    let began = Instant::now();
    loop {
        clock.advance(SOON_S).await;
        let mut status = 0;
        for _ in 0..LOOKS {
            status = get(running, path).await;
            if holds(status, &running.log()) {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        assert!(
            began.elapsed() < AFTERWARDS,
            "{path}: {status}: {:#?}",
            running.log()
        );
    }
}

async fn a_policy_is_fetched_and_a_newer_one_takes_its_place(host: &dyn Host) {
    let clock = Clock::of(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let server = Origin::start(Reply::status(404)).await;
    let app = app(&server, "gate-reporting");
    let running = host.serve(&app, How::one().by(clock.own())).await;
    let answer = Ask::get("/a").send(running.address).await;
    status(&answer, 503, "there is no policy yet");
    let problem = answer.json();
    assert_eq!(
        problem["type"],
        "urn:problem-type:doorward:policy-unavailable"
    );

    let seven = bundle("one", &clock, 7, &policy_with(&issuer, "/a"));
    server.set(Reply::ok(seven));
    until(&running, &clock, "/a", |status, _| status == 200).await;
    let token = issuer.token("alice", "read");
    let answer = Ask::get("/read/a")
        .bearer(&token)
        .send(running.address)
        .await;
    status(&answer, 200, "and it decides");
    assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);
    assert_eq!(get(&running, "/read/a").await, 401);
    assert_eq!(get(&running, "/b").await, 403);

    server.set(Reply::ok(bundle(
        "one",
        &clock,
        8,
        &policy_with(&issuer, "/b"),
    )));
    until(&running, &clock, "/b", |status, _| status == 200).await;
    assert_eq!(get(&running, "/a").await, 403);
    running
        .wait_for_log(|line| {
            line.contains("\"event\":\"bundle-adopted\"") && line.contains("\"sequence\":\"8\"")
        })
        .await;
}

async fn what_is_refused_changes_nothing(host: &dyn Host) {
    let clock = Clock::of(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let in_force = policy_with(&issuer, "/a");
    let server = Origin::start(Reply::ok(bundle("one", &clock, 7, &in_force))).await;
    let app = app(&server, "gate-reporting");
    let running = host.serve(&app, How::one().by(clock.own())).await;
    assert_eq!(get(&running, "/a").await, 200);
    let other = policy_with(&issuer, "/b");
    for (text, why) in [
        (bundle("evil", &clock, 8, &other), "signature"),
        (bundle("one", &clock, 6, &other), "lower-sequence"),
        (bundle("one", &clock, 8, "[[route]]\npth = 1"), "policy"),
    ] {
        server.set(Reply::ok(&text));
        let told = format!("\"why\":\"{why}\"");
        let is_told = |line: &String| line.contains("bundle-refused") && line.contains(&told);
        until(&running, &clock, "/a", |status, log| {
            assert_eq!(status, 200, "{why}");
            log.iter().any(is_told)
        })
        .await;
        assert_eq!(get(&running, "/a").await, 200, "{why}");
        assert_eq!(get(&running, "/b").await, 403, "{why}");
    }
}

async fn the_last_good_one_is_in_the_store_for_instances_that_begin(host: &dyn Host) {
    let clock = Clock::of(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let text = bundle("one", &clock, 7, &policy_with(&issuer, "/a"));
    let server = Origin::start(Reply::ok(&text)).await;
    let app = app(&server, "gate-reporting");
    let running = host.serve(&app, How::forgetful().by(clock.own())).await;
    assert_eq!(get(&running, "/a").await, 200);
    // It is written after the first response.
    let began = Instant::now();
    let mut asked = server.count();
    loop {
        assert_eq!(get(&running, "/a").await, 200);
        if server.count() == asked {
            break;
        }
        assert!(began.elapsed() < AFTERWARDS, "each instance asks");
        asked = server.count();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.stop().await;
    for _ in 0..5 {
        assert_eq!(get(&running, "/a").await, 200, "nobody has to be asked");
    }
}

async fn the_gate_as_it_is_shipped_knows_no_such_table_and_serves_nothing(host: &dyn Host) {
    let server = Origin::start(Reply::status(404)).await;
    let app = app(&server, "gate");
    let running = host.start(&app).await;
    assert_eq!(get(&running, "/a").await, 500);
    running
        .wait_for_log(|line| line.contains("policy-invalid") && line.contains("bundle"))
        .await;
    assert_eq!(server.count(), 0);
}
