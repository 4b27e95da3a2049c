//! `[log]`: what the log says of each request.

use crate::field_names::Names;
#[cfg(feature = "access-log")]
use crate::report::ReportUntil;

/// What the log says of each request, besides what it says of refusals in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRule {
    /// Of how many admitted requests in a hundred there is a line. Of those that are refused or fail there always is.
    pub admitted_percent: u64,
    /// What it says of the caller.
    pub principal: ToldPrincipal,
    /// The name of the Spin variable with the key of [`ToldPrincipal::Hash`]; elsewhere empty.
    pub secret: String,
    /// The name of the Spin variable that says which events there are; empty: all of them.
    pub level_variable: String,
    /// What its fields are called.
    pub names: FieldNames,
    /// Which of [`LogRule::FIELDS`] there are: a bit for each.
    pub told: u16,
    /// Until when lines say what decisions depended on; `None`: they do not.
    #[cfg(feature = "access-log")]
    pub decision_inputs: Option<ReportUntil>,
}

/// What a line says of the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToldPrincipal {
    /// The issuer and the subject.
    #[default]
    Plain,
    /// A hash of both with a key, by which the lines of one caller are found by who has the key.
    Hash,
    /// Nothing.
    None,
}

/// Whose names the fields of a line have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldNames {
    /// Our own, short ones.
    #[default]
    Own,
    /// Those of the Elastic Common Schema.
    Ecs,
    /// Those of OpenTelemetry's semantic conventions.
    Otel,
}

impl FieldNames {
    /// That of a field.
    #[must_use]
    pub fn of(self, [own, ecs, otel]: Names) -> &'static str {
        match self {
            Self::Own => own,
            Self::Ecs => ecs,
            Self::Otel => otel,
        }
    }
}

impl LogRule {
    /// How much can be told of a part of the gate. Each tells what those before it do.
    pub const LEVELS: [&'static str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

    /// What can be left out of a line.
    pub const FIELDS: [&'static str; 11] = [
        "method",
        "route",
        "rule",
        "duration_ms",
        "bytes_in",
        "bytes_out",
        "credential",
        "cache",
        "upstream",
        "attempts",
        "instance_age_ms",
    ];

    /// Whether a line has this field: one of [`LogRule::FIELDS`] where the policy lists it, any other one always.
    #[must_use]
    pub fn tells(&self, field: &str) -> bool {
        // A line is asked about each of its fields, and mostly none is left out.
        self.told == Self::ALL
            || Self::place(field).is_none_or(|place| self.told & (1 << place) != 0)
    }

    /// All of [`LogRule::FIELDS`].
    const ALL: u16 = (1 << Self::FIELDS.len()) - 1;

    /// Which of [`LogRule::FIELDS`] these are, for [`LogRule::told`].
    pub(crate) fn told_of<'f>(fields: impl IntoIterator<Item = &'f str>) -> u16 {
        let places = fields.into_iter().filter_map(Self::place);
        places.fold(0, |told, place| told | 1 << place)
    }

    /// Where a field is among [`LogRule::FIELDS`].
    fn place(field: &str) -> Option<usize> {
        Self::FIELDS.iter().position(|other| *other == field)
    }
}
