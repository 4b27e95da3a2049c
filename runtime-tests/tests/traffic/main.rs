//! The rules of traffic: which pages may ask, how often, how large, and what is added to the answer. Every
//! case is shown of the gate and of the gateway.
//!
//! One case of each class: the others are in virtual time (`tests/tests/{sim_front,rates}`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod addresses;
mod atomics;
mod cors;
#[path = "../../../tests/tests/rates/failed.rs"]
mod failed;
#[path = "../../../tests/tests/rates/front.rs"]
mod front;
mod in_parts;
#[path = "../../../tests/tests/rates/limits.rs"]
mod limits;
mod preflights;
#[path = "../../../tests/tests/rates/rates.rs"]
mod rates;
#[path = "../../../tests/tests/rates/secrets.rs"]
mod secrets;
mod security;
#[path = "../../../tests/tests/rates/shared.rs"]
mod shared;

use doorward_runtime_tests as api;
use std::process::ExitCode;

/// One case of each class of those in virtual time.
const OVER_SOCKETS: &[&str] = &[
    "each_subject_is_counted_on_its_own",
    "a_burst_passes_and_who_comes_after_it_is_told_when_to_come_back",
    "instances_that_share_admit_no_more_than_one_would",
    "after_too_many_wrong_keys_even_a_right_one_waits",
    "a_body_that_does_not_say_what_it_is_is_refused_however_it_is_framed",
    "no_credential_and_no_address_of_the_inside_is_told_by_refusals_of_any_kind",
];

fn main() -> ExitCode {
    let shared = [
        rates::CASES,
        shared::CASES,
        failed::CASES,
        limits::CASES,
        secrets::CASES,
    ];
    let mut cases = [
        cors::CASES,
        preflights::CASES,
        addresses::CASES,
        security::CASES,
        in_parts::CASES,
        atomics::CASES,
    ]
    .concat();
    cases.extend(api::run::named(&shared.concat(), OVER_SOCKETS));
    api::run::main_on_one_thread(&cases)
}
