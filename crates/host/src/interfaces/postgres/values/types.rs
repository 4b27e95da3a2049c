//! What values there are.

/// A value, in either direction.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `boolean`.
    Boolean(bool),
    /// `"char"`, of one byte. Only as a parameter.
    Int8(i8),
    /// `smallint`.
    Int16(i16),
    /// `integer`.
    Int32(i32),
    /// `bigint`.
    Int64(i64),
    /// `real`.
    Floating32(f32),
    /// `double precision`.
    Floating64(f64),
    /// `text`, `varchar`, `char(n)`.
    Str(String),
    /// `bytea`.
    Binary(Vec<u8>),
    /// `date`.
    Date(Date),
    /// `time`.
    Time(Time),
    /// `timestamp`, and `timestamptz` in UTC.
    Datetime(Date, Time),
    /// Seconds since 1970, for `timestamptz` and `timestamp`. Only as a parameter.
    Timestamp(i64),
    /// `uuid`.
    Uuid(String),
    /// `jsonb`.
    Jsonb(Vec<u8>),
    /// `numeric`.
    Decimal(String),
    /// `int4range`.
    RangeInt32(Range<i32>),
    /// `int8range`.
    RangeInt64(Range<i64>),
    /// `numrange`.
    RangeDecimal(Range<String>),
    /// `integer[]`.
    ArrayInt32(Vec<Option<i32>>),
    /// `bigint[]`.
    ArrayInt64(Vec<Option<i64>>),
    /// `numeric[]`.
    ArrayDecimal(Vec<Option<String>>),
    /// `text[]` and its like.
    ArrayStr(Vec<Option<String>>),
    /// `interval`.
    Interval(Interval),
    /// Of any type.
    Null,
    /// What has no word of its own, as it is on the wire. Not as a parameter.
    Unsupported(Vec<u8>),
}

/// The type of a column, with the words of [`Value`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataType {
    Boolean,
    Int16,
    Int32,
    Int64,
    Floating32,
    Floating64,
    Str,
    Binary,
    Date,
    Time,
    Datetime,
    Uuid,
    Jsonb,
    Decimal,
    RangeInt32,
    RangeInt64,
    RangeDecimal,
    ArrayInt32,
    ArrayInt64,
    ArrayDecimal,
    ArrayStr,
    Interval,
    /// By its name.
    Other(String),
}

/// Year (0 is the one before 1), month and day.
pub type Date = (i32, u8, u8);
/// Hour, minute, second and nanosecond.
pub type Time = (u8, u8, u8, u32);
/// From, to. None is without an end.
pub type Range<T> = (Option<(T, Bound)>, Option<(T, Bound)>);

/// Whether an end of a range belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It does.
    Inclusive,
    /// It does not.
    Exclusive,
}

/// A span of time: months have no fixed number of days, days none of microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Microseconds.
    pub micros: i64,
    /// Days.
    pub days: i32,
    /// Months.
    pub months: i32,
}

impl Value {
    /// Its bytes, beside those that every value has.
    pub fn bytes(&self) -> usize {
        let texts = |texts: &[Option<String>]| {
            let each = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            texts.iter().map(each).sum::<usize>() + size_of_val(texts)
        };
        match self {
            Self::Str(text) | Self::Uuid(text) | Self::Decimal(text) => text.len(),
            Self::Binary(bytes) | Self::Jsonb(bytes) | Self::Unsupported(bytes) => bytes.len(),
            Self::ArrayInt32(numbers) => size_of_val(numbers.as_slice()),
            Self::ArrayInt64(numbers) => size_of_val(numbers.as_slice()),
            Self::ArrayDecimal(elements) | Self::ArrayStr(elements) => texts(elements),
            Self::RangeDecimal((from, to)) => {
                let each =
                    |end: &Option<(String, Bound)>| end.as_ref().map_or(0, |end| end.0.len());
                each(from) + each(to)
            }
            _ => 0,
        }
    }
}
