//! The old upstream, asked where the new one fails.

use crate::{route_with, start_forgetful, start_one, upstream};
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    where_nobody_listens_the_old_upstream_answers_any_request,
    where_the_new_upstream_fails_the_old_one_answers_what_can_be_repeated,
    a_post_that_the_new_upstream_may_have_done_is_not_sent_to_the_old_one,
    a_body_that_is_no_longer_held_is_not_sent_to_the_old_one,
    while_the_breaker_of_the_new_upstream_is_open_the_old_one_answers_everything,
    without_fallback_a_failure_is_a_failure,
    an_answer_of_the_new_upstream_is_no_failure,
    where_both_fail_the_client_is_told_what_the_old_one_says,
];

/// Everybody is moved from `old` to `new`.
fn moved(old: &Origin, new: &Origin, fallback: bool) -> App {
    let lines = format!(
        "upstream = \"old\"\n[route.split]\nto = \"new\"\npercent = 100\nfallback = {fallback}"
    );
    let policy = [
        upstream("old", &[old], "attempts_max = 1"),
        upstream("new", &[new], "attempts_max = 1"),
        route_with("u", &lines),
    ];
    AppSpec::gateway(policy.concat()).write()
}

async fn two() -> (Origin, Origin) {
    let old = Origin::start(Reply::ok("old")).await;
    let new = Origin::start(Reply::ok("new")).await;
    (old, new)
}

async fn ask(running: &Running, method: &str, body: &[u8]) -> Answer {
    let ask = Ask::new(method, "/u/a").body(body);
    ask.send(running.address).await
}

fn failures() -> [(&'static str, Reply, u16); 5] {
    [
        ("503", Reply::status(503).body("new"), 503),
        ("502", Reply::status(502).body("new"), 502),
        ("504", Reply::status(504).body("new"), 504),
        ("reset", Reply::reset(), 502),
        ("close", Reply::close(), 502),
    ]
}

async fn where_nobody_listens_the_old_upstream_answers_any_request(host: &dyn Host) {
    let (old, new) = two().await;
    new.stop().await;
    let app = moved(&old, &new, true);
    let running = start_forgetful(host, &app).await;
    let large: Vec<u8> = (0..1_u32 << 20).map(|n| (n % 251) as u8).collect();
    for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
        for body in [&b""[..], b"body", &large] {
            old.forget();
            let what = format!("{method} with {} bytes, nobody listens", body.len());
            let answer = ask(&running, method, body).await;
            status(&answer, 200, &what);
            assert_eq!(answer.text(), "old", "{what}: who answers");
            let seen = old.request();
            assert_eq!(
                seen.body_bytes,
                body.len() as u64,
                "{what}: all of the body"
            );
            let kept = body.len().min(seen.body.len());
            assert!(seen.body == body[..kept], "{what}: the same body");
        }
    }
}

async fn where_the_new_upstream_fails_the_old_one_answers_what_can_be_repeated(host: &dyn Host) {
    let (old, new) = two().await;
    let app = moved(&old, &new, true);
    let running = start_forgetful(host, &app).await;
    for (how, reply, _) in failures() {
        new.set(reply);
        for method in ["GET", "PUT", "DELETE"] {
            for body in [&b""[..], b"body", &[b'x'; 64 * 1024]] {
                old.forget();
                new.forget();
                let what = format!("{method} with {} bytes, {how}", body.len());
                let answer = ask(&running, method, body).await;
                status(&answer, 200, &what);
                assert_eq!(answer.text(), "old", "{what}: who answers");
                assert_eq!(new.request().body, body, "{what}: the new one has it");
                assert_eq!(old.request().body, body, "{what}: the old one has the same");
            }
        }
    }
}

async fn a_post_that_the_new_upstream_may_have_done_is_not_sent_to_the_old_one(host: &dyn Host) {
    let (old, new) = two().await;
    let app = moved(&old, &new, true);
    let running = start_forgetful(host, &app).await;
    for (how, reply, expected) in failures() {
        new.set(reply);
        for (method, body) in [("POST", &b"once"[..]), ("POST", b""), ("PATCH", b"once")] {
            let what = format!("{method} with {} bytes, {how}", body.len());
            let answer = ask(&running, method, body).await;
            status(&answer, expected, &what);
            assert_eq!(old.count(), 0, "{what}: the old one is not asked");
        }
    }
}

async fn a_body_that_is_no_longer_held_is_not_sent_to_the_old_one(host: &dyn Host) {
    let (old, new) = two().await;
    let app = moved(&old, &new, true);
    let running = start_forgetful(host, &app).await;
    let large = vec![b'x'; 64 * 1024 + 1];
    for (how, reply, expected) in failures() {
        new.set(reply);
        let answer = ask(&running, "PUT", &large).await;
        status(&answer, expected, &format!("a large PUT, {how}"));
        if !matches!(how, "reset" | "close") {
            assert_eq!(answer.text(), "new", "{how}: the answer that there is");
        }
        assert_eq!(old.count(), 0, "{how}: half a body goes nowhere");
    }
}

async fn while_the_breaker_of_the_new_upstream_is_open_the_old_one_answers_everything(
    host: &dyn Host,
) {
    let (old, new) = two().await;
    new.set(Reply::status(503));
    let app = moved(&old, &new, true);
    let running = start_one(host, &app).await;
    for _ in 0..20 {
        status(&ask(&running, "GET", b"").await, 200, "the breaker opens");
    }
    let asked = new.count();
    for method in ["POST", "PATCH", "PUT", "GET"] {
        let answer = ask(&running, method, b"body").await;
        // Within the second that the breaker is open nobody asks the new one.
        if new.count() == asked {
            status(&answer, 200, &format!("{method}, the breaker is open"));
            assert_eq!(answer.text(), "old", "{method}: who answers");
        }
    }
}

async fn without_fallback_a_failure_is_a_failure(host: &dyn Host) {
    let (old, new) = two().await;
    let app = moved(&old, &new, false);
    let running = start_forgetful(host, &app).await;
    for (how, reply, expected) in failures() {
        new.set(reply);
        status(&ask(&running, "GET", b"").await, expected, how);
    }
    new.stop().await;
    status(&ask(&running, "GET", b"").await, 502, "nobody listens");
    assert_eq!(old.count(), 0, "the old one is never asked");
}

async fn an_answer_of_the_new_upstream_is_no_failure(host: &dyn Host) {
    let (old, new) = two().await;
    let app = moved(&old, &new, true);
    let running = start_one(host, &app).await;
    for code in [200, 301, 400, 404, 429, 500, 501] {
        new.set(Reply::status(code).body("new"));
        let answer = ask(&running, "GET", b"").await;
        status(&answer, code, "what the new one says");
        assert_eq!(answer.text(), "new", "{code}: who answers");
    }
    assert_eq!(old.count(), 0, "the old one is never asked");
}

async fn where_both_fail_the_client_is_told_what_the_old_one_says(host: &dyn Host) {
    let (old, new) = two().await;
    let app = moved(&old, &new, true);
    let running = start_forgetful(host, &app).await;
    new.set(Reply::close());
    old.set(Reply::unavailable(7).body("old"));
    let answer = ask(&running, "GET", b"").await;
    status(&answer, 503, "both fail");
    assert_eq!(answer.text(), "old", "the old one's answer");
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!((new.count(), old.count()), (1, 1), "each is asked once");
}
