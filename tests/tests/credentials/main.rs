//! More ways to be somebody than a signed token: opaque tokens, API keys, HTTP Basic.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod api_keys;
mod clients;
mod common;
mod introspection;
mod key_store;
mod kinds;
mod outages;
mod places;
mod shares;
mod unkind;

use common::{SECRET, asking, introspecting, with_secret};
use doorward_tests::served as api;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cases = [
        introspection::CASES,
        clients::CASES,
        outages::CASES,
        shares::CASES,
        kinds::CASES,
        api_keys::CASES,
        key_store::CASES,
        places::CASES,
        unkind::CASES,
    ];
    api::run::main(&cases.concat())
}
