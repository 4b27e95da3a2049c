//! Three targets of one upstream: evenly asked, set aside when they fail, asked less when they are slow.

use crate::load::Load;
use crate::{Origins, QUICK, ok, one_upstream, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::hold::Hold;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::{Origin, Reply};
use doorward_tests::sim::stage::Stage;
use std::rc::Rc;
use std::time::Duration;

/// For how long a target is set aside the first time, at least and at most (`crates/traffic/src/balance.rs`).
const ASIDE_MIN: Duration = Duration::from_millis(800);
const ASIDE_MAX: Duration = Duration::from_millis(1_200);
/// Failures in a row after which it is.
const FAILURES_MAX: usize = 3;
const NAMES: [&str; 3] = ["one", "two", "three"];
/// How often is asked while time passes.
const ASK_EVERY: Duration = Duration::from_millis(10);
const MOMENT: Duration = Duration::from_millis(1);

/// Three targets that work.
fn three(origins: &Origins) -> [Rc<Origin>; 3] {
    NAMES.map(|name| origins.origin(name, ok("ok").after(MOMENT)))
}

fn counts(origins: &[Rc<Origin>; 3]) -> [usize; 3] {
    origins.each_ref().map(|origin| origin.count())
}

/// Asks so many times. Every answer has to be a 200.
fn ask(stage: &Stage, times: usize, what: &str) {
    for _ in 0..times {
        status(&stage.send(Sent::get("/u/a")), 200, what);
    }
}

/// Asks for so long. Every answer has to be a 200.
fn ask_for(stage: &Stage, time: Duration, what: &str) {
    let end = stage.world.executor.now() + time;
    while stage.world.executor.now() < end {
        ask(stage, 1, what);
        stage.world.executor.run_for(ASK_EVERY);
    }
}

/// Asks until `origin` was asked again; every answer has to be a 200.
fn until_asked(stage: &Stage, origin: &Origin, what: &str) {
    let before = origin.count();
    for number in 0.. {
        ask(stage, 1, what);
        if origin.count() > before {
            return;
        }
        assert!(number < 10_000, "{what}: in vain");
    }
}

#[test]
fn targets_that_are_alike_get_alike_many_requests() {
    const COUNT: usize = 1_500;
    let origins = Origins::new();
    let three = three(&origins);
    let stage = origins.many(&one_upstream(&NAMES, QUICK));
    let load = Load::start(&stage, vec![Sent::get("/u/a")], 12);
    load.until_more(COUNT);
    let tally = load.stop();
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    let counts = counts(&three);
    for count in counts {
        assert!(
            count.abs_diff(COUNT / 3) < COUNT / 12,
            "{COUNT} requests over three targets that are alike: {counts:?}"
        );
    }
}

#[test]
fn a_slow_target_gets_fewer_requests_than_fast_ones() {
    const CLIENTS: usize = 12;
    let origins = Origins::new();
    let three = three(&origins);
    let hold = Hold::closed(&origins.world);
    three[0].always(ok("slow").held(&hold));
    let stage = origins.one(&one_upstream(&NAMES, QUICK));
    let load = Load::start(&stage, vec![Sent::get("/u/a")], CLIENTS);
    stage.until("the slow one is asked", || hold.waiting() > 0);
    // Taking turns, all clients would soon wait for the slow one.
    load.until_more(1_000);
    let counted = counts(&three);
    assert!(
        counted[0] < CLIENTS && counted[1] > 300 && counted[2] > 300,
        "the first target answers nobody: {counted:?}"
    );
    hold.open();
    let tally = load.stop();
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
}

#[test]
fn a_target_that_fails_is_set_aside_and_asked_again_by_one_request_at_a_time() {
    let reset = Reply::failure(Failure::ConnectionTerminated);
    for (how, failure) in [("503", Reply::status(503)), ("reset", reset)] {
        let origins = Origins::new();
        let three = three(&origins);
        let stage = origins.one(&one_upstream(&NAMES, QUICK));
        for origin in &three {
            until_asked(&stage, origin, "all work");
        }
        three[0].forget();
        three[0].always(failure);
        for _ in 0..FAILURES_MAX {
            until_asked(&stage, &three[0], how);
        }
        let others = three[1].count() + three[2].count();
        ask_for(&stage, ASIDE_MIN - 2 * ASK_EVERY, how);
        let count = three[0].count();
        assert_eq!(count, FAILURES_MAX, "{how}: the target is left alone");
        let went_on = three[1].count() + three[2].count() - others;
        assert!(went_on > 20, "{how}: the others go on, {went_on}");
        ask_for(&stage, ASIDE_MAX, how);
        let count = three[0].count();
        assert_eq!(count, FAILURES_MAX + 1, "{how}: one request probes it");
        // Which fails as well: it is left alone for twice as long.
        ask_for(&stage, ASIDE_MIN * 2 - ASIDE_MAX, how);
        let count = three[0].count();
        assert_eq!(count, FAILURES_MAX + 1, "{how}: it is left alone again");

        // It works again, but nobody knows until a single request comes back from there.
        let hold = Hold::closed(&stage.world);
        three[0].always(ok("back").held(&hold));
        stage.world.executor.run_for(ASIDE_MAX * 2);
        let probe = stage.begin(Sent::get("/u/a"));
        stage.until("it is probed", || hold.waiting() == 1);
        for answer in stage.at_once((0..100).map(|_| Sent::get("/u/a"))) {
            assert_eq!(
                answer.text(),
                "ok",
                "{how}: one request probes, not this one"
            );
        }
        assert_eq!(hold.waiting(), 1, "{how}: one request probes it");
        hold.open();
        assert_eq!(probe.answer().text(), "back", "{how}: the probe");
        let before = three[0].count();
        ask(&stage, 100, how);
        let count = three[0].count() - before;
        assert!(count > 10, "{how}: it gets its share again, not {count}");
    }
}

#[test]
fn a_target_that_is_gone_is_set_aside_at_once_and_comes_back() {
    let origins = Origins::new();
    let three = three(&origins);
    let stage = origins.one(&one_upstream(&NAMES, QUICK));
    three[0].stop();
    ask_for(&stage, ASIDE_MIN - 2 * ASK_EVERY, "one of three is gone");
    assert_eq!(stage.told("upstream-failed"), 1, "it was asked in vain");
    three[0].revive();
    until_asked(&stage, &three[0], "it is back");
    let before = three[0].count();
    ask(&stage, 100, "all three are there");
    let count = three[0].count() - before;
    assert!(count > 10, "it gets its share again, not {count} of 100");
}

#[test]
fn a_probe_takes_the_request_of_nobody_who_cannot_repeat_it() {
    let origins = Origins::new();
    let three = three(&origins);
    let stage = origins.one(&one_upstream(&NAMES, QUICK));
    three[0].always(Reply::status(503));
    while three[0].count() < FAILURES_MAX {
        ask(&stage, 1, "one of three fails");
    }
    stage.world.executor.run_for(ASIDE_MAX);
    for _ in 0..50 {
        let answer = stage.send(Sent::post("/u/a", "once").with_length());
        status(&answer, 200, "a POST, while the target's time is up");
    }
    assert_eq!(
        three[0].count(),
        FAILURES_MAX,
        "no POST probes a target where others work"
    );
    ask(&stage, 1, "a GET");
    assert_eq!(three[0].count(), FAILURES_MAX + 1, "the first GET does");
}

#[test]
fn where_no_target_is_healthy_all_of_them_are_tried() {
    let origins = Origins::new();
    let three = three(&origins);
    let lines = format!("{QUICK}\nbreaker = false");
    let stage = origins.one(&one_upstream(&NAMES, &lines));
    for origin in &three {
        origin.always(Reply::status(503));
    }
    // Repetitions run out, and all are set aside by then.
    for _ in 0..30 {
        status(&stage.send(Sent::get("/u/a")), 503, "all fail");
    }
    for origin in &three {
        assert!(origin.count() >= FAILURES_MAX, "{:?}", counts(&three));
        origin.forget();
        origin.always(ok("ok"));
    }
    // They work from now on, and nobody waits for the time of one of them to be up.
    for method in ["GET", "POST", "GET", "POST"] {
        let answer = stage.send(Sent::new(method, "/u/a"));
        status(&answer, 200, "all were set aside, and are asked after all");
    }
    // Those that fail are not set aside for longer by that: see what each was asked.
    for origin in &three {
        origin.always(Reply::status(503));
    }
    for _ in 0..60 {
        status(&stage.send(Sent::get("/u/a")), 503, "all fail again");
    }
    for origin in &three {
        let counts = counts(&three);
        assert!(origin.count() > 5, "each of them is tried: {counts:?}");
    }
}
