//! What an instance has measured and not told yet.

use std::collections::BTreeMap;

use super::instrument::{DURATION_BOUNDS_S, Instrument, Kind};

/// Series of an instance between two exports. A policy has some hundred routes at most, of which an instance meets a
/// few in a second; what is beyond is counted as lost.
pub const SERIES_MAX: usize = 2_000;
/// Buckets of a histogram: one for each bound, and one for what is above all of them.
pub const BUCKETS: usize = DURATION_BOUNDS_S.len() + 1;

/// What an instance has measured since it told the last time.
#[derive(Debug, Default)]
pub struct Metrics {
    series: BTreeMap<(Instrument, Vec<String>), Value>,
    /// What was not kept, since there were too many series.
    overflowed: u64,
    /// Whether somebody is going to tell.
    pub(crate) will_be_told: bool,
    /// Whether that failed the last time. Then nobody tells before a second is over, however much there is.
    pub(crate) could_not_be_told: bool,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter: by how much it has grown.
    Sum(u64),
    /// Of a gauge.
    Last(f64),
    /// Of a histogram.
    Distribution(Box<Distribution>),
}

/// How often values of which size were measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// In each bucket, not added up.
    pub counts: [u64; BUCKETS],
    /// The sum of all values.
    pub sum: f64,
}

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What it is of.
    pub instrument: Instrument,
    /// The value of each of its [labels](Instrument::labels).
    pub labels: Vec<String>,
    /// What was measured.
    pub value: Value,
}

impl Metrics {
    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// A counter has grown.
    pub(crate) fn add(&mut self, instrument: Instrument, labels: &[&str], by: u64) {
        if let Some(Value::Sum(sum)) = self.value(instrument, labels) {
            *sum = sum.saturating_add(by);
        }
    }

    /// A gauge has this value.
    pub(crate) fn set(&mut self, instrument: Instrument, labels: &[&str], value: f64) {
        if let Some(Value::Last(last)) = self.value(instrument, labels) {
            *last = value;
        }
    }

