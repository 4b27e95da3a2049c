//! Bodies, and where they end.

use super::super::{Case, Gets, Reply, Sees, Sent, Then};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = requests();
    cases.extend(responses());
    cases.extend(echoed());
    cases
}

fn requests() -> Vec<Case> {
    vec![
        Case::gateway("a_body_with_a_length_arrives_with_it").asks(
            Sent::post().body("hello"),
            Reply::ok("hi"),
            Sees::request()
                .body("hello")
                .field("content-length", &["5"])
                .field("transfer-encoding", &[]),
            Gets::ok("hi"),
        ),
        Case::gateway("a_body_in_chunks_arrives_in_chunks").asks(
            Sent::post().chunks(&["hel", "lo"]),
            Reply::ok("hi"),
            Sees::request()
                .body("hello")
                .field("content-length", &[])
                .field("transfer-encoding", &["chunked"]),
            Gets::ok("hi"),
        ),
        Case::gateway("no_body_of_a_post_is_one_of_no_length").asks(
            Sent::post(),
            Reply::ok("hi"),
            Sees::request()
                .body("")
                .field("content-length", &["0"])
                .field("transfer-encoding", &[]),
            Gets::ok("hi"),
        ),
        Case::gateway("an_empty_body_with_a_length_is_one_of_no_length").asks(
            Sent::post().body(""),
            Reply::ok("hi"),
            Sees::request().body("").field("content-length", &["0"]),
            Gets::ok("hi"),
        ),
        Case::gateway("an_empty_body_in_chunks_is_one_of_no_length").asks(
            Sent::post().chunks(&[]),
            Reply::ok("hi"),
            Sees::request().body(""),
            Gets::ok("hi"),
        ),
        Case::gateway("a_get_has_no_length").asks(
            Sent::get(),
            Reply::ok("hi"),
            Sees::request()
                .body("")
                .field("content-length", &[])
                .field("transfer-encoding", &[]),
            Gets::ok("hi"),
        ),
        Case::gateway("a_get_may_have_a_body_with_a_length").asks(
            Sent::get().body("hello"),
            Reply::ok("hi"),
            Sees::request()
                .body("hello")
                .field("content-length", &["5"]),
            Gets::ok("hi"),
        ),
        Case::gateway("chunks_of_a_get_that_tells_what_they_are_arrive_with_a_length").asks(
            Sent::get()
                .field("Content-Type", "text/plain")
                .chunks(&["hel", "lo"]),
            Reply::ok("hi"),
            Sees::request()
                .body("hello")
                .field("content-length", &["5"]),
            Gets::ok("hi"),
        ),
        Case::gateway("chunks_of_a_get_that_tells_nothing_arrive_where_the_host_shows_them").asks(
            Sent::get().chunks(&["hello"]),
            Reply::ok("hi"),
            Sees::request().body_by_manner("", "hello").field_by_manner(
                "content-length",
                &[],
                &["5"],
            ),
            Gets::ok("hi"),
        ),
        Case::gateway("what_follows_a_body_is_no_part_of_it").asks(
            Sent::post().body("hello").announcing(3),
            Reply::ok("hi"),
            Sees::request().body("hel").field("content-length", &["3"]),
            Gets::ok("hi"),
        ),
        Case::gateway("a_body_that_ends_before_its_length_is_nowhere_whole").asks(
            Sent::post().body("hello").announcing(10).cut(),
            Reply::ok("hi"),
            Sees::NotWhole,
            Gets::Whatever,
        ),
        Case::gateway("a_body_that_does_not_begin_is_nowhere_whole").asks(
            Sent::post().chunks(&[]).announcing(10).cut(),
            Reply::ok("hi"),
            Sees::NotWhole,
            Gets::Whatever,
        ),
        Case::gateway("chunks_that_end_before_the_last_are_nowhere_whole").asks(
            Sent::post().chunks(&["hello"]).cut(),
            Reply::ok("hi"),
            Sees::NotWhole,
            Gets::Whatever,
        ),
        Case::gateway("a_get_with_a_body_that_is_cut_is_nowhere_whole").asks(
            Sent::get().body("hello").announcing(10).cut(),
            Reply::ok("hi"),
            Sees::NotWhole,
            Gets::Whatever,
        ),
        Case::gateway("an_answer_may_come_before_the_body_was_sent").asks(
            Sent::new("PUT", "/read/a").body("hello"),
            Reply::ok("hi"),
            Sees::Nobody,
            Gets::status(401),
        ),
        Case::gateway("a_body_that_is_larger_than_its_route_allows_is_refused")
            .on(|stage| {
                stage.more = "[limits.small]\nbody_bytes_max = 4\n\
                              [[route]]\npath = \"/public/small\"\npublic = true\n\
                              limits = \"small\"\n";
            })
            .asks(
                Sent::new("POST", "/public/small").body("hello"),
                Reply::ok("hi"),
                Sees::Nobody,
                Gets::status(413),
            )
            .asks(
                Sent::new("POST", "/public/small").chunks(&["hello"]),
                Reply::ok("hi"),
                Sees::NotWhole,
                Gets::status(413),
            ),
    ]
}

