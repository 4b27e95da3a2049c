#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use wasmtime::component::ResourceTable;

use super::connection::{Connection, QueryResult, TURN_TIME_MAX};
use super::database::{BUSY_TIME_MAX, Database, Limits, ROW_TIME_MAX, VALUE_BYTES_MAX};
use super::error::{SqliteError, SqliteResult};
use super::service::{Connections, Databases, OPEN_CONNECTIONS_MAX, Sqlite};
use super::statement::{
    PARAMETERS_MAX, Row, Rows, STATEMENT_BYTES_MAX, Statement, run as run_statement,
};
use crate::interfaces::interface::View;
use crate::manifest::runtime_config::SqliteDatabase;
use crate::scratch::ScratchDir;

/// Ends by itself never.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";
/// Longer than anything here takes.
const TIME_MAX: Duration = Duration::from_secs(60);

fn database(dir: &ScratchDir, allow_attach_file: bool) -> Arc<Database> {
    database_with(dir, allow_attach_file, Limits::default())
}

fn database_with(dir: &ScratchDir, allow_attach_file: bool, limits: Limits) -> Arc<Database> {
    let configured = SqliteDatabase {
        path: Some(dir.path().join("folder/a.db")),
        allow_attach_file,
    };
    Arc::new(Database::new(&configured, Arc::new(limits)))
}

fn dir() -> ScratchDir {
    ScratchDir::new(&std::env::temp_dir(), "sqlite-test").unwrap()
}

async fn open(database: &Arc<Database>) -> Connection {
    Connection::open(Arc::clone(database)).await.unwrap()
}

fn statement(sql: &str) -> Statement {
    Statement::new(sql.to_owned(), Vec::new()).unwrap()
}

async fn execute(connection: &Connection, sql: &str) -> SqliteResult<QueryResult> {
    connection.clone().execute(statement(sql)).await
}

/// The one value that a statement gives.
async fn value(connection: &Connection, sql: &str) -> Value {
    let given = execute(connection, sql).await.unwrap();
    given
        .rows
        .into_iter()
        .next()
        .unwrap()
        .into_iter()
        .next()
        .unwrap()
}

