//! SQLite databases: everything that the interface offers, what is refused, and what becomes of a request when its
//! database is not to be had. The component does what a request says, so each case has its steps beside what they
//! have to give.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod outages;
mod scene;

use doorward_host::manifest;
use doorward_host::manifest::runtime_config::SqliteDatabase;
use doorward_host::options::HostOptions;
use doorward_host::server::Server;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, start_in_process};
use doorward_runtime_tests::{cases, run};
use outages::{
    LOCKS, a_file_that_another_process_has_locked_is_an_error_in_time_and_later_none,
    a_request_that_is_cancelled_in_a_statement_leaves_no_lock,
    a_statement_that_is_given_up_holds_no_lock, lock_until_told,
    without_its_folder_there_is_an_error_and_with_it_again_none,
};
use rusqlite::Connection;
use scene::{ENDLESS, assert_gives, file, given, io, nothing, rows, spec};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(path) = std::env::var_os(LOCKS) {
        return lock_until_told(Path::new(&path));
    }
    run::main(cases![
        every_kind_of_value_goes_there_and_back,
        rows_come_as_they_are_read_and_the_rest_does_not_matter,
        what_is_wrong_is_told_and_the_connection_goes_on,
        a_transaction_takes_several_statements_and_ends_with_its_connection,
        two_connections_write_at_the_same_time,
        a_file_is_in_wal_mode_so_who_writes_does_not_wait_for_who_reads,
        changes_and_row_ids_are_those_of_the_last_statement,
        what_is_not_granted_is_denied,
        no_other_file_is_attached,
        what_spin_leaves_open_is_refused,
        a_statement_that_is_given_up_holds_no_lock,
        the_file_is_where_both_hosts_look_and_outlives_them,
        without_its_folder_there_is_an_error_and_with_it_again_none,
        a_file_that_another_process_has_locked_is_an_error_in_time_and_later_none;
        in_process:
        a_request_that_is_cancelled_in_a_statement_leaves_no_lock,
        databases_are_where_the_runtime_configuration_says,
        a_database_that_is_not_configured_is_an_error_at_the_start,
    ])
}

async fn every_kind_of_value_goes_there_and_back(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let values = [
        json!(0),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(1.5),
        json!(-2.0e300),
        json!(""),
        json!("häß\u{1f600}\u{0}t"),
        json!([]),
        json!([0, 255, 128]),
        json!(null),
    ];
    let parameters = |name: &str, verb: &str, sql: &str| {
        let step = [json!(verb), json!(name), json!(sql)];
        Value::from([&step[..], &values[..]].concat())
    };
    let columns: Vec<String> = (0..values.len()).map(|index| format!("c{index}")).collect();
    let marks = vec!["?"; values.len()].join(", ");
    let columns_sql = columns.join(", ");
    let expected = rows(json!(columns), json!([values]));
    for (open, execute) in [
        ("open", "execute"),
        ("open-waiting", "execute-waiting"),
        ("open-2", "execute-2"),
    ] {
        let (table, select) = (format!("t_{}", execute.replace('-', "_")), "SELECT * FROM");
        let insert = format!("INSERT INTO {table} VALUES ({marks})");
        assert_gives(
            &running,
            &[
                (json!([open, "a", "default"]), json!(null)),
                (
                    json!([
                        execute,
                        "a",
                        format!("CREATE TABLE {table} ({columns_sql})")
                    ]),
                    nothing(),
                ),
                (parameters("a", execute, &insert), nothing()),
                (
                    json!([execute, "a", format!("{select} {table}")]),
                    expected.clone(),
                ),
                (
                    json!([execute, "a", format!("{select} {table} WHERE 1 = ?"), 2]),
                    rows(json!(columns), json!([])),
                ),
            ],
        )
        .await;
    }
}

