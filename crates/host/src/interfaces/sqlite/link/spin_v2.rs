//! `fermyon:spin/sqlite@2.0.0`: what of 3.1.0 has no `async`.

use rusqlite::types;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::fermyon::spin::sqlite::{Error, Host, HostConnection, QueryResult, Value};
use crate::interfaces::interface::View;
use crate::interfaces::sqlite::connection::Connection;
use crate::interfaces::sqlite::service::Sqlite;
use crate::interfaces::sqlite::statement::Statement;

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
        Ok(done.map(QueryResult::from).map_err(Error::from))
    }

    fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        self.close(connection)
    }
}
