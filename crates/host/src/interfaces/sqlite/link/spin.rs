//! `spin:sqlite/sqlite@3.1.0`.

use std::sync::Arc;

use rusqlite::types;
use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::bindings::spin::sqlite::sqlite::{
    Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};
use crate::interfaces::interface::{Linked, View};
use crate::interfaces::rows::RowStream;
use crate::interfaces::sqlite::connection::Connection;
use crate::interfaces::sqlite::error::SqliteError;
use crate::interfaces::sqlite::service::Sqlite;
use crate::interfaces::sqlite::statement::Statement;

type Told<T> = Result<T, Error>;
type Streams = (Vec<String>, StreamReader<RowResult>, FutureReader<Told<()>>);

fn find<T>(
    accessor: &Accessor<T, Linked<Sqlite>>,
    connection: &Resource<Connection>,
) -> Result<Connection> {
    accessor.with(|mut access| access.get().connection(connection))
}

fn statement(sql: String, parameters: Vec<Value>) -> Told<Statement> {
    let parameters = parameters.into_iter().map(types::Value::from).collect();
    Statement::new(sql, parameters).map_err(Error::from)
}

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
        let statement = match statement(sql, parameters) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error)),
        };
        let done = connection.execute(statement).await;
        Ok(done.map(QueryResult::from).map_err(Error::from))
    }

    async fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> Result<i64> {
        Ok(self.connection(&connection)?.last_insert_rowid().await)
    }

    async fn changes(&mut self, connection: Resource<Connection>) -> Result<u64> {
        Ok(self.connection(&connection)?.changes().await)
    }

    fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        self.close(connection)
    }
}

impl<T> HostConnectionWithStore<T> for Linked<Sqlite> {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> Result<Told<Resource<Connection>>> {
        let database = match accessor.with(|mut access| access.get().database(&database)) {
            Ok(database) => database,
            Err(error) => return Ok(Err(error.into())),
        };
        let connection = match Connection::open(database).await {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error.into())),
        };
        let opened = accessor.with(|mut access| access.get().push(connection))?;
        Ok(opened.map_err(Error::from))
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<Told<Streams>> {
        let connection = find(accessor, &connection)?;
        let statement = match statement(sql, parameters) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error)),
        };
        let streamed = match connection.stream(statement).await {
            Ok(streamed) => streamed,
            Err(error) => return Ok(Err(error.into())),
        };
        let (end, watched) = (streamed.end, Arc::clone(&streamed.watched));
        let end = async move {
            let _watched = watched;
            let ended = end.await.unwrap_or_else(|_| Err(SqliteError::lost()));
            wasmtime::error::Ok(ended.map_err(Error::from))
        };
        let watched = streamed.watched;
        let rows = RowStream::new(streamed.rows, move |row| {
            // A statement counts as watched for as long as its rows can be read.
            let _watched = &watched;
            RowResult::from(row)
        });
        let columns = streamed.columns;
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let end = FutureReader::new(&mut access, end)?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> Result<i64> {
        Ok(find(accessor, &connection)?.last_insert_rowid().await)
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> Result<u64> {
        Ok(find(accessor, &connection)?.changes().await)
    }
}
