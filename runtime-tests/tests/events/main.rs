//! The intake of events by its HTTP, on each of its sinks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod collector;
mod gate;
mod scene;
mod sdk;
mod servers;
mod shipped;
mod streaming;
mod taking;

use doorward_runtime_tests::cloudevents;
use doorward_runtime_tests::run::{self, Group};
use doorward_runtime_tests::servers::{Kind as _, Mosquitto, PostgreSql, Redis};
use std::process::ExitCode;

fn main() -> ExitCode {
    let alone = [
        taking::CASES,
        collector::CASES,
        streaming::CASES,
        gate::CASES,
        shipped::CASES,
    ]
    .concat();
    let group = |prepare, cases| Group { prepare, cases };
    run::main_of(&[
        group(|| Ok(()), &alone),
        group(Redis::available, servers::REDIS),
        group(Mosquitto::available, servers::MOSQUITTO),
        group(servers::rabbitmq_available, servers::RABBITMQ),
        group(PostgreSql::available, servers::POSTGRESQL),
        group(cloudevents::prepare, sdk::CASES),
    ])
}
