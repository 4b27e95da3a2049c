//! What becomes of a request whose database is not to be had, and of a database whose request is gone.

use crate::scene::{ENDLESS, file, given, io, nothing, rows, spec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, start_in_process};
use rusqlite::Connection;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The file that this process locks instead of running cases.
pub const LOCKS: &str = "DOORWARD_TESTS_LOCK";
/// How long a statement waits for a lock, on either host.
const BUSY_TIME: Duration = Duration::from_secs(5);
/// Longer than anything here takes, and far less than a request may take.
const TIME_MAX: Duration = Duration::from_secs(30);
/// As by a component that has a time limit of its own.
pub async fn a_statement_that_is_given_up_holds_no_lock(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    // On Spin nothing ends what gives no rows.
    let slow = match host.name() {
        "spin" => "SELECT i FROM n",
        _ => "SELECT i FROM n WHERE i < 0",
    };
    let given = given(
        &running,
        json!([
            ["open", "a", "default"],
            ["execute", "a", "CREATE TABLE t (i)"],
            ["execute", "a", "BEGIN IMMEDIATE"],
            ["give-up", "a", format!("{ENDLESS} {slow}"), 50],
            ["close", "a"],
            ["open", "a", "default"],
            ["execute", "a", "INSERT INTO t VALUES (1)"],
        ]),
    )
    .await;
    assert_eq!(given[3], "given up", "{given}");
    assert_eq!(given[6], nothing(), "{given}");
}

pub async fn without_its_folder_there_is_an_error_and_with_it_again_none(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let steps = json!([
        ["open", "a", "default"],
        ["execute", "a", "CREATE TABLE IF NOT EXISTS t (i)"],
        ["execute", "a", "SELECT count(*) AS c FROM t"],
    ]);
    let fine = json!([null, nothing(), rows(json!(["c"]), json!([[0]]))]);
    assert_eq!(given(&running, steps.clone()).await, fine);
    let (state, aside) = (app.folder().join("state"), app.folder().join("aside"));
    std::fs::rename(&state, &aside).unwrap();
    std::fs::write(&state, "no folder").unwrap();
    let began = Instant::now();
    let without = given(&running, steps.clone()).await;
    assert_eq!(without[0]["error"], "invalid-connection", "{without}");
    assert!(began.elapsed() < TIME_MAX);
    std::fs::remove_file(&state).unwrap();
    std::fs::rename(&aside, &state).unwrap();
    assert_eq!(given(&running, steps).await, fine);
}

/// Another process that has a file locked, until it is dropped.
struct Lock(Child);

impl Lock {
    fn of(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(LOCKS, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line.trim(), "locked");
        Self(child)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// What the other process does.
pub fn lock_until_told(path: &Path) -> ExitCode {
    let connection = Connection::open(path).expect("open the file");
    connection
        .execute_batch("BEGIN EXCLUSIVE")
        .expect("lock the file");
    println!("locked");
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

pub async fn a_file_that_another_process_has_locked_is_an_error_in_time_and_later_none(
    host: &dyn Host,
) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let open = json!(["open", "a", "default"]);
    let create = json!([open, ["execute", "a", "CREATE TABLE t (i)"]]);
    assert_eq!(given(&running, create).await, json!([null, nothing()]));
    let insert = json!([open, ["execute", "a", "INSERT INTO t VALUES (1)"]]);
    let lock = Lock::of(&file(&app));
    let began = Instant::now();
    let locked = given(&running, insert.clone()).await;
    let took = began.elapsed();
    assert_eq!(io(&locked[1]), "database is locked", "{locked}");
    assert!(took >= BUSY_TIME && took < TIME_MAX, "{took:?}");
    // One that is given back in time is no error.
    let waiting = given(&running, insert.clone());
    let later = async {
        tokio::time::sleep(BUSY_TIME / 5).await;
        drop(lock);
    };
    let (waited, ()) = tokio::join!(waiting, later);
    assert_eq!(waited, json!([null, nothing()]));
}

pub async fn a_request_that_is_cancelled_in_a_statement_leaves_no_lock() {
    let app = spec(&["default"]).write();
    let running = start_in_process(&app, |options| {
        options.request_timeout = Some(Duration::from_millis(300));
    })
    .await;
    let open = json!(["open", "a", "default"]);
    let create = json!([open, ["execute", "a", "CREATE TABLE t (i)"]]);
    assert_eq!(given(&running, create).await, json!([null, nothing()]));
    let reads = format!("{ENDLESS} SELECT i FROM n WHERE i < 0");
    let writes = format!("INSERT INTO t {reads}");
    // A function that is not `async` has its instance to itself, which then ends with it.
    for (execute, sql, refused) in [
        ("execute", &reads, 504),
        ("execute-waiting", &reads, 500),
        ("execute", &writes, 504),
        ("execute-waiting", &writes, 500),
    ] {
        let open_verb = execute.replace("execute", "open");
        let steps = json!([
            [open_verb, "a", "default"],
            [execute, "a", "BEGIN IMMEDIATE"],
            [execute, "a", "INSERT INTO t VALUES (1)"],
            [execute, "a", sql],
        ]);
        let ask = Ask::new("POST", "/").body(steps.to_string().as_bytes());
        let answer = ask.send(running.address).await;
        let log = running.log();
        status(&answer, refused, &format!("{execute} {sql}: {log:?}"));
        // Nobody else's busy time: the lock itself has to go.
        let direct = Connection::open(file(&app)).unwrap();
        direct.busy_timeout(2 * BUSY_TIME).unwrap();
        direct.execute("INSERT INTO t VALUES (10)", []).unwrap();
        let sum: i64 = direct
            .query_row("SELECT sum(i) % 10 FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(
            sum, 0,
            "{execute} {sql}: what was not committed is not there"
        );
    }
}
