//! What is measured, and what is made of several rounds of it.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;

/// A figure of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    /// Good answers per second.
    PerSecond,
    /// Within so many microseconds half of the answers came.
    P50,
    /// 90 of 100.
    P90,
    /// 99 of 100.
    P99,
    /// 999 of 1,000.
    P999,
    /// Processor time of the server for one request, in microseconds.
    Processor,
    /// What of that the system took for it, in microseconds: pages, sockets, switches between threads.
    System,
    /// The most memory that the server had by the end, in bytes.
    Memory,
    /// From the start of the server to its first answer, in milliseconds.
    FirstAnswer,
}

impl Figure {
    pub(super) const ALL: [Self; 9] = [
        Self::PerSecond,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::P999,
        Self::Processor,
        Self::System,
        Self::Memory,
        Self::FirstAnswer,
    ];

    /// Its name where a program reads it, with the unit.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::PerSecond => "requests_per_second",
            Self::P50 => "p50_us",
            Self::P90 => "p90_us",
            Self::P99 => "p99_us",
            Self::P999 => "p999_us",
            Self::Processor => "processor_us",
            Self::System => "system_us",
            Self::Memory => "memory_bytes",
            Self::FirstAnswer => "first_answer_ms",
        }
    }

    /// How much better the new one is than the old one: less than 1 where it is worse.
    pub(super) fn gain(self, old: f64, new: f64) -> f64 {
        match self {
            Self::PerSecond => new / old,
            _ => old / new,
        }
    }
}

/// What was measured: a case with so many requests for each instance, under a load.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) case: String,
    /// Requests that an instance serves; none where nobody knows.
    pub(super) reuse: Option<usize>,
    pub(super) load: String,
}

/// The load of a closed loop: each connection sends the next request when it has the answer to the last one.
pub(super) const CLOSED: &str = "closed";

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, reuse, load } = self;
        match reuse {
            Some(reuse) => write!(f, "{case}, {reuse} an instance, {load}"),
            None => write!(f, "{case}, {load}"),
        }
    }
}

/// What one round came to, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Round(BTreeMap<Figure, f64>);

impl Round {
    /// Adds a figure, where it is known.
    pub(super) fn set(&mut self, figure: Figure, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.0.insert(figure, value);
        }
    }

    pub(super) fn get(&self, figure: Figure) -> Option<f64> {
        self.0.get(&figure).copied()
    }
}

/// Of several values the middle one, and the outer ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) lowest: f64,
    pub(super) highest: f64,
}

/// The spread of these values; none where there are none. Of an even number it is the lower one of the middle two.
pub(super) fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().checked_sub(1)? / 2;
    Some(Spread {
        median: *sorted.get(middle)?,
        lowest: *sorted.first()?,
        highest: *sorted.last()?,
    })
}

/// All rounds of one key.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) key: Key,
    pub(super) rounds: Vec<Round>,
    /// Requests that came to no good answer, of all rounds.
    pub(super) failed: u64,
    /// What became of the first one of them.
    pub(super) failure: Option<String>,
    /// In microseconds, of all rounds.
    pub(super) latencies: Histogram<u64>,
    /// Answers in each step of time, of each round.
    pub(super) over_time: Vec<Vec<u64>>,
}

impl Outcome {
    /// What the rounds came to.
    pub(super) fn spread(&self, figure: Figure) -> Option<Spread> {
        spread(self.rounds.iter().filter_map(|round| round.get(figure)))
    }

    /// How many times the same figure of `other` it is: the spread of the ratios within each round.
    pub(super) fn over(&self, other: &Self, figure: Figure) -> Option<Spread> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        let ratios = pairs.filter_map(|(own, other)| Some(own.get(figure)? / other.get(figure)?));
        spread(ratios.filter(|ratio| ratio.is_finite()))
    }

    /// Answers per second over time, the mean of all rounds, each step with its end in seconds.
    pub(super) fn per_second_over_time(&self, step_s: f64) -> Vec<(f64, f64)> {
        let rounds = self.over_time.len() as f64;
        let steps = self.over_time.iter().map(Vec::len).min().unwrap_or(0);
        (0..steps)
            .map(|step| {
                let counts = self.over_time.iter().filter_map(|round| round.get(step));
                let answers = counts.sum::<u64>() as f64 / rounds;
                ((step + 1) as f64 * step_s, answers / step_s)
            })
            .collect()
    }
}

