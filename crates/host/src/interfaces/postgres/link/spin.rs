//! `spin:postgres/postgres@4.2.0`.

use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::bindings::spin::postgres4_2_0::postgres::{
    Column, DbValue, Error, Host, HostConnection, HostConnectionBuilder,
    HostConnectionBuilderWithStore, HostConnectionWithStore, ParameterValue, Row, RowSet,
};
use crate::interfaces::interface::{Linked, View};
use crate::interfaces::postgres::connection::Connection;
use crate::interfaces::postgres::error::{PostgresError, PostgresResult};
use crate::interfaces::postgres::service::{Builder, Postgres};
use crate::interfaces::postgres::statement::Statement;
use crate::interfaces::postgres::trust::Authority;
use crate::interfaces::postgres::values::Value;
use crate::interfaces::rows::RowStream;

type Told<T> = Result<T, Error>;
type Handle = Resource<Connection>;
type Streams = (Vec<Column>, StreamReader<Row>, FutureReader<Told<()>>);

fn statement(sql: String, parameters: Vec<ParameterValue>) -> PostgresResult<Statement> {
    let parameters = parameters.into_iter().map(Value::from).collect();
    Statement::new(sql, parameters)
}

impl Host for View<'_, Postgres> {}

async fn connect<T>(
    accessor: &Accessor<T, Linked<Postgres>>,
    builder: Builder,
) -> Result<Told<Handle>> {
    let admitted = match accessor.with(|mut access| access.get().admit(builder)) {
        Ok(admitted) => admitted,
        Err(error) => return Ok(Err(error.into())),
    };
    let connection = match admitted.connect().await {
        Ok(connection) => connection,
        Err(error) => return Ok(Err(error.into())),
    };
    let opened = accessor.with(|mut access| access.get().push(connection))?;
    Ok(opened.map_err(Error::from))
}

impl HostConnectionBuilder for View<'_, Postgres> {
    fn new(&mut self, address: String) -> Result<Resource<Builder>> {
        self.new_builder(address)
    }

    fn set_ca_root(&mut self, builder: Resource<Builder>, pem: String) -> Result<Told<()>> {
        let authority = match Authority::parse(&pem) {
            Ok(authority) => authority,
            Err(why) => {
                let why = format!("invalid root certificate: {why}");
                return Ok(Err(Error::Other(why)));
            }
        };
        self.builder(&builder)?.authority = Some(authority);
        Ok(Ok(()))
    }

    async fn build(&mut self, builder: Resource<Builder>) -> Result<Told<Handle>> {
        let builder = self.builder(&builder)?.clone();
        Ok(self.connect(builder).await?.map_err(Error::from))
    }

    fn drop(&mut self, builder: Resource<Builder>) -> Result<()> {
        self.drop_builder(builder)
    }
}

impl<T> HostConnectionBuilderWithStore<T> for Linked<Postgres> {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        builder: Resource<Builder>,
    ) -> Result<Told<Handle>> {
        let builder = accessor.with(|mut access| access.get().builder(&builder).cloned())?;
        connect(accessor, builder).await
    }
}

impl HostConnection for View<'_, Postgres> {
    async fn open(&mut self, address: String) -> Result<Told<Handle>> {
        let opened = self.connect(Builder::to(address)).await?;
        Ok(opened.map_err(Error::from))
    }

    async fn query(
        &mut self,
        connection: Handle,
        sql: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<Told<RowSet>> {
        let connection = self.connection(&connection)?;
        let statement = match statement(sql, parameters) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error.into())),
        };
        let done = connection.query(statement).await;
        Ok(done.map(RowSet::from).map_err(Error::from))
    }

    async fn execute(
        &mut self,
        connection: Handle,
        sql: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<Told<u64>> {
        let connection = self.connection(&connection)?;
        let statement = match statement(sql, parameters) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error.into())),
        };
        Ok(connection.execute(statement).await.map_err(Error::from))
    }

    fn drop(&mut self, connection: Handle) -> Result<()> {
        self.close(connection)
    }
}

impl<T> HostConnectionWithStore<T> for Linked<Postgres> {
    async fn open_async(accessor: &Accessor<T, Self>, address: String) -> Result<Told<Handle>> {
        connect(accessor, Builder::to(address)).await
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        sql: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<Told<Streams>> {
        let connection = accessor.with(|mut access| access.get().connection(&connection))?;
        let statement = match statement(sql, parameters) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error.into())),
        };
        let streamed = match connection.stream(statement).await {
            Ok(streamed) => streamed,
            Err(error) => return Ok(Err(error.into())),
        };
        let end = streamed.end;
        let end = async move {
            let failed = |_| Err(PostgresError::Other("the host failed".to_owned()));
            let ended = end.await.unwrap_or_else(failed);
            wasmtime::error::Ok(ended.map_err(Error::from))
        };
        let row = |row: Vec<Value>| -> Row { row.into_iter().map(DbValue::from).collect() };
        let rows = RowStream::new(streamed.rows, row);
        let columns = streamed.columns.into_iter().map(Column::from).collect();
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let end = FutureReader::new(&mut access, end)?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Handle,
        sql: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<Told<u64>> {
        let connection = accessor.with(|mut access| access.get().connection(&connection))?;
        let statement = match statement(sql, parameters) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error.into())),
        };
        Ok(connection.execute(statement).await.map_err(Error::from))
    }
}
