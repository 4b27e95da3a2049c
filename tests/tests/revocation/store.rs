//! The store of revocations: what is done without it, what is done with what is in it that should not be
//! there, and that it does not grow for ever.

use crate::REFRESH_S;
use crate::api::app::{AppSpec, GATE_INHERITS};
use crate::api::client::Ask;
use crate::api::clocked::{
    clock, events, get, get_at_once, listings, serve, set_all, start, store, store_fails,
    stored_names, until, until_event,
};
use crate::api::credential::{REVOKED, Revoked, revocation};
use crate::api::gated::status;
use crate::api::host::{Host, How, InProcess};
use crate::api::issuer::{Behaviour, Issuer};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::revoked::policy;

const DAY_S: u64 = 86_400;
/// Requests at the same time.
const AT_ONCE: usize = 16;
/// How many names one reading takes out of the store.
const PRUNE_MAX: usize = 256;
/// More than two readings take out.
const OLD: usize = 2 * PRUNE_MAX + 88;
/// More than the leeway of any policy, in seconds.
const MARGIN_S: u64 = 1000;

pub const CASES: &[Case] = cases![
    without_the_store_every_token_is_refused_and_public_routes_are_served,
    entries_that_cannot_be_read_are_reported_and_the_others_are_in_force,
    more_entries_than_can_be_read_refuse_every_token,
    a_revocation_needs_no_issuer,
    while_the_store_fails_every_token_is_refused_and_no_longer_than_that,
    ; in_process:
    a_store_that_fails_is_done_without_for_as_long_as_the_policy_says,
    entries_vanish_from_the_store_a_day_after_their_end,
    the_store_is_asked_once_per_interval_however_many_requests_there_are,
];

async fn without_the_store_every_token_is_refused_and_public_routes_are_served(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let mut spec = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]"));
    let no_inheritance = GATE_INHERITS
        .into_iter()
        .filter(|set| *set != "key_value_stores");
    for (what, inherit, stores) in [
        ("not granted", GATE_INHERITS.to_vec(), vec![]),
        (
            "not inherited",
            no_inheritance.collect(),
            vec!["default".to_owned()],
        ),
    ] {
        spec.inherit = inherit;
        spec.stores = stores;
        let app = spec.write();
        let running = start(&app, &clock).await;
        for round in 0..2 {
            let answer = get(&running, "/read", &issuer.token("alice", "read")).await;
            status(&answer, 503, &format!("{what}: a good token, {round}"));
            let class = answer.json()["type"].as_str().unwrap().to_owned();
            assert!(class.ends_with(":store-unavailable"), "{what}: {class}");
            assert!(
                answer.header("retry-after").is_some(),
                "{what}: when to come back"
            );
            let answer = get(&running, "/read", "x.y.z").await;
            status(&answer, 401, &format!("{what}: a bad token, {round}"));
            let answer = Ask::get("/public/a").send(running.address).await;
            status(&answer, 200, &format!("{what}: a public route, {round}"));
        }
        until_event(&running, "store-not-granted", 1).await;
    }
}

