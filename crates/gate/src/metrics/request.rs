//! What is counted of a request.

use doorward_metrics::Instrument;
use doorward_traffic::retry::End;

use super::series::Metrics;
use crate::access_log::decision;
use crate::method::known_method;
use crate::record::{Outcome, Proof, Record};

/// What the label of a route says of a request that has none.
const NO_ROUTE: &str = "(none)";

/// Counts a request that was answered with this status, or not at all, at this moment.
pub(crate) fn count(metrics: &mut Metrics, record: &Record<'_>, status: Option<u16>, now_ns: u64) {
    let route = record.route.or(record.endpoint).unwrap_or(NO_ROUTE);
    let decision = decision(record);
    let status = status.filter(|status| *status < 600);
    let mut digits = itoa::Buffer::new();
    let status = status.map_or("none", |status| digits.format(status));
    let labels = [route, known_method(&record.method), status, decision];
    metrics.add(Instrument::Requests, &labels, 1);
    let took = now_ns.saturating_sub(record.arrived_ns);
    metrics.measure(Instrument::RequestDuration, &[route, decision], took);
    if let Outcome::Refused(refusal) = &record.outcome {
        metrics.add(Instrument::Refusals, &[route, refusal.class().name()], 1);
    } else if let Some(refusal) = record.would_refuse() {
        metrics.add(Instrument::WouldRefuse, &[route, refusal.class().name()], 1);
    }
    #[cfg(feature = "report")]
    if let Some(candidate) = record.candidate {
        metrics.add(Instrument::CandidateDiffers, &[route, candidate], 1);
    }
    for (limit, verdict) in &record.limits {
        if !verdict.admitted {
            metrics.add(Instrument::RateLimitRefusals, &[limit], 1);
        }
    }
    authentication(metrics, record);
    upstreams(metrics, record);
}

fn authentication(metrics: &mut Metrics, record: &Record<'_>) {
    let Some(took) = record.authentication_ns else {
        return;
    };
    let credential = record.credential.map_or("none", |kind| kind.name());
    let proof = record.proof.map_or("none", Proof::name);
    metrics.measure(
        Instrument::AuthenticationDuration,
        &[credential, proof],
        took,
    );
}

fn upstreams(metrics: &mut Metrics, record: &Record<'_>) {
    for asked in &record.upstreams {
        let name = &*asked.upstream.name;
        for (_, end) in &asked.attempts {
            let outcome = match end {
                End::Status { status, .. } => match status / 100 {
                    2 => "2xx",
                    3 => "3xx",
                    4 => "4xx",
                    5 => "5xx",
                    _ => "other",
                },
                End::Failure(failure) => failure.name(),
            };
            metrics.add(Instrument::UpstreamAttempts, &[name, outcome], 1);
        }
        if asked.breaker_was_open {
            metrics.add(Instrument::UpstreamBreaker, &[name], 1);
        }
    }
}