async fn rows_come_as_they_are_read_and_the_rest_does_not_matter(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let some: Vec<[u32; 1]> = (1..=1000).map(|row| [row]).collect();
    assert_gives(
        &running,
        &[
            (json!(["open", "a", "default"]), json!(null)),
            (
                json!(["begin", "s", "a", format!("{ENDLESS} SELECT i FROM n")]),
                json!(["i"]),
            ),
            (json!(["next", "s", 1000]), json!(some)),
            (json!(["leave", "s"]), json!(null)),
            // Free again, though there was no last row.
            (
                json!(["begin", "s", "a", "SELECT 1 AS one UNION ALL SELECT 2"]),
                json!(["one"]),
            ),
            (json!(["next", "s", 5]), json!([[1], [2]])),
            (json!(["end", "s"]), json!(null)),
            // A few rows that nobody reads hold up nobody.
            (
                json!(["begin", "s", "a", "SELECT 1 AS one UNION ALL SELECT 2"]),
                json!(["one"]),
            ),
            (
                json!(["execute", "a", "SELECT 3 AS three"]),
                rows(json!(["three"]), json!([[3]])),
            ),
            (json!(["end", "s"]), json!(null)),
        ],
    )
    .await;
    let long = format!("{ENDLESS} SELECT i, hex(zeroblob(50)) AS b FROM n LIMIT 100000");
    let count = format!("SELECT count(*) AS c, sum(i) AS s FROM ({long})");
    let given = given(
        &running,
        json!([
            ["open", "a", "default"],
            ["execute", "a", long],
            ["execute", "a", count]
        ]),
    )
    .await;
    let all = given[1]["rows"].as_array().expect("rows");
    assert_eq!(all.len(), 100_000);
    assert_eq!(all[99_999], json!([100_000, "00".repeat(50)]));
    assert_eq!(given[2]["rows"], json!([[100_000, 5_000_050_000_u64]]));
}

async fn what_is_wrong_is_told_and_the_connection_goes_on(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    for (sql, said) in [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM missing", "no such table: missing"),
        ("SELECT abs(-9223372036854775807 - 1)", "integer overflow"),
        ("INSERT INTO t VALUES (NULL)", "NOT NULL constraint failed"),
        ("INSERT INTO t VALUES (?, ?)", "2 values were supplied"),
        ("INSERT INTO t VALUES (?)", "parameter"),
    ] {
        let given = given(
            &running,
            json!([
                ["open", "a", "default"],
                ["open-waiting", "b", "default"],
                ["open-2", "c", "default"],
                ["execute", "a", "CREATE TABLE IF NOT EXISTS t (i NOT NULL)"],
                ["execute", "a", sql],
                ["execute-waiting", "b", sql],
                ["execute-2", "c", sql],
                ["begin", "s", "a", sql],
                ["next", "s", 5],
                ["end", "s"],
                ["execute", "a", "SELECT count(*) AS c FROM t"],
            ]),
        )
        .await;
        for index in [4, 5, 6, 9] {
            let step = &given[index];
            assert!(io(step).contains(said), "{sql}, step {index}: {given}");
        }
        assert_eq!(given[8], json!([]), "{sql}");
        assert_eq!(given[10], rows(json!(["c"]), json!([[0]])), "{sql}");
    }
}

async fn a_transaction_takes_several_statements_and_ends_with_its_connection(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let sum = |name: &str, sum: Value| {
        let step = json!(["execute", name, "SELECT sum(i) AS s FROM t"]);
        (step, rows(json!(["s"]), json!([[sum]])))
    };
    let does = |sql: &str| (json!(["execute", "a", sql]), nothing());
    let open = |name: &str| (json!(["open", name, "default"]), json!(null));
    assert_gives(
        &running,
        &[
            open("a"),
            open("b"),
            does("CREATE TABLE t (i)"),
            does("BEGIN IMMEDIATE"),
            does("INSERT INTO t VALUES (1)"),
            does("INSERT INTO t VALUES (10)"),
            sum("a", json!(11)),
            sum("b", json!(null)),
            does("COMMIT"),
            sum("b", json!(11)),
            does("BEGIN"),
            does("INSERT INTO t VALUES (100)"),
            does("ROLLBACK"),
            sum("b", json!(11)),
            does("BEGIN IMMEDIATE"),
            does("INSERT INTO t VALUES (1000)"),
            (json!(["close", "a"]), json!(null)),
            open("a"),
            does("INSERT INTO t VALUES (10000)"),
            sum("b", json!(10_011)),
            // What the request leaves open ends with it.
            does("BEGIN IMMEDIATE"),
            does("INSERT INTO t VALUES (100000)"),
        ],
    )
    .await;
    assert_gives(
        &running,
        &[
            open("a"),
            does("INSERT INTO t VALUES (1000000)"),
            sum("a", json!(1_010_011)),
        ],
    )
    .await;
}

async fn two_connections_write_at_the_same_time(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let open = json!(["open", "a", "default"]);
    let writes = vec![json!(["execute", "a", "INSERT INTO t VALUES (1)"]); 25];
    let writer = [&[open.clone()][..], &writes].concat();
    let steps = json!([
        ["open", "a", "default"],
        ["execute", "a", "CREATE TABLE t (i)"],
        ["together", writer, writer],
        ["execute", "a", "SELECT count(*) AS c FROM t"],
    ]);
    let given = given(&running, steps).await;
    assert_eq!(given[3], rows(json!(["c"]), json!([[50]])), "{given}");
}

