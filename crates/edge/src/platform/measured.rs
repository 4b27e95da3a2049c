//! What an instance has measured.

use doorward_gate::metrics::Metrics;
use std::cell::RefCell;

/// What this instance has measured. A component has a memory for each instance, which goes with it.
pub fn metrics() -> &'static RefCell<Metrics> {
    thread_local! {
        static METRICS: &'static RefCell<Metrics> = Box::leak(Box::default());
    }
    METRICS.with(|metrics| *metrics)
}
