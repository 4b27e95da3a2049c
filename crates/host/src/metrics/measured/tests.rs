#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use prometheus::{Encoder as _, Registry, TextEncoder};

use super::*;

fn text(measurements: &std::sync::Arc<Measurements>) -> String {
    let registry = Registry::new();
    let seen = Seen(std::sync::Arc::clone(measurements));
    registry.register(Box::new(seen)).unwrap();
    let mut bytes = Vec::new();
    TextEncoder::new()
        .encode(&registry.gather(), &mut bytes)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|there| there == line)
}

fn counter<'a>(component: &'a str, route: &str, by: f64) -> Measured<'a> {
    Measured {
        component,
        name: "doorward.requests",
        unit: "{request}",
        help: "Requests.",
        kind: Kind::Counter,
        labels: vec![("route", route.to_owned())],
        value: Value::Number(by),
    }
}

fn times<'a>(counts: &'a [u64], bounds: &'a [f64], sum: f64) -> Measured<'a> {
    Measured {
        component: "gate",
        name: "doorward.request.duration",
        unit: "s",
        help: "Times.",
        kind: Kind::Histogram,
        labels: Vec::new(),
        value: Value::Distribution {
            bounds,
            counts,
            sum,
        },
    }
}

#[test]
fn counters_of_all_instances_of_a_component_are_one() {
    let all = std::sync::Arc::new(Measurements::default());
    for (component, route, by) in [
        ("gate", "/a", 2.0),
        ("gate", "/a", 3.0),
        ("gate", "/b\"\n", 1.0),
        ("other", "/a", 7.0),
    ] {
        all.add(&counter(component, route, by)).unwrap();
    }
    let text = text(&all);
    for line in [
        "# HELP doorward_requests_total Requests.",
        "# TYPE doorward_requests_total counter",
        r#"doorward_requests_total{component="gate",route="/a"} 5"#,
        r#"doorward_requests_total{component="gate",route="/b\"\n"} 1"#,
        r#"doorward_requests_total{component="other",route="/a"} 7"#,
    ] {
        assert!(has(&text, line), "{line}\n{text}");
    }
}

#[test]
fn a_gauge_is_what_was_told_last() {
    let all = std::sync::Arc::new(Measurements::default());
    for value in [7.0, 5.0] {
        let gauge = Measured {
            kind: Kind::Gauge,
            name: "doorward.key_set.fetch_time",
            unit: "s",
            ..counter("gate", "x", value)
        };
        all.add(&gauge).unwrap();
    }
    let line = r#"doorward_key_set_fetch_time_seconds{component="gate",route="x"} 5"#;
    assert!(has(&text(&all), line), "{}", text(&all));
}

#[test]
fn histograms_add_up_bucket_by_bucket() {
    let all = std::sync::Arc::new(Measurements::default());
    let bounds = [0.1, 1.0];
    all.add(&times(&[1, 0, 2], &bounds, 9.0)).unwrap();
    all.add(&times(&[2, 1, 0], &bounds, 0.5)).unwrap();
    let text = text(&all);
    for line in [
        r#"doorward_request_duration_seconds_bucket{component="gate",le="0.1"} 3"#,
        r#"doorward_request_duration_seconds_bucket{component="gate",le="1"} 4"#,
        r#"doorward_request_duration_seconds_bucket{component="gate",le="+Inf"} 6"#,
        r#"doorward_request_duration_seconds_sum{component="gate"} 9.5"#,
        r#"doorward_request_duration_seconds_count{component="gate"} 6"#,
    ] {
        assert!(has(&text, line), "{line}\n{text}");
    }
}

#[test]
fn a_name_that_only_begins_like_one_of_prometheus_is_a_component_s() {
    let all = std::sync::Arc::new(Measurements::default());
    for (name, kind, told) in [
        ("upstream.queue", Kind::Gauge, "upstream_queue"),
        ("uploads", Kind::Counter, "uploads_total"),
    ] {
        let one = Measured {
            name,
            kind,
            ..counter("app", "/a", 1.0)
        };
        all.add(&one).unwrap();
        let line = format!("{told}{{component=\"app\",route=\"/a\"}} 1");
        assert!(has(&text(&all), &line), "{line}");
    }
}

