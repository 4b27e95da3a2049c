//! Manifests for Kubernetes, built by Kustomize and read by what knows what Kubernetes takes.
//!
//! That needs `kubectl` or `kustomize`, and Python with its `venv`. Where one is absent its cases count as ignored, and say so.

use crate::app::workspace;
use crate::made::Made;
use crate::python;
use serde_json::{Map, Value};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What reads and checks manifests.
const CHECK: &str = "check.py";
/// The definitions of resources that Kubernetes does not have itself.
const DEFINITIONS: &str = "runtime-tests/languages/kubernetes/crds";
/// The programs that build with Kustomize, and what each is told before the folder.
const BUILDERS: [(&str, &str); 2] = [("kustomize", "build"), ("kubectl", "kustomize")];
/// What a folder is asked whether a builder is recent enough: Kustomize 3 has no `labels`.
const PROBE: &str = "deploy/kubernetes/base";

const MADE: Made = Made {
    name: "kubernetes",
    title: "the checks of manifests for Kubernetes",
};

/// What is in some manifests.
#[derive(Debug)]
pub struct Checked {
    /// The resources of each text, by what it is called.
    pub documents: Map<String, Value>,
    /// What Kubernetes or an extension would have against them.
    pub problems: Vec<String>,
}

impl Checked {
    /// The resources of one text.
    ///
    /// # Panics
    /// Where there is no such text.
    pub fn of(&self, name: &str) -> &[Value] {
        let documents = self.documents.get(name).and_then(Value::as_array);
        documents.unwrap_or_else(|| panic!("{name} was not read"))
    }
}

/// Installs what checks where it is not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and it cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    builder()?;
    python::tools_of(&MADE)?;
    MADE.once("program", &[CHECK], || {});
    Ok(())
}

/// What Kustomize makes of a folder of the workspace.
///
/// # Panics
/// Where it fails.
pub fn kustomized(folder: &str) -> String {
    let (program, subcommand) = builder().expect("it was looked for before");
    let output = Command::new(program)
        .arg(subcommand)
        .arg(workspace().join(folder))
        .stdin(Stdio::null())
        .output()
        .expect("run Kustomize");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{folder}: {said}");
    // Fields that it calls deprecated go with a later release.
    assert_eq!(said, "", "{folder}");
    String::from_utf8(output.stdout).expect("what it makes is UTF-8")
}

/// Reads and checks texts, each with what it is called.
///
/// # Panics
/// Where one is no YAML, or Python cannot be run.
pub fn checked(texts: impl IntoIterator<Item = (String, String)>) -> Checked {
    let told = texts
        .into_iter()
        .map(|(name, text)| (name, Value::from(text)));
    let definitions = workspace().join(DEFINITIONS);
    let definitions = definitions.to_str().expect("a path that is UTF-8");
    let mut told = python::answer_of(&MADE, CHECK, &[definitions], &Value::Object(told.collect()));
    let problems = told["problems"].as_array().expect("a list of problems");
    let text = |problem: &Value| problem.as_str().expect("a text").to_owned();
    Checked {
        problems: problems.iter().map(text).collect(),
        documents: match told["documents"].take() {
            Value::Object(documents) => documents,
            other => panic!("no documents: {other}"),
        },
    }
}

/// A program that can build what is here, which is found out once.
fn builder() -> Result<(&'static str, &'static str), String> {
    static FOUND: OnceLock<Option<(&str, &str)>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let folder = workspace().join(PROBE);
        let can = |(program, subcommand): &(&str, &str)| builds(program, subcommand, &folder);
        BUILDERS.into_iter().find(can)
    });
    found.ok_or_else(|| "there is no `kustomize` or `kubectl` with Kustomize 5".to_owned())
}

fn builds(program: &str, subcommand: &str, folder: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg(subcommand).arg(folder).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
