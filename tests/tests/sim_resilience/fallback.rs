//! The old upstream, asked where the new one fails.

use crate::{
    HELD_BYTES_MAX, Origins, REPEATABLE, bytes, ok, route_with, status, upstream, with_body,
};
use doorward_tests::sim::client::{Answer, Sent};
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use std::rc::Rc;

/// An upstream whose requests move to another one.
struct Moving {
    origins: Origins,
    old: Rc<Origin>,
    new: Rc<Origin>,
}

impl Moving {
    fn new() -> Self {
        let origins = Origins::new();
        let old = origins.origin("old", ok("old"));
        let new = origins.origin("new", ok("new"));
        Self { origins, old, new }
    }

    /// Everybody is moved from `old` to `new`.
    fn policy(fallback: bool) -> String {
        Self::policy_with("", fallback)
    }

    fn policy_with(lines: &str, fallback: bool) -> String {
        let lines = format!(
            "upstream = \"old\"\n{lines}\n[route.split]\nto = \"new\"\npercent = 100\nfallback = {fallback}"
        );
        [
            upstream("old", &["old"], "attempts_max = 1"),
            upstream("new", &["new"], "attempts_max = 1"),
            route_with("u", &lines),
        ]
        .concat()
    }

    /// The gateway with a new instance for each request.
    fn forgetful(&self) -> Stage {
        self.origins.forgetful(&Self::policy(true))
    }
}

fn ask(stage: &Stage, method: &str, body: &[u8]) -> Answer {
    stage.send(with_body(method, "/u/a", body))
}

fn failures() -> [(&'static str, Reply, u16); 5] {
    let failure = |failure| Reply::failure(failure).reading();
    [
        ("503", Reply::status(503).body("new"), 503),
        ("502", Reply::status(502).body("new"), 502),
        ("504", Reply::status(504).body("new"), 504),
        ("reset", failure(Failure::ConnectionTerminated), 502),
        ("close", failure(Failure::Incomplete), 502),
    ]
}

#[test]
fn where_nobody_listens_the_old_upstream_answers_any_request() {
    let moving = Moving::new();
    moving.new.stop();
    let stage = moving.forgetful();
    let large = bytes(1 << 18);
    for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
        for body in [&b""[..], b"body", &large] {
            moving.old.forget();
            let what = format!("{method} with {} bytes, nobody listens", body.len());
            let answer = ask(&stage, method, body);
            status(&answer, 200, &what);
            assert_eq!(answer.text(), "old", "{what}: who answers");
            let seen = moving.old.seen();
            assert_eq!(seen.len(), 1, "{what}: the old one is asked once");
            assert!(
                seen[0].body == body,
                "{what}: all of the body, and the same"
            );
        }
    }
}

#[test]
fn where_the_new_upstream_fails_the_old_one_answers_what_can_be_repeated() {
    let moving = Moving::new();
    let stage = moving
        .origins
        .forgetful(&Moving::policy_with(REPEATABLE, true));
    let held = bytes(HELD_BYTES_MAX);
    for (how, reply, _) in failures() {
        moving.new.always(reply);
        for method in ["GET", "PUT", "DELETE"] {
            for body in [&b""[..], b"body", &held] {
                moving.old.forget();
                moving.new.forget();
                let what = format!("{method} with {} bytes, {how}", body.len());
                let answer = ask(&stage, method, body);
                status(&answer, 200, &what);
                assert_eq!(answer.text(), "old", "{what}: who answers");
                let [new, old] = [&moving.new, &moving.old].map(|origin| origin.seen());
                assert_eq!((new.len(), old.len()), (1, 1), "{what}: each is asked once");
                assert!(new[0].body == body, "{what}: the new one has it");
                assert!(old[0].body == body, "{what}: the old one has the same");
            }
        }
    }
}

#[test]
fn what_the_new_upstream_may_have_done_is_not_sent_to_the_old_one() {
    let moving = Moving::new();
    let stage = moving.forgetful();
    for (how, reply, expected) in failures() {
        moving.new.always(reply);
        for (method, body) in [
            ("POST", &b"once"[..]),
            ("POST", b""),
            ("PATCH", b"once"),
            ("PUT", b"once"),
            ("DELETE", b""),
        ] {
            let what = format!("{method} with {} bytes, {how}", body.len());
            let answer = ask(&stage, method, body);
            status(&answer, expected, &what);
            assert_eq!(moving.old.count(), 0, "{what}: the old one is not asked");
        }
    }
}

#[test]
fn a_body_that_is_no_longer_held_is_not_sent_to_the_old_one() {
    let moving = Moving::new();
    let stage = moving.forgetful();
    let large = bytes(HELD_BYTES_MAX + 1);
    for (how, reply, expected) in failures() {
        moving.new.always(reply);
        let answer = ask(&stage, "PUT", &large);
        status(&answer, expected, &format!("a large PUT, {how}"));
        if !matches!(how, "reset" | "close") {
            assert_eq!(answer.text(), "new", "{how}: the answer that there is");
        }
        assert_eq!(moving.old.count(), 0, "{how}: half a body goes nowhere");
    }
}

#[test]
fn while_the_breaker_of_the_new_upstream_is_open_the_old_one_answers_everything() {
    let moving = Moving::new();
    moving.new.always(Reply::status(503));
    let stage = moving.origins.one(&Moving::policy(true));
    for number in 0..20 {
        let answer = stage.send(Sent::get("/u/a").of_client(number));
        status(&answer, 200, "the breaker opens");
    }
    let asked = moving.new.count();
    let large = bytes(HELD_BYTES_MAX + 1);
    for method in ["POST", "PATCH", "PUT", "GET"] {
        for body in [&b"body"[..], &large] {
            let answer = ask(&stage, method, body);
            status(&answer, 200, &format!("{method}, the breaker is open"));
            assert_eq!(answer.text(), "old", "{method}: who answers");
        }
    }
    assert_eq!(moving.new.count(), asked, "nobody asks the new one");
}

#[test]
fn without_fallback_a_failure_is_a_failure() {
    let moving = Moving::new();
    let stage = moving.origins.forgetful(&Moving::policy(false));
    for (how, reply, expected) in failures() {
        moving.new.always(reply);
        status(&ask(&stage, "GET", b""), expected, how);
    }
    moving.new.stop();
    status(&ask(&stage, "GET", b""), 502, "nobody listens");
    assert_eq!(moving.old.count(), 0, "the old one is never asked");
}

#[test]
fn an_answer_of_the_new_upstream_is_no_failure() {
    let moving = Moving::new();
    let stage = moving.origins.one(&Moving::policy(true));
    for code in [200, 301, 400, 404, 429, 500, 501] {
        moving.new.always(Reply::status(code).body("new"));
        let answer = ask(&stage, "GET", b"");
        status(&answer, code, "what the new one says");
        assert_eq!(answer.text(), "new", "{code}: who answers");
    }
    assert_eq!(moving.old.count(), 0, "the old one is never asked");
}

#[test]
fn where_both_fail_the_client_is_told_what_the_old_one_says() {
    let moving = Moving::new();
    let stage = moving.forgetful();
    moving.new.always(Reply::failure(Failure::Incomplete));
    let unavailable = Reply::status(503).field("Retry-After", "7");
    moving.old.always(unavailable.body("old"));
    let answer = ask(&stage, "GET", b"");
    status(&answer, 503, "both fail");
    assert_eq!(answer.text(), "old", "the old one's answer");
    assert_eq!(answer.field("retry-after"), "7");
    let asked = (moving.new.count(), moving.old.count());
    assert_eq!(asked, (1, 1), "each is asked once");
}
