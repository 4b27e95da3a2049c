//! The two databases, without a host and a component in between.

use doorward_runtime_tests::servers::{PostgreSql, Server};
use doorward_service::database::{
    Database, DatabaseError, Dialect, ErrorKind, Row, Running, Value,
};
use rusqlite::types::{Value as SqliteValue, ValueRef};
use std::path::PathBuf;
use tokio::net::TcpStream;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls};

/// Where events are kept. Dropped, they are gone.
pub enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(Server<PostgreSql>),
}

impl Place {
    /// A database without tables.
    pub async fn empty(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Dialect::Postgres => Self::Postgres(Server::start(PostgreSql::default()).await),
        }
    }

    /// A connection of its own.
    pub async fn connect(&self) -> Box<dyn Database> {
        match self {
            Self::Sqlite(folder) => Box::new(Sqlite::open(folder.path().join("events.db"))),
            Self::Postgres(server) => Box::new(Postgres::open(server).await),
        }
    }
}

/// As the host opens it.
struct Sqlite(rusqlite::Connection);

impl Sqlite {
    fn open(file: PathBuf) -> Self {
        let connection = rusqlite::Connection::open(file).unwrap();
        connection
            .pragma_update(None, "journal_mode", "wal")
            .unwrap();
        Self(connection)
    }

    fn rows(&self, statement: &str, parameters: Vec<Value>) -> rusqlite::Result<Vec<Row>> {
        let parameters = parameters.into_iter().map(|value| match value {
            Value::Null => SqliteValue::Null,
            Value::Integer(number) => SqliteValue::Integer(number),
            Value::Text(text) => SqliteValue::Text(text),
            Value::Uuid(id) => SqliteValue::Text(id.to_string()),
        });
        let mut statement = self.0.prepare(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
        let mut given = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|at| {
                Ok(match row.get_ref(at)? {
                    ValueRef::Integer(number) => Value::Integer(number),
                    ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
                    _ => Value::Null,
                })
            });
            given.push(values.collect::<rusqlite::Result<Row>>()?);
        }
        Ok(given)
    }
}

impl Database for Sqlite {
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a> {
        let rows = self.rows(statement, parameters).map_err(failed);
        Box::pin(async move { rows })
    }
}

struct Postgres(Client);

impl Postgres {
    async fn open(server: &Server<PostgreSql>) -> Self {
        let config: Config = server.url().parse().unwrap();
        let line = TcpStream::connect(server.address()).await.unwrap();
        let (client, connection) = config.connect_raw(line, NoTls).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }

    async fn rows(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(parameter).collect();
        let rows = self.0.query(statement, &parameters).await?;
        let row = |row: tokio_postgres::Row| {
            let value = |at: usize| match *row.columns()[at].type_() {
                Type::INT8 => row.get::<_, Option<i64>>(at).map(Value::Integer),
                Type::TEXT => row.get::<_, Option<String>>(at).map(Value::Text),
                _ => None,
            };
            let values = (0..row.len()).map(|at| value(at).unwrap_or(Value::Null));
            values.collect()
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

impl Database for Postgres {
    fn run<'a>(&'a self, statement: &'a str, parameters: Vec<Value>) -> Running<'a> {
        Box::pin(async move {
            let rows = self.rows(statement, &parameters).await;
            rows.map_err(failed)
        })
    }
}

fn parameter(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Integer(number) => number,
        Value::Text(text) => text,
        Value::Null | Value::Uuid(_) => &None::<String>,
    }
}

fn failed(error: impl std::error::Error) -> DatabaseError {
    DatabaseError {
        kind: ErrorKind::Failed,
        reason: format!("{error:?}"),
    }
}
