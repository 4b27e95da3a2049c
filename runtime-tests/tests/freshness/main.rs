//! Keys that stay fresh without anybody waiting: outages, rotations, what instances tell each other
//! through the store, and several issuers side by side. All of it by a clock of the test's own, on which
//! hours pass at once.
//!
//! The cases are those in virtual time (`tests/tests/freshness`), of which one of each class runs over sockets as well.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../../../tests/tests/freshness/common.rs"]
mod common;
#[path = "../../../tests/tests/freshness/issuers.rs"]
mod issuers;
#[path = "../../../tests/tests/freshness/outages.rs"]
mod outages;
#[path = "../../../tests/tests/freshness/records.rs"]
mod records;
#[path = "../../../tests/tests/freshness/rotation.rs"]
mod rotation;
#[path = "../../../tests/tests/freshness/unknown_keys.rs"]
mod unknown_keys;
#[path = "../../../tests/tests/freshness/withdrawn.rs"]
mod withdrawn;

use common::{FRESH_S, policy, policy_with};
use doorward_runtime_tests as api;
use std::process::ExitCode;

/// One case of each class.
const OVER_SOCKETS: &[&str] = &[
    "issuers_with_equal_key_ids_stay_apart_also_when_remembered",
    "a_slow_issuer_holds_up_nobody_with_a_token_of_another_one",
    "requests_that_need_the_first_keys_share_one_fetch",
    "a_second_host_starts_from_the_store_without_the_network",
    "a_rotation_under_load_refuses_nothing_valid_and_ends_the_removed_key",
    "a_new_key_works_at_once",
    "a_new_key_is_waited_for_where_another_instance_fetches_it",
    "keys_end_at_once_where_a_token_with_another_key_tells_of_a_new_set",
];

fn main() -> ExitCode {
    let cases = [
        outages::CASES,
        rotation::CASES,
        unknown_keys::CASES,
        records::CASES,
        issuers::CASES,
        withdrawn::CASES,
    ];
    api::run::main(&api::run::named(&cases.concat(), OVER_SOCKETS))
}
