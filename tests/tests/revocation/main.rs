//! Taking it back: revocation by what is written into the store, and by issuers that say that a session
//! has ended.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
mod logout;
mod logout_tokens;
mod revoked;
mod store;

use common::REFRESH_S;
use doorward_tests::served as api;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = [
        revoked::CASES,
        store::CASES,
        logout::CASES,
        logout_tokens::CASES,
    ];
    api::run::main(&cases.concat())
}
