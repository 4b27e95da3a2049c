//! The two formats in which numbers are told.

use std::fmt::{self, Write};

use crate::instrument::{DURATION_BOUNDS_S, Instrument, Kind};
use crate::point::Value;
use crate::totals::Totals;

/// Media type of the text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// [OpenMetrics 1.0](https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
    OpenMetrics,
}

impl Format {
    /// What somebody gets who accepts this: the text, unless OpenMetrics is named.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let named = |range: &str| {
            let name = range.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case("application/openmetrics-text")
        };
        match accept.split(',').any(named) {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Text => TEXT,
            Self::OpenMetrics => OPEN_METRICS,
        }
    }

    /// All of it in this format.
    #[must_use]
    pub fn of(self, totals: &Totals) -> String {
        let mut out = String::new();
        // Nothing that is written to memory fails.
        let _ = self.write(totals, &mut out);
        out
    }

    fn write(self, totals: &Totals, out: &mut String) -> fmt::Result {
        let mut before = None;
        for (instrument, labels, value) in totals.series() {
            let name = name_of(instrument);
            if before != Some(instrument) {
                before = Some(instrument);
                self.head(instrument, &name, out)?;
            }
            let pairs = pairs(instrument, labels);
            match value {
                Value::Sum(sum) => {
                    sample(out, &format!("{name}_total"), &pairs, &sum.to_string())?;
                }
                Value::Last(last) => sample(out, &name, &pairs, &last.to_string())?,
                Value::Distribution(all) => {
                    let mut so_far = 0_u64;
                    let bounds = DURATION_BOUNDS_S.iter().map(|bound| self.bound(*bound));
                    let bounds = bounds.chain(["+Inf".to_owned()]);
                    for (bound, count) in bounds.zip(all.counts) {
                        so_far = so_far.saturating_add(count);
                        let mut pairs = pairs.clone();
                        pairs.push(format!("le=\"{bound}\""));
                        sample(out, &format!("{name}_bucket"), &pairs, &so_far.to_string())?;
                    }
                    let sum = all.sum.to_string();
                    sample(out, &format!("{name}_sum"), &pairs, &sum)?;
                    sample(out, &format!("{name}_count"), &pairs, &so_far.to_string())?;
                }
            }
        }
        match self {
            Self::Text => Ok(()),
            Self::OpenMetrics => out.write_str("# EOF\n"),
        }
    }

    /// What is said before the samples of a metric. In the text a counter has the name of its samples.
    fn head(self, instrument: Instrument, name: &str, out: &mut String) -> fmt::Result {
        let (kind, end) = match instrument.kind() {
            Kind::Counter if self == Self::Text => ("counter", "_total"),
            Kind::Counter => ("counter", ""),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", ""),
        };
        let help = instrument.description();
        writeln!(out, "# HELP {name}{end} {help}\n# TYPE {name}{end} {kind}")
    }

    /// The bound of a bucket. OpenMetrics wants a fraction also where it is whole.
    fn bound(self, bound: f64) -> String {
        match self {
            Self::OpenMetrics if bound.fract() == 0.0 => format!("{bound:.1}"),
            _ => bound.to_string(),
        }
    }
}

/// The name as Prometheus has it, without the end that a counter has there.
fn name_of(instrument: Instrument) -> String {
    let name = instrument.name().replace('.', "_");
    match instrument.unit() {
        "s" => format!("{name}_seconds"),
        _ => name,
    }
}

fn pairs(instrument: Instrument, labels: &[String]) -> Vec<String> {
    let names = instrument.labels().iter();
    let pairs = names.zip(labels);
    pairs
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect()
}

/// As both formats escape the value of a label.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn sample(out: &mut String, name: &str, pairs: &[String], value: &str) -> fmt::Result {
    match pairs {
        [] => writeln!(out, "{name} {value}"),
        pairs => writeln!(out, "{name}{{{}}} {value}", pairs.join(",")),
    }
}

#[cfg(test)]
mod tests;
