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
#[path = "../users/rest.rs"]
mod rest;
#[path = "../users/scene.rs"]
mod scene;
#[path = "../users/versions.rs"]
mod versions;

use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::{self, Case};
use doorward_runtime_tests::servers::{Kind as _, PostgreSql, Server};
use outages::assert_unavailable;
use scene::{Kind, admin, create, etag, location, named, spec};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long an answer may take whatever happens to the database.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
/// Where users are kept.
const KIND: Kind = Kind::Postgres;

/// What is only so on PostgreSQL.
const CASES: &[Case] = cases![a_server_that_is_killed_is_a_503_until_it_is_back];

fn main() -> ExitCode {
    run::main_with(PostgreSql::available, &all())
}

fn all() -> Vec<Case> {
    let on_both = [rest::CASES, versions::CASES, access::CASES];
    let of_many = [hostile::CASES, crowd::CASES, outages::CASES];
    [on_both.concat(), of_many.concat(), CASES.to_vec()].concat()
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
