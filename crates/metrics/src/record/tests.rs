#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::{MAGIC, Record, put_number, put_text};
use crate::instrument::{DURATION_BOUNDS_S, Instrument, Kind};
use crate::point::{BUCKETS, Distribution, Point, Value};
use crate::totals::Totals;

const BYTES_MAX: usize = 100_000;

fn value(kind: Kind, number: u64) -> Value {
    match kind {
        Kind::Counter => Value::Sum(number),
        Kind::Gauge => Value::Last(number as f64),
        Kind::Histogram => Value::Distribution(Box::new(Distribution {
            counts: [number; BUCKETS],
            sum: number as f64 / 8.0,
        })),
    }
}

fn point(instrument: Instrument, label: &str, number: u64) -> Point {
    Point {
        instrument,
        labels: vec![label.to_owned(); instrument.labels().len()],
        value: value(instrument.kind(), number),
    }
}

/// One with two series of each instrument, as far as it has labels.
fn full() -> Record {
    let mut record = Record::empty(BYTES_MAX);
    (record.second_s, record.writer) = (1_800_000_000, u64::MAX);
    for instrument in Instrument::ALL {
        for (label, number) in [("/a/{b}\n\"é", 7), ("", 1 << 40)] {
            record.totals.add(point(*instrument, label, number));
        }
    }
    record
}

#[test]
fn what_is_written_is_read() {
    let record = full();
    assert_eq!(
        Record::parse(&record.encode(), BYTES_MAX),
        Some(record.clone())
    );
    let empty = Record::empty(BYTES_MAX);
    assert_eq!(Record::parse(&empty.encode(), BYTES_MAX), Some(empty));
    for number in [0, 1, 127, 128, 16_383, 16_384, u64::MAX - 1, u64::MAX] {
        let mut record = Record::empty(BYTES_MAX);
        record
            .totals
            .add(point(Instrument::InstanceStarts, "", number));
        assert_eq!(Record::parse(&record.encode(), BYTES_MAX), Some(record));
    }
}

#[test]
fn what_is_not_whole_is_none_and_no_byte_makes_it_panic() {
    let full = full();
    let (bytes, all) = (full.encode(), full.totals.series().count());
    for length in 0..bytes.len() {
        let cut = Record::parse(&bytes[..length], BYTES_MAX);
        // Between two instruments it is a shorter one.
        assert!(cut.is_none_or(|cut| cut.totals.series().count() < all));
    }
    let mut read = 0;
    for place in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[place] ^= flip;
            if let Some(record) = Record::parse(&bytes, BYTES_MAX) {
                assert!(record.encode().len() <= BYTES_MAX);
                read += 1;
            }
        }
    }
    assert!(read > 0 && read < bytes.len() * 3, "{read}");
    assert_eq!(Record::parse(&bytes, bytes.len() - 1), None, "too long");
    for garbage in [&b""[..], b"0", b"doorward-metrics 2\n\0\0", &[0xff; 300]] {
        assert_eq!(Record::parse(garbage, BYTES_MAX), None, "{garbage:?}");
    }
}

#[test]
fn what_another_version_measures_is_passed_over() {
    let record = full();
    let mut bytes = record.encode();
    put_text(&mut bytes, "doorward.of_tomorrow");
    put_number(&mut bytes, 3);
    bytes.extend(b"x\0\0");
    // The same name with another label, and as something else.
    for form in [[b'c', 7], [b'g', 0]] {
        put_text(&mut bytes, Instrument::InstanceStarts.name());
        put_number(&mut bytes, 3);
        bytes.extend(form);
        bytes.push(1);
    }
    assert_eq!(Record::parse(&bytes, BYTES_MAX), Some(record));
}

#[test]
fn numbers_that_nothing_measures_are_none() {
    for sum in [f64::NAN, f64::INFINITY, -1.0] {
        let mut record = Record::empty(BYTES_MAX);
        record.totals.add(point(Instrument::KeySetFetched, "a", 1));
        let mut bytes = record.encode();
        let at = bytes.len() - 8;
        bytes[at..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(Record::parse(&bytes, BYTES_MAX), None, "{sum}");
    }
    let long = [MAGIC, &[0xff; 9], &[2]].concat();
    assert_eq!(Record::parse(&long, BYTES_MAX), None, "more than 64 bits");
}

#[test]
fn a_record_has_no_more_bytes_than_it_may_whatever_its_numbers_grow_to() {
    let bytes_max = 4_000;
    let mut totals = Totals::new(bytes_max);
    for number in 0..500 {
        let label = format!("/route/{number}");
        totals.add(point(Instrument::Requests, &label, 1));
        totals.add(point(Instrument::RequestDuration, &label, 1));
    }
    let kept = totals.series().count();
    assert!((20..200).contains(&kept), "{kept}");
    let lost = totals
        .series()
        .find(|(one, _, _)| *one == Instrument::Lost)
        .unwrap();
    assert!(
        matches!(lost.2, Value::Sum(lost) if *lost > 300),
        "{lost:?}"
    );
    let largest: Vec<_> = totals
        .series()
        .map(|(instrument, labels, _)| Point {
            instrument,
            labels: labels.to_vec(),
            value: value(instrument.kind(), u64::MAX),
        })
        .collect();
    for point in largest {
        totals.add(point);
    }
    let (second_s, writer) = (u64::MAX, u64::MAX);
    let record = Record {
        second_s,
        writer,
        totals,
    };
    let bytes = record.encode();
    assert!(bytes.len() <= bytes_max, "{}", bytes.len());
    assert_eq!(Record::parse(&bytes, bytes_max), Some(record));
}

#[test]
fn other_bounds_are_another_format() {
    // Where this fails, MAGIC has to say another number, and this test the new bounds.
    let bounds = DURATION_BOUNDS_S.map(|bound| bound.to_string()).join(" ");
    assert_eq!(
        bounds,
        "0.00005 0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.1 0.25 1 2.5 10"
    );
    assert_eq!(MAGIC, b"doorward-metrics 1\n");
}
