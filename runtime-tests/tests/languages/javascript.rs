//! JavaScript, which still has the handler of WASI 0.2: behind the gateway, by service chaining.

use doorward_runtime_tests::app::{App, AppSpec, Other};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::{pieces_come_back, seen, status};
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Group;
use doorward_runtime_tests::{cases, javascript};
use std::time::{Duration, Instant};

pub const GROUP: Group<'_> = Group {
    prepare: javascript::prepare,
    cases: cases![
        javascript_answers_who_has_a_token_and_nobody_else,
        javascript_sees_who_calls_and_no_forgery,
        javascript_has_bodies_as_streams,
        javascript_that_fails_is_an_error_and_the_next_request_works,
        javascript_that_never_answers_has_timed_out_and_others_go_on,
    ],
};

/// How long the application may take to begin its answer, in milliseconds.
const FIRST_BYTE_MS: u64 = 5000;

/// The application behind the gateway.
struct Stage {
    running: Running,
    token: String,
    _issuer: Issuer,
    _app: App,
}

impl Stage {
    async fn start(host: &dyn Host) -> Self {
        let issuer = Issuer::start().await;
        let policy = format!(
            r#"
            [issuer.test]
            url = "{}"
            audience = "{AUDIENCE}"

            [identity]
            "x-auth-subject" = "sub"

            [upstream.js]
            url = "http://js.spin.internal"
            first_byte_timeout_ms = {FIRST_BYTE_MS}
            attempts_max = 1
            breaker = false

            [defaults]
            upstream = "js"

            [[route]]
            path = "/**"
            issuer = ["test"]
            scope = ["read"]
            "#,
            issuer.url()
        );
        let mut spec = AppSpec::gateway(policy);
        spec.outbound.push("http://js.spin.internal".to_owned());
        spec.others = vec![Other {
            source: javascript::component(),
            ..Other::private("js", "")
        }];
        let app = spec.write();
        Self {
            running: host.start(&app).await,
            token: issuer.token("alice", "read"),
            _issuer: issuer,
            _app: app,
        }
    }

    async fn send(&self, ask: Ask) -> Answer {
        ask.bearer(&self.token).send(self.running.address).await
    }
}

async fn javascript_answers_who_has_a_token_and_nobody_else(host: &dyn Host) {
    let stage = Stage::start(host).await;
    let answer = Ask::get("/a").send(stage.running.address).await;
    status(&answer, 401, "no token");
    let answer = stage.send(Ask::get("/a?b=c")).await;
    status(&answer, 200, "a token");
    assert_eq!(answer.json()["method"], "GET");
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    assert!(url.ends_with("/a?b=c"), "{url}");
}

async fn javascript_sees_who_calls_and_no_forgery(host: &dyn Host) {
    let stage = Stage::start(host).await;
    let ask = Ask::get("/a").header("X-Auth-Subject", "mallory");
    let answer = stage.send(ask).await;
    status(&answer, 200, "a token and a forgery");
    assert_eq!(seen(&answer, "x-auth-subject"), ["alice"]);
    assert!(!answer.text().contains("mallory"), "{}", answer.text());
    assert!(seen(&answer, "authorization").is_empty());
}

async fn javascript_has_bodies_as_streams(host: &dyn Host) {
    let stage = Stage::start(host).await;
    pieces_come_back(stage.running.address, "/a/body", Some(&stage.token)).await;
    let much = vec![b'x'; 1 << 20];
    let answer = stage.send(Ask::new("POST", "/a/body").body(&much)).await;
    assert!(answer.body == much, "{} bytes", answer.body.len());
}

async fn javascript_that_fails_is_an_error_and_the_next_request_works(host: &dyn Host) {
    let stage = Stage::start(host).await;
    for target in ["/throw", "/trap"] {
        let answer = stage.send(Ask::get(target)).await;
        assert!(answer.status >= 500, "{target}: {}", answer.status);
        assert!(!answer.text().contains("as asked"), "{}", answer.text());
        let answer = stage.send(Ask::get("/a")).await;
        status(&answer, 200, "the next request");
    }
}

async fn javascript_that_never_answers_has_timed_out_and_others_go_on(host: &dyn Host) {
    let stage = Stage::start(host).await;
    status(&stage.send(Ask::get("/a")).await, 200, "a first request");
    let began = Instant::now();
    let never = {
        let (ask, address) = (
            Ask::get("/never").bearer(&stage.token),
            stage.running.address,
        );
        tokio::spawn(async move { ask.send(address).await })
    };
    stage
        .running
        .wait_for_log(|line| line.contains("never"))
        .await;
    for _ in 0..4 {
        let answer = stage.send(Ask::get("/a")).await;
        status(&answer, 200, "another request meanwhile");
    }
    status(&never.await.unwrap(), 504, "the one that never answers");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(FIRST_BYTE_MS), "{took:?}");
    status(
        &stage.send(Ask::get("/a")).await,
        200,
        "a request afterwards",
    );
}
