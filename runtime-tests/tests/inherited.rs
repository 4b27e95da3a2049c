//! What a middleware may use: what it inherits of the component behind it and nothing else, through every
//! interface and every version of it that the host has.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_host::manifest;
use doorward_host::names::rename;
use doorward_host::options::HostOptions;
use doorward_host::server::Server;
use doorward_runtime_tests::app::{AppSpec, built};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Host, InProcess};
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::{cases, run};
use serde_json::{Value, json};
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main(cases![
        what_is_inherited_is_had_through_every_interface,
        what_is_not_inherited_is_denied_beside_what_is;
        in_process: without_anything_inherited_there_is_nothing,
        each_set_gives_what_is_its_own,
        through_a_draft_there_is_what_there_is_through_the_release,
        a_middleware_that_imports_what_the_host_does_not_have_is_not_started,
        a_middleware_without_a_successor_is_not_started,
    ])
}

const SETS: [&str; 6] = [
    "allowed_outbound_hosts",
    "environment",
    "files",
    "key_value_stores",
    "sqlite_databases",
    "variables",
];
/// The draft whose interfaces are those of WASI 0.3.0.
const DRAFT: &str = "0.3.0-rc-2026-03-15";
/// The interfaces of WASI 0.3.0 that the middleware uses beside its handler's.
const DRAFTED: [&str; 4] = [
    "wasi:cli/environment@0.3.0",
    "wasi:filesystem/preopens@0.3.0",
    "wasi:filesystem/types@0.3.0",
    "wasi:http/client@0.3.0",
];

