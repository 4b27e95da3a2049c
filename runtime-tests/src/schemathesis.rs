//! Schemathesis, which asks a service whatever its OpenAPI document allows, and more, and holds the answers to it.
//!
//! It needs Python and its `venv`. Where these are absent its cases count as ignored, and say so.

use crate::app::workspace;
use crate::made::Made;
use crate::python;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// How it is told what a document cannot say.
const SETTINGS: [&str; 2] = ["hooks.py", "schemathesis.toml"];
/// The document.
const DOCUMENT: &str = "components/users-docs/openapi.json";
/// The same requests each time.
const SEED: &str = "1";

/// Reads events, and writes what is wrong with them.
const VALIDATE: &str = r#"
import json, pathlib, sys
import jsonschema_rs
wrong = []
for event in json.load(sys.stdin):
    path = pathlib.Path(sys.argv[1]) / f"{event['type']}.json"
    validator = jsonschema_rs.Draft202012Validator(json.loads(path.read_text()))
    wrong += [f"{event['type']}: {error.message}" for error in validator.iter_errors(event["data"])]
json.dump(wrong, sys.stdout)
"#;

const MADE: Made = Made {
    name: "schemathesis",
    title: "Schemathesis",
};

/// What it has to say.
#[derive(Debug)]
pub struct Report {
    /// Whether it has found nothing.
    pub is_clean: bool,
    /// How many requests it has made of the document.
    pub cases: usize,
    /// All of it, for people.
    pub text: String,
}

/// Installs it where it is not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and it cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    python::tools_of(&MADE)?;
    MADE.once("settings", &SETTINGS, || {});
    Ok(())
}

/// Asks the users at this address. The environment is for the hooks: with a gate in front, the token and its issuer.
///
/// # Panics
/// Where it cannot be run.
pub async fn ask(at: SocketAddr, environment: &[(&str, &str)], arguments: &[&str]) -> Report {
    let base = format!("http://{at}");
    let folder = tempfile::tempdir().expect("make a folder");
    for name in SETTINGS {
        let copied = std::fs::copy(MADE.folder().join(name), folder.path().join(name));
        copied.expect("copy how it is told");
    }
    let mut command = Command::new(MADE.folder().join("venv/bin/schemathesis"));
    command
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(workspace().join(DOCUMENT))
        .args(["--url", &base, "--seed", SEED, "--continue-on-failure"])
        .args(["--generation-database", "none"])
        .args(arguments)
        .env("USERS_BASE", &base)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // It writes and looks beside where it runs.
        .current_dir(folder.path())
        .stdin(Stdio::null());
    command.envs(environment.iter().copied());
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.expect("it ends").expect("run Schemathesis");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let count = text.lines().find_map(|line| {
        let (count, _) = line.trim().split_once(" generated")?;
        count.parse().ok()
    });
    Report {
        is_clean: output.status.success(),
        cases: count.unwrap_or_default(),
        text,
    }
}

/// What is wrong with events by the schemas of their types, as a validator has it that nobody here wrote
/// (`jsonschema-rs`, which Schemathesis brings along). The schemas are files in this folder, named by type.
///
/// # Panics
/// Where it cannot be run.
pub fn wrong_by_schema(folder: &Path, events: &[Value]) -> Vec<String> {
    let mut child = Command::new(MADE.folder().join("venv/bin/python"))
        .args(["-c", VALIDATE])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run Python");
    let mut input = child.stdin.take().expect("its input");
    serde_json::to_writer(&mut input, events).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the validator ends well");
    serde_json::from_slice(&output.stdout).expect("it says what is wrong")
}
