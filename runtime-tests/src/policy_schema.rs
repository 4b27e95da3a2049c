//! What others make of the schema of a policy: a validator of JSON Schema, and the programs by which editors complete
//! and check TOML, from PyPI.

use crate::made::Made;
use crate::python;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What validates.
const VALIDATE: &str = "validate.py";

const MADE: Made = Made {
    name: "policy-schema",
    title: "validators of JSON Schema",
};

/// Installs them where they are not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and they cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    python::tools_of(&MADE)?;
    MADE.once("validator", &[VALIDATE], || {});
    Ok(())
}

/// What the validator answers.
///
/// # Panics
/// Where it cannot be run, or the schema is none.
#[must_use]
pub fn validated(told: &Value) -> Value {
    python::answer_of(&MADE, VALIDATE, &[], told)
}

/// A program that checks TOML, where there is one for this processor.
#[must_use]
pub fn linter(name: &str) -> Option<PathBuf> {
    let program = MADE.folder().join("venv/bin").join(name);
    program.is_file().then_some(program)
}

/// What such a program says of a file of a folder, and whether it is content.
///
/// # Panics
/// Where it cannot be run.
#[must_use]
pub fn linted(program: &Path, arguments: &[&str], folder: &Path, file: &str) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .arg(file)
        .current_dir(folder)
        .output()
        .expect("run it");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}