#[test]
fn what_is_no_measurement_is_not_taken_and_changes_nothing() {
    let all = std::sync::Arc::new(Measurements::default());
    all.add(&times(&[1, 1], &[0.1], 1.0)).unwrap();
    let before = text(&all);
    let labelled = |labels: Vec<(&'static str, String)>| Measured {
        labels,
        ..counter("gate", "", 1.0)
    };
    let named = |name: &'static str| Measured {
        name,
        ..counter("gate", "", 1.0)
    };
    let long = "a".repeat(TEXT_BYTES_MAX + 1);
    for (what, measured) in [
        ("a counter that falls", counter("gate", "", -1.0)),
        ("no number", counter("gate", "", f64::NAN)),
        ("without an end", counter("gate", "", f64::INFINITY)),
        ("no name", named("")),
        ("a name that begins with a digit", named("1a")),
        ("a name of the host", named("doorward_host_connections")),
        (
            "the same in another spelling",
            named("doorward.host.connections"),
        ),
        ("a name of the process", named("process.cpu")),
        (
            "a name that is too long",
            Measured {
                name: &long,
                ..counter("gate", "", 1.0)
            },
        ),
        (
            "one attribute twice",
            labelled(vec![("a.b", String::new()), ("a_b", String::new())]),
        ),
        (
            "another component's",
            labelled(vec![("component", "other".to_owned())]),
        ),
        (
            "too many attributes",
            labelled(vec![("a", String::new()); LABELS_MAX + 1]),
        ),
        (
            "the label of buckets",
            labelled(vec![("le", "1".to_owned())]),
        ),
        (
            "that of quantiles",
            labelled(vec![("quantile", "1".to_owned())]),
        ),
        ("a name of Prometheus", named("up")),
        (
            "a name like that of a sample",
            named("doorward.request.duration_count"),
        ),
        ("other buckets", times(&[1, 1], &[0.2], 1.0)),
        ("too few counts", times(&[1], &[0.1], 1.0)),
        ("too many counts", times(&[1, 1, 1], &[0.1], 1.0)),
        ("bounds that fall", times(&[1, 1, 1], &[0.2, 0.1], 1.0)),
        (
            "a bound without an end",
            times(&[1, 1], &[f64::INFINITY], 1.0),
        ),
        (
            "a histogram that is none",
            Measured {
                value: Value::Number(1.0),
                ..times(&[], &[], 0.0)
            },
        ),
    ] {
        assert!(all.add(&measured).is_err(), "{what}");
        assert_eq!(text(&all), before, "{what}");
    }
}

#[test]
fn metrics_and_series_of_a_component_are_bounded_and_those_that_are_there_go_on() {
    let all = std::sync::Arc::new(Measurements::default());
    for number in 0..SERIES_MAX {
        all.add(&counter("gate", &number.to_string(), 1.0)).unwrap();
    }
    assert!(all.add(&counter("gate", "more", 1.0)).is_err());
    all.add(&counter("gate", "0", 1.0)).unwrap();
    all.add(&counter("other", "more", 1.0)).unwrap();

    let all = std::sync::Arc::new(Measurements::default());
    let named = |component: &str, number: usize| {
        let name = format!("a{number}");
        let one = Measured {
            name: &name,
            ..counter(component, "", 1.0)
        };
        all.add(&one)
    };
    for number in 0..FAMILIES_MAX {
        named("gate", number).unwrap();
    }
    let before = text(&all);
    named("gate", FAMILIES_MAX).unwrap_err();
    assert_eq!(text(&all), before, "nothing is made for what is refused");
    named("gate", 0).unwrap();
    named("other", FAMILIES_MAX).unwrap();
}

#[test]
fn the_buckets_of_one_component_are_not_those_of_another_one() {
    let all = std::sync::Arc::new(Measurements::default());
    all.add(&times(&[1, 1], &[0.1], 1.0)).unwrap();
    let other = Measured {
        component: "other",
        ..times(&[1, 1], &[0.5], 1.0)
    };
    all.add(&other).unwrap();
    assert!(text(&all).contains(r#"component="other",le="0.5"} 1"#));
}