/// A component that has been granted something of every set, behind the middleware that says what it has.
fn spec(inherit: &[&'static str]) -> AppSpec {
    let mut spec = AppSpec::gated("echo", "");
    spec.policy = None;
    spec.middleware = vec!["probe"];
    spec.inherit = inherit.to_vec();
    // Nobody listens there.
    spec.outbound.push("redis://127.0.0.1:1".to_owned());
    spec.outbound.push("postgres://127.0.0.1:1".to_owned());
    spec.outbound.push("mqtt://127.0.0.1:1".to_owned());
    spec.environment = vec![("COLOUR".to_owned(), "of the environment".to_owned())];
    spec.files = vec![("granted.txt".to_owned(), b"a file".to_vec())];
    spec.variables = vec![("colour".to_owned(), "green".to_owned())];
    spec.databases = vec!["default".to_owned()];
    spec.key_values = vec![("given".to_owned(), "a value".to_owned())];
    spec
}

/// What the middleware has.
async fn had(host: &dyn Host, spec: &AppSpec) -> Value {
    let issuer = Issuer::start().await;
    let app = spec.write();
    let running = host.start(&app).await;
    let ask = Ask::get("/probe")
        .header("X-Authority", issuer.url().trim_start_matches("http://"))
        .header("X-Variable", "colour")
        .header("X-Store", "default");
    let answer = ask.send(running.address).await;
    status(&answer, 200, "what the middleware has");
    let behind = Ask::get("/a").send(running.address).await;
    status(&behind, 200, "a request that is passed on");
    let mut had = answer.json();
    if host.name() == InProcess.name() {
        take_the_hosts_own(&mut had["environment"]);
    }
    had
}

/// What the host says of itself stands at the end of every environment that is had.
fn take_the_hosts_own(environments: &mut Value) {
    for environment in environments.as_object_mut().unwrap().values_mut() {
        let variables = environment.as_array_mut().unwrap();
        if !variables.is_empty() {
            let own = json!(["DOORWARD_HOST", "1"]);
            assert_eq!(variables.pop(), Some(own), "what the host says of itself");
        }
    }
}

/// Fails unless the middleware has what belongs to these sets and nothing else.
fn assert_had(had: &Value, inherit: &[&str], compares: bool) {
    let expected = |set: &str, with: Value, without: Value| match inherit.contains(&set) {
        true => with,
        false => without,
    };
    let colour = json!([["COLOUR", "of the environment"]]);
    let what = |name: &str| format!("{name} with {inherit:?} inherited");
    assert_eq!(
        had["environment"],
        expected(
            "environment",
            json!({ "std": colour, "0.3": colour }),
            json!({ "std": [], "0.3": [] })
        ),
        "{}",
        what("environment")
    );
    assert_eq!(
        had["files"],
        expected(
            "files",
            json!({ "std": "a file", "0.3": 1 }),
            json!({ "std": "error: NotFound", "0.3": 0 })
        ),
        "{}",
        what("files")
    );
    let refused = r#"error: Error::Io("\"wasi:config/store\" is not permitted")"#;
    if inherit.contains(&"variables") {
        let all = json!([["colour", "green"]]);
        let with = json!({ "3": "green", "2": "green", "config": "green", "all": all });
        assert_eq!(had["variables"], with, "{}", what("variables"));
    } else {
        for version in ["3", "2"] {
            let said = had["variables"][version].as_str().unwrap();
            let is_undefined = said.starts_with("error: Error::Undefined(");
            assert!(is_undefined, "{}: {said}", what("variables"));
        }
        assert_eq!(had["variables"]["config"], refused, "{}", what("config"));
        assert_eq!(had["variables"]["all"], refused, "{}", what("config"));
    }
    let keyvalue = match compares {
        true => json!({
            "sum": 1,
            "seen": [null, "by somebody else"],
            "swapped": "second",
            "many": [["given", "a value"]],
        }),
        false => json!({
            "sum": 1,
            "seen": [null],
            "swapped": "first",
            "many": [["given", "a value"]],
        }),
    };
    let denied = "error: Error::AccessDenied";
    assert_eq!(
        had["stores"],
        expected(
            "key_value_stores",
            json!({ "3": "a value", "2": "a value", "keyvalue": keyvalue }),
            json!({ "3": denied, "2": denied, "keyvalue": denied })
        ),
        "{}",
        what("stores")
    );
    assert_eq!(
        had["databases"],
        expected(
            "sqlite_databases",
            json!({ "3": "open", "3-waiting": "open", "2": "open" }),
            json!({ "3": denied, "3-waiting": denied, "2": denied })
        ),
        "{}",
        what("databases")
    );
    if inherit.contains(&"allowed_outbound_hosts") {
        assert_eq!(had["outbound"], 404, "{}", what("outbound"));
    } else {
        let said = had["outbound"].as_str().unwrap();
        assert!(
            said.starts_with("error: ErrorCode::InternalError(") && said.contains("not permitted"),
            "{}: {said}",
            what("outbound")
        );
    }
    let refused = |name: &str| format!(r#"error: Error::Other("\"{name}\" is not permitted")"#);
    assert_eq!(
        had["mqtt"],
        // A broker is connected to when something is published.
        expected(
            "allowed_outbound_hosts",
            json!({ "3": "open", "2": "open" }),
            json!({ "3": refused("spin:mqtt/mqtt"), "2": refused("fermyon:spin/mqtt") })
        ),
        "{}",
        what("mqtt")
    );
    let said = had["redis"].as_str().unwrap();
    let is_denied = said == r#"error: Error::Other("\"spin:redis/redis\" is not permitted")"#;
    let is_granted = inherit.contains(&"allowed_outbound_hosts");
    assert_ne!(is_denied, is_granted, "{}: {said}", what("redis"));
    // Where it is granted it was tried.
    assert!(said.starts_with("error: Error::Other("), "{said}");
    for by in ["4", "4-built", "3"] {
        let said = had["postgres"][by].as_str().unwrap();
        let denied = r#"error: Error::Other("\"spin:postgres/postgres\" is not permitted")"#;
        let tried = said.starts_with("error: Error::ConnectionFailed(");
        assert_eq!(said == denied, !is_granted, "{}: {said}", what(by));
        assert_eq!(tried, is_granted, "{}: {said}", what(by));
    }
}

/// Whether a value is swapped only for the one that was seen. In Spin that there is none is not compared.
fn compares(host: &dyn Host) -> bool {
    host.name() != "spin"
}

async fn what_is_inherited_is_had_through_every_interface(host: &dyn Host) {
    assert_had(&had(host, &spec(&SETS)).await, &SETS, compares(host));
}

async fn what_is_not_inherited_is_denied_beside_what_is(host: &dyn Host) {
    // Without the stores Spin does not start what imports `wasi:keyvalue/atomics` or `batch`.
    for others in [&[][..], &["variables"], &["files", "environment"]] {
        let inherit = [&["key_value_stores"], others].concat();
        assert_had(&had(host, &spec(&inherit)).await, &inherit, compares(host));
    }
}

async fn without_anything_inherited_there_is_nothing() {
    assert_had(&had(&InProcess, &spec(&[])).await, &[], true);
}

async fn each_set_gives_what_is_its_own() {
    for set in SETS {
        assert_had(&had(&InProcess, &spec(&[set])).await, &[set], true);
    }
}

async fn through_a_draft_there_is_what_there_is_through_the_release() {
    let released = std::fs::read(built("probe")).unwrap();
    let draft = |name: &str| {
        let is_drafted = DRAFTED.contains(&name);
        is_drafted.then(|| name.replace("0.3.0", DRAFT))
    };
    let drafted = rename(&released, draft, |_| None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probe.wasm");
    std::fs::write(&file, drafted).unwrap();
    for inherit in [&SETS[..], &[]].into_iter().chain(SETS.chunks(1)) {
        let mut spec = spec(inherit);
        spec.sources = vec![("probe", file.clone())];
        assert_had(&had(&InProcess, &spec).await, inherit, true);
    }
}

/// Why the host does not start an application.
async fn refusal(spec: &AppSpec) -> String {
    let app = spec.write();
    let application = manifest::load(&app.manifest()).unwrap();
    let options = HostOptions::new("127.0.0.1:0".parse().unwrap(), app.folder().join("state"));
    let refused = Server::bind(application, options).await;
    format!("{:#}", refused.err().expect("the host does not start"))
}

async fn a_middleware_that_imports_what_the_host_does_not_have_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("foreign.wasm");
    for (import, foreign) in [
        (
            "wasi:config/store@0.2.0-draft-2024-09-27",
            "spin:llm/llm@2.0.0",
        ),
        (
            "wasi:config/store@0.2.0-draft-2024-09-27",
            "wasi:config/store@0.2.0-rc.1",
        ),
        (
            "wasi:cli/environment@0.3.0",
            "wasi:cli/environment@0.3.0-rc-2025-09-16",
        ),
        ("wasi:http/client@0.3.0", "acme:http/client@0.3.0"),
    ] {
        let foreign_name = |name: &str| (name == import).then(|| foreign.to_owned());
        let bytes = std::fs::read(built("probe")).unwrap();
        std::fs::write(&file, rename(&bytes, foreign_name, |_| None).unwrap()).unwrap();
        let mut spec = spec(&SETS);
        spec.sources = vec![("probe", file.clone())];
        let refusal = refusal(&spec).await;
        assert!(
            refusal.contains(&format!("`probe` imports `{foreign}`")),
            "{foreign}: {refusal}"
        );
    }
}

async fn a_middleware_without_a_successor_is_not_started() {
    let mut spec = spec(&[]);
    spec.service = "probe";
    spec.middleware = vec![];
    let refusal = refusal(&spec).await;
    assert!(
        refusal.contains("`probe` imports `wasi:http/handler@0.3.0`"),
        "{refusal}"
    );
}
