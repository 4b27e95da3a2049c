//! What an instance has measured, told by `wasi:otel`.

use doorward_gate::metrics::{DURATION_BOUNDS_S, Deltas, Distribution, Instrument, Point, Value};
use doorward_gate::platform::{Millis, Untold};

use self::bindings::wasi::otel::metrics::{
    Datetime, Gauge, GaugeDataPoint, Histogram, HistogramDataPoint, Metric, MetricData,
    MetricNumber, ResourceMetrics, ScopeMetrics, Sum, SumDataPoint, Temporality, export,
};
use self::bindings::wasi::otel::types::{InstrumentationScope, KeyValue, Resource};

mod bindings {
    wasip3::wit_bindgen::generate!({
        path: "../../wit",
        world: "doorward:components/measuring",
        runtime_path: "wasip3::wit_bindgen::rt",
        generate_all,
    });
}

/// Who measures.
const SCOPE: &str = "doorward";

/// Tells the host, at once.
///
/// # Errors
/// It does not take all of it.
pub fn told(deltas: &Deltas) -> Result<(), Untold> {
    let times = (datetime(deltas.from), datetime(deltas.until));
    // Those of one instrument follow each other.
    let of_one = deltas
        .points
        .chunk_by(|one, other| one.instrument == other.instrument);
    let metrics = of_one.filter_map(|points| metric(points, times)).collect();
    let told = ResourceMetrics {
        resource: Resource {
            attributes: Vec::new(),
            schema_url: None,
        },
        scope_metrics: vec![ScopeMetrics {
            scope: InstrumentationScope {
                name: SCOPE.to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                schema_url: None,
                attributes: Vec::new(),
            },
            metrics,
        }],
    };
    export(&told).map_err(|_| Untold)
}

fn datetime(time: Millis) -> Datetime {
    let nanoseconds = u32::try_from(time.0 % 1000 * 1_000_000);
    Datetime {
        seconds: time.0 / 1000,
        nanoseconds: nanoseconds.unwrap_or(0),
    }
}

fn metric(points: &[Point], (from, until): (Datetime, Datetime)) -> Option<Metric> {
    let first = points.first()?;
    let instrument = first.instrument;
    let data = match first.value {
        Value::Sum(_) => MetricData::U64Sum(Sum {
            data_points: points.iter().filter_map(sum).collect(),
            start_time: from,
            time: until,
            temporality: Temporality::Delta,
            is_monotonic: true,
        }),
        Value::Last(_) => MetricData::F64Gauge(Gauge {
            data_points: points.iter().filter_map(gauge).collect(),
            start_time: None,
            time: until,
        }),
        Value::Distribution(_) => MetricData::F64Histogram(Histogram {
            data_points: points.iter().filter_map(histogram).collect(),
            start_time: from,
            time: until,
            temporality: Temporality::Delta,
        }),
    };
    Some(Metric {
        name: instrument.name().to_owned(),
        description: instrument.description().to_owned(),
        unit: instrument.unit().to_owned(),
        data,
    })
}

fn sum(point: &Point) -> Option<SumDataPoint> {
    let Value::Sum(by) = point.value else {
        return None;
    };
    Some(SumDataPoint {
        attributes: attributes(point.instrument, &point.labels),
        value: MetricNumber::U64(by),
        exemplars: Vec::new(),
    })
}

fn gauge(point: &Point) -> Option<GaugeDataPoint> {
    let Value::Last(value) = point.value else {
        return None;
    };
    Some(GaugeDataPoint {
        attributes: attributes(point.instrument, &point.labels),
        value: MetricNumber::F64(value),
        exemplars: Vec::new(),
    })
}

fn histogram(point: &Point) -> Option<HistogramDataPoint> {
    let Value::Distribution(all) = &point.value else {
        return None;
    };
    let Distribution { counts, sum } = &**all;
    Some(HistogramDataPoint {
        attributes: attributes(point.instrument, &point.labels),
        count: all.count(),
        bounds: DURATION_BOUNDS_S.to_vec(),
        bucket_counts: counts.to_vec(),
        min: None,
        max: None,
        sum: MetricNumber::F64(*sum),
        exemplars: Vec::new(),
    })
}

/// Values are written as JSON, as the interface has it.
fn attributes(instrument: Instrument, values: &[String]) -> Vec<KeyValue> {
    let pairs = instrument.labels().iter().zip(values);
    let pairs = pairs.map(|(key, value)| KeyValue {
        key: (*key).to_owned(),
        value: serde_json::Value::from(value.as_str()).to_string(),
    });
    pairs.collect()
}
