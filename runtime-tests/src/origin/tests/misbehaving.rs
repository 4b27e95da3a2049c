//! Answers that are wrong.

use super::*;
use crate::raw::Broken;

/// What comes of one request.
async fn ask(reply: Reply) -> Result<Response, Broken> {
    let origin = Origin::start(reply).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(GET).await;
    connection.response().await
}

/// All that comes of one request, and how it ends.
async fn raw(reply: Reply) -> (String, Trouble) {
    let origin = Origin::start(reply).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(GET).await;
    let (bytes, trouble) = connection.read_to_end().await;
    (String::from_utf8_lossy(&bytes).into_owned(), trouble)
}

#[tokio::test]
async fn a_connection_ends_without_an_answer() {
    assert_eq!(raw(Reply::close()).await, (String::new(), Trouble::Closed));
    assert_eq!(raw(Reply::reset()).await, (String::new(), Trouble::Reset));
}

#[tokio::test]
async fn an_answer_is_cut_off() {
    let short = Reply::ok("hello").announcing(9);
    let broken = ask(short.clone().then_close()).await.unwrap_err();
    assert_eq!(broken.trouble, Trouble::Closed);
    assert_eq!(
        (broken.so_far.status, broken.so_far.text()),
        (200, "hello".to_owned())
    );
    let gate = Gate::closed();
    let origin = Origin::start(short.trickle(&gate, &["!"]).then_reset()).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(GET).await;
    connection.read_until("hello").await;
    gate.open();
    let (_, trouble) = connection.read_to_end().await;
    assert_eq!(trouble, Trouble::Reset, "in the middle of the body");
}

#[tokio::test]
async fn an_answer_begins_and_falls_silent() {
    let origin = Origin::start(Reply::ok("hel").announcing(5).then_stall()).await;
    let mut connection = Raw::connect(origin.address()).await;
    connection.send(GET).await;
    connection.read_until("hel").await;
    assert_eq!(connection.came().await, b"", "no more of it");
    assert_eq!(origin.connections_open(), 1, "and no end");
}

#[tokio::test]
async fn an_answer_is_longer_than_it_says() {
    let (text, _) = raw(Reply::ok("hello, and more").announcing(5).then_close()).await;
    assert!(text.contains("Content-Length: 5\r\n"), "{text}");
    assert!(text.ends_with("hello, and more"), "{text}");
}

#[tokio::test]
async fn an_answer_is_no_http() {
    for reply in [
        Reply::garbage(),
        Reply::two_lengths().then_close(),
        Reply::folded().then_close(),
    ] {
        let broken = ask(reply.clone()).await.unwrap_err();
        assert!(
            matches!(broken.trouble, Trouble::Malformed(_)),
            "{reply:?}: {broken:?}"
        );
    }
    let (text, _) = raw(Reply::two_lengths().then_close()).await;
    assert_eq!(text.matches("Content-Length").count(), 2, "{text}");
    let (text, _) = raw(Reply::folded().then_close()).await;
    assert!(text.contains("X-Folded: one\r\n two\r\n"), "{text}");
}

#[tokio::test]
async fn an_answer_is_exactly_what_the_script_says() {
    let bytes = "HTTP/1.1 200\tOK\nbare: lf\n\nbody";
    let (text, trouble) = raw(Reply::raw(bytes).then_close()).await;
    assert_eq!((&*text, trouble), (bytes, Trouble::Closed));
}

#[tokio::test]
async fn a_head_is_far_too_large() {
    let response = ask(Reply::ok("hello").many_fields(10_000)).await.unwrap();
    assert_eq!(response.fields.len(), 10_001);
    assert_eq!(response.field("x-9999"), Some("v"));
    let response = ask(Reply::ok("hello").huge_field(1 << 20)).await.unwrap();
    assert_eq!(response.field("x-huge").map(str::len), Some(1 << 20));
}
