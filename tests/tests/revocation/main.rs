//! Taking it back: revocation by what is written into the store, and by issuers that say that a session
//! has ended.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod logout;
mod logout_tokens;
mod revoked;
mod store;

use doorward_tests::served::run;
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
