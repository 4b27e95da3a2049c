//! What the policy says of traffic that is counted: rate limits, shared ones too, the size of requests, and secrets
//! in what is told of them. By a clock that stands still until it is moved, in virtual time.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod failed;
mod front;
mod limits;
mod rates;
mod secrets;
mod shared;

use doorward_tests::served as api;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = [
        rates::CASES,
        shared::CASES,
        failed::CASES,
        limits::CASES,
        secrets::CASES,
    ];
    api::run::main(&cases.concat())
}
