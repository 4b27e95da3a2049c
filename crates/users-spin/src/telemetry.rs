//! How long the store takes, told by `wasi:otel` to a host that adds up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bindings::wasi::otel::metrics::{
    Datetime, Histogram, HistogramDataPoint, Metric, MetricData, MetricNumber, ResourceMetrics,
    ScopeMetrics, Temporality, export,
};
use bindings::wasi::otel::types::{InstrumentationScope, KeyValue, Resource};
use doorward_users::measured::{DURATION_BOUNDS_S, Watch};

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit",
        world: "doorward:components/measuring",
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

/// Buckets of a distribution: one more than it has bounds.
const BUCKETS: usize = DURATION_BOUNDS_S.len() + 1;

/// Tells of a store of this kind.
#[derive(Debug)]
pub struct Told {
    /// `sqlite` or `postgresql`, as the semantic conventions of OpenTelemetry have it.
    pub system: &'static str,
}

/// System, operation, and how it ended.
type Series = (&'static str, &'static str, &'static str);

#[derive(Default)]
struct Distribution {
    counts: [u64; BUCKETS],
    sum_s: f64,
}

thread_local! {
    static UNTOLD: RefCell<BTreeMap<Series, Distribution>> = const { RefCell::new(BTreeMap::new()) };
}

impl Watch for Told {
    fn now_ns(&self) -> u64 {
        static BEGIN: OnceLock<Instant> = OnceLock::new();
        let begin = BEGIN.get_or_init(Instant::now);
        u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn took(&self, operation: &'static str, is_done: bool, time_ns: u64) {
        let outcome = match is_done {
            true => "done",
            false => "failed",
        };
        #[expect(clippy::cast_precision_loss, reason = "a time in seconds")]
        let time_s = time_ns as f64 / 1e9;
        UNTOLD.with_borrow_mut(|untold| {
            let all = untold.entry((self.system, operation, outcome)).or_default();
            let bucket = DURATION_BOUNDS_S.partition_point(|bound| *bound < time_s);
            if let Some(count) = all.counts.get_mut(bucket) {
                *count += 1;
            }
            all.sum_s += time_s;
        });
    }
}

/// Tells the host what was measured since the last time.
pub fn tell() {
    let untold = UNTOLD.take();
    if untold.is_empty() {
        return;
    }
    let now = datetime();
    let metric = Metric {
        name: "db.client.operation.duration".to_owned(),
        description: "Time for what the users ask of their database.".to_owned(),
        unit: "s".to_owned(),
        data: MetricData::F64Histogram(Histogram {
            data_points: untold.into_iter().map(point).collect(),
            start_time: now,
            time: now,
            temporality: Temporality::Delta,
        }),
    };
    // A host that does not take it has none of it, and nothing is to be done about that.
    let _ = export(&ResourceMetrics {
        resource: Resource {
            attributes: Vec::new(),
            schema_url: None,
        },
        scope_metrics: vec![ScopeMetrics {
            scope: InstrumentationScope {
                name: "doorward-users".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                schema_url: None,
                attributes: Vec::new(),
            },
            metrics: vec![metric],
        }],
    });
}

fn point(((system, operation, outcome), all): (Series, Distribution)) -> HistogramDataPoint {
    // Values are JSON, as the interface has it. These have nothing to be escaped.
    let pairs = [
        ("db.system.name", system),
        ("db.operation.name", operation),
        ("outcome", outcome),
    ];
    let attribute = |(key, value): (&str, &str)| KeyValue {
        key: key.to_owned(),
        value: format!("\"{value}\""),
    };
    HistogramDataPoint {
        attributes: pairs.into_iter().map(attribute).collect(),
        count: all.counts.iter().sum(),
        bounds: DURATION_BOUNDS_S.to_vec(),
        bucket_counts: all.counts.to_vec(),
        min: None,
        max: None,
        sum: MetricNumber::F64(all.sum_s),
        exemplars: Vec::new(),
    }
}

fn datetime() -> Datetime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    Datetime {
        seconds: now.as_secs(),
        nanoseconds: now.subsec_nanos(),
    }
}
