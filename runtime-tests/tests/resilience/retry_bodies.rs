//! Requests with bodies: what is still held is sent again, what is not is not.

use crate::{one_repeatable, start_forgetful};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![an_origin_that_fails_before_the_body_was_read_is_asked_again_with_all_of_it,];

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

async fn an_origin_that_fails_before_the_body_was_read_is_asked_again_with_all_of_it(
    host: &dyn Host,
) {
    let origin = Origin::start(Reply::ok("")).await;
    let app = one_repeatable(&[&origin], QUICK);
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
