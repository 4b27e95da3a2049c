//! Tokens that name a key that is not known: a new one works at once, and made-up ones cost next to
//! nothing, however many there are and however many instances see them.

use crate::api::app::AppSpec;
use crate::api::client::{Ask, send_pipelined};
use crate::api::clocked::{
    all_events, clock, get, get_at_once, start, start_forgetful, start_spread, stored, until,
};
use crate::api::gated::status;
use crate::api::host::{Host, InProcess, Running};
use crate::api::issuer::{Behaviour, Issuer, Key};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{policy, policy_with};
use std::time::Duration;

pub const CASES: &[Case] = cases![
    a_new_key_works_at_once,
    requests_with_a_new_key_share_one_fetch,
    a_new_key_is_waited_for_where_another_instance_fetches_it,
    a_new_key_is_waited_for_while_another_one_fetches_it_from_a_slow_issuer,
    a_token_that_may_come_back_counts_as_failed_authentication,
    ; in_process:
    a_new_key_is_looked_for_beyond_a_set_in_the_store_that_lacks_it,
    another_key_of_the_same_name_works_at_once,
    ten_thousand_made_up_keys_cause_a_fetch_every_few_seconds,
    made_up_keys_cause_a_fetch_every_few_seconds_across_instances,
    a_new_key_works_soon_whatever_a_flood_of_made_up_keys_does,
    a_short_cooldown_is_a_short_pause,
    made_up_keys_do_not_wear_out_an_issuer_that_is_down,
];

/// How old keys may be for an unknown one to be refused for good, where the policy says nothing, in seconds.
const COOLDOWN_S: u64 = 30;
/// The same in a policy that says something ([`short`]): a time that cases on a real clock can wait.
const SHORT_S: u64 = 5;
/// How many fetches unknown keys are a reason for at once.
const FETCHES_MAX: usize = 3;
/// After how many seconds they are a reason for one more.
const PAUSE_S: u64 = 10;
/// Requests sent over one connection. With several of them there are several instances.
const PIPELINED: usize = 50;
/// For how long a slow issuer holds its answer back. Who waits for it looks for news more than four times
/// in that time.
const SLOW: Duration = Duration::from_secs(1);

/// A policy by which keys are old after [`SHORT_S`].
fn short(issuer: &Issuer) -> String {
    policy_with(issuer, &format!("unknown_key_cooldown_s = {SHORT_S}"))
}

/// Sends so many requests with tokens of as many made-up keys over several connections; all have to be
/// refused for good.
async fn flood(running: &Running, issuer: &Issuer, count: usize) {
    flood_for(running, issuer, count, 401).await;
}

/// The same, where each has to be answered with this status.
async fn flood_for(running: &Running, issuer: &Issuer, count: usize, expected: u16) {
    let stranger = Key::ed25519("stranger");
    let claims = issuer.claims("mallory", "read");
    let asks: Vec<Ask> = (0..count)
        .map(|number| {
            let header = serde_json::json!({ "kid": format!("made-up-{number}") });
            Ask::get("/a").bearer(&stranger.sign_with_header(&header, &claims))
        })
        .collect();
    let connections = asks.chunks(PIPELINED);
    let sent = connections.map(|asks| send_pipelined(running.address, asks));
    let statuses = futures::future::join_all(sent).await.concat();
    assert_eq!(statuses.len(), count, "each request is answered");
    assert!(
        statuses.iter().all(|status| *status == expected),
        "made-up keys are refused with {expected}, not {statuses:?}"
    );
}

async fn a_new_key_works_at_once(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", short(&issuer)).write();
    let running = start(&app, &clock).await;
    let old = issuer.key();
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the first key");
    issuer.publish(vec![Key::p256("new"), old.clone()]);
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a new key, at the first request with it");
    let answer = get(&running, "/a", &old.sign(&issuer.claims("bob", "read"))).await;
    status(&answer, 200, "the first key, which is still there");
    assert_eq!(issuer.key_requests(), 2, "the set and its successor");

    // Again after the cooldown, and then with a key that takes the place of all others.
    clock.advance(SHORT_S).await;
    issuer.publish(vec![Key::ed25519("newest")]);
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the newest key, at the first request with it");
    let answer = get(&running, "/a", &old.sign(&issuer.claims("bob", "read"))).await;
    status(&answer, 401, "the first key, which is gone");
}