    /// A histogram gets one more value: a time in nanoseconds.
    pub(crate) fn measure(&mut self, instrument: Instrument, labels: &[&str], time_ns: u64) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits are 104 days of nanoseconds"
        )]
        let seconds = time_ns as f64 / 1e9;
        if let Some(Value::Distribution(all)) = self.value(instrument, labels) {
            let bucket = DURATION_BOUNDS_S.partition_point(|bound| *bound < seconds);
            if let Some(count) = all.counts.get_mut(bucket) {
                *count += 1;
            }
            all.sum += seconds;
        }
    }

    fn value(&mut self, instrument: Instrument, labels: &[&str]) -> Option<&mut Value> {
        debug_assert_eq!(labels.len(), instrument.labels().len(), "{instrument:?}");
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let key = (instrument, labels);
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            self.overflowed += 1;
            return None;
        }
        Some(
            self.series
                .entry(key)
                .or_insert_with(|| match instrument.kind() {
                    Kind::Counter => Value::Sum(0),
                    Kind::Gauge => Value::Last(0.0),
                    Kind::Histogram => Value::Distribution(Box::default()),
                }),
        )
    }

    /// Takes all of it, to be told.
    #[must_use]
    pub fn take(&mut self) -> Vec<Point> {
        let overflowed = std::mem::take(&mut self.overflowed);
        let mut points: Vec<_> = std::mem::take(&mut self.series)
            .into_iter()
            .map(|((instrument, labels), value)| Point {
                instrument,
                labels,
                value,
            })
            .collect();
        if overflowed > 0 {
            points.push(Point {
                instrument: Instrument::Lost,
                labels: vec!["series".to_owned()],
                value: Value::Sum(overflowed),
            });
        }
        points
    }

    /// What was taken could not be told: counters and histograms are added again, so that the next export has them.
    /// Gauges that have changed since are as they are now.
    pub(crate) fn put_back(&mut self, points: Vec<Point>) {
        for point in points {
            let Point {
                instrument,
                labels,
                value,
            } = point;
            let names: Vec<&str> = labels.iter().map(String::as_str).collect();
            match (value, self.value(instrument, &names)) {
                (Value::Sum(more), Some(Value::Sum(sum))) => *sum = sum.saturating_add(more),
                (Value::Last(before), Some(Value::Last(last))) if *last == 0.0 => *last = before,
                (Value::Distribution(more), Some(Value::Distribution(all))) => {
                    for (count, more) in all.counts.iter_mut().zip(more.counts) {
                        *count += more;
                    }
                    all.sum += more.sum;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
mod tests {
    use super::{BUCKETS, Instrument, Metrics, SERIES_MAX, Value};

    #[test]
    fn a_counter_adds_up_and_what_was_taken_is_not_told_again() {
        let mut metrics = Metrics::default();
        metrics.add(Instrument::RateLimitRefusals, &["a"], 2);
        metrics.add(Instrument::RateLimitRefusals, &["b"], 1);
        metrics.add(Instrument::RateLimitRefusals, &["a"], 3);
        let values = |metrics: &mut Metrics| -> Vec<_> {
            let points = metrics.take().into_iter();
            points
                .map(|point| (point.labels[0].clone(), point.value))
                .collect()
        };
        let expected = [
            ("a".to_owned(), Value::Sum(5)),
            ("b".to_owned(), Value::Sum(1)),
        ];
        assert_eq!(values(&mut metrics), expected);
        assert_eq!(values(&mut metrics), []);
    }

    #[test]
    fn a_time_is_in_the_bucket_of_the_first_bound_that_it_is_not_above() {
        for (time_ns, bucket) in [
            (0, 0),
            (50_000, 0),
            (50_001, 1),
            (1_000_000, 4),
            (10_000_000_000, BUCKETS - 2),
            (10_000_000_001, BUCKETS - 1),
            (u64::MAX, BUCKETS - 1),
        ] {
            let mut metrics = Metrics::default();
            metrics.measure(Instrument::InstanceStartDuration, &[], time_ns);
            let point = metrics.take().pop().unwrap();
            let Value::Distribution(all) = point.value else {
                panic!("{point:?}")
            };
            assert_eq!(all.counts[bucket], 1, "{time_ns} ns: {:?}", all.counts);
            assert_eq!(all.counts.iter().sum::<u64>(), 1);
        }
    }

    #[test]
    fn what_could_not_be_told_is_told_with_what_came_meanwhile() {
        let mut metrics = Metrics::default();
        metrics.add(Instrument::RateLimitRefusals, &["a"], 2);
        metrics.measure(Instrument::InstanceStartDuration, &[], 1_000_000);
        metrics.set(Instrument::KeySetFetched, &["x"], 7.0);
        let taken = metrics.take();
        metrics.add(Instrument::RateLimitRefusals, &["a"], 1);
        metrics.measure(Instrument::InstanceStartDuration, &[], 2_000_000);
        metrics.put_back(taken);
        let points = metrics.take();
        let of = |instrument| {
            let found = points.iter().find(|point| point.instrument == instrument);
            found.unwrap().value.clone()
        };
        assert_eq!(of(Instrument::RateLimitRefusals), Value::Sum(3));
        assert_eq!(of(Instrument::KeySetFetched), Value::Last(7.0));
        let Value::Distribution(all) = of(Instrument::InstanceStartDuration) else {
            panic!("{points:?}")
        };
        assert_eq!(all.counts.iter().sum::<u64>(), 2);
        assert!((all.sum - 0.003).abs() < 1e-12, "{}", all.sum);
    }

    #[test]
    fn series_are_bounded_and_what_is_beyond_is_counted() {
        let mut metrics = Metrics::default();
        for number in 0..SERIES_MAX + 7 {
            metrics.add(Instrument::RateLimitRefusals, &[&number.to_string()], 1);
        }
        metrics.add(Instrument::RateLimitRefusals, &["0"], 1);
        let points = metrics.take();
        assert_eq!(
            points.len(),
            SERIES_MAX + 1,
            "and one for those that are lost"
        );
        let lost = points.last().unwrap();
        assert_eq!(lost.instrument, Instrument::Lost);
        assert_eq!((&*lost.labels[0], &lost.value), ("series", &Value::Sum(7)));
        assert_eq!(points[0].value, Value::Sum(2), "what is there goes on");
    }
}
