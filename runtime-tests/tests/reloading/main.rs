//! An application in the place of the one that is served: no request is lost, what is under way ends as it began, and what
//! instances remember is gone.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../draining/clients.rs"]
mod clients;

use clients::Traffic;
use doorward_runtime_tests::app::{AppSpec, Other, built};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{ANSWER_TIME_MAX, Ask};
use doorward_runtime_tests::gated;
use doorward_runtime_tests::host::{Host as _, How, InProcess, Running, start_in_process};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Gate, Origin, Reply, Script};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::task::JoinSet;

/// Clients of each protocol.
const CLIENTS: usize = 8;
/// How often the application is replaced under load.
const TIMES: usize = 6;
/// Requests that are answered in between.
const MEANWHILE: usize = 100;
/// How long a request may take that nobody holds.
const LOOK_AFTER: Duration = Duration::from_millis(500);
/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(3600);

fn main() -> ExitCode {
    run::main(cases![; in_process:
        no_request_is_lost_and_no_connection_closed_under_load,
        what_is_under_way_ends_as_it_began_and_can_ask_its_components,
        an_application_is_there_for_as_long_as_it_works_on_an_answer,
        a_token_of_an_issuer_that_is_gone_is_refused_from_then_on,
        keys_in_a_store_in_memory_stay,
        an_instance_that_has_nothing_to_do_goes_away_at_once,
        what_cannot_be_served_changes_nothing,
        another_component_answers,
    ])
}

/// The gateway before these targets.
fn gateway(urls: &[String], more: &str) -> AppSpec {
    AppSpec::gateway(format!(
        "[upstream.u]\nurl = {urls:?}\n{more}\n[[route]]\npath = \"/**\"\npublic = true\nupstream = \"u\"\n"
    ))
}

async fn replaced(host: &Running, by: &AppSpec) {
    let replaced = host.replace(&by.write()).await;
    replaced.unwrap_or_else(|error| panic!("it is not served: {error}"));
}

/// One of the host's numbers.
async fn number(host: &Running, name: &str) -> f64 {
    let metrics = host.metrics.expect("told to tell them");
    let text = Ask::get("/metrics").send(metrics).await.text();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
}

async fn no_request_is_lost_and_no_connection_closed_under_load() {
    let (one, other) = (
        Origin::start(Reply::ok("answered")).await,
        Origin::start(Reply::ok("answered")).await,
    );
    let specs = [&other, &one].map(|origin| gateway(&[origin.url()], "attempts_max = 1"));
    let app = gateway(&[one.url()], "attempts_max = 1").write();
    let host = InProcess.start(&app).await;
    let traffic = Arc::new(Traffic::default());
    let mut clients = JoinSet::new();
    for number in 0..2 * CLIENTS {
        let (traffic, address) = (Arc::clone(&traffic), host.address);
        clients.spawn(async move { traffic.client(address, number % 2 == 0).await });
    }
    let mut counts = Vec::new();
    for spec in specs.iter().cycle().take(TIMES) {
        let answered = *traffic.answered.borrow();
        traffic.until_answered(answered + MEANWHILE).await;
        replaced(&host, spec).await;
        counts.push((one.count(), other.count()));
    }
    traffic.is_over.store(true, SeqCst);
    while let Some(client) = clients.join_next().await {
        client.expect("no request is lost");
    }
    let (sent, answered) = (traffic.sent.load(SeqCst), *traffic.answered.borrow());
    assert_eq!(answered, sent);
    assert_eq!(one.count() + other.count(), sent, "each came once");
    assert_eq!(traffic.connections.load(SeqCst), 2 * CLIENTS);
    // Each of the two got requests whenever it was its turn, and the other one no more than were under way.
    let turns: Vec<_> = counts
        .windows(2)
        .map(|pair| {
            let (before, after) = (pair.first().expect("two"), pair.last().expect("two"));
            (after.0 - before.0, after.1 - before.1)
        })
        .collect();
    for (turn, (of_one, of_other)) in turns.iter().enumerate() {
        let (new, old) = match turn % 2 {
            0 => (of_other, of_one),
            _ => (of_one, of_other),
        };
        assert!(*new >= MEANWHILE - 4 * CLIENTS, "{turns:?}");
        assert!(*old <= 4 * CLIENTS, "{turns:?}");
    }
    eprintln!("{sent} requests on {} connections, none lost", 2 * CLIENTS);
}

