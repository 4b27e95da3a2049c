//! Mirrors that stall, die or fail: nobody notices.

use crate::load::Load;
use crate::mirror::Mirrored;
use crate::{ok, status, with_body};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::hold::Hold;
use doorward_tests::sim::message::Failure;
use doorward_tests::sim::origin::Reply;
use std::time::Duration;

/// Mirrored requests that an instance has under way at a time (`crates/gate/src/proxy/mirror.rs`).
const MIRRORED_MAX: usize = 64;
/// How long the origin takes. Nobody waits for longer.
const MOMENT: Duration = Duration::from_millis(1);

fn requests(body_bytes: usize) -> Vec<Sent> {
    let put = with_body("PUT", "/u/a", vec![b'x'; body_bytes]);
    vec![Sent::get("/u/a"), put]
}

#[test]
fn a_mirror_that_stalls_delays_nobody_and_is_asked_for_a_bounded_number() {
    const COUNT: usize = 800;
    let mirrored = Mirrored::new();
    mirrored.mirror.always(Reply::never());
    let stage = mirrored.origins.one(&Mirrored::policy(""));
    let requests = requests(100);
    for number in 0..COUNT {
        let answer = stage.send(requests[number % 2].clone());
        status(&answer, 200, "a mirror that stalls");
    }
    stage.world.executor.run_for(MOMENT);
    assert_eq!(stage.world.executor.now(), MOMENT, "nobody waits");
    assert_eq!(stage.told("not-mirrored"), COUNT - MIRRORED_MAX);
    assert_eq!(mirrored.mirror.open(), MIRRORED_MAX);
    assert_eq!(
        mirrored.mirror.count(),
        MIRRORED_MAX,
        "and no more were asked"
    );
}

#[test]
fn a_mirror_that_stalls_is_left_alone_after_a_while() {
    let mirrored = Mirrored::new();
    let mirror = &mirrored.mirror;
    mirror.always(Reply::never());
    let policy = Mirrored::policy("first_byte_timeout_ms = 100");
    let stage = mirrored.origins.one(&policy);
    for _ in 0..60 {
        let answer = stage.send(Sent::get("/u/a"));
        status(&answer, 200, "a mirror that stalls");
        stage.world.executor.run_for(Duration::from_millis(101));
        assert_eq!(mirror.open(), 0, "it is given up when its time is over");
    }
    // As many as make a breaker open, and the probes of four seconds.
    assert!(
        (20..24).contains(&mirror.count()),
        "it is asked again and again: {}",
        mirror.count()
    );
}

#[test]
fn a_mirror_that_does_not_read_the_body_delays_nobody() {
    let mirrored = Mirrored::new();
    mirrored.origin.always(ok("").after(MOMENT));
    mirrored.mirror.always(Reply::never().early());
    let stage = mirrored.origins.many(&Mirrored::policy(""));
    let load = Load::start(&stage, requests(64 * 1024), 4);
    load.until_more(100);
    let tally = load.stop();
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    assert_eq!(tally.longest, MOMENT, "nobody waits");
}

#[test]
fn a_mirror_that_dies_under_load_fails_no_request() {
    let mirrored = Mirrored::new();
    let mirror = &mirrored.mirror;
    mirrored.origin.always(ok("ok").after(MOMENT));
    mirror.always(ok("mirror").after(MOMENT * 2));
    let stage = mirrored.origins.many(&Mirrored::policy(""));
    let load = Load::start(&stage, requests(100), 8);
    for _ in 0..3 {
        load.until_more(100);
        mirror.stop();
        load.until_more(100);
        mirror.revive();
        let before = mirror.count();
        stage.until("it is asked again when it is back", || {
            mirror.count() > before
        });
    }
    // A mirror that nobody may reach is no reason to fail either.
    for failure in [
        Failure::ConnectionTerminated,
        Failure::Protocol,
        Failure::Denied,
    ] {
        mirror.always(Reply::failure(failure));
        load.until_more(100);
    }
    let tally = load.stop();
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    assert_eq!(tally.longest, MOMENT, "nobody waits");
}

#[test]
fn the_mirror_is_asked_before_a_slow_origin_has_answered() {
    let mirrored = Mirrored::new();
    let stage = mirrored.origins.one(&Mirrored::policy(""));
    let hold = Hold::closed(&stage.world);
    mirrored.origin.always(ok("late").held(&hold));
    let request = stage.begin(Sent::get("/u/a"));
    stage.until("the origin is asked", || hold.waiting() == 1);
    assert_eq!(mirrored.mirror.count(), 1, "the mirror is asked beside it");
    assert!(!request.has_ended(), "nobody has answered");
    hold.open();
    status(&request.answer(), 200, "in the end");
}
