//! Issuers that are down, slow or wrong while keys of theirs are known, and while none are.

use crate::policy;
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{all_events, clock, get, get_at_once, start};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Behaviour, Issuer, KEYS, METADATA};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_slow_issuer_holds_up_nobody_with_a_token_of_another_one,
    requests_that_need_the_first_keys_share_one_fetch,
];

async fn a_slow_issuer_holds_up_nobody_with_a_token_of_another_one(host: &dyn Host) {
    let clock = clock(host);
    let quick = Issuer::start_with_clock(&clock).await;
    let slow = Issuer::start_with_clock(&clock).await;
    let policy = format!(
        "[issuer.quick]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [issuer.slow]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"quick\", \"slow\"]\n",
        quick.url(),
        slow.url()
    );
    let app = AppSpec::gated("echo", policy).write();
    let running = start(&app, &clock).await;
    slow.keys_behave(Behaviour::Stall);
    let tokens: Vec<String> = (0..6)
        .map(|number| slow.token(&format!("user-{number}"), ""))
        .collect();
    let waiting = get_at_once(&running, "/a", &tokens);
    let meanwhile = async {
        slow.until("it is asked", |slow| slow.stalled() > 0).await;
        for number in 0..20 {
            let answer = get(&running, "/a", &quick.token(&format!("user-{number}"), "")).await;
            status(&answer, 200, "a token of the quick issuer");
        }
        assert!(slow.stalled() > 0, "the slow one stalls to this moment");
        slow.recover();
    };
    let (answers, ()) = tokio::join!(waiting, meanwhile);
    for answer in answers {
        status(&answer, 200, "a token of the slow issuer, in the end");
    }
}

async fn requests_that_need_the_first_keys_share_one_fetch(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    // One that needs no keys makes the instance.
    assert_eq!(
        get(&running, "/a", "x").await.status,
        401,
        "no token at all"
    );
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
        status(&answer, 200, "one of twelve");
    }
    let mut loads = all_events(&running, "keys-loaded").await;
    loads.retain(|load| load["source"] == "issuer");
    assert_eq!(
        (issuer.requests(METADATA), issuer.requests(KEYS)),
        (loads.len(), loads.len()),
        "those that meet the same instance share one fetch: {loads:?}"
    );
    assert!(
        loads.len() < 12,
        "twelve requests met {} instances",
        loads.len()
    );
}
