//! The application in Python, built with the tools that its author would use.
//!
//! They need Python and its `venv`. Where these are absent, so is the application.

use crate::made::Made;
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The release of Python that the tools need at least.
const PYTHON_MIN: (u32, u32) = (3, 11);
/// What says which tools are installed.
const REQUIREMENTS: &str = "requirements.txt";
/// What the application is made of, with its tools.
const INPUTS: [&str; 2] = [REQUIREMENTS, "app.py"];
/// The world of an application that answers HTTP.
const WORLD: &str = "spin:up/http-trigger@4.1.0";

const MADE: Made = Made {
    name: "python",
    title: "the application in Python",
};

/// The built application.
pub fn component() -> PathBuf {
    MADE.component()
}

/// Builds the application where it is stale. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and the tools cannot be installed or fail: on a server the cases must not go
/// missing unnoticed.
pub fn prepare() -> Result<(), String> {
    let tools = tools_of(&MADE)?;
    let environment = [("VIRTUAL_ENV", tools.clone())];
    MADE.build(&INPUTS, || {
        let build = [
            "--world",
            WORLD,
            "componentize",
            "app",
            "--output",
            "app.wasm",
        ];
        MADE.run(tools.join("bin/componentize-py"), &build, &environment);
    });
    Ok(())
}

/// Installs the tools of this, where they are not there yet, and says in which folder. The error says what is missing.
///
/// # Panics
///
/// Where they cannot be installed.
pub(crate) fn tools_of(made: &Made) -> Result<PathBuf, String> {
    let version = version()?;
    if version < PYTHON_MIN {
        return Err(format!("Python is {version:?}, older than {PYTHON_MIN:?}"));
    }
    let tools = made.folder().join("venv");
    // Where the tools look for the packages that were installed with them.
    let environment = [("VIRTUAL_ENV", tools.clone())];
    made.once("installed", &[REQUIREMENTS], || {
        made.run("python3", &["-m", "venv", "--clear", "venv"], &[]);
        // No more than what the hashes are of, and nothing that would be built here.
        let install = [
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary=:all:",
        ];
        let requirements = ["--requirement", REQUIREMENTS];
        made.run(
            tools.join("bin/pip"),
            &[install.as_slice(), &requirements].concat(),
            &environment,
        );
    });
    Ok(tools)
}

/// Runs a program of this with its tools, tells it something in JSON, and gives what it answers.
///
/// # Panics
///
/// Where it fails.
pub(crate) fn answer_of(made: &Made, program: &str, arguments: &[&str], told: &Value) -> Value {
    let mut child = Command::new(made.folder().join("venv/bin/python"))
        .arg(made.folder().join(program))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run Python");
    let mut input = child.stdin.take().expect("its input");
    // It reads all of it before it writes anything.
    input
        .write_all(told.to_string().as_bytes())
        .expect("tell it");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("what it says is JSON")
}

/// The release of Python, where it can make a `venv`.
fn version() -> Result<(u32, u32), String> {
    let asked = "import sys, venv, ensurepip; print(*sys.version_info[:2])";
    let answer = Command::new("python3").args(["-c", asked]).output();
    let answer = answer.map_err(|_| "there is no Python".to_owned())?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => Err("Python has no `venv` (Debian: the package python3-venv)".to_owned()),
    }
}
