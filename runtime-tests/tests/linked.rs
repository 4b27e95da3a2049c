//! Services with the gate linked in, as they are built: `whoami-linked`, which answers as `whoami` does behind the gate,
//! and `echo-linked`. What the engine does of it is shown in virtual time (`tests/tests/linked.rs`, `sim_front`), and of
//! every case of the gate in `contract`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::{Answer, Ask, send_bytes};
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Issuer, Key};
use doorward_runtime_tests::{cases, run};
use serde_json::{Value, json};
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        whoami_answers_the_same_behind_the_gate_and_with_the_gate_linked_in,
        who_the_caller_is_reaches_the_service_as_values,
        a_service_that_has_the_request_made_anew_sees_the_same,
        a_body_arrives_whole_in_whichever_way_it_is_read,
        no_more_of_a_body_is_given_out_than_the_policy_allows,
        an_answer_of_either_kind_gets_what_the_policy_adds,
        a_key_that_the_issuer_has_changed_is_found,
        while_keys_cannot_be_had_everything_is_refused,
        without_a_policy_nobody_is_served,
        the_log_has_a_line_for_each_request_and_never_a_token,
    ])
}

/// Everything that is asked of both.
fn asked(issuer: &Issuer) -> Vec<(&'static str, Ask, u16)> {
    let reader = issuer.token("alice", "read");
    let spoofed = |ask: Ask| {
        let ask = ask.header("X-Auth-Subject", "mallory");
        ask.header("X_Auth_Subject", "mallory")
            .header("x.auth.issuer", "mallory")
    };
    vec![
        ("read", Ask::get("/read/a?b=c").bearer(&reader), 200),
        ("read again", Ask::get("/read/a?b=c").bearer(&reader), 200),
        ("spoofed", spoofed(Ask::get("/read/a").bearer(&reader)), 200),
        ("public", Ask::get("/public/a"), 200),
        ("public, spoofed", spoofed(Ask::get("/public/a")), 200),
        (
            "public, with a token",
            Ask::get("/public/a").bearer(&reader),
            200,
        ),
        ("escaped", Ask::get("/read/%7Ea%2Db").bearer(&reader), 200),
        ("posted", Ask::new("POST", "/public/a").body(b"hello"), 200),
        ("no token", Ask::get("/read/a"), 401),
        ("no good token", Ask::get("/read/a").bearer("a.b.c"), 401),
        ("no scope", Ask::new("POST", "/write").bearer(&reader), 403),
        ("no rule", Ask::get("/elsewhere").bearer(&reader), 403),
        ("two readings", Ask::get("/public/%2e%2e/read/a"), 400),
        (
            "two tokens",
            Ask::get("/read/a").bearer(&reader).bearer(&reader),
            400,
        ),
    ]
}

/// What is compared of an answer: what its request is called is left out.
fn of_both(answer: &Answer) -> (u16, Option<&str>, Option<&str>, String) {
    let name = answer.header("x-request-id").expect("it has a name");
    (
        answer.status,
        answer.header("content-type"),
        answer.header("www-authenticate"),
        answer.text().replace(name, "{request}"),
    )
}

async fn whoami_answers_the_same_behind_the_gate_and_with_the_gate_linked_in(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let behind = AppSpec::gated("whoami", policy(&issuer)).write();
    let within = AppSpec::linked("whoami-linked", policy(&issuer)).write();
    let behind = host.start(&behind).await;
    let within = host.start(&within).await;
    for (what, ask, due) in asked(&issuer) {
        let (one, other) = (
            ask.send(behind.address).await,
            ask.send(within.address).await,
        );
        status(&other, due, what);
        assert_eq!(of_both(&one), of_both(&other), "{what}");
        assert!(!other.text().contains("mallory"), "{what}");
    }
    let answer = Ask::get("/read/a?b=c")
        .bearer(&issuer.token("alice", "read"))
        .send(within.address)
        .await;
    let due = json!({
        "method": "GET",
        "target": "/read/a?b=c",
        "identity": { "subject": "alice", "issuer": issuer.url() },
    });
    assert_eq!(answer.json(), due);
    assert_eq!(issuer.key_requests(), 2, "each has fetched the keys once");
}

