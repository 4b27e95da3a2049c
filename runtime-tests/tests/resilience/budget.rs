//! An upstream that is down is not asked many times as often as one that works.

use crate::{get, one_upstream, same_request, start_one};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::load::{Until, tally};
use doorward_runtime_tests::origin::{Origin, Reply, Script};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    an_origin_that_is_down_gets_at_most_a_fifth_more_requests,
    the_instances_of_a_host_together_keep_to_the_budget_and_their_reserves,
    a_few_failures_among_many_requests_are_all_asked_again,
];

/// Repetitions that an instance has to begin with (`crates/traffic/src/retry.rs`).
const RESERVE: usize = 10;
/// Requests that an instance serves.
const REQUESTS_PER_INSTANCE: usize = 128;
const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1\nbreaker = false";

async fn an_origin_that_is_down_gets_at_most_a_fifth_more_requests(host: &dyn Host) {
    for (how, reply) in [
        ("503", Reply::status(503)),
        ("closed without an answer", Reply::close()),
    ] {
        let origin = Origin::start(reply).await;
        let app = one_upstream(&[&origin], &format!("{QUICK}\nattempts_max = 10"));
        let running = start_one(host, &app).await;
        for count in [50, 400] {
            origin.forget();
            for _ in 0..count {
                let answer = get(&running, "/u/a").await;
                assert!(matches!(answer.status, 502 | 503), "{}", answer.status);
            }
            let again = origin.count() - count;
            let budget = if count == 50 { RESERVE } else { count / 5 };
            assert!(
                (1..=budget).contains(&again),
                "{how}: {count} requests, and {again} more, where {budget} may be"
            );
        }
    }
}

async fn the_instances_of_a_host_together_keep_to_the_budget_and_their_reserves(host: &dyn Host) {
    const COUNT: usize = 1_000;
    const CONNECTIONS: usize = 16;
    let origin = Origin::start(Reply::status(503)).await;
    origin.only_counts();
    let app = one_upstream(&[&origin], QUICK);
    let running = host.start(&app).await;
    let requests = same_request(&running, "/u/a");
    let tally = tally(running.address, &requests, CONNECTIONS, Until::Sent(COUNT)).await;
    assert_eq!(tally.all_but(503), 0, "the origin's own answers: {tally:?}");
    let again = origin.count() - COUNT;
    // At the worst, each connection has an instance of its own to begin with.
    let instances = COUNT / REQUESTS_PER_INSTANCE + CONNECTIONS;
    let budget = COUNT / 5 + instances * RESERVE;
    assert!(
        (1..=budget).contains(&again),
        "{COUNT} requests, and {again} more, where {budget} may be"
    );
}

async fn a_few_failures_among_many_requests_are_all_asked_again(host: &dyn Host) {
    // Every eighth fails, whoever asks: 12.5 % are within the budget.
    let script = Script::by(|_, number| match number % 8 {
        7 => Reply::status(503),
        _ => Reply::ok(""),
    });
    let origin = Origin::start(script).await;
    let app = one_upstream(&[&origin], QUICK);
    let running = start_one(host, &app).await;
    for number in 0..400 {
        let answer = get(&running, "/u/a").await;
        status(&answer, 200, &format!("request {number}"));
    }
    let again = origin.count() - 400;
    assert!(again >= 50, "an eighth of the requests failed, not {again}");
}
