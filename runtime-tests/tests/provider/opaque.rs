//! Opaque tokens, which the gate asks the provider about.

use crate::{Time, expect, introspecting};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::seen;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::provider::{Provider, jwt, opaque};

/// Where the gate asks about opaque tokens.
const INTROSPECTION: &str = "POST /token/introspection";
pub async fn opaque_tokens_are_introspected_however_the_gate_authenticates(host: &dyn Host) {
    let provider = Provider::start().await;
    for client in ["gate-basic", "gate-post", "gate-ed25519", "gate-es256"] {
        let app = introspecting(&provider, client, "").write();
        let running = host.start(&app).await;
        let reading = provider.token(&opaque(), "read").await;
        let elsewhere = "https://other.example/opaque";
        let elsewhere = provider.token(elsewhere, "read write").await;
        let what = |what: &str| format!("{client}, {what}");
        for round in ["first", "again"] {
            let what = |what: &str| format!("{client}, {what}, {round}");
            expect(
                &running,
                "/read",
                &reading,
                200,
                &what("the scope is there"),
            )
            .await;
            expect(
                &running,
                "/write",
                &reading,
                403,
                &what("a scope is missing"),
            )
            .await;
            expect(
                &running,
                "/read",
                &elsewhere,
                401,
                &what("another audience"),
            )
            .await;
            expect(&running, "/read", "made-up", 401, &what("made up")).await;
        }
        let ask = Ask::get("/read").bearer(&reading);
        let answer = ask.send(running.address).await;
        assert_eq!(seen(&answer, "x-auth-client"), ["worker"], "{client}");
        let signed = provider.token(&jwt("ES256"), "read").await;
        expect(&running, "/read", &signed, 200, &what("signed")).await;
    }
}

pub async fn the_provider_is_asked_about_an_opaque_token_once_and_never_about_a_signed_one(
    host: &dyn Host,
) {
    let provider = Provider::start().await;
    let time = Time::of(&provider, host);
    let app = introspecting(&provider, "gate-basic", "").write();
    let running = time.gate(&app).await;
    let good = provider.token(&opaque(), "read").await;
    let elsewhere = "https://other.example/opaque";
    let elsewhere = provider.token(elsewhere, "read write").await;
    for (what, token, expected, asked) in [
        ("good", good.as_str(), 200, 1),
        ("for another audience", elsewhere.as_str(), 401, 1),
        ("made up", "made-up", 401, 1),
        (
            "signed",
            &provider.token(&jwt("ES256"), "read").await,
            200,
            0,
        ),
        ("signed, and broken", "a.b.c", 401, 0),
    ] {
        let before = provider.requests(INTROSPECTION).await;
        for _ in 0..3 {
            expect(&running, "/read", token, expected, what).await;
        }
        let after = provider.requests(INTROSPECTION).await;
        assert_eq!(
            after - before,
            asked,
            "{what}: how often the provider is asked"
        );
    }
}

pub async fn a_token_for_no_audience_is_refused_unless_the_policy_accepts_it(host: &dyn Host) {
    let provider = Provider::start().await;
    let token = provider.token_for_nothing().await;
    for (more, expected) in [("", 401), (r#"missing_audience = "accept""#, 403)] {
        let app = introspecting(&provider, "gate-basic", more).write();
        let running = host.start(&app).await;
        let what = format!("a token without audience and scope where {more:?}");
        expect(&running, "/read", &token, expected, &what).await;
    }
}

pub async fn a_gate_that_the_provider_does_not_let_in_is_a_503(host: &dyn Host) {
    let provider = Provider::start().await;
    let token = provider.token(&opaque(), "read").await;
    let another_key = provider.client_key("gate-ed25519");
    for (client, credential, expected) in [
        ("gate-basic", Some("another secret"), 503),
        ("gate-post", Some("another secret"), 503),
        ("gate-es256", Some(another_key.as_str()), 503),
        // RFC 7662 §2.2: a client that may not ask is told that the token is not active.
        ("worker", None, 401),
    ] {
        let mut spec = introspecting(&provider, client, "");
        for (_, value) in &mut spec.variables {
            *value = credential.unwrap_or(value).to_owned();
        }
        let app = spec.write();
        let running = host.start(&app).await;
        expect(&running, "/read", &token, expected, client).await;
        let log = running.whole_log().await.join("\n");
        assert!(!log.contains(&token), "{client}: the token is not logged");
        assert!(
            !log.contains(&provider.client_secret()) && !log.contains("another secret"),
            "{client}: the secret is not logged"
        );
    }
}

pub async fn an_opaque_token_that_was_revoked_is_refused_after_the_limit_of_the_cache(
    host: &dyn Host,
) {
    let provider = Provider::start().await;
    let time = Time::of(&provider, host);
    let app = introspecting(&provider, "gate-es256", "cache_s = 8").write();
    let running = time.gate(&app).await;
    let token = provider.token(&opaque(), "read").await;
    let kept = provider.token(&opaque(), "read").await;
    expect(&running, "/read", &token, 200, "before it is revoked").await;
    expect(&running, "/read", &kept, 200, "another one").await;
    provider.revoke(&token).await;
    time.passes(1).await;
    expect(&running, "/read", &token, 200, "within the limit").await;
    time.passes(8).await;
    expect(&running, "/read", &token, 401, "after the limit").await;
    expect(
        &running,
        "/read",
        &kept,
        200,
        "another one, after the limit",
    )
    .await;
}
