//! Migrations of SQLite, by whoever dies in between.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_service::database::{Database, DatabaseError, Dialect, ErrorKind, Running, Value};
use doorward_users::sql::migrations::USERS;
use futures::executor::block_on;
use rusqlite::Connection;
use rusqlite::types::Value as Sqlite;
use std::cell::Cell;
use std::path::Path;

/// A connection of somebody who runs so many statements, and is dead then.
struct Mortal {
    connection: Connection,
    left: Cell<usize>,
}

impl Mortal {
    fn open(file: &Path, left: usize) -> Self {
        Self {
            connection: Connection::open(file).unwrap(),
            left: Cell::new(left),
        }
    }

    fn ran(&self, statement: &str, parameters: &[Value]) -> rusqlite::Result<Vec<Vec<Value>>> {
        let mut prepared = self.connection.prepare(statement)?;
        let columns = prepared.column_count();
        let given = parameters.iter().map(|value| match value {
            Value::Null => Sqlite::Null,
            Value::Integer(number) => Sqlite::Integer(*number),
            Value::Text(text) => Sqlite::Text(text.clone()),
            Value::Uuid(uuid) => Sqlite::Text(uuid.to_string()),
        });
        let rows = prepared.query_map(rusqlite::params_from_iter(given), |row| {
            let values = (0..columns).map(|column| match row.get(column)? {
                Sqlite::Integer(number) => Ok(Value::Integer(number)),
                Sqlite::Text(text) => Ok(Value::Text(text)),
                _ => Ok(Value::Null),
            });
            values.collect()
        })?;
        rows.collect()
    }
}

impl Database for Mortal {
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a> {
        let failed = |reason: String| DatabaseError {
            kind: ErrorKind::Failed,
            reason,
        };
        let answer = match self.left.get().checked_sub(1) {
            None => Err(failed("it is dead".to_owned())),
            Some(left) => {
                self.left.set(left);
                let ran = self.ran(statement, &parameters);
                ran.map_err(|error| failed(error.to_string()))
            }
        };
        Box::pin(std::future::ready(answer))
    }
}

/// What is in a database: tables, indexes and triggers with their texts, and which versions were applied.
fn schema(file: &Path) -> Vec<String> {
    let connection = Connection::open(file).unwrap();
    let mut found = Vec::new();
    for sql in [
        "SELECT type || name || coalesce(sql, '') FROM sqlite_schema ORDER BY 1",
        "SELECT 'version ' || version FROM users_migrations ORDER BY version",
    ] {
        let mut prepared = connection.prepare(sql).unwrap();
        let rows = prepared.query_map([], |row| row.get(0)).unwrap();
        found.extend(rows.map(Result::<String, _>::unwrap));
    }
    found
}

#[test]
fn whoever_dies_between_two_statements_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let at_once = folder.path().join("at-once");
    block_on(USERS.apply(&Mortal::open(&at_once, usize::MAX), Dialect::Sqlite)).unwrap();
    let whole = schema(&at_once);
    assert!(whole.len() > 5, "{whole:?}");

    let mut deaths = 0;
    loop {
        let file = folder.path().join(format!("after-{deaths}"));
        // Dead and gone: nobody rolls back for it.
        let first = block_on(USERS.apply(&Mortal::open(&file, deaths), Dialect::Sqlite));
        let next = block_on(USERS.apply(&Mortal::open(&file, usize::MAX), Dialect::Sqlite));
        assert_eq!(next, Ok(()), "after {deaths} statements");
        assert_eq!(schema(&file), whole, "after {deaths} statements");
        if first.is_ok() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 10, "only {deaths} places to die at");
}
