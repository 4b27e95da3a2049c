//! Methods, targets, and fields that are shown, hidden or forbidden.

use super::super::{Case, Gets, Reply, Sees, Sent};

/// Fields that belong to a client's connection, and fields that one of them names.
fn of_a_connection(sent: Sent) -> Sent {
    [
        ("Connection", "X-Named, keep-alive"),
        ("X-Named", "named"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic YTpi"),
        ("Proxy-Authenticate", "Basic"),
        ("TE", "trailers"),
        ("HTTP2-Settings", "AAMAAABk"),
        ("X-End", "to-end"),
    ]
    .into_iter()
    .fold(sent, |sent, (name, value)| sent.field(name, value))
}

/// An answer whose fields are more bytes than a component may set.
fn large() -> Reply {
    let value: &'static str = Box::leak("v".repeat(3_000).into_boxed_str());
    (0..45).fold(Reply::ok("hello"), |reply, _| reply.field("X-Large", value))
}

fn many_fields(count: usize) -> Reply {
    (0..count).fold(Reply::ok("hello"), |reply, _| reply.field("X-Many", "v"))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::gateway("fields_of_the_clients_connection_reach_no_origin").asks(
            of_a_connection(Sent::get()),
            Reply::ok("hello"),
            Sees::request()
                .field("connection", &[])
                .field("keep-alive", &[])
                .field("proxy-connection", &[])
                .field("proxy-authorization", &[])
                .field("http2-settings", &[])
                .field("te", &[])
                // Who does not see `Connection` cannot know what it names.
                .field_by_manner("x-named", &[], &["named"])
                .field("x-end", &["to-end"])
                .field("host", &["{origin}"]),
            Gets::ok("hello"),
        ),
        Case::gate(
            "a_component_behind_the_gate_sees_of_the_clients_connection_what_the_host_shows",
        )
        .echoes(of_a_connection(Sent::get()), Gets::status(200)),
        Case::gateway("fields_of_the_origins_connection_reach_no_client").asks(
            Sent::get(),
            Reply::ok("hello")
                .field("Connection", "X-Named, keep-alive")
                .field("X-Named", "hop")
                .field("Keep-Alive", "timeout=5")
                .field("Proxy-Connection", "hop")
                .field("Upgrade", "h2c")
                .field("Proxy-Authenticate", "Basic")
                .field("X-End", "to-end"),
            Sees::request(),
            Gets::ok("hello")
                .field("connection", &[])
                .field("x-named", &[])
                .field("keep-alive", &[])
                .field("proxy-connection", &[])
                .field("upgrade", &[])
                .field("proxy-authenticate", &[])
                .field("x-end", &["to-end"]),
        ),
        Case::gateway("an_answer_that_is_rebuilt_has_none_of_them_either")
            .on(|stage| stage.upstream = "response.set = { x-set = \"a\" }")
            .asks(
                Sent::get(),
                Reply::ok("hello")
                    .field("Connection", "X-Named")
                    .field("X-Named", "hop")
                    .field("Keep-Alive", "timeout=5")
                    .field("X-End", "to-end"),
                Sees::request(),
                Gets::ok("hello")
                    .field("connection", &[])
                    .field("x-named", &[])
                    .field("keep-alive", &[])
                    .field("x-set", &["a"])
                    .field("x-end", &["to-end"]),
            ),
        Case::gateway("a_second_host_is_refused_by_the_host_or_by_the_gate").asks(
            Sent::get().field("Host", "other.example"),
            Reply::ok("hello"),
            Sees::Nobody,
            Gets::status(400),
        ),
        Case::gateway("fields_of_the_same_name_arrive_in_their_order").asks(
            Sent::get()
                .field("X-Many", "one")
                .field("X-Other", "x")
                .field("X-Many", "two")
                .field("X-Many", ""),
            Reply::ok("hello")
                .field("Set-Cookie", "a=1")
                .field("Set-Cookie", "b=2"),
            Sees::request().field("x-many", &["one", "two", ""]),
            Gets::ok("hello").field("set-cookie", &["a=1", "b=2"]),
        ),
        Case::gateway("a_good_token_stays_here_and_its_subject_goes_on").asks(
            Sent::new("GET", "/read/a")
                .token()
                .field("X-Auth-Subject", "mallory"),
            Reply::ok("hello"),
            Sees::request()
                .field("authorization", &[])
                .field("x-auth-subject", &["alice"]),
            Gets::ok("hello"),
        ),
        Case::gate("a_component_sees_the_subject_and_no_token").echoes(
            Sent::new("GET", "/read/a")
                .token()
                .field("X-Auth-Subject", "mallory"),
            Gets::status(200),
        ),
        Case::gateway("a_refusal_is_a_problem_document").asks(
            Sent::new("GET", "/read/a"),
            Reply::ok("hello"),
            Sees::Nobody,
            Gets::status(401)
                .field("content-type", &["application/problem+json"])
                .field("cache-control", &["no-store"]),
        ),
        Case::gate("what_a_component_says_in_its_answer_arrives").echoes(
            Sent::get()
                .field("X-Answer-X-Said", "one")
                .field("X-Answer-Connection", "close"),
            Gets::status(200)
                .field("x-said", &["one"])
                .field("connection", &[]),
        ),
        Case::gateway("as_many_fields_as_a_host_takes_arrive").asks(
            (0..90).fold(Sent::get(), |sent, number| {
                sent.field(&format!("x-{number}"), "v")
            }),
            Reply::ok("hello"),
            Sees::request().field("x-89", &["v"]),
            Gets::ok("hello"),
        ),
        Case::gateway("an_answer_with_more_fields_than_a_host_takes_is_a_bad_gateway").asks(
            Sent::get(),
            many_fields(1_100),
            Sees::request(),
            Gets::status(502),
        ),
        Case::gateway("an_answer_with_large_fields_is_handed_on").asks(
            Sent::get(),
            large(),
            Sees::request(),
            Gets::ok("hello"),
        ),
        Case::gateway("an_answer_with_large_fields_is_handed_on_where_one_is_added_too")
            .on(|stage| stage.upstream = "response.set = { x-set = \"a\" }")
            .asks(
                Sent::get(),
                large(),
                Sees::request(),
                Gets::ok("hello").field("x-set", &["a"]),
            )
            .not_on_spin("a component makes no more than 128 KiB of fields there"),
        Case::gateway("an_answer_with_as_many_fields_as_every_host_takes_arrives").asks(
            Sent::get(),
            many_fields(90),
            Sees::request(),
            Gets::ok("hello").field("x-many", &["v"; 90]),
        ),
        Case::gateway("an_answer_with_as_many_fields_as_a_host_takes_arrives")
            .asks(
                Sent::get(),
                many_fields(900),
                Sees::request(),
                Gets::ok("hello").field("x-many", &["v"; 900]),
            )
            .not_on_spin("it takes 100"),
    ];
    for (method, name) in [
        ("GET", "get"),
        ("HEAD", "head"),
        ("POST", "post"),
        ("PUT", "put"),
        ("DELETE", "delete"),
        ("PATCH", "patch"),
        ("OPTIONS", "options"),
        ("QUERY", "query"),
        ("get", "lower_case"),
        ("M-SEARCH", "with_a_hyphen"),
    ] {
        let name: &'static str = match name {
            "get" => "a_get_arrives_as_it_is",
            "head" => "a_head_arrives_as_it_is",
            "post" => "a_post_arrives_as_it_is",
            "put" => "a_put_arrives_as_it_is",
            "delete" => "a_delete_arrives_as_it_is",
            "patch" => "a_patch_arrives_as_it_is",
            "options" => "an_options_arrives_as_it_is",
            "query" => "a_query_arrives_as_it_is",
            "lower_case" => "a_method_in_lower_case_is_another_one",
            _ => "a_method_of_any_name_arrives_as_it_is",
        };
        let body = if method == "HEAD" { "" } else { "hello" };
        let sent = || Sent::new(method, "/public/a");
        cases.push(Case::gateway(name).asks(
            sent(),
            Reply::ok("hello"),
            Sees::request().method(method).body(""),
            Gets::ok(body),
        ));
        cases.push(Case::gate(name).echoes(sent(), Gets::status(200)));
    }
    for (bytes, name, gets) in [
        (6_000, "a_long_target_arrives", Gets::ok("hello")),
        (
            60_000,
            "a_target_that_is_too_long_for_origins_is_refused",
            Gets::status(414).field("content-type", &["application/problem+json"]),
        ),
        (
            70_000,
            "a_target_that_is_longer_than_any_is_refused_by_the_host",
            Gets::status(414).field("content-type", &[]),
        ),
    ] {
        let sent = Sent::new("GET", &format!("/public/a?q={}", "x".repeat(bytes)));
        let sees = match bytes < 10_000 {
            true => Sees::request(),
            false => Sees::Nobody,
        };
        cases.push(Case::gateway(name).asks(sent, Reply::ok("hello"), sees, gets));
    }
    cases
}