async fn requests_with_a_new_key_share_one_fetch(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", short(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the first key");
    clock.advance(SHORT_S).await;
    issuer.publish(vec![Key::ed25519("new")]);
    issuer.keys_behave(Behaviour::Stall);
    let tokens: Vec<String> = (0..12)
        .map(|number| issuer.token(&format!("user-{number}"), "read"))
        .collect();
    let release = async {
        issuer
            .until("it is asked", |issuer| issuer.stalled() > 0)
            .await;
        issuer.recover();
    };
    let (answers, ()) = futures::join!(get_at_once(&running, "/a", &tokens), release);
    for answer in answers {
        status(&answer, 200, "one of twelve with the new key");
    }
    let mut loads = all_events(&running, "keys-loaded").await;
    loads.retain(|load| load["source"] == "issuer");
    assert_eq!(
        issuer.key_requests(),
        loads.len(),
        "those that meet the same instance share one fetch: {loads:?}"
    );
    assert!(
        loads.len() < 8,
        "twelve requests met {} instances",
        loads.len()
    );
}

async fn a_new_key_is_waited_for_where_another_instance_fetches_it(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", short(&issuer)).write();
    let running = start_spread(&app, &clock).await;
    let before: Vec<String> = (0..6)
        .map(|number| issuer.token(&format!("user-{number}"), "read"))
        .collect();
    status(&get(&running, "/a", &before[0]).await, 200, "the first key");
    for answer in get_at_once(&running, "/a", &before).await {
        status(&answer, 200, "the first key, in several instances");
    }
    clock.advance(SHORT_S).await;
    issuer.publish(vec![Key::ed25519("new")]);
    let after: Vec<String> = (0..6)
        .map(|number| issuer.token(&format!("user-{number}"), "read"))
        .collect();
    for answer in get_at_once(&running, "/a", &after).await {
        status(
            &answer,
            200,
            "the new key, at once and in several instances",
        );
    }
}

