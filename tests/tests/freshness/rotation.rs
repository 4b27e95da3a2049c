//! Keys that come and go: for how long they are fresh, and what a change of them does to tokens, those
//! that are remembered too.

use crate::api::app::AppSpec;
use crate::api::client::Ask;
use crate::api::clocked::{clock, events, get, start, stored, until, until_settled};
use crate::api::gated::status;
use crate::api::host::{InProcess, Running};
use crate::api::issuer::{Issuer, Key};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{FRESH_S, policy};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// How often in a row an issuer is asked because of unknown keys.
const UNKNOWN_KEY_FETCHES_MAX: usize = 3;

pub const CASES: &[Case] = cases![
    ; in_process:
    keys_are_fresh_for_as_long_as_their_issuer_says_within_bounds,
    an_unchanged_key_set_is_asked_for_by_its_etag_and_kept,
    a_key_set_that_changed_comes_in_spite_of_its_etag,
    a_removed_key_ends_at_the_next_refresh_also_for_remembered_tokens,
    keys_of_every_kind_verify_and_can_be_exchanged,
    a_rotation_under_load_refuses_nothing_valid_and_ends_the_removed_key,
];

async fn keys_are_fresh_for_as_long_as_their_issuer_says_within_bounds() {
    let clock = clock(&InProcess);
    // 1,800,000,000 is 2027-01-15T08:00:00Z.
    let date = "Fri, 15 Jan 2027 08:00:00 GMT";
    let cases: [(&[(&'static str, &str)], u64); 12] = [
        (&[], 600),
        (&[("cache-control", "public, max-age=3600")], 3600),
        (&[("cache-control", "max-age=5")], 60),
        (&[("cache-control", "no-store")], 60),
        (&[("cache-control", "max-age=31536000")], 86_400),
        (
            &[("cache-control", "max-age=99999999999999999999999")],
            86_400,
        ),
        (&[("cache-control", "max-age=3600"), ("age", "600")], 3000),
        (
            &[("date", date), ("expires", "Fri, 15 Jan 2027 10:00:00 GMT")],
            7200,
        ),
        (&[("expires", "Fri, 15 Jan 2027 10:00:00 GMT")], 7200),
        (&[("date", date), ("expires", "0")], 60),
        (
            &[("date", date), ("expires", "Fri, 15 Jan 2038 10:00:00 GMT")],
            86_400,
        ),
        (
            &[
                ("cache-control", "max-age=1800"),
                ("date", date),
                ("expires", "Fri, 15 Jan 2027 10:00:00 GMT"),
            ],
            1800,
        ),
    ];
    for (headers, fresh_s) in cases {
        // Each on a clock of its own, so that all begin at the same time.
        let clock = clock.another();
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.keys_come_with(headers);
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = start(&app, &clock).await;
        let ask = async || {
            let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
            status(&answer, 200, &format!("keys with {headers:?}"));
        };
        ask().await;
        assert_eq!(
            events(&running, "keys-loaded")[0]["next_refresh_s"],
            fresh_s.to_string(),
            "keys with {headers:?}"
        );
        clock.advance(fresh_s - 1).await;
        ask().await;
        assert_eq!(issuer.key_requests(), 1, "fresh keys with {headers:?}");
        clock.advance(1).await;
        ask().await;
        issuer
            .until("the keys are refreshed", |issuer| {
                issuer.key_requests() == 2
            })
            .await;
    }
}

async fn an_unchanged_key_set_is_asked_for_by_its_etag_and_kept() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    issuer.keys_have_an_etag();
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(
        &get(&running, "/a", &token).await,
        200,
        "with keys that are new",
    );
    for refresh in 1..=3 {
        clock.advance(FRESH_S).await;
        status(
            &get(&running, "/a", &token).await,
            200,
            "with keys that are stale",
        );
        // The next one only if this one has made them fresh again.
        until("the refresh is stored", || {
            let record = stored(&app, "doorward/keys/test").unwrap();
            let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
            record["fetched_at"] == clock.now()
        })
        .await;
        assert_eq!(issuer.not_modified(), refresh, "the answer is 304");
        let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
        status(&answer, 200, "after 304");
        assert_eq!(
            issuer.key_requests(),
            1 + refresh,
            "one request per refresh"
        );
    }
    assert_eq!(
        events(&running, "keys-loaded").len(),
        1,
        "keys that stay are no news"
    );
}

async fn a_key_set_that_changed_comes_in_spite_of_its_etag() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    issuer.keys_have_an_etag();
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let old = issuer.token("alice", "read");
    status(&get(&running, "/a", &old).await, 200, "before the change");
    issuer.publish(vec![Key::p256("ec-2")]);
    clock.advance(FRESH_S).await;
    let ask = Ask::get("/a").bearer(&old);
    until_settled(
        &running,
        &ask,
        401,
        200,
        "the old key, once the new set is there",
    )
    .await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the new key");
}

async fn a_removed_key_ends_at_the_next_refresh_also_for_remembered_tokens() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let (stays, goes) = (Key::ed25519("stays"), Key::ed25519("goes"));
    issuer.publish(vec![stays.clone(), goes.clone()]);
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let claims = issuer.claims("alice", "read");
    let (kept, remembered) = (stays.sign(&claims), goes.sign(&claims));
    for round in ["verified", "remembered"] {
        status(&get(&running, "/a", &kept).await, 200, round);
        status(&get(&running, "/a", &remembered).await, 200, round);
    }
    issuer.publish(vec![stays]);
    clock.advance(FRESH_S - 1).await;
    let answer = get(&running, "/a", &remembered).await;
    status(&answer, 200, "before the refresh");
    clock.advance(1).await;
    let ask = Ask::get("/a").bearer(&remembered);
    until_settled(&running, &ask, 401, 200, "after the refresh").await;
    for round in 0..5 {
        let answer = get(&running, "/a", &remembered).await;
        status(&answer, 401, &format!("and from then on ({round})"));
        let fresh = goes.sign(&issuer.claims("bob", "read"));
        status(
            &get(&running, "/a", &fresh).await,
            401,
            "another token of the removed key",
        );
        status(
            &get(&running, "/a", &kept).await,
            200,
            "a token of the key that stays",
        );
    }
}

