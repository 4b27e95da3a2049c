//! Values as JSON: `null`, or `{KIND: VALUE}` with the kind's name in the interface. Bytes are lists of numbers, dates
//! and times lists of their parts, an end of a range is `null` or `[VALUE, "inclusive"]`.

use serde_json::{Value as Json, json};

use crate::bindings::spin::postgres3_0_0::postgres as v3;
use crate::bindings::spin::postgres4_2_0::postgres::{
    DbDataType, DbValue, Error, Interval, ParameterValue, QueryError, RangeBoundKind,
};

type Range<T> = (Option<(T, RangeBoundKind)>, Option<(T, RangeBoundKind)>);

/// The value as it is given to a statement. What is no value is none of PostgreSQL's either.
pub fn parameter(value: &Json) -> ParameterValue {
    let kind = value.as_object().and_then(|kinds| kinds.iter().next());
    let Some((kind, value)) = kind else {
        return ParameterValue::DbNull;
    };
    let part = |index: usize| value.get(index).and_then(Json::as_i64).unwrap_or_default();
    match kind.as_str() {
        "boolean" => ParameterValue::Boolean(value == &json!(true)),
        "int8" => ParameterValue::Int8(whole(value)),
        "int16" => ParameterValue::Int16(whole(value)),
        "int32" => ParameterValue::Int32(whole(value)),
        "int64" => ParameterValue::Int64(whole(value)),
        #[expect(clippy::cast_possible_truncation, reason = "what a test gives fits")]
        "floating32" => ParameterValue::Floating32(value.as_f64().unwrap_or_default() as f32),
        "floating64" => ParameterValue::Floating64(value.as_f64().unwrap_or_default()),
        "str" => ParameterValue::Str(text(value)),
        "binary" => ParameterValue::Binary(list(value, whole)),
        "date" => ParameterValue::Date((number(part(0)), number(part(1)), number(part(2)))),
        "time" => ParameterValue::Time((
            number(part(0)),
            number(part(1)),
            number(part(2)),
            number(part(3)),
        )),
        "datetime" => ParameterValue::Datetime((
            number(part(0)),
            number(part(1)),
            number(part(2)),
            number(part(3)),
            number(part(4)),
            number(part(5)),
            number(part(6)),
        )),
        "timestamp" => ParameterValue::Timestamp(whole(value)),
        "uuid" => ParameterValue::Uuid(text(value)),
        "jsonb" => ParameterValue::Jsonb(text(value).into_bytes()),
        "decimal" => ParameterValue::Decimal(text(value)),
        "range-int32" => ParameterValue::RangeInt32(range(value, whole)),
        "range-int64" => ParameterValue::RangeInt64(range(value, whole)),
        "range-decimal" => ParameterValue::RangeDecimal(range(value, text)),
        "array-int32" => ParameterValue::ArrayInt32(list(value, |value| some(value, whole))),
        "array-int64" => ParameterValue::ArrayInt64(list(value, |value| some(value, whole))),
        "array-decimal" => ParameterValue::ArrayDecimal(list(value, |value| some(value, text))),
        "array-str" => ParameterValue::ArrayStr(list(value, |value| some(value, text))),
        "interval" => ParameterValue::Interval(Interval {
            micros: part(0),
            days: number(part(1)),
            months: number(part(2)),
        }),
        _ => ParameterValue::DbNull,
    }
}

fn number<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}

