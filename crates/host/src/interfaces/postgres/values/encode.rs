//! What PostgreSQL is given.

use tokio_postgres::types::{Kind, Type};

use super::types::Value;
use super::wire::{put_array, put_range};
use super::{date, numeric};

/// Names of types of extensions that are on the wire as text is.
const TEXT_TYPES: [&str; 4] = ["citext", "lquery", "ltree", "ltxtquery"];
/// Before a `jsonb`.
const JSONB_VERSION: u8 = 1;
/// Before the texts of `ltree` and its like.
const LTREE_VERSION: u8 = 1;

/// Why a parameter is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not of the type that the statement has there.
    Type,
    /// It is not what it says it is.
    Value(String),
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Value(why)
    }
}

type Put = Result<(), Refused>;

/// A parameter of this type as it is on the wire; none for NULL.
///
/// # Errors
///
/// Says why it cannot be one.
pub fn to_wire(value: &Value, ty: &Type) -> Result<Option<Vec<u8>>, Refused> {
    if *value == Value::Null {
        return Ok(None);
    }
    // A domain has the form of what it is made of.
    let mut ty = ty;
    while let Kind::Domain(inner) = ty.kind() {
        ty = inner;
    }
    let mut out = Vec::new();
    put(value, ty, &mut out)?;
    Ok(Some(out))
}

fn put(value: &Value, ty: &Type, out: &mut Vec<u8>) -> Put {
    match value {
        Value::Boolean(is_true) => fixed(ty, &[Type::BOOL], out, [u8::from(*is_true)]),
        Value::Int8(number) => fixed(ty, &[Type::CHAR], out, number.to_be_bytes()),
        Value::Int16(number) => fixed(ty, &[Type::INT2], out, number.to_be_bytes()),
        Value::Int32(number) => fixed(ty, &[Type::INT4], out, number.to_be_bytes()),
        Value::Int64(number) => fixed(ty, &[Type::INT8], out, number.to_be_bytes()),
        Value::Floating32(number) => fixed(ty, &[Type::FLOAT4], out, number.to_be_bytes()),
        Value::Floating64(number) => fixed(ty, &[Type::FLOAT8], out, number.to_be_bytes()),
        Value::Binary(bytes) => fixed(ty, &[Type::BYTEA], out, bytes),
        Value::Str(text) => put_text(ty, text, out),
        Value::Date(value) => {
            let day = date::day(*value)?;
            fixed(ty, &[Type::DATE], out, day.to_be_bytes())
        }
        Value::Time(value) => {
            let micros = date::micros(*value)?;
            fixed(ty, &[Type::TIME], out, micros.to_be_bytes())
        }
        Value::Datetime(day, time) => {
            let micros = date::datetime_micros(*day, *time)?;
            fixed(ty, &MOMENTS, out, micros.to_be_bytes())
        }
        Value::Timestamp(seconds) => {
            let micros = date::timestamp_micros(*seconds)?;
            fixed(ty, &MOMENTS, out, micros.to_be_bytes())
        }
        Value::Uuid(text) => fixed(ty, &[Type::UUID], out, uuid_bytes(text)?),
        Value::Jsonb(json) => {
            serde_json::from_slice::<serde_json::Value>(json).map_err(|_| {
                let text = String::from_utf8_lossy(json);
                format!("invalid JSON {text}")
            })?;
            match *ty {
                Type::JSON => {}
                Type::JSONB => out.push(JSONB_VERSION),
                _ => return Err(Refused::Type),
            }
            out.extend(json);
            Ok(())
        }
        Value::Decimal(text) => {
            is(ty, &[Type::NUMERIC])?;
            put_decimal(text, out)
        }
        Value::RangeInt32(range) => {
            is(ty, &[Type::INT4_RANGE])?;
            put_range(out, range, |number, out| plain(out, number.to_be_bytes()))
        }
        Value::RangeInt64(range) => {
            is(ty, &[Type::INT8_RANGE])?;
            put_range(out, range, |number, out| plain(out, number.to_be_bytes()))
        }
        Value::RangeDecimal(range) => {
            is(ty, &[Type::NUM_RANGE])?;
            put_range(out, range, |text, out| put_decimal(text, out))
        }
        Value::ArrayInt32(numbers) => {
            let of = element(ty, &[Type::INT4])?;
            put_array(out, of.oid(), numbers, |number, out| {
                plain(out, number.to_be_bytes())
            })
        }
        Value::ArrayInt64(numbers) => {
            let of = element(ty, &[Type::INT8])?;
            put_array(out, of.oid(), numbers, |number, out| {
                plain(out, number.to_be_bytes())
            })
        }
        Value::ArrayDecimal(texts) => {
            let of = element(ty, &[Type::NUMERIC])?;
            put_array(out, of.oid(), texts, |text, out| put_decimal(text, out))
        }
        Value::ArrayStr(texts) => match ty.kind() {
            Kind::Array(of) => put_array(out, of.oid(), texts, |text, out| put_text(of, text, out)),
            _ => Err(Refused::Type),
        },
        Value::Interval(interval) => {
            is(ty, &[Type::INTERVAL])?;
            out.extend(interval.micros.to_be_bytes());
            out.extend(interval.days.to_be_bytes());
            out.extend(interval.months.to_be_bytes());
            Ok(())
        }
        // NULL is none of the wire's, and what came as bytes has no type.
        Value::Null | Value::Unsupported(_) => Err(Refused::Type),
    }
}