async fn what_is_under_way_ends_as_it_began_and_can_ask_its_components() {
    let gate = Gate::closed();
    let held = gate.clone();
    // One target fails when the gate opens, and the other one is another component of the application.
    let origin = Origin::start(Script::by(move |_, _| Reply::status(503).after(&held))).await;
    let mut spec = gateway(&[origin.url(), "http://echo.spin.internal".to_owned()], "");
    spec.outbound.push("http://echo.spin.internal".to_owned());
    spec.others.push(Other::private("echo", "echo"));
    let app = spec.write();
    let host = InProcess.start(&app).await;
    let address = host.address;
    let mut under_way = JoinSet::new();
    while gate.waiting() == 0 {
        // Which of the two is asked is chance.
        under_way.spawn(async move { Ask::get("/asked").send(address).await });
        tokio::time::timeout(LOOK_AFTER, under_way.join_next())
            .await
            .ok();
    }
    let new = Origin::start(Reply::ok("new")).await;
    replaced(&host, &gateway(&[new.url()], "")).await;
    let answer = Ask::get("/a").send(address).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "new"));
    gate.open();
    let mut answers = under_way.join_all().await;
    let answer = answers.pop().expect("one that is under way");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json()["target"],
        "/asked",
        "of the component that was there"
    );
}

