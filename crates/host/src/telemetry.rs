//! Where an instance tells what it measures.

use std::sync::Arc;

use crate::metrics::Metrics;

/// What an instance measures is added up here.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// The component that its numbers are of.
    pub component: Arc<str>,
    /// Who adds them up; `None`: nobody.
    pub metrics: Option<Arc<Metrics>>,
}
