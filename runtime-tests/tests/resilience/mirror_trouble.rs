//! Mirrors that stall, die or fail: nobody notices.

use crate::mirror::mirrored;
use crate::{in_one_piece, same_request, start_one};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::until_event;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::load::{Load, Until, tally};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::sync::Arc;
use std::time::Duration;

pub const CASES: &[Case] = cases![
    a_mirror_that_stalls_delays_nobody_and_is_asked_for_a_bounded_number,
    a_mirror_that_stalls_is_left_alone_after_a_while,
    a_mirror_that_does_not_read_the_body_delays_nobody,
    a_mirror_that_dies_under_load_fails_no_request,
    the_mirror_is_asked_before_a_slow_origin_has_answered,
];

/// Mirrored requests that an instance has under way at a time (`crates/edge/src/proxy/mirror.rs`).
const MIRRORED_MAX: usize = 64;
/// Waiting for a mirror would take longer than this.
const UNDELAYED_US: u64 = 5_000_000;

fn requests(body_bytes: usize) -> Arc<[Vec<u8>]> {
    let put = format!(
        "PUT /u/a HTTP/1.1\r\nHost: a\r\nContent-Length: {body_bytes}\r\n\r\n{}",
        "x".repeat(body_bytes)
    );
    let get = "GET /u/a HTTP/1.1\r\nHost: a\r\n\r\n";
    [get.as_bytes().to_vec(), put.into_bytes()].into()
}

async fn a_mirror_that_stalls_delays_nobody_and_is_asked_for_a_bounded_number(host: &dyn Host) {
    const COUNT: usize = 800;
    // One connection keeps one busy, and another one where that is still at work after an answer.
    const INSTANCES: usize = 4;
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::stall()).await;
    origin.only_counts();
    mirror.only_counts();
    let app = mirrored(&origin, &mirror, "");
    let running = start_one(host, &app).await;
    let tally = tally(running.address, &requests(100), 1, Until::Sent(COUNT)).await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    assert!(tally.p999_us < UNDELAYED_US, "nobody waits: {tally:?}");
    until_event(&running, "not-mirrored", COUNT - MIRRORED_MAX * INSTANCES).await;
    let count = mirror.count();
    assert!(
        (1..=MIRRORED_MAX * INSTANCES).contains(&count),
        "of {COUNT} requests the mirror has {count}, which it never answers"
    );
}

async fn a_mirror_that_stalls_is_left_alone_after_a_while(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::stall()).await;
    let app = mirrored(&origin, &mirror, "first_byte_timeout_ms = 100");
    let running = start_one(host, &app).await;
    // As many as make a breaker open, and the mirror's time for each of them.
    let mut asked = 0;
    while mirror.count() > asked || asked < 20 {
        asked = mirror.count();
        status(
            &Ask::get("/u/a").send(running.address).await,
            200,
            "a mirror that stalls",
        );
        tokio::time::timeout(
            Duration::from_secs(2),
            mirror.until("it is given up", |mirror| mirror.connections_open() == 0),
        )
        .await
        .expect("the mirror is given up when its time is over");
        assert!(asked < 60, "it is asked again and again: {asked}");
    }
}

async fn a_mirror_that_does_not_read_the_body_delays_nobody(host: &dyn Host) {
    let origin = Origin::start(Reply::ok("")).await;
    let mirror = Origin::start(Reply::stall().early()).await;
    origin.only_counts();
    let app = mirrored(&origin, &mirror, "");
    let running = host.start(&app).await;
    let tally = tally(running.address, &requests(64 * 1024), 4, Until::Sent(300)).await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    assert!(tally.p999_us < UNDELAYED_US, "nobody waits: {tally:?}");
}

async fn a_mirror_that_dies_under_load_fails_no_request(host: &dyn Host) {
    let origin = Origin::start(in_one_piece("ok")).await;
    let mirror = Origin::start(in_one_piece("mirror")).await;
    origin.only_counts();
    mirror.only_counts();
    let app = mirrored(&origin, &mirror, "");
    let running = host.start(&app).await;
    let load = Load::start(running.address, &requests(100), 8);
    for round in 0..3 {
        load.until_more(300).await;
        mirror.stop().await;
        load.until_more(300).await;
        mirror.revive().await;
        let before = mirror.count();
        let what = format!("round {round}: it is asked again when it is back");
        mirror.until(&what, |mirror| mirror.count() > before).await;
    }
    mirror.set(Reply::reset());
    load.until_more(300).await;
    mirror.set(Reply::garbage());
    load.until_more(300).await;
    let tally = load.stop().await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    assert!(tally.p999_us < UNDELAYED_US, "nobody waits: {tally:?}");
    // A mirror that nobody may reach is no reason to fail either.
    let mut spec =
        AppSpec::gateway(std::fs::read_to_string(app.folder().join("doorward.toml")).unwrap());
    spec.outbound = vec![origin.url()];
    let app = spec.write();
    let running = host.start(&app).await;
    let requests = same_request(&running, "/u/a");
    let tally =
        doorward_runtime_tests::load::tally(running.address, &requests, 2, Until::Sent(50)).await;
    assert_eq!(
        tally.all_but(200),
        0,
        "a mirror that is not granted: {tally:?}"
    );
}

async fn the_mirror_is_asked_before_a_slow_origin_has_answered(host: &dyn Host) {
    let gate = Gate::closed();
    let origin = Origin::start(Reply::ok("late").after(&gate)).await;
    let mirror = Origin::start(Reply::ok("")).await;
    let app = mirrored(&origin, &mirror, "");
    let running = start_one(host, &app).await;
    let address = running.address;
    let asking = tokio::spawn(async move { Ask::get("/u/a").send(address).await });
    gate.until_waiting(1).await;
    mirror
        .until("the mirror is asked beside it", |mirror| {
            mirror.count() == 1
        })
        .await;
    gate.open();
    status(&asking.await.unwrap(), 200, "in the end");
}
