//! An upstream that is down is not asked many times as often as one that works.

use crate::{Origins, one_upstream, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;

/// Repetitions that an instance has to begin with (`crates/traffic/src/retry.rs`).
const RESERVE: usize = 10;
/// Requests that an instance serves.
const REQUESTS_PER_INSTANCE: usize = 128;
const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1\nbreaker = false";

#[test]
fn an_origin_that_is_down_gets_at_most_a_fifth_more_requests() {
    let closed = Reply::failure(Failure::ConnectionTerminated).reading();
    for (how, reply, expected) in [
        ("503", Reply::status(503), 503),
        ("closed without an answer", closed, 502),
    ] {
        let origins = Origins::new();
        let origin = origins.origin("u", reply);
        let stage = origins.one(&one_upstream(
            &["u"],
            &format!("{QUICK}\nattempts_max = 10"),
        ));
        // What there is to begin with is owed by the first 50.
        for (count, budget) in [(50, RESERVE), (400, 400 / 5)] {
            origin.forget();
            for _ in 0..count {
                status(&stage.send(Sent::get("/u/a")), expected, how);
            }
            let again = origin.count() - count;
            assert_eq!(again, budget, "{how}: of {count} requests");
        }
    }
}

#[test]
fn the_instances_of_a_host_together_keep_to_the_budget_and_their_reserves() {
    const COUNT: usize = 1_000;
    const AT_ONCE: usize = 16;
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let stage = origins.many(&one_upstream(&["u"], QUICK));
    for _ in 0..COUNT / AT_ONCE {
        for answer in stage.at_once((0..AT_ONCE).map(|_| Sent::get("/u/a"))) {
            status(&answer, 503, "the origin's own answer");
        }
    }
    let count = COUNT / AT_ONCE * AT_ONCE;
    let again = origin.count() - count;
    let instances = count.div_ceil(REQUESTS_PER_INSTANCE);
    let budget = count / 5 + instances * RESERVE;
    assert!(
        (count / 10..=budget).contains(&again),
        "{count} requests, and {again} more, where {budget} may be"
    );
}

#[test]
fn a_few_failures_among_many_requests_are_all_asked_again() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::default());
    // Every eighth fails, whoever asks: 12.5 % are within the budget.
    origin.answers(|_, number| match number % 8 {
        7 => Reply::status(503),
        _ => Reply::default(),
    });
    let stage = origins.one(&one_upstream(&["u"], QUICK));
    for number in 0..400 {
        let answer = stage.send(Sent::get("/u/a"));
        status(&answer, 200, &format!("request {number}"));
    }
    let again = origin.count() - 400;
    assert!(again >= 50, "an eighth of the requests failed, not {again}");
}
