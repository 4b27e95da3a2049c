//! SQLite by `spin:sqlite`.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_service::database::{Database, DatabaseError, ErrorKind, Running, Value};
use spin_sdk::sqlite::{Connection, Error, Value as SpinValue};

use crate::rows;

thread_local! {
    /// A connection that no request has, and the label of its database. To open one takes as long as several statements,
    /// and an instance has one at a time, so that all of them together have no more than the host has for everybody.
    static KEPT: Cell<Option<(&'static str, Connection)>> = const { Cell::new(None) };
}

/// Which database it is.
#[derive(Clone, Copy)]
pub struct Which {
    /// Its label.
    pub label: &'static str,
    /// The variable that names it.
    pub variable: &'static str,
    /// Whether its tables are as they have to be: before, a connection may have half of a migration.
    pub is_migrated: &'static AtomicBool,
}

/// A connection, which is ours until it is dropped.
pub struct SqliteDatabase {
    which: Which,
    connection: Option<Connection>,
    /// Whether its last statement has ended, and well.
    is_sound: Cell<bool>,
}

impl SqliteDatabase {
    /// A connection to a database.
    pub async fn open(which: Which) -> Result<Self, DatabaseError> {
        let kept = KEPT.take().filter(|(label, _)| *label == which.label);
        let connection = match kept {
            Some((_, connection)) => connection,
            None => Connection::open(which.label)
                .await
                .map_err(|failed| error(failed, which.variable))?,
        };
        Ok(Self {
            which,
            connection: Some(connection),
            is_sound: Cell::new(true),
        })
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
            let rows = self.rows(statement, parameters).await;
            let rows = rows.map_err(|failed| error(failed, self.which.variable));
            let is_conflict = matches!(&rows, Err(error) if error.kind == ErrorKind::Conflict);
            self.is_sound.set(rows.is_ok() || is_conflict);
            rows
        })
    }
}

/// A request that has ended leaves its connection to the next one; one that was given up, or failed, does not.
impl Drop for SqliteDatabase {
    fn drop(&mut self) {
        let may_be_kept = self.is_sound.get() && self.which.is_migrated.load(Ordering::Relaxed);
        if let Some(connection) = self.connection.take_if(|_| may_be_kept) {
            KEPT.set(Some((self.which.label, connection)));
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
fn error(error: Error, variable: &str) -> DatabaseError {
    DatabaseError {
        kind: match &error {
            Error::Io(reason) if reason.contains(NOT_UNIQUE) => ErrorKind::Conflict,
            _ => ErrorKind::Failed,
        },
        reason: match error {
            Error::NoSuchDatabase => format!(
                "there is no such SQLite database: name one of the component's `sqlite_databases` in the variable \
                 {variable}"
            ),
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
