//! An upstream that fails is left alone for a while.

use crate::{Origins, is_ours, ok, one_upstream, route_with, status, upstream, with_body};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::hold::Hold;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use std::time::Duration;

/// Requests after which a breaker may open (`crates/traffic/src/breaker.rs`).
const REQUESTS_MIN: usize = 20;
/// For how long it is open at first.
const OPEN: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);
const ONCE: &str = "attempts_max = 1";

/// Fails the upstream until its breaker has opened.
fn opened(stage: &Stage, origin: &Origin) {
    for number in 0..REQUESTS_MIN {
        let answer = stage.send(Sent::get("/u/a").of_client(number));
        status(&answer, 503, "an origin that fails");
        assert!(!is_ours(&answer), "failure {number} is the origin's own");
    }
    assert_eq!(origin.count(), REQUESTS_MIN, "each of them was asked");
}

/// Fails unless nobody is asked, and the gateway says to come back after so many seconds.
fn is_open(stage: &Stage, origin: &Origin, retry_after_s: u32) {
    let before = origin.count();
    for method in ["GET", "POST", "PUT"] {
        let answer = stage.send(with_body(method, "/u/a", "body"));
        status(&answer, 503, "a breaker that is open");
        assert!(is_ours(&answer), "{method}: the gateway's own answer");
        assert_eq!(
            answer.field("retry-after"),
            retry_after_s.to_string(),
            "{method}: it says when to come back"
        );
    }
    assert_eq!(origin.count(), before, "the upstream is left alone");
}

#[test]
fn an_upstream_that_fails_is_no_longer_asked_and_recovers() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503).body("of the origin"));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    let executor = &stage.world.executor;
    opened(&stage, &origin);
    // Each probe fails, and it is open for twice as long, up to half a minute.
    for open_s in [1, 2, 4, 8, 16, 30, 30] {
        is_open(&stage, &origin, open_s);
        executor.run_for(OPEN * open_s - MOMENT);
        is_open(&stage, &origin, 1);
        executor.run_for(MOMENT);
        let before = origin.count();
        let answer = stage.send(Sent::get("/u/a"));
        assert_eq!(origin.count(), before + 1, "one request probes");
        assert_eq!(answer.text(), "of the origin", "and has its answer");
    }
    origin.always(ok("back"));
    executor.run_for(Duration::from_secs(30));
    for _ in 0..=REQUESTS_MIN {
        status(&stage.send(Sent::get("/u/a")), 200, "the breaker is closed");
    }
}

#[test]
fn while_it_is_probed_one_request_goes_through() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    opened(&stage, &origin);
    let hold = Hold::closed(&stage.world);
    origin.always(ok("back").held(&hold));
    stage.world.executor.run_for(OPEN);
    let probe = stage.begin(Sent::get("/u/a"));
    stage.until("it is probed", || hold.waiting() == 1);
    for answer in stage.at_once((0..16).map(|_| Sent::get("/u/a"))) {
        status(&answer, 503, "while another one probes");
        assert!(is_ours(&answer), "the gateway's own answer");
    }
    assert_eq!(hold.waiting(), 1, "one request probes");
    hold.open();
    status(&probe.answer(), 200, "the probe");
    for answer in stage.at_once((0..16).map(|_| Sent::get("/u/a"))) {
        status(&answer, 200, "after it has succeeded");
    }
}

#[test]
fn a_probe_whose_client_goes_away_leaves_the_next_request_to_probe() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    opened(&stage, &origin);
    let hold = Hold::closed(&stage.world);
    origin.always(ok("back").held(&hold));
    stage.world.executor.run_for(OPEN);
    let probe = stage.begin(Sent::get("/u/a"));
    stage.until("it is probed", || hold.waiting() == 1);
    probe.leave();
    origin.always(ok("back"));
    status(&stage.send(Sent::get("/u/a")), 200, "the next one");
    assert_eq!(origin.count(), REQUESTS_MIN + 2, "which probes as well");
}

#[test]
fn without_a_breaker_an_upstream_is_asked_for_ever() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let stage = origins.one(&one_upstream(&["u"], &format!("{ONCE}\nbreaker = false")));
    for _ in 0..3 * REQUESTS_MIN {
        let answer = stage.send(Sent::get("/u/a"));
        assert!(!is_ours(&answer), "the origin's own answer");
    }
    assert_eq!(origin.count(), 3 * REQUESTS_MIN, "all of them are asked");
}

#[test]
fn answers_that_are_no_failures_leave_it_closed() {
    let origins = Origins::new();
    let origin = origins.origin("u", ok(""));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    for code in [400, 401, 404, 429, 500, 501] {
        origin.always(Reply::status(code));
        for _ in 0..REQUESTS_MIN {
            let answer = stage.send(Sent::get("/u/a"));
            status(&answer, code, "the origin's own answer");
            assert!(!is_ours(&answer), "{code}: not the gateway's");
        }
    }
}

#[test]
fn one_client_that_meets_failures_takes_a_route_away_from_nobody() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    for _ in 0..10 * REQUESTS_MIN {
        let answer = stage.send(Sent::get("/u/slow"));
        assert!(!is_ours(&answer), "the origin's own answer");
    }
    origin.always(ok("to others"));
    for number in 0..REQUESTS_MIN {
        let answer = stage.send(Sent::get("/u/a").of_client(number));
        status(&answer, 200, "another client");
    }
}

