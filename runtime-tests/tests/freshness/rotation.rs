//! Keys that come and go: for how long they are fresh, and what a change of them does to tokens, those
//! that are remembered too.

use crate::{FRESH_S, policy};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::clocked::{clock, events, get, start, until_settled};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{InProcess, Running};
use doorward_runtime_tests::issuer::{Issuer, Key};
use doorward_runtime_tests::run::Case;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// How often in a row an issuer is asked because of unknown keys.
const UNKNOWN_KEY_FETCHES_MAX: usize = 3;

pub const CASES: &[Case] = cases![
    ; in_process:
    a_rotation_under_load_refuses_nothing_valid_and_ends_the_removed_key,
];

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
                    tokio::task::yield_now().await;
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
    tokio::join!(rotation, load(0), load(1), load(2), load(3));
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
