//! Origins that fail: the client learns the class of it and nothing of the inside, the log says why.

use crate::{Stage, head, policy, problem};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Deaf, Gate, Origin, Reply};
use doorward_runtime_tests::raw::Trouble;
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    an_origin_that_gives_no_proper_answer_is_a_bad_gateway,
    an_origin_that_refuses_connections_is_a_bad_gateway,
    an_origin_that_cannot_be_reached_is_a_bad_gateway,
    an_origin_that_takes_no_connection_has_timed_out,
    an_origin_that_does_not_begin_its_answer_has_timed_out,
    a_destination_that_was_not_granted_is_the_operators_fault,
    an_answer_that_breaks_off_is_not_taken_for_a_whole_one,
    an_answer_that_pauses_goes_on_as_long_as_each_pause_is_short,
    what_follows_an_answer_is_no_part_of_it_and_no_answer,
    an_answer_with_as_much_as_is_allowed_arrives;
    both_manners: an_answer_with_more_is_no_answer,
];

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Has the gateway add a field to the answers of the upstream.
const ADDS: &str = "[upstream.orders.response]\nset = { \"x-added\" = \"1\" }\n";

async fn an_origin_that_gives_no_proper_answer_is_a_bad_gateway(host: &dyn Host) {
    let malformed = "no response";
    // Spin calls a connection that ends too early a violation of the protocol.
    let ended = match host.name() {
        "spin" => malformed,
        _ => "ended before there was a response",
    };
    // Spin says nothing else of a head that is too large.
    let too_large = match host.name() {
        "spin" => malformed,
        _ => "more or larger fields",
    };
    let raw = |text: &str| Reply::raw(text).then_close();
    let cases = [
        ("a reset", Reply::reset(), ended),
        ("a close", Reply::close(), ended),
        ("half a status line", raw("HTTP/1."), ended),
        ("half a head", raw("HTTP/1.1 200 OK\r\nX-One: 1\r\n"), ended),
        ("something else", Reply::garbage(), malformed),
        (
            "a status of words",
            raw("HTTP/1.1 two OK\r\n\r\n"),
            malformed,
        ),
        ("another version", raw("HTTP/3.0 200 OK\r\n\r\n"), malformed),
        (
            "10,000 fields",
            Reply::ok("").many_fields(10_000),
            too_large,
        ),
        ("a field of 1 MiB", Reply::ok("").huge_field(MIB), too_large),
        ("two lengths", Reply::two_lengths(), malformed),
        ("a folded field", Reply::folded(), malformed),
        (
            "a length that is none",
            raw("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello"),
            malformed,
        ),
        (
            "a negative length",
            raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
            malformed,
        ),
        (
            "a name with a space",
            raw("HTTP/1.1 200 OK\r\nX One: 1\r\nContent-Length: 0\r\n\r\n"),
            malformed,
        ),
        (
            "a NUL",
            raw("HTTP/1.1 200 OK\r\nX-One: a\0b\r\nContent-Length: 0\r\n\r\n"),
            malformed,
        ),
        (
            "another protocol that nobody asked for",
            raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
            malformed,
        ),
    ];
    let stage = Stage::with(host, Reply::ok(""), "breaker = false").await;
    for (what, reply, reason) in cases {
        stage.origin.set(reply);
        let before = stage.running.whole_log().await.len();
        let answer = stage.get("/public/a").await;
        problem(&answer, 502, &["HTTP/", "reset", "field"], what);
        let log = stage.running.whole_log().await.split_off(before).join("\n");
        let told = [
            "upstream-failed",
            "orders",
            &stage.origin.address().to_string(),
            reason,
        ];
        for word in told {
            assert!(log.contains(word), "{what}: the log says {word:?}: {log}");
        }
        stage.origin.set(Reply::ok("well again"));
        let answer = stage.get("/public/b").await;
        assert_eq!(answer.text(), "well again", "after {what}");
    }
}

async fn an_origin_that_refuses_connections_is_a_bad_gateway(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    stage.origin.stop().await;
    let answer = stage.get("/public/a").await;
    problem(&answer, 502, &["refused"], "nobody listens");
    stage
        .logged(&["upstream-failed", "no connection came about"])
        .await;
    stage.origin.revive().await;
    status(&stage.get("/public/a").await, 200, "somebody listens again");
}

/// The gateway with an upstream that is at `url`, and may be asked.
async fn asking(host: &dyn Host, url: &str, lines: &str, grant: &str) -> Stage {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let mut spec = AppSpec::gateway(policy(&issuer, url, lines));
    spec.outbound.push(grant.to_owned());
    Stage::of(host, issuer, origin, spec).await
}

