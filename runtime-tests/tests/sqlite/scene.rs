//! The component that does what a request says, and how it is asked.

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Running;
use serde_json::{Value, json};
use std::path::PathBuf;

/// A condition before a statement that never ends.
pub const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

/// The component with these databases.
pub fn spec(databases: &[&str]) -> AppSpec {
    let mut spec = AppSpec::gated("queries", "");
    spec.middleware = vec![];
    spec.policy = None;
    spec.databases = databases.iter().map(|label| (*label).to_owned()).collect();
    spec
}

/// The file of `default`.
pub fn file(app: &App) -> PathBuf {
    app.folder().join("state/sqlite_db.db")
}

/// What the steps gave.
pub async fn given(running: &Running, steps: Value) -> Value {
    let ask = Ask::new("POST", "/").body(steps.to_string().as_bytes());
    let answer = ask.send(running.address).await;
    status(&answer, 200, &steps.to_string());
    answer.json()
}

/// Fails unless each step gives what stands beside it.
pub async fn assert_gives(running: &Running, steps: &[(Value, Value)]) {
    let (asked, expected): (Vec<Value>, Vec<Value>) = steps.iter().cloned().unzip();
    let given = given(running, Value::from(asked)).await;
    for (index, (step, _)) in steps.iter().enumerate() {
        assert_eq!(given[index], expected[index], "{step}");
    }
}

/// The words of an error of the interface's kind `io`; none where it is something else.
pub fn io(given: &Value) -> &str {
    given["error"]["io"].as_str().unwrap_or_default()
}

/// What a statement with rows gives.
pub fn rows(columns: Value, rows: Value) -> Value {
    json!({ "columns": columns, "rows": rows })
}

/// What a statement without rows gives.
pub fn nothing() -> Value {
    rows(json!([]), json!([]))
}
