//! Tokens that name a key that is not known: a new one works at once, and made-up ones cost next to
//! nothing, however many there are and however many instances see them.

use crate::policy_with;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, get, get_at_once, start, start_spread};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Issuer, Key};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_new_key_works_at_once,
    a_new_key_is_waited_for_where_another_instance_fetches_it,
];

/// The same in a policy that says something ([`short`]): a time that cases on a real clock can wait.
const SHORT_S: u64 = 5;
/// A policy by which keys are old after [`SHORT_S`].
fn short(issuer: &Issuer) -> String {
    policy_with(issuer, &format!("unknown_key_cooldown_s = {SHORT_S}"))
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
