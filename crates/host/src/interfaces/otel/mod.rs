//! `wasi:otel/metrics`: what components measure, which the host adds up and tells with its own numbers. It gives a
//! component nothing, so it needs no grant. Where the host has no `--metrics`, it is taken and forgotten.

mod bindings;

use wasmtime::Result;
use wasmtime::component::{HasData, Linker};

use self::bindings::wasi::otel::metrics as otel;
use self::bindings::wasi::otel::types::KeyValue;
use crate::interfaces::interface::HostView;
use crate::metrics::{Kind, Measured, Metrics, Value};
use crate::telemetry::Telemetry;

struct Link;

impl HasData for Link {
    type Data<'a> = &'a mut Telemetry;
}

/// Defines the interface.
///
/// # Errors
///
/// When something of the same name is defined.
pub fn link<T: HostView>(linker: &mut Linker<T>) -> Result<()> {
    let mut at = linker.instance("wasi:otel/metrics@0.2.0-rc.2")?;
    otel::add_to_linker_instance::<T, Link>(&mut at, T::telemetry)
}

impl otel::Host for &mut Telemetry {
    fn export(&mut self, told: otel::ResourceMetrics) -> std::result::Result<(), otel::Error> {
        // What is refused is counted, and not told the component as an error: it would tell all of it again.
        if let Some(metrics) = &self.metrics {
            let all = told.scope_metrics.iter().flat_map(|scope| &scope.metrics);
            for metric in all {
                take(metrics, &self.component, metric);
            }
        }
        Ok(())
    }
}

/// Adds a metric to what is known.
fn take(metrics: &Metrics, component: &str, metric: &otel::Metric) {
    use otel::MetricData as Data;
    let add = |kind, attributes: &[KeyValue], value| {
        let labels = attributes.iter().map(|one| (&*one.key, text(&one.value)));
        metrics.measured(&Measured {
            component,
            name: &metric.name,
            unit: &metric.unit,
            help: &metric.description,
            kind,
            labels: labels.collect(),
            value,
        });
    };
    match &metric.data {
        Data::F64Sum(sum) | Data::U64Sum(sum) | Data::S64Sum(sum) => {
            if sum.temporality == otel::Temporality::Cumulative || !sum.is_monotonic {
                return metrics.drops(component);
            }
            for point in &sum.data_points {
                add(
                    Kind::Counter,
                    &point.attributes,
                    Value::Number(number(point.value)),
                );
            }
        }
        Data::F64Gauge(gauge) | Data::U64Gauge(gauge) | Data::S64Gauge(gauge) => {
            for point in &gauge.data_points {
                add(
                    Kind::Gauge,
                    &point.attributes,
                    Value::Number(number(point.value)),
                );
            }
        }
        Data::F64Histogram(all) | Data::U64Histogram(all) | Data::S64Histogram(all) => {
            if all.temporality == otel::Temporality::Cumulative {
                return metrics.drops(component);
            }
            for point in &all.data_points {
                let value = Value::Distribution {
                    bounds: &point.bounds,
                    counts: &point.bucket_counts,
                    sum: number(point.sum),
                };
                add(Kind::Histogram, &point.attributes, value);
            }
        }
        Data::F64ExponentialHistogram(_)
        | Data::U64ExponentialHistogram(_)
        | Data::S64ExponentialHistogram(_) => {
            metrics.drops(component);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus has no other numbers"
)]
fn number(number: otel::MetricNumber) -> f64 {
    match number {
        otel::MetricNumber::F64(number) => number,
        otel::MetricNumber::S64(number) => number as f64,
        otel::MetricNumber::U64(number) => number as f64,
    }
}

/// The text of an attribute, which is written as JSON; of anything else, the JSON.
fn text(value: &str) -> String {
    serde_json::from_str(value).unwrap_or_else(|_| value.to_owned())
}