async fn a_new_key_is_waited_for_while_another_one_fetches_it_from_a_slow_issuer(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", short(&issuer)).write();
    let one = start_spread(&app, &clock).await;
    let other = start(&app, &clock).await;
    for host in [&one, &other] {
        let answer = get(host, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the first key");
    }
    let fresh = start_forgetful(&app, &clock).await;
    clock.advance(SHORT_S).await;
    issuer.publish(vec![Key::ed25519("new")]);
    issuer.keys_behave(Behaviour::Stall);
    let asked = issuer.key_requests();
    let until_asked = || issuer.until("it is asked", |issuer| issuer.stalled() > 0);
    let ask = async |what: &str, host: &Running| {
        let answer = get(host, "/a", &issuer.token(what, "read")).await;
        status(&answer, 200, &format!("the new key, at {what}"));
    };
    let ask_meanwhile = async |what: &str, host: &Running| {
        until_asked().await;
        ask(what, host).await;
    };
    let release = async {
        until_asked().await;
        crate::api::clocked::sleep(SLOW).await;
        assert_eq!(
            issuer.stalled(),
            1,
            "one fetch for all of them is under way"
        );
        issuer.recover();
    };
    futures::join!(
        ask("the instance that fetches it", &one),
        ask_meanwhile("another instance of that host", &one),
        ask_meanwhile("another host", &other),
        ask_meanwhile("a host that is new", &fresh),
        release,
    );
    assert_eq!(
        issuer.key_requests(),
        asked + 1,
        "one fetch for all of them"
    );
}

async fn a_new_key_is_looked_for_beyond_a_set_in_the_store_that_lacks_it() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let ahead = start(&app, &clock).await;
    let behind = start(&app, &clock).await;
    for host in [&ahead, &behind] {
        let answer = get(host, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the first set");
    }
    for round in 0..3 {
        clock.advance(COOLDOWN_S).await;
        let second = format!("second-{round}");
        issuer.publish(vec![Key::ed25519(&second)]);
        let answer = get(&ahead, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the second set, at the host that fetches it");
        until("the second set is stored", || {
            let record = stored(&app, "doorward/keys/test").unwrap_or_default();
            String::from_utf8_lossy(&record).contains(&second)
        })
        .await;
        clock.advance(COOLDOWN_S).await;
        let key = Key::ed25519(&format!("third-{round}"));
        issuer.publish(vec![key.clone()]);
        let asked = issuer.key_requests();
        let answer = get(&behind, "/a", &issuer.token("alice", "read")).await;
        status(
            &answer,
            200,
            "the third set, at the host that has the first",
        );
        assert_eq!(issuer.key_requests(), asked + 1, "the issuer is asked");
    }
}

async fn another_key_of_the_same_name_works_at_once() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let mut former: Option<Key> = None;
    for key in [
        Key::ed25519("k"),
        Key::ed25519("k"),
        Key::p256("k"),
        Key::rsa("k"),
    ] {
        let what = key.algorithm();
        issuer.publish(vec![key.clone()]);
        let token = issuer.token("alice", "read");
        status(&get(&running, "/a", &token).await, 200, what);
        if let Some(former) = former.replace(key) {
            let token = former.sign(&issuer.claims("bob", "read"));
            let answer = get(&running, "/a", &token).await;
            status(&answer, 401, &format!("{what}: the key before"));
        }
        clock.advance(COOLDOWN_S).await;
    }
    // A forgery is one, and not a reason to come back, however old the keys are.
    clock.advance(COOLDOWN_S).await;
    issuer.keys_behave(Behaviour::Status(500));
    let asked = issuer.key_requests();
    let stranger = Key::another_rsa("k");
    for _ in 0..20 {
        let token = stranger.sign(&issuer.claims("mallory", "read"));
        status(&get(&running, "/a", &token).await, 401, "a forgery");
    }
    assert_eq!(issuer.key_requests(), asked + 1, "within the same budget");
}

async fn ten_thousand_made_up_keys_cause_a_fetch_every_few_seconds() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let mut spec = AppSpec::gated("echo", policy(&issuer));
    // Without the store it is the instance alone that holds back.
    spec.stores = vec![];
    let app = spec.write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a good token");
    flood(&running, &issuer, 1).await;
    assert_eq!(
        issuer.key_requests(),
        2,
        "the first made-up key may be a new one"
    );
    for round in 0..2 {
        flood_one_instance(&running, &issuer, 5000).await;
        assert_eq!(issuer.key_requests(), 2 + round, "one fetch per pause");
        clock.advance(PAUSE_S - 1).await;
        flood_one_instance(&running, &issuer, 20).await;
        assert_eq!(
            issuer.key_requests(),
            2 + round,
            "just before the end of a pause"
        );
        clock.advance(1).await;
        flood_one_instance(&running, &issuer, 20).await;
        assert_eq!(issuer.key_requests(), 3 + round, "and just after it");
    }
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a good token, in the end");
}

/// Like [`flood`], over one connection after the other.
async fn flood_one_instance(running: &Running, issuer: &Issuer, count: usize) {
    for start in (0..count).step_by(PIPELINED) {
        flood(running, issuer, PIPELINED.min(count - start)).await;
    }
}

