//! Clients that send their bodies slowly, or not to the end; and origins that do not take them.

use crate::{LOOK_EVERY, ROUTES, Stage, head, trust};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::ANSWER_TIME_MAX;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Gate, Origin, Reply, Script};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    a_body_that_is_cut_short_is_nowhere_taken_for_a_whole_one,
    a_body_that_is_framed_wrongly_is_nowhere_taken_for_a_whole_one,
    a_client_that_does_not_go_on_is_told_so,
    clients_that_fail_are_not_held_against_an_origin,
    a_body_that_is_sent_again_ends_as_it_did,
    an_upload_may_take_longer_than_the_first_byte_as_long_as_it_goes_on,
    an_origin_that_does_not_take_a_body_has_timed_out,
    an_origin_that_does_not_answer_a_body_has_timed_out,
];

/// Shorter than a test may wait, longer than an answer takes.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_millis(600);
const LINES: &str = "first_byte_timeout_ms = 600";
/// How many clients fail. More would only take longer: a breaker opens at less.
const FAILING_CLIENTS: usize = 24;

/// How a body ends that is not all there.
const CUT_SHORT: [(&str, &str); 5] = [
    ("Content-Length: 10", "hello"),
    ("Content-Length: 10", ""),
    ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
    ("Transfer-Encoding: chunked", "5\r\nhel"),
    ("Transfer-Encoding: chunked", ""),
];

async fn a_body_that_is_cut_short_is_nowhere_taken_for_a_whole_one(host: &dyn Host) {
    for (field, body) in CUT_SHORT {
        for resets in [false, true] {
            let stage = Stage::new(host, Reply::ok("hello")).await;
            let mut client = stage.connect().await;
            client.send(head("POST", "/public/a", &[field])).await;
            client.send(body).await;
            stage
                .origin
                .until("the head is there", |origin| origin.count() == 1)
                .await;
            match resets {
                true => client.reset(),
                false => drop(client),
            }
            not_whole(&stage, &format!("{field}, {body:?}")).await;
        }
        // The end comes with the beginning.
        let stage = Stage::new(host, Reply::ok("hello")).await;
        let mut client = stage.connect().await;
        client
            .send(head("POST", "/public/a", &[field]) + body)
            .await;
        client.finish().await;
        let answered = client.response().await;
        let status = answered.map_or_else(|broken| broken.so_far.status, |whole| whole.status);
        assert!(
            [0, 400].contains(&status),
            "{field}, {body:?}: answered {status}"
        );
        not_whole(&stage, &format!("{field}, {body:?}, at once")).await;
    }
}

/// Fails if the origin took what has come for a whole request.
async fn not_whole(stage: &Stage, what: &str) {
    stage
        .origin
        .until("nothing more comes", |origin| {
            origin.connections_open() == 0
        })
        .await;
    for seen in stage.origin.requests() {
        assert!(
            !seen.is_whole(),
            "{what}: it passes for the whole: {seen:?}"
        );
        assert!(!seen.answered, "{what}: it is answered: {seen:?}");
    }
    let answer = stage.get("/public/b").await;
    assert_eq!(answer.status, 200, "{what}: the next one");
}

async fn a_body_that_is_framed_wrongly_is_nowhere_taken_for_a_whole_one(host: &dyn Host) {
    for body in [
        "5\r\nhello\r\nzz\r\n",
        "5\r\nhello, world\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello",
        "5\r\nhello\r\n0\r\nX One: a space\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
    ]
    .repeat(4)
    {
        let stage = Stage::new(host, Reply::ok("hello")).await;
        let mut client = stage.connect().await;
        client
            .send(head("POST", "/public/a", &["Transfer-Encoding: chunked"]))
            .await;
        client.send(body).await;
        let response = client.response().await;
        let status = response.map_or_else(|broken| broken.so_far.status, |whole| whole.status);
        assert!([0, 400].contains(&status), "{body:?} is answered {status}");
        not_whole(&stage, body).await;
    }
}

async fn a_client_that_does_not_go_on_is_told_so(host: &dyn Host) {
    for (field, body) in CUT_SHORT {
        let stage = Stage::with(host, Reply::ok("hello"), LINES).await;
        let mut client = stage.connect().await;
        client.send(head("POST", "/public/a", &[field])).await;
        client.send(body).await;
        let response = client.response().await.unwrap();
        assert_eq!(
            response.status,
            408,
            "{field}, {body:?}: {}",
            response.text()
        );
        assert_eq!(response.json()["status"], 408, "a problem document");
        stage.logged(&["refused", "408"]).await;
        stage
            .origin
            .until("the origin is left", |origin| {
                origin.connections_open() == 0
            })
            .await;
        let seen = stage.origin.request();
        assert!(!seen.is_whole(), "{field}, {body:?}: {seen:?}");
    }
}

