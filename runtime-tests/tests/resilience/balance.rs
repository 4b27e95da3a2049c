//! Three targets of one upstream: evenly asked, set aside when they fail, asked less when they are slow.

use crate::{get, in_one_piece, one_upstream, same_request, start_one};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::load::{Load, Until, tally};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    targets_that_are_alike_get_alike_many_requests,
    a_slow_target_gets_fewer_requests_than_fast_ones,
    a_target_that_fails_is_set_aside_and_asked_again_by_one_request_at_a_time,
    a_target_that_is_gone_is_set_aside_at_once_and_comes_back,
    a_probe_takes_the_request_of_nobody_who_cannot_repeat_it,
    where_no_target_is_healthy_all_of_them_are_tried,
];

/// For how long a target is set aside the first time, at least (`crates/traffic/src/balance.rs`).
const ASIDE: Duration = Duration::from_millis(800);
/// Failures in a row after which it is.
const FAILURES_MAX: usize = 3;
const QUICK: &str = "backoff_ms = 1\nbackoff_ms_max = 1";

/// Three targets that work.
async fn three() -> [Origin; 3] {
    let one = || async {
        let origin = Origin::start(in_one_piece("ok")).await;
        origin.only_counts();
        origin
    };
    [one().await, one().await, one().await]
}

fn counts(origins: &[Origin; 3]) -> [usize; 3] {
    origins.each_ref().map(Origin::count)
}

/// How many probes there can be of a target that fails all the time, each after twice as long as the one
/// before.
fn probes_max(since: Instant) -> usize {
    let (mut probes, mut at, mut pause) = (0, ASIDE, ASIDE);
    while at <= since.elapsed() {
        probes += 1;
        pause *= 2;
        at += pause;
    }
    probes
}

async fn targets_that_are_alike_get_alike_many_requests(host: &dyn Host) {
    const COUNT: usize = 3_000;
    let origins = three().await;
    let app = one_upstream(&origins.each_ref(), QUICK);
    let running = host.start(&app).await;
    let requests = same_request(&running, "/u/a");
    let tally = tally(running.address, &requests, 12, Until::Sent(COUNT)).await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
    let counts = counts(&origins);
    for count in counts {
        assert!(
            count.abs_diff(COUNT / 3) < COUNT / 12,
            "{COUNT} requests over three targets that are alike: {counts:?}"
        );
    }
}

async fn a_slow_target_gets_fewer_requests_than_fast_ones(host: &dyn Host) {
    const CONNECTIONS: usize = 12;
    let origins = three().await;
    let gate = Gate::closed();
    origins[0].set(in_one_piece("slow").after(&gate));
    let app = one_upstream(&origins.each_ref(), QUICK);
    let running = start_one(host, &app).await;
    let load = Load::start(
        running.address,
        &same_request(&running, "/u/a"),
        CONNECTIONS,
    );
    gate.until_waiting(1).await;
    // Taking turns, all connections would soon wait for the slow one.
    load.until_more(1_000).await;
    let counted = counts(&origins);
    assert!(
        counted[0] < CONNECTIONS && counted[1] > 300 && counted[2] > 300,
        "the first target answers nobody: {counted:?}"
    );
    gate.open();
    let tally = load.stop().await;
    assert_eq!(tally.all_but(200), 0, "{tally:?}");
}

/// Asks until `origin` was asked again; every answer has to be a 200.
async fn until_asked(running: &Running, origin: &Origin, what: &str) {
    let (start, before) = (Instant::now(), origin.count());
    while origin.count() == before {
        status(&get(running, "/u/a").await, 200, what);
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: in vain");
    }
}

