//! How many instances there are for components that are asked, and who has to wait for one.

use crate::{ALL, Stage, asking, relay};
use doorward_runtime_tests::app::Other;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host as _, How, InProcess};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    ;
    in_process:
    who_finds_every_instance_of_a_depth_taken_waits_until_one_is_idle,
    those_who_were_given_up_do_not_wait_without_bound,
];

/// Instances at one depth of all components together.
const INSTANCES: usize = 96;
/// Requests that may wait for an instance of their own at one depth.
const WAITING_MAX: usize = 1024;
/// Requests that are sent at the same time.
const AT_ONCE: usize = 64;
/// How long who waits must have no answer: many times as long as one takes.
const QUIET: Duration = Duration::from_millis(500);
/// How often it is looked whether all have begun.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long an answer may take; idle instances stay far longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The instances are of one component, and who waits asks another one.
async fn who_finds_every_instance_of_a_depth_taken_waits_until_one_is_idle() {
    let others = vec![
        Other::private("echo", "echo"),
        asking("worker", "relay"),
        asking("other", "relay"),
    ];
    let app = relay(ALL, others).write();
    let running = InProcess.serve(&app, How::spread()).await;
    let stage = Stage { running, _app: app };
    let address = stage.running.address;
    let mut held = Vec::new();
    for _ in 0..INSTANCES {
        let mut client = Raw::connect(address).await;
        // It answers when it has the whole body, so no other request comes to its instance.
        let head =
            "POST /echo/trailers HTTP/1.1\r\nHost: a\r\nX-Tell: 1\r\nContent-Length: 6\r\n\r\n";
        client.send(head).await;
        client.send("one").await;
        held.push(client);
    }
    let begun = Instant::now();
    while stage.count("reached") < INSTANCES {
        assert!(begun.elapsed() < PATIENCE, "not all of them have begun");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let waiting: Vec<_> = ["/worker/log/x", "/other/log/x", "/worker/other/log/x"]
        .map(|target| tokio::spawn(async move { Ask::get(target).send(address).await }))
        .into();
    tokio::time::sleep(QUIET).await;
    assert!(
        waiting.iter().all(|ask| !ask.is_finished()),
        "there are more than {INSTANCES} instances at a depth"
    );
    for mut client in held {
        client.send("two").await;
        assert_eq!(client.response().await.unwrap().status, 200);
    }
    for ask in waiting {
        let Ok(answer) = tokio::time::timeout(PATIENCE, ask).await else {
            panic!("idle instances should give way");
        };
        status(&answer.unwrap(), 200, "who waited");
    }
    status(&stage.get("/echo/a").await, 200, "and the first component");
}

async fn those_who_were_given_up_do_not_wait_without_bound() {
    let older = Other::private("older", "older");
    let stage = Stage::start(&InProcess, &relay(ALL, vec![older])).await;
    let address = stage.running.address;
    let mut held = Vec::new();
    for _ in 0..INSTANCES {
        let mut client = Raw::connect(address).await;
        client
            .send("POST /older/body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\none")
            .await;
        client.read_until("one").await;
        held.push(client);
    }
    let ask = || async move {
        let ask = Ask::get("/older/a").header("X-First-Byte-Ms", "50");
        let answer = ask.send(address).await;
        status(&answer, 599, "no instance is free");
        answer.text()
    };
    for _ in 0..WAITING_MAX / AT_ONCE {
        let asks: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(ask())).collect();
        for ask in asks {
            let answer = ask.await.unwrap();
            assert!(answer.contains("HttpResponseTimeout"), "{answer}");
        }
    }
    let answer = ask().await;
    assert!(answer.contains("ConnectionLimitReached"), "{answer}");
    stage.logged(&["too many requests wait"]).await;
    for mut client in held {
        client.send("two").await;
        client.read_until("two").await;
    }
    let answer = tokio::time::timeout(PATIENCE, stage.get("/older/a")).await;
    status(&answer.unwrap(), 200, "once the instances are free");
}
