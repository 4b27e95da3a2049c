//! What the interface offers, and what is refused.

use crate::scene::{self, assert_gives, error, given, served};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::servers::{PostgreSql, Server};
use serde_json::{Value, json};

/// How connections are opened, statements without and with rows run: as `async` functions, and as others.
const WAYS: [[&str; 3]; 2] = [
    ["open", "execute", "query"],
    ["open-waiting", "execute-waiting", "query-waiting"],
];

pub async fn every_kind_of_value_goes_there_and_back(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let same = [
        ("boolean", json!({ "boolean": true })),
        ("smallint", json!({ "int16": i16::MIN })),
        ("integer", json!({ "int32": i32::MAX })),
        ("bigint", json!({ "int64": i64::MIN })),
        ("real", json!({ "floating32": 1.5 })),
        ("double precision", json!({ "floating64": -2.0e300 })),
        ("text", json!({ "str": "häß\u{1f600}t" })),
        ("varchar(3)", json!({ "str": "" })),
        ("char(3)", json!({ "str": "a  " })),
        ("bytea", json!({ "binary": [0, 255, 128] })),
        ("date", json!({ "date": [1969, 2, 28] })),
        ("date", json!({ "date": [2024, 2, 29] })),
        ("time", json!({ "time": [23, 59, 59, 999_999_000] })),
        (
            "timestamp",
            json!({ "datetime": [1969, 12, 31, 23, 59, 59, 1000] }),
        ),
        (
            "uuid",
            json!({ "uuid": "01234567-89ab-cdef-0123-456789abcdef" }),
        ),
        ("jsonb", json!({ "jsonb": r#"{"a":[1,"b c"]}"# })),
        ("numeric", json!({ "decimal": "-12345678901234567.890" })),
        ("numeric", json!({ "decimal": "0.0001" })),
        (
            "int4range",
            json!({ "range-int32": [[1, "inclusive"], [5, "exclusive"]] }),
        ),
        (
            "int4range",
            json!({ "range-int32": [null, [5, "exclusive"]] }),
        ),
        (
            "int8range",
            json!({ "range-int64": [[i64::MIN, "inclusive"], null] }),
        ),
        (
            "numrange",
            json!({ "range-decimal": [["1.50", "exclusive"], ["2", "inclusive"]] }),
        ),
        ("integer[]", json!({ "array-int32": [1, null, -1] })),
        ("integer[]", json!({ "array-int32": [] })),
        ("bigint[]", json!({ "array-int64": [i64::MAX, null] })),
        ("numeric[]", json!({ "array-decimal": ["1.10", null] })),
        ("text[]", json!({ "array-str": ["a", "", null] })),
        ("varchar[]", json!({ "array-str": ["ä"] })),
        ("interval", json!({ "interval": [-1, 2, -3] })),
        ("integer", json!(null)),
        ("text[]", json!(null)),
    ];
    let url = server.url();
    for [open, execute, query] in WAYS {
        let table = format!("t_{}", execute.replace('-', "_"));
        let columns: Vec<String> = same
            .iter()
            .enumerate()
            .map(|(index, (ty, _))| format!("c{index} {ty}"))
            .collect();
        let marks: Vec<String> = (1..=same.len()).map(|index| format!("${index}")).collect();
        let insert = format!("INSERT INTO {table} VALUES ({})", marks.join(", "));
        let step = [json!(execute), json!("a"), json!(insert)];
        let values: Vec<Value> = same.iter().map(|(_, value)| value.clone()).collect();
        assert_gives(
            running.address,
            &[
                (json!([open, "a", url]), json!(null)),
                (
                    json!([
                        execute,
                        "a",
                        format!("CREATE TABLE {table} ({})", columns.join(", "))
                    ]),
                    json!(0),
                ),
                (Value::from([&step[..], &values].concat()), json!(1)),
            ],
        )
        .await;
        let steps = json!([
            [open, "a", url],
            [query, "a", format!("SELECT * FROM {table}")]
        ]);
        let given = given(running.address, steps).await;
        for (index, (ty, value)) in same.iter().enumerate() {
            assert_eq!(given[1]["rows"][0][index], *value, "{ty} {query}: {given}");
            let name = &given[1]["columns"][index];
            assert_eq!(name[0], format!("c{index}"), "{ty}");
            if let Some(kind) = value.as_object().and_then(|value| value.keys().next()) {
                assert_eq!(name[1], *kind, "{ty}");
            }
        }
    }
}

pub async fn some_values_go_one_way_only(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    for [open, execute, query] in WAYS {
        let columns = "a timestamptz, b \"char\", c json";
        assert_gives(
            running.address,
            &[
                (json!([open, "a", url]), json!(null)),
                (
                    json!([execute, "a", format!("CREATE TEMP TABLE t ({columns})")]),
                    json!(0),
                ),
                (
                    json!([
                        execute,
                        "a",
                        "INSERT INTO t VALUES ($1, $2, $3)",
                        { "timestamp": -1 },
                        { "int8": 65 },
                        { "jsonb": "{\"a\":1}" }
                    ]),
                    json!(1),
                ),
                (
                    json!([query, "a", "SELECT a AT TIME ZONE 'UTC', b::text, c FROM t"]),
                    json!({
                        "columns": [["timezone", "datetime"], ["b", "str"], ["c", "other json"]],
                        "rows": [[
                            { "datetime": [1969, 12, 31, 23, 59, 59, 0] },
                            { "str": "A" },
                            { "unsupported": b"{\"a\":1}" },
                        ]],
                    }),
                ),
                // A type that the connection does not know yet.
                (
                    json!([execute, "a", "CREATE TYPE pg_temp.mood AS ENUM ('fine')"]),
                    json!(0),
                ),
                (
                    json!([query, "a", "SELECT 'fine'::pg_temp.mood AS m, inet '::1' AS i"]),
                    json!({
                        "columns": [["m", "other mood"], ["i", "other inet"]],
                        "rows": [[
                            { "unsupported": b"fine" },
                            { "unsupported": [3, 128, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] },
                        ]],
                    }),
                ),
            ],
        )
        .await;
    }
}

pub async fn an_older_version_has_the_same_connections_with_fewer_values(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    let same = [
        ("boolean", json!({ "boolean": true })),
        ("smallint", json!({ "int16": 1 })),
        ("integer", json!({ "int32": -1 })),
        ("bigint", json!({ "int64": i64::MAX })),
        ("real", json!({ "floating32": 1.5 })),
        ("double precision", json!({ "floating64": 1e300 })),
        ("text", json!({ "str": "ä" })),
        ("bytea", json!({ "binary": [0, 255] })),
        ("date", json!({ "date": [2024, 2, 29] })),
        ("time", json!({ "time": [1, 2, 3, 4000] })),
        (
            "timestamp",
            json!({ "datetime": [2024, 2, 29, 1, 2, 3, 4000] }),
        ),
        ("integer", json!(null)),
    ];
    let marks: Vec<String> = same
        .iter()
        .enumerate()
        .map(|(index, (ty, _))| format!("${}::{ty}", index + 1))
        .collect();
    let values: Vec<Value> = same.iter().map(|(_, value)| value.clone()).collect();
    let query = [
        json!("query-3"),
        json!("a"),
        json!(format!("SELECT {}", marks.join(", "))),
    ];
    let query = [&query[..], &values].concat();
    let steps = json!([
        ["open-3", "a", url],
        query,
        [
            "query-3",
            "a",
            "SELECT 1.5 AS n, now()::date - 1 > '2000-01-01' AS b"
        ],
        ["execute-3", "a", "SELECT 1 UNION SELECT 2"],
        ["execute-3", "a", "SELECT 1 / 0"],
        ["open-3", "b", "postgres://127.0.0.1:1"],
    ]);
    let had = given(running.address, steps).await;
    assert_eq!(had[0], json!(null), "{had}");
    assert_eq!(had[1]["rows"][0], json!(values), "{had}");
    let expected = json!({
        "columns": [["n", "Other"], ["b", "Boolean"]],
        "rows": [["unsupported", { "boolean": true }]],
    });
    assert_eq!(had[2], expected);
    assert_eq!(had[3], 2);
    assert!(
        error(&had[4], "query-failed").contains("division by zero"),
        "{had}"
    );
    let said = error(&had[5], "connection-failed");
    assert!(said.ends_with("is not permitted"), "{said}");
}

/// On Spin 4.1 a `timestamptz` is an error, an empty range one without ends, and a decimal has 28 digits.
pub async fn what_spin_cannot_give_is_given(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let long = "1234567890".repeat(10);
    let select = format!(
        "SELECT timestamptz '2000-01-01 01:00:00+01' AS a, 'empty'::int4range AS b, \
         numeric '{long}.5' AS c, numeric 'NaN' AS d"
    );
    let nothing = json!([0, "exclusive"]);
    assert_gives(
        running.address,
        &[
            (json!(["open", "a", server.url()]), json!(null)),
            (
                json!(["query", "a", select]),
                json!({
                    "columns": [["a", "datetime"], ["b", "range-int32"], ["c", "decimal"], ["d", "decimal"]],
                    "rows": [[
                        { "datetime": [2000, 1, 1, 0, 0, 0, 0] },
                        { "range-int32": [nothing, nothing] },
                        { "decimal": format!("{long}.5") },
                        { "decimal": "NaN" },
                    ]],
                }),
            ),
            (
                json!([
                    "query", "a", "SELECT $1::int4range = 'empty' AS e, $2::timestamptz = now() AS n",
                    { "range-int32": [nothing, nothing] },
                    { "datetime": [2000, 1, 1, 0, 0, 0, 0] }
                ]),
                json!({
                    "columns": [["e", "boolean"], ["n", "boolean"]],
                    "rows": [[{ "boolean": true }, { "boolean": false }]],
                }),
            ),
            // Columns are known where there are no rows.
            (
                json!(["query", "a", "SELECT 1 AS one WHERE false"]),
                json!({ "columns": [["one", "int32"]], "rows": [] }),
            ),
        ],
    )
    .await;
}

pub async fn rows_come_as_they_are_read_and_the_rest_does_not_matter(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let rows = |from: i32, to: i32| -> Value {
        (from..=to).map(|row| json!([{ "int32": row }])).collect()
    };
    let many = "SELECT i FROM generate_series(1, 100000) AS i";
    assert_gives(
        running.address,
        &[
            (json!(["open", "a", server.url()]), json!(null)),
            (json!(["begin", "s", "a", many]), json!([["i", "int32"]])),
            (json!(["next", "s", 1000]), rows(1, 1000)),
            (json!(["next", "s", 1]), rows(1001, 1001)),
            (json!(["leave", "s"]), json!(null)),
            // Free again, though there was no last row.
            (json!(["begin", "s", "a", many]), json!([["i", "int32"]])),
            (json!(["next", "s", 100_001]), rows(1, 100_000)),
            (json!(["end", "s"]), json!(null)),
            // A few rows that nobody reads hold up nobody.
            (
                json!(["begin", "s", "a", "SELECT 1 AS one"]),
                json!([["one", "int32"]]),
            ),
            (json!(["execute", "a", "SELECT 1"]), json!(1)),
            (json!(["next", "s", 2]), rows(1, 1)),
            (json!(["end", "s"]), json!(null)),
        ],
    )
    .await;
}

pub async fn what_is_wrong_is_told_and_the_connection_goes_on(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    let one = json!({ "int32": 1 });
    for [open, execute, query] in WAYS {
        let steps = json!([
            [open, "a", url],
            [execute, "a", "CREATE TEMP TABLE t (i integer PRIMARY KEY)"],
            [execute, "a", "SELEC 1"],
            [query, "a", "SELECT * FROM missing"],
            [query, "a", "SELECT 1 / i FROM generate_series(0, 1) AS i"],
            [execute, "a", "INSERT INTO t VALUES ($1), ($1)", one],
            [execute, "a", "INSERT INTO t VALUES (1); SELECT 1"],
            [query, "a", "SELECT $1::integer", { "str": "1" }],
            [query, "a", "SELECT $1::integer"],
            [execute, "a", "SELECT $1::uuid", { "uuid": "no" }],
            [query, "a", "SELECT $1::uuid", { "uuid": "no" }],
            [query, "a", "SELECT $1::date", { "date": [2023, 2, 29] }],
            [execute, "a", "SELECT $1::numeric", { "decimal": "1e5" }],
            [query, "a", "SELECT $1::jsonb", { "jsonb": "{" }],
            [query, "a", "SELECT count(*) AS c FROM t"],
        ]);
        let given = given(running.address, steps).await;
        for (index, code) in [
            (2, "42601"),
            (3, "42P01"),
            (4, "22012"),
            (5, "23505"),
            (6, "42601"),
        ] {
            // Where rows are gathered Spin says in words of its own what it was.
            let is_gathered = host.name() == "spin" && (query, index) == ("query-waiting", 4);
            let expected = if is_gathered { "" } else { code };
            assert_eq!(scene::code(&given[index]), expected, "{index}: {given}");
        }
        let duplicate = &given[5]["error"]["database"];
        assert_eq!(duplicate["severity"], "ERROR");
        assert_eq!(duplicate["detail"], "Key (i)=(1) already exists.");
        let extras = duplicate["extras"].as_array().unwrap();
        assert!(extras.contains(&json!(["constraint", "t_pkey"])), "{given}");
        assert!(extras.contains(&json!(["table", "t"])), "{given}");
        for (index, kind) in [
            (7, "query-failed"),
            (8, "query-failed"),
            (9, "value-conversion-failed"),
            (10, "bad-parameter"),
            (11, "bad-parameter"),
            (12, "value-conversion-failed"),
            (13, "bad-parameter"),
        ] {
            assert!(!error(&given[index], kind).is_empty(), "{index}: {given}");
        }
        let none = json!({ "columns": [["c", "int64"]], "rows": [[{ "int64": 0 }]] });
        assert_eq!(given[14], none, "{given}");
    }
}

pub async fn a_transaction_takes_several_statements_of_one_connection(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    let sum = |name: &str, sum: Value| {
        let step = json!(["query", name, "SELECT sum(i)::integer AS s FROM t"]);
        let sum = if sum.is_null() {
            sum
        } else {
            json!({ "int32": sum })
        };
        (
            step,
            json!({ "columns": [["s", "int32"]], "rows": [[sum]] }),
        )
    };
    let does = |sql: &str, count: u64| (json!(["execute", "a", sql]), json!(count));
    assert_gives(
        running.address,
        &[
            (json!(["open", "a", url]), json!(null)),
            (json!(["open", "b", url]), json!(null)),
            does("CREATE TABLE t (i integer)", 0),
            does("BEGIN", 0),
            does("INSERT INTO t VALUES (1), (10)", 2),
            sum("a", json!(11)),
            // Columns are those of a row on Spin, and there is one.
            sum("b", json!(null)),
            does("COMMIT", 0),
            sum("b", json!(11)),
            does("BEGIN", 0),
            does("DELETE FROM t", 2),
            does("ROLLBACK", 0),
            sum("b", json!(11)),
        ],
    )
    .await;
}

pub async fn what_is_not_allowed_is_not_connected_to(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (url, place, port) = (server.url(), server.address(), server.port());
    for (outbound, is_allowed) in [
        (vec![], false),
        (vec!["http://127.0.0.1:*".to_owned()], false),
        (vec![format!("postgres://127.0.0.1:{}", port ^ 1)], false),
        (vec![format!("postgres://localhost:{port}")], false),
        (vec![format!("postgres://{place}")], true),
        (vec!["postgres://127.0.0.0/8:*".to_owned()], true),
        (vec!["*://*:*".to_owned()], true),
    ] {
        let outbound: Vec<&str> = outbound.iter().map(String::as_str).collect();
        let app = scene::spec(&outbound).write();
        let running = host.start(&app).await;
        // Spin 4.1 forgets to look where a builder builds and is not `async`.
        let opens = match host.name() {
            "spin" => &["open", "open-waiting", "build"][..],
            _ => &["open", "open-waiting", "build", "build-waiting"],
        };
        let steps: Value = opens.iter().map(|open| json!([open, "a", url])).collect();
        let had = given(running.address, steps).await;
        for (index, open) in opens.iter().enumerate() {
            if is_allowed {
                assert_eq!(had[index], json!(null), "{open} with {outbound:?}");
                continue;
            }
            let said = error(&had[index], "connection-failed");
            let expected = format!("address postgres://{place} is not permitted");
            assert_eq!(said, expected, "{open} with {outbound:?}: {had}");
        }
        for nonsense in ["", "postgres", "http://127.0.0.1", "host=/run/postgresql"] {
            let had = given(running.address, json!([["open", "a", nonsense]])).await;
            let said = error(&had[0], "connection-failed");
            assert!(!said.is_empty(), "{nonsense:?}: {had}");
        }
    }
}

/// On Spin 4.1 `hostaddr` is where it connects to, whatever `host` is.
pub async fn an_address_behind_an_allowed_name_is_refused(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let port = server.port();
    let app = scene::spec(&[&format!("postgres://allowed.example:{port}")]).write();
    let running = host.start(&app).await;
    let address = format!("host=allowed.example hostaddr=127.0.0.1 port={port} user=postgres");
    let had = given(running.address, json!([["open", "a", address]])).await;
    let said = error(&had[0], "connection-failed");
    assert!(said.contains("`hostaddr` is not supported"), "{had}");
}

pub async fn over_tls_a_component_says_who_vouches_for_the_server(host: &dyn Host) {
    let server = Server::start(PostgreSql::over_tls()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    let authority = std::fs::read_to_string(PostgreSql::authority()).unwrap();
    let is_secure = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let secure = json!({ "columns": [["ssl", "boolean"]], "rows": [[{ "boolean": true }]] });
    for build in ["build", "build-waiting"] {
        let steps = json!([
            [build, "a", url, authority],
            ["query", "a", is_secure],
            [build, "b", url],
            [build, "c", url, "no certificate"],
            [build, "d", url.replace("require", "disable"), authority],
            ["open", "e", url],
        ]);
        let had = given(running.address, steps).await;
        assert_eq!(had[0], json!(null), "{had}");
        assert_eq!(had[1], secure, "{had}");
        for index in [2, 5] {
            let said = error(&had[index], "connection-failed").to_lowercase();
            assert!(said.contains("certificate"), "{index}: {had}");
        }
        let said = error(&had[3], "other");
        assert!(said.starts_with("invalid root certificate: "), "{had}");
        let said = error(&had[4], "connection-failed");
        assert!(said.contains("no encryption"), "{had}");
    }
}

/// A password that is bound to the certificate is no use to who stands between.
pub async fn a_password_can_be_bound_to_the_certificate(host: &dyn Host) {
    let server = Server::start(PostgreSql::over_tls()).await;
    let (_app, running) = served(host, &server).await;
    let url = format!("{}&channel_binding=require", server.url());
    let authority = std::fs::read_to_string(PostgreSql::authority()).unwrap();
    let steps = json!([["build", "a", url, authority], ["execute", "a", "SELECT 1"]]);
    let had = given(running.address, steps).await;
    assert_eq!(had, json!([null, 1]));
    let plain = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &plain).await;
    let url = format!("{}&channel_binding=require", plain.url());
    let had = given(running.address, json!([["open", "a", url]])).await;
    assert!(!error(&had[0], "connection-failed").is_empty(), "{had}");
}

pub async fn an_instance_can_have_any_number_of_builders_one_after_the_other(host: &dyn Host) {
    let app = scene::spec(&[]).write();
    let running = host.start(&app).await;
    assert_gives(running.address, &[(json!(["builders", 1000]), json!(null))]).await;
}

pub async fn what_is_too_large_is_refused_and_the_next_is_not(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    let mebibytes = |count: u32| format!("SELECT repeat('a', {count} << 20) AS a");
    for [open, execute, query] in WAYS {
        let parts = format!(
            "SELECT a FROM ({}) AS a, generate_series(1, 20)",
            mebibytes(1)
        );
        let steps = json!([
            [open, "a", url],
            [query, "a", mebibytes(17)],
            [open, "a", url],
            [execute, "a", format!("SELECT '{}'", "a".repeat(1 << 20))],
            ["query-waiting", "a", parts],
            [execute, "a", "SELECT 1"],
        ]);
        let had = given(running.address, steps).await;
        let said = error(&had[1], "query-failed");
        assert!(said.contains("a row has more than"), "{said}");
        let said = error(&had[3], "query-failed");
        assert!(said.contains("bytes of a statement are over"), "{said}");
        let said = error(&had[4], "query-failed");
        assert!(said.contains("query result exceeds limit of"), "{said}");
        assert_eq!(had[5], 1, "the connection goes on");
    }
    // What is read as it comes has no end.
    let rows = format!(
        "SELECT length(a) AS l FROM ({}) AS a, generate_series(1, 40)",
        mebibytes(1)
    );
    let had = given(
        running.address,
        json!([["open", "a", url], ["query", "a", rows]]),
    )
    .await;
    assert_eq!(had[1]["rows"].as_array().map(Vec::len), Some(40));
}
