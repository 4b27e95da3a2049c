//! Requests with bodies: what is still held is sent again, what is not is not.

use crate::{HELD_BYTES_MAX, Origins, QUICK, bytes, ok, one_repeatable, status, with_body};
use doorward_gate::platform::FieldList;
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;
use std::time::Duration;

fn failures() -> [(&'static str, Reply, u16); 3] {
    let failure = |failure| Reply::failure(failure).reading();
    [
        ("closed", failure(Failure::Incomplete), 502),
        ("reset", failure(Failure::ConnectionTerminated), 502),
        ("503", Reply::status(503).body("not now"), 503),
    ]
}

#[test]
fn a_body_that_is_held_is_sent_again_byte_for_byte() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok(""));
    let stage = origins.forgetful(&one_repeatable(&["u"], QUICK));
    for (how, failure, _) in failures() {
        for count in [1, 1000, 8 * 1024, 8 * 1024 + 1, HELD_BYTES_MAX] {
            let what = format!("a PUT of {count} bytes, {how} twice");
            origin.forget();
            origin.at_first(2, failure.clone(), ok("kept"));
            let answer = stage.send(with_body("PUT", "/u/a", bytes(count)));
            status(&answer, 200, &what);
            let seen = origin.seen();
            assert_eq!(seen.len(), 3, "{what}: the origin is asked three times");
            for (number, seen) in seen.iter().enumerate() {
                assert!(seen.is_whole(), "{what}: request {number}: {seen:?}");
                assert_eq!(
                    seen.values("content-length"),
                    [count.to_string()],
                    "{what}: the length that request {number} announces"
                );
                assert!(
                    seen.body == bytes(count),
                    "{what}: request {number} has another body, of {} bytes",
                    seen.body.len()
                );
            }
        }
    }
}

#[test]
fn a_body_in_chunks_is_sent_again() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok(""));
    let closed = Reply::failure(Failure::Incomplete).reading();
    origin.at_first(1, closed, ok("kept"));
    let stage = origins.one(&one_repeatable(&["u"], QUICK));
    let pieces = vec![b"hello".to_vec(), b" world".to_vec()];
    let sent = Sent::new("PUT", "/u/a")
        .field("trailer", "x-sum")
        .pieces(pieces, Duration::from_millis(1))
        .trailer("x-sum", "7");
    status(&stage.send(sent), 200, "a PUT in chunks, closed once");
    let seen = origin.seen();
    assert_eq!(seen.len(), 2, "the origin is asked twice");
    for seen in seen {
        assert_eq!(
            String::from_utf8_lossy(&seen.body),
            "hello world",
            "the body of each: {seen:?}"
        );
        let trailers = FieldList::of([("x-sum", "7")]);
        assert_eq!(seen.trailers, Ok(trailers), "and its trailers");
    }
}

#[test]
fn a_body_that_is_too_large_to_be_held_is_sent_once() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok(""));
    let stage = origins.forgetful(&one_repeatable(&["u"], QUICK));
    for (how, failure, expected) in failures() {
        for count in [HELD_BYTES_MAX + 1, 1 << 18] {
            let what = format!("a PUT of {count} bytes, {how}");
            origin.forget();
            origin.at_first(1, failure.clone(), ok("twice"));
            let answer = stage.send(with_body("PUT", "/u/a", bytes(count)));
            status(&answer, expected, &what);
            if expected == 503 {
                assert_eq!(answer.text(), "not now", "{what}: the origin's answer");
            }
            let seen = origin.seen();
            assert_eq!(seen.len(), 1, "{what}: the origin is asked once");
            assert_eq!(seen[0].body.len(), count, "{what}: all of it was read");
        }
    }
}

#[test]
fn an_origin_that_fails_before_the_body_was_read_is_asked_again_with_all_of_it() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok(""));
    let stage = origins.forgetful(&one_repeatable(&["u"], QUICK));
    for (how, failure, _) in failures() {
        origin.forget();
        origin.at_first(1, failure.early(), ok("kept"));
        let answer = stage.send(with_body("PUT", "/u/a", bytes(HELD_BYTES_MAX)));
        status(&answer, 200, how);
        let seen = origin.seen();
        assert_eq!(seen.len(), 2, "{how}: the origin is asked twice");
        assert!(
            seen[1].body == bytes(HELD_BYTES_MAX),
            "{how}: the second one has all of the body, not {} bytes",
            seen[1].body.len()
        );
    }
}
