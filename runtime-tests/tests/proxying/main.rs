//! The gateway between clients and an origin that does as told: what reaches the origin, what comes back,
//! and what becomes of a request where one of the two misbehaves. What only the policy decides is shown in virtual
//! time (`tests/tests/sim_proxying`).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod arriving;
mod credentials;
mod failing;
mod grpc;
mod hops;
mod nginx;
mod places;
mod rewriting;
mod smuggling;
mod spoofing;
mod streaming;
mod uploads;

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::nginx::Nginx;
use doorward_runtime_tests::origin::{Origin, Script};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let mut cases = [
        arriving::CASES,
        credentials::CASES,
        places::CASES,
        rewriting::CASES,
        streaming::CASES,
        uploads::CASES,
        hops::CASES,
        failing::CASES,
        grpc::CASES,
        smuggling::CASES,
        spoofing::CASES,
    ]
    .concat();
    match Nginx::available() {
        Ok(()) => cases.extend(nginx::CASES),
        Err(absent) => eprintln!("{absent}: {} cases are skipped", nginx::CASES.len()),
    }
    run::main(&cases)
}

/// How often a log is looked at while a line is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A route of each kind, all to the upstream `orders`.
const ROUTES: &str = r#"
    [identity]
    "x-auth-subject" = "sub"
    "x-auth-issuer" = "iss"

    [defaults]
    upstream = "orders"

    [[route]]
    path = "/public/**"
    public = true

    [[route]]
    path = "/read/**"
    issuer = ["test"]
    scope = ["read"]

    [[route]]
    path = "/keep/**"
    issuer = ["test"]
    credential = "forward"
"#;

/// The issuer's table.
fn trust(issuer: &Issuer) -> String {
    let url = issuer.url();
    format!("[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\nleeway_s = 0\n")
}

/// A policy where the upstream `orders` is at `url`, is asked once, and has these lines more.
fn policy(issuer: &Issuer, url: &str, lines: &str) -> String {
    let trust = trust(issuer);
    format!("{trust}\n[upstream.orders]\nurl = [\"{url}\"]\nattempts_max = 1\n{lines}\n{ROUTES}")
}

/// The gateway between an issuer and an origin.
struct Stage {
    issuer: Issuer,
    origin: Origin,
    running: Running,
    _app: App,
}

impl Stage {
    /// An origin that answers by `script`, behind a gateway whose upstream has `lines` more.
    async fn with(host: &dyn Host, script: impl Into<Script>, lines: &str) -> Self {
        let issuer = Issuer::start().await;
        let origin = Origin::start(script).await;
        let policy = policy(&issuer, &origin.url(), lines);
        Self::of(host, issuer, origin, AppSpec::gateway(policy)).await
    }

    async fn new(host: &dyn Host, script: impl Into<Script>) -> Self {
        Self::with(host, script, "").await
    }

    async fn of(host: &dyn Host, issuer: Issuer, origin: Origin, spec: AppSpec) -> Self {
        let app = spec.write();
        let running = host.start(&app).await;
        Self {
            issuer,
            origin,
            running,
            _app: app,
        }
    }

    /// A token with which `/read/**` may be asked for.
    fn token(&self) -> String {
        self.issuer.token("alice", "read")
    }

    async fn send(&self, ask: Ask) -> Answer {
        ask.send(self.running.address).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.send(Ask::get(target)).await
    }

    async fn connect(&self) -> Raw {
        Raw::connect(self.running.address).await
    }

    /// Waits until the log has a line with all of these in it, and gives it.
    async fn logged(&self, words: &[&str]) -> String {
        let has_all = |line: &str| words.iter().all(|word| line.contains(word));
        self.running.wait_for_log(has_all).await
    }
}

/// The head of a request with these fields, a line each.
fn head(method: &str, target: &str, fields: &[&str]) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: gateway.example\r\n");
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head
}

/// Fails unless the answer is a problem document with this status, and says nothing of what is inside.
fn problem(answer: &Answer, expected: u16, inside: &[&str], what: &str) {
    let text = answer.text();
    assert_eq!(answer.status, expected, "{what}: the status: {text:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}: a problem document: {text:?}"
    );
    assert_eq!(answer.json()["status"], expected, "{what}: {text}");
    let all = format!("{:?} {text}", answer.headers);
    for word in ["127.0.0.1", "orders", "upstream", "hyper", "wasi"]
        .iter()
        .chain(inside)
    {
        // `upstream-unavailable` is the name of a class.
        let all = all.replace("upstream-unavailable", "");
        assert!(
            !all.contains(word),
            "{what}: {word} is of the inside: {all}"
        );
    }
}