async fn made_up_keys_cause_a_fetch_every_few_seconds_across_instances() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let one = start_spread(&app, &clock).await;
    let answer = get(&one, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a good token");
    assert_eq!(
        issuer.key_requests(),
        1,
        "one instance has fetched the keys"
    );

    let other = start_spread(&app, &clock).await;
    let fresh = start_forgetful(&app, &clock).await;
    flood(&one, &issuer, 1).await;
    assert_eq!(
        issuer.key_requests(),
        2,
        "the first made-up key may be a new one"
    );
    for round in 0..4 {
        flood(&one, &issuer, 8 * PIPELINED).await;
        flood(&other, &issuer, 4 * PIPELINED).await;
        flood(&fresh, &issuer, 20).await;
        assert_eq!(
            issuer.key_requests(),
            1 + FETCHES_MAX + round,
            "a few at once and one per pause, whichever instance of whichever host it is"
        );
        clock.advance(PAUSE_S).await;
    }
}

async fn a_new_key_works_soon_whatever_a_flood_of_made_up_keys_does() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let one = start_spread(&app, &clock).await;
    let other = start(&app, &clock).await;
    for host in [&one, &other] {
        let answer = get(host, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the first key");
        flood(host, &issuer, 2 * PIPELINED).await;
    }
    for round in 0..3 {
        let key = Key::ed25519(&format!("new-{round}"));
        issuer.publish(vec![key.clone()]);
        for _ in 0..2 {
            clock.advance(PAUSE_S / 2).await;
            for host in [&one, &other] {
                flood(host, &issuer, PIPELINED).await;
            }
        }
        for host in [&one, &other] {
            let answer = get(host, "/a", &issuer.token("alice", "read")).await;
            status(
                &answer,
                200,
                "a new key, ten seconds after it was published",
            );
        }
    }
}

async fn a_short_cooldown_is_a_short_pause() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let policy = policy_with(&issuer, "unknown_key_cooldown_s = 5");
    let app = AppSpec::gated("echo", policy).write();
    let running = start(&app, &clock).await;
    for round in 0..4 {
        flood_one_instance(&running, &issuer, 10).await;
        let most = 1 + FETCHES_MAX + round;
        assert_eq!(
            issuer.key_requests(),
            most,
            "the first fetch, a few at once, and one for each five seconds"
        );
        clock.advance(4).await;
        flood_one_instance(&running, &issuer, 10).await;
        assert_eq!(issuer.key_requests(), most, "after four seconds");
        clock.advance(1).await;
    }
}

async fn made_up_keys_do_not_wear_out_an_issuer_that_is_down() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a good token");
    issuer.keys_behave(Behaviour::Status(500));
    // Where the keys are older than the cooldown, nobody knows whether there are newer ones.
    for (round, expected) in [401, 401, 503, 503].into_iter().enumerate() {
        flood_for(&running, &issuer, 50, expected).await;
        assert_eq!(issuer.key_requests(), 2 + round, "one attempt per round");
        let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
        status(&answer, 200, "known keys go on");
        clock.advance(COOLDOWN_S).await;
    }
    let unknown = Key::ed25519("new").sign(&issuer.claims("alice", "read"));
    let answer = get(&running, "/a", &unknown).await;
    status(&answer, 503, "it may be a new key");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "Retry-After {seconds}");
    issuer.keys_behave(Behaviour::Good);
    clock.advance(seconds).await;
    let answer = get(&running, "/a", &unknown).await;
    status(&answer, 401, "it is none, as the issuer says");
}

async fn a_token_that_may_come_back_counts_as_failed_authentication(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let limit = "[rate_limit.guesses]\nrequests = 3\nper_s = 300\n\
                 counts = \"failed-authentication\"\n\n\
                 [defaults]\nrate_limit = \"guesses\"\n\n";
    let app = AppSpec::gated("echo", limit.to_owned() + &short(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a good token");
    issuer.keys_behave(Behaviour::Status(500));
    clock.advance(SHORT_S + 1).await;
    for expected in [503, 503, 503, 429] {
        let unknown = Key::ed25519("new").sign(&issuer.claims("alice", "read"));
        status(&get(&running, "/a", &unknown).await, expected, "a guess");
    }
}