/// Spin leaves the journal as the file has it, where one transaction that reads keeps others from writing.
async fn a_file_is_in_wal_mode_so_who_writes_does_not_wait_for_who_reads(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let count = |count: u64| rows(json!(["c"]), json!([[count]]));
    let given = given(
        &running,
        json!([
            ["open", "a", "default"],
            ["open", "b", "default"],
            ["execute", "a", "PRAGMA journal_mode"],
            ["execute", "a", "CREATE TABLE t (i)"],
            ["execute", "a", "BEGIN"],
            ["execute", "a", "SELECT count(*) AS c FROM t"],
            ["execute", "b", "INSERT INTO t VALUES (1)"],
            ["execute", "a", "SELECT count(*) AS c FROM t"],
            ["execute", "a", "COMMIT"],
            ["execute", "a", "SELECT count(*) AS c FROM t"],
        ]),
    )
    .await;
    let is_spin = host.name() == "spin";
    let (mode, written) = if is_spin { ("delete", 0) } else { ("wal", 1) };
    assert_eq!(given[2]["rows"], json!([[mode]]), "{given}");
    match is_spin {
        true => assert_eq!(io(&given[6]), "database is locked", "{given}"),
        false => assert_eq!(given[6], nothing(), "{given}"),
    }
    assert_eq!(given[5], count(0), "{given}");
    assert_eq!(given[7], count(0), "his transaction stands still: {given}");
    assert_eq!(given[9], count(written), "{given}");
    // As whoever else opens the file finds it, while it is served and afterwards.
    let found = || {
        let direct = Connection::open(file(&app)).unwrap();
        direct.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
    };
    assert_eq!(found().unwrap(), mode, "while it is served");
    running.stop().await;
    assert_eq!(found().unwrap(), mode, "afterwards");
}

async fn changes_and_row_ids_are_those_of_the_last_statement(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    for (open, execute, last) in [
        ("open", "execute", "last"),
        ("open-waiting", "execute-waiting", "last-waiting"),
    ] {
        let does = |sql: &str| (json!([execute, "a", sql]), nothing());
        let is = |changes: u64, rowid: i64| (json!([last, "a"]), json!([changes, rowid]));
        assert_gives(
            &running,
            &[
                (json!([open, "a", "default"]), json!(null)),
                is(0, 0),
                does("DROP TABLE IF EXISTS t"),
                does("CREATE TABLE t (i INTEGER PRIMARY KEY)"),
                does("INSERT INTO t VALUES (7), (8)"),
                is(2, 8),
                does("UPDATE t SET i = i + 10"),
                is(2, 8),
                does("DELETE FROM t WHERE i = 17"),
                is(1, 8),
            ],
        )
        .await;
    }
}

async fn what_is_not_granted_is_denied(host: &dyn Host) {
    for (granted, denied) in [(&[][..], "default"), (&["default"], "other")] {
        let app = spec(granted).write();
        let running = host.start(&app).await;
        let refused = json!({ "error": "access-denied" });
        let opens = ["open", "open-waiting", "open-2"];
        let steps = opens.map(|open| (json!([open, "a", denied]), refused.clone()));
        assert_gives(&running, &steps).await;
    }
}

async fn no_other_file_is_attached(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let other = app.folder().join("other.db");
    let attach = |file: &str| json!(["execute", "a", format!("ATTACH '{file}' AS b")]);
    let given = given(
        &running,
        json!([
            ["open", "a", "default"],
            attach(&other.to_string_lossy()),
            ["execute", "a", format!("VACUUM INTO '{}'", other.display())],
            attach(":memory:"),
        ]),
    )
    .await;
    for (index, said) in [(1, "not authorized"), (2, "authorization denied")] {
        assert!(io(&given[index]).contains(said), "{given}");
    }
    assert_eq!(given[3], nothing());
    assert!(!other.exists());
}

