//! What one who had a connection leaves to the next: nothing.

use crate::scene::{ERROR_TIME_MAX, assert_gives, code, error, given, said, served, spec, until};
use doorward_runtime_tests::app::App;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::{Address, Host, Running, start_in_process};
use doorward_runtime_tests::servers::{PostgreSql, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How many connections a component has to one address.
const CONNECTIONS_MAX: usize = 20;
/// Which of the server's processes serves a connection.
const PROCESS: &str = "SELECT pg_backend_pid() AS p";
/// Statements that go on for a minute, of others.
const SLEEPERS: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()";
/// Transactions that others have open.
const TRANSACTIONS: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()";

fn int64(number: i64) -> Value {
    json!({ "int64": number })
}

/// Does this, then waits until somebody else has the same connection, and gives what the steps give him.
async fn next_has(at: Address, url: &str, leaves: &[Value], finds: &[Value]) -> Vec<Value> {
    let open = json!(["open", "a", url]);
    let process = json!(["query", "a", PROCESS]);
    let first = [&[open.clone(), process.clone()][..], leaves].concat();
    let left = given(at, Value::from(first)).await;
    let begun = Instant::now();
    loop {
        let next = [&[open.clone(), process.clone()][..], finds].concat();
        let had = given(at, Value::from(next)).await;
        if had[1] == left[1] {
            return had.as_array().unwrap()[2..].to_vec();
        }
        // It is not back yet.
        assert!(begun.elapsed() < ERROR_TIME_MAX, "{left} {had}");
    }
}

pub async fn what_a_session_has_set_reaches_no_later_caller(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let (at, url) = (running.address, server.url());
    let role = json!([
        ["open", "a", url],
        ["execute", "a", "CREATE ROLE other"],
        ["execute", "a", "CREATE SEQUENCE numbers"]
    ]);
    given(at, role).await;
    let text = |text: &str| json!({ "str": text });
    for (leaves, finds, found) in [
        (
            "SET search_path = elsewhere",
            "SELECT current_setting('search_path')",
            text("\"$user\", public"),
        ),
        (
            "SET statement_timeout = 12345",
            "SELECT current_setting('statement_timeout')",
            text("0"),
        ),
        (
            "SET own.tenant = 'me'",
            "SELECT current_setting('own.tenant', true) || ''",
            text(""),
        ),
        (
            "SET ROLE other",
            "SELECT current_user::text",
            text("postgres"),
        ),
        (
            "SET SESSION AUTHORIZATION other",
            "SELECT session_user::text",
            text("postgres"),
        ),
        (
            "CREATE TEMP TABLE mine (i integer)",
            "SELECT count(*) FROM pg_class WHERE relname = 'mine'",
            int64(0),
        ),
        (
            "SELECT pg_advisory_lock(7)",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
            int64(0),
        ),
        (
            "LISTEN channel",
            "SELECT count(*) FROM pg_listening_channels()",
            int64(0),
        ),
        (
            "SELECT nextval('numbers')",
            "SELECT count(*) FROM pg_class WHERE lastval() > 0",
            json!("55000"),
        ),
    ] {
        let leaves = [json!(["execute", "a", leaves])];
        let finds = [json!(["query", "a", finds])];
        let had = next_has(at, &url, &leaves, &finds).await;
        let had = match code(&had[0]) {
            "" => had[0]["rows"][0][0].clone(),
            code => json!(code),
        };
        assert_eq!(had, found, "{leaves:?}");
    }
}

/// Spin 4.1 leaves these to the next. Here such a connection is closed, where that is the only way.
pub async fn what_spin_leaves_to_a_later_caller_does_not_reach_him(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let (at, url) = (running.address, server.url());
    let is_spin = host.name() == "spin";
    // Within a transaction, its `now()` stands still, and what it has done others do not see.
    let leaves = [
        json!(["execute", "a", "CREATE TABLE t (i integer)"]),
        json!(["execute", "a", "BEGIN"]),
        json!(["execute", "a", "INSERT INTO t VALUES (1)"]),
    ];
    let finds = [
        json!(["query", "a", "SELECT count(*) AS c FROM t"]),
        json!(["execute", "a", "SAVEPOINT s"]),
    ];
    let had = next_has(at, &url, &leaves, &finds).await;
    let count = &had[0]["rows"][0][0];
    if is_spin {
        assert_eq!(*count, int64(1), "he is in it: {had:?}");
        assert_eq!(had[1], 0, "he is in it: {had:?}");
        return;
    }
    assert_eq!(*count, int64(0), "he is not in it: {had:?}");
    assert_eq!(code(&had[1]), "25P01", "he is not in it: {had:?}");
    // One that has failed.
    let leaves = [
        json!(["execute", "a", "BEGIN"]),
        json!(["execute", "a", "SELECT 1 / 0"]),
    ];
    let had = next_has(at, &url, &leaves, &finds[..1]).await;
    assert_eq!(had[0]["rows"][0][0], int64(0), "{had:?}");
    // Statements prepared by SQL, also after somebody put away those of the host.
    for leaves in ["PREPARE own AS SELECT 1", "DEALLOCATE ALL"] {
        let steps = json!([
            ["open", "a", url],
            [
                "query",
                "a",
                "SELECT '::1'::inet::text, 'a'::information_schema.sql_identifier"
            ],
            ["execute", "a", leaves]
        ]);
        given(at, steps).await;
        for _ in 0..3 {
            let steps = json!([
                ["open", "a", url],
                ["execute", "a", "EXECUTE own"],
                ["execute", "a", "CREATE TYPE mood AS ENUM ('fine')"],
                ["query", "a", "SELECT 'fine'::mood AS m"],
                ["execute", "a", "DROP TYPE mood"],
            ]);
            let had = given(at, steps).await;
            assert_eq!(code(&had[1]), "26000", "{leaves}: {had}");
            assert_eq!(
                had[3]["columns"],
                json!([["m", "other mood"]]),
                "{leaves}: {had}"
            );
        }
    }
}

/// A host whose requests end after a moment.
async fn impatient(server: &Server<PostgreSql>) -> (App, Running) {
    let app = spec(&[&crate::scene::allowed(server)]).write();
    let running = start_in_process(&app, |options| {
        options.request_timeout = Some(Duration::from_millis(500));
    })
    .await;
    (app, running)
}

/// Sends a request, and waits for its end, which is the host's doing: by its time limit, or with an instance in which
/// another one met it.
async fn cut_off(running: &Running, steps: &Value) {
    let ask = Ask::new("POST", "/").body(steps.to_string().as_bytes());
    let answer = ask.send(running.address).await;
    let is_cut_off = matches!(answer.status, 500 | 504);
    assert!(
        is_cut_off,
        "{}: {steps}: {:?}",
        answer.status,
        running.log()
    );
}

pub async fn a_request_that_is_cancelled_inside_a_transaction_leaves_nobody_inside() {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = impatient(&server).await;
    let (at, url) = (running.address, server.url());
    let create = json!([
        ["open", "a", url],
        ["execute", "a", "CREATE TABLE t (i integer)"],
        ["execute", "a", "INSERT INTO t VALUES (1)"],
    ]);
    given(at, create).await;
    // A function that is not `async` has its instance to itself, which then ends with it.
    for (open, execute) in [("open", "execute"), ("open-waiting", "execute-waiting")] {
        let steps = json!([
            [open, "a", url],
            [execute, "a", "BEGIN"],
            [execute, "a", "UPDATE t SET i = i + 1"],
            [execute, "a", "SELECT pg_sleep(60)"],
        ]);
        cut_off(&running, &steps).await;
        // Soon nothing of it is left, and what it has done was not done.
        until(at, &url, SLEEPERS, &int64(0), ERROR_TIME_MAX).await;
        until(at, &url, TRANSACTIONS, &int64(0), ERROR_TIME_MAX).await;
        for _ in 0..3 {
            let steps = json!([
                ["open", "a", url],
                ["execute", "a", "SAVEPOINT s"],
                ["query", "a", "SELECT i FROM t FOR UPDATE NOWAIT"],
            ]);
            let had = given(at, steps).await;
            assert_eq!(code(&had[1]), "25P01", "he is not inside: {had}");
            assert_eq!(had[2]["rows"], json!([[{ "int32": 1 }]]), "{had}");
        }
    }
    // Between two statements it is the same.
    let idle = json!([
        ["open", "a", url],
        ["execute", "a", "BEGIN"],
        ["execute", "a", "UPDATE t SET i = i + 1"],
        [
            "together",
            [["open", "b", url], ["execute", "b", "SELECT pg_sleep(60)"]]
        ],
    ]);
    cut_off(&running, &idle).await;
    until(at, &url, TRANSACTIONS, &int64(0), ERROR_TIME_MAX).await;
}

pub async fn statements_of_requests_that_ended_keep_no_connection() {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = impatient(&server).await;
    let (at, url) = (running.address, server.url());
    let sleeps = json!([["open", "a", url], ["execute", "a", "SELECT pg_sleep(60)"]]);
    for _ in 0..2 {
        let all = (0..CONNECTIONS_MAX).map(|_| cut_off(&running, &sleeps));
        futures::future::join_all(all).await;
        let begun = Instant::now();
        until(at, &url, SLEEPERS, &int64(0), ERROR_TIME_MAX).await;
        let rest = begun.elapsed();
        assert!(rest < Duration::from_secs(10), "{rest:?}");
    }
    // What changes something may have a moment more, and no longer.
    let writes = json!([
        ["open", "a", url],
        ["execute", "a", "DO $$ BEGIN PERFORM pg_sleep(60); END $$"]
    ]);
    cut_off(&running, &writes).await;
    until(at, &url, SLEEPERS, &int64(0), ERROR_TIME_MAX).await;
}

pub async fn a_statement_that_is_given_up_ends_and_its_connection_goes_on(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    let begun = Instant::now();
    let had = given(
        running.address,
        json!([
            ["open", "a", url],
            ["give-up", "a", "SELECT pg_sleep(60)", 50],
            ["execute", "a", "SELECT 1"],
            ["execute", "a", "BEGIN"],
            ["give-up", "a", "SELECT pg_sleep(60)", 50],
            ["execute", "a", "SELECT 1"],
            ["execute", "a", "ROLLBACK"],
            ["execute", "a", "SELECT 1"],
        ]),
    )
    .await;
    assert_eq!(had[1], "given up", "{had}");
    assert_eq!(had[2], 1, "{had}");
    assert_eq!(code(&had[5]), "25P02", "the transaction has failed: {had}");
    assert_eq!(had[7], 1, "{had}");
    assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
    // What changes something and is done soon is done, as on Spin.
    let had = given(
        running.address,
        json!([
            ["open", "a", url],
            ["execute", "a", "CREATE TABLE t (i integer)"],
            [
                "give-up",
                "a",
                "INSERT INTO t SELECT 1 FROM pg_sleep(1)",
                50
            ],
            ["query", "a", "SELECT count(*) AS c FROM t"],
        ]),
    )
    .await;
    assert_eq!(had[2], "given up", "{had}");
    assert_eq!(had[3]["rows"][0][0], int64(1), "{had}");
}

pub async fn a_statement_behind_rows_that_nobody_reads_learns_it_in_time() {
    let server = Server::start(PostgreSql::default()).await;
    let app = spec(&[&crate::scene::allowed(&server)]).write();
    let running = start_in_process(&app, |_| {}).await;
    let many = "SELECT i FROM generate_series(1, 1000000) AS i";
    let begun = Instant::now();
    let had = given(
        running.address,
        json!([
            ["open", "a", server.url()],
            ["begin", "s", "a", many],
            ["execute", "a", "SELECT 1"],
            ["next", "s", 1],
            ["leave", "s"],
            ["execute", "a", "SELECT 1"],
        ]),
    )
    .await;
    let said = error(&had[2], "query-failed");
    assert!(said.starts_with("no turn within 10 s: "), "{had}");
    assert_eq!(had[3], json!([[{ "int32": 1 }]]), "{had}");
    assert_eq!(had[5], 1, "{had}");
    assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
}

pub async fn who_finds_all_connections_in_use_learns_it_in_time(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let (at, url) = (running.address, server.url());
    let opens: Vec<Value> = (0..CONNECTIONS_MAX)
        .map(|index| json!(["open", index.to_string(), url]))
        .collect();
    let begun = Instant::now();
    let more = [
        json!(["open", "more", url]),
        json!(["close", "0"]),
        json!(["open", "more", url]),
    ];
    let had = given(at, Value::from([&opens[..], &more].concat())).await;
    for index in 0..CONNECTIONS_MAX {
        assert_eq!(had[index], json!(null), "{index}");
    }
    let refused = error(&had[CONNECTIONS_MAX], "connection-failed");
    assert_eq!(
        refused,
        "no connection within 3 s: all 20 to this address are in use"
    );
    assert_eq!(had[CONNECTIONS_MAX + 2], json!(null), "one again");
    assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
    let process = said(
        at,
        &url,
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'",
    )
    .await;
    assert!(process["int64"].as_i64().unwrap() <= 20, "{process}");
}

pub async fn idle_connections_are_closed() {
    let server = Server::start(PostgreSql::default()).await;
    let app = spec(&[&crate::scene::allowed(&server)]).write();
    let running = start_in_process(&app, |options| {
        options.outbound.connection_age_max = Duration::from_secs(2);
    })
    .await;
    let (at, url) = (running.address, server.url());
    let opens: Vec<Value> = (0..5)
        .map(|index| json!(["open", index.to_string(), url]))
        .collect();
    given(at, Value::from(opens)).await;
    // Who looks has a pool of his own.
    let watch = format!("{url}&application_name=watch");
    let others = "SELECT count(*) FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND application_name <> 'watch'";
    assert_ne!(said(at, &watch, others).await, int64(0));
    until(at, &watch, others, &int64(0), ERROR_TIME_MAX).await;
}

pub async fn what_copies_is_an_error_and_hangs_nowhere(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    for (execute, sql) in [
        ("execute", "COPY t FROM STDIN"),
        ("execute-waiting", "COPY t TO STDOUT"),
        ("query", "COPY t FROM STDIN"),
        ("query-waiting", "COPY t TO STDOUT"),
    ] {
        let begun = Instant::now();
        let steps = json!([
            ["open", "a", url],
            ["execute", "a", "CREATE TABLE IF NOT EXISTS t (i integer)"],
            [execute, "a", sql],
            ["execute", "a", "SELECT 1"],
            ["open", "a", url],
            ["execute", "a", "SELECT 1"],
        ]);
        let had = given(running.address, steps).await;
        assert!(
            error(&had[2], "query-failed").contains("unexpected message"),
            "{had}"
        );
        assert!(!error(&had[3], "query-failed").is_empty(), "{had}");
        assert_eq!(had[5], 1, "{had}");
        assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
    }
}

pub async fn a_migration_is_made_once_however_many_begin_it(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let (at, url) = (running.address, server.url());
    let migrate = json!([
        ["open", "a", url],
        ["execute", "a", "BEGIN"],
        ["execute", "a", "SELECT pg_advisory_xact_lock(42)"],
        [
            "execute",
            "a",
            "CREATE TABLE IF NOT EXISTS applied (name text PRIMARY KEY)"
        ],
        [
            "execute",
            "a",
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM applied) THEN \
             CREATE TABLE own (i integer); PERFORM pg_sleep(0.1); INSERT INTO own VALUES (1); \
             INSERT INTO applied VALUES ('first'); END IF; END $$"
        ],
        ["execute", "a", "COMMIT"],
    ]);
    let all = (0..8).map(|_| given(at, migrate.clone()));
    for had in futures::future::join_all(all).await {
        let fine = had
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["error"].is_null());
        assert!(fine, "{had}");
    }
    assert_gives(
        at,
        &[
            (json!(["open", "a", url]), json!(null)),
            (json!(["execute", "a", "SELECT * FROM own"]), json!(1)),
            (json!(["execute", "a", "SELECT * FROM applied"]), json!(1)),
        ],
    )
    .await;
}
