//! The application in Python, built with the tools that its author would use.
//!
//! They need Python and its `venv`. Where these are absent, so is the application.

use crate::app::{target_dir, workspace};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The release of Python that the tools need at least.
const PYTHON_MIN: (u32, u32) = (3, 10);
/// What says which tools are installed.
const REQUIREMENTS: &str = "requirements.txt";
/// What the application is made of, with its tools.
const INPUTS: [&str; 2] = [REQUIREMENTS, "app.py"];
/// The world of an application that answers HTTP.
const WORLD: &str = "spin:up/http-trigger@4.1.0";

/// The built application.
pub fn component() -> PathBuf {
    folder().join("app.wasm")
}

/// Builds the application where it is stale. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and the tools cannot be installed or fail: on a server the cases must not go
/// missing unnoticed.
pub fn prepare() -> Result<(), String> {
    let asked = "import sys, venv, ensurepip; print(*sys.version_info[:2])";
    let version = Command::new("python3").args(["-c", asked]).output();
    let version = match version {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) => return Err("Python has no `venv` (of Debian's package python3-venv)".to_owned()),
        Err(_) => return Err("there is no Python for the application in Python".to_owned()),
    };
    let (major, minor) = version.split_once(' ').unwrap_or_default();
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    if (number(major), number(minor)) < PYTHON_MIN {
        return Err(format!("Python is {version}, older than {PYTHON_MIN:?}"));
    }
    let folder = folder();
    let tools = folder.join("venv");
    let program = |name: &str| tools.join("bin").join(name);
    std::fs::create_dir_all(&folder).expect("make a folder for the application in Python");
    if !is_current("installed", &[REQUIREMENTS]) {
        let tools = tools.to_string_lossy().into_owned();
        run("python3", &["-m", "venv", "--clear", &tools]);
        // No more than what the hashes are of, and nothing that would be built here.
        let install = [
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary=:all:",
        ];
        let requirements = ["--requirement", REQUIREMENTS];
        run(program("pip"), &[&install[..], &requirements].concat());
        keep("installed", &[REQUIREMENTS]);
    }
    if !is_current("built", &INPUTS) || !component().is_file() {
        let build = [
            "--world",
            WORLD,
            "componentize",
            "app",
            "--output",
            "app.wasm",
        ];
        run(program("componentize-py"), &build);
        keep("built", &INPUTS);
    }
    Ok(())
}

/// Where it is built: not beside its source, because the tools write there.
fn folder() -> PathBuf {
    target_dir().join("languages/python")
}

fn source() -> PathBuf {
    workspace().join("runtime-tests/languages/python")
}

/// The contents of the inputs, one after the other.
fn contents(inputs: &[&str]) -> Vec<u8> {
    inputs
        .iter()
        .flat_map(|name| std::fs::read(source().join(name)).expect("read the application"))
        .collect()
}

/// Whether what was made of these inputs was made of what they are now.
fn is_current(what: &str, inputs: &[&str]) -> bool {
    std::fs::read(folder().join(what)).is_ok_and(|of| of == contents(inputs))
}

/// Remembers what something was made of.
fn keep(what: &str, inputs: &[&str]) {
    std::fs::write(folder().join(what), contents(inputs)).expect("remember what was built");
}

/// Runs a program where the application is built.
fn run(program: impl Into<PathBuf>, arguments: &[&str]) {
    let (program, folder) = (program.into(), folder());
    let said = format!("{} {}", program.display(), arguments.join(" "));
    eprintln!("{said}: the application in Python");
    for name in INPUTS {
        std::fs::copy(source().join(name), folder.join(name)).expect("copy the application");
    }
    let status = Command::new(&program)
        .args(arguments)
        // Where the tools look for the packages that were installed with them.
        .env("VIRTUAL_ENV", folder.join("venv"))
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap_or_else(|error| panic!("{said}: {error}"));
    assert!(status.success(), "{said} in {}: {status}", folder.display());
}
