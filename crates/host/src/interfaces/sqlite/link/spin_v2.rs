//! `fermyon:spin/sqlite@2.0.0`: what of 3.1.0 has no `async`.

use rusqlite::types;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::fermyon::spin::sqlite::{
    Error, Host, HostConnection, QueryResult, RowResult, Value,
};
use crate::interfaces::interface::View;
use crate::interfaces::sqlite::connection::Connection;
use crate::interfaces::sqlite::error::SqliteError;
use crate::interfaces::sqlite::service::Sqlite;
use crate::interfaces::sqlite::statement::Statement;

impl From<SqliteError> for Error {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::AccessDenied => Self::AccessDenied,
            SqliteError::InvalidConnection => Self::InvalidConnection,
            SqliteError::DatabaseFull => Self::DatabaseFull,
            SqliteError::Io(reason) => Self::Io(reason),
        }
    }
}

impl From<types::Value> for Value {
    fn from(value: types::Value) -> Self {
        match value {
            types::Value::Null => Self::Null,
            types::Value::Integer(number) => Self::Integer(number),
            types::Value::Real(number) => Self::Real(number),
            types::Value::Text(text) => Self::Text(text),
            types::Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Value> for types::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Real(number) => Self::Real(number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

type Told<T> = Result<T, Error>;

impl Host for View<'_, Sqlite> {}

impl HostConnection for View<'_, Sqlite> {
    async fn open(&mut self, database: String) -> Result<Told<Resource<Connection>>> {
        let database = match self.database(&database) {
            Ok(database) => database,
            Err(error) => return Ok(Err(error.into())),
        };
        Ok(match Connection::open(database).await {
            Ok(connection) => self.push(connection)?.map_err(Error::from),
            Err(error) => Err(error.into()),
        })
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<Told<QueryResult>> {
        let connection = self.connection(&connection)?;
        let parameters = parameters.into_iter().map(types::Value::from).collect();
        let done = match Statement::new(sql, parameters) {
            Ok(statement) => connection.execute(statement).await,
            Err(error) => Err(error),
        };
        let row = |values: Vec<types::Value>| RowResult {
            values: values.into_iter().map(Value::from).collect(),
        };
        Ok(done
            .map(|result| QueryResult {
                columns: result.columns,
                rows: result.rows.into_iter().map(row).collect(),
            })
            .map_err(Error::from))
    }

    fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        self.close(connection)
    }
}