/// The middle values by what was measured: what is compared, and held against targets.
pub(super) type Medians = BTreeMap<Key, BTreeMap<Figure, f64>>;

/// The middle values of all outcomes.
pub(super) fn medians(outcomes: &[Outcome]) -> Medians {
    let of = |outcome: &Outcome| {
        Figure::ALL
            .into_iter()
            .filter_map(|figure| Some((figure, outcome.spread(figure)?.median)))
            .collect()
    };
    outcomes
        .iter()
        .map(|outcome| (outcome.key.clone(), of(outcome)))
        .collect()
}

/// The outcome of the case `name` with as many requests for each instance, under the same load.
pub(super) fn same_of<'o>(outcomes: &'o [Outcome], name: &str, key: &Key) -> Option<&'o Outcome> {
    outcomes.iter().find(|other| {
        other.key.case == name && other.key.reuse == key.reuse && other.key.load == key.load
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn outcome(per_second: &[f64], over_time: Vec<Vec<u64>>) -> Outcome {
        let round = |value: &f64| {
            let mut round = Round::default();
            round.set(Figure::PerSecond, Some(*value));
            round.set(Figure::Memory, None);
            round.set(Figure::P99, Some(f64::INFINITY));
            round
        };
        Outcome {
            key: Key {
                case: "bare".to_owned(),
                reuse: Some(1),
                load: CLOSED.to_owned(),
            },
            rounds: per_second.iter().map(round).collect(),
            failed: 0,
            failure: None,
            latencies: Histogram::new(3).unwrap(),
            over_time,
        }
    }

    #[test]
    fn the_median_is_the_middle_one_whatever_the_order() {
        let spread_of = |values: &[f64]| spread(values.iter().copied());
        let spread = |median, lowest, highest| Spread {
            median,
            lowest,
            highest,
        };
        assert_eq!(spread_of(&[3.0, 100.0, 1.0]), Some(spread(3.0, 1.0, 100.0)));
        assert_eq!(spread_of(&[4.0, 2.0]), Some(spread(2.0, 2.0, 4.0)));
        assert_eq!(spread_of(&[]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let bare = outcome(&[100.0, 10.0, 1000.0], vec![]);
        let gate = outcome(&[50.0, 4.0, 600.0], vec![]);
        let ratio = gate.over(&bare, Figure::PerSecond).unwrap();
        assert_eq!((ratio.median, ratio.lowest, ratio.highest), (0.5, 0.4, 0.6));
        assert_eq!(gate.over(&bare, Figure::Memory), None, "it is not known");
        assert_eq!(gate.over(&bare, Figure::P99), None, "it is no number");
    }

    #[test]
    fn answers_over_time_are_the_mean_of_the_rounds() {
        let outcome = outcome(&[1.0], vec![vec![10, 20, 7], vec![30, 20]]);
        assert_eq!(
            outcome.per_second_over_time(0.1),
            [(0.1, 200.0), (0.2, 200.0)]
        );
    }

    #[test]
    fn a_gain_is_more_answers_and_less_of_all_else() {
        for figure in Figure::ALL {
            let gain = figure.gain(100.0, 200.0);
            let is_better = gain > 1.0;
            assert_eq!(is_better, figure == Figure::PerSecond, "{figure:?}: {gain}");
        }
    }

    #[test]
    fn medians_are_of_what_is_known() {
        let medians = medians(&[outcome(&[5.0, 7.0, 6.0], vec![])]);
        let (key, figures) = medians.first_key_value().unwrap();
        assert_eq!(key.to_string(), "bare, 1 an instance, closed");
        assert_eq!(figures.len(), 1);
        assert_eq!(figures.get(&Figure::PerSecond), Some(&6.0));
    }
}