/// A client that asks for what fails whenever it is let, and others who ask for what works.
#[test]
fn one_client_whose_probes_fail_keeps_a_route_from_nobody_else() {
    const ATTACKER: usize = 1000;
    for (how, failure) in [
        ("503", Reply::status(503)),
        ("a timeout", Reply::never()),
        ("a client that leaves", Reply::never()),
    ] {
        let origins = Origins::new();
        let origin = origins.origin("u", Reply::status(503));
        let lines = format!("{ONCE}\nfirst_byte_timeout_ms = 20000");
        let stage = origins.one(&one_upstream(&["u"], &lines));
        opened(&stage, &origin);
        origin.answers(move |seen, _| match seen.target.ends_with("bad") {
            true => failure.clone(),
            false => ok("works"),
        });
        let bad = || Sent::get("/u/bad").of_client(ATTACKER);
        stage.world.executor.run_for(OPEN);
        // It is the first one whenever somebody may probe.
        let mut held = vec![stage.begin(bad())];
        stage.world.executor.run_for(MOMENT);
        if how == "a client that leaves" {
            held.remove(0).leave();
            held.push(stage.begin(bad()));
            stage.world.executor.run_for(MOMENT);
        }
        held.extend((0..3).map(|_| stage.begin(bad())));
        stage.world.executor.run_for(MOMENT);
        let before = origin.count();
        for number in 0..REQUESTS_MIN {
            let answer = stage.send(Sent::get("/u/a").of_client(number));
            status(&answer, 200, &format!("{how}: client {number}"));
            held.push(stage.begin(bad()));
        }
        assert!(origin.count() - before >= REQUESTS_MIN, "{how}: asked");
    }
}

/// Where all fail, three of them find that out each time, and no more.
#[test]
fn probes_of_different_clients_that_fail_keep_a_route_closed() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let stage = origins.one(&one_upstream(&["u"], ONCE));
    opened(&stage, &origin);
    for open_s in [1, 2, 4, 8, 16, 30, 30] {
        stage.world.executor.run_for(OPEN * open_s);
        let before = origin.count();
        for number in 0..10 {
            stage.send(Sent::get("/u/a").of_client(number));
        }
        assert_eq!(origin.count() - before, 3, "after {open_s} s");
    }
}

#[test]
fn an_endpoint_that_fails_leaves_all_other_routes_of_its_upstream_alone() {
    let reset = Reply::failure(Failure::ConnectionTerminated).reading();
    for (how, failure) in [
        ("503", Reply::status(503)),
        ("a timeout", Reply::never()),
        ("a reset", reset),
    ] {
        let origins = Origins::new();
        let origin = origins.origin("u", ok("works"));
        origin.answers(move |seen, _| match seen.target.starts_with("/bad") {
            true => failure.clone(),
            false => ok("works"),
        });
        let to_u = |name| route_with(name, "upstream = \"u\"");
        let lines = format!("{ONCE}\nfirst_byte_timeout_ms = 100");
        let policy = [upstream("u", &["u"], &lines), to_u("good"), to_u("bad")].concat();
        let stage = origins.one(&policy);
        let bad = |number| Sent::get("/bad/a").of_client(number);
        stage.at_once((0..REQUESTS_MIN).map(bad));
        let before = origin.count();
        let answer = stage.send(Sent::get("/bad/a"));
        status(&answer, 503, &format!("{how}: the route's breaker is open"));
        assert_eq!(origin.count(), before, "{how}: nobody is asked");
        for number in 0..2 * REQUESTS_MIN {
            let answer = stage.send(Sent::get("/good/a").of_client(number));
            status(&answer, 200, &format!("{how}: another route"));
        }
    }
}

#[test]
fn an_upstream_that_cannot_be_reached_is_left_alone_on_all_routes_whoever_asks() {
    let origins = Origins::new();
    let to_u = |name| route_with(name, "upstream = \"u\"");
    let policy = [upstream("u", &["absent"], ONCE), to_u("one"), to_u("other")].concat();
    let stage = origins.one(&policy);
    for _ in 0..REQUESTS_MIN {
        status(&stage.send(Sent::get("/one/a")), 502, "nobody listens");
    }
    for target in ["/one/a", "/other/a"] {
        status(&stage.send(Sent::get(target)), 503, "the breaker is open");
    }
}

#[test]
fn a_request_counts_once_however_often_it_is_sent() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::status(503));
    let quick = "attempts_max = 2\nbackoff_ms = 1\nbackoff_ms_max = 1";
    let stage = origins.one(&one_upstream(&["u"], quick));
    for number in 0..REQUESTS_MIN {
        let answer = stage.send(Sent::get("/u/a").of_client(number));
        assert!(!is_ours(&answer), "request {number} is asked");
    }
    assert!(origin.count() > REQUESTS_MIN, "some of them twice");
    assert!(is_ours(&stage.send(Sent::get("/u/a"))), "now it is open");
}

#[test]
fn an_answer_that_the_host_does_not_accept_is_a_502_and_says_nothing_of_others() {
    let origins = Origins::new();
    let origin = origins.origin("u", Reply::failure(Failure::HeadTooLarge).reading());
    let stage = origins.one(&one_upstream(&["u"], ""));
    for number in 0..2 * REQUESTS_MIN {
        let answer = stage.send(Sent::get("/u/a").of_client(number));
        status(&answer, 502, "too many fields");
    }
    assert_eq!(origin.count(), 2 * REQUESTS_MIN, "each is asked for once");
    origin.always(ok("works"));
    status(&stage.send(Sent::get("/u/a")), 200, "the next one");
}
