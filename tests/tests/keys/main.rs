//! Where the gate has its issuer's keys from, and what it does when the issuer is slow, huge, wrong or
//! down.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod cases;
mod over_http;

use doorward_tests::served as api;
use std::process::ExitCode;

fn main() -> ExitCode {
    api::run::main(&[cases::CASES, over_http::CASES].concat())
}
