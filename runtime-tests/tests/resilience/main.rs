//! The gateway while origins fail, come back, are slow or move: retries, balancing, circuit breakers,
//! migrations. What is shown here is shown in virtual time as well (`tests/tests/sim_resilience`), but for what
//! only sockets show: one case of each kind, and all in which clients go away or send what is no HTTP. The
//! monotonic clock is the real one, so what is counted is bounded by the time that has passed, and what has to
//! happen is waited for.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod breaker;
mod budget;
mod clients;
mod fallback;
mod killing;
mod leaving;
mod mirror;
mod mirror_trouble;
mod retries;
mod retry_bodies;
mod retry_times;
mod split;

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run;
use std::process::ExitCode;
use std::sync::Arc;

/// A route's requests may be done twice, whatever their method.
const REPEATABLE: &str = "retry_on = [\"timeout\", \"reset\", \"gateway-error\"]";

fn main() -> ExitCode {
    let cases = [
        retries::CASES,
        retry_bodies::CASES,
        retry_times::CASES,
        budget::CASES,
        breaker::CASES,
        killing::CASES,
        clients::CASES,
        leaving::CASES,
        split::CASES,
        mirror::CASES,
        mirror_trouble::CASES,
        fallback::CASES,
    ];
    // Several of them bring a load: together they would wait for each other.
    run::main_one_at_a_time(&cases.concat())
}

/// The table of an upstream with these targets and these lines.
fn upstream(name: &str, origins: &[&Origin], lines: &str) -> String {
    let urls: Vec<String> = origins
        .iter()
        .map(|origin| format!("\"{}\"", origin.url()))
        .collect();
    format!(
        "[upstream.{name}]\nurl = [{}]\n{lines}\n\n",
        urls.join(", ")
    )
}

/// A public route for all paths below `/<name>`, to the upstream of this name.
fn route(name: &str) -> String {
    route_with(name, &format!("upstream = \"{name}\""))
}

/// A public route for all paths below `/<path>`, with these lines.
fn route_with(path: &str, lines: &str) -> String {
    format!("[[route]]\npath = \"/{path}/**\"\npublic = true\n{lines}\n\n")
}

/// The gateway with one public upstream `u`.
fn one_upstream(origins: &[&Origin], lines: &str) -> App {
    let policy = format!("{}{}", upstream("u", origins, lines), route("u"));
    AppSpec::gateway(policy).write()
}

/// The same, for an upstream whose requests may be done twice.
fn one_repeatable(origins: &[&Origin], lines: &str) -> App {
    let route = route_with("u", &format!("upstream = \"u\"\n{REPEATABLE}"));
    AppSpec::gateway(format!("{}{route}", upstream("u", origins, lines))).write()
}

/// Serves `app` with one instance that sees every request.
async fn start_one(host: &dyn Host, app: &App) -> Running {
    host.serve(app, How::one()).await
}

/// Serves `app` with a new instance for each request, which knows nothing of what was before.
async fn start_forgetful(host: &dyn Host, app: &App) -> Running {
    host.serve(app, How::forgetful()).await
}

/// Asks for `target` without a credential.
async fn get(running: &Running, target: &str) -> Answer {
    Ask::get(target).send(running.address).await
}

/// The request that a load sends again and again.
fn same_request(running: &Running, target: &str) -> Arc<[Vec<u8>]> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", running.address);
    [head.into_bytes()].into()
}

/// An answer 200 that is written at once. One that has begun cannot be asked for again, so an origin that
/// dies between the head and the body of an answer does lose a request.
fn in_one_piece(body: &str) -> Reply {
    let length = body.len();
    Reply::raw(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}