async fn clients_that_fail_are_not_held_against_an_origin(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let (one, other) = (
        Origin::start(Reply::ok("one")).await,
        Origin::start(Reply::ok("two")).await,
    );
    let policy = format!(
        "{}\n[upstream.orders]\nurl = [\"{}\", \"{}\"]\n{LINES}\n{ROUTES}",
        trust(&issuer),
        one.url(),
        other.url()
    );
    let stage = Stage::of(host, issuer, one, AppSpec::gateway(policy)).await;
    let asked = || stage.origin.count() + other.count();
    let mut slow = Vec::new();
    for number in 0..FAILING_CLIENTS {
        let before = asked();
        let mut client = stage.connect().await;
        client
            .send(head("PUT", "/public/a", &["Content-Length: 10"]))
            .await;
        client.send("hello").await;
        let begun = async {
            while asked() == before {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(ANSWER_TIME_MAX, begun)
            .await
            .unwrap_or_else(|_| panic!("client {number} reaches an origin"));
        match number % 3 {
            0 => client.reset(),
            1 => drop(client),
            _ => slow.push(client),
        }
    }
    for mut client in slow {
        assert_eq!(client.response().await.unwrap().status, 408, "too slow");
    }
    for origin in [&stage.origin, &other] {
        origin
            .until("nothing more comes", |origin| {
                origin.connections_open() == 0
            })
            .await;
        origin.forget();
    }
    for _ in 0..64 {
        assert_eq!(
            stage.get("/public/b").await.status,
            200,
            "whoever is asked answers"
        );
    }
    for origin in [&stage.origin, &other] {
        // One that is set aside gets nothing; of two at random each gets some, but once in 10^18 times.
        assert!(
            origin.count() > 0,
            "an origin was set aside for its clients"
        );
    }
    let log = stage.running.whole_log().await.join("\n");
    assert!(
        !log.contains("upstream-failed"),
        "the origins are blamed: {log}"
    );
}

async fn a_body_that_is_sent_again_ends_as_it_did(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let script = Script::at_first(2, Reply::unavailable(0), Reply::ok("hello"));
    let origin = Origin::start(script).await;
    let policy = format!(
        "{}\n[upstream.orders]\nurl = \"{}\"\n{ROUTES}",
        trust(&issuer),
        origin.url()
    );
    let stage = Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await;
    let mut client = stage.connect().await;
    let fields = ["Transfer-Encoding: chunked", "Trailer: X-Sum"];
    client.send(head("PUT", "/public/a", &fields)).await;
    client.send("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n").await;
    assert_eq!(client.response().await.unwrap().text(), "hello");
    let seen = stage.origin.requests();
    assert_eq!(seen.len(), 3, "asked until it answers: {seen:#?}");
    for seen in seen {
        assert_eq!(seen.body, b"hello", "the body, each time");
        let sum = [("x-sum".to_owned(), "1".to_owned())];
        assert_eq!(seen.trailers, sum, "its trailers, each time");
    }
}

async fn an_upload_may_take_longer_than_the_first_byte_as_long_as_it_goes_on(host: &dyn Host) {
    for field in ["Content-Length: 12", "Transfer-Encoding: chunked"] {
        let stage = Stage::with(host, Reply::ok("hello"), LINES).await;
        let mut client = stage.connect().await;
        let start = Instant::now();
        client.send(head("POST", "/public/a", &[field])).await;
        let is_chunked = field.starts_with("Transfer");
        for _ in 0..12 {
            // The pace of a slow client: five times as fast as it has to be.
            tokio::time::sleep(FIRST_BYTE_TIMEOUT / 5).await;
            client
                .send(if is_chunked { "1\r\nx\r\n" } else { "x" })
                .await;
        }
        client.send(if is_chunked { "0\r\n\r\n" } else { "" }).await;
        let response = client.response().await.unwrap();
        assert!(
            start.elapsed() > 2 * FIRST_BYTE_TIMEOUT,
            "it took long enough"
        );
        assert_eq!(
            (response.status, response.text()),
            (200, "hello".to_owned()),
            "{field}"
        );
        assert_eq!(stage.origin.request().body, b"xxxxxxxxxxxx", "{field}");
    }
}

async fn an_origin_that_does_not_take_a_body_has_timed_out(host: &dyn Host) {
    let gate = Gate::closed();
    let stage = Stage::with(host, Reply::ok("").early().after(&gate), LINES).await;
    let mut client = stage.connect().await;
    let length = format!("Content-Length: {}", 256 << 20);
    client.send(head("POST", "/public/a", &[&length])).await;
    client.send_while_taken(&[b'x'; 64 << 10], 256 << 20).await;
    let response = client.response().await.unwrap();
    assert_eq!(response.status, 504, "{}", response.text());
    stage
        .logged(&["upstream-failed", "did not begin in time"])
        .await;
}

async fn an_origin_that_does_not_answer_a_body_has_timed_out(host: &dyn Host) {
    for reply in [Reply::stall(), Reply::stall().early()] {
        let stage = Stage::with(host, reply, LINES).await;
        let mut client = Raw::connect(stage.running.address).await;
        client
            .send(head("POST", "/public/a", &["Content-Length: 5"]))
            .await;
        client.send("hello").await;
        let response = client.response().await.unwrap();
        assert_eq!(response.status, 504, "{}", response.text());
        stage
            .logged(&["upstream-failed", "did not begin in time"])
            .await;
        stage
            .origin
            .until("it is left", |origin| origin.connections_open() == 0)
            .await;
    }
}
