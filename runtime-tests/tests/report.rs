//! Report mode, in a component that is built with it: what would be refused passes as nobody's, and the log says so.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec, built};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Issuer, now};
use doorward_runtime_tests::{cases, run};
use doorward_tests::time::date_time;
use serde_json::Value;
use std::process::ExitCode;

/// A month, in seconds.
const MONTH_S: u64 = 30 * 24 * 60 * 60;

fn main() -> ExitCode {
    run::main(cases![
        what_would_be_refused_passes_as_nobody_and_is_told,
        a_mode_that_has_ended_refuses,
        the_gate_as_it_is_shipped_knows_no_such_key_and_serves_nothing,
    ])
}

/// The service `echo` behind a gate with report mode up to then, in seconds since 1970.
fn app(issuer: &Issuer, until_s: u64, gate: &str) -> App {
    let until = date_time(until_s);
    let policy = format!(
        "mode = \"report\"\nreport_until = \"{until}\"\n{}",
        policy(issuer)
    );
    let mut spec = AppSpec::gated("echo", policy);
    spec.sources.push(("gate", built(gate)));
    spec.write()
}

async fn what_would_be_refused_passes_as_nobody_and_is_told(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = app(&issuer, now() + MONTH_S, "gate-reporting");
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let answer = Ask::get("/read/a")
        .bearer(&token)
        .send(running.address)
        .await;
    status(&answer, 200, "who would be let through is");
    assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);

    let narrow = issuer.token("alice", "other");
    let answer = Ask::get("/read/a")
        .bearer(&narrow)
        .header("x-auth-subject", "root")
        .send(running.address)
        .await;
    status(&answer, 200, "who would not be passes");
    for name in ["x-auth-subject", "authorization"] {
        assert!(seen(&answer, name).is_empty(), "{name}");
    }
    let line = running
        .wait_for_log(|line| line.contains("\"event\":\"would-refuse\""))
        .await;
    let start = line.find('{').unwrap();
    let line: Value = serde_json::from_str(&line[start..]).unwrap();
    assert_eq!(line["class"], "insufficient-scope");
    assert_eq!(line["status"], "403");
    assert_eq!(line["path"], "/read/a");
    running
        .wait_for_log(|line| {
            line.contains("\"event\":\"report-mode\"") && line.contains("policy_until")
        })
        .await;

    let answer = Ask::get("/read/%2e%2e/write").send(running.address).await;
    status(&answer, 400, "what is ambiguous is refused all the same");
}

async fn a_mode_that_has_ended_refuses(host: &dyn Host) {
    let issuer = Issuer::start().await;
    for until_s in [now() - 1, now() + 401 * 24 * 60 * 60] {
        let app = app(&issuer, until_s, "gate-reporting");
        let running = host.start(&app).await;
        let answer = Ask::get("/read/a").send(running.address).await;
        status(&answer, 401, "it is over, or too far ahead");
    }
}

async fn the_gate_as_it_is_shipped_knows_no_such_key_and_serves_nothing(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = app(&issuer, now() + MONTH_S, "gate");
    let running = host.start(&app).await;
    for target in ["/read/a", "/public/a"] {
        let answer = Ask::get(target).send(running.address).await;
        status(&answer, 500, target);
    }
    running
        .wait_for_log(|line| line.contains("policy-invalid") && line.contains("mode"))
        .await;
}
