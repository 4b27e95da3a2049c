//! Introspection endpoints that are slow, down or wrong.

use crate::api::clocked::{clock, get, start};
use crate::api::gated::status;
use crate::api::host::{Host, InProcess};
use crate::api::issuer::{AUDIENCE, Behaviour, Client, INTROSPECTION, Issuer, UNDER_WAY_BYTES_MAX};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{asking, introspecting, with_secret};
use serde_json::json;

/// How many bytes of an answer are taken.
const DOCUMENT_BYTES_MAX: u64 = 512 * 1024;

pub const CASES: &[Case] = cases![
    an_odd_answer_about_one_token_says_nothing_of_the_others,
    a_slow_endpoint_holds_up_nobody_else,
    an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while,
    no_token_and_no_secret_is_in_the_log,
    ; in_process:
    an_endpoint_that_misbehaves_is_a_503_with_retry_after,
    an_endpoint_that_declines_a_token_has_judged_that_token_and_no_other,
    after_the_pause_failures_are_counted_from_the_beginning,
    the_pauses_of_an_endpoint_that_fails_grow_until_it_answers,
    what_is_remembered_outlives_the_endpoint,
];

async fn an_endpoint_that_misbehaves_is_a_503_with_retry_after() {
    let content = |text: &str| Behaviour::Content("application/json", text.as_bytes().to_vec());
    let mut large = json!({ "active": true });
    large["padding"] = "x".repeat(70_000).into();
    let behaviours = [
        ("closes the connection", Behaviour::Close),
        ("fails", Behaviour::Status(500)),
        ("is busy", Behaviour::Status(503)),
        ("is asked too much", Behaviour::Status(429)),
        (
            "does not know the gate",
            Behaviour::Error(401, "invalid_client"),
        ),
        (
            "does not know the gate, by RFC 6749",
            Behaviour::Error(400, "invalid_client"),
        ),
        (
            "does not let the gate ask",
            Behaviour::Error(400, "unauthorized_client"),
        ),
        ("is not there", Behaviour::Status(404)),
        ("answers with nothing", Behaviour::Status(204)),
        ("answers with half a document", Behaviour::Truncated),
        ("announces more than it sends", Behaviour::EndsEarly),
        ("answers with 100 MiB", Behaviour::Huge(100 << 20)),
        ("answers with more than 64 KiB", content(&large.to_string())),
        ("redirects", Behaviour::Redirect("/elsewhere".to_owned())),
        (
            "answers with HTML",
            Behaviour::Content("text/html", b"{\"active\": true}".to_vec()),
        ),
        ("answers with broken JSON", content("{\"active\": ")),
        ("answers with an array", content("[true]")),
        (
            "answers with a text for active",
            content("{\"active\": \"true\"}"),
        ),
        (
            "answers without active",
            content("{\"sub\": \"alice\", \"scope\": \"read\"}"),
        ),
        (
            "says active twice",
            content("{\"active\": false, \"active\": true}"),
        ),
    ];
    for (what, behaviour) in behaviours {
        let clock = clock(&InProcess);
        let (issuer, spec) = asking(&clock, "").await;
        let app = spec.write();
        let running = start(&app, &clock).await;
        issuer.says_of("opaque", issuer.active("alice", "read"));
        issuer.behaves(INTROSPECTION, behaviour);
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 503, &format!("the endpoint {what}"));
        let retry = answer.header("retry-after").and_then(|s| s.parse().ok());
        assert!(
            retry.is_some_and(|seconds| (1..=60).contains(&seconds)),
            "the endpoint {what}: Retry-After {retry:?}"
        );
        let class = answer.json()["type"].as_str().unwrap().to_owned();
        assert!(
            class.ends_with(":issuer-unavailable"),
            "the endpoint {what}: {class}"
        );
        assert!(
            !answer.text().contains("127.0.0.1"),
            "the endpoint {what}: it is named outside"
        );
        let taken = issuer.huge_bytes_taken();
        assert!(
            taken <= DOCUMENT_BYTES_MAX + UNDER_WAY_BYTES_MAX,
            "the endpoint {what}: {taken} bytes were taken"
        );
        let signed = get(&running, "/read", &issuer.token("alice", "read")).await;
        status(
            &signed,
            200,
            &format!("the endpoint {what}: a signed token"),
        );
        issuer.recover();
        clock.advance(60).await;
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 200, &format!("the endpoint {what}, and recovers"));
    }
}