fn whole<T: TryFrom<i64> + Default>(value: &Json) -> T {
    number(value.as_i64().unwrap_or_default())
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list<T>(value: &Json, each: impl Fn(&Json) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(each).collect()
}

fn some<T>(value: &Json, each: impl Fn(&Json) -> T) -> Option<T> {
    (!value.is_null()).then(|| each(value))
}

fn range<T>(value: &Json, each: impl Fn(&Json) -> T) -> Range<T> {
    let end = |index: usize| {
        let end = value.get(index)?;
        let kind = match end.get(1)?.as_str()? {
            "inclusive" => RangeBoundKind::Inclusive,
            _ => RangeBoundKind::Exclusive,
        };
        Some((each(end.get(0)?), kind))
    };
    (end(0), end(1))
}

/// The value as it came.
pub fn given(value: &DbValue) -> Json {
    match value {
        DbValue::Boolean(is_true) => json!({ "boolean": is_true }),
        DbValue::Int8(number) => json!({ "int8": number }),
        DbValue::Int16(number) => json!({ "int16": number }),
        DbValue::Int32(number) => json!({ "int32": number }),
        DbValue::Int64(number) => json!({ "int64": number }),
        DbValue::Floating32(number) => json!({ "floating32": number }),
        DbValue::Floating64(number) => json!({ "floating64": number }),
        DbValue::Str(text) => json!({ "str": text }),
        DbValue::Binary(bytes) => json!({ "binary": bytes }),
        DbValue::Date(date) => json!({ "date": date }),
        DbValue::Time(time) => json!({ "time": time }),
        DbValue::Datetime(moment) => json!({ "datetime": moment }),
        DbValue::Timestamp(seconds) => json!({ "timestamp": seconds }),
        DbValue::Uuid(text) => json!({ "uuid": text }),
        DbValue::Jsonb(json) => json!({ "jsonb": String::from_utf8_lossy(json) }),
        DbValue::Decimal(text) => json!({ "decimal": text }),
        DbValue::RangeInt32(ends) => json!({ "range-int32": given_range(ends) }),
        DbValue::RangeInt64(ends) => json!({ "range-int64": given_range(ends) }),
        DbValue::RangeDecimal(ends) => json!({ "range-decimal": given_range(ends) }),
        DbValue::ArrayInt32(elements) => json!({ "array-int32": elements }),
        DbValue::ArrayInt64(elements) => json!({ "array-int64": elements }),
        DbValue::ArrayDecimal(elements) => json!({ "array-decimal": elements }),
        DbValue::ArrayStr(elements) => json!({ "array-str": elements }),
        DbValue::Interval(interval) => {
            json!({ "interval": [interval.micros, interval.days, interval.months] })
        }
        DbValue::DbNull => Json::Null,
        DbValue::Unsupported(bytes) => json!({ "unsupported": bytes }),
    }
}

fn given_range<T: Into<Json> + Clone>((from, to): &Range<T>) -> Json {
    let end = |end: &Option<(T, RangeBoundKind)>| match end {
        None => Json::Null,
        Some((value, RangeBoundKind::Inclusive)) => json!([value.clone().into(), "inclusive"]),
        Some((value, RangeBoundKind::Exclusive)) => json!([value.clone().into(), "exclusive"]),
    };
    json!([end(from), end(to)])
}

/// The type's name in the interface.
pub fn type_name(data_type: &DbDataType) -> String {
    let name = match data_type {
        DbDataType::Boolean => "boolean",
        DbDataType::Int8 => "int8",
        DbDataType::Int16 => "int16",
        DbDataType::Int32 => "int32",
        DbDataType::Int64 => "int64",
        DbDataType::Floating32 => "floating32",
        DbDataType::Floating64 => "floating64",
        DbDataType::Str => "str",
        DbDataType::Binary => "binary",
        DbDataType::Date => "date",
        DbDataType::Time => "time",
        DbDataType::Datetime => "datetime",
        DbDataType::Timestamp => "timestamp",
        DbDataType::Uuid => "uuid",
        DbDataType::Jsonb => "jsonb",
        DbDataType::Decimal => "decimal",
        DbDataType::RangeInt32 => "range-int32",
        DbDataType::RangeInt64 => "range-int64",
        DbDataType::RangeDecimal => "range-decimal",
        DbDataType::ArrayInt32 => "array-int32",
        DbDataType::ArrayInt64 => "array-int64",
        DbDataType::ArrayDecimal => "array-decimal",
        DbDataType::ArrayStr => "array-str",
        DbDataType::Interval => "interval",
        DbDataType::Other(name) => return format!("other {name}"),
    };
    name.to_owned()
}

/// As one of the older version. What that has no word for is NULL.
pub fn to_v3(value: ParameterValue) -> v3::ParameterValue {
    match value {
        ParameterValue::Boolean(is_true) => v3::ParameterValue::Boolean(is_true),
        ParameterValue::Int8(number) => v3::ParameterValue::Int8(number),
        ParameterValue::Int16(number) => v3::ParameterValue::Int16(number),
        ParameterValue::Int32(number) => v3::ParameterValue::Int32(number),
        ParameterValue::Int64(number) => v3::ParameterValue::Int64(number),
        ParameterValue::Floating32(number) => v3::ParameterValue::Floating32(number),
        ParameterValue::Floating64(number) => v3::ParameterValue::Floating64(number),
        ParameterValue::Str(text) => v3::ParameterValue::Str(text),
        ParameterValue::Binary(bytes) => v3::ParameterValue::Binary(bytes),
        ParameterValue::Date(date) => v3::ParameterValue::Date(date),
        ParameterValue::Time(time) => v3::ParameterValue::Time(time),
        ParameterValue::Datetime(moment) => v3::ParameterValue::Datetime(moment),
        ParameterValue::Timestamp(seconds) => v3::ParameterValue::Timestamp(seconds),
        _ => v3::ParameterValue::DbNull,
    }
}

/// Rows of the older version.
pub fn set_of_v3(set: v3::RowSet) -> Json {
    let value = |value: v3::DbValue| match value {
        v3::DbValue::Boolean(is_true) => json!({ "boolean": is_true }),
        v3::DbValue::Int8(number) => json!({ "int8": number }),
        v3::DbValue::Int16(number) => json!({ "int16": number }),
        v3::DbValue::Int32(number) => json!({ "int32": number }),
        v3::DbValue::Int64(number) => json!({ "int64": number }),
        v3::DbValue::Floating32(number) => json!({ "floating32": number }),
        v3::DbValue::Floating64(number) => json!({ "floating64": number }),
        v3::DbValue::Str(text) => json!({ "str": text }),
        v3::DbValue::Binary(bytes) => json!({ "binary": bytes }),
        v3::DbValue::Date(date) => json!({ "date": date }),
        v3::DbValue::Time(time) => json!({ "time": time }),
        v3::DbValue::Datetime(moment) => json!({ "datetime": moment }),
        v3::DbValue::Timestamp(seconds) => json!({ "timestamp": seconds }),
        v3::DbValue::DbNull => Json::Null,
        v3::DbValue::Unsupported => json!("unsupported"),
    };
    let column = |column: v3::Column| {
        let name = format!("{:?}", column.data_type);
        json!([column.name, name.rsplit("::").next().unwrap_or_default()])
    };
    let row = |row: Vec<v3::DbValue>| row.into_iter().map(value).collect::<Json>();
    json!({
        "columns": set.columns.into_iter().map(column).collect::<Json>(),
        "rows": set.rows.into_iter().map(row).collect::<Json>(),
    })
}

/// An error of the older version.
pub fn error_of_v3(error: v3::Error) -> Error {
    match error {
        v3::Error::ConnectionFailed(why) => Error::ConnectionFailed(why),
        v3::Error::BadParameter(why) => Error::BadParameter(why),
        v3::Error::QueryFailed(why) => Error::QueryFailed(QueryError::Text(why)),
        v3::Error::ValueConversionFailed(why) => Error::ValueConversionFailed(why),
        v3::Error::Other(why) => Error::Other(why),
    }
}
