//! Keys that stay fresh without anybody waiting: outages, rotations, what instances tell each other
//! through the store, and several issuers side by side. All of it by a clock of the test's own, on which
//! hours pass at once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;
mod issuers;
mod outages;
mod records;
mod rotation;
mod unknown_keys;
mod withdrawn;

use common::{FRESH_S, policy, policy_with};
use doorward_tests::served as api;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = [
        outages::CASES,
        rotation::CASES,
        unknown_keys::CASES,
        records::CASES,
        issuers::CASES,
        withdrawn::CASES,
    ];
    api::run::main(&cases.concat())
}
