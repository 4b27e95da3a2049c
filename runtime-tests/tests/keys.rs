//! Where the gate has its issuer's keys from, and what it does when the issuer is slow, huge, wrong or
//! down.
//!
//! One case of each class: the others are in virtual time (`tests/tests/keys`).

#![expect(clippy::expect_used, reason = "tests")]

use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Behaviour, Issuer};
use doorward_runtime_tests::{cases, run};
use serde_json::json;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        an_issuer_that_misbehaves_is_a_503_with_retry_after,
        an_issuer_that_sends_100_mib_is_cut_off,
        keys_can_come_from_a_url_or_a_file,
    ])
}

fn policy(issuer: &Issuer) -> String {
    policy_with(issuer, "")
}

fn policy_with(issuer: &Issuer, keys: &str) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n{keys}\n\n\
         [[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    )
}

async fn an_issuer_that_misbehaves_is_a_503_with_retry_after(host: &dyn Host) {
    let private = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "ed-1",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" }] });
    let behaviours = [
        ("closes the connection", Behaviour::Close),
        ("fails", Behaviour::Status(500)),
        ("has no keys there", Behaviour::Status(404)),
        ("answers with nothing", Behaviour::Status(204)),
        (
            "answers with HTML",
            Behaviour::Content("text/html", b"<html></html>".to_vec()),
        ),
        ("answers with half a document", Behaviour::Truncated),
        (
            "answers with broken JSON",
            Behaviour::Content("application/json", b"{\"keys\": [".to_vec()),
        ),
        (
            "answers with no keys",
            Behaviour::Content("application/json", b"{\"keys\": []}".to_vec()),
        ),
        (
            "publishes a private key",
            Behaviour::Content("application/json", private.to_string().into_bytes()),
        ),
    ];
    for (what, behaviour) in behaviours {
        for document in ["metadata", "keys"] {
            let issuer = Issuer::start().await;
            if document == "metadata" {
                issuer.metadata_behaves(behaviour.clone());
            } else {
                issuer.keys_behave(behaviour.clone());
            }
            let app = AppSpec::gated("echo", policy(&issuer)).write();
            let running = host.start(&app).await;
            let answer = Ask::get("/a")
                .bearer(&issuer.token("alice", "read"))
                .send(running.address)
                .await;
            let what = format!("the issuer {what} ({document})");
            assert_eq!(answer.status, 503, "{what}: {}", answer.text());
            let retry: u64 = answer
                .header("retry-after")
                .expect(&what)
                .parse()
                .expect(&what);
            assert!((1..=60).contains(&retry), "{what}: Retry-After {retry}");
            assert!(
                !answer.text().contains("127.0.0.1"),
                "{what}: the issuer is named outside"
            );
            let log = running.whole_log().await.join("\n");
            assert!(
                log.contains("keys-unavailable"),
                "{what}: the log says so: {log}"
            );
        }
    }
}

async fn an_issuer_that_sends_100_mib_is_cut_off(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.keys_behave(Behaviour::Huge(100 << 20));
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a")
        .bearer(&issuer.token("alice", "read"))
        .send(running.address)
        .await;
    assert_eq!(
        answer.status,
        503,
        "the issuer sends 100 MiB: {}",
        answer.text()
    );
    let log = running.whole_log().await.join("\n");
    assert!(
        log.contains("more than 524288 bytes"),
        "cut off at the limit: {log}"
    );
}

async fn keys_can_come_from_a_url_or_a_file(host: &dyn Host) {
    let issuer = Issuer::start().await;
    issuer.metadata_behaves(Behaviour::Close);
    let token = issuer.token("alice", "read");
    let url = format!("jwks_url = \"{}/jwks\"", issuer.url());
    let app = AppSpec::gated("echo", policy_with(&issuer, &url)).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a").bearer(&token).send(running.address).await;
    assert_eq!(answer.status, 200, "jwks_url: {}", answer.text());

    let mut spec = AppSpec::gated("echo", policy_with(&issuer, "jwks_file = \"/keys.json\""));
    spec.files = vec![("keys.json".to_owned(), issuer.key_set())];
    spec.outbound = vec![];
    let app = spec.write();
    let running = host.start(&app).await;
    let answer = Ask::get("/a").bearer(&token).send(running.address).await;
    assert_eq!(answer.status, 200, "jwks_file: {}", answer.text());
}
