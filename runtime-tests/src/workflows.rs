//! zizmor, which reads workflows of GitHub Actions for what is dangerous in them.
//!
//! It needs Python and its `venv`. Where these are absent its cases count as ignored, and say so.

use crate::made::Made;
use crate::python;
use std::path::Path;
use std::process::{Command, Stdio};

const MADE: Made = Made {
    name: "workflows",
    title: "zizmor",
};

/// Installs it where it is not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and it cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    python::tools_of(&MADE).map(drop)
}

/// What it has against a workflow; nothing: it is well-formed, and nothing was found.
///
/// # Panics
/// Where it cannot be run.
pub fn findings(file: &Path) -> Option<String> {
    let output = Command::new(MADE.folder().join("venv/bin/zizmor"))
        // Nobody else's settings, and nobody is asked. What is no workflow by its schema is an error.
        .args([
            "--offline",
            "--no-config",
            "--no-progress",
            "--strict-collection",
        ])
        .args(["--persona", "pedantic", "--format", "plain"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("run zizmor");
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}
