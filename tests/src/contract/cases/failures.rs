//! Destinations that fail, and times that are kept.

use super::super::{Case, Gets, Origin, Reply, Sees, Sent, Step, Then};

fn problem(status: u16) -> Gets {
    Gets::status(status).field("content-type", &["application/problem+json"])
}

fn fails(name: &'static str, origin: Origin, status: u16, why: &'static [&'static str]) -> Case {
    Case::gateway(name)
        .on(|stage| {
            stage.origin = origin;
            stage.upstream = "connect_timeout_ms = 200\nfirst_byte_timeout_ms = 300";
        })
        .asks(Sent::get(), Reply::ok("hi"), Sees::Nobody, problem(status))
        .asks(
            Sent::post().body("hello"),
            Reply::ok("hi"),
            Sees::Nobody,
            problem(status),
        )
        .then(Step::Tells(why))
}

pub(super) fn cases() -> Vec<Case> {
    let times = "first_byte_timeout_ms = 200\nbetween_bytes_timeout_ms = 200";
    vec![
        fails(
            "a_destination_that_refuses_connections_is_a_bad_gateway",
            Origin::Refuses,
            502,
            &[
                "upstream-failed",
                "orders",
                "{origin}",
                "no connection came about",
            ],
        ),
        fails(
            "a_destination_of_nobody_is_a_bad_gateway",
            Origin::IsNobody,
            502,
            &["upstream-failed", "no connection came about"],
        ),
        fails(
            "a_destination_that_takes_no_connection_has_timed_out",
            Origin::IsDeaf,
            504,
            &["upstream-failed", "in time"],
        ),
        fails(
            "a_destination_that_was_not_granted_is_the_operators_fault",
            Origin::IsNotGranted,
            500,
            &["upstream-failed", "allowed_outbound_hosts"],
        ),
        Case::gateway("a_destination_that_ends_before_it_answers_is_a_bad_gateway")
            .on(|stage| stage.upstream = "breaker = false")
            .asks(Sent::get(), Reply::ends(), Sees::request(), problem(502))
            .asks(
                Sent::post().body("hello"),
                Reply::ends(),
                Sees::request().body("hello"),
                problem(502),
            )
            .asks(
                Sent::get(),
                Reply::ok("hi"),
                Sees::request(),
                Gets::ok("hi"),
            )
            .then(Step::Tells(&["upstream-failed", "{origin}"])),
        Case::gateway("a_destination_that_does_not_answer_has_timed_out")
            .on(|stage| {
                stage.upstream = "first_byte_timeout_ms = 200\nconnect_timeout_ms = 200\n\
                                  breaker = false";
            })
            .asks(Sent::get(), Reply::silence(), Sees::request(), problem(504))
            .asks(
                Sent::post().body("hello"),
                Reply::silence(),
                Sees::request().body("hello"),
                problem(504),
            )
            .then(Step::Tells(&[
                "upstream-failed",
                "the response did not begin in time",
            ])),
        Case::gateway("an_answer_that_pauses_for_too_long_is_not_whole")
            .on(|stage| stage.upstream = times)
            .timed_by_host()
            .asks(
                Sent::get(),
                Reply::ok("hello").then(Then::FallsSilent),
                Sees::request(),
                Gets::ok("hello").cut(),
            )
            .asks(
                Sent::get(),
                Reply::ok("hello").chunked().then(Then::FallsSilent),
                Sees::request(),
                Gets::ok("hello").cut(),
            ),
    ]
}