async fn a_store_that_fails_is_done_without_for_as_long_as_the_policy_says() {
    for stale_if_error_s in [0, 60] {
        let clock = clock(&InProcess);
        let issuer = Issuer::start_with_clock(&clock).await;
        let policy = policy(&[("test", &issuer)], "[revocation]");
        let lines = format!("stale_if_error_s = {stale_if_error_s}");
        let app = AppSpec::gated("echo", policy.replace("stale_if_error_s = 0", &lines)).write();
        let running = start(&app, &clock).await;
        let (token, revoked) = (
            issuer.token("alice", "read"),
            issuer.token("mallory", "read"),
        );
        let what = Revoked::Subject("mallory", clock.now());
        let name = revocation(&issuer.url(), what, clock.now() + 3600);
        store(&app).set("default", &name, b"").unwrap();
        status(
            &get(&running, "/read", &token).await,
            200,
            "while the store works",
        );
        store_fails(&app, true);
        clock.advance(REFRESH_S + stale_if_error_s - 1).await;
        let answer = get(&running, "/read", &token).await;
        status(
            &answer,
            200,
            &format!("{stale_if_error_s}: what was read last is good still"),
        );
        let answer = get(&running, "/read", &revoked).await;
        status(
            &answer,
            401,
            &format!("{stale_if_error_s}: what was revoked before"),
        );
        clock.advance(1).await;
        for round in 0..2 {
            let answer = get(&running, "/read", &token).await;
            status(
                &answer,
                503,
                &format!("{stale_if_error_s}: and then no longer ({round})"),
            );
            let answer = Ask::get("/public/a").send(running.address).await;
            status(
                &answer,
                200,
                &format!("{stale_if_error_s}: a public route ({round})"),
            );
        }
        assert!(
            !events(&running, "store-unavailable").is_empty(),
            "the log says so: {:#?}",
            running.log()
        );
        store_fails(&app, false);
        clock.advance(REFRESH_S).await;
        status(
            &get(&running, "/read", &token).await,
            200,
            "once the store works again",
        );
        status(
            &get(&running, "/read", &revoked).await,
            401,
            "what was revoked",
        );
    }
}

async fn while_the_store_fails_every_token_is_refused_and_no_longer_than_that(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let running = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(&get(&running, "/read", &token).await, 200, "before");
    for expected in [503, 200, 503, 200] {
        store_fails(&app, expected == 503);
        clock.advance(REFRESH_S).await;
        for round in 0..3 {
            let answer = get(&running, "/read", &token).await;
            status(&answer, expected, &format!("a good token, {round}"));
            let answer = Ask::get("/public/a").send(running.address).await;
            status(&answer, 200, &format!("a public route, {round}"));
        }
        if expected == 503 {
            until_event(&running, "store-unavailable", 1).await;
        }
    }
}

async fn entries_vanish_from_the_store_a_day_after_their_end() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let file = store(&app);
    let add = |id: &str, expires_at: u64| {
        let name = revocation(&issuer.url(), Revoked::Token(id), expires_at);
        file.set("default", &name, b"").unwrap();
        name
    };
    for number in 0..OLD {
        let number = u64::try_from(number).unwrap();
        add(
            &format!("old-{number}"),
            clock.now() - DAY_S - 10_000 - number,
        );
    }
    // A clock that runs ahead for some hours takes nothing from those that do not.
    let over = add("over", clock.now() - DAY_S / 2);
    let soon = add("soon", clock.now() + 60);
    let late = add("late", clock.now() + 36_000);
    file.set("default", "another/application", b"x").unwrap();
    let running = start(&app, &clock).await;
    // Some at a time, so that no request pays for all of them.
    for left in [OLD - PRUNE_MAX, OLD.saturating_sub(2 * PRUNE_MAX), 0] {
        for _ in 0..3 {
            let answer = get(&running, "/read", &issuer.token("alice", "read")).await;
            status(&answer, 200, "a good token");
            until("some have vanished", || {
                stored_names(&app, REVOKED).len() <= 3 + left
            })
            .await;
        }
        let there = stored_names(&app, REVOKED).len() - 3;
        assert_eq!(there, left, "after one reading");
        clock.advance(REFRESH_S).await;
    }
    let left = || {
        let mut left = stored_names(&app, REVOKED);
        left.sort();
        left
    };
    assert_eq!(
        left(),
        [over.as_str(), &soon, &late],
        "what is over for less than a day stays"
    );
    let ask = async || {
        let answer = get(&running, "/read", &issuer.token("alice", "read")).await;
        status(&answer, 200, "a good token");
    };
    clock.advance(DAY_S / 2 + MARGIN_S).await;
    ask().await;
    until("the next one has vanished", || {
        left() == [soon.as_str(), &late]
    })
    .await;
    clock.advance(DAY_S / 2 + MARGIN_S).await;
    ask().await;
    until("the one after that has vanished", || {
        left() == [late.as_str()]
    })
    .await;
    assert!(
        file.exists("default", "another/application").unwrap(),
        "what is not ours is left alone"
    );
}

