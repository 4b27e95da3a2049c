//! What PostgreSQL gives.

use doorward_syntax::request_id::uuid;
use tokio_postgres::types::Type;

use super::types::{DataType, Interval, Value};
use super::wire::{Read, Wire};
use super::{date, numeric};

/// The first byte of a `jsonb`: the only version that there is.
const JSONB_VERSION: u8 = 1;

/// The type of a column, with the words of the interface.
pub fn data_type(ty: &Type) -> DataType {
    match *ty {
        Type::BOOL => DataType::Boolean,
        Type::BYTEA => DataType::Binary,
        Type::FLOAT4 => DataType::Floating32,
        Type::FLOAT8 => DataType::Floating64,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DataType::Str,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DataType::Datetime,
        Type::DATE => DataType::Date,
        Type::TIME => DataType::Time,
        Type::UUID => DataType::Uuid,
        Type::JSONB => DataType::Jsonb,
        Type::NUMERIC => DataType::Decimal,
        Type::INT4_RANGE => DataType::RangeInt32,
        Type::INT8_RANGE => DataType::RangeInt64,
        Type::NUM_RANGE => DataType::RangeDecimal,
        Type::INT4_ARRAY => DataType::ArrayInt32,
        Type::INT8_ARRAY => DataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DataType::ArrayStr,
        Type::INTERVAL => DataType::Interval,
        _ => DataType::Other(ty.name().to_owned()),
    }
}

/// A value of a column that has one.
///
/// # Errors
///
/// Says why it cannot be given.
pub fn decode(ty: &Type, raw: &[u8]) -> Read<Value> {
    let mut wire = Wire(raw);
    Ok(match data_type(ty) {
        DataType::Boolean => Value::Boolean(wire.u8()? != 0),
        DataType::Binary => Value::Binary(raw.to_vec()),
        DataType::Floating32 => Value::Floating32(f32::from_bits(wire.i32()?.cast_unsigned())),
        DataType::Floating64 => Value::Floating64(f64::from_bits(wire.i64()?.cast_unsigned())),
        DataType::Int16 => Value::Int16(wire.i16()?),
        DataType::Int32 => Value::Int32(wire.i32()?),
        DataType::Int64 => Value::Int64(wire.i64()?),
        DataType::Str => Value::Str(text(raw)?),
        DataType::Datetime => {
            let (date, time) = date::datetime(wire.i64()?)?;
            Value::Datetime(date, time)
        }
        DataType::Date => Value::Date(date::date(wire.i32()?)?),
        DataType::Time => Value::Time(date::time(wire.i64()?)?),
        DataType::Uuid => Value::Uuid(uuid([wire.u64()?, wire.u64()?])),
        DataType::Jsonb => match wire.u8()? {
            JSONB_VERSION => Value::Jsonb(compact(wire.0)),
            version => return Err(format!("it is of version {version}")),
        },
        DataType::Decimal => Value::Decimal(numeric::read(raw)?),
        DataType::RangeInt32 => Value::RangeInt32(wire.range(&0, int32)?),
        DataType::RangeInt64 => Value::RangeInt64(wire.range(&0, int64)?),
        DataType::RangeDecimal => Value::RangeDecimal(wire.range(&"0".to_owned(), numeric::read)?),
        DataType::ArrayInt32 => Value::ArrayInt32(wire.array(int32)?),
        DataType::ArrayInt64 => Value::ArrayInt64(wire.array(int64)?),
        DataType::ArrayDecimal => Value::ArrayDecimal(wire.array(numeric::read)?),
        DataType::ArrayStr => Value::ArrayStr(wire.array(text)?),
        DataType::Interval => {
            let (micros, days, months) = (wire.i64()?, wire.i32()?, wire.i32()?);
            Value::Interval(Interval {
                micros,
                days,
                months,
            })
        }
        DataType::Other(_) => Value::Unsupported(raw.to_vec()),
    })
}

fn int32(raw: &[u8]) -> Read<i32> {
    Wire(raw).i32()
}

fn int64(raw: &[u8]) -> Read<i64> {
    Wire(raw).i64()
}

fn text(raw: &[u8]) -> Read<String> {
    // Every connection has asked for UTF-8.
    let text = str::from_utf8(raw).map_err(|_| "it is no UTF-8".to_owned())?;
    Ok(text.to_owned())
}

/// JSON without the spaces that PostgreSQL writes between things, as Spin gives it. Numbers keep all their digits.
fn compact(json: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(json.len());
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in json {
        if in_text || *byte != b' ' {
            kept.push(*byte);
        }
        if *byte == b'"' && !is_escaped {
            in_text = !in_text;
        }
        is_escaped = in_text && !is_escaped && *byte == b'\\';
    }
    kept
}
