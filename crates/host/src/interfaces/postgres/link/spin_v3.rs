//! `spin:postgres/postgres@3.0.0`: what of 4.2.0 has no `async`, with fewer kinds of values. The others are
//! `unsupported`, as by Spin.

use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::spin::postgres3_0_0::postgres::{
    Column, DbDataType, DbValue, Error, Host, HostConnection, ParameterValue, RowSet,
};
use crate::interfaces::interface::View;
use crate::interfaces::postgres::connection::{self, Connection};
use crate::interfaces::postgres::error::{PostgresError, PostgresResult, QueryError};
use crate::interfaces::postgres::service::{Builder, Postgres};
use crate::interfaces::postgres::statement::{self, Statement};
use crate::interfaces::postgres::values::{DataType, Value};

impl From<PostgresError> for Error {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::ConnectionFailed(why) => Self::ConnectionFailed(why),
            PostgresError::BadParameter(why) => Self::BadParameter(why),
            PostgresError::QueryFailed(QueryError::Text(why)) => Self::QueryFailed(why),
            PostgresError::QueryFailed(QueryError::Database(said)) => {
                Self::QueryFailed(said.as_text)
            }
            PostgresError::ValueConversionFailed(why) => Self::ValueConversionFailed(why),
            PostgresError::Other(why) => Self::Other(why),
        }
    }
}

impl From<DataType> for DbDataType {
    fn from(data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::Floating32 => Self::Floating32,
            DataType::Floating64 => Self::Floating64,
            DataType::Str => Self::Str,
            DataType::Binary => Self::Binary,
            DataType::Date => Self::Date,
            DataType::Time => Self::Time,
            DataType::Datetime => Self::Datetime,
            _ => Self::Other,
        }
    }
}

impl From<Value> for DbValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Boolean(is_true) => Self::Boolean(is_true),
            Value::Int8(number) => Self::Int8(number),
            Value::Int16(number) => Self::Int16(number),
            Value::Int32(number) => Self::Int32(number),
            Value::Int64(number) => Self::Int64(number),
            Value::Floating32(number) => Self::Floating32(number),
            Value::Floating64(number) => Self::Floating64(number),
            Value::Str(text) => Self::Str(text),
            Value::Binary(bytes) => Self::Binary(bytes),
            Value::Date(date) => Self::Date(date),
            Value::Time(time) => Self::Time(time),
            Value::Datetime((year, month, day), (hour, minute, second, nano)) => {
                Self::Datetime((year, month, day, hour, minute, second, nano))
            }
            Value::Timestamp(seconds) => Self::Timestamp(seconds),
            Value::Null => Self::DbNull,
            _ => Self::Unsupported,
        }
    }
}

impl From<ParameterValue> for Value {
    fn from(value: ParameterValue) -> Self {
        match value {
            ParameterValue::Boolean(is_true) => Self::Boolean(is_true),
            ParameterValue::Int8(number) => Self::Int8(number),
            ParameterValue::Int16(number) => Self::Int16(number),
            ParameterValue::Int32(number) => Self::Int32(number),
            ParameterValue::Int64(number) => Self::Int64(number),
            ParameterValue::Floating32(number) => Self::Floating32(number),
            ParameterValue::Floating64(number) => Self::Floating64(number),
            ParameterValue::Str(text) => Self::Str(text),
            ParameterValue::Binary(bytes) => Self::Binary(bytes),
            ParameterValue::Date(date) => Self::Date(date),
            ParameterValue::Time(time) => Self::Time(time),
            ParameterValue::Datetime((year, month, day, hour, minute, second, nano)) => {
                Self::Datetime((year, month, day), (hour, minute, second, nano))
            }
            ParameterValue::Timestamp(seconds) => Self::Timestamp(seconds),
            ParameterValue::DbNull => Self::Null,
        }
    }
}

impl From<connection::RowSet> for RowSet {
    fn from(set: connection::RowSet) -> Self {
        let column = |column: statement::Column| Column {
            name: column.name,
            data_type: column.data_type.into(),
        };
        let row = |row: Vec<Value>| row.into_iter().map(DbValue::from).collect();
        Self {
            columns: set.columns.into_iter().map(column).collect(),
            rows: set.rows.into_iter().map(row).collect(),
        }
    }
}

type Told<T> = Result<T, Error>;
type Handle = Resource<Connection>;

fn statement(sql: String, parameters: Vec<ParameterValue>) -> PostgresResult<Statement> {
    let parameters = parameters.into_iter().map(Value::from).collect();
    Statement::new(sql, parameters)
}

impl Host for View<'_, Postgres> {}

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
