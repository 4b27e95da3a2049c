//! Taking it back: revocation by what is written into the store, and by issuers that say that a session
//! has ended.
//!
//! One case of each class: the others are in virtual time (`tests/tests/revocation`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod logout;
mod logout_tokens;
mod revoked;
mod store;

use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = [
        revoked::CASES,
        store::CASES,
        logout::CASES,
        logout_tokens::CASES,
    ];
    run::main(&cases.concat())
}

/// How soon what is written into the store is seen, in seconds.
const REFRESH_S: u64 = 5;