fn responses() -> Vec<Case> {
    vec![
        Case::gateway("an_answer_with_a_length_arrives_with_it").asks(
            Sent::get(),
            Reply::ok("hello"),
            Sees::request(),
            Gets::ok("hello")
                .field("content-length", &["5"])
                .field("transfer-encoding", &[]),
        ),
        Case::gateway("an_answer_in_chunks_arrives_in_chunks").asks(
            Sent::get(),
            Reply::ok("hello").chunked(),
            Sees::request(),
            Gets::ok("hello")
                .field("content-length", &[])
                .field("transfer-encoding", &["chunked"]),
        ),
        Case::gateway("an_empty_answer_with_a_length_arrives_with_it").asks(
            Sent::get(),
            Reply::ok(""),
            Sees::request(),
            Gets::ok("").field("content-length", &["0"]),
        ),
        Case::gateway("an_empty_answer_in_chunks_arrives").asks(
            Sent::get(),
            Reply::ok("").chunked(),
            Sees::request(),
            Gets::ok(""),
        ),
        Case::gateway("an_answer_to_head_has_the_length_and_no_body").asks(
            Sent::new("HEAD", "/public/a"),
            Reply::ok("hello"),
            Sees::request().method("HEAD"),
            Gets::ok("").field("content-length", &["5"]),
        ),
        Case::gateway("an_answer_204_has_neither").asks(
            Sent::get(),
            Reply::status(204),
            Sees::request(),
            Gets::status(204).body("").field("content-length", &[]),
        ),
        Case::gateway("an_answer_304_has_no_body").asks(
            Sent::get().field("If-None-Match", "\"a\""),
            Reply::status(304).field("ETag", "\"a\""),
            Sees::request().field("if-none-match", &["\"a\""]),
            Gets::status(304).body("").field("etag", &["\"a\""]),
        ),
        Case::gateway("an_answer_that_ends_before_its_length_is_not_whole").asks(
            Sent::get(),
            Reply::ok("hello").then(Then::Ends),
            Sees::request(),
            Gets::ok("hello").cut(),
        ),
        Case::gateway("an_answer_that_ends_before_the_last_chunk_is_not_whole").asks(
            Sent::get(),
            Reply::ok("hello").chunked().then(Then::Ends),
            Sees::request(),
            Gets::ok("hello").cut(),
        ),
        Case::gateway("an_answer_that_is_rebuilt_and_ends_early_is_not_whole")
            .on(|stage| stage.upstream = "response.set = { x-set = \"a\" }")
            .asks(
                Sent::get(),
                Reply::ok("hello").then(Then::Ends),
                Sees::request(),
                Gets::ok("hello").cut(),
            )
            .asks(
                Sent::get(),
                Reply::ok("hello").chunked().then(Then::Ends),
                Sees::request(),
                Gets::ok("hello").cut(),
            ),
    ]
}

fn echoed() -> Vec<Case> {
    let body = |method, name| (Sent::new(method, "/public/body"), name);
    let mut cases = Vec::new();
    for (sent, name, removes, shows) in [
        (
            body("POST", "").0.body("hello"),
            "a_component_gets_a_body_with_a_length",
            "hello",
            "hello",
        ),
        (
            body("POST", "").0.chunks(&["hel", "lo"]),
            "a_component_gets_a_body_in_chunks",
            "hello",
            "hello",
        ),
        (
            body("QUERY", "").0.chunks(&["hello"]),
            "a_component_gets_a_body_of_any_method",
            "hello",
            "hello",
        ),
        (
            body("GET", "")
                .0
                .field("Content-Type", "text/plain")
                .chunks(&["hello"]),
            "a_component_gets_the_chunks_of_a_get_that_tells_what_they_are",
            "hello",
            "hello",
        ),
        (
            body("GET", "").0.chunks(&["hello"]),
            "a_component_gets_the_chunks_of_a_get_where_the_host_shows_them",
            "",
            "hello",
        ),
        (
            body("GET", "").0.body("hello"),
            "a_component_gets_the_body_of_a_get_with_a_length",
            "hello",
            "hello",
        ),
    ] {
        let gets = Gets::status(200).body_by_manner(removes, shows);
        cases.push(Case::gate(name).echoes(sent, gets));
    }
    for (sent, name) in [
        (
            Sent::new("GET", "/public/trailers"),
            "a_component_that_reads_a_get_without_a_body_is_told_that_there_is_none",
        ),
        (
            Sent::new("POST", "/public/trailers"),
            "a_component_that_reads_a_post_without_a_body_is_told_that_there_is_none",
        ),
        (
            Sent::new("POST", "/public/trailers").body(""),
            "a_component_that_reads_an_empty_body_is_told_its_end",
        ),
        (
            Sent::new("POST", "/public/trailers").chunks(&[]),
            "a_component_that_reads_no_chunks_is_told_their_end",
        ),
    ] {
        let gets = Gets::ok("{\"bytes\":0,\"trailers\":[]}");
        cases.push(Case::gate(name).echoes(sent, gets));
    }
    cases
}
