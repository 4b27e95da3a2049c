//! Each script does what it says.

mod going;
mod misbehaving;

use super::*;
use crate::raw::{Raw, Response};
use crate::wire::Trouble;

const GET: &str = "GET /a?b HTTP/1.1\r\nHost: origin.example\r\n\r\n";

/// Asks once, and gives the response.
async fn get(origin: &Origin) -> Response {
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(GET).await;
    connection.response().await.unwrap()
}

/// The head of a POST with these fields, a line each.
fn post(fields: &str) -> String {
    format!("POST /upload HTTP/1.1\r\nHost: origin.example\r\n{fields}\r\n\r\n")
}

#[tokio::test]
async fn what_comes_is_kept_as_it_was_written() {
    let origin = Origin::start(Reply::ok("hello")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection
        .send("PATCH //a/%2e?b=c HTTP/1.1\r\nhOsT: x\r\nX-B: 2\r\nx-a:1 \r\nX-b: \"3\"\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    let response = connection.response().await.unwrap();
    assert_eq!(
        (response.status, response.text()),
        (200, "hello".to_owned())
    );
    assert_eq!(response.field("content-length"), Some("5"));
    let seen = origin.request();
    assert_eq!((&*seen.method, &*seen.target), ("PATCH", "//a/%2e?b=c"));
    let fields = [("hOsT", "x"), ("X-B", "2"), ("x-a", "1"), ("X-b", "\"3\"")];
    for ((name, value), expected) in seen.fields.iter().zip(fields) {
        assert_eq!((&**name, &**value), expected, "a field in its place");
    }
    assert_eq!(seen.values("x-b"), ["2", "\"3\""], "all values of a field");
    assert_eq!(seen.body, b"hi", "the body");
    assert_eq!(
        seen.body_digest.as_deref(),
        // printf hi | sha256sum
        Some("8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"),
        "the digest of the body"
    );
    assert!(
        seen.is_whole() && seen.answered && !seen.abandoned,
        "{seen:?}"
    );
}

#[tokio::test]
async fn the_trailers_of_a_request_are_kept() {
    let origin = Origin::start(Reply::ok("")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(post("Transfer-Encoding: chunked")).await;
    connection.send("2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n").await;
    connection.response().await.unwrap();
    let seen = origin.request();
    assert_eq!(
        (&*seen.body, seen.body_bytes),
        (&b"hi"[..], 2),
        "the body without chunks"
    );
    assert_eq!(seen.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
}

#[tokio::test]
async fn what_is_not_http_is_kept_as_a_fault_and_not_answered_by_the_script() {
    for bytes in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let origin = Origin::start(Reply::ok("hello")).await;
        let mut connection = Raw::connect(origin.address()).await;
        connection.send(bytes).await;
        let response = connection.response().await.unwrap();
        assert_eq!(response.status, 400, "{bytes:?}");
        let seen = origin.request();
        assert!(
            seen.fault.is_some() && !seen.is_whole(),
            "{bytes:?}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn a_fault_within_the_body_is_kept() {
    let origin = Origin::start(Reply::ok("hello")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(post("Transfer-Encoding: chunked")).await;
    connection.send("1\r\nhi\r\n0\r\n\r\n").await;
    let (came, _) = connection.read_to_end().await;
    assert_eq!(came, b"", "no answer to half of a request");
    assert!(origin.request().fault.is_some(), "{:?}", origin.request());
}

#[tokio::test]
async fn what_is_smuggled_shows_as_a_request_of_its_own() {
    let origin = Origin::start(Reply::ok("hello")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(post("Content-Length: 0")).await;
    connection.send(GET).await;
    for _ in 0..2 {
        connection.response().await.unwrap();
    }
    let targets: Vec<String> = origin
        .requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    assert_eq!(targets, ["/upload", "/a?b"]);
    assert_eq!(origin.connections(), 1, "both on one connection");
}

#[tokio::test]
async fn a_sequence_ends_with_its_last_reply_and_begins_anew_when_it_is_set() {
    let script = Script::at_first(2, Reply::unavailable(7), Reply::ok("back"));
    let origin = Origin::start(script.clone()).await;
    for _ in 0..2 {
        for (status, retry_after) in [(503, Some("7")), (503, Some("7")), (200, None), (200, None)]
        {
            let response = get(&origin).await;
            assert_eq!(response.status, status);
            assert_eq!(response.field("retry-after"), retry_after);
        }
        origin.set(script.clone());
    }
    origin.set(Script::sequence([Reply::status(500), Reply::ok("")]));
    for status in [500, 200, 200] {
        assert_eq!(get(&origin).await.status, status);
    }
    assert_eq!(origin.count(), 11);
    origin.forget();
    assert_eq!((origin.count(), origin.requests().len()), (0, 0));
    origin.only_counts();
    get(&origin).await;
    assert_eq!((origin.count(), origin.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_script_can_look_at_the_request() {
    let script = Script::by(|seen, _| match seen.field("X-Mood") {
        Some("bad") => Reply::status(500),
        _ => Reply::echo_head(),
    });
    let origin = Origin::start(script).await;
    let answer = get(&origin).await.json();
    assert_eq!(answer["method"], "GET");
    assert_eq!(answer["target"], "/a?b");
    assert_eq!(answer["headers"][0][1], "origin.example");
    let mut connection = Raw::connect(origin.address()).await;
    connection
        .send("GET / HTTP/1.1\r\nHost: x\r\nx-mood: bad\r\n\r\n")
        .await;
    assert_eq!(connection.response().await.unwrap().status, 500);
}

#[tokio::test]
async fn what_has_no_body_is_written_without() {
    let origin = Origin::start(Reply::ok("hello")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let response = connection.response_to("HEAD").await.unwrap();
    assert_eq!(
        (response.field("content-length"), response.text()),
        (Some("5"), String::new())
    );
    for status in [204, 304] {
        origin.set(Reply::status(status));
        connection.send(GET).await;
        let response = connection.response().await.unwrap();
        assert_eq!(
            (response.status, response.field("content-length")),
            (status, None)
        );
    }
    assert_eq!(origin.connections(), 1, "kept all the while");
}

#[tokio::test]
async fn a_connection_ends_when_the_request_or_the_script_says_so() {
    let origin = Origin::start(Reply::ok("hello")).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection
        .send("GET / HTTP/1.1\r\nHost: x\r\nConnection: a, Close\r\n\r\n")
        .await;
    connection.response().await.unwrap();
    assert_eq!(connection.read_to_end().await, (vec![], Trouble::Closed));
    origin.set(Reply::ok("hello").closing());
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(GET).await;
    let response = connection.response().await.unwrap();
    assert_eq!(response.field("connection"), Some("close"));
    assert_eq!(connection.read_to_end().await, (vec![], Trouble::Closed));
    origin
        .until("no connection is left", |origin| {
            origin.connections_open() == 0
        })
        .await;
}

#[tokio::test]
async fn a_stopped_origin_resets_and_refuses_and_comes_back_on_its_port() {
    let origin = Origin::start(Reply::stall()).await;
    let mut busy = Raw::connect(origin.address()).await;
    busy.send(GET).await;
    let mut idle = Raw::connect(origin.address()).await;
    origin
        .until("both are there", |origin| {
            origin.connections() == 2 && origin.count() == 1
        })
        .await;
    origin.stop().await;
    assert_eq!(
        busy.read_to_end().await,
        (vec![], Trouble::Reset),
        "under way"
    );
    assert_eq!(idle.read_to_end().await, (vec![], Trouble::Reset), "idle");
    for _ in 0..3 {
        let refused = Raw::try_connect(origin.address()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    origin.set(Reply::ok("again"));
    origin.revive().await;
    assert_eq!(get(&origin).await.text(), "again");
    origin.stop().await;
    origin.revive().await;
    assert_eq!(get(&origin).await.text(), "again", "a second time");
}

#[tokio::test]
async fn a_dropped_origin_is_gone() {
    let origin = Origin::start(Reply::stall()).await;
    let address = origin.address();
    let mut connection = Raw::connect(address).await;
    connection.send(GET).await;
    drop(origin);
    assert_eq!(connection.read_to_end().await.1, Trouble::Reset);
    // A process that another test starts may have the listener a moment longer.
    let is_refused = || std::net::TcpStream::connect(address).is_err();
    crate::clocked::until("nobody listens", is_refused).await;
}

#[tokio::test]
async fn nobody_gets_through_to_the_deaf() {
    let deaf = Deaf::start().await;
    let connect = tokio::net::TcpStream::connect(deaf.address());
    let connected = tokio::time::timeout(std::time::Duration::from_millis(300), connect).await;
    assert!(
        connected.is_err(),
        "neither accepted nor refused: {connected:?}"
    );
}

#[tokio::test]
async fn what_a_test_waits_for_can_be_awaited_on_any_thread() {
    fn sent<F: Future + Send>(future: F) -> F {
        future
    }
    let origin = sent(Origin::start(Reply::ok("hello"))).await;
    let mut raw = sent(Raw::connect(origin.address())).await;
    sent(raw.send(GET)).await;
    sent(raw.response()).await.unwrap();
    sent(origin.until("it is there", |origin| origin.count() == 1)).await;
    sent(origin.stop()).await;
    sent(origin.revive()).await;
}