async fn an_endpoint_that_declines_a_token_has_judged_that_token_and_no_other() {
    let behaviours = [
        ("answers 400 and no more", Behaviour::Status(400)),
        (
            "calls the request invalid",
            Behaviour::Error(400, "invalid_request"),
        ),
        (
            "does not know such tokens",
            Behaviour::Error(400, "unsupported_token_type"),
        ),
        ("has a firewall", Behaviour::Status(403)),
        ("finds the request too long", Behaviour::Status(413)),
    ];
    for (what, behaviour) in behaviours {
        let clock = clock(&InProcess);
        let (issuer, spec) = asking(&clock, "negative_cache_s = 10").await;
        let app = spec.write();
        let running = start(&app, &clock).await;
        for token in ["odd", "opaque"] {
            issuer.says_of(token, issuer.active("alice", "read"));
        }
        issuer.behaves(INTROSPECTION, behaviour);
        for round in 0..3 {
            let answer = get(&running, "/read", "odd").await;
            status(&answer, 401, &format!("the endpoint {what}, {round}"));
        }
        let asked = issuer.requests(INTROSPECTION);
        assert_eq!(asked, 1, "the endpoint {what}: that is remembered");
        for number in 0..10 {
            let answer = get(&running, "/read", &format!("odd-{number}")).await;
            status(&answer, 401, &format!("the endpoint {what}, again"));
        }
        issuer.recover();
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 200, &format!("the endpoint {what}: another token"));
        clock.advance(9).await;
        let answer = get(&running, "/read", "odd").await;
        status(&answer, 401, &format!("the endpoint {what}, 9 s ago"));
        clock.advance(1).await;
        let answer = get(&running, "/read", "odd").await;
        status(&answer, 200, &format!("the endpoint {what}, 10 s ago"));
    }
}

async fn an_odd_answer_about_one_token_says_nothing_of_the_others(host: &dyn Host) {
    let content = |text: &str| Behaviour::Content("application/json", text.as_bytes().to_vec());
    let large = json!({ "active": true, "padding": "x".repeat(70_000) });
    let many = json!({ "active": true, "many": vec![0; 5000] });
    let behaviours = [
        ("404", Behaviour::Status(404)),
        (
            "400, and that it does not know the gate",
            Behaviour::Error(400, "invalid_client"),
        ),
        (
            "a page",
            Behaviour::Content("text/html", b"not now".to_vec()),
        ),
        ("nothing", Behaviour::Status(204)),
        ("a redirect", Behaviour::Redirect("/elsewhere".to_owned())),
        ("100 MiB", Behaviour::Huge(100 << 20)),
        ("more than 64 KiB", content(&large.to_string())),
        ("more than 4096 values", content(&many.to_string())),
        ("broken JSON", content("{\"active\": ")),
        ("no word of active", content("{}")),
    ];
    for (what, behaviour) in behaviours {
        let clock = clock(host);
        let (issuer, spec) = asking(&clock, "").await;
        let app = spec.write();
        let running = start(&app, &clock).await;
        issuer.says_of("opaque", issuer.active("alice", "read"));
        issuer.behaves(INTROSPECTION, behaviour);
        for number in 0..10 {
            let answer = get(&running, "/read", &format!("odd-{number}")).await;
            status(&answer, 503, &format!("the answer is {what}"));
        }
        let asked = issuer.requests(INTROSPECTION);
        assert_eq!(asked, 10, "{what}: the endpoint is asked about each");
        issuer.recover();
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 200, &format!("{what}: another token, at once"));
    }
}

async fn a_slow_endpoint_holds_up_nobody_else(host: &dyn Host) {
    let clock = clock(host);
    let slow = Issuer::start_with_clock(&clock).await;
    let quick = Issuer::start_with_clock(&clock).await;
    let signing = Issuer::start_with_clock(&clock).await;
    for issuer in [&slow, &quick] {
        issuer.introspected_by(Client::Basic("gate", crate::SECRET));
        for number in 0..20 {
            issuer.says_of(&format!("opaque-{number}"), issuer.active("alice", ""));
        }
    }
    let policy = format!(
        "{}{}[issuer.signing]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n\
         [[route]]\npath = \"/slow\"\nissuer = [\"slow\", \"signing\"]\n\n\
         [[route]]\npath = \"/quick\"\nissuer = [\"quick\"]\n",
        introspecting(&slow, "slow", ""),
        introspecting(&quick, "quick", ""),
        signing.url(),
    );
    let app = with_secret(policy).write();
    let running = start(&app, &clock).await;
    slow.behaves(INTROSPECTION, Behaviour::Stall);
    let waiting = get(&running, "/slow", "opaque-0");
    let meanwhile = async {
        slow.until("it is asked", |slow| slow.stalled() == 1).await;
        for number in 0..20 {
            let answer = get(&running, "/quick", &format!("opaque-{number}")).await;
            status(&answer, 200, "an opaque token of another issuer");
            let answer = get(&running, "/slow", &signing.token("bob", "")).await;
            status(&answer, 200, "a signed token of another issuer");
            let answer = get(&running, "/slow", &slow.token("bob", "")).await;
            status(&answer, 200, "a signed token of the same issuer");
        }
        assert_eq!(slow.stalled(), 1, "the slow one stalls to this moment");
        slow.recover();
    };
    let (answer, ()) = futures::join!(waiting, meanwhile);
    status(
        &answer,
        200,
        "the opaque token of the slow issuer, in the end",
    );
}

async fn an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.behaves(INTROSPECTION, Behaviour::Status(500));
    for number in 0..20 {
        let answer = get(&running, "/read", &format!("opaque-{number}")).await;
        status(&answer, 503, "while the endpoint fails");
    }
    let asked = issuer.requests(INTROSPECTION);
    assert!(
        asked <= 6,
        "after a few failures it is left alone, not asked {asked} times"
    );
    issuer.recover();
    issuer.says_of("opaque", issuer.active("alice", "read"));
    clock.advance(10).await;
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "after the pause",
    );
}

