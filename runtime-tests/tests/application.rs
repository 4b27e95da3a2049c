//! The application that the repository ships: `spin.toml` and `doorward.toml` as they are, but for the
//! issuer's address, which is the test's own.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use doorward_host::manifest::Route;
use doorward_runtime_tests::app::{AppSpec, workspace};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Issuer, now};
use doorward_runtime_tests::{cases, run};
use serde_json::json;
use std::process::ExitCode;

/// The development issuer and the audience of `doorward.toml`.
const SHIPPED_ISSUER: &str = "http://127.0.0.1:3001";
const SHIPPED_AUDIENCE: &str = "http://127.0.0.1:3000";

fn main() -> ExitCode {
    run::main(cases![
        whoami_answers_with_the_identity_that_reached_it,
        whoami_is_not_reached_without_the_scope_or_without_a_token,
        the_gateway_asks_the_application_itself_and_hands_the_token_on,
        the_users_are_behind_the_gate,
        the_shipped_manifest_grants_what_the_tests_grant,
    ])
}

fn spec(issuer: &Issuer) -> AppSpec {
    let policy = std::fs::read_to_string(workspace().join("doorward.toml"))
        .expect("the repository ships a policy");
    assert!(
        policy.contains(SHIPPED_ISSUER),
        "the shipped policy names the development issuer"
    );
    AppSpec::gated("whoami", policy.replace(SHIPPED_ISSUER, &issuer.url()))
}

fn token(issuer: &Issuer, scope: &str) -> String {
    issuer.key().sign(&json!({
        "iss": issuer.url(), "aud": SHIPPED_AUDIENCE, "sub": "alice", "scope": scope,
        "iat": now(), "exp": now() + 600,
    }))
}

async fn whoami_answers_with_the_identity_that_reached_it(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/whoami?a=b")
        .bearer(&token(&issuer, "read:whoami"))
        .header("X-Auth-Subject", "mallory")
        .send(running.address)
        .await;
    assert_eq!(answer.status, 200, "with the scope: {}", answer.text());
    assert_eq!(
        answer.json(),
        json!({
            "method": "GET",
            "target": "/whoami?a=b",
            "identity": { "subject": "alice", "issuer": issuer.url(), "scope": "read:whoami" },
        }),
        "what whoami saw"
    );
}

async fn whoami_is_not_reached_without_the_scope_or_without_a_token(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let running = host.start(&app).await;
    let answer = Ask::get("/whoami").send(running.address).await;
    assert_eq!(answer.status, 401, "without a token: {}", answer.text());
    let other = token(&issuer, "something:else");
    let answer = Ask::get("/whoami")
        .bearer(&other)
        .send(running.address)
        .await;
    assert_eq!(answer.status, 403, "without the scope: {}", answer.text());
}

async fn the_gateway_asks_the_application_itself_and_hands_the_token_on(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let app = spec(&issuer).write();
    let whoami = host.start(&app).await;
    let upstream = format!("url = [\"{SHIPPED_AUDIENCE}\"]");
    let policy = spec(&issuer).policy.unwrap_or_default();
    assert!(
        policy.contains(&upstream),
        "the shipped upstream is the application itself"
    );
    let there = format!("url = [\"http://{}\"]", whoami.address);
    let app = AppSpec::gateway(policy.replace(&upstream, &there)).write();
    let gateway = host.start(&app).await;
    let answer = Ask::get("/proxied/whoami?a=b")
        .bearer(&token(&issuer, "read:whoami"))
        .send(gateway.address)
        .await;
    assert_eq!(answer.status, 200, "through both: {}", answer.text());
    let seen = answer.json();
    assert_eq!(
        (&seen["target"], &seen["identity"]["subject"]),
        (&json!("/whoami?a=b"), &json!("alice")),
        "what whoami saw"
    );
    let answer = Ask::get("/proxied/whoami").send(gateway.address).await;
    assert_eq!(answer.status, 401, "without a token: {}", answer.text());
}

async fn the_users_are_behind_the_gate(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let mut spec = spec(&issuer);
    spec.service = "users";
    spec.route = "/api/...";
    spec.databases = vec!["default".to_owned()];
    let app = spec.write();
    let running = host.start(&app).await;
    let users = "/api/v1/users";
    let me = "/api/v1/users/me";
    let admin = token(&issuer, "read:users write:users");
    let alice = token(&issuer, "profile");
    let user = json!({
        "name": "Alice",
        "email": "alice@example.com",
        "identity": { "issuer": issuer.url(), "subject": "alice" },
    });
    let create = Ask::new("POST", users)
        .header("Content-Type", "application/json")
        .body(user.to_string().as_bytes());
    let pretended = Ask::get(users)
        .header("X-Auth-Issuer", &issuer.url())
        .header("X-Auth-Subject", "alice")
        .header("X-Auth-Scope", "read:users");
    for (what, ask, status) in [
        ("no token", Ask::get(users), 401),
        ("a pretended identity", pretended.clone(), 401),
        (
            "a token without the scope",
            create.clone().bearer(&alice),
            403,
        ),
        (
            "the same, and pretended scopes",
            pretended.bearer(&alice),
            403,
        ),
        ("who is no user yet", Ask::get(me).bearer(&alice), 404),
        ("who may write", create.bearer(&admin), 201),
        ("who may read", Ask::get(users).bearer(&admin), 200),
        ("who is a user", Ask::get(me).bearer(&alice), 200),
    ] {
        let answer = ask.send(running.address).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.header("x-request-id").is_some(), "{what}");
    }
}

async fn the_shipped_manifest_grants_what_the_tests_grant(_: &dyn Host) {
    let manifest = doorward_host::manifest::load(&workspace().join("spin.toml"))
        .unwrap_or_else(|error| panic!("the shipped spin.toml: {error}"));
    let trigger = manifest
        .triggers
        .first()
        .expect("the manifest has a trigger");
    let gate = trigger
        .middleware
        .first()
        .expect("a middleware is in front of whoami");
    assert_eq!(
        (trigger.component.as_str(), gate.component.as_str()),
        ("whoami", "gate")
    );
    let inherited: Vec<&str> = gate.inherit.iter().map(|set| set.name()).collect();
    assert_eq!(
        inherited,
        doorward_runtime_tests::app::GATE_INHERITS,
        "what the gate inherits"
    );
    for trigger in &manifest.triggers {
        let is_gated = trigger.middleware.iter().any(|it| it.component == "gate");
        let is_gateway = trigger.component == "gateway";
        let is_private = trigger.route == Route::Private;
        assert!(
            is_gated || is_gateway || is_private,
            "{} is behind nothing",
            trigger.component
        );
    }
    let whoami = manifest
        .components
        .get("whoami")
        .expect("whoami is a component");
    assert_eq!(
        whoami.allowed_outbound_hosts,
        [SHIPPED_ISSUER],
        "only the issuer may be asked"
    );
    let stores = whoami.key_value_stores.iter();
    assert_eq!(
        stores.map(|store| store.label.as_str()).collect::<Vec<_>>(),
        ["default"],
        "the store that instances share"
    );
}
