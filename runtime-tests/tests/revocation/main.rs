//! Taking it back: revocation by what is written into the store, and by issuers that say that a session
//! has ended.
//!
//! The cases are those in virtual time (`tests/tests/revocation`), of which one of each class runs over sockets as well.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../../../tests/tests/revocation/common.rs"]
mod common;
#[path = "../../../tests/tests/revocation/logout.rs"]
mod logout;
#[path = "../../../tests/tests/revocation/logout_tokens.rs"]
mod logout_tokens;
#[path = "../../../tests/tests/revocation/revoked.rs"]
mod revoked;
#[path = "../../../tests/tests/revocation/store.rs"]
mod store;

use common::REFRESH_S;
use doorward_runtime_tests as api;
use std::process::ExitCode;

/// One case of each class.
const OVER_SOCKETS: &[&str] = &[
    "a_logout_is_seen_by_every_host_within_the_refresh_interval",
    "a_request_that_is_no_form_with_one_token_is_a_400",
    "what_is_revoked_is_refused_within_the_refresh_interval_although_it_is_remembered",
    "while_the_store_fails_every_token_is_refused_and_no_longer_than_that",
];

fn main() -> ExitCode {
    let cases = [
        revoked::CASES,
        store::CASES,
        logout::CASES,
        logout_tokens::CASES,
    ];
    api::run::main(&api::run::named(&cases.concat(), OVER_SOCKETS))
}
