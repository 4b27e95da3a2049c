//! What an instance has measured and not told yet.

use doorward_traffic::Millis;
#[cfg(feature = "otlp")]
use std::rc::Rc;

#[cfg(feature = "otlp")]
use crate::collector::Collector;
#[cfg(feature = "otlp")]
use crate::spans::{Context, Finished};
use doorward_metrics::{DURATION_BOUNDS_S, Instrument, Point, Value};

/// Series of an instance between two exports. A policy has some hundred routes at most, of which an instance meets a
/// few in a second; what is beyond is counted as lost.
pub const SERIES_MAX: usize = 2_000;
/// With so many series an instance does not wait for the end of a second.
const SERIES_ENOUGH: usize = 500;
/// Spans of an instance that wait to be told. What is beyond is counted as lost.
#[cfg(feature = "otlp")]
const SPANS_MAX: usize = 2_048;
/// With so many spans an instance does not wait for the end of a second.
#[cfg(feature = "otlp")]
const SPANS_ENOUGH: usize = 512;

/// What an instance has measured since it told the last time.
#[derive(Debug, Default)]
pub struct Metrics {
    /// In order, so that one is found without a copy of its labels.
    series: Vec<Point>,
    /// Where those were that were found last, of each instrument one: mostly the next one is the same.
    found: [usize; Instrument::ALL.len()],
    /// What was not kept, since there were too many series.
    overflowed: u64,
    /// Whether it is only left in a store, and nobody is told.
    pub(crate) is_only_left: bool,
    /// Since when what there is was measured; `None`: nobody said when that began.
    since: Option<Millis>,
    /// Whether somebody waits to tell.
    pub(crate) will_be_told: bool,
    /// Whether somebody is telling.
    pub(crate) is_being_told: bool,
    /// Whether that failed the last time. Then nobody tells before a second is over, however much there is.
    pub(crate) could_not_be_told: bool,
    /// In which span the work is that goes on now.
    #[cfg(feature = "otlp")]
    pub(crate) current: Option<Context>,
    /// Spans that have ended.
    #[cfg(feature = "otlp")]
    spans: Vec<Finished>,
    /// What was not kept of them.
    #[cfg(feature = "otlp")]
    overflowed_spans: u64,
    /// Where it goes; `None`: to the host.
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Option<Rc<Collector>>,
    /// The same once more, for the store of the policy; `None`: it is not left there.
    #[cfg(feature = "ops")]
    pub(crate) leaving: Option<Box<Leaving>>,
}

/// What was measured in some time, and is to be told.
#[derive(Debug, Default)]
pub struct Deltas {
    /// What was added, and the last value of what does not add up.
    pub points: Vec<Point>,
    /// When that began, by the time of day.
    pub from: Millis,
    /// When it ended.
    pub until: Millis,
    /// Spans that ended.
    #[cfg(feature = "otlp")]
    pub(crate) spans: Vec<Finished>,
}

impl Deltas {
    /// Whether there is nothing to be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        #[cfg(feature = "otlp")]
        if !self.spans.is_empty() {
            return false;
        }
        self.points.is_empty()
    }
}

/// What is to be left in a store, and where.
#[cfg(feature = "ops")]
#[derive(Debug)]
pub(crate) struct Leaving {
    /// The name of the store.
    pub(crate) store: String,
    /// What was measured and is not left yet.
    pub(crate) kept: Metrics,
    /// Whether somebody is leaving it.
    pub(crate) is_under_way: bool,
    /// Whether the log says already that it cannot be left.
    pub(crate) is_failure_told: bool,
}

impl Metrics {
    /// It begins now.
    pub(crate) fn begins(&mut self, now: Millis) {
        self.since = Some(now);
    }

    /// Whether it is left in a store.
    pub(crate) fn is_left(&self) -> bool {
        #[cfg(feature = "ops")]
        return self.leaving.is_some();
        #[cfg(not(feature = "ops"))]
        false
    }

    /// Whether there are numbers, and spans.
    #[cfg(feature = "otlp")]
    pub(crate) fn signals(&self) -> [bool; 2] {
        [!self.series.is_empty(), !self.spans.is_empty()]
    }

    /// Whether it goes to a collector.
    pub(crate) fn has_collector(&self) -> bool {
        #[cfg(feature = "otlp")]
        return self.otlp.is_some();
        #[cfg(not(feature = "otlp"))]
        false
    }

