//! The intake of events while its sink, its host or its client is killed: the table of promises in `docs/events.md`.
//!
//! What is sent, who is killed and when is drawn from a seed. "When" is how far something has come: so many bytes on their
//! way to the sink or sent by the clients, so many answers of the sink or to the clients. `DOORWARD_KILL_SEEDS=0..200` looks
//! at these seeds.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod client;
mod collector;
mod intake;
mod keeper;
mod moments;
mod relay;
mod run;
mod sink;
mod story;

use doorward_runtime_tests::cases;
use doorward_runtime_tests::run::{self as runner, Group};
use doorward_runtime_tests::servers::{Kind as _, Mosquitto, PostgreSql, Redis};
use sink::SinkKind;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

/// Which seeds are looked at: `from..to`.
const SEEDS_VARIABLE: &str = "DOORWARD_KILL_SEEDS";
/// Those where nobody says.
const SEEDS: Range<u64> = 0..10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [intake::ROLE, folder, port] => return intake::serve(Path::new(folder), port),
        [collector::ROLE, folder, port] => return collector::collect(Path::new(folder), port),
        _ => {}
    }
    let group = |prepare, cases| Group { prepare, cases };
    runner::main_of(&[
        group(
            || Ok(()),
            cases![; in_process:
                sqlite_keeps_its_promise_whoever_is_killed,
                a_collector_has_all_that_was_acknowledged_whoever_is_killed,
            ],
        ),
        group(
            PostgreSql::available,
            cases![; in_process: postgresql_keeps_its_promise_whoever_is_killed],
        ),
        group(
            Redis::available,
            cases![; in_process: redis_keeps_its_promise_whoever_is_killed],
        ),
        group(
            Mosquitto::available,
            cases![; in_process: a_persistent_subscriber_gets_all_that_was_acknowledged_whoever_is_killed],
        ),
    ])
}

async fn sqlite_keeps_its_promise_whoever_is_killed() {
    assert!(look_at(SinkKind::Sqlite).await > 0);
}

async fn postgresql_keeps_its_promise_whoever_is_killed() {
    assert!(look_at(SinkKind::PostgreSql).await > 0);
}

async fn redis_keeps_its_promise_whoever_is_killed() {
    assert!(look_at(SinkKind::Redis).await > 0);
}

async fn a_persistent_subscriber_gets_all_that_was_acknowledged_whoever_is_killed() {
    assert!(look_at(SinkKind::Mqtt).await > 0);
}

async fn a_collector_has_all_that_was_acknowledged_whoever_is_killed() {
    assert!(look_at(SinkKind::Http).await > 0);
}

/// Looks at those seeds that are about this sink, and gives how many kills there were, or 1 where none of the seeds is.
async fn look_at(kind: SinkKind) -> usize {
    let seeds = seeds().filter(|seed| SinkKind::of(*seed) == kind);
    let seeds: Vec<u64> = seeds.collect();
    let mut kills = usize::from(seeds.is_empty());
    for seed in seeds {
        kills += run::look_at(seed).await;
    }
    kills
}

fn seeds() -> Range<u64> {
    let Ok(seeds) = std::env::var(SEEDS_VARIABLE) else {
        return SEEDS;
    };
    let ends = seeds.split_once("..");
    let ends = ends.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let (from, to) = ends.unwrap_or_else(|| panic!("{SEEDS_VARIABLE} is FROM..TO: {seeds}"));
    from..to
}
