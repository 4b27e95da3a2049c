//! When requests are sent again, and for how long.

use crate::{get, one_upstream, start_one};
use doorward_runtime_tests::app::App;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::run::Case;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    retry_after_is_waited_for_where_there_is_time,
    retry_after_that_would_end_too_late_is_handed_on_at_once,
    all_attempts_together_are_over_by_the_deadline,
    the_last_attempt_is_as_short_as_what_is_left,
    the_deadline_holds_for_a_request_with_a_body,
    a_body_that_takes_longer_than_the_deadline_arrives,
];

const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1";

/// An origin that writes down when it was asked.
async fn timed(replies: Vec<Reply>) -> (Origin, Arc<Mutex<Vec<Instant>>>) {
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = Arc::clone(&times);
    let script = Script::by(move |_, number| {
        noted.lock().unwrap().push(Instant::now());
        replies[number.min(replies.len() - 1)].clone()
    });
    (Origin::start(script).await, times)
}

async fn retry_after_is_waited_for_where_there_is_time(host: &dyn Host) {
    let with_field = |code| Reply::status(code).field("Retry-After", "1");
    for failure in [with_field(503), with_field(429)] {
        let (origin, times) = timed(vec![failure, Reply::ok("in the end")]).await;
        let app = one_upstream(&[&origin], QUICK);
        let running = start_one(host, &app).await;
        let answer = get(&running, "/u/a").await;
        status(&answer, 200, "after the pause that the origin asked for");
        let times = times.lock().unwrap();
        assert_eq!(times.len(), 2, "the origin is asked twice");
        let pause = times[1].duration_since(times[0]);
        assert!(
            pause >= Duration::from_millis(990),
            "the origin asked for a second, and was asked again after {pause:?}"
        );
    }
}

async fn retry_after_that_would_end_too_late_is_handed_on_at_once(host: &dyn Host) {
    let reply = Reply::unavailable(2).body("in two seconds");
    let origin = Origin::start(reply).await;
    let app = one_upstream(&[&origin], &format!("{QUICK}\ndeadline_ms = 1900"));
    let running = start_one(host, &app).await;
    let began = Instant::now();
    let answer = get(&running, "/u/a").await;
    status(&answer, 503, "two seconds where there is less");
    assert_eq!(answer.text(), "in two seconds", "the origin's answer");
    assert_eq!(
        answer.header("retry-after"),
        Some("2"),
        "the client is told when to come back"
    );
    assert_eq!(origin.count(), 1, "the origin is not asked before");
    assert!(
        began.elapsed() < Duration::from_millis(1900),
        "nobody waits for what would be too late: {:?}",
        began.elapsed()
    );
}

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

async fn the_last_attempt_is_as_short_as_what_is_left(host: &dyn Host) {
    let origin = Origin::start(Reply::stall()).await;
    // The first one may take its time, the second one half a second.
    let lines = "attempts_max = 2\nconnect_timeout_ms = 100\nfirst_byte_timeout_ms = 2000\ndeadline_ms = 2500";
    let app = one_upstream(&[&origin], &format!("{QUICK}\n{lines}"));
    let took = time_to_504(host, &app, Ask::get("/u/a")).await;
    assert!(
        (Duration::from_millis(2490)..Duration::from_millis(3500)).contains(&took),
        "the deadline is two and a half seconds, and the answer took {took:?}"
    );
    assert_eq!(origin.count(), 2, "there is time for two attempts");
}

async fn the_deadline_holds_for_a_request_with_a_body(host: &dyn Host) {
    let origin = Origin::start(Reply::stall()).await;
    let lines = "attempts_max = 10\nfirst_byte_timeout_ms = 600\ndeadline_ms = 1000";
    let app = one_upstream(&[&origin], &format!("{QUICK}\n{lines}"));
    let took = time_to_504(host, &app, Ask::new("PUT", "/u/a").body(b"small")).await;
    assert!(
        (Duration::from_millis(990)..Duration::from_secs(3)).contains(&took),
        "the deadline is a second, and the answer took {took:?}"
    );
    // One attempt alone is not longer than that either.
    let lines = "attempts_max = 1\nfirst_byte_timeout_ms = 20000\ndeadline_ms = 1000";
    let app = one_upstream(&[&origin], &format!("{QUICK}\n{lines}"));
    let took = time_to_504(host, &app, Ask::new("POST", "/u/a").body(b"small")).await;
    assert!(
        took < Duration::from_secs(10),
        "the deadline is a second, and one attempt took {took:?}"
    );
}

async fn a_body_that_takes_longer_than_the_deadline_arrives(host: &dyn Host) {
    use doorward_runtime_tests::raw::Raw;
    let origin = Origin::start(Reply::ok("all of it")).await;
    let lines = "attempts_max = 1\nfirst_byte_timeout_ms = 2000\ndeadline_ms = 300";
    let app = one_upstream(&[&origin], lines);
    let running = start_one(host, &app).await;
    let mut raw = Raw::connect(running.address).await;
    raw.send("PUT /u/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        .await;
    for number in 0..10_u64 {
        raw.send("x").await;
        let what = format!("{} bytes have come", number + 1);
        origin
            .until(&what, |origin| {
                let seen = origin.requests();
                seen.first().is_some_and(|seen| seen.body_bytes > number)
            })
            .await;
        // It is the upload that takes its time, not the origin.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = raw.response().await.expect("an answer");
    assert_eq!(answer.status, 200, "a slow upload: {}", answer.text());
}
