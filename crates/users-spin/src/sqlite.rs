//! SQLite by `spin:sqlite`.

use doorward_users::database::{Database, DatabaseError, ErrorKind, Running, Value};
use doorward_users::sql::sqlite::Sqlite;
use doorward_users::store::StoreError;
use spin_sdk::sqlite::{Connection, Error, Value as SpinValue};

use crate::settings::{is_migrated, migrated};

/// Opens the database with this label.
pub async fn open(label: &str) -> Result<Sqlite, StoreError> {
    let connection = Connection::open(label).await.map_err(error)?;
    let database = Box::new(SqliteDatabase(connection));
    if is_migrated() {
        return Ok(Sqlite::migrated(database));
    }
    let store = Sqlite::migrate(database).await?;
    migrated();
    Ok(store)
}

/// A connection, which is ours until it is dropped.
struct SqliteDatabase(Connection);

impl Database for SqliteDatabase {
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a> {
        Box::pin(async move {
            let parameters = parameters.into_iter().map(to_spin);
            let result = self.0.execute(statement, parameters).await.map_err(error)?;
            let rows = result.collect().await.map_err(error)?;
            let row = |values: Vec<SpinValue>| values.into_iter().map(of_spin).collect();
            Ok(rows.into_iter().map(|given| row(given.values)).collect())
        })
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
