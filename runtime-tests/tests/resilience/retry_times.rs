//! When requests are sent again, and for how long.

use crate::{get, one_upstream, start_one};
use doorward_runtime_tests::app::App;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![all_attempts_together_are_over_by_the_deadline,];

const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1";

/// How long the gateway takes to say 504 to this request, which it has to.
async fn time_to_504(host: &dyn Host, app: &App, ask: Ask) -> Duration {
    let running = start_one(host, app).await;
    // The instance and its policy are there.
    let answer = get(&running, "/none").await;
    status(&answer, 403, "no route");
    let began = Instant::now();
    let answer = ask.send(running.address).await;
    status(&answer, 504, "an origin that never answers");
    began.elapsed()
}

async fn all_attempts_together_are_over_by_the_deadline(host: &dyn Host) {
    let origin = Origin::start(Reply::stall()).await;
    // Without the deadline this would take 10 times 600 ms.
    let lines = "attempts_max = 10\nfirst_byte_timeout_ms = 600\ndeadline_ms = 1000";
    let app = one_upstream(&[&origin], &format!("{QUICK}\n{lines}"));
    let took = time_to_504(host, &app, Ask::get("/u/a")).await;
    assert!(
        (Duration::from_millis(990)..Duration::from_secs(3)).contains(&took),
        "the deadline is a second, and the answer took {took:?}"
    );
    let asked = origin.count();
    assert!(
        (1..=2).contains(&asked),
        "600 ms, and what was left of a second, are not {asked} attempts"
    );
    // One attempt alone is not longer than that either.
    let lines = "attempts_max = 1\nfirst_byte_timeout_ms = 20000\ndeadline_ms = 1000";
    let app = one_upstream(&[&origin], &format!("{QUICK}\n{lines}"));
    let took = time_to_504(host, &app, Ask::get("/u/a")).await;
    assert!(
        took < Duration::from_secs(10),
        "the deadline is a second, and one attempt took {took:?}"
    );
}
