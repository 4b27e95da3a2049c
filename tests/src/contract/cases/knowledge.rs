//! What the gate knows: files, variables, the store, the clock, and work that goes on after the answer.

use super::super::{Case, Gets, Reply, Sees, Sent, Step};

/// Names of others in a store: more than are handed over at a time.
const NAMES: usize = 3_000;

/// What is revoked is looked up in the store.
const REVOCATION: &str = "[revocation]\n";

fn reads() -> Sent {
    Sent::new("GET", "/read/a").token()
}

fn passes(case: Case) -> Case {
    case.asks(reads(), Reply::ok("hi"), Sees::request(), Gets::ok("hi"))
}

fn fails(case: Case, sent: Sent, status: u16) -> Case {
    let gets = Gets::status(status).field("content-type", &["application/problem+json"]);
    case.asks(sent, Reply::ok("hi"), Sees::Nobody, gets)
}

fn names() -> Vec<String> {
    (0..NAMES)
        .map(|number| format!("other-{number:05}"))
        .collect()
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        fails(
            Case::gateway("without_its_file_the_policy_refuses_everything")
                .on(|stage| stage.has_policy = false),
            reads(),
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
        fails(
            Case::gateway("without_a_store_nobody_knows_what_is_revoked").on(|stage| {
                stage.more = REVOCATION;
                stage.has_store = false;
            }),
            reads(),
            503,
        ),
        fails(
            passes(Case::gateway(
                "a_name_in_the_store_is_read_within_the_promised_time",
            ))
            .on(|stage| stage.more = REVOCATION)
            .then(Step::Revoke)
            .then(Step::Later(6)),
            reads().first_token(),
            401,
        ),
        fails(
            passes(Case::gateway("one_name_among_many_is_read"))
                .on(|stage| stage.names = names())
                .on(|stage| stage.more = REVOCATION)
                .then(Step::Revoke)
                .then(Step::Later(6)),
            reads().first_token(),
            401,
        ),
        fails(
            passes(
                passes(Case::gateway("a_key_that_was_never_seen_is_asked_for")).then(Step::Rotate),
            )
            .then(Step::KeysAsked(2)),
            reads().first_token(),
            401,
        ),
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
            reads(),
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
        fails(
            passes(Case::gateway("a_token_ends_by_the_clock")).then(Step::Later(7_200)),
            reads().first_token(),
            401,
        )
        .not_on_spin("it has no clock that can be set"),
    ]
}
