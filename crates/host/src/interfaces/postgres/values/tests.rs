#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use tokio_postgres::types::Type;

use super::*;

/// A value as it is on the wire, and what is read there.
fn there_and_back(value: &Value, ty: &Type) -> Value {
    let raw = to_wire(value, ty).unwrap().unwrap();
    decode(ty, &raw).unwrap()
}

#[test]
fn what_is_written_is_what_is_read() {
    let (some, none): (Value, Option<Value>) = (Value::Int32(-1), None);
    for (value, ty, other) in [
        (Value::Boolean(true), Type::BOOL, None),
        (Value::Int16(i16::MIN), Type::INT2, None),
        (some, Type::INT4, none),
        (Value::Int64(i64::MIN), Type::INT8, None),
        (Value::Floating32(1.5), Type::FLOAT4, None),
        (Value::Floating64(-1e300), Type::FLOAT8, None),
        (Value::Str("häß".to_owned()), Type::TEXT, None),
        (Value::Binary(vec![0, 255]), Type::BYTEA, None),
        (Value::Date((2024, 2, 29)), Type::DATE, None),
        (Value::Time((23, 59, 59, 999_999_000)), Type::TIME, None),
        (Value::Time((24, 0, 0, 0)), Type::TIME, None),
        (
            Value::Time((1, 2, 3, 4_999)),
            Type::TIME,
            Some(Value::Time((1, 2, 3, 4_000))),
        ),
        (
            Value::Datetime((1969, 12, 31), (23, 59, 59, 1000)),
            Type::TIMESTAMPTZ,
            None,
        ),
        (
            Value::Timestamp(-1),
            Type::TIMESTAMP,
            Some(Value::Datetime((1969, 12, 31), (23, 59, 59, 0))),
        ),
        (
            Value::Uuid("{0123456789ABCDEF0123456789abcdef}".to_owned()),
            Type::UUID,
            Some(Value::Uuid(
                "01234567-89ab-cdef-0123-456789abcdef".to_owned(),
            )),
        ),
        (
            Value::Jsonb(br#"{"a b": ["\" ", 1, 1e400]}"#.to_vec()),
            Type::JSONB,
            None,
        ),
        (
            Value::RangeInt32((Some((1, Bound::Inclusive)), None)),
            Type::INT4_RANGE,
            None,
        ),
        (
            Value::RangeDecimal((
                Some(("1.50".to_owned(), Bound::Exclusive)),
                Some(("2".to_owned(), Bound::Inclusive)),
            )),
            Type::NUM_RANGE,
            None,
        ),
        (
            Value::ArrayInt64(vec![Some(1), None, Some(-1)]),
            Type::INT8_ARRAY,
            None,
        ),
        (Value::ArrayStr(vec![]), Type::VARCHAR_ARRAY, None),
        (
            Value::Interval(Interval {
                micros: -1,
                days: 2,
                months: -3,
            }),
            Type::INTERVAL,
            None,
        ),
    ] {
        if matches!(value, Value::Jsonb(_)) {
            // More than what Spin takes for a number is refused as by Spin.
            assert!(matches!(to_wire(&value, &ty), Err(Refused::Value(_))));
            continue;
        }
        let expected = other.unwrap_or_else(|| value.clone());
        assert_eq!(there_and_back(&value, &ty), expected, "{value:?}");
    }
}

#[test]
fn json_loses_its_spaces_but_none_of_its_texts_and_no_digit() {
    for (json, compact) in [
        (r#"{"a": 1, "b": [1, 2]}"#, r#"{"a":1,"b":[1,2]}"#),
        (r#"" a \" b " "#, r#"" a \" b ""#),
        (r#"["\\", " "]"#, r#"["\\"," "]"#),
        (
            "1.2300000000000000000000000000000000001",
            "1.2300000000000000000000000000000000001",
        ),
    ] {
        let raw = [&[1], json.as_bytes()].concat();
        let expected = Value::Jsonb(compact.as_bytes().to_vec());
        assert_eq!(decode(&Type::JSONB, &raw).unwrap(), expected, "{json}");
    }
}

#[test]
fn decimals_keep_all_their_digits() {
    let long = format!("{}.{}", "9".repeat(1000), "01".repeat(500));
    for (text, expected) in [
        ("0", "0"),
        ("0.00", "0.00"),
        ("-0.00", "-0.00"),
        ("1", "1"),
        ("10000", "10000"),
        ("+123456789.5", "123456789.5"),
        ("-0.0001", "-0.0001"),
        ("0.00000001", "0.00000001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("00012.340", "12.340"),
        ("100000000", "100000000"),
        ("NaN", "NaN"),
        ("-infinity", "-Infinity"),
        (&long, &long),
    ] {
        let value = Value::Decimal(text.to_owned());
        let expected = Value::Decimal(expected.to_owned());
        assert_eq!(there_and_back(&value, &Type::NUMERIC), expected, "{text}");
    }
    let large = "1".repeat(200_000);
    for text in [
        "", ".", "-", "1e5", "1_000", "0x1", " 1", "1.2.3", "--1", &large,
    ] {
        let value = Value::Decimal(text.to_owned());
        let refused = to_wire(&value, &Type::NUMERIC);
        assert!(matches!(refused, Err(Refused::Value(_))), "{text}");
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    for (date, day) in [
        ((2000, 1, 1), 0),
        ((1999, 12, 31), -1),
        ((1970, 1, 1), -10_957),
        ((2000, 2, 29), 59),
        ((2024, 2, 29), 8825),
        ((2100, 3, 1), 36_584),
        ((1, 1, 1), -730_119),
        ((0, 12, 31), -730_120),
        // PostgreSQL's first and last.
        ((-4713, 11, 24), -2_451_545),
        ((5_874_897, 12, 31), 2_145_031_948),
    ] {
        let value = Value::Date(date);
        let raw = to_wire(&value, &Type::DATE).unwrap().unwrap();
        assert_eq!(raw, i32::to_be_bytes(day), "{date:?}");
        assert_eq!(decode(&Type::DATE, &raw).unwrap(), value);
    }
    for day in -1_000_000..1_000_000 {
        let date = super::date::date(day).unwrap();
        assert_eq!(super::date::day(date), Ok(day), "{date:?}");
    }
}

#[test]
fn what_is_no_value_is_refused() {
    let text = str::to_owned;
    for (value, ty) in [
        (Value::Date((2023, 2, 29)), Type::DATE),
        (Value::Date((2023, 13, 1)), Type::DATE),
        (Value::Date((2023, 1, 0)), Type::DATE),
        (Value::Date((i32::MAX, 1, 1)), Type::DATE),
        (Value::Time((24, 0, 0, 1)), Type::TIME),
        (Value::Time((1, 60, 0, 0)), Type::TIME),
        (Value::Time((1, 0, 0, 1_000_000_000)), Type::TIME),
        (
            Value::Datetime((2023, 2, 30), (0, 0, 0, 0)),
            Type::TIMESTAMP,
        ),
        (
            Value::Datetime((400_000, 1, 1), (0, 0, 0, 0)),
            Type::TIMESTAMP,
        ),
        (Value::Timestamp(i64::MAX), Type::TIMESTAMPTZ),
        (Value::Uuid(text("0123")), Type::UUID),
        (
            Value::Uuid(text("0123456789abcdef0123456789abcdeg")),
            Type::UUID,
        ),
        (
            Value::Uuid(text("01234567-89ab-cdef-0123456789abcdef-")),
            Type::UUID,
        ),
        (Value::Jsonb(b"{".to_vec()), Type::JSONB),
    ] {
        let refused = to_wire(&value, &ty);
        assert!(matches!(refused, Err(Refused::Value(_))), "{value:?}");
    }
}

#[test]
fn a_value_of_another_type_is_refused_and_null_is_of_any() {
    for (value, ty) in [
        (Value::Int32(1), Type::INT8),
        (Value::Int64(1), Type::INT4),
        (Value::Str(String::new()), Type::INT4),
        (Value::Str(String::new()), Type::UUID),
        (Value::Floating64(1.0), Type::NUMERIC),
        (Value::ArrayInt32(vec![]), Type::INT8_ARRAY),
        (Value::ArrayStr(vec![Some(String::new())]), Type::INT4_ARRAY),
        (Value::ArrayStr(vec![]), Type::TEXT),
        (Value::RangeInt32((None, None)), Type::INT8_RANGE),
        (Value::Unsupported(vec![]), Type::BYTEA),
    ] {
        assert_eq!(to_wire(&value, &ty), Err(Refused::Type), "{value:?}");
        assert_eq!(to_wire(&Value::Null, &ty), Ok(None));
    }
}

#[test]
fn an_empty_range_is_one_in_which_nothing_is() {
    let nothing = Some((0, Bound::Exclusive));
    let read = decode(&Type::INT4_RANGE, &[1]).unwrap();
    assert_eq!(read, Value::RangeInt32((nothing, nothing)));
}

#[test]
fn what_is_cut_off_is_an_error_and_no_panic() {
    let values = [
        (Value::Int64(1), Type::INT8),
        (Value::Time((1, 2, 3, 0)), Type::TIME),
        (Value::Uuid("0".repeat(32)), Type::UUID),
        (Value::Decimal("123456.789".to_owned()), Type::NUMERIC),
        (Value::ArrayInt32(vec![Some(1), None]), Type::INT4_ARRAY),
        (
            Value::RangeInt64((Some((1, Bound::Inclusive)), None)),
            Type::INT8_RANGE,
        ),
    ];
    for (value, ty) in values {
        let raw = to_wire(&value, &ty).unwrap().unwrap();
        for end in 0..raw.len() {
            let cut = raw.get(..end).unwrap();
            assert!(decode(&ty, cut).is_err(), "{value:?} at {end}");
        }
    }
    for (raw, ty) in [
        (vec![0xFF; 20], Type::INT4_ARRAY),
        (vec![0x7F; 64], Type::INT4_ARRAY),
        ([&[0, 0, 0, 1][..], &[0x7F; 20]].concat(), Type::TEXT_ARRAY),
        (vec![0, 0x7F, 0xFF, 0xFF, 0xFF], Type::INT4_RANGE),
        (vec![0xFF; 8], Type::TEXT),
        (i64::MAX.to_be_bytes().to_vec(), Type::TIMESTAMP),
        (i32::MIN.to_be_bytes().to_vec(), Type::DATE),
        (i64::MIN.to_be_bytes().to_vec(), Type::TIME),
        (vec![2, b'1'], Type::JSONB),
    ] {
        assert!(decode(&ty, &raw).is_err(), "{ty}: {raw:?}");
    }
}
