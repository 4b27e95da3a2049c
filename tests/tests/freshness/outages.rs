//! Issuers that are down, slow or wrong while keys of theirs are known, and while none are.

use crate::api::app::AppSpec;
use crate::api::client::{Answer, Ask};
use crate::api::clocked::{
    all_events, ask_until_event, clock, events, get, get_at_once, start, start_forgetful,
    until_event,
};
use crate::api::gated::status;
use crate::api::host::{Host, InProcess};
use crate::api::issuer::{AUDIENCE, Behaviour, Issuer, KEYS, METADATA};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{FRESH_S, policy, policy_with};

pub const CASES: &[Case] = cases![
    a_slow_issuer_holds_up_nobody_with_a_token_of_another_one,
    requests_that_need_the_first_keys_share_one_fetch,
    ; in_process:
    an_issuer_that_is_down_for_23_hours_is_done_without_and_after_25_no_longer,
    a_new_instance_does_without_the_issuer_for_as_long,
    without_stale_if_error_keys_end_when_the_refresh_has_failed,
    nobody_waits_for_a_slow_issuer_while_its_keys_are_known,
    what_is_wrong_never_takes_the_place_of_good_keys,
    an_issuer_that_fails_is_left_alone_for_a_while_and_then_asked_again,
    the_log_tells_the_state_of_the_keys_at_each_change,
];

const HOUR_S: u64 = 3600;

fn retry_after_s(answer: &Answer, what: &str) -> u64 {
    let value = answer.header("retry-after");
    let seconds = value.and_then(|value| value.parse().ok());
    seconds.unwrap_or_else(|| panic!("{what}: a 503 says when to come back, not {value:?}"))
}

async fn an_issuer_that_is_down_for_23_hours_is_done_without_and_after_25_no_longer() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "while the issuer is up");

    issuer.all_behave(&Behaviour::Close);
    clock.advance(FRESH_S + 23 * HOUR_S).await;
    let asked = issuer.requests(METADATA);
    for round in ["first", "second"] {
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, &format!("down for 23 hours, {round}"));
    }
    assert!(
        issuer.requests(METADATA) > asked,
        "the issuer was asked before it was done without"
    );

    clock.advance(2 * HOUR_S).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 503, "down for 25 hours");
    let seconds = retry_after_s(&answer, "down for 25 hours");
    assert!((1..=60).contains(&seconds), "Retry-After {seconds}");

    issuer.all_behave(&Behaviour::Good);
    clock.advance(seconds).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "up again, after the time that was told");
}

async fn a_new_instance_does_without_the_issuer_for_as_long() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start_forgetful(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "while the issuer is up");
    issuer.all_behave(&Behaviour::Close);
    for (advance_s, expected) in [
        (FRESH_S + 12 * HOUR_S, 200),
        (11 * HOUR_S, 200),
        (2 * HOUR_S, 503),
    ] {
        clock.advance(advance_s).await;
        for round in ["first", "second"] {
            let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
            status(
                &answer,
                expected,
                &format!("{advance_s} s later, {round} new instance"),
            );
        }
    }
}

async fn without_stale_if_error_keys_end_when_the_refresh_has_failed() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy_with(&issuer, "stale_if_error_s = 0")).write();
    let running = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(
        &get(&running, "/a", &token).await,
        200,
        "while the issuer is up",
    );
    issuer.all_behave(&Behaviour::Close);
    clock.advance(FRESH_S - 1).await;
    status(
        &get(&running, "/a", &token).await,
        200,
        "fresh keys need no issuer",
    );
    clock.advance(2).await;
    let answer = get(&running, "/a", &token).await;
    status(&answer, 200, "the refresh comes after the response");
    until_event(&running, "keys-unavailable", 1).await;
    for round in ["remembered", "remembered, again"] {
        let answer = get(&running, "/a", &token).await;
        status(
            &answer,
            503,
            &format!("once the refresh has failed ({round})"),
        );
    }
    let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
    status(&answer, 503, "once the refresh has failed (another token)");
}

async fn nobody_waits_for_a_slow_issuer_while_its_keys_are_known() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(
        &get(&running, "/a", &token).await,
        200,
        "while the issuer is quick",
    );
    issuer.keys_behave(Behaviour::Stall);
    clock.advance(FRESH_S + 1).await;
    let mut answered = 0;
    for round in 0..5 {
        let tokens: Vec<String> = (0..8)
            .map(|number| issuer.token(&format!("user-{round}-{number}"), "read"))
            .collect();
        for answer in get_at_once(&running, "/a", &tokens).await {
            status(&answer, 200, "while the issuer stalls");
            answered += 1;
        }
        issuer
            .until("the refresh is under way", |issuer| issuer.stalled() > 0)
            .await;
    }
    assert_eq!(answered, 40, "requests answered while the issuer stalls");
    assert!(issuer.stalled() > 0, "it stalls to this moment");
    assert_eq!(
        issuer.key_requests(),
        1 + issuer.stalled(),
        "the first fetch, and no more than one refresh under way in each instance"
    );
}

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
    let (answers, ()) = futures::join!(waiting, meanwhile);
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
    let (answers, ()) = futures::join!(get_at_once(&running, "/a", &tokens), release);
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

