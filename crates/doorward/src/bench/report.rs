//! All that a run of the benchmark has to tell.

use super::arguments::Arguments;
use super::figures::Outcome;
use super::machine::{Machine, Others};

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    pub(super) others: Others,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) skipped: Vec<Skipped>,
}

/// A case that was not measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Skipped {
    pub(super) case: String,
    pub(super) reason: String,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// What was measured where it was not ours.
    pub(super) url: Option<String>,
    pub(super) connections: usize,
    pub(super) seconds: f64,
    pub(super) rounds: usize,
    pub(super) tokens: usize,
    pub(super) has_log: bool,
    pub(super) has_metrics: bool,
}

impl Settings {
    pub(super) fn of(arguments: &Arguments) -> Self {
        Self {
            url: arguments.url.as_ref().map(ToString::to_string),
            connections: arguments.connections,
            seconds: arguments.seconds.as_secs_f64(),
            rounds: arguments.rounds,
            tokens: arguments.tokens,
            has_log: arguments.log,
            has_metrics: arguments.metrics,
        }
    }
}
