//! An upstream that is down is not asked many times as often as one that works.

use crate::{one_upstream, same_request};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::load::{Until, tally};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] =
    cases![the_instances_of_a_host_together_keep_to_the_budget_and_their_reserves,];

/// Repetitions that an instance has to begin with (`crates/traffic/src/retry.rs`).
const RESERVE: usize = 10;
/// Requests that an instance serves.
const REQUESTS_PER_INSTANCE: usize = 128;
const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1\nbreaker = false";

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
