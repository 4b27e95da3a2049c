//! The component `ops`: what instances of the gateway have left in the store, as Prometheus and others take it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec, Other, built};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, How, start_in_process};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::measured::{REQUESTS, ask_by_four, until_it_says, value};
use doorward_runtime_tests::openmetrics::{self, Sample};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Group;
use doorward_runtime_tests::servers::{Kind as _, Prometheus, Server, lint};
use doorward_runtime_tests::{cases, run};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    run::main_of(&[
        Group {
            prepare: || Ok(()),
            cases: cases![
                numbers_are_behind_the_gate_where_the_policy_says_so,
                the_gate_stands_before_it_as_before_any_component,
                without_the_grant_it_says_what_to_do,
            ],
        },
        Group {
            prepare: || Prometheus::available().and_then(|()| openmetrics::prepare()),
            cases: cases![
                prometheus_reads_what_all_instances_have_left;
                in_process: the_host_s_own_numbers_are_openmetrics_to_somebody_else_s_parser,
            ],
        },
    ])
}

/// How long something that happens soon may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What Prometheus asks for, in short.
const ACCEPTED: &str =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";

/// The gateway before this origin, and `ops` beside it.
fn app(issuer: &Issuer, origin: &Origin, ops: Other) -> App {
    let (url, origin) = (issuer.url(), origin.url());
    let mut spec = AppSpec::gateway(format!(
        r#"
        [telemetry]
        in_store = true
        [issuer.test]
        url = "{url}"
        audience = "{AUDIENCE}"
        [upstream.orders]
        url = "{origin}"
        attempts_max = 1
        [upstream.ops]
        url = "http://ops.spin.internal"
        [defaults]
        upstream = "orders"
        [[route]]
        path = "/read/{{number}}"
        scope = ["read"]
        [[route]]
        path = "/metrics"
        scope = ["metrics"]
        upstream = "ops"
        "#
    ));
    spec.sources.push(("gateway", built("gateway-ops")));
    spec.outbound.push("http://ops.spin.internal".to_owned());
    spec.others = vec![ops];
    spec.write()
}

/// `ops` on this route, or on a private one, with the store that there is.
fn ops(route: Option<&'static str>) -> Other {
    Other {
        route,
        stores: vec!["default".to_owned()],
        ..Other::private("ops", "ops")
    }
}

async fn ask(at: SocketAddr, path: &str) -> Answer {
    Ask::get(path).send(at).await
}

/// The value of the samples of this name that have these labels, added up.
fn sum(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let of_name = samples.iter().filter(|sample| sample.name == name);
    let of_labels = of_name.filter(|sample| {
        let has = |(label, value): &(&str, &str)| sample.labels[label] == **value;
        labels.iter().all(has)
    });
    of_labels.map(|sample| sample.value).sum()
}

async fn prometheus_reads_what_all_instances_have_left(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("here you are")).await;
    let app = app(&issuer, &origin, ops(Some("/metrics")));
    let running = host.serve(&app, How::in_turns()).await;
    let token = issuer.token("alice", "read");
    let requests = REQUESTS;
    ask_by_four(running.address, &token).await;
    let admitted = r#"doorward_requests_total{route="/read/{number}",method="GET",status="200",decision="admitted"} "#;
    let refused = r#"doorward_refusals_total{route="/read/{number}",class="no-credential"} "#;
    let began = Instant::now();
    let mut before = 0;
    let text = loop {
        let answer = ask(running.address, "/metrics").await;
        status(&answer, 200, "the numbers");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        let text = answer.text();
        let now = value(&text, admitted);
        assert!(before <= now && now <= requests, "{now} after {before}");
        before = now;
        if now == requests && value(&text, refused) == requests {
            break text;
        }
        assert!(began.elapsed() < PATIENCE, "not all are counted: {text}");
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let starts = value(&text, "doorward_instance_starts_total ");
    assert!(starts >= 3, "there were several instances: {starts}");
    assert_eq!(lint(&text), "", "promtool has nothing against it");
    for name in ["alice", token.as_str()] {
        assert!(!text.contains(name), "{name} is in no label");
    }

    let answer = Ask::get("/metrics").header("accept", ACCEPTED);
    let answer = answer.send(running.address).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let samples = openmetrics::samples(&answer.text()).unwrap();
    let route = ("route", "/read/{number}");
    let all = requests as f64;
    for (name, labels, count) in [
        (
            "doorward_requests_total",
            &[route, ("status", "200")][..],
            all,
        ),
        ("doorward_requests_total", &[route, ("status", "401")], all),
        (
            "doorward_request_duration_seconds_count",
            &[route],
            2.0 * all,
        ),
        (
            "doorward_request_duration_seconds_bucket",
            &[route, ("le", "+Inf")],
            2.0 * all,
        ),
        (
            "doorward_upstream_attempts_total",
            &[("upstream", "orders"), ("outcome", "2xx")],
            all,
        ),
        ("doorward_instance_starts_total", &[], starts as f64),
    ] {
        let there = sum(&samples, name, labels);
        assert_eq!(there, count, "{name} {labels:?}: {samples:#?}");
    }
    let fetched = sum(
        &samples,
        "doorward_key_set_fetch_time_seconds",
        &[("issuer", "test")],
    );
    assert!(fetched > 1.7e9, "{fetched}");

    let server = Server::start(Prometheus::of(running.address)).await;
    for (question, answered) in [
        (
            r#"sum by (component) (doorward_requests_total{decision="admitted",component=~".*"})"#,
            "300",
        ),
        (
            r#"doorward_request_duration_seconds_bucket{decision="admitted",le="+Inf"}"#,
            "300",
        ),
        ("up", "1"),
    ] {
        until_it_says(&server, question, answered).await;
    }
}

