//! When requests are sent again, and for how long.

use crate::{Origins, QUICK, ok, one_repeatable, one_upstream, status, with_body};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use std::time::Duration;

/// How long it took from one request to the next.
fn pauses(origin: &Origin) -> Vec<Duration> {
    let seen = origin.seen();
    let pairs = seen.windows(2);
    pairs.map(|pair| pair[1].at - pair[0].at).collect()
}

/// An answer with this status, which says when to come back.
fn later(status: u16, after_s: &str) -> Reply {
    Reply::status(status).field("Retry-After", after_s)
}

#[test]
fn retry_after_is_waited_for_where_there_is_time() {
    for failure in [later(503, "1"), later(429, "1")] {
        let origins = Origins::new();
        let origin = origins.origin("u", ok(""));
        origin.at_first(1, failure, ok("in the end"));
        let stage = origins.one(&one_upstream(&["u"], QUICK));
        let answer = stage.send(Sent::get("/u/a"));
        status(&answer, 200, "after the pause that the origin asked for");
        assert_eq!(pauses(&origin), [Duration::from_secs(1)]);
    }
}

#[test]
fn retry_after_that_would_end_too_late_is_handed_on_at_once() {
    let origins = Origins::new();
    let origin = origins.origin("u", later(503, "2").body("in two seconds"));
    let stage = origins.one(&one_upstream(
        &["u"],
        &format!("{QUICK}\ndeadline_ms = 1900"),
    ));
    let answer = stage.send(Sent::get("/u/a"));
    status(&answer, 503, "two seconds where there is less");
    assert_eq!(answer.text(), "in two seconds", "the origin's answer");
    assert_eq!(
        answer.field("retry-after"),
        "2",
        "the client is told when to come back"
    );
    assert_eq!(origin.count(), 1, "the origin is not asked before");
    assert_eq!(
        stage.world.executor.now(),
        Duration::ZERO,
        "nobody waits for what would be too late"
    );
}

#[test]
fn between_two_attempts_the_pause_grows_up_to_its_bound_and_is_drawn_by_chance() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let lines = "attempts_max = 5\nbackoff_ms = 100\nbackoff_ms_max = 400\nbreaker = false";
    let stage = origins.forgetful(&one_upstream(&["u"], lines));
    let mut longest = vec![Duration::ZERO; 4];
    for _ in 0..40 {
        origin.forget();
        status(&stage.send(Sent::get("/u/a")), 503, "it fails for good");
        let pauses = pauses(&origin);
        assert_eq!(pauses.len(), 4, "four pauses between five attempts");
        for (longest, pause) in longest.iter_mut().zip(pauses) {
            *longest = pause.max(*longest);
        }
    }
    for (longest, bound_ms) in longest.into_iter().zip([100, 200, 400, 400]) {
        let bound = Duration::from_millis(bound_ms);
        assert!(
            longest <= bound && longest > bound * 3 / 4,
            "of 40 pauses below {bound:?} the longest is {longest:?}"
        );
    }
}

/// How long the gateway takes to say 504 to this request, which it has to.
fn time_to_504(stage: &Stage, sent: Sent) -> Duration {
    let began = stage.world.executor.now();
    status(&stage.send(sent), 504, "an origin that never answers");
    stage.world.executor.now() - began
}

/// How long each of these takes to fail, and how many attempts it makes, where nobody ever answers.
fn stalled(lines: &str, all: &[Sent]) -> Vec<(Duration, usize)> {
    [true, false]
        .into_iter()
        .flat_map(|keeps_time| {
            let origins = Origins::new();
            let origin = origins.origin("u", Reply::never());
            let policy = one_repeatable(&["u"], &format!("{QUICK}\n{lines}"));
            let stage = origins.served(doorward_tests::sim::component::Component {
                keeps_time,
                ..doorward_tests::sim::component::Component::new(&policy)
            });
            let measure = |sent: &Sent| {
                origin.forget();
                let took = time_to_504(&stage, sent.clone());
                (took, origin.count())
            };
            all.iter().map(measure).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn all_attempts_together_are_over_by_the_deadline() {
    // Without the deadline this would take 10 times 600 ms.
    let lines = "attempts_max = 10\nconnect_timeout_ms = 100\nfirst_byte_timeout_ms = 600\ndeadline_ms = 1000";
    for (took, asked) in stalled(lines, &[Sent::get("/u/a")]) {
        assert!(
            (Duration::from_millis(990)..=Duration::from_millis(1001)).contains(&took),
            "the deadline is a second, and the answer took {took:?}"
        );
        assert_eq!(asked, 2, "one attempt, and what was left of a second");
    }
    // One attempt alone is not longer than that either.
    let lines = "attempts_max = 1\nfirst_byte_timeout_ms = 20000\ndeadline_ms = 1000";
    let second = (Duration::from_secs(1), 1);
    assert_eq!(stalled(lines, &[Sent::get("/u/a")]), [second, second]);
}

#[test]
fn the_last_attempt_is_as_short_as_what_is_left() {
    // The first one may take its time, the second one what is left of the deadline.
    let lines = "attempts_max = 2\nconnect_timeout_ms = 100\nfirst_byte_timeout_ms = 2000\ndeadline_ms = 2500";
    for (took, asked) in stalled(lines, &[Sent::get("/u/a")]) {
        assert!(
            (Duration::from_millis(2490)..=Duration::from_millis(2501)).contains(&took),
            "the deadline is two and a half seconds, and the answer took {took:?}"
        );
        assert_eq!(asked, 2, "there is time for two attempts");
    }
}

#[test]
fn the_deadline_holds_for_a_request_with_a_body() {
    let lines = "attempts_max = 10\nfirst_byte_timeout_ms = 600\ndeadline_ms = 1000";
    for (took, asked) in stalled(lines, &[with_body("PUT", "/u/a", "small")]) {
        assert!(
            (Duration::from_millis(990)..=Duration::from_millis(1001)).contains(&took),
            "the deadline is a second, and the answer took {took:?}"
        );
        assert_eq!(asked, 2, "one attempt, and what was left of a second");
    }
    // One attempt alone is not longer than that either.
    let lines = "attempts_max = 1\nfirst_byte_timeout_ms = 20000\ndeadline_ms = 1000";
    let second = (Duration::from_secs(1), 1);
    let all = [with_body("POST", "/u/a", "small")];
    assert_eq!(stalled(lines, &all), [second, second]);
}

#[test]
fn a_body_that_takes_longer_than_the_deadline_arrives() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok("all of it"));
    let lines = "attempts_max = 1\nfirst_byte_timeout_ms = 2000\ndeadline_ms = 300";
    let stage = origins.one(&one_upstream(&["u"], lines));
    let pieces = vec![b"x".to_vec(); 10];
    let sent = Sent::new("PUT", "/u/a")
        .pieces(pieces, Duration::from_millis(50))
        .with_length();
    status(&stage.send(sent), 200, "a slow upload");
    assert_eq!(origin.seen()[0].body, b"xxxxxxxxxx", "all of it arrives");
}
