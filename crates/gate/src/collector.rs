//! A collector of OpenTelemetry, as an instance knows it. It is told by [`otlp`](crate::otlp).

use doorward_policy::TelemetryRule;
use doorward_syntax::request_id::{uuid, uuid_bits};
use doorward_traffic::Millis;
use std::cell::{Cell, OnceCell};
use std::fmt;

/// A collector, and how it is.
pub(crate) struct Collector {
    pub(crate) rule: TelemetryRule,
    pub(crate) url: String,
    pub(crate) instance_id: String,
    /// The values of the fields that the policy names. Variables do not change while an instance lives.
    pub(crate) headers: OnceCell<Vec<(String, String)>>,
    /// How it takes numbers.
    pub(crate) metrics: Health,
    /// How it takes spans: it may take one and not the other.
    pub(crate) traces: Health,
}

/// How a collector is.
#[derive(Default)]
pub(crate) struct Health {
    /// How often in a row it did not take anything.
    pub(crate) failures: Cell<u32>,
    /// Until when it is left alone, by the clock that nobody sets.
    pub(crate) until: Cell<Option<Millis>>,
}

impl Health {
    /// For how many milliseconds it is still left alone.
    pub(crate) fn left_ms(&self, now: Millis) -> u64 {
        self.until.get().map_or(0, |until| until.since(now))
    }
}

/// Without the values of fields.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Collector {
    /// That of the policy, for the instance with this id; `None`: there is none.
    pub(crate) fn new(rule: &TelemetryRule, id: [u64; 2]) -> Option<Self> {
        let url = rule.otlp.clone()?;
        Some(Self {
            rule: rule.clone(),
            url,
            instance_id: uuid(uuid_bits(id)),
            headers: OnceCell::new(),
            metrics: Health::default(),
            traces: Health::default(),
        })
    }
}