    /// Whether there is so much that it should be told soon.
    pub(crate) fn has_much(&self) -> bool {
        #[cfg(feature = "otlp")]
        if self.spans.len() >= SPANS_ENOUGH {
            return true;
        }
        self.series.len() >= SERIES_ENOUGH
    }

    /// Whether it may be told before a second is over.
    pub(crate) fn may_be_told_now(&self) -> bool {
        !self.is_being_told && !self.could_not_be_told
    }

    /// Whether there is nothing.
    #[cfg(feature = "ops")]
    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.overflowed == 0
    }

    /// Whether there is anything to be told for its own sake: that something was lost is told with what comes next, or
    /// who refuses that as well would be told for ever.
    pub(crate) fn has_news(&self) -> bool {
        #[cfg(feature = "otlp")]
        if !self.spans.is_empty() {
            return true;
        }
        let mut series = self.series.iter();
        series.any(|point| point.instrument != Instrument::Lost)
    }

    /// Whether what could not be told is tried again although nothing is added. A host that did not take it once has
    /// said why.
    pub(crate) fn tries_again(&self) -> bool {
        #[cfg(feature = "otlp")]
        if self.otlp.is_some() {
            return true;
        }
        !self.could_not_be_told
    }

    /// A span has ended.
    #[cfg(feature = "otlp")]
    pub(crate) fn span(&mut self, finished: Finished) {
        if self.spans.len() < SPANS_MAX {
            self.spans.push(finished);
        } else {
            self.overflowed_spans += 1;
        }
    }

    /// A counter has grown.
    pub(crate) fn add(&mut self, instrument: Instrument, labels: &[&str], by: u64) {
        #[cfg(feature = "ops")]
        if let Some(leaving) = &mut self.leaving {
            leaving.kept.add(instrument, labels, by);
        }
        if let Some(Value::Sum(sum)) = self.value(instrument, labels) {
            *sum = sum.saturating_add(by);
        }
    }

    /// A gauge has this value.
    pub(crate) fn set(&mut self, instrument: Instrument, labels: &[&str], value: f64) {
        #[cfg(feature = "ops")]
        if let Some(leaving) = &mut self.leaving {
            leaving.kept.set(instrument, labels, value);
        }
        if let Some(Value::Last(last)) = self.value(instrument, labels) {
            *last = value;
        }
    }

    /// A histogram gets one more value: a time in nanoseconds.
    pub(crate) fn measure(&mut self, instrument: Instrument, labels: &[&str], time_ns: u64) {
        #[cfg(feature = "ops")]
        if let Some(leaving) = &mut self.leaving {
            leaving.kept.measure(instrument, labels, time_ns);
        }
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
        if self.is_only_left {
            return None;
        }
        let found = self.found.get(instrument as usize).copied();
        let found = found.filter(|found| {
            let point = self.series.get(*found);
            point.is_some_and(|point| point.instrument == instrument && point.labels == labels)
        });
        if let Some(found) = found {
            return self.series.get_mut(found).map(|point| &mut point.value);
        }
        let of = |point: &Point| {
            let there = point.labels.iter().map(String::as_str);
            let order = point.instrument.cmp(&instrument);
            order.then_with(|| there.cmp(labels.iter().copied()))
        };
        let place = match self.series.binary_search_by(of) {
            Ok(place) => place,
            Err(_) if self.series.len() >= SERIES_MAX && instrument != Instrument::Lost => {
                self.overflowed += 1;
                return None;
            }
            Err(place) => {
                let point = Point {
                    instrument,
                    labels: labels.iter().map(|label| (*label).to_owned()).collect(),
                    value: Value::none(instrument.kind()),
                };
                self.series.insert(place, point);
                place
            }
        };
        if let Some(found) = self.found.get_mut(instrument as usize) {
            *found = place;
        }
        self.series.get_mut(place).map(|point| &mut point.value)
    }

    /// From now on it is left in a store as well, and so is what was measured until now.
    #[cfg(feature = "ops")]
    pub(crate) fn leave_in(&mut self, store: &str) {
        let kept = Self {
            series: self.series.clone(),
            ..Self::default()
        };
        self.leaving = Some(Box::new(Leaving {
            store: store.to_owned(),
            kept,
            is_under_way: false,
            is_failure_told: false,
        }));
    }

    /// Takes all of it, to be told.
    #[must_use]
    pub fn take(&mut self, now: Millis) -> Deltas {
        self.count_lost();
        let points = std::mem::take(&mut self.series);
        // A clock that was set back: no interval ends before it begins.
        let from = self.since.replace(now).map_or(now, |since| since.min(now));
        Deltas {
            points,
            from,
            until: now,
            #[cfg(feature = "otlp")]
            spans: std::mem::take(&mut self.spans),
        }
    }

    /// What was not kept is counted, even where there are too many series.
    fn count_lost(&mut self) {
        let lost = [
            ("series", std::mem::take(&mut self.overflowed)),
            #[cfg(feature = "otlp")]
            ("spans", std::mem::take(&mut self.overflowed_spans)),
        ];
        for (reason, lost) in lost.into_iter().filter(|(_, lost)| *lost > 0) {
            if let Some(Value::Sum(sum)) = self.value(Instrument::Lost, &[reason]) {
                *sum = sum.saturating_add(lost);
            }
        }
    }

    /// What was taken could not be told: counters and histograms are added again, so that the next export has them.
    /// Gauges that have changed since are as they are now.
    pub(crate) fn put_back(&mut self, deltas: Deltas) {
        if !deltas.points.is_empty() {
            // Where only spans are left, the numbers of that time were told.
            self.since = Some(deltas.from);
        }
        #[cfg(feature = "otlp")]
        for span in deltas.spans {
            self.span(span);
        }
        for point in deltas.points {
            let Point {
                instrument,
                labels,
                value,
            } = point;
            let names: Vec<&str> = labels.iter().map(String::as_str).collect();
            let measurements = value.measurements();
            match (self.value(instrument, &names), value) {
                // One is counted already where there is no room.
                (None, _) => {
                    let more = measurements.saturating_sub(1);
                    self.overflowed = self.overflowed.saturating_add(more);
                }
                (Some(Value::Sum(sum)), Value::Sum(more)) => *sum = sum.saturating_add(more),
                (Some(Value::Last(last)), Value::Last(before)) if *last == 0.0 => *last = before,
                (Some(Value::Distribution(all)), Value::Distribution(more)) => all.add(&more),
                (Some(_), _) => {}
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
    use super::{Instrument, Metrics, Millis, SERIES_MAX, Value};
    use doorward_metrics::BUCKETS;
    use std::collections::BTreeMap;

    const NOW: Millis = Millis(1_000);

    #[test]
    fn a_counter_adds_up_and_what_was_taken_is_not_told_again() {
        let mut metrics = Metrics::default();
        metrics.add(Instrument::RateLimitRefusals, &["a"], 2);
        metrics.add(Instrument::RateLimitRefusals, &["b"], 1);
        metrics.add(Instrument::RateLimitRefusals, &["a"], 3);
        let values = |metrics: &mut Metrics| -> Vec<_> {
            let points = metrics.take(NOW).points.into_iter();
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
    fn each_series_has_what_was_added_to_it_however_others_come_and_go() {
        let mut metrics = Metrics::default();
        let instruments = [
            Instrument::RateLimitRefusals,
            Instrument::KeySetChanges,
            Instrument::Requests,
        ];
        // Each number below the modulus once, in an order that is none: by a primitive root.
        let (root, modulus) = (11_u64, 1_009);
        let mut number = 1;
        for _ in 0..4 {
            let mut expected = BTreeMap::new();
            for _ in 0..modulus / 4 {
                number = number * root % modulus;
                let instrument = instruments[usize::try_from(number % 3).unwrap()];
                let label = (number / 3 % 7).to_string();
                let labels = vec![&*label; instrument.labels().len()];
                for _ in 0..=number % 2 {
                    metrics.add(instrument, &labels, number);
                    *expected.entry((instrument, label.clone())).or_insert(0) += number;
                }
            }
            let points = metrics.take(NOW).points.into_iter();
            let had = points.map(|point| {
                let Value::Sum(sum) = point.value else {
                    panic!("{point:?}")
                };
                ((point.instrument, point.labels[0].clone()), sum)
            });
            assert_eq!(had.collect::<BTreeMap<_, _>>(), expected);
            assert_eq!(expected.len(), 3 * 7);
        }
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
            let point = metrics.take(NOW).points.pop().unwrap();
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
        let taken = metrics.take(NOW);
        metrics.add(Instrument::RateLimitRefusals, &["a"], 1);
        metrics.measure(Instrument::InstanceStartDuration, &[], 2_000_000);
        metrics.put_back(taken);
        let points = metrics.take(NOW).points;
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
        let points = metrics.take(NOW).points;
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
