//! What was measured.

use crate::instrument::{DURATION_BOUNDS_S, Instrument, Kind};

/// Buckets of a histogram: one for each bound, and one for what is above all of them.
pub const BUCKETS: usize = DURATION_BOUNDS_S.len() + 1;

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

impl Value {
    /// Nothing yet, of what adds up so.
    #[must_use]
    pub fn none(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Sum(0),
            Kind::Gauge => Self::Last(0.0),
            Kind::Histogram => Self::Distribution(Box::default()),
        }
    }

    /// How many measurements it is of, as far as that can be known.
    #[must_use]
    pub fn measurements(&self) -> u64 {
        match self {
            Self::Sum(sum) => *sum,
            Self::Last(_) => 1,
            Self::Distribution(all) => all.count(),
        }
    }
}

impl Distribution {
    /// Adds what others measured.
    pub fn add(&mut self, more: &Self) {
        for (count, more) in self.counts.iter_mut().zip(more.counts) {
            *count = count.saturating_add(more);
        }
        // A sum that is no number any more could not be read again.
        self.sum = (self.sum + more.sum).min(f64::MAX);
    }

    /// How many values were measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        let counts = self.counts.iter();
        counts.fold(0, |all, count| all.saturating_add(*count))
    }
}
