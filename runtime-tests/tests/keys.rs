//! Where the gate has its issuer's keys from, and what it does when the issuer is slow, huge, wrong or
//! down.
//!
//! The cases are those in virtual time (`tests/tests/keys`), of which one of each class runs over sockets as well.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "../../tests/tests/keys/cases.rs"]
mod cases;

use doorward_runtime_tests as api;
use std::process::ExitCode;

/// One case of each class.
const OVER_SOCKETS: &[&str] = &[
    "an_issuer_that_misbehaves_is_a_503_with_retry_after",
    "an_issuer_that_sends_100_mib_is_cut_off",
    "keys_can_come_from_a_url_or_a_file",
];

fn main() -> ExitCode {
    api::run::main(&api::run::named(cases::CASES, OVER_SOCKETS))
}
