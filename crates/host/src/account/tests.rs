#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::*;
use crate::metrics::Format;

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_component_and_outcome_when_they_are_answered_or_left() {
    let metrics = Metrics::new().unwrap();
    let began = Instant::now();
    let mut good = Account::begin(Some(&metrics), began);
    good.component = "gate";
    tokio::time::advance(Duration::from_millis(3)).await;
    good.close(StatusCode::OK);
    let mut refused = Account::begin(Some(&metrics), Instant::now());
    refused.outcome = Outcome::NoRoute;
    refused.close(StatusCode::NOT_FOUND);
    let mut left = Account::begin(Some(&metrics), Instant::now());
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
        assert!(
            text.lines().any(|there| there == line),
            "{line} is in\n{text}"
        );
    }
}
