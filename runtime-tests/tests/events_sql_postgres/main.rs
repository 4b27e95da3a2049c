//! Events in SQL, on PostgreSQL: the cases of `events_sql`, and what many writers at the same time make of their order.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../events_sql/cases.rs"]
mod cases;
#[path = "../events_sql/databases.rs"]
mod databases;
mod order;
#[path = "../events_sql/scene.rs"]
mod scene;

use doorward_runtime_tests::run;
use doorward_runtime_tests::servers::{Kind as _, PostgreSql};
use doorward_service::database::Dialect;
use std::process::ExitCode;

/// Where events are kept.
const DIALECT: Dialect = Dialect::Postgres;

fn main() -> ExitCode {
    run::main_with(
        PostgreSql::available,
        &[cases::CASES, order::CASES].concat(),
    )
}
