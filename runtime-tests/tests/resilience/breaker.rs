//! An upstream that fails is left alone for a while.

use crate::{get, route, start_one, upstream};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::until_status;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![an_upstream_that_fails_is_no_longer_asked_and_recovers,];

/// Requests after which a breaker may open (`crates/traffic/src/breaker.rs`).
const REQUESTS_MIN: usize = 20;
/// For how long it is open at first.
const OPEN: Duration = Duration::from_secs(1);
const ONCE: &str = "attempts_max = 1";

fn is_ours(answer: &Answer) -> bool {
    answer.header("content-type") == Some("application/problem+json")
}

/// Fails the upstream until its breaker has opened.
async fn opened(running: &Running, origin: &Origin) {
    for number in 0..REQUESTS_MIN {
        let client = format!("192.0.2.{}", number + 1);
        let ask = Ask::get("/u/a").header("X-Forwarded-For", &client);
        let answer = ask.send(running.address).await;
        status(&answer, 503, "an origin that fails");
        assert!(!is_ours(&answer), "failure {number} is the origin's own");
    }
    assert_eq!(origin.count(), REQUESTS_MIN, "each of them was asked");
}

/// How many probes there can be since the breaker has opened.
fn probes_max(since: Instant) -> usize {
    let (mut probes, mut at, mut pause) = (0, OPEN, OPEN);
    while at <= since.elapsed() {
        probes += 1;
        pause *= 2;
        at += pause;
    }
    probes
}

async fn an_upstream_that_fails_is_no_longer_asked_and_recovers(host: &dyn Host) {
    let origin = Origin::start(Reply::status(503).body("of the origin")).await;
    let trusted = "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"127.0.0.0/8\"]\n";
    let policy = [trusted, &upstream("u", &[&origin], ONCE), &route("u")].concat();
    let app = AppSpec::gateway(policy).write();
    let running = start_one(host, &app).await;
    opened(&running, &origin).await;
    let since = Instant::now();
    let mut ours = 0;
    for method in ["GET", "POST", "PUT"].into_iter().cycle().take(30) {
        let ask = Ask::new(method, "/u/a").body(b"body");
        let answer = ask.send(running.address).await;
        status(&answer, 503, "a breaker that is open");
        if is_ours(&answer) {
            ours += 1;
            let value = answer.header("retry-after");
            let seconds: Option<u64> = value.and_then(|value| value.parse().ok());
            assert!(
                seconds.is_some_and(|seconds| (1..=30).contains(&seconds)),
                "it says when to come back, not {value:?}"
            );
        }
    }
    let asked = origin.count() - REQUESTS_MIN;
    assert!(
        asked <= probes_max(since) && ours + asked == 30,
        "the upstream is left alone, and was asked {asked} times; {ours} answers are the gateway's"
    );
    origin.set(Reply::ok("back"));
    let ask = Ask::get("/u/a");
    until_status(&running, &ask, 200, 503, "the upstream has recovered").await;
    for _ in 0..REQUESTS_MIN {
        status(&get(&running, "/u/a").await, 200, "the breaker is closed");
    }
}
