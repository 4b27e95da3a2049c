//! The generated types and ours.

use super::bindings::spin::postgres4_2_0::postgres::{
    Column, DbDataType, DbError, DbValue, Error, Interval, ParameterValue, QueryError,
    RangeBoundKind, RowSet,
};
use crate::interfaces::postgres::connection;
use crate::interfaces::postgres::error::{self, PostgresError};
use crate::interfaces::postgres::statement;
use crate::interfaces::postgres::values::{self, Bound, DataType, Range, Value};

impl From<PostgresError> for Error {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::ConnectionFailed(why) => Self::ConnectionFailed(why),
            PostgresError::BadParameter(why) => Self::BadParameter(why),
            PostgresError::QueryFailed(error::QueryError::Text(why)) => {
                Self::QueryFailed(QueryError::Text(why))
            }
            PostgresError::QueryFailed(error::QueryError::Database(said)) => {
                Self::QueryFailed(QueryError::DbError(DbError {
                    as_text: said.as_text,
                    severity: said.severity,
                    code: said.code,
                    message: said.message,
                    detail: said.detail,
                    extras: said.extras,
                }))
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
            DataType::Uuid => Self::Uuid,
            DataType::Jsonb => Self::Jsonb,
            DataType::Decimal => Self::Decimal,
            DataType::RangeInt32 => Self::RangeInt32,
            DataType::RangeInt64 => Self::RangeInt64,
            DataType::RangeDecimal => Self::RangeDecimal,
            DataType::ArrayInt32 => Self::ArrayInt32,
            DataType::ArrayInt64 => Self::ArrayInt64,
            DataType::ArrayDecimal => Self::ArrayDecimal,
            DataType::ArrayStr => Self::ArrayStr,
            DataType::Interval => Self::Interval,
            DataType::Other(name) => Self::Other(name),
        }
    }
}

type GeneratedRange<T> = (Option<(T, RangeBoundKind)>, Option<(T, RangeBoundKind)>);

fn range<T>((from, to): Range<T>) -> GeneratedRange<T> {
    let end = |(value, bound)| match bound {
        Bound::Inclusive => (value, RangeBoundKind::Inclusive),
        Bound::Exclusive => (value, RangeBoundKind::Exclusive),
    };
    (from.map(end), to.map(end))
}

fn range_of<T>((from, to): GeneratedRange<T>) -> Range<T> {
    let end = |(value, bound)| match bound {
        RangeBoundKind::Inclusive => (value, Bound::Inclusive),
        RangeBoundKind::Exclusive => (value, Bound::Exclusive),
    };
    (from.map(end), to.map(end))
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
            Value::Uuid(text) => Self::Uuid(text),
            Value::Jsonb(json) => Self::Jsonb(json),
            Value::Decimal(text) => Self::Decimal(text),
            Value::RangeInt32(ends) => Self::RangeInt32(range(ends)),
            Value::RangeInt64(ends) => Self::RangeInt64(range(ends)),
            Value::RangeDecimal(ends) => Self::RangeDecimal(range(ends)),
            Value::ArrayInt32(numbers) => Self::ArrayInt32(numbers),
            Value::ArrayInt64(numbers) => Self::ArrayInt64(numbers),
            Value::ArrayDecimal(texts) => Self::ArrayDecimal(texts),
            Value::ArrayStr(texts) => Self::ArrayStr(texts),
            Value::Interval(values::Interval {
                micros,
                days,
                months,
            }) => Self::Interval(Interval {
                micros,
                days,
                months,
            }),
            Value::Null => Self::DbNull,
            Value::Unsupported(bytes) => Self::Unsupported(bytes),
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
            ParameterValue::Uuid(text) => Self::Uuid(text),
            ParameterValue::Jsonb(json) => Self::Jsonb(json),
            ParameterValue::Decimal(text) => Self::Decimal(text),
            ParameterValue::RangeInt32(ends) => Self::RangeInt32(range_of(ends)),
            ParameterValue::RangeInt64(ends) => Self::RangeInt64(range_of(ends)),
            ParameterValue::RangeDecimal(ends) => Self::RangeDecimal(range_of(ends)),
            ParameterValue::ArrayInt32(numbers) => Self::ArrayInt32(numbers),
            ParameterValue::ArrayInt64(numbers) => Self::ArrayInt64(numbers),
            ParameterValue::ArrayDecimal(texts) => Self::ArrayDecimal(texts),
            ParameterValue::ArrayStr(texts) => Self::ArrayStr(texts),
            ParameterValue::Interval(Interval {
                micros,
                days,
                months,
            }) => Self::Interval(values::Interval {
                micros,
                days,
                months,
            }),
            ParameterValue::DbNull => Self::Null,
        }
    }
}

impl From<statement::Column> for Column {
    fn from(column: statement::Column) -> Self {
        Self {
            name: column.name,
            data_type: column.data_type.into(),
        }
    }
}

impl From<connection::RowSet> for RowSet {
    fn from(set: connection::RowSet) -> Self {
        let row = |row: Vec<Value>| row.into_iter().map(DbValue::from).collect();
        Self {
            columns: set.columns.into_iter().map(Column::from).collect(),
            rows: set.rows.into_iter().map(row).collect(),
        }
    }
}