async fn numbers_are_behind_the_gate_where_the_policy_says_so(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("here you are")).await;
    let app = app(&issuer, &origin, ops(None));
    let running = host.start(&app).await;
    let get = || Ask::get("/metrics");
    let send = async |ask: Ask| ask.send(running.address).await;
    status(&send(get()).await, 401, "without a credential");
    let token = issuer.token("alice", "read");
    status(&send(get().bearer(&token)).await, 403, "another scope");
    let token = issuer.token("prometheus", "metrics");
    let began = Instant::now();
    loop {
        let answer = send(get().bearer(&token)).await;
        status(&answer, 200, "who may");
        // What it was asked for the first time is there later.
        if value(
            &answer.text(),
            r#"doorward_refusals_total{route="/metrics",class="no-credential"} "#,
        ) == 1
        {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{}", answer.text());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn the_gate_stands_before_it_as_before_any_component(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let url = issuer.url();
    let policy = format!(
        "[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\n[[route]]\npath = \"/metrics\"\n\
         scope = [\"metrics\"]\n"
    );
    let mut spec = AppSpec::gated("ops", policy);
    spec.route = "/metrics";
    let app = spec.write();
    let running = host.start(&app).await;
    let get = || Ask::get("/metrics").header("accept", ACCEPTED);
    status(&get().send(running.address).await, 401, "no credential");
    let token = issuer.token("prometheus", "metrics");
    let answer = get().bearer(&token).send(running.address).await;
    status(&answer, 200, "who may");
    assert_eq!(answer.text(), "# EOF\n", "nobody has left anything");
}

async fn without_the_grant_it_says_what_to_do(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("here you are")).await;
    // It has another store than the one that it is told to look at.
    let ops = Other {
        environment: vec![("DOORWARD_STORE", "elsewhere")],
        ..ops(Some("/numbers/..."))
    };
    let app = app(&issuer, &origin, ops);
    let running = host.start(&app).await;
    let answer = ask(running.address, "/numbers/metrics").await;
    status(&answer, 503, "no store");
    assert!(
        answer.text().contains("key_value_stores"),
        "{}",
        answer.text()
    );
    running
        .wait_for_log(|line| {
            let parts = ["store-unavailable", "not granted", "elsewhere"];
            parts.iter().all(|part| line.contains(part))
        })
        .await;
    let answer = ask(running.address, "/numbers/else").await;
    status(&answer, 404, "another path");
    let answer = Ask::new("POST", "/numbers/metrics")
        .send(running.address)
        .await;
    status(&answer, 405, "another method");
}

async fn the_host_s_own_numbers_are_openmetrics_to_somebody_else_s_parser() {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("here you are")).await;
    let (url, upstream) = (issuer.url(), origin.url());
    let mut spec = AppSpec::gateway(format!(
        "[issuer.test]\nurl = \"{url}\"\naudience = \"{AUDIENCE}\"\n[upstream.orders]\nurl = \"{upstream}\"\n\
         [defaults]\nupstream = \"orders\"\n[[route]]\npath = \"/read/{{number}}\"\nscope = [\"read\"]\n"
    ));
    spec.sources.push(("gateway", built("gateway-measuring")));
    let app = spec.write();
    let running = start_in_process(&app, |options| {
        options.metrics = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let token = issuer.token("alice", "read");
    for _ in 0..3 {
        let ask = Ask::get("/read/1").bearer(&token);
        status(&ask.send(running.address).await, 200, "who may read does");
    }
    let began = Instant::now();
    let (text, samples) = loop {
        let ask = Ask::get("/metrics").header("accept", ACCEPTED);
        let text = ask.send(running.metrics.unwrap()).await.text();
        let samples = openmetrics::samples(&text).unwrap();
        if sum(&samples, "doorward_requests_total", &[("status", "200")]) == 3.0 {
            break (text, samples);
        }
        assert!(began.elapsed() < PATIENCE, "{text}");
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let component = ("component", "gateway");
    for (name, labels) in [
        ("doorward_request_duration_seconds_count", &[component][..]),
        ("doorward_host_requests_total", &[component]),
        (
            "doorward_host_answer_seconds_bucket",
            &[component, ("le", "+Inf")],
        ),
    ] {
        assert_eq!(sum(&samples, name, labels), 3.0, "{name}: {text}");
    }
    // The parser has a say.
    for wrong in [
        text.replace("# EOF\n", ""),
        text.replace("le=\"+Inf\"", "le=\"1e9\""),
        "# TYPE a counter\na 1\n# EOF\n".to_owned(),
    ] {
        assert!(openmetrics::samples(&wrong).is_err(), "{wrong}");
    }
}