async fn a_target_that_fails_is_set_aside_and_asked_again_by_one_request_at_a_time(
    host: &dyn Host,
) {
    let origins = three().await;
    let app = one_upstream(&origins.each_ref(), QUICK);
    let running = start_one(host, &app).await;
    for origin in &origins {
        until_asked(&running, origin, "all work").await;
    }
    for (how, failure) in [("503", Reply::status(503)), ("reset", Reply::reset())] {
        origins[0].forget();
        origins[0].set(failure);
        let began = Instant::now();
        for _ in 0..FAILURES_MAX {
            until_asked(&running, &origins[0], how).await;
        }
        let others = origins[1].count() + origins[2].count();
        while began.elapsed() < 2 * ASIDE {
            status(&get(&running, "/u/a").await, 200, how);
        }
        let most = FAILURES_MAX + probes_max(began);
        let count = origins[0].count();
        assert!(
            count <= most,
            "{how}: the target fails, and was asked {count} times, not {most}"
        );
        let went_on = origins[1].count() + origins[2].count() - others;
        assert!(went_on > 20, "{how}: the others go on, {went_on}");

        // It works again, but nobody knows until a single request comes back from there.
        let gate = Gate::closed();
        origins[0].set(in_one_piece("back").after(&gate));
        let address = running.address;
        let probing =
            tokio::spawn(
                async move { while Ask::get("/u/a").send(address).await.text() != "back" {} },
            );
        gate.until_waiting(1).await;
        // One after the other, so that they meet the same instance.
        for _ in 0..100 {
            let answer = get(&running, "/u/a").await;
            assert_eq!(
                answer.text(),
                "ok",
                "{how}: one request probes, not this one"
            );
        }
        assert_eq!(gate.waiting(), 1, "{how}: one request probes it");
        gate.open();
        probing.await.unwrap();
        let before = origins[0].count();
        for _ in 0..100 {
            status(&get(&running, "/u/a").await, 200, how);
        }
        let count = origins[0].count() - before;
        assert!(count > 10, "{how}: it gets its share again, not {count}");
    }
}

async fn a_target_that_is_gone_is_set_aside_at_once_and_comes_back(host: &dyn Host) {
    let origins = three().await;
    let app = one_upstream(&origins.each_ref(), QUICK);
    let running = start_one(host, &app).await;
    origins[0].stop().await;
    // Refused connections are not counted by who does not listen, but the log has each of them.
    let refused = async || {
        let log = running.whole_log().await;
        log.iter()
            .filter(|line| line.contains("upstream-failed"))
            .count()
    };
    let began = Instant::now();
    while began.elapsed() < ASIDE {
        status(&get(&running, "/u/a").await, 200, "one of three is gone");
    }
    let (refused, most) = (refused().await, 1 + probes_max(began));
    assert!(
        (1..=most).contains(&refused),
        "it was asked in vain {refused} times, not {most}"
    );
    origins[0].revive().await;
    until_asked(&running, &origins[0], "it is back").await;
    let before = origins[0].count();
    for _ in 0..100 {
        status(&get(&running, "/u/a").await, 200, "all three are there");
    }
    let count = origins[0].count() - before;
    assert!(count > 10, "it gets its share again, not {count} of 100");
}

async fn a_probe_takes_the_request_of_nobody_who_cannot_repeat_it(host: &dyn Host) {
    let origins = three().await;
    let app = one_upstream(&origins.each_ref(), QUICK);
    let running = start_one(host, &app).await;
    origins[0].set(Reply::status(503));
    while origins[0].count() < FAILURES_MAX {
        status(&get(&running, "/u/a").await, 200, "one of three fails");
    }
    let began = Instant::now();
    while began.elapsed() < 2 * ASIDE {
        let answer = Ask::new("POST", "/u/a").send(running.address).await;
        status(&answer, 200, "a POST, while the target's time is up");
    }
    assert_eq!(
        origins[0].count(),
        FAILURES_MAX,
        "no POST probes a target where others work"
    );
    until_asked(&running, &origins[0], "a GET does").await;
}

async fn where_no_target_is_healthy_all_of_them_are_tried(host: &dyn Host) {
    let origins = three().await;
    let app = one_upstream(&origins.each_ref(), &format!("{QUICK}\nbreaker = false"));
    let running = start_one(host, &app).await;
    for origin in &origins {
        origin.set(Reply::status(503));
    }
    // Repetitions run out, and all are set aside by then.
    for _ in 0..30 {
        status(&get(&running, "/u/a").await, 503, "all fail");
    }
    for origin in &origins {
        assert!(origin.count() >= FAILURES_MAX, "{:?}", counts(&origins));
        origin.forget();
        origin.set(in_one_piece("ok"));
    }
    // They work from now on, and nobody waits for the time of one of them to be up.
    for method in ["GET", "POST", "GET", "POST"] {
        let answer = Ask::new(method, "/u/a").send(running.address).await;
        status(&answer, 200, "all were set aside, and are asked after all");
    }
    // Those that fail are not set aside for longer by that: see what each was asked.
    for origin in &origins {
        origin.set(Reply::status(503));
    }
    for _ in 0..60 {
        status(&get(&running, "/u/a").await, 503, "all fail again");
    }
    for origin in &origins {
        let counts = counts(&origins);
        assert!(origin.count() > 5, "each of them is tried: {counts:?}");
    }
}