async fn an_origin_that_cannot_be_reached_is_a_bad_gateway(host: &dyn Host) {
    let stage = asking(
        host,
        "http://no-such-host.invalid",
        "",
        "http://no-such-host.invalid",
    )
    .await;
    let answer = stage.get("/public/a").await;
    problem(&answer, 502, &["invalid", "dns"], "a name of nobody");
    stage
        .logged(&["upstream-failed", "no connection came about"])
        .await;

    let plain = Origin::start(Reply::ok("hello")).await;
    let url = format!("https://{}", plain.address());
    let stage = asking(host, &url, "", "https://127.0.0.1:*").await;
    let answer = stage.get("/public/a").await;
    problem(&answer, 502, &["TLS", "tls"], "an origin without TLS");
    stage.logged(&["upstream-failed", "TLS"]).await;
    let seen = plain.requests();
    assert!(
        seen.iter().all(|seen| seen.method.is_empty()),
        "nothing is sent in clear: {seen:?}"
    );
}

async fn an_origin_that_takes_no_connection_has_timed_out(host: &dyn Host) {
    let deaf = Deaf::start().await;
    let lines = "connect_timeout_ms = 200";
    let stage = asking(host, &deaf.url(), lines, "http://127.0.0.1:*").await;
    let start = Instant::now();
    let answer = stage.get("/public/a").await;
    problem(&answer, 504, &["connect_timeout"], "no connection");
    // The other limits are 15 s and more.
    let taken = start.elapsed();
    assert!(
        taken < Duration::from_secs(10),
        "it is told after {taken:?}"
    );
    stage
        .logged(&["upstream-failed", "no connection came about in time"])
        .await;
}

async fn an_origin_that_does_not_begin_its_answer_has_timed_out(host: &dyn Host) {
    // Hosts keep one time for the connection and the first byte.
    let lines = "connect_timeout_ms = 200\nfirst_byte_timeout_ms = 200\nbreaker = false";
    let stage = Stage::with(host, Reply::stall(), lines).await;
    for (what, reply) in [
        ("nothing", Reply::stall()),
        (
            "half a head",
            Reply::raw("HTTP/1.1 200 OK\r\nX-One: ").then_stall(),
        ),
        (
            "interim answers only",
            Reply::stall().interim(103, &[("X-One", "1")]),
        ),
        ("a gate", Reply::ok("late").after(&Gate::closed())),
    ] {
        stage.origin.forget();
        stage.origin.set(reply);
        let before = stage.running.whole_log().await.len();
        let answer = stage.get("/public/a").await;
        problem(&answer, 504, &[], what);
        let log = stage.running.whole_log().await.split_off(before).join("\n");
        assert!(
            log.contains("the response did not begin in time"),
            "{what}: {log}"
        );
        stage
            .origin
            .until("it is left", |origin| origin.connections_open() == 0)
            .await;
    }
}

async fn a_destination_that_was_not_granted_is_the_operators_fault(host: &dyn Host) {
    for (grant, how) in [("", "none"), ("http://127.0.0.1:1", "another port")] {
        let issuer = Issuer::start().await;
        let origin = Origin::start(Reply::ok("hello")).await;
        let mut spec = AppSpec::gateway(policy(&issuer, &origin.url(), ""));
        spec.outbound = [grant]
            .iter()
            .filter(|grant| !grant.is_empty())
            .map(|&g| g.to_owned())
            .collect();
        let stage = Stage::of(host, issuer, origin, spec).await;
        let answer = stage.get("/public/a").await;
        problem(&answer, 500, &["allowed_outbound_hosts", "permitted"], how);
        stage
            .logged(&["upstream-failed", "allowed_outbound_hosts"])
            .await;
        assert_eq!(stage.origin.connections(), 0, "{how}: nobody was asked");
    }
}

async fn an_answer_that_breaks_off_is_not_taken_for_a_whole_one(host: &dyn Host) {
    let gate = Gate::closed();
    let pauses = |reply: Reply| reply.body("hello").trickle(&gate, &["world"]);
    let stage = Stage::with(host, Reply::ok(""), "between_bytes_timeout_ms = 200").await;
    for (what, reply) in [
        (
            "a length, then a close",
            Reply::ok("hello").announcing(10).then_close(),
        ),
        (
            "a length, then a reset",
            Reply::ok("hello").announcing(10).then_reset(),
        ),
        (
            "a length, then silence",
            Reply::ok("hello").announcing(10).then_stall(),
        ),
        (
            "a length, then a pause",
            pauses(Reply::ok("").announcing(10)),
        ),
        ("chunks, then a pause", pauses(Reply::chunked())),
        ("no length, then a pause", pauses(Reply::until_closed())),
        (
            "no length, then a reset",
            Reply::until_closed().body("hello").then_reset(),
        ),
        (
            "a chunk, then a close",
            Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
                .then_close(),
        ),
        (
            "a chunk, then something else",
            Reply::raw(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n\r\n",
            ),
        ),
    ] {
        stage.origin.set(reply);
        let mut client = stage.connect().await;
        client.send(head("GET", "/public/a", &[])).await;
        match client.response().await {
            Err(broken) => {
                assert_ne!(broken.trouble, Trouble::Malformed(String::new()), "{what}");
                assert_eq!(broken.so_far.status, 200, "{what}: {broken:?}");
                assert!(
                    b"hello".starts_with(&broken.so_far.body),
                    "{what}: {broken:?}"
                );
            }
            Ok(whole) => panic!("{what}: it passes for the whole: {whole:?}"),
        }
        stage.origin.set(Reply::ok("next"));
        assert_eq!(stage.get("/public/b").await.text(), "next", "after {what}");
    }
}

