//! More ways to be somebody than a signed token: opaque tokens, API keys, HTTP Basic.
//!
//! The cases are those in virtual time (`tests/tests/credentials`), of which one of each class runs over sockets as well.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../../../tests/tests/credentials/api_keys.rs"]
mod api_keys;
#[path = "../../../tests/tests/credentials/clients.rs"]
mod clients;
#[path = "../../../tests/tests/credentials/common.rs"]
mod common;
#[path = "../../../tests/tests/credentials/introspection.rs"]
mod introspection;
#[path = "../../../tests/tests/credentials/key_store.rs"]
mod key_store;
#[path = "../../../tests/tests/credentials/kinds.rs"]
mod kinds;
#[path = "../../../tests/tests/credentials/outages.rs"]
mod outages;
#[path = "../../../tests/tests/credentials/places.rs"]
mod places;
#[path = "../../../tests/tests/credentials/shares.rs"]
mod shares;

use common::{SECRET, asking, introspecting, with_secret};
use doorward_runtime_tests as api;
use std::process::ExitCode;

/// One case of each class.
const OVER_SOCKETS: &[&str] = &[
    "a_key_in_a_header_passes_and_the_service_sees_whose_it_is",
    "the_gate_proves_who_it_is_in_each_of_three_ways",
    "an_active_token_passes_and_the_service_sees_who_it_is",
    "requests_with_the_same_token_share_one_question",
    "a_key_that_is_made_or_revoked_is_seen_within_the_refresh_interval",
    "signed_and_opaque_tokens_go_together_on_one_route",
    "a_slow_endpoint_holds_up_nobody_else",
    "a_token_in_the_query_reaches_the_service_nowhere",
    "a_token_in_a_trailer_is_kept_back",
    "who_makes_up_tokens_keeps_nobody_else_out",
];

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
    ];
    api::run::main(&api::run::named(&cases.concat(), OVER_SOCKETS))
}
