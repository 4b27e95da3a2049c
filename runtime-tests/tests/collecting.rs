//! Numbers and spans that a component sends to a collector, on hosts that need not know of that. What is in them in every
//! case is shown in virtual time; here it is that they arrive, whole and once.

#![expect(clippy::panic, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec, built};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{policy, status};
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{BODY_KEPT_BYTES_MAX, Origin, Reply};
use doorward_runtime_tests::{cases, run};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Requests of all clients together.
const REQUESTS: usize = 40;

fn main() -> ExitCode {
    run::main(cases![
        what_all_instances_measure_arrives_once,
        a_collector_that_is_gone_costs_no_request_anything;
        both_manners:
        what_was_measured_is_told_before_the_host_ends,
    ])
}

/// The service `echo` behind a gate that tells this collector.
fn app(issuer: &Issuer, collector: &Origin) -> App {
    let telemetry = format!(
        "[telemetry]\notlp = \"{}\"\ntrace_one_in = 1\n",
        collector.url()
    );
    let mut spec = AppSpec::gated("echo", format!("{telemetry}{}", policy(issuer)));
    spec.sources.push(("gate", built("gate-reporting")));
    spec.write()
}

/// What came at this path.
fn came<M: Message + Default>(collector: &Origin, path: &str) -> Vec<M> {
    let requests = collector.requests();
    let whole = requests
        .iter()
        .filter(|seen| seen.target == path && seen.is_whole());
    whole
        .map(|seen| {
            assert!(seen.body.len() < BODY_KEPT_BYTES_MAX, "all of it was kept");
            M::decode(seen.body.as_slice()).unwrap_or_else(|error| panic!("{error}: {seen:?}"))
        })
        .collect()
}

/// How many requests are told of, and by how many instances.
fn counted(collector: &Origin) -> (i64, usize) {
    let mut count = 0;
    let mut instances = BTreeSet::new();
    for came in came::<ExportMetricsServiceRequest>(collector, "/v1/metrics") {
        for resource in came.resource_metrics {
            let attributes = resource.resource.map(|resource| resource.attributes);
            instances.extend(attributes.into_iter().flatten().filter_map(|pair| {
                (pair.key == "service.instance.id").then(|| format!("{:?}", pair.value))
            }));
            let scopes = resource.scope_metrics.into_iter();
            for metric in scopes.flat_map(|scope| scope.metrics) {
                if let ("doorward.requests", Some(Data::Sum(sum))) = (&*metric.name, metric.data) {
                    for point in sum.data_points {
                        let Some(Value::AsInt(value)) = point.value else {
                            panic!("{point:?}")
                        };
                        count += value;
                    }
                }
            }
        }
    }
    (count, instances.len())
}

fn spans(collector: &Origin) -> Vec<Span> {
    let came: Vec<ExportTraceServiceRequest> = came(collector, "/v1/traces");
    let resources = came.into_iter().flat_map(|came| came.resource_spans);
    let scopes = resources.flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// Those of requests, not of what was done for them.
fn of_requests(collector: &Origin) -> Vec<Span> {
    let spans = spans(collector).into_iter();
    spans.filter(|span| span.name == "GET /read/**").collect()
}

async fn asked(running: &Running, token: &str) {
    let answer = Ask::get("/read/a")
        .bearer(token)
        .send(running.address)
        .await;
    status(&answer, 200, "whatever becomes of numbers");
}

async fn what_all_instances_measure_arrives_once(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let collector = Origin::start(Reply::ok("")).await;
    let app = app(&issuer, &collector);
    let running = host.serve(&app, How::spread()).await;
    let token = issuer.token("alice", "read");
    for _ in 0..REQUESTS / 4 {
        let four = (0..4).map(|_| asked(&running, &token));
        futures::future::join_all(four).await;
    }
    collector
        .until("all requests and spans were told", |collector| {
            counted(collector).0 == 40 && of_requests(collector).len() == REQUESTS
        })
        .await;
    assert!(counted(&collector).1 > 1, "several instances told");
    let ids: BTreeSet<_> = of_requests(&collector)
        .into_iter()
        .map(|span| span.trace_id)
        .collect();
    assert_eq!(ids.len(), REQUESTS, "each has a trace of its own");
    let all = spans(&collector);
    let of_request = of_requests(&collector);
    for part in all.iter().filter(|span| span.name == "authentication") {
        let is_parent =
            |span: &Span| span.trace_id == part.trace_id && span.span_id == part.parent_span_id;
        assert!(of_request.iter().any(is_parent), "{part:?}");
    }
}

async fn what_was_measured_is_told_before_the_host_ends(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let collector = Origin::start(Reply::ok("")).await;
    let app = app(&issuer, &collector);
    let running = host.serve(&app, How::kept()).await;
    let token = issuer.token("alice", "read");
    let four = (0..4).map(|_| asked(&running, &token));
    futures::future::join_all(four).await;
    running.stop().await;
    assert_eq!(
        counted(&collector).0,
        4,
        "what an instance does after answers"
    );
    assert_eq!(of_requests(&collector).len(), 4);
}

async fn a_collector_that_is_gone_costs_no_request_anything(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let collector = Origin::start(Reply::ok("")).await;
    let app = app(&issuer, &collector);
    let running = host.serve(&app, How::one()).await;
    let token = issuer.token("alice", "read");
    collector.stop().await;
    for _ in 0..5 {
        asked(&running, &token).await;
    }
    running
        .wait_for_log(|line| line.contains("telemetry-failed"))
        .await;
    collector.revive().await;
    asked(&running, &token).await;
    collector
        .until("what was measured meanwhile was told", |collector| {
            counted(collector).0 == 6 && of_requests(collector).len() == 6
        })
        .await;
}
