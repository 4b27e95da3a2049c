//! The rules of traffic: which pages may ask, how often, how large, and what is added to the answer. Every
//! case is shown of the gate and of the gateway.
//!
//! One case of each class: the others are in virtual time (`tests/tests/{sim_front,rates}`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod addresses;
mod cors;
mod failed;
mod front;
mod limits;
mod preflights;
mod rates;
mod secrets;
mod security;
mod shared;

use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = [
        cors::CASES,
        preflights::CASES,
        rates::CASES,
        shared::CASES,
        failed::CASES,
        addresses::CASES,
        limits::CASES,
        security::CASES,
        secrets::CASES,
    ];
    run::main_on_one_thread(&cases.concat())
}
