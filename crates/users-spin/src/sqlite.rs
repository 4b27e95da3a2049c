//! SQLite by `spin:sqlite`.

use std::cell::Cell;

use doorward_users::database::{Database, DatabaseError, ErrorKind, Running, Value};
use doorward_users::sql::sqlite::Sqlite;
use doorward_users::store::StoreError;
use spin_sdk::sqlite::{Connection, Error, Value as SpinValue};

use crate::rows;
use crate::settings::{is_migrated, migrated};

thread_local! {
    /// A connection that no request has. To open one takes as long as several statements, and an instance has one at a
    /// time, so that all of them together have no more than the host has for everybody.
    static KEPT: Cell<Option<Connection>> = const { Cell::new(None) };
}

/// Opens the database with this label.
pub async fn open(label: &str) -> Result<Sqlite, StoreError> {
    if is_migrated()
        && let Some(connection) = KEPT.take()
    {
        return Ok(Sqlite::migrated(Box::new(SqliteDatabase::of(connection))));
    }
    let connection = Connection::open(label).await.map_err(error)?;
    let database = Box::new(SqliteDatabase::of(connection));
    if is_migrated() {
        return Ok(Sqlite::migrated(database));
    }
    let store = Sqlite::migrate(database).await?;
    migrated();
    Ok(store)
}

/// A connection, which is ours until it is dropped.
struct SqliteDatabase {
    connection: Option<Connection>,
    /// Whether its last statement has ended, and well.
    is_sound: Cell<bool>,
}

impl SqliteDatabase {
    fn of(connection: Connection) -> Self {
        Self {
            connection: Some(connection),
            is_sound: Cell::new(true),
        }
    }

    async fn rows(
        &self,
        statement: &str,
        parameters: Vec<Value>,
    ) -> Result<Vec<Vec<Value>>, Error> {
        let Some(connection) = &self.connection else {
            return Err(Error::InvalidConnection);
        };
        let parameters = parameters.into_iter().map(to_spin);
        let result = connection.execute(statement, parameters).await?;
        let (_, stream, end) = result.into_inner();
        let rows = rows::all(stream).await;
        end.await?;
        let row = |values: Vec<SpinValue>| values.into_iter().map(of_spin).collect();
        Ok(rows.into_iter().map(|given| row(given.values)).collect())
    }
}

impl Database for SqliteDatabase {
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a> {
        Box::pin(async move {
            self.is_sound.set(false);
            let rows = self.rows(statement, parameters).await.map_err(error);
            let is_conflict = matches!(&rows, Err(error) if error.kind == ErrorKind::Conflict);
            self.is_sound.set(rows.is_ok() || is_conflict);
            rows
        })
    }
}

/// A request that has ended leaves its connection to the next one; one that was given up, or failed, does not.
impl Drop for SqliteDatabase {
    fn drop(&mut self) {
        if self.is_sound.get() && is_migrated() {
            KEPT.set(self.connection.take());
        }
    }
}

fn to_spin(value: Value) -> SpinValue {
    match value {
        Value::Null => SpinValue::Null,
        Value::Integer(number) => SpinValue::Integer(number),
        Value::Text(text) => SpinValue::Text(text),
        Value::Uuid(id) => SpinValue::Text(id.to_string()),
    }
}

/// No table of ours has numbers with fractions, or bytes.
fn of_spin(value: SpinValue) -> Value {
    match value {
        SpinValue::Integer(number) => Value::Integer(number),
        SpinValue::Text(text) => Value::Text(text),
        SpinValue::Null | SpinValue::Real(_) | SpinValue::Blob(_) => Value::Null,
    }
}

/// How SQLite says that something is there already that has to be unique.
const NOT_UNIQUE: &str = "UNIQUE constraint failed";

/// What SQLite says has names of tables and columns in it, and no values.
fn error(error: Error) -> DatabaseError {
    DatabaseError {
        kind: match &error {
            Error::Io(reason) if reason.contains(NOT_UNIQUE) => ErrorKind::Conflict,
            _ => ErrorKind::Failed,
        },
        reason: match error {
            Error::NoSuchDatabase => {
                "there is no such SQLite database: name one of the component's \
                                      `sqlite_databases` in the variable users_database"
                    .to_owned()
            }
            Error::AccessDenied => {
                "the SQLite database is not granted: name it in `sqlite_databases` of the \
                                    component in spin.toml"
                    .to_owned()
            }
            Error::InvalidConnection => "the SQLite database cannot be opened".to_owned(),
            Error::DatabaseFull => "the SQLite database or its disk is full".to_owned(),
            Error::Io(reason) => format!("SQLite: {reason}"),
        },
    }
}
