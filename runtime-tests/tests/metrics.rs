//! The host's numbers and its word that it is alive, as a real Prometheus and its tool take them.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Running, start_in_process};
use doorward_runtime_tests::servers::{Kind as _, Prometheus, Server, lint};
use doorward_runtime_tests::{cases, run};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    run::main_with(
        Prometheus::available,
        cases![;
            in_process: prometheus_reads_what_was_counted,
            its_tool_has_nothing_against_them,
            the_host_is_alive_while_no_connection_is_left,
        ],
    )
}

/// How long something that happens soon may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn echo() -> App {
    let mut spec = AppSpec::gated("echo", "");
    spec.middleware = vec![];
    spec.policy = None;
    spec.write()
}

async fn counting(app: &App) -> (Running, SocketAddr) {
    let running = start_in_process(app, |options| {
        options.metrics = Some(([127, 0, 0, 1], 0).into());
        options.health = options.metrics;
        // All but one are for everybody else.
        options.connections_max = 8;
        options.client_share_percent = 100;
    })
    .await;
    let address = running.metrics.unwrap();
    (running, address)
}

async fn ask(at: SocketAddr, path: &str) -> Answer {
    Ask::get(path).send(at).await
}

async fn prometheus_reads_what_was_counted() {
    let app = echo();
    let (running, metrics) = counting(&app).await;
    for _ in 0..3 {
        status(&Ask::get("/a").send(running.address).await, 200, "the echo");
    }
    let server = Server::start(Prometheus::of(metrics)).await;
    for (expression, value) in [
        (
            r#"doorward_host_requests_total{component="echo",outcome="answered",status="2xx"}"#,
            "3",
        ),
        (
            r#"doorward_host_answer_seconds_count{component="echo"}"#,
            "3",
        ),
        (
            r#"doorward_host_answer_seconds_bucket{component="echo",le="+Inf"}"#,
            "3",
        ),
        ("up", "1"),
        (
            r#"doorward_host_component_load_seconds{component="echo"} > bool 0"#,
            "1",
        ),
        (
            r#"doorward_host_instances_started_total{component="echo"} >= bool 1"#,
            "1",
        ),
        ("process_resident_memory_bytes > bool 1e6", "1"),
    ] {
        let began = Instant::now();
        let wanted = format!(",\"{value}\"]");
        loop {
            let answer = ask(server.address(), &Server::<Prometheus>::query(expression)).await;
            if answer.text().contains(&wanted) {
                break;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{expression}: {}",
                answer.text()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    // It asks for OpenMetrics, and says so where it cannot read that.
    let targets = ask(server.address(), "/api/v1/targets").await;
    assert!(
        targets.text().contains(r#""lastError":"""#),
        "{}",
        targets.text()
    );
}

async fn its_tool_has_nothing_against_them() {
    let app = echo();
    let (running, metrics) = counting(&app).await;
    status(&Ask::get("/a").send(running.address).await, 200, "the echo");
    let answer = ask(metrics, "/metrics").await;
    status(&answer, 200, "the metrics");
    assert_eq!(lint(&answer.text()), "");
    assert_ne!(lint("# TYPE a counter\na 1\n"), "", "the tool has a say");
}

async fn the_host_is_alive_while_no_connection_is_left() {
    let app = echo();
    let (running, metrics) = counting(&app).await;
    let taken: Vec<TcpStream> = (0..8)
        .map(|_| TcpStream::connect(running.address).unwrap())
        .collect();
    let began = Instant::now();
    loop {
        let open = ask(metrics, "/metrics").await;
        if open.text().contains("\ndoorward_host_connections 8\n") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{}", open.text());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let alive = ask(metrics, "/health").await;
    status(&alive, 200, "the host's health");
    assert_eq!(alive.text(), "alive\n");
    drop(taken);
}
