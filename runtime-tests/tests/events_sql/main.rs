//! Events in SQL, on SQLite, by the statements of `crates/events` alone: without a host and a component in between.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod cases;
mod databases;
mod scene;

use doorward_runtime_tests::run;
use doorward_service::database::Dialect;
use std::process::ExitCode;

/// Where events are kept.
const DIALECT: Dialect = Dialect::Sqlite;

fn main() -> ExitCode {
    run::main(cases::CASES)
}
