//! What the gate knows: files, variables, the store, the clock, and work that goes on after the answer.

use super::super::{Case, Gets, Reply, Sees, Sent, Step};

/// Names of others in a store: more than are handed over at a time.
const NAMES: usize = 3_000;

fn reads() -> Sent {
    Sent::new("GET", "/read/a").token()
}

fn passes(case: Case) -> Case {
    case.asks(reads(), Reply::ok("hi"), Sees::request(), Gets::ok("hi"))
}

fn fails(case: Case, status: u16) -> Case {
    let gets = Gets::status(status).field("content-type", &["application/problem+json"]);
    case.asks(reads(), Reply::ok("hi"), Sees::Nobody, gets)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        fails(
            Case::gateway("without_its_file_the_policy_refuses_everything")
                .on(|stage| stage.has_policy = false),
            500,
        )
        .then(Step::Tells(&["policy-unreadable", "No such file"])),
        passes(passes(Case::gateway("keys_are_asked_for_once"))).then(Step::KeysAsked(1)),
        Case::gateway("requests_that_come_together_ask_for_keys_once")
            // Before there is an instance, a host may make one for each of them.
            .asks(
                Sent::get(),
                Reply::ok("hi"),
                Sees::request(),
                Gets::ok("hi"),
            )
            .then(Step::AtOnce(reads(), 8, 200))
            .then(Step::KeysAskedByEach),
        passes(
            Case::gateway("without_a_store_everything_else_goes_on")
                .on(|stage| stage.has_store = false),
        )
        .then(Step::Tells(&["store-not-granted", "default"])),
        passes(
            Case::gateway("a_store_with_many_names_is_read_to_its_end").on(|stage| {
                stage.names = (0..NAMES)
                    .map(|number| format!("other-{number:05}"))
                    .collect();
            }),
        ),
        fails(
            Case::gateway("a_variable_that_is_not_defined_sends_nothing")
                .on(|stage| stage.upstream = "credential = { secret = \"nowhere\" }"),
            500,
        )
        .then(Step::Tells(&["variable-unreadable", "nowhere"])),
        Case::gateway("a_variable_is_a_credential_for_the_origin")
            .on(|stage| {
                stage.upstream = "credential = { secret = \"orders_token\" }";
                stage.variables = vec![("orders_token", "s3cret")];
            })
            .asks(
                reads(),
                Reply::ok("hi"),
                Sees::request().field("authorization", &["Bearer s3cret"]),
                Gets::ok("hi"),
            ),
        passes(
            passes(Case::gateway("old_keys_are_renewed_after_the_answer")).then(Step::Later(600)),
        )
        .then(Step::KeysAsked(2))
        .not_on_spin("it has no clock that can be set"),
        passes(Case::gateway("a_token_ends_by_the_clock"))
            .then(Step::Later(7_200))
            .asks(
                reads().first_token(),
                Reply::ok("hi"),
                Sees::Nobody,
                Gets::status(401),
            )
            .not_on_spin("it has no clock that can be set"),
    ]
}
