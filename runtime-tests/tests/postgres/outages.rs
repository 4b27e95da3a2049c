//! What becomes of requests when PostgreSQL goes away, comes back, or says nothing.

use crate::scene::{ERROR_TIME_MAX, given, served, spec};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::servers::{PostgreSql, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Whether it is an error of one of the kinds that there are for it.
fn is_error(given: &Value) -> bool {
    let kinds = ["connection-failed", "query-failed", "database"];
    kinds.iter().any(|kind| !given["error"][kind].is_null())
}

pub async fn when_it_is_killed_it_is_said_and_when_it_is_back_it_is_used(host: &dyn Host) {
    let mut server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let (at, url) = (running.address, server.url());
    let create = json!([
        ["open", "a", url],
        ["execute", "a", "CREATE TABLE t (i integer)"]
    ]);
    assert_eq!(given(at, create).await, json!([null, 0]));
    let sleeps = json!([
        ["open", "a", url],
        ["execute", "a", "INSERT INTO t VALUES (1)"],
        ["execute", "a", "SELECT pg_sleep(60)"],
        ["execute", "a", "SELECT 1"],
    ]);
    let counts = json!([["open", "a", url], ["execute", "a", "SELECT * FROM t"]]);
    for round in 1..=3 {
        let sleeping = {
            let sleeps = sleeps.clone();
            tokio::spawn(async move { given(at, sleeps).await })
        };
        let is_asleep = "SELECT count(*) FROM pg_stat_activity \
             WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'";
        let one = json!({ "int64": 1 });
        crate::scene::until(at, &url, is_asleep, &one, ERROR_TIME_MAX).await;
        match round {
            3 => server.stop(),
            _ => server.kill(),
        }
        let begun = Instant::now();
        let had = sleeping.await.unwrap();
        assert_eq!(had[1], 1, "{had}");
        assert!(is_error(&had[2]) && is_error(&had[3]), "{had}");
        for _ in 0..3 {
            let had = given(at, counts.clone()).await;
            assert!(is_error(&had[0]), "{had}");
        }
        assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
        server.start_again().await;
        let had = given(at, counts.clone()).await;
        assert_eq!(had, json!([null, round]), "it is back");
    }
}

pub async fn where_nobody_listens_there_is_no_connection(host: &dyn Host) {
    let mut server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let wrong = server.url().replace("of%20the%20tests", "wrong");
    let had = given(running.address, json!([["open", "a", wrong]])).await;
    let said = had[0]["error"]["connection-failed"].as_str().unwrap();
    assert!(said.contains("password authentication failed"), "{said}");
    server.stop();
    let begun = Instant::now();
    let had = given(running.address, json!([["open", "a", server.url()]])).await;
    let said = had[0]["error"]["connection-failed"].as_str().unwrap();
    assert!(!said.contains("of the tests"), "{said}");
    assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
}

/// On Spin a connection to a server that says nothing is waited for without an end.
pub async fn a_server_that_says_nothing_is_given_up_in_time(host: &dyn Host) {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let app = spec(&[&format!("postgres://{address}")]).write();
    let running = host.start(&app).await;
    let url = format!("postgres://me:secret@{address}/own");
    let begun = Instant::now();
    let had = given(running.address, json!([["open", "a", url]])).await;
    let said = had[0]["error"]["connection-failed"].as_str().unwrap();
    assert!(said.ends_with("it took more than 5.0 s"), "{said}");
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(5) && took < ERROR_TIME_MAX,
        "{took:?}"
    );
}
