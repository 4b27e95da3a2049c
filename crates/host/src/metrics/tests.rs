#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|there| there == line)
}

#[test]
fn what_there_is_no_more_of_is_counted_no_more() {
    let metrics = Metrics::new().unwrap();
    let connections = [metrics.connection(), metrics.connection()];
    let instance = metrics.instance("gate", Instant::now());
    metrics.refused_connection();
    metrics.loaded("gate", Duration::from_millis(1500));
    let before = metrics.text(Format::Text).unwrap();
    drop((connections, instance));
    let after = metrics.text(Format::Text).unwrap();
    for (name, then, now) in [
        ("doorward_host_connections", "2", "0"),
        ("doorward_host_connections_accepted_total", "2", "2"),
        ("doorward_host_connections_refused_total", "1", "1"),
        (r#"doorward_host_instances{component="gate"}"#, "1", "0"),
        (
            r#"doorward_host_instances_started_total{component="gate"}"#,
            "1",
            "1",
        ),
        (
            r#"doorward_host_component_load_seconds{component="gate"}"#,
            "1.5",
            "1.5",
        ),
    ] {
        assert!(has(&before, &format!("{name} {then}")), "{name}\n{before}");
        assert!(has(&after, &format!("{name} {now}")), "{name}\n{after}");
    }
    #[cfg(target_os = "linux")]
    assert!(after.contains("\nprocess_resident_memory_bytes "));
}

#[test]
fn openmetrics_names_counters_without_total_and_ends() {
    let metrics = Metrics::new().unwrap();
    drop(metrics.connection());
    drop(metrics.instance("gate", Instant::now()));
    let text = metrics.text(Format::OpenMetrics).unwrap();
    for line in [
        "# TYPE doorward_host_connections_accepted counter",
        "doorward_host_connections_accepted_total 1",
        r#"doorward_host_instance_start_seconds_bucket{component="gate",le="1.0"} 1"#,
        r#"doorward_host_instance_start_seconds_bucket{component="gate",le="+Inf"} 1"#,
    ] {
        assert!(has(&text, line), "{line} is in\n{text}");
    }
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn requests_are_counted_by_their_kind_in_whatever_order_they_come() {
    let both = [Metrics::new().unwrap(), Metrics::new().unwrap()];
    let time = Some(Duration::from_millis(1));
    let kinds = [
        ("gate", Outcome::Answered, "2xx", time),
        ("gate", Outcome::Answered, "4xx", time),
        ("gate", Outcome::TooLate, "5xx", time),
        ("ops", Outcome::Answered, "2xx", time),
        ("gone", Outcome::ClientGone, "", None),
    ];
    // Each after each other one, and after itself, of the one host and of the other.
    for first in &kinds {
        for second in &kinds {
            for (component, outcome, status, time) in [first, second] {
                both[0].request(component, *outcome, status, *time);
                both[1].request(component, *outcome, status, *time);
            }
            let (component, outcome, status, time) = first;
            both[0].request(component, *outcome, status, *time);
        }
    }
    for (metrics, count) in both.iter().zip([15, 10]) {
        let text = metrics.text(Format::Text).unwrap();
        for (component, outcome, status, _) in &kinds {
            let outcome = outcome.name();
            let line = format!(
                r#"doorward_host_requests_total{{component="{component}",outcome="{outcome}",status="{status}"}} {count}"#
            );
            assert!(has(&text, &line), "{line}\n{text}");
        }
        for (component, kinds) in [("gate", 3), ("ops", 1)] {
            let count = kinds * count;
            let line =
                format!(r#"doorward_host_answer_seconds_count{{component="{component}"}} {count}"#);
            assert!(has(&text, &line), "{line}\n{text}");
        }
        let gone = r#"doorward_host_answer_seconds_count{component="gone"}"#;
        assert!(!text.contains(gone), "{text}");
    }
}