async fn who_the_caller_is_reaches_the_service_as_values(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::linked("echo-linked", policy(&issuer)).write();
    let running = host.start(&app).await;
    let claims = issuer.claims("alice", "read write");
    let answer = Ask::get("/read/identity")
        .bearer(&issuer.key().sign(&claims))
        .send(running.address)
        .await;
    let due = json!({
        "kind": "jwt",
        "principal": "test \"alice\"",
        "issuer": issuer.url(),
        "subject": "alice",
        "audience": [claims["aud"]],
        "scopes": ["read", "write"],
        "expires_at": claims["exp"],
    });
    assert_eq!(answer.json(), due);
    let answer = Ask::get("/public/identity")
        .bearer(&issuer.token("alice", "read"))
        .header("x-auth-subject", "root")
        .send(running.address)
        .await;
    status(&answer, 200, "where no credential is looked at");
    assert_eq!(answer.json(), Value::Null);
}

async fn a_service_that_has_the_request_made_anew_sees_the_same(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::linked("echo-linked", policy(&issuer)).write();
    let running = host.start(&app).await;
    for target in ["/read/values", "/read/request"] {
        let answer = Ask::get(&format!("{target}?b=c"))
            .bearer(&issuer.token("alice", "read"))
            .header("X_Auth_Subject", "mallory")
            .header("Remote-User", "mallory")
            .header("Cookie", "a=1")
            .header("Cookie", "b=2")
            .header("Accept", "text/plain")
            .send(running.address)
            .await;
        status(&answer, 200, target);
        assert_eq!(answer.json()["target"], format!("{target}?b=c"));
        assert_eq!(answer.json()["method"], "Method::Get");
        assert_eq!(seen(&answer, "x-auth-subject"), ["alice"], "{target}");
        assert_eq!(seen(&answer, "accept"), ["text/plain"], "{target}");
        assert_eq!(seen(&answer, "cookie"), ["a=1; b=2"], "{target}");
        assert_eq!(seen(&answer, "authorization"), [""; 0], "{target}");
        assert_eq!(
            seen(&answer, "x-request-id"),
            [answer.header("x-request-id").unwrap()],
            "{target}"
        );
        assert!(!answer.text().contains("mallory"), "{}", answer.text());
    }
}

async fn a_body_arrives_whole_in_whichever_way_it_is_read(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::linked("echo-linked", policy(&issuer)).write();
    let running = host.start(&app).await;
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let answer = Ask::new("POST", "/public/body")
        .body(&body)
        .send(running.address)
        .await;
    status(&answer, 200, "handed on as a stream");
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
    let answer = Ask::new("POST", "/public/trailers")
        .body(&body)
        .send(running.address)
        .await;
    assert_eq!(
        answer.json(),
        json!({ "bytes": body.len(), "trailers": [] })
    );
    let answer = Ask::new("POST", "/public/collected")
        .body(b"hello")
        .send(running.address)
        .await;
    assert_eq!(answer.text(), "hello");
    let bytes = "POST /public/trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
                 Connection: close\r\n\r\n5\r\nhello\r\n0\r\nX-Auth-Subject: mallory\r\n\
                 X_Auth_Subject: mallory\r\nX-Checksum: 1\r\n\r\n";
    let answer = send_bytes(running.address, bytes.as_bytes()).await;
    assert_eq!(
        answer.json(),
        json!({ "bytes": 5, "trailers": ["x-checksum"] }),
        "of the trailers only what is not reserved"
    );
    // It is read and dropped, so the connection goes on.
    let answer = Ask::new("POST", "/public/unread")
        .body(&body)
        .send(running.address)
        .await;
    status(&answer, 204, "left where it is");
}

