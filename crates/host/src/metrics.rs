//! The host's own numbers: connections, requests, instances, components, and the process.
//!
//! What a label can say is bounded: components are those of the manifest, outcomes those of [`Outcome`], statuses
//! their five classes.

mod format;
mod measured;
mod outcome;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
pub use doorward_metrics::Format;
use prometheus::{
    Encoder as _, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

pub use self::measured::{Kind, Measured, Value};
use self::measured::{Measurements, Seen};
pub use self::outcome::Outcome;

/// Bounds of the times that answers take, in seconds: those of a gate at the left, those of slow upstreams at the
/// right.
const ANSWER_SECONDS: [f64; 16] = [
    0.0001, 0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
];
/// Bounds of the times that instances take to start, in seconds.
const START_SECONDS: [f64; 8] = [0.0001, 0.0002, 0.0005, 0.001, 0.0025, 0.01, 0.1, 1.0];

const COMPONENT: &str = "component";

/// How many there were in this process: each has a number of its own.
static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Where this thread counted last: mostly the next request is of the same kind.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// What counts requests of one kind.
struct Last {
    /// The number of those that it is one of.
    of: u64,
    component: String,
    outcome: Outcome,
    status: &'static str,
    requests: IntCounter,
    /// None until one of them was answered.
    seconds: Option<Histogram>,
}

/// All of them.
#[derive(Debug)]
pub struct Metrics {
    number: u64,
    registry: Registry,
    connections: IntGauge,
    accepted: IntCounter,
    refused: IntCounter,
    requests: IntCounterVec,
    answer_seconds: HistogramVec,
    instances: IntGaugeVec,
    started: IntCounterVec,
    start_seconds: HistogramVec,
    load_seconds: GaugeVec,
    applications: IntGauge,
    replaced: IntCounterVec,
    reload_successful: IntGauge,
    reloaded_at: Gauge,
    measured: Arc<Measurements>,
    dropped: IntCounterVec,
}

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Errors
    ///
    /// When two have one name, which a test would see.
    pub fn new() -> Result<Arc<Self>> {
        let by_component = |name: &str, help: &str| Opts::new(name, help);
        let times = |name: &str, help: &str, bounds: &[f64]| {
            HistogramVec::new(
                HistogramOpts::new(name, help).buckets(bounds.to_vec()),
                &[COMPONENT],
            )
        };
        let metrics = Self {
            number: COUNT.fetch_add(1, Relaxed),
            registry: Registry::new(),
            connections: IntGauge::new(
                "doorward_host_connections",
                "Connections of clients that are open.",
            )?,
            accepted: IntCounter::new(
                "doorward_host_connections_accepted_total",
                "Connections of clients that were accepted.",
            )?,
            refused: IntCounter::new(
                "doorward_host_connections_refused_total",
                "Connections that were refused because their client had its share.",
            )?,
            requests: IntCounterVec::new(
                Opts::new(
                    "doorward_host_requests_total",
                    "Requests, by component, what became of them, and the class of the status.",
                ),
                &[COMPONENT, "outcome", "status"],
            )?,
            answer_seconds: times(
                "doorward_host_answer_seconds",
                "Time from the head of a request to the head of its answer.",
                &ANSWER_SECONDS,
            )?,
            instances: IntGaugeVec::new(
                by_component("doorward_host_instances", "Instances that there are."),
                &[COMPONENT],
            )?,
            started: IntCounterVec::new(
                by_component(
                    "doorward_host_instances_started_total",
                    "Instances that were started.",
                ),
                &[COMPONENT],
            )?,
            start_seconds: times(
                "doorward_host_instance_start_seconds",
                "Time that it took to make an instance, before its first request.",
                &START_SECONDS,
            )?,
            load_seconds: GaugeVec::new(
                by_component(
                    "doorward_host_component_load_seconds",
                    "Time that it took to compose and compile a component, or to load what was compiled before.",
                ),
                &[COMPONENT],
            )?,
            applications: IntGauge::new(
                "doorward_host_applications",
                "Applications that there are: the one that is served, and those before it that still have requests.",
            )?,
            replaced: IntCounterVec::new(
                Opts::new(
                    "doorward_host_reloads_total",
                    "Applications that were loaded, the first one included, and those that were refused.",
                ),
                &["outcome"],
            )?,
            reload_successful: IntGauge::new(
                "doorward_host_last_reload_successful",
                "Whether the last application that was to be served is the one that is.",
            )?,
            reloaded_at: Gauge::new(
                "doorward_host_last_reload_success_timestamp_seconds",
                "When the application that is served was loaded.",
            )?,
            measured: Arc::default(),
            dropped: IntCounterVec::new(
                by_component(
                    "doorward_host_measurements_dropped_total",
                    "Measurements of components that were not taken: too many, or none that can be added.",
                ),
                &[COMPONENT],
            )?,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.accepted.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.answer_seconds.clone()))?;
        registry.register(Box::new(metrics.instances.clone()))?;
        registry.register(Box::new(metrics.started.clone()))?;
        registry.register(Box::new(metrics.start_seconds.clone()))?;
        registry.register(Box::new(metrics.load_seconds.clone()))?;
        registry.register(Box::new(metrics.applications.clone()))?;
        registry.register(Box::new(metrics.replaced.clone()))?;
        registry.register(Box::new(metrics.reload_successful.clone()))?;
        registry.register(Box::new(metrics.reloaded_at.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        registry.register(Box::new(Seen(Arc::clone(&metrics.measured))))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Arc::new(metrics))
    }

    /// A connection is open until what this gives is dropped.
    #[must_use]
    pub fn connection(&self) -> Counted {
        self.accepted.inc();
        Counted::new(&self.connections)
    }

    /// A connection was refused.
    pub fn refused_connection(&self) {
        self.refused.inc();
    }

    /// So long it took to compile a component, or to load it.
    pub fn loaded(&self, component: &str, time: Duration) {
        let seconds = self.load_seconds.with_label_values(&[component]);
        seconds.set(time.as_secs_f64());
    }

    /// An application is there until what this gives is dropped.
    #[must_use]
    pub fn application(&self) -> Counted {
        Counted::new(&self.applications)
    }

    /// An application took the place of the one before, or could not.
    pub fn replaced(&self, is_served: bool) {
        let outcome = match is_served {
            true => "served",
            false => "refused",
        };
        self.replaced.with_label_values(&[outcome]).inc();
        self.reload_successful.set(i64::from(is_served));
        if is_served {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            self.reloaded_at.set(now.unwrap_or_default().as_secs_f64());
        }
    }

    /// An instance was started since then. It is there until what this gives is dropped.
    #[must_use]
    pub fn instance(&self, component: &str, began: Instant) -> Counted {
        let label = &[component];
        self.started.with_label_values(label).inc();
        let seconds = self.start_seconds.with_label_values(label);
        seconds.observe(began.elapsed().as_secs_f64());
        Counted::new(&self.instances.with_label_values(label))
    }

    /// A request ended so, with a status of this class, and was answered after this time if it was.
    pub fn request(
        &self,
        component: &str,
        outcome: Outcome,
        status: &'static str,
        time: Option<Duration>,
    ) {
        LAST.with_borrow_mut(|last| {
            let found = last.as_ref().filter(|last| {
                let kind = (last.of, last.outcome, last.status);
                kind == (self.number, outcome, status) && last.component == component
            });
            if found.is_none() {
                *last = Some(Last {
                    of: self.number,
                    component: component.to_owned(),
                    outcome,
                    status,
                    requests: self
                        .requests
                        .with_label_values(&[component, outcome.name(), status]),
                    seconds: None,
                });
            }
            if let Some(last) = last {
                last.requests.inc();
                if let Some(time) = time {
                    let seconds = || self.answer_seconds.with_label_values(&[component]);
                    let seconds = last.seconds.get_or_insert_with(seconds);
                    seconds.observe(time.as_secs_f64());
                }
            }
        });
    }

    /// Adds what a component has measured. What is none, or has no room, is counted.
    pub fn measured(&self, measured: &Measured<'_>) {
        if self.measured.add(measured).is_err() {
            self.drops(measured.component);
        }
    }

    /// A measurement of this component is not taken.
    pub fn drops(&self, component: &str) {
        self.dropped.with_label_values(&[component]).inc();
    }

    /// All of them in this format.
    ///
    /// # Errors
    ///
    /// When a number cannot be written, which says something is wrong with the number's name.
    pub fn text(&self, format: Format) -> Result<String> {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes)?;
        let text = String::from_utf8(bytes)?;
        Ok(format::written(format, text))
    }
}

/// One of what is counted, for as long as this is there.
#[derive(Debug)]
pub struct Counted(IntGauge);

impl Counted {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
