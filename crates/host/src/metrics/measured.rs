//! What components measure: added up over all of their instances.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// Metrics of which a component may have series.
const FAMILIES_MAX: usize = 100;
/// Series that a component may have.
const SERIES_MAX: usize = 10_000;
/// Attributes of a series.
const LABELS_MAX: usize = 8;
/// Buckets of a histogram.
const BUCKETS_MAX: usize = 64;
/// Bytes of a name, a help text or the value of a label.
const TEXT_BYTES_MAX: usize = 256;
/// The label that says whose it is.
const COMPONENT: &str = "component";
/// How the host's own begin, and those that Prometheus makes of a scrape. No component may add to them.
const RESERVED: [&str; 3] = ["doorward_host_", "process_", "scrape_"];
/// The one that Prometheus makes of whether there was a scrape.
const UP: &str = "up";
/// How the samples of a histogram end, and a counter: no other metric may look like one.
const ENDS_OF_SAMPLES: [&str; 4] = ["_bucket", "_count", "_sum", "_total"];
/// Labels that histograms and summaries have of their own. A text in which a sample has one twice is not taken at all.
const LABELS_OF_SAMPLES: [&str; 2] = ["le", "quantile"];

/// How a metric adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is told is added.
    Counter,
    /// What is told takes the place of what was told before.
    Gauge,
    /// What is told is added to each bucket.
    Histogram,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A number.
    Number(f64),
    /// How many values were of which size.
    Distribution {
        /// The upper bounds of the buckets but the last one, which has none.
        bounds: &'a [f64],
        /// How many are in each bucket, not added up.
        counts: &'a [u64],
        /// The sum of all of them.
        sum: f64,
    },
}