async fn the_file_is_where_both_hosts_look_and_outlives_them(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let open = (json!(["open", "a", "default"]), json!(null));
    let create = "CREATE TABLE t AS SELECT 'kept' AS k";
    assert_gives(
        &running,
        &[open.clone(), (json!(["execute", "a", create]), nothing())],
    )
    .await;
    running.stop().await;
    let direct = Connection::open(file(&app)).unwrap();
    let kept: String = direct
        .query_row("SELECT k FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, "kept");
    direct.execute("UPDATE t SET k = 'changed'", []).unwrap();
    drop(direct);
    let running = host.start(&app).await;
    let select = json!(["execute", "a", "SELECT k FROM t"]);
    let changed = rows(json!(["k"]), json!([["changed"]]));
    assert_gives(&running, &[open, (select, changed)]).await;
}

async fn what_spin_leaves_open_is_refused(host: &dyn Host) {
    let app = spec(&["default"]).write();
    let running = host.start(&app).await;
    let other = app.folder().join("other.db");
    let other = other.to_string_lossy();
    let given = given(
        &running,
        json!([
            ["open", "a", "default"],
            ["execute", "a", "ATTACH ? AS b", other],
            ["execute", "a", format!("ATTACH '{other}' || '' AS c")],
            ["execute", "a", "SELECT 1 AS one; SELECT 2"],
        ]),
    )
    .await;
    let text = json!([
        ["open", "a", "default"],
        ["execute", "a", "SELECT CAST(x'ff' AS TEXT)"]
    ]);
    if host.name() == "spin" {
        assert_eq!(given[1], nothing(), "a name that is not written out");
        assert_eq!(given[2], nothing(), "a name that is not written out");
        assert_eq!(given[3], rows(json!(["one"]), json!([[1]])));
        assert!(Path::new(&*other).exists());
        let ask = Ask::new("POST", "/").body(text.to_string().as_bytes());
        status(
            &ask.send(running.address).await,
            500,
            "a text that is no UTF-8",
        );
        return;
    }
    for (index, said) in [
        (1, "not authorized"),
        (2, "not authorized"),
        (3, "Multiple statements"),
    ] {
        assert!(io(&given[index]).contains(said), "{given}");
    }
    assert!(!Path::new(&*other).exists());
    let given = self::given(&running, text).await;
    assert!(io(&given[1]).contains("no UTF-8"), "{given}");
}

async fn databases_are_where_the_runtime_configuration_says() {
    let app = spec(&["default", "orders", "scratch"]).write();
    let orders = app.folder().join("elsewhere/orders.db");
    let at = |path: Option<&Path>| SqliteDatabase {
        path: path.map(Path::to_owned),
        allow_attach_file: false,
    };
    let configured = [
        ("orders".to_owned(), at(Some(&orders))),
        ("scratch".to_owned(), at(None)),
    ];
    let running = start_in_process(&app, |options| {
        options.sqlite_databases.extend(configured);
    })
    .await;
    let create = |name: &str| {
        let sql = format!("CREATE TABLE {name} (i)");
        (json!(["execute", name, sql]), nothing())
    };
    let open = |name: &str| (json!(["open", name, name]), json!(null));
    let steps = ["default", "orders", "scratch"].map(|name| match name {
        // A word of SQL.
        "default" => (json!(["open", "d", "default"]), json!(null)),
        name => open(name),
    });
    let steps = [
        &steps[..],
        &[create("d"), create("orders"), create("scratch")],
    ]
    .concat();
    assert_gives(&running, &steps).await;
    for (file, table) in [(file(&app), "d"), (orders, "orders")] {
        let direct = Connection::open(file).unwrap();
        assert!(direct.table_exists(None, table).unwrap(), "{table}");
    }
    // Each connection in memory has its own.
    let again = [open("scratch"), create("scratch")];
    assert_gives(&running, &again).await;
}

async fn a_database_that_is_not_configured_is_an_error_at_the_start() {
    let app = spec(&["default", "defualt", "orders"]).write();
    let application = manifest::load(&app.manifest()).unwrap();
    let options = HostOptions::new("127.0.0.1:0".parse().unwrap(), app.folder().join("state"));
    let refused = Server::bind(application, options).await.err();
    let refused = format!("{:#}", refused.expect("the host does not start"));
    let line = std::fs::read_to_string(app.manifest()).unwrap();
    let line = line
        .lines()
        .position(|line| line.starts_with("sqlite_databases"));
    let Some(line) = line else {
        panic!("the manifest has a line for it");
    };
    for part in [
        "component `queries`",
        &format!("spin.toml:{}:", line + 1),
        "did you mean `default`?",
        "names `orders`",
        "[sqlite_database.orders]",
        "--runtime-config-file",
    ] {
        assert!(refused.contains(part), "expected {part} of {refused}");
    }
}