async fn keys_of_every_kind_verify_and_can_be_exchanged() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    // All with the same id: it is the set that counts, not the id.
    let keys = [
        Key::rsa("k"),
        Key::p256("k"),
        Key::ed25519("k"),
        Key::another_rsa("k"),
    ];
    let mut former: Option<String> = None;
    for (number, key) in keys.into_iter().enumerate() {
        let what = format!("key {number}, {}", key.algorithm());
        issuer.publish(vec![key]);
        clock.advance(2 * 3600).await;
        let mut claims = issuer.claims("alice", "read");
        claims["exp"] = (clock.now() + 86_400).into();
        let token = issuer.key().sign(&claims);
        status(&get(&running, "/a", &token).await, 200, &what);
        if let Some(former) = former.replace(token) {
            let answer = get(&running, "/a", &former).await;
            status(&answer, 401, &format!("{what}: a token of the key before"));
        }
    }
}

async fn a_rotation_under_load_refuses_nothing_valid_and_ends_the_removed_key() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let (old, new) = (Key::ed25519("old"), Key::ed25519("new"));
    issuer.publish(vec![old.clone()]);
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let before = old.sign(&issuer.claims("alice", "read"));
    status(
        &get(&running, "/a", &before).await,
        200,
        "before the rotation",
    );

    // What valid means: signed with the newest key, whichever that is at the time.
    let rotated = AtomicBool::new(false);
    let done = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    let load = |name: usize| {
        let (issuer, old, new, running) = (&issuer, &old, &new, &running);
        let (rotated, done, answered) = (&rotated, &done, &answered);
        async move {
            let mut number = 0;
            while !done.load(SeqCst) {
                let key = if rotated.load(SeqCst) { new } else { old };
                // Every second one is remembered from the time before.
                let subject = format!("user-{name}-{}", number / 2);
                let token = key.sign(&issuer.claims(&subject, "read"));
                let answer = get(running, "/a", &token).await;
                status(&answer, 200, "a valid token under load");
                answered.fetch_add(1, SeqCst);
                number += 1;
            }
        }
    };
    let rotation = async {
        let more = |count: usize| {
            let until = answered.load(SeqCst) + count;
            let answered = &answered;
            async move {
                while answered.load(SeqCst) < until {
                    crate::api::clocked::yield_now().await;
                }
            }
        };
        more(50).await;
        clock.advance(60).await;
        // The new key is published and used at once, well within the freshness of the old set.
        issuer.publish(vec![new.clone(), old.clone()]);
        rotated.store(true, SeqCst);
        more(50).await;
        // The old key is taken away.
        issuer.publish(vec![new.clone()]);
        clock.advance(FRESH_S).await;
        more(50).await;
        refused_from_some_time_on(&running, &before).await;
        more(50).await;
        refused_from_some_time_on(&running, &before).await;
        done.store(true, SeqCst);
    };
    futures::join!(rotation, load(0), load(1), load(2), load(3));
    let loads = events(&running, "keys-loaded");
    assert!(loads.len() >= 3, "three key sets were seen: {loads:#?}");
    // The removed key is one that is not known: it is looked for as often as every other one.
    assert!(
        issuer.key_requests() <= loads.len() + UNKNOWN_KEY_FETCHES_MAX,
        "no other fetch without news, not {}: {loads:#?}",
        issuer.key_requests()
    );
}

async fn refused_from_some_time_on(running: &Running, token: &str) {
    let ask = Ask::get("/a").bearer(token);
    until_settled(running, &ask, 401, 200, "a token of the removed key").await;
    for _ in 0..20 {
        let answer = ask.send(running.address).await;
        status(
            &answer,
            401,
            "a token of the removed key, once it was refused",
        );
    }
}