/// A measurement of a component.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// Whose it is.
    pub component: &'a str,
    /// Its name, as OpenTelemetry writes them.
    pub name: &'a str,
    /// In which unit (UCUM).
    pub unit: &'a str,
    /// What it says.
    pub help: &'a str,
    /// How it adds up.
    pub kind: Kind,
    /// Its attributes.
    pub labels: Vec<(&'a str, String)>,
    /// What was measured.
    pub value: Value<'a>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Measurements(Mutex<Families>);

#[derive(Debug, Default)]
struct Families {
    by_name: BTreeMap<String, Family>,
    /// How many metrics and series each component has, so that none takes those of another one.
    of_component: BTreeMap<String, Share>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    families: usize,
    series: usize,
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: String,
    /// By component, and what distinguishes the series of one.
    series: BTreeMap<String, BTreeMap<Vec<(String, String)>, Sum>>,
}

/// What a series adds up to.
#[derive(Clone, Debug, Default)]
struct Sum {
    number: f64,
    bounds: Vec<f64>,
    counts: Vec<u64>,
}

impl Measurements {
    // What a thread has written before it ended is whole.
    fn families(&self) -> MutexGuard<'_, Families> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a measurement.
    ///
    /// # Errors
    ///
    /// Says why it is none, or that there is no room for it. Then nothing is added.
    pub fn add(&self, measured: &Measured<'_>) -> Result<(), &'static str> {
        let name = name_of(measured)?;
        let labels = labels_of(measured)?;
        let (number, bounds, counts) = match measured.value {
            Value::Number(number) => (number, &[][..], &[][..]),
            Value::Distribution {
                bounds,
                counts,
                sum,
            } => (sum, bounds, counts),
        };
        if !number.is_finite() || (measured.kind != Kind::Gauge && number < 0.0) {
            return Err("the number is none that can be added");
        }
        let is_right = bounds.len() < BUCKETS_MAX
            && bounds.is_sorted_by(|low, high| low < high)
            && bounds.iter().all(|bound| bound.is_finite());
        let buckets = match measured.kind {
            Kind::Histogram => bounds.len() + 1,
            Kind::Counter | Kind::Gauge => 0,
        };
        if !is_right || counts.len() != buckets {
            return Err("the buckets are not right");
        }
        let mut families = self.families();
        let Families {
            by_name,
            of_component,
        } = &mut *families;
        let component = measured.component;
        let mut share = of_component.get(component).copied().unwrap_or_default();
        let family = by_name.get(&name);
        if family.is_some_and(|family| family.kind != measured.kind) {
            return Err("it is of another kind than before");
        }
        let series = family.and_then(|family| family.series.get(component));
        let known = series.and_then(|series| series.get(&labels));
        if known.is_some_and(|known| known.bounds != bounds) {
            return Err("it has other buckets than before");
        }
        // What there is no room for is refused before anything is made for it.
        if series.is_none() {
            share.families += 1;
        }
        if known.is_none() {
            share.series += 1;
        }
        if share.families > FAMILIES_MAX || share.series > SERIES_MAX {
            return Err("the component has too many metrics or series");
        }
        of_component.insert(component.to_owned(), share);
        let family = by_name.entry(name).or_insert_with(|| Family {
            kind: measured.kind,
            help: shortened(measured.help),
            series: BTreeMap::new(),
        });
        let series = family.series.entry(component.to_owned()).or_default();
        let sum = series.entry(labels).or_insert_with(|| Sum {
            bounds: bounds.to_vec(),
            ..Sum::default()
        });
        match measured.kind {
            Kind::Gauge => sum.number = number,
            Kind::Counter | Kind::Histogram => sum.number += number,
        }
        sum.counts.resize(counts.len(), 0);
        for (count, more) in sum.counts.iter_mut().zip(counts) {
            *count = count.saturating_add(*more);
        }
        Ok(())
    }
}

/// The name as Prometheus has it: a unit of seconds and a sum are said in it.
fn name_of(measured: &Measured<'_>) -> Result<String, &'static str> {
    let mut name = identifier(measured.name)?;
    if measured.unit == "s" {
        name.push_str("_seconds");
    }
    if measured.kind == Kind::Counter {
        name.push_str("_total");
    }
    let base = match measured.kind {
        Kind::Counter => name.strip_suffix("_total").unwrap_or(&name),
        Kind::Gauge | Kind::Histogram => &name,
    };
    if base == UP
        || RESERVED.iter().any(|reserved| name.starts_with(reserved))
        || ENDS_OF_SAMPLES.iter().any(|end| base.ends_with(end))
    {
        return Err("the name is one of the host's own, or ends as samples do");
    }
    Ok(name)
}

fn labels_of(measured: &Measured<'_>) -> Result<Vec<(String, String)>, &'static str> {
    if measured.labels.len() > LABELS_MAX {
        return Err("there are too many attributes");
    }
    let mut labels = vec![(COMPONENT.to_owned(), measured.component.to_owned())];
    for (name, value) in &measured.labels {
        let name = identifier(name)?;
        if LABELS_OF_SAMPLES.contains(&&*name) {
            return Err("an attribute has the name of a label of samples");
        }
        labels.push((name, shortened(value)));
    }
    labels.sort();
    let names = labels.windows(2);
    let are_different = names
        .into_iter()
        .all(|pair| !matches!(pair, [(one, _), (other, _)] if one == other));
    match are_different {
        true => Ok(labels),
        false => Err("two attributes have one name"),
    }
}

/// A name of letters, digits and `_`: what else is in it becomes `_`.
fn identifier(name: &str) -> Result<String, &'static str> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.len() > TEXT_BYTES_MAX || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err("the name cannot be one");
    }
    let letters = name.bytes().map(|byte| match is_right(byte) {
        true => char::from(byte),
        false => '_',
    });
    Ok(letters.collect())
}

fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

/// What a scrape sees of them.
#[derive(Debug)]
pub struct Seen(pub std::sync::Arc<Measurements>);

impl Collector for Seen {
    fn desc(&self) -> Vec<&Desc> {
        // Which there will be, nobody knows yet.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let families = self.0.families();
        let families = families.by_name.iter();
        families.map(|(name, family)| family.seen(name)).collect()
    }
}

impl Family {
    fn seen(&self, name: &str) -> MetricFamily {
        let mut seen = MetricFamily::default();
        seen.set_name(name.to_owned());
        seen.set_help(self.help.clone());
        seen.set_field_type(match self.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        let series = self.series.values().flatten();
        let metrics = series.map(|(labels, sum)| self.metric(labels, sum));
        seen.set_metric(metrics.collect());
        seen
    }

    fn metric(&self, labels: &[(String, String)], sum: &Sum) -> Metric {
        let pairs = labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.clone());
            pair.set_value(value.clone());
            pair
        });
        let mut metric = Metric::from_label(pairs.collect());
        match self.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(sum.number);
                metric.set_counter(counter);
            }
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(sum.number);
                metric.set_gauge(gauge);
            }
            Kind::Histogram => metric.set_histogram(histogram(sum)),
        }
        metric
    }
}

fn histogram(sum: &Sum) -> Histogram {
    let mut histogram = Histogram::default();
    let mut all: u64 = 0;
    let mut buckets = Vec::with_capacity(sum.bounds.len());
    for (bound, count) in sum.bounds.iter().zip(&sum.counts) {
        all = all.saturating_add(*count);
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(all);
        buckets.push(bucket);
    }
    let above = sum.counts.last().copied().unwrap_or_default();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(all.saturating_add(above));
    histogram.set_sample_sum(sum.number);
    histogram
}

#[cfg(test)]
mod tests;
