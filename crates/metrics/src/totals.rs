//! Series that are added up, as many as there is room for.

use std::collections::BTreeMap;

use crate::instrument::Instrument;
use crate::point::{BUCKETS, Point, Value};

/// Bytes of the value of a label. What is longer is cut.
const LABEL_BYTES_MAX: usize = 256;
/// Bytes that a record has before its first series, and room for what says how much was lost.
const HEAD_BYTES: usize = 128;
/// Bytes that a record has before the series of one instrument, its name left out.
pub(crate) const GROUP_BYTES: usize = 8;
/// Bytes of a number at most: seven bits in each.
pub(crate) const NUMBER_BYTES_MAX: usize = 10;
/// Bytes of a number with a fraction.
pub(crate) const FRACTION_BYTES: usize = 8;
/// What the label of what was lost says.
const LOST_REASON: &str = "series";

/// What was measured, added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    series: BTreeMap<(Instrument, Vec<String>), Value>,
    /// Bytes that a [record](crate::Record) of them has at most, whatever their values grow to.
    bytes: usize,
    bytes_max: usize,
}

impl Totals {
    /// Nothing yet, and room for so many bytes of a [record](crate::Record).
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self {
            series: BTreeMap::new(),
            bytes: HEAD_BYTES,
            bytes_max,
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// All series, those of one instrument together.
    pub fn series(&self) -> impl Iterator<Item = (Instrument, &[String], &Value)> {
        let series = self.series.iter();
        series.map(|((instrument, labels), value)| (*instrument, labels.as_slice(), value))
    }

    /// Adds what was measured. Of a gauge the largest counts: what gauges say are times, and the latest is in force.
    /// What there is no room for is counted as lost.
    pub fn add(&mut self, point: Point) {
        let more = point.value.clone();
        match (self.of(point), more) {
            (Some(Value::Sum(sum)), Value::Sum(more)) => *sum = sum.saturating_add(more),
            (Some(Value::Last(last)), Value::Last(more)) => *last = last.max(more),
            (Some(Value::Distribution(all)), Value::Distribution(more)) => all.add(&more),
            (Some(_), _) => {}
            (None, more) => self.lose(more.measurements()),
        }
    }

    /// Adds all of the other ones.
    pub fn add_all(&mut self, others: Self) {
        for ((instrument, labels), value) in others.series {
            self.add(Point {
                instrument,
                labels,
                value,
            });
        }
    }

    /// What falls below what it was, is as it was. What there is no room for is left out.
    pub fn at_least(&mut self, before: Self) {
        for ((instrument, labels), value) in before.series {
            let point = Point {
                instrument,
                labels,
                value: value.clone(),
            };
            match (self.of(point), value) {
                (Some(Value::Sum(sum)), Value::Sum(before)) => *sum = before.max(*sum),
                (Some(Value::Last(last)), Value::Last(before)) => *last = last.max(before),
                (Some(Value::Distribution(all)), Value::Distribution(before)) => {
                    for (count, before) in all.counts.iter_mut().zip(before.counts) {
                        *count = before.max(*count);
                    }
                    all.sum = all.sum.max(before.sum);
                }
                _ => {}
            }
        }
    }

    /// The series that this is of, made where there is room for it.
    fn of(&mut self, point: Point) -> Option<&mut Value> {
        let Point {
            instrument,
            mut labels,
            value,
        } = point;
        if labels.len() != instrument.labels().len() {
            return None;
        }
        for label in &mut labels {
            label.truncate(label.floor_char_boundary(LABEL_BYTES_MAX));
        }
        let bytes = self.bytes_of(instrument, &labels, &value);
        let key = (instrument, labels);
        if key != lost() && !self.series.contains_key(&key) {
            let all = self.bytes.saturating_add(bytes);
            if all > self.bytes_max {
                return None;
            }
            self.bytes = all;
        }
        let value = self.series.entry(key);
        Some(value.or_insert_with(|| Value::none(instrument.kind())))
    }

    fn lose(&mut self, measurements: u64) {
        let series = self.series.entry(lost());
        if let Value::Sum(sum) = series.or_insert(Value::Sum(0)) {
            *sum = sum.saturating_add(measurements);
        }
    }

    /// What a record has of one more series at most, in bytes.
    fn bytes_of(&self, instrument: Instrument, labels: &[String], value: &Value) -> usize {
        let first = (instrument, Vec::new());
        let is_there = |((there, _), _): (&(Instrument, _), _)| *there == instrument;
        let group = match self.series.range(first..).next().is_some_and(is_there) {
            true => 0,
            false => GROUP_BYTES + NUMBER_BYTES_MAX + instrument.name().len(),
        };
        let labels: usize = labels.iter().map(|label| label.len() + 2).sum();
        let value = match value {
            Value::Sum(_) => NUMBER_BYTES_MAX,
            Value::Last(_) => FRACTION_BYTES,
            Value::Distribution(_) => BUCKETS * NUMBER_BYTES_MAX + FRACTION_BYTES,
        };
        group + labels + value
    }
}

/// The series of what there was no room for, for which there is.
fn lost() -> (Instrument, Vec<String>) {
    (Instrument::Lost, vec![LOST_REASON.to_owned()])
}
