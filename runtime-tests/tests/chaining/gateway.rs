//! The gateway before another component of its application: the way of components that take no middleware.

use crate::Stage;
use doorward_runtime_tests::app::{AppSpec, Other};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{pieces_come_back, seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    only_who_has_a_token_reaches_the_component,
    the_component_sees_who_calls_and_no_forgery,
    bodies_go_through_the_gateway_both_ways,
    a_component_that_traps_is_a_bad_gateway_and_the_next_request_works,
    a_component_that_never_answers_has_timed_out_and_others_go_on,
    a_client_that_names_a_component_reaches_what_the_policy_says,
];

/// How long the component may take to begin its answer, in milliseconds.
const FIRST_BYTE_MS: u64 = 1000;

/// The gateway before the component `app`, which is built from `file`, and one that nobody may reach.
fn spec(issuer: &Issuer, file: &str) -> AppSpec {
    let policy = format!(
        r#"
        [issuer.test]
        url = "{}"
        audience = "{AUDIENCE}"

        [identity]
        "x-auth-subject" = "sub"

        [upstream.app]
        url = "http://app.spin.internal"
        connect_timeout_ms = 500
        first_byte_timeout_ms = {FIRST_BYTE_MS}
        attempts_max = 1
        breaker = false

        [defaults]
        upstream = "app"

        [[route]]
        path = "/public/**"
        public = true

        [[route]]
        path = "/**"
        issuer = ["test"]
        scope = ["read"]
        "#,
        issuer.url()
    );
    let mut spec = AppSpec::gateway(policy);
    spec.outbound.push("http://app.spin.internal".to_owned());
    spec.others = vec![
        Other::private("app", file),
        Other::private("secret", "echo"),
    ];
    spec
}

async fn only_who_has_a_token_reaches_the_component(host: &dyn Host) {
    for file in ["echo", "older"] {
        let issuer = Issuer::start().await;
        let stage = Stage::start(host, &spec(&issuer, file)).await;
        status(&stage.get("/a").await, 401, file);
        let token = issuer.token("alice", "read");
        let answer = Ask::get("/a?b=c")
            .bearer(&token)
            .send(stage.running.address)
            .await;
        status(&answer, 200, file);
        assert_eq!(answer.json()["target"], "/a?b=c");
        let token = issuer.token("alice", "write");
        let answer = Ask::get("/a")
            .bearer(&token)
            .send(stage.running.address)
            .await;
        status(&answer, 403, file);
    }
}

async fn the_component_sees_who_calls_and_no_forgery(host: &dyn Host) {
    for file in ["echo", "older"] {
        let issuer = Issuer::start().await;
        let stage = Stage::start(host, &spec(&issuer, file)).await;
        let token = issuer.token("alice", "read");
        let answer = Ask::get("/a")
            .bearer(&token)
            .header("X-Auth-Subject", "mallory")
            .header("X_Auth_Subject", "mallory")
            .send(stage.running.address)
            .await;
        status(&answer, 200, file);
        assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);
        assert!(!answer.text().contains("mallory"), "{}", answer.text());
        assert!(seen(&answer, "authorization").is_empty());
        let answer = Ask::get("/public/a")
            .header("X-Auth-Subject", "mallory")
            .send(stage.running.address)
            .await;
        assert!(
            seen(&answer, "x-auth-subject").is_empty(),
            "{}",
            answer.text()
        );
    }
}

async fn bodies_go_through_the_gateway_both_ways(host: &dyn Host) {
    for file in ["echo", "older"] {
        let issuer = Issuer::start().await;
        let stage = Stage::start(host, &spec(&issuer, file)).await;
        let token = issuer.token("alice", "read");
        let target = if file == "older" { "/body" } else { "/a/body" };
        pieces_come_back(stage.running.address, target, Some(&token)).await;
    }
}

async fn a_component_that_traps_is_a_bad_gateway_and_the_next_request_works(host: &dyn Host) {
    for file in ["echo", "older"] {
        let issuer = Issuer::start().await;
        let stage = Stage::start(host, &spec(&issuer, file)).await;
        let token = issuer.token("alice", "read");
        let get = |target: &str| Ask::get(target).bearer(&token);
        let answer = get("/trap").send(stage.running.address).await;
        // Spin answers for the component, with a response of its own.
        let expected = if host.name() == "spin" { 500 } else { 502 };
        status(&answer, expected, file);
        let answer = get("/a").send(stage.running.address).await;
        status(&answer, 200, file);
    }
}

async fn a_component_that_never_answers_has_timed_out_and_others_go_on(host: &dyn Host) {
    for file in ["relay", "older"] {
        let issuer = Issuer::start().await;
        let stage = Stage::start(host, &spec(&issuer, file)).await;
        let token = issuer.token("alice", "read");
        let other = if file == "relay" { "/log/x" } else { "/a" };
        let warm = Ask::get(other)
            .bearer(&token)
            .send(stage.running.address)
            .await;
        status(&warm, 200, file);
        let began = Instant::now();
        let never: Vec<_> = [Ask::get("/never"), Ask::new("POST", "/never").body(b"abc")]
            .into_iter()
            .map(|ask| {
                let ask = ask.bearer(&token);
                let address = stage.running.address;
                tokio::spawn(async move { ask.send(address).await })
            })
            .collect();
        stage.logged(&["beat"]).await;
        for _ in 0..8 {
            let answer = Ask::get(other)
                .bearer(&token)
                .send(stage.running.address)
                .await;
            status(&answer, 200, "another request meanwhile");
        }
        for answer in never {
            let answer = answer.await.unwrap();
            status(&answer, 504, file);
        }
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(FIRST_BYTE_MS),
            "{file}: {took:?}"
        );
        let answer = Ask::get(other)
            .bearer(&token)
            .send(stage.running.address)
            .await;
        status(&answer, 200, "a request afterwards");
        if host.name() != "spin" {
            stage.logged(&["instance ended: nobody waits"]).await;
        }
    }
}

async fn a_client_that_names_a_component_reaches_what_the_policy_says(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let stage = Stage::start(host, &spec(&issuer, "echo")).await;
    for request in [
        "GET /public/a HTTP/1.1\r\nHost: secret.spin.internal\r\n\r\n",
        "GET /public/a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: secret.spin.internal\r\n\r\n",
        "GET /public/a HTTP/1.1\r\nHost: a\r\nForwarded: host=secret.spin.internal\r\n\r\n",
        "GET http://secret.spin.internal/public/a HTTP/1.1\r\nHost: secret.spin.internal\r\n\r\n",
    ] {
        let mut client = Raw::connect(stage.running.address).await;
        client.send(request).await;
        let Ok(response) = client.response().await else {
            // So Spin refuses an absolute target to such a host.
            assert_eq!(host.name(), "spin", "{request:?}");
            continue;
        };
        if response.status == 200 {
            assert_eq!(
                response.json()["authority"],
                "app.spin.internal",
                "{request:?}"
            );
        } else {
            assert!(
                matches!(response.status, 400 | 404),
                "{request:?}: {response:?}"
            );
        }
    }
}
