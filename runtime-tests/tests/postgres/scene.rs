//! The component that does what a request says, and how it is asked.

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Address, Host, Running};
use doorward_runtime_tests::servers::{PostgreSql, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long an error may take whatever happens to PostgreSQL: a place in the pool, a connection, the end of a
/// statement that is cancelled, and some time for a slow machine.
pub const ERROR_TIME_MAX: Duration = Duration::from_secs(15);

/// The component, which may connect to these.
pub fn spec(outbound: &[&str]) -> AppSpec {
    let mut spec = AppSpec::gated("uses-postgres", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.outbound = outbound.iter().map(|entry| (*entry).to_owned()).collect();
    spec
}

/// A host with the component, which may connect to this server.
pub async fn served(host: &dyn Host, server: &Server<PostgreSql>) -> (App, Running) {
    let app = spec(&[&allowed(server)]).write();
    let running = host.start(&app).await;
    (app, running)
}

/// The entry that allows to connect to this server.
pub fn allowed(server: &Server<PostgreSql>) -> String {
    // Its URL has a name where the certificate has one.
    let url = server.url();
    let place = url.split(['@', '/']).nth(3).unwrap_or_default();
    format!("postgres://{place}")
}

/// What the steps gave.
pub async fn given(at: Address, steps: Value) -> Value {
    let ask = Ask::new("POST", "/").body(steps.to_string().as_bytes());
    let answer = ask.send(at).await;
    status(&answer, 200, &steps.to_string());
    answer.json()
}

/// Fails unless each step gives what stands beside it.
pub async fn assert_gives(at: Address, steps: &[(Value, Value)]) {
    let (asked, expected): (Vec<Value>, Vec<Value>) = steps.iter().cloned().unzip();
    let given = given(at, Value::from(asked)).await;
    for (index, (step, _)) in steps.iter().enumerate() {
        assert_eq!(given[index], expected[index], "{step}");
    }
}

/// What one statement gives by a connection of its own, as text.
pub async fn said(at: Address, url: &str, sql: &str) -> Value {
    let steps = json!([["open", "a", url], ["query", "a", sql]]);
    let mut given = given(at, steps).await;
    assert_eq!(given[0], json!(null), "{url}");
    let row = given[1]["rows"][0][0].take();
    assert!(!row.is_null(), "{sql}: {given}");
    row
}

/// Waits until a statement gives this.
pub async fn until(at: Address, url: &str, sql: &str, expected: &Value, time_max: Duration) {
    let begun = Instant::now();
    loop {
        let had = said(at, url, sql).await;
        if had == *expected {
            return;
        }
        assert!(begun.elapsed() < time_max, "{sql} gives {had}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The words of an error of one of the interface's kinds; none where it is something else.
pub fn error<'g>(given: &'g Value, kind: &str) -> &'g str {
    given["error"][kind].as_str().unwrap_or_default()
}

/// SQLSTATE of what PostgreSQL says against a statement.
pub fn code(given: &Value) -> &str {
    given["error"]["database"]["code"]
        .as_str()
        .unwrap_or_default()
}