async fn what_is_wrong_never_takes_the_place_of_good_keys() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let wrong = [
        ("nothing", Behaviour::Close),
        ("an error", Behaviour::Status(500)),
        ("half of it", Behaviour::Truncated),
        ("all of it, and an end too early", Behaviour::EndsEarly),
        ("100 MiB", Behaviour::Huge(100 << 20)),
        (
            "HTML",
            Behaviour::Content("text/html", b"<html></html>".to_vec()),
        ),
        (
            "an empty object",
            Behaviour::Content("application/json", b"{}".to_vec()),
        ),
        (
            "something else",
            Behaviour::Content("application/json", b"{\"error\": \"busy\"}".to_vec()),
        ),
        (
            "a redirect",
            Behaviour::Redirect("http://127.0.0.1:9/jwks".to_owned()),
        ),
    ];
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "while all is well");
    let mut failed = 0;
    for (what, behaviour) in wrong {
        issuer.keys_behave(Behaviour::Good);
        clock.advance(120).await;
        let ask = Ask::get("/a").bearer(&issuer.token("alice", "read"));
        ask_until_event(&running, &ask, "keys-recovered", failed).await;
        issuer.keys_behave(behaviour);
        clock.advance(FRESH_S + 1).await;
        failed += 1;
        let ask = Ask::get("/a").bearer(&issuer.token("alice", "read"));
        ask_until_event(&running, &ask, "keys-unavailable", failed).await;
        let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
        status(&answer, 200, &format!("after the issuer has sent {what}"));
    }
}

async fn an_issuer_that_fails_is_left_alone_for_a_while_and_then_asked_again() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    issuer.keys_behave(Behaviour::Status(500));
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let mut pauses = Vec::new();
    for attempt in 1..=7 {
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 503, "the issuer fails");
        pauses.push(retry_after_s(&answer, "the issuer fails"));
        for _ in 0..5 {
            let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
            status(&answer, 503, "the issuer is left alone");
        }
        assert_eq!(issuer.key_requests(), attempt, "asked once per pause");
        clock.advance(*pauses.last().unwrap()).await;
    }
    let bounds = [4, 8, 16, 32, 60, 60, 60];
    let within = |(pause, bound): (&u64, u64)| (2..=bound).contains(pause);
    assert!(
        pauses.iter().zip(bounds).all(within),
        "the bound of pauses grows up to a minute: {pauses:?}"
    );
    let longest = pauses.iter().max();
    assert!(longest > Some(&32), "and they with it: {pauses:?}");
    issuer.keys_behave(Behaviour::Good);
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the issuer is up again");
}

async fn the_log_tells_the_state_of_the_keys_at_each_change() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let ask = async || {
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "a good token");
    };
    ask().await;
    let loaded = &events(&running, "keys-loaded")[0];
    assert_eq!(loaded["issuer"], "test", "whose keys: {loaded}");
    assert_eq!(loaded["source"], "issuer", "where they come from: {loaded}");
    assert_eq!(loaded["keys"], "2", "how many they are: {loaded}");
    assert_eq!(loaded["age_s"], "0", "how old they are: {loaded}");
    assert_eq!(
        loaded["next_refresh_s"], "600",
        "when they are refreshed: {loaded}"
    );

    issuer.keys_behave(Behaviour::Status(500));
    clock.advance(FRESH_S + 10).await;
    ask().await;
    until_event(&running, "keys-unavailable", 1).await;
    let failed = &events(&running, "keys-unavailable")[0];
    assert_eq!(failed["issuer"], "test", "whose keys: {failed}");
    assert_eq!(
        failed["age_s"], "610",
        "how old those are that remain: {failed}"
    );
    assert!(
        failed["reason"].as_str().unwrap().contains("500"),
        "why: {failed}"
    );
    assert_eq!(
        failed["next_refresh_s"], "2",
        "when it is tried again: {failed}"
    );

    issuer.keys_behave(Behaviour::Good);
    clock.advance(2).await;
    let again = Ask::get("/a").bearer(&issuer.token("alice", "read"));
    ask_until_event(&running, &again, "keys-recovered", 1).await;
    let recovered = &events(&running, "keys-recovered")[0];
    assert_eq!(
        recovered["next_refresh_s"], "600",
        "all is well: {recovered}"
    );
}
