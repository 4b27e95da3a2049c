//! Keys that stay fresh without anybody waiting: outages, rotations, what instances tell each other
//! through the store, and several issuers side by side. All of it by a clock of the test's own, on which
//! hours pass at once.
//!
//! One case of each class: the others are in virtual time (`tests/tests/freshness`).

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod issuers;
mod outages;
mod records;
mod rotation;
mod unknown_keys;
mod withdrawn;

use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run;
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
    run::main(&cases.concat())
}

/// For how long keys are fresh whose issuer does not say, in seconds.
const FRESH_S: u64 = 600;

fn policy(issuer: &Issuer) -> String {
    policy_with(issuer, "")
}

/// A policy with these lines in the issuer's table.
fn policy_with(issuer: &Issuer, lines: &str) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n{lines}\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    )
}
