//! Trailers, both ways.

use super::super::{Case, Gets, Reply, Sees, Sent};

fn chunks() -> Sent {
    Sent::post().chunks(&["hello"])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::gateway("trailers_that_are_announced_reach_the_origin").asks(
            chunks().field("Trailer", "X-Sum").trailer("X-Sum", "7"),
            Reply::ok("hi"),
            Sees::request().body("hello").trailers(&[("x-sum", "7")]),
            Gets::ok("hi"),
        ),
        Case::gateway("trailers_that_nobody_announced_reach_no_origin").asks(
            chunks().trailer("X-Sum", "7"),
            Reply::ok("hi"),
            Sees::request().body("hello").trailers(&[]),
            Gets::ok("hi"),
        ),
        Case::gateway("an_identity_in_trailers_reaches_no_origin").asks(
            chunks()
                .field(
                    "Trailer",
                    "X-Auth-Subject, X_Auth_Subject, Remote-User, Via, X-Sum",
                )
                .trailer("Remote-User", "mallory")
                .trailer("Via", "1.1 mallory")
                .trailer("X-Auth-Subject", "mallory")
                .trailer("X_Auth_Subject", "mallory")
                .trailer("X-Sum", "7"),
            Reply::ok("hi"),
            Sees::request().body("hello").trailers(&[("x-sum", "7")]),
            Gets::ok("hi"),
        ),
        Case::gateway("trailers_that_no_component_may_set_do_not_take_the_others_with_them").asks(
            chunks()
                .field("Trailer", "Connection, Keep-Alive, Host, X-Sum")
                .trailer("Connection", "close")
                .trailer("Keep-Alive", "timeout=5")
                .trailer("Host", "other.example")
                .trailer("X-Sum", "7"),
            Reply::ok("hi"),
            Sees::request().body("hello").trailers(&[("x-sum", "7")]),
            Gets::ok("hi"),
        ),
        Case::gateway("trailers_of_an_answer_arrive_where_the_client_takes_them")
            .asks(
                Sent::get().field("TE", "trailers"),
                Reply::ok("hello")
                    .field("Trailer", "X-Sum")
                    .trailer("X-Sum", "7"),
                Sees::request(),
                Gets::ok("hello").trailers(&[("x-sum", "7")]),
            )
            .asks(
                Sent::get(),
                Reply::ok("hello")
                    .field("Trailer", "X-Sum")
                    .trailer("X-Sum", "7"),
                Sees::request(),
                Gets::ok("hello").trailers(&[]),
            )
            .asks(
                Sent::get().field("TE", "trailers"),
                Reply::ok("hello").trailer("X-Sum", "7"),
                Sees::request(),
                Gets::ok("hello").trailers(&[]),
            ),
        Case::gateway("trailers_of_an_answer_that_no_component_may_set").asks(
            Sent::get().field("TE", "trailers"),
            Reply::ok("hello")
                .field("Trailer", "Keep-Alive, X-Sum")
                .trailer("Keep-Alive", "timeout=5")
                .trailer("X-Sum", "7"),
            Sees::request(),
            Gets::ok("hello"),
        ),
        Case::gateway("trailers_of_an_answer_that_is_rebuilt_go_with_it")
            .on(|stage| stage.upstream = "response.remove = [\"x-inner\"]")
            .asks(
                Sent::get().field("TE", "trailers"),
                Reply::ok("hello")
                    .field("Trailer", "X-Sum, X-Inner, Keep-Alive")
                    .trailer("Keep-Alive", "timeout=5")
                    .trailer("X-Inner", "host-7")
                    .trailer("X-Sum", "7"),
                Sees::request(),
                Gets::ok("hello").trailers(&[("x-sum", "7")]),
            ),
        Case::gate("a_component_gets_trailers_but_those_that_are_reserved").echoes(
            Sent::new("POST", "/public/trailers")
                .chunks(&["hello"])
                .trailer("X-Auth-Subject", "mallory")
                .trailer("X-Original-URL", "/admin")
                .trailer("Connection", "close")
                .trailer("X-Sum", "7"),
            Gets::ok("{\"bytes\":5,\"trailers\":[\"x-sum\"]}"),
        ),
        Case::gate("a_component_that_sends_a_body_back_sends_its_trailers_back").echoes(
            Sent::new("POST", "/public/body")
                .field("TE", "trailers")
                .chunks(&["hello"])
                .trailer("X-Sum", "7"),
            Gets::ok("hello"),
        ),
    ]
}
