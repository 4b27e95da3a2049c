//! Numbers, as a collector has them.

use super::scene::{Scene, attributes, check_resource, metrics, sums};
use doorward_gate::metrics::Instrument;
use doorward_tests::sim::client::Sent;
use opentelemetry_proto::tonic::metrics::v1::AggregationTemporality;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use std::collections::BTreeSet;

#[test]
fn numbers_come_as_deltas_and_add_up() {
    let scene = Scene::new("trace_one_in = 0");
    for _ in 0..3 {
        for _ in 0..5 {
            scene.stage.send(scene.get("/orders/1"));
        }
        scene.stage.send(Sent::get("/orders/1"));
        scene.soon();
    }
    let came = scene.metrics();
    assert_eq!(
        came.len(),
        3,
        "one message for each second in which anything was measured"
    );
    let requests = sums(&came, "doorward.requests");
    assert_eq!(requests["admitted GET /orders/{number} 200"], 15);
    assert_eq!(requests["refused GET /orders/{number} 401"], 3);
    assert_eq!(sums(&came, "doorward.upstream.attempts")["2xx orders"], 15);
    assert_eq!(scene.spans(), [], "none is sampled");
}

#[test]
fn each_metric_has_its_unit_its_kind_and_its_labels() {
    let scene = Scene::new("trace_one_in = 0");
    scene.stage.send(scene.get("/orders/1"));
    scene.stage.send(Sent::get("/orders/1"));
    scene.soon();
    let came = scene.metrics();
    for metric in metrics(&came) {
        let mut table = Instrument::ALL.iter();
        let instrument = table.find(|one| one.name() == metric.name).unwrap();
        assert_eq!(metric.unit, instrument.unit());
        assert_eq!(metric.description, instrument.description());
        let points: Vec<_> = match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => {
                assert!(sum.is_monotonic);
                assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Delta);
                sum.data_points
                    .iter()
                    .map(|point| &point.attributes)
                    .collect()
            }
            Data::Gauge(gauge) => gauge
                .data_points
                .iter()
                .map(|point| &point.attributes)
                .collect(),
            Data::Histogram(all) => {
                assert_eq!(all.aggregation_temporality(), AggregationTemporality::Delta);
                for point in &all.data_points {
                    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                    assert!(point.sum.unwrap() >= 0.0);
                }
                all.data_points
                    .iter()
                    .map(|point| &point.attributes)
                    .collect()
            }
            other => panic!("{other:?}"),
        };
        let labels: BTreeSet<_> = instrument
            .labels()
            .iter()
            .map(ToString::to_string)
            .collect();
        for point in points {
            let told: BTreeSet<_> = attributes(point).into_keys().collect();
            assert_eq!(told, labels, "{}", metric.name);
        }
    }
    let names: BTreeSet<_> = metrics(&came).map(|metric| metric.name.as_str()).collect();
    for expected in [
        "doorward.requests",
        "doorward.request.duration",
        "doorward.authentication.duration",
        "doorward.refusals",
        "doorward.key_set.fetch_time",
        "doorward.instance.starts",
    ] {
        assert!(names.contains(expected), "{expected} among {names:?}");
    }
}

#[test]
fn each_interval_begins_where_the_one_before_ended() {
    let scene = Scene::of("trace_one_in = 0", |mut component| {
        component.idle_max = None;
        component
    });
    for _ in 0..3 {
        scene.stage.send(scene.get("/orders/1"));
        scene
            .stage
            .world
            .executor
            .run_for(std::time::Duration::from_millis(1200));
    }
    let came = scene.metrics();
    let interval = |at: usize| {
        let metric = metrics(&came[at..=at]).find(|metric| metric.name == "doorward.requests");
        let Some(Data::Sum(sum)) = &metric.unwrap().data else {
            panic!("no sum")
        };
        let point = &sum.data_points[0];
        assert!(point.start_time_unix_nano <= point.time_unix_nano);
        (point.start_time_unix_nano, point.time_unix_nano)
    };
    assert_eq!(came.len(), 3);
    assert_eq!(interval(0).1, interval(1).0);
    assert_eq!(interval(1).1, interval(2).0);
}

#[test]
fn every_instance_tells_for_itself() {
    let scene = Scene::of("trace_one_in = 0", |mut component| {
        component.requests_max = 4;
        component
    });
    for _ in 0..12 {
        scene.stage.send(scene.get("/orders/1"));
    }
    scene.soon();
    let came = scene.metrics();
    let resources = came.iter().flat_map(|came| &came.resource_metrics);
    let ids: BTreeSet<_> = resources
        .map(|resource| check_resource(resource.resource.as_ref()))
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(sums(&came, "doorward.requests").values().sum::<i64>(), 12);
    assert_eq!(sums(&came, "doorward.instance.starts")[""], 3);
}

#[test]
fn what_the_policy_does_not_want_is_not_sent() {
    let scene = Scene::new("metrics = false\ntrace_one_in = 1");
    scene.stage.send(scene.get("/orders/1"));
    scene.soon();
    assert!(scene.metrics().is_empty());
    assert!(!scene.spans().is_empty());
}
