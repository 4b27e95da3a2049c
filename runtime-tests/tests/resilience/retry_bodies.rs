//! Requests with bodies: what is still held is sent again, what is not is not.

use crate::{one_upstream, start_forgetful, start_one};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, send_bytes};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_body_that_is_held_is_sent_again_byte_for_byte,
    a_body_in_chunks_is_sent_again,
    a_body_that_is_too_large_to_be_held_is_sent_once,
    an_origin_that_fails_before_the_body_was_read_is_asked_again_with_all_of_it,
];

/// What is held of a body (`crates/edge/src/body.rs`).
const HELD_BYTES_MAX: usize = 64 * 1024;
const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1";

/// Bytes in which each place is told from its neighbours.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n % 251) as u8).collect()
}

fn failures() -> [(&'static str, Reply, u16); 3] {
    [
        ("closed", Reply::close(), 502),
        ("reset", Reply::reset(), 502),
        ("503", Reply::status(503).body("not now"), 503),
    ]
}

async fn a_body_that_is_held_is_sent_again_byte_for_byte(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let app = one_upstream(&[&origin], QUICK);
    let running = start_forgetful(host, &app).await;
    for (how, failure, _) in failures() {
        for count in [1, 1000, 8 * 1024, 8 * 1024 + 1, HELD_BYTES_MAX] {
            let what = format!("a PUT of {count} bytes, {how} twice");
            origin.forget();
            origin.set(Script::at_first(2, failure.clone(), Reply::ok("kept")));
            let ask = Ask::new("PUT", "/u/a").body(&bytes(count));
            let answer = ask.send(running.address).await;
            status(&answer, 200, &what);
            let seen = origin.requests();
            assert_eq!(seen.len(), 3, "{what}: the origin is asked three times");
            for (number, seen) in seen.iter().enumerate() {
                assert!(seen.is_whole(), "{what}: request {number}: {seen:?}");
                assert_eq!(
                    seen.field("content-length"),
                    Some(&*count.to_string()),
                    "{what}: the length that request {number} announces"
                );
                assert!(
                    seen.body == bytes(count),
                    "{what}: request {number} has another body, of {} bytes",
                    seen.body_bytes
                );
            }
        }
    }
}

async fn a_body_in_chunks_is_sent_again(host: &dyn Host) {
    let failure = Reply::close();
    let origin = Origin::start(Script::at_first(1, failure, Reply::ok("kept"))).await;
    let app = one_upstream(&[&origin], QUICK);
    let running = start_one(host, &app).await;
    let request = "PUT /u/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
                   Connection: close\r\n\r\n\
                   5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let answer = send_bytes(running.address, request.as_bytes()).await;
    status(&answer, 200, "a PUT in chunks, closed once");
    let seen = origin.requests();
    assert_eq!(seen.len(), 2, "the origin is asked twice");
    for seen in seen {
        assert_eq!(
            String::from_utf8_lossy(&seen.body),
            "hello world",
            "the body of each: {seen:?}"
        );
    }
}

async fn a_body_that_is_too_large_to_be_held_is_sent_once(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let app = one_upstream(&[&origin], QUICK);
    let running = start_forgetful(host, &app).await;
    for (how, failure, expected) in failures() {
        for count in [HELD_BYTES_MAX + 1, 1 << 20] {
            let what = format!("a PUT of {count} bytes, {how}");
            origin.forget();
            origin.set(Script::at_first(1, failure.clone(), Reply::ok("twice")));
            let ask = Ask::new("PUT", "/u/a").body(&bytes(count));
            let answer = ask.send(running.address).await;
            status(&answer, expected, &what);
            if expected == 503 {
                assert_eq!(answer.text(), "not now", "{what}: the origin's answer");
            }
            let seen = origin.request();
            assert_eq!(seen.body_bytes, count as u64, "{what}: all of it was read");
        }
    }
}

async fn an_origin_that_fails_before_the_body_was_read_is_asked_again_with_all_of_it(
    host: &dyn Host,
) {
    let origin = Origin::start(Reply::ok("")).await;
    let app = one_upstream(&[&origin], QUICK);
    let running = start_forgetful(host, &app).await;
    for (how, failure, _) in failures() {
        let failure = failure.early();
        let failure = if how == "503" {
            failure.closing()
        } else {
            failure
        };
        origin.forget();
        origin.set(Script::at_first(1, failure, Reply::ok("kept")));
        let ask = Ask::new("PUT", "/u/a").body(&bytes(HELD_BYTES_MAX));
        let answer = ask.send(running.address).await;
        status(&answer, 200, how);
        let seen = origin.requests();
        assert_eq!(seen.len(), 2, "{how}: the origin is asked twice");
        assert!(
            seen[1].body == bytes(HELD_BYTES_MAX),
            "{how}: the second one has all of the body, not {} bytes",
            seen[1].body_bytes
        );
    }
}
