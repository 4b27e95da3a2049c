//! Components that fail, or that nobody waits for any more.

use crate::{ALL, Stage, asking, relay};
use doorward_host::manifest;
use doorward_host::options::HostOptions;
use doorward_host::server::Server;
use doorward_runtime_tests::app::{AppSpec, Other};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, InProcess};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use std::time::Duration;

pub const CASES: &[Case] = cases![
    a_component_that_traps_is_an_error_for_who_asked_it;
    in_process:
    a_component_that_does_not_answer_is_given_up_and_ends,
    a_component_in_the_middle_that_gives_up_goes_on_itself,
    who_gives_up_disturbs_no_other_request_of_the_component,
    a_component_whose_answer_nobody_reads_on_ends,
    before_a_component_with_the_older_handler_stands_no_middleware,
];

/// How long work that ended must show nothing any more: many times as long as between two beats.
const QUIET: Duration = Duration::from_millis(300);

async fn a_component_that_traps_is_an_error_for_who_asked_it(host: &dyn Host) {
    let others = vec![
        Other::private("echo", "echo"),
        Other::private("older", "older"),
        asking("worker", "relay"),
    ];
    let stage = Stage::start(host, &relay(ALL, others)).await;
    for (target, next) in [
        ("/echo/trap", "/echo/a"),
        ("/older/trap", "/older/a"),
        ("/older/silent", "/older/a"),
        ("/worker/echo/trap", "/worker/echo/a"),
    ] {
        for _ in 0..2 {
            let answer = stage.get(target).await;
            assert!(
                answer.status >= 500,
                "{target}: {} {}",
                answer.status,
                answer.text()
            );
            assert!(
                !answer.text().contains("wasm"),
                "{target}: {}",
                answer.text()
            );
        }
        status(&stage.get(next).await, 200, next);
    }
}

async fn a_component_that_does_not_answer_is_given_up_and_ends() {
    for (target, others) in [
        ("/worker/never", vec![asking("worker", "relay")]),
        ("/older/never", vec![asking("older", "older")]),
        (
            "/older/ask/worker/never",
            vec![asking("older", "older"), asking("worker", "relay")],
        ),
        ("/older/ask/older/never", vec![asking("older", "older")]),
    ] {
        let stage = Stage::start(&InProcess, &relay(ALL, others)).await;
        let answer = Ask::get(target)
            .header("X-First-Byte-Ms", "200")
            .send(stage.running.address)
            .await;
        status(&answer, 599, target);
        assert!(
            answer.text().contains("HttpResponseTimeout"),
            "{}",
            answer.text()
        );
        // Nobody but the first gives up, and then all of them end.
        let instances = 1 + target.matches("/ask/").count();
        let ends = |line: &str| line.contains("instance ended: nobody waits");
        stage.running.wait_for_logs(instances, ends).await;
        let beats = stage.beats();
        assert!(beats > 0, "{target}: it had begun");
        tokio::time::sleep(QUIET).await;
        assert_eq!(stage.beats(), beats, "{target}: it goes on");
    }
}

async fn a_component_in_the_middle_that_gives_up_goes_on_itself() {
    let others = vec![asking("older", "older"), asking("worker", "relay")];
    let stage = Stage::start(&InProcess, &relay(ALL, others)).await;
    let answer = Ask::get("/older/ask/worker/never")
        .header("X-Older-First-Byte-Ms", "200")
        .send(stage.running.address)
        .await;
    status(&answer, 599, "the one in the middle says why");
    stage.logged(&["instance ended: nobody waits"]).await;
    let beats = stage.beats();
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.beats(), beats, "it goes on");
    assert_eq!(stage.count("instance ended"), 1, "it was ended as well");
    status(&stage.get("/older/a").await, 200, "the one in the middle");
}

async fn who_gives_up_disturbs_no_other_request_of_the_component() {
    let others = vec![asking("worker", "relay"), Other::private("echo", "echo")];
    let stage = Stage::start(&InProcess, &relay(ALL, others)).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut client = Raw::connect(stage.running.address).await;
        client
            .send("POST /worker/echo/body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\none")
            .await;
        client.read_until("\r\n\r\none").await;
        held.push(client);
    }
    let answer = Ask::get("/worker/never")
        .header("X-First-Byte-Ms", "200")
        .send(stage.running.address)
        .await;
    status(&answer, 599, "given up");
    // It may end as soon as the others do not need its instance, and no sooner.
    tokio::time::sleep(QUIET).await;
    status(&stage.get("/worker/echo/a").await, 200, "a new request");
    for mut client in held {
        client.send("two").await;
        client.read_until("two").await;
    }
    stage.logged(&["instance ended: nobody waits"]).await;
    let beats = stage.beats();
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.beats(), beats, "it goes on");
}

async fn a_component_whose_answer_nobody_reads_on_ends() {
    let others = vec![Other::private("echo", "echo")];
    let stage = Stage::start(&InProcess, &relay(ALL, others)).await;
    let mut client = Raw::connect(stage.running.address).await;
    client
        .send("GET /echo/bytes/1000000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    client.read(100_000).await;
    client.reset();
    let answer = Ask::get("/echo/body")
        .header("X-Between-Bytes-Ms", "10000")
        .send(stage.running.address)
        .await;
    status(&answer, 200, "the next request");
}

async fn before_a_component_with_the_older_handler_stands_no_middleware() {
    let spec = AppSpec::gated("older", "");
    let app = spec.write();
    let application = manifest::load(&app.manifest()).unwrap();
    let options = HostOptions::new("127.0.0.1:0".parse().unwrap(), app.folder().join("state"));
    let Err(error) = Server::bind(application, options).await else {
        panic!("it should not start");
    };
    let error = format!("{error:#}");
    for expected in [
        "component `older` exports `wasi:http/incoming-handler@0.2`, so no middleware can stand before it",
        "url = \"http://older.spin.internal\"",
    ] {
        assert!(error.contains(expected), "{error}");
    }
}