async fn an_application_is_there_for_as_long_as_it_works_on_an_answer() {
    let spec = AppSpec::gated("echo", "[[route]]\npath = \"/**\"\npublic = true\n");
    let app = spec.write();
    let host = start_in_process(&app, |options| {
        options.metrics = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let applications = async || number(&host, "doorward_host_applications").await;
    let mut client = Raw::connect(host.address).await;
    // It begins its answer, and ends it when it has the body.
    client
        .send("POST /held HTTP/1.1\r\nhost: a.example\r\ncontent-length: 2\r\n\r\n1")
        .await;
    client.read_until("\r\n\r\n").await;
    replaced(&host, &spec).await;
    assert_eq!(Ask::get("/a").send(host.address).await.status, 200);
    // Longer than whoever only looks now and then takes to look.
    tokio::time::sleep(LOOK_AFTER).await;
    assert_eq!(applications().await, 2.0);
    client.send("2").await;
    client.read_until("/held").await;
    let gone = async { while applications().await > 1.0 {} };
    let gone = tokio::time::timeout(ANSWER_TIME_MAX, gone).await;
    gone.expect("it is there no longer");
}

async fn a_token_of_an_issuer_that_is_gone_is_refused_from_then_on() {
    let (one, other) = (Issuer::start().await, Issuer::start().await);
    let app = AppSpec::gated("echo", gated::policy(&one)).write();
    // What instances remember would be there.
    let host = start_in_process(&app, |options| {
        options.idle_instance_timeout = LONG;
        options.max_instance_reuse_count = usize::MAX;
    })
    .await;
    let ask = async |issuer: &Issuer| {
        let token = issuer.token("alice", "read");
        Ask::get("/read/a")
            .bearer(&token)
            .send(host.address)
            .await
            .status
    };
    assert_eq!((ask(&one).await, ask(&other).await), (200, 401));
    replaced(&host, &AppSpec::gated("echo", gated::policy(&other))).await;
    assert_eq!((ask(&one).await, ask(&other).await), (401, 200));
}

async fn keys_in_a_store_in_memory_stay() {
    let issuer = Issuer::start().await;
    let mut spec = AppSpec::gated("echo", gated::policy(&issuer));
    spec.runtime_config = Some("[key_value_store.default]\ntype = \"spin\"\n".to_owned());
    let app = spec.write();
    let host = InProcess.start(&app).await;
    let token = issuer.token("alice", "read");
    let ask = async || {
        Ask::get("/read/a")
            .bearer(&token)
            .send(host.address)
            .await
            .status
    };
    assert_eq!(ask().await, 200);
    // They are written after the answer.
    host.whole_log().await;
    let fetched = issuer.key_requests();
    // With a component beside it, and without.
    let mut wider = spec.clone();
    wider.others.push(Other::private("other", "echo"));
    for spec in [&spec, &wider, &spec] {
        replaced(&host, spec).await;
        assert_eq!(ask().await, 200);
    }
    assert_eq!(issuer.key_requests(), fetched);
}

async fn an_instance_that_has_nothing_to_do_goes_away_at_once() {
    let spec = AppSpec::gated("echo", "[[route]]\npath = \"/**\"\npublic = true\n");
    let app = spec.write();
    let host = start_in_process(&app, |options| {
        options.metrics = Some(([127, 0, 0, 1], 0).into());
        options.idle_instance_timeout = LONG;
        options.request_timeout = None;
    })
    .await;
    let number = async |name: &str| number(&host, name).await;
    let instances = "doorward_host_instances{component=\"echo\"}";
    assert_eq!(Ask::get("/a").send(host.address).await.status, 200);
    assert_eq!(number(instances).await, 1.0);
    let loaded = number("doorward_host_last_reload_success_timestamp_seconds").await;
    replaced(&host, &spec).await;
    let gone = async {
        while number(instances).await > 0.0 {}
        while number("doorward_host_applications").await > 1.0 {}
    };
    let gone = tokio::time::timeout(ANSWER_TIME_MAX, gone).await;
    gone.expect("the instance goes away, and so does its application");
    assert!(number("doorward_host_last_reload_success_timestamp_seconds").await > loaded);
    assert_eq!(
        number("doorward_host_reloads_total{outcome=\"served\"}").await,
        2.0
    );
    assert_eq!(number("doorward_host_last_reload_successful").await, 1.0);
    let mut broken = spec.clone();
    broken.sources = vec![("echo", "/nowhere".into())];
    assert!(host.replace(&broken.write()).await.is_err());
    assert_eq!(number("doorward_host_last_reload_successful").await, 0.0);
    assert_eq!(
        number("doorward_host_reloads_total{outcome=\"refused\"}").await,
        1.0
    );
    assert_eq!(number("doorward_host_applications").await, 1.0);
}

async fn what_cannot_be_served_changes_nothing() {
    let spec = AppSpec::gated("echo", "[[route]]\npath = \"/**\"\npublic = true\n");
    let app = spec.write();
    let host = InProcess.serve(&app, How::kept()).await;
    let ask = async || Ask::get("/a").send(host.address).await.status;
    assert_eq!(ask().await, 200);
    let no_component = {
        let app = spec.write();
        std::fs::write(app.folder().join("empty.wasm"), "").expect("write a file");
        let mut spec = spec.clone();
        spec.sources = vec![("echo", app.folder().join("empty.wasm"))];
        (spec.write(), app)
    };
    let mut missing = spec.clone();
    missing.sources = vec![("echo", "/nowhere/echo.wasm".into())];
    for (app, said) in [
        (&no_component.0, "echo"),
        (&missing.write(), "/nowhere/echo.wasm"),
    ] {
        let refused = host.replace(app).await.expect_err("it cannot be served");
        assert!(refused.to_string().contains(said), "{refused}");
        assert_eq!(ask().await, 200);
    }
}

async fn another_component_answers() {
    let policy = "[[route]]\npath = \"/**\"\npublic = true\n";
    let spec = AppSpec::gated("echo", policy);
    let app = spec.write();
    let host = InProcess.start(&app).await;
    let ask = async || Ask::get("/a").send(host.address).await;
    assert_eq!(ask().await.json()["target"], "/a");
    let mut other = AppSpec::gated("echo", policy);
    other.sources = vec![("echo", built("whoami"))];
    replaced(&host, &other).await;
    assert!(ask().await.json()["identity"].is_object());
    replaced(&host, &spec).await;
    assert_eq!(ask().await.json()["target"], "/a");
}