/// Without and with a time zone, which is UTC.
const MOMENTS: [Type; 2] = [Type::TIMESTAMP, Type::TIMESTAMPTZ];

fn is<'t>(ty: &'t Type, types: &[Type]) -> Result<&'t Type, Refused> {
    types.contains(ty).then_some(ty).ok_or(Refused::Type)
}

fn element<'t>(ty: &'t Type, types: &[Type]) -> Result<&'t Type, Refused> {
    match ty.kind() {
        Kind::Array(of) => is(of, types),
        _ => Err(Refused::Type),
    }
}

fn plain(out: &mut Vec<u8>, bytes: impl AsRef<[u8]>) -> Put {
    out.extend(bytes.as_ref());
    Ok(())
}

fn fixed(ty: &Type, types: &[Type], out: &mut Vec<u8>, bytes: impl AsRef<[u8]>) -> Put {
    is(ty, types)?;
    plain(out, bytes)
}

fn put_text(ty: &Type, text: &str, out: &mut Vec<u8>) -> Put {
    match *ty {
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {}
        _ if TEXT_TYPES.contains(&ty.name()) => {
            if ty.name() != "citext" {
                out.push(LTREE_VERSION);
            }
        }
        _ => return Err(Refused::Type),
    }
    plain(out, text)
}

fn put_decimal(text: &str, out: &mut Vec<u8>) -> Put {
    numeric::put(text, out).map_err(Refused::Value)
}

/// The bytes of a UUID in one of the forms that Spin takes.
fn uuid_bytes(text: &str) -> Result<[u8; 16], Refused> {
    let invalid = || Refused::Value(format!("invalid UUID {text}"));
    let inner = match text.strip_prefix("urn:uuid:") {
        Some(inner) => inner,
        None => {
            let braced = text.strip_prefix('{');
            let braced = braced.and_then(|rest| rest.strip_suffix('}'));
            braced.unwrap_or(text)
        }
    };
    let has_hyphens = inner.len() == 36;
    let mut digits = Vec::with_capacity(32);
    for (index, byte) in inner.bytes().enumerate() {
        match (has_hyphens && matches!(index, 8 | 13 | 18 | 23), byte) {
            (true, b'-') => {}
            (false, _) => {
                let digit = char::from(byte).to_digit(16).ok_or_else(invalid)?;
                digits.push(u8::try_from(digit).map_err(|_| invalid())?);
            }
            (true, _) => return Err(invalid()),
        }
    }
    let pairs = digits.chunks_exact(2).map(|pair| match pair {
        [high, low] => high << 4 | low,
        _ => 0,
    });
    match digits.len() {
        32 => pairs.collect::<Vec<u8>>().try_into().map_err(|_| invalid()),
        _ => Err(invalid()),
    }
}
