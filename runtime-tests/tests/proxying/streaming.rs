//! Bodies and trailers on their way: at once, in both directions, and at the pace of whoever takes them.

use crate::{LOOK_EVERY, Stage, head};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{ANSWER_TIME_MAX, send_bytes};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::origin::{Gate, Reply, Seen};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    an_answer_arrives_while_it_is_being_written,
    a_body_arrives_while_it_is_being_sent,
    bodies_stream_in_both_directions_at_once,
    trailers_arrive_in_both_directions,
    a_slow_reader_makes_the_origin_wait,
    a_slow_origin_makes_the_client_wait,
    an_answer_that_comes_before_the_body_is_read_arrives,
    an_answer_without_a_body_says_what_the_origin_says,
    a_chunked_body_arrives_with_any_method,
    interim_answers_come_before_the_one_that_counts,
    an_origin_is_not_read_for_a_client_that_has_gone,
];

/// More than all buffers on the way hold.
const LARGE_BYTES: u64 = 48 << 20;
/// What buffers on the way may hold: sockets' above all, which Linux lets grow to some MiB each.
const BUFFERED_BYTES_MAX: u64 = 32 << 20;
/// Buffers of a client that is felt soon.
const SMALL_BUFFER_BYTES: u32 = 8 * 1024;
/// What has not grown for so long has stopped.
const STOPPED_TIME: Duration = Duration::from_millis(500);

async fn an_answer_arrives_while_it_is_being_written(host: &dyn Host) {
    let pieces = ["one", "two", "six"];
    for (what, reply) in [
        ("chunks", Reply::chunked()),
        ("a length", Reply::ok("").announcing(9)),
        ("neither", Reply::until_closed()),
    ] {
        let gate = Gate::closed();
        let stage = Stage::new(host, reply.trickle(&gate, &pieces)).await;
        let mut client = stage.connect().await;
        client.send(head("GET", "/public/a", &[])).await;
        // The head is there before anything of the body is.
        let answer = client.read_until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{what}: {answer}");
        for piece in pieces {
            gate.let_through(1);
            let framed = match what {
                "a length" => piece.to_owned(),
                _ => format!("3\r\n{piece}\r\n"),
            };
            let came = client.read(framed.len()).await;
            let came = String::from_utf8_lossy(&came);
            assert_eq!(came, framed, "{what}: the piece that was written");
        }
    }
}

async fn a_body_arrives_while_it_is_being_sent(host: &dyn Host) {
    for (field, end) in [
        ("Content-Length: 9", ""),
        ("Transfer-Encoding: chunked", "0\r\n\r\n"),
    ] {
        let stage = Stage::new(host, Reply::ok("hello")).await;
        let mut client = stage.connect().await;
        client.send(head("POST", "/public/a", &[field])).await;
        let mut sent = String::new();
        for piece in ["one", "two", "six"] {
            match end {
                "" => client.send(piece).await,
                _ => client.send(format!("3\r\n{piece}\r\n")).await,
            }
            sent.push_str(piece);
            let all = |seen: Seen| seen.body == sent.as_bytes();
            let what = format!("{sent} is there ({field})");
            stage
                .origin
                .until(&what, |origin| origin.count() == 1 && all(origin.request()))
                .await;
        }
        client.send(end).await;
        assert_eq!(client.response().await.unwrap().text(), "hello", "{field}");
        assert!(stage.origin.request().is_whole(), "{field}");
    }
}

async fn bodies_stream_in_both_directions_at_once(host: &dyn Host) {
    let stage = Stage::new(host, Reply::echo_body()).await;
    let mut client = stage.connect().await;
    client
        .send(head("POST", "/public/a", &["Transfer-Encoding: chunked"]))
        .await;
    client.read_until("\r\n\r\n").await;
    for number in 0..50 {
        let chunk = format!("4\r\n{number:04}\r\n");
        client.send(&chunk).await;
        let came = client.read(chunk.len()).await;
        assert_eq!(came, chunk.as_bytes(), "what was sent comes back at once");
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.read(5).await, b"0\r\n\r\n", "and so does its end");
}

