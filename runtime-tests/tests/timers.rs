//! Timers: a component is asked again and again. The rest of it is shown in virtual time, in the host's own tests.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_host::WallClock;
use doorward_runtime_tests::app::{App, AppSpec, Other, built};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::{cases, run};
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        a_manifest_with_timers_is_served;
        both_manners: the_component_of_a_timer_is_asked_and_nobody_outside_reaches_it,
        it_is_asked_when_the_clock_of_the_host_says_so,
        what_fails_is_said_and_asked_again,
        the_component_of_a_timer_may_ask_others,
    ])
}

/// An application with an `echo` that everybody may ask, and a `worker` with these timers that has no trigger.
fn app(timers: &[(&str, &str)], outbound: &str, others: &[Other]) -> App {
    let mut spec = AppSpec::gated("echo", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.others = others.to_vec();
    let app = spec.write();
    let mut text = fs::read_to_string(app.manifest()).unwrap();
    let source = built("relay");
    writeln!(text, "\n[component.worker]\nsource = {source:?}").unwrap();
    writeln!(text, "allowed_outbound_hosts = [{outbound:?}]").unwrap();
    for (expression, path) in timers {
        writeln!(
            text,
            "[[component.worker.tool.doorward.timer]]\ncron_expression = {expression:?}\npath = {path:?}"
        )
        .unwrap();
    }
    fs::write(app.manifest(), text).unwrap();
    app
}

/// Nobody.
const NOWHERE: &str = "http://127.0.0.1:1";
const EVERY_SECOND: &str = "* * * * * *";

async fn a_manifest_with_timers_is_served(host: &dyn Host) {
    let app = app(&[(EVERY_SECOND, "/log/ticked")], NOWHERE, &[]);
    let running = host.start(&app).await;
    let answer = Ask::get("/a").send(running.address).await;
    status(&answer, 200, "the component with a trigger");
}

async fn the_component_of_a_timer_is_asked_and_nobody_outside_reaches_it(host: &dyn Host) {
    let app = app(&[(EVERY_SECOND, "/log/ticked?a=1")], NOWHERE, &[]);
    let running = host.start(&app).await;
    let line = running.wait_for_log(|line| line.contains("ticked")).await;
    assert_eq!(line, "ticked?a=1");
    let answer = Ask::get("/log/by-a-client").send(running.address).await;
    status(&answer, 200, "who has the route");
    assert_eq!(answer.json()["target"], "/log/by-a-client", "it is echo");
    let log = running.log();
    assert!(
        !log.iter().any(|line| line.contains("by-a-client")),
        "{log:?}"
    );
}

async fn it_is_asked_when_the_clock_of_the_host_says_so(host: &dyn Host) {
    // 2026-11-29T02:59:59Z.
    let clock = WallClock::fixed_at(1_795_921_199);
    let app = app(&[("0 0 * * * *", "/log/ticked")], NOWHERE, &[]);
    let how = How::default().by(Some(&clock));
    let running = host.serve(&app, how).await;
    let answer = Ask::get("/a").send(running.address).await;
    status(&answer, 200, "the component with a trigger");
    assert_eq!(running.log(), [""; 0], "it is not time yet");
    clock.advance(1);
    running.wait_for_log(|line| line == "ticked").await;
}

async fn what_fails_is_said_and_asked_again(host: &dyn Host) {
    let app = app(&[(EVERY_SECOND, "/trap")], NOWHERE, &[]);
    let running = host.start(&app).await;
    let said = "the timer's request for /trap failed";
    running.wait_for_log(|line| line == said).await;
    let times = |log: &[String]| log.iter().filter(|line| *line == said).count();
    while times(&running.log()) < 2 {
        tokio::task::yield_now().await;
    }
    let answer = Ask::get("/a").send(running.address).await;
    status(&answer, 200, "who asks otherwise notices nothing");
}

async fn the_component_of_a_timer_may_ask_others(host: &dyn Host) {
    let others = [Other::private("teller", "relay")];
    let app = app(
        &[(EVERY_SECOND, "/teller/log/asked")],
        "http://teller.spin.internal",
        &others,
    );
    let running = host.start(&app).await;
    let said = running.wait_for_log(|line| line.contains("asked")).await;
    assert_eq!(said, "asked", "the other component wrote it");
}
