//! Numbers and spans as messages of OTLP.

use doorward_traffic::Millis;
use prost::Message as _;

use super::message::{
    AnyValue, Data, Gauge, Histogram, HistogramPoint, KeyValue, Link, Metric, Metrics, Number,
    NumberPoint, Resource, ResourceMetrics, ResourceSpans, Scope, ScopeMetrics, ScopeSpans, Span,
    SpanKind, Status, StatusCode, Sum, Temporality, Traces, Value,
};
use crate::metrics::{self, DURATION_BOUNDS_S, Deltas, Distribution, Instrument, Point};
use crate::span::kind::Kind;
use crate::spans::{Finished, Value as SpanValue};

/// Who measures.
const SCOPE: &str = "doorward";
/// Flags of a span: whether it is known where its parent is, and that it is somebody else's (trace.proto, `SpanFlags`).
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
/// The trace is recorded (W3C Trace Context §3.2.2.5.1).
const SAMPLED: u32 = 1;

/// Who tells: the attributes of a resource.
pub(super) fn resource(service_name: &str, instance_id: &str) -> Resource {
    let attributes = [
        ("service.name", service_name),
        ("service.instance.id", instance_id),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ];
    Resource {
        attributes: attributes.map(|(key, value)| text(key, value)).to_vec(),
    }
}

/// `ExportMetricsServiceRequest`
pub(super) fn metrics(deltas: &Deltas, resource: Resource) -> Vec<u8> {
    let times = (nanos(deltas.from), nanos(deltas.until));
    // Those of one instrument follow each other.
    let of_one = deltas
        .points
        .chunk_by(|one, other| one.instrument == other.instrument);
    let metrics = of_one.filter_map(|points| metric(points, times)).collect();
    let message = Metrics {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope()),
                metrics,
            }],
        }],
    };
    message.encode_to_vec()
}

/// `ExportTraceServiceRequest`
pub(super) fn spans(spans: &[Finished], resource: Resource) -> Vec<u8> {
    let message = Traces {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans: spans.iter().map(span).collect(),
            }],
        }],
    };
    message.encode_to_vec()
}

fn scope() -> Scope {
    Scope {
        name: SCOPE.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn nanos(time: Millis) -> u64 {
    time.0.saturating_mul(1_000_000)
}

fn metric(points: &[Point], times: (u64, u64)) -> Option<Metric> {
    let first = points.first()?;
    let instrument = first.instrument;
    let numbers = || {
        points
            .iter()
            .filter_map(|point| number(point, times))
            .collect()
    };
    let data = match first.value {
        metrics::Value::Sum(_) => Data::Sum(Sum {
            data_points: numbers(),
            aggregation_temporality: Temporality::Delta.into(),
            is_monotonic: true,
        }),
        metrics::Value::Last(_) => Data::Gauge(Gauge {
            data_points: numbers(),
        }),
        metrics::Value::Distribution(_) => Data::Histogram(Histogram {
            data_points: points
                .iter()
                .filter_map(|point| histogram(point, times))
                .collect(),
            aggregation_temporality: Temporality::Delta.into(),
        }),
    };
    Some(Metric {
        name: instrument.name().to_owned(),
        description: instrument.description().to_owned(),
        unit: instrument.unit().to_owned(),
        data: Some(data),
    })
}

fn number(point: &Point, (from, until): (u64, u64)) -> Option<NumberPoint> {
    let (start, value) = match point.value {
        metrics::Value::Sum(sum) => (from, Number::Int(whole(sum))),
        // A last value has no beginning.
        metrics::Value::Last(last) => (0, Number::Double(last)),
        metrics::Value::Distribution(_) => return None,
    };
    Some(NumberPoint {
        start_time_unix_nano: start,
        time_unix_nano: until,
        value: Some(value),
        attributes: labels(point.instrument, &point.labels),
    })
}

fn histogram(point: &Point, (from, until): (u64, u64)) -> Option<HistogramPoint> {
    let metrics::Value::Distribution(all) = &point.value else {
        return None;
    };
    let Distribution { counts, sum } = &**all;
    Some(HistogramPoint {
        start_time_unix_nano: from,
        time_unix_nano: until,
        count: all.count(),
        sum: Some(*sum),
        bucket_counts: counts.to_vec(),
        explicit_bounds: DURATION_BOUNDS_S.to_vec(),
        attributes: labels(point.instrument, &point.labels),
    })
}

fn labels(instrument: Instrument, values: &[String]) -> Vec<KeyValue> {
    let pairs = instrument.labels().iter().zip(values);
    pairs.map(|(key, value)| text(key, value)).collect()
}

fn span(span: &Finished) -> Span {
    let kind = match span.kind {
        Kind::Internal => SpanKind::Internal,
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
    };
    let remote = if span.parent_is_remote { IS_REMOTE } else { 0 };
    let attributes = span.attributes.iter().map(|(key, value)| match value {
        SpanValue::Text(value) => text(key, value),
        SpanValue::Number(value) => pair(key, Value::Int(whole(*value))),
    });
    let links = span.link.iter().map(|(trace_id, span_id)| Link {
        trace_id: trace_id.to_be_bytes().to_vec(),
        span_id: span_id.to_be_bytes().to_vec(),
    });
    let parent = span.parent.map(|parent| parent.to_be_bytes().to_vec());
    Span {
        trace_id: span.trace_id.to_be_bytes().to_vec(),
        span_id: span.span_id.to_be_bytes().to_vec(),
        parent_span_id: parent.unwrap_or_default(),
        name: span.name.clone(),
        kind: kind.into(),
        start_time_unix_nano: span.start_ns,
        end_time_unix_nano: span.end_ns,
        attributes: attributes.collect(),
        links: links.collect(),
        status: span.is_error.then(|| Status {
            code: StatusCode::Error.into(),
        }),
        flags: SAMPLED | HAS_IS_REMOTE | remote,
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::String(value.to_owned()))
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
