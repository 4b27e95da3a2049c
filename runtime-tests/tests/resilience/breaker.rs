//! An upstream that fails is left alone for a while.

use crate::{get, one_upstream, start_one};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::clocked::until_status;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    an_upstream_that_fails_is_no_longer_asked_and_recovers,
    while_it_is_probed_one_request_goes_through,
    without_a_breaker_an_upstream_is_asked_for_ever,
    answers_that_are_no_failures_leave_it_closed,
];

/// Attempts after which a breaker may open (`crates/traffic/src/breaker.rs`).
const ATTEMPTS_MIN: usize = 20;
/// For how long it is open at first.
const OPEN: Duration = Duration::from_secs(1);
const ONCE: &str = "attempts_max = 1";

fn is_ours(answer: &Answer) -> bool {
    answer.header("content-type") == Some("application/problem+json")
}

/// Fails the upstream until its breaker has opened.
async fn opened(running: &Running, origin: &Origin) {
    for number in 0..ATTEMPTS_MIN {
        let answer = get(running, "/u/a").await;
        status(&answer, 503, "an origin that fails");
        assert!(!is_ours(&answer), "failure {number} is the origin's own");
    }
    assert_eq!(origin.count(), ATTEMPTS_MIN, "each of them was asked");
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
    let app = one_upstream(&[&origin], ONCE);
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
    let asked = origin.count() - ATTEMPTS_MIN;
    assert!(
        asked <= probes_max(since) && ours + asked == 30,
        "the upstream is left alone, and was asked {asked} times; {ours} answers are the gateway's"
    );
    origin.set(Reply::ok("back"));
    let ask = Ask::get("/u/a");
    until_status(&running, &ask, 200, 503, "the upstream has recovered").await;
    for _ in 0..ATTEMPTS_MIN {
        status(&get(&running, "/u/a").await, 200, "the breaker is closed");
    }
}

async fn while_it_is_probed_one_request_goes_through(host: &dyn Host) {
    let origin = Origin::start(Reply::status(503)).await;
    let app = one_upstream(&[&origin], ONCE);
    let running = start_one(host, &app).await;
    opened(&running, &origin).await;
    let gate = Gate::closed();
    origin.set(Reply::ok("back").after(&gate));
    let address = running.address;
    // One of these is let through, once the time is up; the others are told at once.
    let asking = tokio::spawn(async move {
        let ask = Ask::get("/u/a");
        loop {
            let answer = ask.send(address).await;
            if answer.status != 503 {
                return answer;
            }
        }
    });
    gate.until_waiting(1).await;
    // One after the other, so that they meet the same instance.
    for _ in 0..16 {
        let answer = get(&running, "/u/a").await;
        status(&answer, 503, "while another one probes");
        assert!(is_ours(&answer), "the gateway's own answer");
    }
    assert_eq!(gate.waiting(), 1, "one request probes");
    gate.open();
    status(&asking.await.unwrap(), 200, "the probe");
    for _ in 0..16 {
        let answer = get(&running, "/u/a").await;
        status(&answer, 200, "after it has succeeded");
    }
}

async fn without_a_breaker_an_upstream_is_asked_for_ever(host: &dyn Host) {
    let origin = Origin::start(Reply::status(503)).await;
    let app = one_upstream(&[&origin], &format!("{ONCE}\nbreaker = false"));
    let running = start_one(host, &app).await;
    for _ in 0..3 * ATTEMPTS_MIN {
        let answer = get(&running, "/u/a").await;
        assert!(!is_ours(&answer), "the origin's own answer");
    }
    assert_eq!(origin.count(), 3 * ATTEMPTS_MIN, "all of them are asked");
}

async fn answers_that_are_no_failures_leave_it_closed(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let app = one_upstream(&[&origin], ONCE);
    let running = start_one(host, &app).await;
    for code in [400, 401, 404, 429, 500, 501] {
        origin.set(Reply::status(code));
        for _ in 0..ATTEMPTS_MIN {
            let answer = get(&running, "/u/a").await;
            status(&answer, code, "the origin's own answer");
        }
    }
}
