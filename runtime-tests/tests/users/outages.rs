//! What becomes of requests whose database is not to be had, or not to be used.

use crate::scene::{Scene, admin, location, named, spec};
use doorward_runtime_tests::app::App;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::run::Case;
use doorward_runtime_tests::servers::{PostgreSql, Server};
use rusqlite::Connection;
use serde_json::json;

/// The cases, on whichever store.
pub const CASES: &[Case] = cases![tables_of_a_later_release_are_left_alone,];

/// Fails unless the answer says that the database cannot be had, and nothing else about it.
pub fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let text = answer.text();
    for said in ["postgres", "sqlite", "SQL", "127.0.0.1", "password"] {
        assert!(!text.contains(said), "{text}");
    }
}

async fn tables_of_a_later_release_are_left_alone(host: &dyn Host) {
    // Each instance looks when it begins.
    let scene = Scene::served(host, How::forgetful()).await;
    let path = location(&scene.created(named("ada")).await);
    let later = "INSERT INTO users_migrations (version) VALUES (4711)";
    match &scene.store.server {
        None => {
            let direct = open(&scene.store.app);
            assert_eq!(direct.execute(later, []).unwrap(), 1);
        }
        Some(server) => run_on(server, host, later).await,
    }
    let ask = admin(Ask::get(&path)).header("x-request-id", "that-was-too-late");
    assert_unavailable(&scene.send(ask).await);
    let line = scene
        .running
        .wait_for_log(|line| line.contains("4711"))
        .await;
    assert!(line.contains("a later release was here before"), "{line}");
    let named = "\"request_id\":\"that-was-too-late\"";
    assert!(line.contains(named), "{line}");
}

/// Runs a statement by another component.
async fn run_on(server: &Server<PostgreSql>, host: &dyn Host, sql: &str) {
    let mut spec = spec(None);
    spec.service = "uses-postgres";
    let app = spec.write();
    let running = host.start(&app).await;
    let steps = json!([["open", "a", server.url()], ["execute", "a", sql]]);
    let ask = Ask::new("POST", "/").body(steps.to_string().as_bytes());
    assert_eq!(ask.send(running.address).await.json(), json!([null, 1]));
}

fn open(app: &App) -> Connection {
    Connection::open(app.folder().join("state/sqlite_db.db")).unwrap()
}
