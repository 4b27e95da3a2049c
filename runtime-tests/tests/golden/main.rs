//! Golden files: what the gate and the gateway answer, what they log, and what comes through to a service or
//! an origin, written down to the last field.
//!
//! Each case sends one request after the other, and compares with the files of its theme in
//! `runtime-tests/golden`: `answers-….txt` has the status, all fields and the body of each answer, and what
//! came through; `log-….txt` has every line of the log. They have to be the same, line by line. What changes
//! from run to run has a name there ([`names`]).
//!
//! Where a change is meant, this writes them anew; what `git diff` then shows is the change:
//!
//! ```text
//! DOORWARD_BLESS=1 cargo test -p doorward-runtime-tests --test golden
//! ```
//!
//! Both manners of the in-process host have the same file, and where they differ the manner of wasmtime 47 has
//! one of its own, `…-47.txt`. A real Spin has none: it has no clock of the test's own, adds fields that
//! change with its versions, and begins instances when it likes, so what is told once for an instance is told
//! at another place each time. The other suites show there what has to be the same.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod act;
mod book;
mod complete;
mod credentials;
mod decisions;
mod diff;
mod front;
mod gateway;
mod hosts;
mod issuers;
mod names;
mod pages;
mod requests;
mod revocation;
mod scene;
mod set_up;
mod tokens;
mod traffic;
mod upstreams;

use doorward_runtime_tests::run;
use std::process::ExitCode;

/// The themes that there are files of.
const THEMES: &[&str] = &[
    "credentials",
    "decisions",
    "gateway",
    "hosts",
    "issuers",
    "requests",
    "revocation",
    "set-up",
    "tokens",
    "traffic",
    "upstreams",
];

fn main() -> ExitCode {
    let cases = [
        tokens::CASES,
        credentials::CASES,
        issuers::CASES,
        revocation::CASES,
        set_up::CASES,
        requests::CASES,
        traffic::CASES,
        gateway::CASES,
        upstreams::CASES,
        hosts::CASES,
        decisions::CASES,
        complete::CASES,
    ];
    // One request meets what the one before has left.
    run::main_on_one_thread(&cases.concat())
}
