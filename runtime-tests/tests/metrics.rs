//! The host's numbers and its word that it is alive, as a real Prometheus and its tool take them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec, built, workspace};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Running, start_in_process};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::measured::{
    REQUESTS, REQUESTS_AN_INSTANCE, ask_by_four, until_it_says, value,
};
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::servers::{Kind as _, Prometheus, Server, lint, test_rules};
use doorward_runtime_tests::{cases, run};
use serde_json::Value;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    run::main_with(
        Prometheus::available,
        cases![;
            in_process: prometheus_reads_what_was_counted,
            what_the_gate_measures_is_exact_and_told_with_the_host_s_own,
            what_the_users_ask_of_their_database_is_told_with_its_time,
            its_tool_has_nothing_against_them,
            alerts_are_raised_when_they_should_be,
            the_dashboard_asks_for_what_there_is,
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
        options.max_instance_reuse_count = REQUESTS_AN_INSTANCE;
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
        until_it_says(&server, expression, value).await;
    }
    // It asks for OpenMetrics, and says so where it cannot read that.
    let targets = ask(server.address(), "/api/v1/targets").await;
    assert!(
        targets.text().contains(r#""lastError":"""#),
        "{}",
        targets.text()
    );
}

/// The gateway, built with all that operators can see, before this origin.
fn gateway(issuer: &Issuer, origin: &Origin) -> App {
    let (url, origin) = (issuer.url(), origin.url());
    let mut spec = AppSpec::gateway(format!(
        r#"
        [issuer.test]
        url = "{url}"
        audience = "{AUDIENCE}"
        [upstream.orders]
        url = "{origin}"
        attempts_max = 1
        [defaults]
        upstream = "orders"
        [[route]]
        path = "/public/**"
        public = true
        [[route]]
        path = "/read/{{number}}"
        scope = ["read"]
        "#
    ));
    spec.sources.push(("gateway", built("gateway-measuring")));
    spec.write()
}

async fn what_the_gate_measures_is_exact_and_told_with_the_host_s_own() {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("here you are")).await;
    let app = gateway(&issuer, &origin);
    let (running, metrics) = counting(&app).await;
    let token = issuer.token("alice", "read");
    let requests = REQUESTS;
    ask_by_four(running.address, &token).await;
    let of = |rest: &str| format!("doorward_{rest} ");
    let admitted = of(
        r#"requests_total{component="gateway",decision="admitted",method="GET",route="/read/{number}",status="200"}"#,
    );
    let refused =
        of(r#"refusals_total{class="no-credential",component="gateway",route="/read/{number}"}"#);
    let took = of(
        r#"request_duration_seconds_count{component="gateway",decision="admitted",route="/read/{number}"}"#,
    );
    let asked =
        of(r#"upstream_attempts_total{component="gateway",outcome="2xx",upstream="orders"}"#);
    let began = Instant::now();
    let text = loop {
        let text = ask(metrics, "/metrics").await.text();
        if value(&text, &refused) == requests && value(&text, &admitted) == requests {
            break text;
        }
        assert!(began.elapsed() < PATIENCE, "not all are counted: {text}");
        tokio::time::sleep(LOOK_EVERY).await;
    };
    assert_eq!(value(&text, &took), requests, "{text}");
    assert_eq!(value(&text, &asked), requests, "{text}");
    let starts = value(&text, &of(r#"instance_starts_total{component="gateway"}"#));
    let started = value(
        &text,
        r#"doorward_host_instances_started_total{component="gateway"} "#,
    );
    assert!(starts >= 3, "there were several instances: {starts}");
    assert_eq!(starts, started, "each instance is counted by both");
    assert_eq!(lint(&text), "", "promtool has nothing against it");
    for name in ["alice", token.as_str()] {
        assert!(!text.contains(name), "{name} is in no label");
    }
}

async fn what_the_users_ask_of_their_database_is_told_with_its_time() {
    let mut spec = AppSpec::gated("users", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.databases = vec!["default".to_owned()];
    spec.sources.push(("users", built("users-measuring")));
    let (running, metrics) = counting(&spec.write()).await;
    let by_admin = |ask: Ask| {
        ask.header("x-auth-issuer", "https://login.example")
            .header("x-auth-subject", "admin")
            .header("x-auth-scope", "read:users write:users")
    };
    let new = r#"{"name":"ada","email":"ada@example.com"}"#;
    let create = by_admin(Ask::new("POST", "/api/v1/users"))
        .header("Content-Type", "application/json")
        .body(new.as_bytes());
    status(&create.send(running.address).await, 201, "a user");
    for _ in 0..3 {
        let list = by_admin(Ask::get("/api/v1/users"));
        status(&list.send(running.address).await, 200, "users");
    }
    let text = ask(metrics, "/metrics").await.text();
    let counted = |operation: &str, outcome: &str| {
        let labels = format!(
            r#"component="users",db_operation_name="{operation}",db_system_name="sqlite",outcome="{outcome}""#
        );
        value(
            &text,
            &format!("db_client_operation_duration_seconds_count{{{labels}}} "),
        )
    };
    assert_eq!(counted("create", "done"), 1, "{text}");
    assert_eq!(counted("page", "done"), 3, "{text}");
    assert_eq!(counted("page", "failed"), 0, "{text}");
    assert_eq!(lint(&text), "", "promtool has nothing against it");
    assert!(!text.contains("ada@example.com"), "no value is in a label");
}

/// The folder with what operators load into other programs.
fn operations() -> PathBuf {
    workspace().join("docs/operations")
}

async fn alerts_are_raised_when_they_should_be() {
    let (passes, said) = test_rules(&operations().join("alerts_test.yml"));
    assert!(passes, "{said}");
    // With another threshold one of them fails, so they are looked at.
    let folder = tempfile::tempdir().unwrap();
    for file in ["alerts.yml", "alerts_test.yml"] {
        let text = std::fs::read_to_string(operations().join(file)).unwrap();
        let text = text.replace("> 7200", "> 72000");
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let (passes, said) = test_rules(&folder.path().join("alerts_test.yml"));
    assert!(!passes && said.contains("DoorwardKeysTooOld"), "{said}");
}

/// What the dashboard asks for, each by the title of its panel.
fn questions() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(operations().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap();
            let targets = panel["targets"].as_array().unwrap().iter();
            targets.map(|target| {
                let expression = target["expr"].as_str().unwrap();
                let expression = expression
                    .replace("$component", ".*")
                    .replace("$__rate_interval", "10s");
                (title.to_owned(), expression)
            })
        })
        .collect()
}

async fn the_dashboard_asks_for_what_there_is() {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("here you are")).await;
    let app = gateway(&issuer, &origin);
    let (running, metrics) = counting(&app).await;
    let server = Server::start(Prometheus::of(metrics)).await;
    let token = issuer.token("alice", "read");
    let questions = questions();
    assert!(questions.len() >= 20, "{questions:?}");
    // What cannot be seen without something that goes wrong.
    let is_rare = |question: &str| {
        ["would_refuse", "candidate", "rate_limit", "breaker"]
            .iter()
            .any(|rare| question.contains(rare))
    };
    let began = Instant::now();
    for (title, question) in &questions {
        loop {
            let answer = Ask::get("/read/1")
                .bearer(&token)
                .send(running.address)
                .await;
            status(&answer, 200, "who may read does");
            let answer = ask(running.address, "/read/1").await;
            status(&answer, 401, "who says nothing may not");
            let path = Server::<Prometheus>::query(question);
            let answer = ask(server.address(), &path).await;
            status(&answer, 200, &format!("{title}: {question}"));
            let answer = answer.json();
            let found = answer["data"]["result"].as_array().unwrap();
            if is_rare(question) || !found.is_empty() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{title}: {question}: {answer}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
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
