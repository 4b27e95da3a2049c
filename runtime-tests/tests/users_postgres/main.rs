//! The user service by its HTTP, on PostgreSQL: the cases of `users`, and what becomes of requests when it goes away.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../users/access.rs"]
mod access;
#[path = "../users/crowd.rs"]
mod crowd;
#[path = "../users/hostile.rs"]
mod hostile;
#[path = "../users/outages.rs"]
mod outages;
#[path = "../users/outbox.rs"]
mod outbox;
#[path = "../users/rest.rs"]
mod rest;
#[path = "../users/scene.rs"]
mod scene;
#[path = "../users/versions.rs"]
mod versions;

use aws_lc_rs::digest::{SHA256, digest};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, apart};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::{self, Case};
use doorward_runtime_tests::servers::{Kind as _, PostgreSql, Server};
use outages::assert_unavailable;
use scene::{ISSUER, Kind, Scene, USERS, admin, create, etag, location, named, spec};
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long an answer may take whatever happens to the database.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
/// Where users are kept.
const KIND: Kind = Kind::Postgres;

/// What is only so on PostgreSQL.
const CASES: &[Case] = cases![
    a_server_that_is_killed_is_a_503_until_it_is_back,
    a_key_whose_request_is_under_way_is_a_409_until_it_has_ended,
];

fn main() -> ExitCode {
    run::main_with(PostgreSql::available, &all())
}

fn all() -> Vec<Case> {
    let on_both = [rest::CASES, versions::CASES, access::CASES];
    let of_many = [hostile::CASES, crowd::CASES, outages::CASES];
    let rest = [outbox::CASES, CASES];
    [on_both.concat(), of_many.concat(), rest.concat()].concat()
}

async fn a_server_that_is_killed_is_a_503_until_it_is_back(host: &dyn Host) {
    let mut server = Server::start(PostgreSql::default()).await;
    let app = spec(Some(&server.url())).write();
    let running = host.start(&app).await;
    let at = running.address;
    let created = create(&named("ada")).send(at).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let path = location(&created);
    for _ in 0..2 {
        server.kill();
        let begun = Instant::now();
        for ask in [admin(Ask::get(&path)), create(&named("bob"))] {
            let ask = ask.header("x-request-id", "while-it-was-away");
            assert_unavailable(&ask.send(at).await);
        }
        assert_unavailable(&Ask::get("/api/ready").send(at).await);
        let health = Ask::get("/api/health").send(at).await;
        assert_eq!(
            (health.status, health.text().as_str()),
            (200, r#"{"status":"pass"}"#)
        );
        assert!(begun.elapsed() < ANSWER_TIME_MAX, "{:?}", begun.elapsed());
        let line = running
            .wait_for_log(|line| line.contains("while-it-was-away"))
            .await;
        assert!(line.contains("users-store-failed"), "{line}");
        for secret in ["of the tests", "of%20the%20tests"] {
            assert!(!line.contains(secret), "{line}");
        }
        server.start_again().await;
        assert_eq!(Ask::get("/api/ready").send(at).await.status, 200);
        let got = admin(Ask::get(&path)).send(at).await;
        assert_eq!(
            (got.status, etag(&got)),
            (200, etag(&created)),
            "{}",
            got.text()
        );
    }
}

/// The request under way is a statement that holds the lock of the key.
async fn a_key_whose_request_is_under_way_is_a_409_until_it_has_ended(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let server = scene.store.server.as_ref().unwrap();
    scene.created(named("ada")).await;
    let holder = AppSpec {
        service: "uses-postgres",
        ..spec(None)
    };
    let app = holder.write();
    let running = host.start(&app).await;
    let lock = lock_of(&[ISSUER, "admin", "POST", USERS, "k"]);
    let holds =
        format!("DO $$ BEGIN PERFORM pg_advisory_xact_lock({lock}); PERFORM pg_sleep(2); END $$");
    let steps = json!([["open", "a", server.url()], ["execute", "a", holds]]);
    let hold = Ask::new("POST", "/").body(steps.to_string().as_bytes());
    let held = apart(async move { hold.send(running.address).await });
    let with_key = |name: &str| create(&named(name)).header("Idempotency-Key", "k");
    let begun = Instant::now();
    let refused = loop {
        // Until the lock is held nobody has sent this key: what cannot be created leaves nothing.
        let answer = scene.send(with_key("ada")).await;
        let problem = answer.json();
        if problem["errors"].is_null() || begun.elapsed() > ANSWER_TIME_MAX {
            break answer;
        }
    };
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(scene.total().await, 1);
    assert_eq!(held.await.json(), json!([null, 0]));
    let created = scene.send(with_key("bob")).await;
    assert_eq!(created.status, 201, "{}", created.text());
}

/// The lock of a key in its scope, as the service makes it.
fn lock_of(parts: &[&str]) -> i64 {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let hash = digest(&SHA256, &bytes);
    i64::from_be_bytes(*hash.as_ref().first_chunk().unwrap())
}
