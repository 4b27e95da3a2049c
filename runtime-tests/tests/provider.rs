//! The gate against a real, certified OpenID provider: what it signs, what it says about itself, how it
//! changes its keys, and how it takes back what it gave.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::provider::{self, AUDIENCE, Provider, jwt};
use std::process::ExitCode;

fn main() -> ExitCode {
    provider::main(cases![
        signed_tokens_are_judged_by_signature_audience_and_scope,
    ])
}

/// A policy with a route for reading and one for writing.
fn policy(provider: &Provider, more: &str) -> String {
    format!(
        r#"
        [identity]
        "x-auth-subject" = "sub"
        "x-auth-client" = "client_id"

        [[route]]
        path = "/read"
        scope = ["read"]

        [[route]]
        path = "/write"
        scope = ["read", "write"]

        [issuer.provider]
        url = "{}"
        audience = "{AUDIENCE}"
        {more}
        "#,
        provider.url()
    )
}

async fn signed_tokens_are_judged_by_signature_audience_and_scope(host: &dyn Host) {
    let provider = Provider::start().await;
    let policy = policy(&provider, "access_token_profile = true");
    let app = AppSpec::gated("echo", policy).write();
    let running = host.start(&app).await;
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let token = provider.token(&jwt(algorithm), "read").await;
        let answer = Ask::get("/read").bearer(&token).send(running.address).await;
        status(&answer, 200, &format!("{algorithm}, with the scope"));
        assert_eq!(seen(&answer, "x-auth-subject"), ["worker"], "{algorithm}");
        let answer = Ask::get("/write")
            .bearer(&token)
            .send(running.address)
            .await;
        status(&answer, 403, &format!("{algorithm}, without the scope"));

        let elsewhere = format!("https://other.example/jwt/{algorithm}");
        let token = provider.token(&elsewhere, "read write").await;
        let answer = Ask::get("/read").bearer(&token).send(running.address).await;
        status(&answer, 401, &format!("{algorithm}, for another audience"));
    }
    let token = provider.token_for_nothing().await;
    let answer = Ask::get("/read").bearer(&token).send(running.address).await;
    status(
        &answer,
        401,
        "an opaque token where only signed ones are known",
    );
    assert_eq!(
        provider.requests("GET /jwks").await,
        1,
        "all keys came with the first request"
    );
}
