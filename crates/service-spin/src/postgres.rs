//! PostgreSQL by `spin:postgres`.
//!
//! `spin-sdk` has it as well, with types for dates and decimal numbers that are larger than all of this service; so here
//! are the bindings alone.

use bindings::spin::postgres4_2_0::postgres::{
    Connection, DbValue, Error, ParameterValue, QueryError,
};
use doorward_service::database::{Database, DatabaseError, ErrorKind, Running, Value};
use uuid::Uuid;

use crate::rows;

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "doorward:service/postgres",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
        inline: "
            package doorward:service;

            world postgres {
                import spin:postgres/postgres@4.2.0;
            }
        ",
    });
}

/// SQLSTATE of what would be there twice (`unique_violation`).
const UNIQUE_VIOLATION: &str = "23505";

/// A connection, which is ours until it is dropped.
pub struct PostgresDatabase {
    connection: Connection,
    /// The variable that has its URL.
    variable: &'static str,
}

impl PostgresDatabase {
    /// Connects to the PostgreSQL at this URL, which is that of a variable.
    pub async fn open(url: &str, variable: &'static str) -> Result<Self, DatabaseError> {
        let opened = Connection::open_async(url.to_owned()).await;
        let connection = opened.map_err(|failed| without_password(error(failed, variable), url))?;
        Ok(Self {
            connection,
            variable,
        })
    }
}

impl Database for PostgresDatabase {
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a> {
        Box::pin(async move {
            let failed = |failed| error(failed, self.variable);
            let parameters = parameters.into_iter().map(parameter).collect();
            let queried = self
                .connection
                .query_async(statement.to_owned(), parameters);
            let (_, stream, end) = queried.await.map_err(failed)?;
            let rows = rows::all(stream).await;
            end.await.map_err(failed)?;
            let row = |row: Vec<DbValue>| row.into_iter().map(value).collect();
            Ok(rows.into_iter().map(row).collect())
        })
    }
}

fn parameter(value: Value) -> ParameterValue {
    match value {
        Value::Null => ParameterValue::DbNull,
        Value::Integer(number) => ParameterValue::Int64(number),
        Value::Text(text) => ParameterValue::Str(text),
        Value::Uuid(id) => ParameterValue::Uuid(id.to_string()),
    }
}

/// No statement of ours gives anything else.
fn value(value: DbValue) -> Value {
    match value {
        DbValue::Int64(number) => Value::Integer(number),
        DbValue::Str(text) => Value::Text(text),
        DbValue::Uuid(id) => Uuid::try_parse(&id).map_or(Value::Null, Value::Uuid),
        _ => Value::Null,
    }
}

/// The words of an error may have a value in them, an address say, so only its code is told.
fn error(error: Error, variable: &str) -> DatabaseError {
    let (kind, reason) = match error {
        Error::ConnectionFailed(why) => (ErrorKind::Failed, format!("PostgreSQL: {why}")),
        Error::QueryFailed(QueryError::DbError(said)) => {
            let kind = match said.code == UNIQUE_VIOLATION {
                true => ErrorKind::Conflict,
                false => ErrorKind::Failed,
            };
            (kind, format!("PostgreSQL: SQLSTATE {}", said.code))
        }
        Error::QueryFailed(QueryError::Text(_)) => {
            let reason = "PostgreSQL: the connection was lost, or the statement was not run";
            (ErrorKind::Failed, reason.to_owned())
        }
        Error::BadParameter(_) | Error::ValueConversionFailed(_) => (
            ErrorKind::Failed,
            "PostgreSQL: a value of another type".to_owned(),
        ),
        Error::Other(_) => {
            let reason = format!(
                "PostgreSQL: the address in the variable {variable} is wrong, or not in `allowed_outbound_hosts` of the \
                 component in spin.toml"
            );
            (ErrorKind::Failed, reason)
        }
    };
    DatabaseError { kind, reason }
}

/// Why there is no connection, unless the password is in it.
fn without_password(error: DatabaseError, url: &str) -> DatabaseError {
    let user = url.rsplit_once('@').map_or("", |(before, _)| before);
    let password = user.rsplit_once(':').map_or("", |(_, password)| password);
    match !password.is_empty() && error.reason.contains(password) {
        true => DatabaseError {
            reason: "PostgreSQL: there is no connection".to_owned(),
            ..error
        },
        false => error,
    }
}