async fn entries_that_cannot_be_read_are_reported_and_the_others_are_in_force(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let file = store(&app);
    let [alice, mallory] = ["alice", "mallory"].map(|subject| issuer.token(subject, "read"));
    let good = revocation(
        &issuer.url(),
        Revoked::Subject("mallory", clock.now()),
        clock.now() + 60,
    );
    for name in [
        good.as_str(),
        "doorward/revoked/",
        "doorward/revoked/x/y/z/-",
        "doorward/revoked/99999999999/subject/AAAAAAAAAAAAAAAAAAAAAA/-",
        "doorward/revoked/-1/token/AAAAAAAAAAAAAAAAAAAAAA/-",
        "doorward/api-keys/../x",
        "doorward",
        "",
    ] {
        file.set("default", name, b"x").unwrap();
    }
    let running = start(&app, &clock).await;
    let answer = get(&running, "/read", &alice).await;
    status(&answer, 200, "a good token");
    let answer = get(&running, "/read", &mallory).await;
    status(&answer, 401, "a revoked subject");
    until_event(&running, "revocations-ignored", 1).await;
}

async fn more_entries_than_can_be_read_refuse_every_token(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let until = clock.now() + 3600;
    let names = (0..66_000)
        .map(|number| revocation(&issuer.url(), Revoked::Token(&number.to_string()), until));
    set_all(&app, names);
    let running = start(&app, &clock).await;
    let answer = get(&running, "/read", &issuer.token("alice", "read")).await;
    status(&answer, 503, "66,000 revocations");
    let answer = Ask::get("/public/a").send(running.address).await;
    status(&answer, 200, "a public route");
}

async fn the_store_is_asked_once_per_interval_however_many_requests_there_are() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let running = serve(&app, &clock, How::one()).await;
    // Where nobody can count them, the host decides how many instances so many meet.
    let at_once = listings(&app).map_or(1, |_| AT_ONCE);
    let tokens = vec![issuer.token("alice", "read"); at_once];
    let ask = async |expected: u16, asked: usize, what: &str| {
        for answer in get_at_once(&running, "/read", &tokens).await {
            status(&answer, expected, what);
        }
        let listings = listings(&app).unwrap_or(asked);
        assert_eq!(listings, asked, "{what}: how often the store was asked");
    };
    ask(200, 1, "the first ones, at once").await;
    let name = revocation(
        &issuer.url(),
        Revoked::Subject("alice", clock.now()),
        clock.now() + 60,
    );
    store(&app).set("default", &name, b"").unwrap();
    // Within the first half of the interval nothing is read again.
    clock.advance(REFRESH_S / 2).await;
    for _ in 0..3 {
        ask(200, 1, "within the interval, by what is remembered").await;
    }
    clock.advance(REFRESH_S - REFRESH_S / 2).await;
    ask(401, 2, "after the interval").await;
    ask(401, 2, "in the next one").await;
    // In the second half of it one of them has it read for those that come later.
    clock.advance(REFRESH_S - REFRESH_S / 2).await;
    ask(401, 3, "in its second half").await;
    ask(401, 3, "which is the beginning of another one").await;
}

async fn a_revocation_needs_no_issuer(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&[("test", &issuer)], "[revocation]")).write();
    let running = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(
        &get(&running, "/read", &token).await,
        200,
        "while the issuer is up",
    );
    issuer.all_behave(&Behaviour::Close);
    let name = revocation(
        &issuer.url(),
        Revoked::Everything(clock.now()),
        clock.now() + 60,
    );
    store(&app).set("default", &name, b"").unwrap();
    clock.advance(REFRESH_S).await;
    status(
        &get(&running, "/read", &token).await,
        401,
        "while the issuer is down",
    );
}