async fn no_more_of_a_body_is_given_out_than_the_policy_allows(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let limited = format!(
        "[limits.small]\nbody_bytes_max = 10\n[defaults]\nlimits = \"small\"\n{}",
        policy(&issuer)
    );
    let app = AppSpec::linked("echo-linked", limited).write();
    let running = host.start(&app).await;
    let chunked = |target: &str, body: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
             Connection: close\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    for (target, body, due) in [
        ("/public/collected", "0123456789", 200),
        ("/public/collected", "0123456789a", 413),
        ("/public/trailers", "0123456789a", 413),
    ] {
        let bytes = chunked(target, body);
        let answer = send_bytes(running.address, bytes.as_bytes()).await;
        status(&answer, due, &format!("{} bytes to {target}", body.len()));
    }
}

async fn an_answer_of_either_kind_gets_what_the_policy_adds(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let added = format!(
        "[security_headers.api]\npreset = \"api\"\n[cors.web]\norigins = [\"https://a.example\"]\n\
         [defaults]\nsecurity_headers = \"api\"\ncors = \"web\"\n{}",
        policy(&issuer)
    );
    let app = AppSpec::linked("echo-linked", added).write();
    let running = host.start(&app).await;
    for (what, ask) in [
        ("values", Ask::get("/public/a")),
        ("a stream", Ask::new("POST", "/public/body").body(b"hello")),
    ] {
        let ask = ask.header("Origin", "https://a.example");
        let answer = ask.send(running.address).await;
        status(&answer, 200, what);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://a.example"),
            "{what}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-request-id").map(str::len), Some(36));
    }
    let answer = Ask::get("/public/a")
        .header("x-answer-x-frame-options", "SAMEORIGIN")
        .send(running.address)
        .await;
    assert_eq!(answer.header("x-frame-options"), Some("SAMEORIGIN"));
}

async fn a_key_that_the_issuer_has_changed_is_found(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::linked("whoami-linked", policy(&issuer)).write();
    let running = host.start(&app).await;
    let ask = |token: &str| Ask::get("/read/a").bearer(token);
    let old = issuer.token("alice", "read");
    status(&ask(&old).send(running.address).await, 200, "the first key");
    issuer.publish(vec![Key::ed25519("second")]);
    let new = issuer.token("alice", "read");
    status(
        &ask(&new).send(running.address).await,
        200,
        "the second key",
    );
}

async fn while_keys_cannot_be_had_everything_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.all_behave(&Behaviour::Status(500));
    let app = AppSpec::linked("whoami-linked", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/read/a")
        .bearer(&issuer.token("alice", "read"))
        .send(running.address)
        .await;
    status(&answer, 503, "the issuer is down");
    let answer = Ask::get("/public/a").send(running.address).await;
    status(&answer, 200, "nobody is asked for a public route");
}

async fn without_a_policy_nobody_is_served(host: &dyn Host) {
    let mut spec = AppSpec::linked("whoami-linked", "");
    spec.policy = None;
    let app = spec.write();
    let running = host.start(&app).await;
    for target in ["/", "/public/a"] {
        let answer = Ask::get(target).send(running.address).await;
        status(&answer, 500, target);
    }
}

async fn the_log_has_a_line_for_each_request_and_never_a_token(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::linked("echo-linked", format!("[log]\n{}", policy(&issuer))).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let answer = Ask::get("/read/a")
        .bearer(&token)
        .send(running.address)
        .await;
    status(&answer, 200, "admitted");
    let name = answer.header("x-request-id").unwrap().to_owned();
    running
        .wait_for_log(|line| {
            [
                &*name,
                "\"subject\":\"alice\"",
                "\"status\":200",
                "/read/**",
            ]
            .iter()
            .all(|part| line.contains(part))
        })
        .await;
    let answer = Ask::get("/read/a").send(running.address).await;
    let name = answer.header("x-request-id").unwrap().to_owned();
    running
        .wait_for_log(|line| line.contains(&name) && line.contains("\"decision\":\"refused\""))
        .await;
    assert!(!running.log().iter().any(|line| line.contains(&token)));
}
