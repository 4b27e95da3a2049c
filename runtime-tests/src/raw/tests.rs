//! The client itself, against an origin.

use super::*;
use crate::origin::{Gate, Origin, Reply};

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

async fn connected(reply: Reply) -> (Origin, Raw) {
    let origin = Origin::start(reply).await;
    let raw = Raw::connect(origin.address()).await;
    (origin, raw)
}

#[tokio::test]
async fn a_request_can_be_written_byte_by_byte() {
    let (origin, mut raw) = connected(Reply::ok("hello")).await;
    for byte in GET.bytes() {
        assert_eq!(origin.count(), 0, "no request before its last byte");
        raw.send([byte]).await;
    }
    assert_eq!(raw.response().await.unwrap().text(), "hello");
}

#[tokio::test]
async fn responses_are_told_apart_on_one_connection() {
    let (_origin, mut raw) = connected(Reply::chunked().body("one").body("two")).await;
    raw.send(GET).await;
    raw.send(GET).await;
    for _ in 0..2 {
        assert_eq!(raw.response().await.unwrap().text(), "onetwo");
    }
    assert_eq!(raw.came().await, b"", "and nothing after them");
}

#[tokio::test]
async fn a_response_is_read_as_slowly_as_the_test_likes() {
    let (_origin, mut raw) = connected(Reply::ok("hello")).await;
    raw.send(GET).await;
    let head = raw.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(raw.read(2).await, b"he");
    assert_eq!(raw.read(3).await, b"llo");
}

#[tokio::test]
async fn what_came_can_be_looked_at_and_still_be_read() {
    let gate = Gate::closed();
    let (origin, mut raw) = connected(Reply::ok("hello").after(&gate)).await;
    raw.send(GET).await;
    gate.until_waiting(1).await;
    assert_eq!(raw.came().await, b"");
    gate.open();
    origin
        .until("it is answered", |origin| origin.request().answered)
        .await;
    assert_eq!(raw.response().await.unwrap().text(), "hello");
}

#[tokio::test]
async fn an_end_in_order_is_told_from_a_reset() {
    let (_origin, mut raw) = connected(Reply::close()).await;
    raw.send(GET).await;
    let broken = raw.response().await.unwrap_err();
    assert_eq!(broken.trouble, Trouble::Closed);
    let (_origin, mut raw) = connected(Reply::reset()).await;
    raw.send(GET).await;
    let broken = raw.response().await.unwrap_err();
    assert_eq!(broken.trouble, Trouble::Reset);
    assert_eq!(broken.so_far, Response::default(), "nothing came");
}

#[tokio::test]
async fn who_has_finished_writing_still_reads() {
    let (_origin, mut raw) = connected(Reply::ok("hello")).await;
    raw.send(GET).await;
    raw.finish().await;
    assert_eq!(raw.response().await.unwrap().text(), "hello");
    assert_eq!(raw.read_to_end().await, (vec![], Trouble::Closed));
}

#[tokio::test]
async fn a_reset_reaches_the_other_side() {
    let (origin, mut raw) = connected(Reply::stall()).await;
    raw.send(GET).await;
    origin
        .until("the request is there", |origin| origin.count() == 1)
        .await;
    raw.reset();
    origin
        .until("it is abandoned", |origin| origin.request().abandoned)
        .await;
}

#[tokio::test]
async fn interim_answers_are_told_but_do_not_go_on_for_ever() {
    let interim = |count| (0..count).fold(Reply::ok("at last"), |reply, _| reply.interim(102, &[]));
    let (_origin, mut raw) = connected(interim(3)).await;
    raw.send(GET).await;
    let response = raw.response().await.unwrap();
    assert_eq!(
        (response.interim.len(), response.text()),
        (3, "at last".to_owned())
    );
    let (_origin, mut raw) = connected(interim(INTERIM_COUNT_MAX + 1)).await;
    raw.send(GET).await;
    let broken = raw.response().await.unwrap_err();
    assert!(
        matches!(broken.trouble, Trouble::Malformed(_)),
        "{broken:?}"
    );
}