async fn an_answer_that_pauses_goes_on_as_long_as_each_pause_is_short(host: &dyn Host) {
    let gate = Gate::closed();
    let pieces: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    let reply = Reply::chunked().trickle(&gate, &pieces);
    let lines = "between_bytes_timeout_ms = 600\nfirst_byte_timeout_ms = 600\ndeadline_ms = 600";
    let stage = Stage::with(host, reply, lines).await;
    let mut client = stage.connect().await;
    client.send(head("GET", "/public/a", &[])).await;
    for _ in &pieces {
        gate.until_waiting(1).await;
        // The pace of a slow origin: longer than any limit in all.
        tokio::time::sleep(Duration::from_millis(150)).await;
        gate.let_through(1);
    }
    let response = client.response().await.expect("all of the answer");
    assert_eq!(response.text(), "01234567");
}

async fn what_follows_an_answer_is_no_part_of_it_and_no_answer(host: &dyn Host) {
    let smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled";
    let stage = Stage::new(host, Reply::ok("")).await;
    for (what, reply, expected) in [
        (
            "a length that is too short",
            Reply::ok(format!("hello{smuggled}")).announcing(5),
            "hello",
        ),
        (
            "a body after 204",
            Reply::raw(format!("HTTP/1.1 204 No\r\n\r\n{smuggled}")),
            "",
        ),
        (
            "a body after 304",
            Reply::raw(format!(
                "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n{smuggled}"
            )),
            "",
        ),
        (
            "an answer after the last chunk",
            Reply::raw(format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n{smuggled}"
            )),
            "hello",
        ),
    ] {
        stage.origin.set(reply);
        let answer = stage.get("/public/a").await;
        assert_eq!(answer.text(), expected, "{what}");
        stage.origin.set(Reply::ok("own"));
        for _ in 0..3 {
            let answer = stage.get("/public/b").await;
            assert_eq!(answer.text(), "own", "after {what}, each gets its own");
        }
    }
}

/// The same whether or not the gateway adds a field, for which the host counts all of them.
async fn an_answer_with_as_much_as_is_allowed_arrives(host: &dyn Host) {
    // Spin reads 100 fields, and lets a component change 128 KiB of them.
    let (fields, bytes) = match host.name() {
        "spin" => (90, 48 * KIB),
        _ => (1000, 240 * KIB),
    };
    let reply = Reply::ok("hello").many_fields(fields).huge_field(bytes);
    for lines in ["", ADDS] {
        let stage = Stage::with(host, reply.clone(), lines).await;
        let answer = stage.get("/public/a").await;
        status(&answer, 200, "a large head");
        let last = format!("x-{}", fields - 1);
        assert_eq!(answer.header(&last), Some("v"), "all fields");
        assert_eq!(answer.header("x-huge").map(str::len), Some(bytes));
        let added = answer.header("x-added");
        assert_eq!(added.is_some(), !lines.is_empty(), "{lines}");
    }
}

/// What Spin does here differs: docs/host.md.
async fn an_answer_with_more_is_no_answer(host: &dyn Host) {
    for (what, reply) in [
        ("fields", Reply::ok("hello").many_fields(1100)),
        ("bytes", Reply::ok("hello").huge_field(300 * KIB)),
    ] {
        for lines in ["", ADDS] {
            let stage = Stage::with(host, reply.clone(), lines).await;
            let answer = stage.get("/public/a").await;
            problem(&answer, 502, &["field"], what);
            let reason = match host.name() {
                "spin" => "no response",
                _ => "more or larger fields",
            };
            stage.logged(&["upstream-failed", reason]).await;
            stage.origin.set(Reply::ok("well again"));
            let answer = stage.get("/public/b").await;
            assert_eq!(answer.text(), "well again", "after too many {what}");
        }
    }
}
