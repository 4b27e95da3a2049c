//! The gate in front of a service: who is let through, who is refused, and what the service sees.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::{policy, seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Behaviour, Issuer, now};
use doorward_runtime_tests::{cases, run};
use serde_json::{Value, json};
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        a_valid_token_reaches_the_service_and_the_service_sees_who_it_is,
        a_request_without_a_token_is_challenged_without_an_error_code,
        a_token_that_is_wrong_in_any_way_is_refused,
        a_token_without_the_scope_is_told_which_scope_it_needs,
        what_no_rule_lists_is_refused_with_and_without_a_token,
        a_public_route_needs_no_token,
        two_authorization_fields_are_a_bad_request_even_on_a_public_route,
        a_token_outside_of_the_authorization_field_is_none,
        a_refusal_says_no_more_than_its_class,
        the_log_tells_the_reason_and_never_the_token,
        a_remembered_token_still_has_to_satisfy_each_route,
        a_remembered_token_ends_with_its_time,
        spin_health_is_answered_before_the_gate,
    ])
}

async fn a_valid_token_reaches_the_service_and_the_service_sees_who_it_is(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    // Twice: once verified, once remembered.
    for round in ["first", "second"] {
        let answer = Ask::get("/read/a")
            .bearer(&issuer.token("alice", "read"))
            .send(running.address)
            .await;
        status(&answer, 200, round);
        assert_eq!(
            seen(&answer, "x-auth-subject"),
            ["alice"],
            "{round}: the subject"
        );
        assert_eq!(
            seen(&answer, "x-auth-issuer"),
            [issuer.url()],
            "{round}: the issuer"
        );
    }
    assert_eq!(
        issuer.key_requests(),
        1,
        "the key set is fetched once for both requests"
    );
}

async fn a_request_without_a_token_is_challenged_without_an_error_code(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/read/a").send(running.address).await;
    status(&answer, 401, "no credential");
    let challenge = answer
        .header("www-authenticate")
        .expect("a 401 has a challenge");
    assert!(
        challenge.starts_with("Bearer"),
        "a Bearer challenge, not {challenge:?}"
    );
    assert!(
        !challenge.contains("error"),
        "RFC 6750 §3.1: no error code in {challenge:?}"
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        answer.json()["status"],
        401,
        "RFC 9457: the status is in the document"
    );
    assert_eq!(
        issuer.key_requests(),
        0,
        "no keys are fetched for a request without a token"
    );
}

async fn a_token_that_is_wrong_in_any_way_is_refused(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let stranger = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let good = issuer.token("alice", "read");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = issuer.claims("alice", "read");
        change(&mut claims);
        issuer.key().sign(&claims)
    };
    let mut changed = good.clone().into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let parts: Vec<&str> = good.split('.').collect();
    let wrong = [
        ("expired", with(&|claims| claims["exp"] = json!(now() - 1))),
        (
            "not yet valid",
            with(&|claims| claims["nbf"] = json!(now() + 600)),
        ),
        (
            "for another audience",
            with(&|claims| claims["aud"] = json!("https://other.example")),
        ),
        (
            "of another issuer by name",
            with(&|claims| claims["iss"] = json!("https://evil.example")),
        ),
        (
            "without an end",
            with(&|claims| claims["exp"] = json!(null)),
        ),
        (
            "with an end as text",
            with(&|claims| claims["exp"] = json!("9999999999")),
        ),
        (
            "signed by a stranger",
            stranger.key().sign(&issuer.claims("alice", "read")),
        ),
        ("changed by one byte", String::from_utf8(changed).unwrap()),
        ("without a signature", format!("{}.{}.", parts[0], parts[1])),
        ("unsecured", format!("eyJhbGciOiJub25lIn0.{}.", parts[1])),
        ("no token at all", "x".to_owned()),
    ];
    for (what, token) in wrong {
        let answer = Ask::get("/read/a")
            .bearer(&token)
            .send(running.address)
            .await;
        status(&answer, 401, what);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.contains("error=\"invalid_token\""),
            "{what}: {challenge:?}"
        );
    }
    let answer = Ask::get("/read/a")
        .bearer(&good)
        .send(running.address)
        .await;
    status(&answer, 200, "and the good one still passes");
}

async fn a_token_without_the_scope_is_told_which_scope_it_needs(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::new("POST", "/write")
        .bearer(&issuer.token("alice", "read"))
        .send(running.address)
        .await;
    status(&answer, 403, "a token that lacks a scope");
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(
        challenge.contains("error=\"insufficient_scope\""),
        "{challenge:?}"
    );
    assert!(challenge.contains("scope=\"read write\""), "{challenge:?}");
}

async fn what_no_rule_lists_is_refused_with_and_without_a_token(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read write");
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/elsewhere"),
        ("DELETE", "/write"),
        ("GET", "/write"),
    ] {
        let answer = Ask::new(method, target).send(running.address).await;
        status(&answer, 403, &format!("{method} {target} without a token"));
        let answer = Ask::new(method, target)
            .bearer(&token)
            .send(running.address)
            .await;
        status(&answer, 403, &format!("{method} {target} with a token"));
    }
}

