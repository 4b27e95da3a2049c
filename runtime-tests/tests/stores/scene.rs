//! The component that does what a request says, where its stores are, and how it is asked.

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Address, Host, Running};
use doorward_runtime_tests::servers::{Redis, Server};
use serde_json::{Value, json};
use std::process::Command;

/// Where the stores of a case are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In the file of the state folder.
    File,
    /// On a Redis of the case's own.
    Redis,
}

/// The interfaces: how each opens a store.
pub const INTERFACES: [&str; 3] = ["open-3", "open-2", "open-wasi"];

/// A host with the component, and what its stores are on.
pub struct Scene {
    _app: App,
    pub running: Running,
    pub server: Option<Server<Redis>>,
}

/// The component with these stores.
pub fn spec(stores: &[&str]) -> AppSpec {
    let mut spec = AppSpec::gated("uses-stores", "");
    spec.middleware = vec![];
    spec.policy = None;
    spec.stores = stores.iter().map(|label| (*label).to_owned()).collect();
    spec
}

/// The table of a store on a Redis.
pub fn on_redis(label: &str, url: &str) -> String {
    format!("[key_value_store.{label}]\ntype = \"redis\"\nurl = \"{url}\"\n")
}

impl Scene {
    /// With the store `default` there.
    pub async fn start(host: &dyn Host, place: Where) -> Self {
        let mut spec = spec(&["default"]);
        let server = match place {
            Where::File => None,
            Where::Redis => Some(Server::start(Redis::default()).await),
        };
        spec.runtime_config = server.as_ref().map(|of| on_redis("default", &of.url()));
        let app = spec.write();
        let running = host.start(&app).await;
        Self {
            _app: app,
            running,
            server,
        }
    }

    /// Fails unless each step gives what stands beside it, after `default` was opened so, as `a`.
    pub async fn gives(&self, open: &str, steps: &[(Value, Value)]) {
        assert_gives(self.running.address, open, steps).await;
    }
}

/// What the steps give.
pub async fn given(at: Address, steps: &Value) -> Value {
    let ask = Ask::new("POST", "/").body(steps.to_string().as_bytes());
    let answer = ask.send(at).await;
    status(&answer, 200, &steps.to_string());
    answer.json()
}

/// What one step gives, by the store `default`.
pub async fn one(at: Address, open: &str, step: Value) -> Value {
    let had = given(at, &json!([[open, "a", "default"], step])).await;
    match had[0].is_null() {
        true => had[1].clone(),
        false => had[0].clone(),
    }
}

/// Fails unless each step gives what stands beside it, after `default` was opened so, as `a`.
pub async fn assert_gives(at: Address, open: &str, steps: &[(Value, Value)]) {
    let mut asked = vec![json!([open, "a", "default"])];
    asked.extend(steps.iter().map(|(step, _)| step.clone()));
    let had = given(at, &Value::from(asked)).await;
    assert_eq!(had[0], json!(null), "{open}");
    for (index, (step, expected)) in steps.iter().enumerate() {
        assert_eq!(&had[index + 1], expected, "{open}: {step}");
    }
}

/// Fails unless this is the interface's error `other`; gives its words.
pub fn other(had: &Value) -> &str {
    let words = had
        .as_str()
        .and_then(|had| had.strip_prefix("error: other: "));
    words.unwrap_or_else(|| panic!("no error `other`: {had}"))
}

/// Lets a server hang, and go on when it is dropped.
pub struct Hangs(Vec<u32>);

impl Hangs {
    pub fn of(server: &Server<Redis>) -> Self {
        let hangs = Self(server.processes());
        hangs.tell("-STOP");
        hangs
    }

    fn tell(&self, signal: &str) {
        let processes = self.0.iter().map(u32::to_string);
        let told = Command::new("kill").arg(signal).args(processes).status();
        assert!(told.unwrap().success());
    }
}

impl Drop for Hangs {
    fn drop(&mut self) {
        self.tell("-CONT");
    }
}