async fn trailers_arrive_in_both_directions(host: &dyn Host) {
    let reply = Reply::echo_body()
        .field("Trailer", "X-Sum, X-Own")
        .trailer("X-Own", "2");
    let stage = Stage::new(host, reply).await;
    let mut client = stage.connect().await;
    let fields = [
        "Transfer-Encoding: chunked",
        "Trailer: X-Sum",
        "TE: trailers",
    ];
    client.send(head("POST", "/public/a", &fields)).await;
    client.send("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n").await;
    let response = client.response().await.unwrap();
    assert_eq!(response.text(), "hello", "the body");
    let trailers = [("x-own", "2"), ("x-sum", "1")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let mut came = response.trailers.clone();
    came.sort();
    assert_eq!(came, trailers, "the trailers of the answer");
    let seen = stage.origin.request();
    assert_eq!(seen.trailers, trailers[1..], "the trailers of the request");
    assert_eq!(seen.values("trailer"), ["X-Sum"], "which are announced");
}

/// Waits until a number has stopped growing, and gives it.
async fn stopped(number: impl Fn() -> u64) -> u64 {
    let start = Instant::now();
    let (mut last, mut since) = (number(), Instant::now());
    while since.elapsed() < STOPPED_TIME {
        assert!(
            start.elapsed() < ANSWER_TIME_MAX,
            "it does not stop: {last}"
        );
        tokio::time::sleep(LOOK_EVERY).await;
        let now = number();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

async fn a_slow_reader_makes_the_origin_wait(host: &dyn Host) {
    for reply in [Reply::ok(""), Reply::chunked()] {
        let stage = Stage::new(host, reply.zeros(LARGE_BYTES)).await;
        let address = stage.running.address;
        let mut client = Raw::connect_with_buffers(address, SMALL_BUFFER_BYTES).await;
        client.send(head("GET", "/public/a", &[])).await;
        client.read_until("\r\n\r\n").await;
        let written = || stage.origin.request().answer_bytes;
        let first = stopped(written).await;
        assert!(
            first < BUFFERED_BYTES_MAX,
            "nobody reads, and the origin has written {first} bytes"
        );
        // Goes on when the client does.
        client.read(16 << 20).await;
        stage
            .origin
            .until("the origin goes on", |origin| {
                origin.request().answer_bytes > first
            })
            .await;
        let second = stopped(written).await;
        assert!(
            second < first + BUFFERED_BYTES_MAX,
            "and stops again: {second} bytes after {first}"
        );
    }
}

async fn a_slow_origin_makes_the_client_wait(host: &dyn Host) {
    let in_one_chunk = format!("{LARGE_BYTES:x}\r\n");
    for (field, begin, end) in [
        (format!("Content-Length: {LARGE_BYTES}"), "", ""),
        (
            "Transfer-Encoding: chunked".to_owned(),
            &*in_one_chunk,
            "\r\n0\r\n\r\n",
        ),
    ] {
        let gate = Gate::closed();
        let stage = Stage::new(host, Reply::ok("done").early().after(&gate)).await;
        let address = stage.running.address;
        let mut client = Raw::connect_with_buffers(address, SMALL_BUFFER_BYTES).await;
        client.send(head("POST", "/public/a", &[&field])).await;
        client.send(begin).await;
        let piece = vec![b'x'; 64 << 10];
        let written = client.send_while_taken(&piece, LARGE_BYTES).await;
        assert!(
            written < BUFFERED_BYTES_MAX,
            "{field}: nobody reads, and {written} bytes were taken of the client"
        );
        gate.open();
        let mut left = LARGE_BYTES - written;
        while left > 0 {
            let count = piece.len().min(usize::try_from(left).unwrap());
            client.send(&piece[..count]).await;
            left -= count as u64;
        }
        client.send(end).await;
        let response = client.response().await.unwrap();
        assert_eq!(response.text(), "done", "{field}");
        stage
            .origin
            .until("all is there", |origin| {
                let seen = origin.request();
                seen.is_whole() && seen.body_bytes == LARGE_BYTES
            })
            .await;
    }
}

async fn an_answer_that_comes_before_the_body_is_read_arrives(host: &dyn Host) {
    for (status, field) in [
        (200, "Content-Length: 100000"),
        (413, "Content-Length: 100000"),
        (200, "Transfer-Encoding: chunked"),
    ] {
        let stage = Stage::new(host, Reply::ok("early").with_status(status).early()).await;
        let mut client = stage.connect().await;
        client.send(head("POST", "/public/a", &[field])).await;
        let body = vec![b'x'; 100_000];
        let is_chunked = field.starts_with("Transfer");
        let (begin, end): (&[u8], &[u8]) = match is_chunked {
            true => (b"186a0\r\nxx", b"\r\n0\r\n\r\n"),
            false => (b"xx", b""),
        };
        client.send(begin).await;
        let response = client.response().await.unwrap();
        assert_eq!(
            (response.status, response.text()),
            (status, "early".to_owned()),
            "{field}: before the body is sent"
        );
        client.send(&body[2..]).await;
        client.send(end).await;
        stage
            .origin
            .until("the rest of the body is there", |origin| {
                let seen = origin.request();
                seen.is_whole() && seen.body_bytes == 100_000
            })
            .await;
    }
}

async fn an_answer_without_a_body_says_what_the_origin_says(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let mut client = stage.connect().await;
    for (method, reply, status, length) in [
        ("HEAD", Reply::ok("hello"), 200, Some("5")),
        (
            "HEAD",
            Reply::ok("").zeros(LARGE_BYTES),
            200,
            Some("50331648"),
        ),
        ("HEAD", Reply::status(404).body("none"), 404, Some("4")),
        ("HEAD", Reply::chunked().body("hello"), 200, None),
        ("GET", Reply::status(204), 204, None),
        ("DELETE", Reply::status(204), 204, None),
        ("GET", Reply::status(304).field("ETag", "\"a\""), 304, None),
        ("HEAD", Reply::status(304), 304, None),
        ("GET", Reply::ok(""), 200, Some("0")),
        ("POST", Reply::status(201), 201, Some("0")),
    ] {
        stage.origin.set(reply);
        client.send(head(method, "/public/a", &[])).await;
        let response = client.response_to(method).await.unwrap();
        let what = format!("{method}, {status}");
        assert_eq!(response.status, status, "{what}");
        assert_eq!(
            response.field("content-length"),
            length,
            "{what}: the length"
        );
        assert_eq!(response.text(), "", "{what}: no body");
        // What comes next is the answer to what is asked next.
        stage.origin.set(Reply::ok("next"));
        client.send(head("GET", "/public/next", &[])).await;
        let next = client.response().await.unwrap();
        assert_eq!(
            (next.status, next.text()),
            (200, "next".to_owned()),
            "after {what}"
        );
    }
}

async fn a_chunked_body_arrives_with_any_method(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY",
    ] {
        stage.origin.forget();
        let mut fields = vec!["Transfer-Encoding: chunked", "Connection: close"];
        // These have to say that one comes.
        if matches!(method, "GET" | "HEAD") {
            fields.push("Content-Type: text/plain");
        }
        let mut bytes = head(method, "/public/a", &fields);
        bytes.push_str("5\r\nhello\r\n3;ext=1\r\n yo\r\n0\r\n\r\n");
        let answer = send_bytes(stage.running.address, bytes.as_bytes()).await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
        let seen = stage.origin.request();
        assert_eq!(seen.method, method);
        assert_eq!(seen.body, b"hello yo", "{method} with a chunked body");
        assert!(seen.is_whole(), "{method}: {seen:?}");
    }
}

async fn interim_answers_come_before_the_one_that_counts(host: &dyn Host) {
    let reply = Reply::ok("hello")
        .interim(103, &[("Link", "</a>; rel=preload")])
        .interim(100, &[])
        .interim(102, &[("X-Interim", "1")]);
    let stage = Stage::new(host, reply).await;
    let mut client = stage.connect().await;
    for _ in 0..2 {
        client.send(head("GET", "/public/a", &[])).await;
        let response = client.response().await.unwrap();
        assert_eq!(
            (response.status, response.text()),
            (200, "hello".to_owned())
        );
        assert_eq!(
            response.field("x-interim"),
            None,
            "what was interim is not final"
        );
    }
}

async fn an_origin_is_not_read_for_a_client_that_has_gone(host: &dyn Host) {
    let gate = Gate::closed();
    for (what, reply) in [
        ("before the answer", Reply::stall()),
        ("within the answer", Reply::ok("").zeros(LARGE_BYTES)),
        (
            "while the answer pauses",
            Reply::chunked().body("a").trickle(&gate, &["b"]),
        ),
    ] {
        // Who asked for what has not begun is not missed before its time is up.
        let stage = Stage::with(host, reply, "first_byte_timeout_ms = 1000").await;
        let mut client = stage.connect().await;
        client.send(head("GET", "/public/a", &[])).await;
        match what {
            "before the answer" => {
                stage
                    .origin
                    .until("it is asked", |origin| origin.count() == 1)
                    .await;
            }
            _ => {
                client.read_until("\r\n\r\n").await;
            }
        }
        drop(client);
        stage
            .origin
            .until(&format!("it is left ({what})"), |origin| {
                origin.request().abandoned && origin.connections_open() == 0
            })
            .await;
    }
}