async fn a_public_route_needs_no_token(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.keys_behave(Behaviour::Close);
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/public/style.css").send(running.address).await;
    status(&answer, 200, "a public route while the issuer is down");
    assert_eq!(
        seen(&answer, "x-auth-subject"),
        [""; 0],
        "nobody is identified"
    );
}

async fn two_authorization_fields_are_a_bad_request_even_on_a_public_route(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    for target in ["/read/a", "/public/a"] {
        for second in [
            format!("Bearer {token}"),
            "Basic eDp5".to_owned(),
            String::new(),
        ] {
            let answer = Ask::get(target)
                .bearer(&token)
                .header("authorization", &second)
                .send(running.address)
                .await;
            status(
                &answer,
                400,
                &format!("{target} with a second field {second:?}"),
            );
        }
    }
    issuer.keys_behave(Behaviour::Close);
    let fresh = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&fresh).await;
    let answer = Ask::get("/read/a")
        .bearer(&token)
        .bearer(&token)
        .send(running.address)
        .await;
    status(&answer, 400, "two fields while the issuer is down");
}

async fn a_token_outside_of_the_authorization_field_is_none(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    let asks = [
        (
            "in the query",
            Ask::get(&format!("/read/a?access_token={token}")),
        ),
        (
            "in a cookie",
            Ask::get("/read/a").header("Cookie", &format!("token={token}")),
        ),
        (
            "in the body",
            Ask::new("POST", "/read/a")
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(format!("access_token={token}").as_bytes()),
        ),
        (
            "in Proxy-Authorization",
            Ask::get("/read/a").header("Proxy-Authorization", &format!("Bearer {token}")),
        ),
        (
            "as Basic",
            Ask::get("/read/a").header("Authorization", &format!("Basic {token}")),
        ),
    ];
    for (what, ask) in asks {
        let answer = ask.send(running.address).await;
        status(&answer, 401, what);
    }
}

async fn a_refusal_says_no_more_than_its_class(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let mut bodies = Vec::new();
    // All but what the request is called.
    let unnamed = |answer: &Answer| {
        let name = answer.header("x-request-id").expect("it has a name");
        answer.text().replace(name, "{request}")
    };
    for (what, change) in [
        ("expired", json!({ "exp": now() - 100 })),
        ("another audience", json!({ "aud": "x" })),
        ("another issuer", json!({ "iss": "x" })),
    ] {
        let mut claims = issuer.claims("alice", "read");
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let answer = Ask::get("/read/a")
            .bearer(&issuer.key().sign(&claims))
            .send(running.address)
            .await;
        status(&answer, 401, what);
        bodies.push((
            unnamed(&answer),
            answer.header("www-authenticate").map(str::to_owned),
        ));
    }
    let forged = Ask::get("/read/a")
        .bearer("a.b.c")
        .send(running.address)
        .await;
    bodies.push((
        unnamed(&forged),
        forged.header("www-authenticate").map(str::to_owned),
    ));
    bodies.dedup();
    assert_eq!(
        bodies.len(),
        1,
        "refusals of one class can be told apart: {bodies:#?}"
    );
}

async fn the_log_tells_the_reason_and_never_the_token(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let mut claims = issuer.claims("alice", "read");
    claims["exp"] = json!(now() - 100);
    let token = issuer.key().sign(&claims);
    let answer = Ask::get("/read/a?secret=s3cr3t")
        .bearer(&token)
        .send(running.address)
        .await;
    status(&answer, 401, "an expired token");
    let log = running.whole_log().await.join("\n");
    assert!(
        log.contains("expired"),
        "the log says why the token was refused: {log}"
    );
    for part in token.split('.').chain(["s3cr3t"]) {
        assert!(
            !log.contains(part),
            "a part of the token or of the query is in the log: {log}"
        );
    }
}

async fn a_remembered_token_still_has_to_satisfy_each_route(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let token = issuer.token("alice", "read");
    for _ in 0..3 {
        let answer = Ask::get("/read/a")
            .bearer(&token)
            .send(running.address)
            .await;
        status(&answer, 200, "the route that the token is good for");
        let answer = Ask::new("POST", "/write")
            .bearer(&token)
            .send(running.address)
            .await;
        status(&answer, 403, "the route that asks for more");
    }
}

async fn a_remembered_token_ends_with_its_time(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let mut claims = issuer.claims("alice", "read");
    let end = now() + 3;
    claims["exp"] = json!(end);
    let token = issuer.key().sign(&claims);
    let answer = Ask::get("/read/a")
        .bearer(&token)
        .send(running.address)
        .await;
    status(&answer, 200, "before its end");
    // The clock of the component is the real one; requests go on until it has passed the end.
    loop {
        let asked_at = now();
        let answer = Ask::get("/read/a")
            .bearer(&token)
            .send(running.address)
            .await;
        if asked_at >= end {
            status(&answer, 401, "after its end");
            break;
        }
    }
}

async fn spin_health_is_answered_before_the_gate(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/.well-known/spin/health")
        .send(running.address)
        .await;
    status(&answer, 200, "the host's own health");
}
