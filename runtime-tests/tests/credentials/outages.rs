//! Introspection endpoints that are slow, down or wrong.

use crate::{asking, introspecting, with_secret};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::clocked::{clock, get, start};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::issuer::{AUDIENCE, Behaviour, Client, INTROSPECTION, Issuer};
use doorward_runtime_tests::run::Case;
use serde_json::json;

pub const CASES: &[Case] = cases![
    ; in_process:
    an_endpoint_that_misbehaves_is_a_503_with_retry_after,
    a_slow_endpoint_holds_up_nobody_else,
    an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while,
    what_is_remembered_outlives_the_endpoint,
    no_token_and_no_secret_is_in_the_log,
];

async fn an_endpoint_that_misbehaves_is_a_503_with_retry_after() {
    let content = |text: &str| Behaviour::Content("application/json", text.as_bytes().to_vec());
    let mut large = json!({ "active": true });
    large["padding"] = "x".repeat(70_000).into();
    let behaviours = [
        ("closes the connection", Behaviour::Close),
        ("fails", Behaviour::Status(500)),
        ("is not there", Behaviour::Status(404)),
        ("answers with nothing", Behaviour::Status(204)),
        ("answers with half a document", Behaviour::Truncated),
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
        let clock = clock();
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
        let signed = get(&running, "/read", &issuer.token("alice", "read")).await;
        status(
            &signed,
            200,
            &format!("the endpoint {what}: a signed token"),
        );
        issuer.recover();
        clock.advance(60);
        let answer = get(&running, "/read", "opaque").await;
        status(&answer, 200, &format!("the endpoint {what}, and recovers"));
    }
}

async fn a_slow_endpoint_holds_up_nobody_else() {
    let clock = clock();
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
    let (answer, ()) = tokio::join!(waiting, meanwhile);
    status(
        &answer,
        200,
        "the opaque token of the slow issuer, in the end",
    );
}

async fn an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while() {
    let clock = clock();
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
    clock.advance(10);
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "after the pause",
    );
}

async fn what_is_remembered_outlives_the_endpoint() {
    let clock = clock();
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
    clock.advance(59);
    status(
        &get(&running, "/read", "opaque").await,
        200,
        "within a minute",
    );
    clock.advance(1);
    status(
        &get(&running, "/read", "opaque").await,
        503,
        "after a minute",
    );
}

async fn no_token_and_no_secret_is_in_the_log() {
    let clock = clock();
    let (issuer, spec) = asking(&clock, "").await;
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
        clock.advance(3600);
        let answer = get(&running, "/read", "opaque-of-alice").await;
        status(&answer, 503, "while the endpoint is wrong");
    }
    let log = running.log().join("\n");
    assert!(
        log.contains("introspection-failed"),
        "something was logged: {log}"
    );
    for hidden in ["opaque-of", "s3cr3t", "czNjcjN0"] {
        assert!(!log.contains(hidden), "{hidden:?} is in the log: {log}");
    }
}
