#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::StatusCode;

use super::*;

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|there| there == line)
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_component_and_outcome_when_they_are_answered_or_left() {
    let metrics = Metrics::new().unwrap();
    let began = tokio::time::Instant::now();
    let mut good = Account::begin(Some(&metrics), began);
    good.component = "gate";
    tokio::time::advance(Duration::from_millis(3)).await;
    good.close(StatusCode::OK);
    let mut refused = Account::begin(Some(&metrics), tokio::time::Instant::now());
    refused.outcome = Outcome::NoRoute;
    refused.close(StatusCode::NOT_FOUND);
    let mut left = Account::begin(Some(&metrics), tokio::time::Instant::now());
    left.component = "gate";
    drop(left);
    Account::begin(None, began).close(StatusCode::OK);
    let text = metrics.text(Format::Text).unwrap();
    for line in [
        r#"doorward_host_requests_total{component="gate",outcome="answered",status="2xx"} 1"#,
        r#"doorward_host_requests_total{component="",outcome="no_route",status="4xx"} 1"#,
        r#"doorward_host_requests_total{component="gate",outcome="client_gone",status=""} 1"#,
        r#"doorward_host_answer_seconds_count{component="gate"} 1"#,
        r#"doorward_host_answer_seconds_bucket{component="gate",le="0.0025"} 0"#,
        r#"doorward_host_answer_seconds_bucket{component="gate",le="0.005"} 1"#,
    ] {
        assert!(has(&text, line), "{line} is in\n{text}");
    }
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
fn who_names_openmetrics_gets_it() {
    for (accept, format) in [
        ("", Format::Text),
        ("*/*", Format::Text),
        ("text/plain;version=0.0.4", Format::Text),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3",
            Format::OpenMetrics,
        ),
        (
            "text/plain, Application/OpenMetrics-Text",
            Format::OpenMetrics,
        ),
    ] {
        assert_eq!(Format::accepted(accept), format, "{accept}");
    }
}
