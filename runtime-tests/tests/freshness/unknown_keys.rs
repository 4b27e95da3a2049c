//! Tokens that name a key that is not known: a new one works at once, and made-up ones cost next to
//! nothing, however many there are and however many instances see them.

use crate::policy;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, send_pipelined};
use doorward_runtime_tests::clocked::{
    clock, events, get, get_at_once, start, start_forgetful, start_spread, stored, until,
};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Running;
use doorward_runtime_tests::issuer::{Behaviour, Issuer, Key};
use doorward_runtime_tests::run::Case;
use std::time::Duration;

pub const CASES: &[Case] = cases![
    ; in_process:
    a_new_key_works_at_once,
    requests_with_a_new_key_share_one_fetch,
    a_new_key_is_waited_for_where_another_instance_fetches_it,
    a_new_key_is_waited_for_while_another_one_fetches_it_from_a_slow_issuer,
    a_new_key_is_looked_for_beyond_a_set_in_the_store_that_lacks_it,
    ten_thousand_made_up_keys_cause_one_fetch_per_cooldown,
    made_up_keys_cause_one_fetch_per_cooldown_across_instances,
    the_cooldown_is_what_the_policy_says,
    made_up_keys_do_not_wear_out_an_issuer_that_is_down,
];

/// The cooldown where the policy says nothing, in seconds.
const COOLDOWN_S: u64 = 30;
/// Requests sent over one connection.
const PIPELINED: usize = 250;
/// For how long a slow issuer holds its answer back. Who waits for it looks for news more than four times
/// in that time.
const SLOW: Duration = Duration::from_secs(1);

/// Sends so many requests with tokens of as many made-up keys over several connections; all have to be
/// refused.
async fn flood(running: &Running, issuer: &Issuer, count: usize) {
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
        statuses.iter().all(|status| *status == 401),
        "made-up keys are refused, not {statuses:?}"
    );
}

async fn a_new_key_works_at_once() {
    let clock = clock();
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
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
    clock.advance(COOLDOWN_S);
    issuer.publish(vec![Key::ed25519("newest")]);
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the newest key, at the first request with it");
    let answer = get(&running, "/a", &old.sign(&issuer.claims("bob", "read"))).await;
    status(&answer, 401, "the first key, which is gone");
}

async fn requests_with_a_new_key_share_one_fetch() {
    let clock = clock();
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the first key");
    clock.advance(60);
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
    let (answers, ()) = tokio::join!(get_at_once(&running, "/a", &tokens), release);
    for answer in answers {
        status(&answer, 200, "one of twelve with the new key");
    }
    let mut loads = events(&running, "keys-loaded");
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

async fn a_new_key_is_waited_for_where_another_instance_fetches_it() {
    let clock = clock();
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start_spread(&app, &clock).await;
    let before: Vec<String> = (0..6)
        .map(|number| issuer.token(&format!("user-{number}"), "read"))
        .collect();
    status(&get(&running, "/a", &before[0]).await, 200, "the first key");
    for answer in get_at_once(&running, "/a", &before).await {
        status(&answer, 200, "the first key, in several instances");
    }
    clock.advance(60);
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

async fn a_new_key_is_waited_for_while_another_one_fetches_it_from_a_slow_issuer() {
    let clock = clock();
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let one = start_spread(&app, &clock).await;
    let other = start(&app, &clock).await;
    for host in [&one, &other] {
        let answer = get(host, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the first key");
    }
    let fresh = start_forgetful(&app, &clock).await;
    clock.advance(60);
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
        tokio::time::sleep(SLOW).await;
        assert_eq!(
            issuer.stalled(),
            1,
            "one fetch for all of them is under way"
        );
        issuer.recover();
    };
    tokio::join!(
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
    let clock = clock();
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let ahead = start(&app, &clock).await;
    let behind = start(&app, &clock).await;
    for host in [&ahead, &behind] {
        let answer = get(host, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the first set");
    }
    for round in 0..3 {
        clock.advance(COOLDOWN_S);
        let second = format!("second-{round}");
        issuer.publish(vec![Key::ed25519(&second)]);
        let answer = get(&ahead, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the second set, at the host that fetches it");
        until("the second set is stored", || {
            let record = stored(&app, "doorward/keys/test").unwrap_or_default();
            String::from_utf8_lossy(&record).contains(&second)
        })
        .await;
        clock.advance(COOLDOWN_S);
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

async fn ten_thousand_made_up_keys_cause_one_fetch_per_cooldown() {
    let clock = clock();
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
    for cooldown in 0..2 {
        flood_one_instance(&running, &issuer, 5000).await;
        assert_eq!(
            issuer.key_requests(),
            2 + cooldown,
            "one fetch per cooldown"
        );
        clock.advance(COOLDOWN_S - 1);
        flood_one_instance(&running, &issuer, 20).await;
        assert_eq!(
            issuer.key_requests(),
            2 + cooldown,
            "just before the end of a cooldown"
        );
        clock.advance(1);
        flood_one_instance(&running, &issuer, 20).await;
        assert_eq!(issuer.key_requests(), 3 + cooldown, "and just after it");
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

async fn made_up_keys_cause_one_fetch_per_cooldown_across_instances() {
    let clock = clock();
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
    for cooldown in 1..=3 {
        flood(&one, &issuer, 1).await;
        let asked = issuer.key_requests();
        assert_eq!(
            asked,
            1 + cooldown,
            "the first made-up key may be a new one"
        );
        flood(&one, &issuer, 8 * PIPELINED).await;
        flood(&other, &issuer, 4 * PIPELINED).await;
        flood(&fresh, &issuer, 20).await;
        assert_eq!(
            issuer.key_requests(),
            asked,
            "one fetch per cooldown, whichever instance of whichever host it is"
        );
        clock.advance(COOLDOWN_S);
    }
}

async fn the_cooldown_is_what_the_policy_says() {
    let clock = clock();
    let issuer = Issuer::start_with_clock(&clock).await;
    let policy = crate::policy_with(&issuer, "unknown_key_cooldown_s = 5");
    let app = AppSpec::gated("echo", policy).write();
    let running = start(&app, &clock).await;
    for cooldown in 0..4 {
        flood_one_instance(&running, &issuer, 10).await;
        assert_eq!(
            issuer.key_requests(),
            2 + cooldown,
            "the first fetch, and one for each cooldown of five seconds"
        );
        clock.advance(4);
        flood_one_instance(&running, &issuer, 10).await;
        assert_eq!(issuer.key_requests(), 2 + cooldown, "after four seconds");
        clock.advance(1);
    }
}

async fn made_up_keys_do_not_wear_out_an_issuer_that_is_down() {
    let clock = clock();
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a good token");
    issuer.keys_behave(Behaviour::Status(500));
    for cooldown in 1..=3 {
        flood_one_instance(&running, &issuer, 50).await;
        assert_eq!(
            issuer.key_requests(),
            1 + cooldown,
            "one attempt per cooldown"
        );
        let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
        status(&answer, 200, "known keys go on");
        clock.advance(COOLDOWN_S);
    }
}