fn io(result: SqliteResult<QueryResult>) -> String {
    match result {
        Err(SqliteError::Io(reason)) => reason,
        other => format!("not an error of this kind: {other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_is_dropped_in_a_transaction_leaves_nothing_of_it() {
    let dir = dir();
    let database = database(&dir, false);
    let other = open(&database).await;
    execute(&other, "CREATE TABLE t (i)").await.unwrap();
    let connection = open(&database).await;
    execute(&connection, "BEGIN IMMEDIATE").await.unwrap();
    execute(&connection, "INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    drop(connection);
    // It waits for the lock, for the other one closes on a thread of its own.
    execute(&other, "INSERT INTO t VALUES (2)").await.unwrap();
    let given = execute(&other, "SELECT i FROM t").await.unwrap();
    assert_eq!(given.rows, [[Value::Integer(2)]]);
}

#[tokio::test]
async fn a_statement_that_only_reads_ends_with_who_waits_for_it_and_its_lock_is_gone() {
    let dir = dir();
    let database = database(&dir, false);
    let other = open(&database).await;
    execute(&other, "CREATE TABLE t (i)").await.unwrap();
    for streamed in [false, true] {
        let connection = open(&database).await;
        execute(&connection, "BEGIN IMMEDIATE").await.unwrap();
        execute(&connection, "INSERT INTO t VALUES (1)")
            .await
            .unwrap();
        let endless = statement(&format!("{ENDLESS} SELECT i FROM n WHERE i < 0"));
        if streamed {
            drop(connection.stream(endless).await.unwrap());
        } else {
            let given_up =
                tokio::time::timeout(Duration::from_millis(20), connection.execute(endless));
            given_up.await.unwrap_err();
        }
        execute(&other, "INSERT INTO t VALUES (2)").await.unwrap();
    }
    assert_eq!(
        value(&other, "SELECT sum(i) FROM t").await,
        Value::Integer(4)
    );
}

/// Where the rows go is of no interest.
struct Nowhere;

impl Rows for Nowhere {
    fn columns(&mut self, _: Vec<String>) {}

    fn row(&mut self, _: Row, _: usize) -> SqliteResult<bool> {
        Ok(true)
    }
}

#[test]
fn a_statement_that_writes_and_that_nobody_waits_for_has_some_time_to_end() {
    let dir = dir();
    let database = database(&dir, false);
    database.make_folder().unwrap();
    let mut connection = database.connect().unwrap();
    connection.execute_batch("CREATE TABLE t (i)").unwrap();
    let some = format!("INSERT INTO t {ENDLESS} SELECT i FROM n LIMIT 100000");
    let endless = format!("INSERT INTO t {ENDLESS} SELECT i FROM n WHERE i < 0");
    for (sql, time, rows, ends) in [
        (some, TIME_MAX, 100_000, true),
        (endless, Duration::from_millis(20), 100_000, false),
    ] {
        let watched = Arc::new(());
        let watcher = Arc::downgrade(&watched);
        let began = Instant::now();
        // Given up when it has begun.
        struct Leaves(Option<Arc<()>>);
        impl Rows for Leaves {
            fn columns(&mut self, _: Vec<String>) {
                self.0 = None;
            }
            fn row(&mut self, _: Row, _: usize) -> SqliteResult<bool> {
                Ok(true)
            }
        }
        let done = run_statement(
            &mut connection,
            statement(&sql),
            watcher,
            time,
            &mut Leaves(Some(watched)),
        );
        assert_eq!(done.is_ok(), ends, "{sql}: {done:?}");
        assert!(began.elapsed() < TIME_MAX, "{sql}");
        let count: i64 = connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, rows, "{sql}");
    }
}

#[test]
fn a_statement_that_is_given_up_before_its_turn_does_nothing() {
    let dir = dir();
    let database = database(&dir, false);
    database.make_folder().unwrap();
    let mut connection = database.connect().unwrap();
    let nobody = Arc::downgrade(&Arc::new(()));
    let done = run_statement(
        &mut connection,
        statement("CREATE TABLE t (i)"),
        nobody,
        TIME_MAX,
        &mut Nowhere,
    );
    assert_eq!(done, Ok(()));
    assert!(!connection.table_exists(None, "t").unwrap());
}

#[tokio::test]
async fn rows_come_when_they_are_taken() {
    let dir = dir();
    let connection = open(&database(&dir, false)).await;
    let all = statement(&format!("{ENDLESS} SELECT i, randomblob(1000) FROM n"));
    let mut streamed = connection.clone().stream(all).await.unwrap();
    assert_eq!(streamed.columns, ["i", "randomblob(1000)"]);
    let mut next = 1;
    while next < 10_000 {
        let batch = streamed.rows.recv().await.unwrap();
        assert!(batch.len() <= 70, "{} rows at once", batch.len());
        for row in batch {
            assert_eq!(row.first(), Some(&Value::Integer(next)));
            next += 1;
        }
    }
    drop(streamed);
    // The connection is free again.
    assert_eq!(value(&connection, "SELECT 1").await, Value::Integer(1));
}

#[tokio::test]
async fn what_is_wrong_with_a_statement_is_said_at_its_end() {
    let dir = dir();
    let connection = open(&database(&dir, false)).await;
    for (sql, rows, part) in [
        ("SELEC 1", 0, "syntax error"),
        ("SELECT ?1", 0, "parameter"),
        ("SELECT 1; SELECT 2", 0, "Multiple statements"),
        (
            "SELECT 1 UNION ALL SELECT abs(-9223372036854775807 - 1)",
            1,
            "integer overflow",
        ),
        (
            "SELECT CAST(x'ff' AS TEXT)",
            0,
            "column 1 has a text that is no UTF-8",
        ),
    ] {
        let mut streamed = connection.clone().stream(statement(sql)).await.unwrap();
        let mut seen = 0;
        while let Some(batch) = streamed.rows.recv().await {
            seen += batch.len();
        }
        let ended = streamed.end.await.unwrap();
        let reason = io(ended.map(|()| QueryResult::default()));
        assert!(reason.contains(part), "{sql}: {reason}");
        assert_eq!(seen, rows, "{sql}");
        let reason = io(execute(&connection, sql).await);
        assert!(reason.contains(part), "{sql}: {reason}");
    }
}

#[tokio::test]
async fn what_a_statement_is_given_and_gives_is_bounded() {
    for (sql, parameters, part) in [
        (
            " ".repeat(STATEMENT_BYTES_MAX + 1),
            vec![],
            "bytes of a statement",
        ),
        (
            String::new(),
            vec![Value::Null; PARAMETERS_MAX + 1],
            "32767 parameters",
        ),
        (
            String::new(),
            vec![
                Value::Blob(vec![0; VALUE_BYTES_MAX]),
                Value::Text("a".to_owned()),
            ],
            "bytes of parameters",
        ),
    ] {
        let refused = Statement::new(sql, parameters).map(|_| QueryResult::default());
        let reason = io(refused);
        assert!(reason.contains(part), "{reason}");
    }
    let dir = dir();
    let connection = open(&database(&dir, false)).await;
    for (sql, part) in [
        (
            format!("SELECT zeroblob({})", VALUE_BYTES_MAX + 1),
            "too big",
        ),
        (
            format!("{ENDLESS} SELECT zeroblob({}) FROM n", VALUE_BYTES_MAX / 2),
            "query result exceeds limit",
        ),
        (
            format!("SELECT zeroblob({0}), zeroblob({0})", VALUE_BYTES_MAX / 2),
            "a row exceeds the limit",
        ),
    ] {
        let reason = io(execute(&connection, &sql).await);
        assert!(reason.contains(part), "{sql}: {reason}");
    }
}

#[tokio::test]
async fn no_other_file_is_opened_and_nothing_of_the_process_is_set() {
    let dir = dir();
    let elsewhere = dir.path().join("elsewhere.db");
    let file = elsewhere.display();
    for (sql, allow_attach_file, is_allowed) in [
        (format!("ATTACH '{file}' AS a"), false, false),
        (format!("ATTACH '{file}' || '' AS a"), false, false),
        (format!("ATTACH 'file:{file}' AS a"), false, false),
        (format!("VACUUM INTO '{file}'"), false, false),
        (format!("VACUUM INTO '{file}' || ''"), false, false),
        ("ATTACH ':memory:' AS a".to_owned(), false, true),
        ("ATTACH '' AS a".to_owned(), false, true),
        ("VACUUM".to_owned(), false, true),
        (format!("ATTACH '{file}' AS a"), true, true),
        (format!("ATTACH '{file}' || '' AS a"), true, true),
        ("PRAGMA hard_heap_limit = 1000".to_owned(), true, false),
        ("PRAGMA Soft_Heap_Limit(1000)".to_owned(), true, false),
        ("PRAGMA temp_store_directory = '/'".to_owned(), true, false),
        ("PRAGMA busy_timeout = 5001".to_owned(), false, false),
        ("PRAGMA busy_timeout = '99999x'".to_owned(), false, false),
        ("PRAGMA busy_timeout = 100".to_owned(), false, true),
        ("PRAGMA foreign_keys = on".to_owned(), false, true),
    ] {
        let connection = open(&database(&dir, allow_attach_file)).await;
        let done = execute(&connection, &sql).await;
        assert_eq!(done.is_ok(), is_allowed, "{sql}: {done:?}");
        let is_made = is_allowed && sql.contains("elsewhere.db");
        assert_eq!(std::fs::remove_file(&elsewhere).is_ok(), is_made, "{sql}");
    }
}

#[tokio::test]
async fn files_are_in_wal_mode_and_each_connection_in_memory_has_its_own() {
    let dir = dir();
    let connection = open(&database(&dir, false)).await;
    let mode = value(&connection, "PRAGMA journal_mode").await;
    assert_eq!(mode, Value::Text("wal".to_owned()));
    let configured = SqliteDatabase {
        path: None,
        allow_attach_file: false,
    };
    let database = Arc::new(Database::new(&configured, Arc::default()));
    let (one, other) = (open(&database).await, open(&database).await);
    execute(&one, "CREATE TABLE t (i)").await.unwrap();
    assert!(io(execute(&other, "SELECT * FROM t").await).contains("no such table"));
}

#[tokio::test]
async fn a_database_that_may_not_grow_is_full() {
    let dir = dir();
    let connection = open(&database(&dir, false)).await;
    execute(&connection, "CREATE TABLE t (b)").await.unwrap();
    execute(&connection, "PRAGMA max_page_count = 4")
        .await
        .unwrap();
    let full = execute(&connection, "INSERT INTO t VALUES (randomblob(100000))").await;
    assert_eq!(full, Err(SqliteError::DatabaseFull));
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_opened_when_it_can_be_again() {
    let dir = dir();
    let database = database(&dir, false);
    let connection = open(&database).await;
    let (folder, aside) = (dir.path().join("folder"), dir.path().join("aside"));
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    assert!(io(execute(&connection, "SELECT 1").await).contains("unable to open"));
    let opened = Connection::open(Arc::clone(&database)).await;
    assert_eq!(opened.unwrap_err(), SqliteError::InvalidConnection);
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    assert_eq!(value(&connection, "SELECT 1").await, Value::Integer(1));
}

#[tokio::test]
async fn who_waits_for_a_lock_is_told_in_time_and_holds_up_nobody_else() {
    let dir = dir();
    let database = database(&dir, false);
    let (one, other) = (open(&database).await, open(&database).await);
    execute(&one, "CREATE TABLE t (i)").await.unwrap();
    execute(&one, "BEGIN IMMEDIATE").await.unwrap();
    let began = Instant::now();
    // Both on the only thread of the runtime.
    let (locked, read) = tokio::join!(execute(&other, "INSERT INTO t VALUES (1)"), async {
        let third = open(&database).await;
        let read = value(&third, "SELECT count(*) FROM t").await;
        assert!(began.elapsed() < BUSY_TIME_MAX, "who reads does not wait");
        read
    });
    assert_eq!(io(locked), "database is locked");
    assert_eq!(read, Value::Integer(0));
    let took = began.elapsed();
    assert!(took >= BUSY_TIME_MAX && took < TIME_MAX, "{took:?}");
    execute(&one, "ROLLBACK").await.unwrap();
    execute(&other, "INSERT INTO t VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn a_statement_waits_for_rows_that_nobody_reads_for_some_time_only() {
    let dir = dir();
    let connection = open(&database(&dir, false)).await;
    let all = statement(&format!("{ENDLESS} SELECT i FROM n"));
    let streamed = connection.clone().stream(all).await.unwrap();
    tokio::time::pause();
    let second = Duration::from_secs(1);
    let later = tokio::time::advance(TURN_TIME_MAX + second);
    let (waited, ()) = tokio::join!(execute(&connection, "SELECT 1"), later);
    let reason = io(waited);
    assert!(reason.contains("no turn within 10 s"), "{reason}");
    drop(streamed);
}

/// By a thread's own clock, so with a time that is shorter.
#[tokio::test]
async fn rows_that_nobody_takes_end_their_statement_and_the_connection_goes_on() {
    assert_eq!(Limits::default().row_time_max, ROW_TIME_MAX);
    let row_time_max = Duration::from_secs(1);
    let dir = dir();
    let limits = Limits {
        row_time_max,
        ..Limits::default()
    };
    let connection = open(&database_with(&dir, false, limits)).await;
    let all = statement(&format!("{ENDLESS} SELECT i FROM n"));
    let began = Instant::now();
    let mut streamed = connection.clone().stream(all).await.unwrap();
    let ended = tokio::time::timeout(TIME_MAX, streamed.end).await.unwrap();
    let reason = io(ended.unwrap().map(|()| QueryResult::default()));
    assert_eq!(reason, "nobody took a row for 1 s");
    assert!(began.elapsed() >= row_time_max, "{:?}", began.elapsed());
    assert_eq!(value(&connection, "SELECT 1").await, Value::Integer(1));
    let ready = streamed.rows.recv().await;
    assert!(ready.is_some(), "what was ready is still there");
}

#[tokio::test]
async fn changes_and_row_ids_are_those_of_the_last_statement_that_made_some() {
    let dir = dir();
    let connection = open(&database(&dir, false)).await;
    let last = || async {
        (
            connection.clone().changes().await,
            connection.clone().last_insert_rowid().await,
        )
    };
    assert_eq!(last().await, (0, 0));
    execute(&connection, "CREATE TABLE t (i INTEGER PRIMARY KEY)")
        .await
        .unwrap();
    for (sql, expected) in [
        ("INSERT INTO t VALUES (7), (9)", (2, 9)),
        ("SELECT * FROM t", (2, 9)),
        ("DELETE FROM t WHERE i = 7", (1, 9)),
    ] {
        // Nobody waits for its end but these.
        drop(connection.clone().stream(statement(sql)).await.unwrap());
        assert_eq!(last().await, expected, "{sql}");
    }
}

fn with_view(granted: bool, check: impl FnOnce(&mut View<'_, Sqlite>, Arc<Database>)) {
    let dir = dir();
    let mut databases = Databases::default();
    let configured = SqliteDatabase {
        path: Some(dir.path().join("a.db")),
        allow_attach_file: false,
    };
    let limits = Arc::<Limits>::default();
    databases.add("default", Database::new(&configured, Arc::clone(&limits)));
    let mut own = Connections::new(Arc::new(databases));
    let mut table = ResourceTable::new();
    let mut view = View::<Sqlite> {
        table: &mut table,
        instance: granted.then_some(&mut own),
    };
    check(&mut view, Arc::new(Database::new(&configured, limits)));
}

#[test]
fn only_granted_databases_open_and_none_of_a_refusing_twin() {
    with_view(true, |view, _| {
        assert!(view.database("default").is_ok());
        assert_eq!(
            view.database("other").unwrap_err(),
            SqliteError::AccessDenied
        );
    });
    with_view(false, |view, _| {
        assert_eq!(
            view.database("default").unwrap_err(),
            SqliteError::AccessDenied
        );
    });
}

#[test]
fn an_instance_has_no_more_connections_than_it_may_and_one_again_for_each_that_it_closes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    with_view(true, |view, database| {
        let connection = runtime.block_on(open(&database));
        let first = view.push(connection.clone()).unwrap().unwrap();
        for _ in 1..OPEN_CONNECTIONS_MAX {
            view.push(connection.clone()).unwrap().unwrap();
        }
        let one_more = view.push(connection.clone()).unwrap();
        assert!(matches!(one_more, Err(SqliteError::Io(reason)) if reason.contains("too many")));
        view.close(first).unwrap();
        assert!(view.push(connection).unwrap().is_ok());
    });
}