async fn after_the_pause_failures_are_counted_from_the_beginning() {
    let behaviours = [
        Behaviour::Close,
        Behaviour::Status(401),
        Behaviour::Error(401, "invalid_client"),
        Behaviour::Status(500),
        Behaviour::Status(503),
    ];
    for behaviour in behaviours {
        let what = format!("an endpoint with {behaviour:?}");
        let clock = clock(&InProcess);
        let (issuer, spec) = asking(&clock, "").await;
        let app = spec.write();
        let running = start(&app, &clock).await;
        issuer.says_of("opaque", issuer.active("alice", "read"));
        let fail = async |times: usize| {
            for number in 0..times {
                let answer = get(&running, "/read", &format!("opaque-{number}")).await;
                status(&answer, 503, &what);
            }
        };
        for round in 1..=2 {
            issuer.behaves(INTROSPECTION, behaviour.clone());
            fail(10).await;
            let asked = issuer.requests(INTROSPECTION);
            assert_eq!(asked, 3 * round, "{what} is asked three times");
            // The second pause can be twice as long as the first one.
            clock.advance(5 * round as u64).await;
        }
        // One or two failures, which may be the fault of one token, are no reason to wait.
        fail(2).await;
        issuer.recover();
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 200, &format!("{what}, which has recovered"));
    }
}

async fn the_pauses_of_an_endpoint_that_fails_grow_until_it_answers() {
    let clock = clock(&InProcess);
    let (issuer, spec) = asking(&clock, "").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque", issuer.active("alice", "read"));
    let mut pauses = Vec::new();
    for round in 0..12 {
        issuer.behaves(INTROSPECTION, Behaviour::Status(500));
        let mut told_s = 0;
        for number in 0..5 {
            let answer = get(&running, "/read", &format!("opaque-{number}")).await;
            status(&answer, 503, "while the endpoint fails");
            let retry_after = answer.header("retry-after").unwrap();
            told_s = retry_after.parse().unwrap();
        }
        assert_eq!(issuer.requests(INTROSPECTION), 3 * (round + 1));
        pauses.push(told_s);
        clock.advance(told_s).await;
    }
    let bounds = [5, 10, 20, 30, 30, 30, 30, 30, 30, 30, 30, 30];
    for (pause_s, bound_s) in pauses.iter().zip(bounds) {
        assert!((1..=bound_s).contains(pause_s), "{pauses:?}");
    }
    assert!(pauses.iter().max() > Some(&20), "{pauses:?}");
    issuer.recover();
    let answer = get(&running, "/read", "opaque").await;
    status(&answer, 200, "it has recovered");
    issuer.behaves(INTROSPECTION, Behaviour::Status(500));
    for number in 0..3 {
        let answer = get(&running, "/read", &format!("later-{number}")).await;
        status(&answer, 503, "and fails again");
    }
    issuer.recover();
    clock.advance(5).await;
    issuer.says_of("another", issuer.active("bob", "read"));
    let answer = get(&running, "/read", "another").await;
    status(&answer, 200, "an answer ends the series");
}

async fn what_is_remembered_outlives_the_endpoint() {
    let clock = clock(&InProcess);
    let (issuer, spec) = asking(&clock, "cache_s = 60").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque", issuer.active("alice", "read"));
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "while the endpoint is up",
    );
    issuer.all_behave(&Behaviour::Close);
    clock.advance(59).await;
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "within a minute",
    );
    clock.advance(1).await;
    status(
        &get(&running, "/read", "opaque").await,
        503,
        "after a minute",
    );
}

async fn no_token_and_no_secret_is_in_the_log(host: &dyn Host) {
    let clock = clock(host);
    let (issuer, spec) = asking(&clock, "cache_s = 1").await;
    let app = spec.write();
    let running = start(&app, &clock).await;
    issuer.says_of("opaque-of-alice", issuer.active("alice", "read"));
    let mut expired = issuer.active("bob", "read");
    expired["exp"] = 1.into();
    issuer.says_of("opaque-of-bob", expired);
    for token in ["opaque-of-alice", "opaque-of-bob", "opaque-of-nobody"] {
        for target in ["/read", "/write"] {
            get(&running, target, token).await;
        }
    }
    for behaviour in [
        Behaviour::Close,
        Behaviour::Status(500),
        Behaviour::Content("application/json", b"opaque-of-nobody".to_vec()),
    ] {
        issuer.behaves(INTROSPECTION, behaviour);
        clock.advance(1).await;
        let answer = get(&running, "/read", "opaque-of-alice").await;
        status(&answer, 503, "while the endpoint is wrong");
    }
    let log = running.whole_log().await.join("\n");
    assert!(
        log.contains("introspection-failed"),
        "something was logged: {log}"
    );
    for hidden in ["opaque-of", "s3cr3t", "czNjcjN0"] {
        assert!(!log.contains(hidden), "{hidden:?} is in the log: {log}");
    }
}
