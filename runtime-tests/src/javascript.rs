//! The application in JavaScript, built with the tools that its author would use.
//!
//! They need Node and npm. Where these are absent, so is the application.

use crate::app::{target_dir, workspace};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The release of Node that the tools need at least.
const NODE_MAJOR_MIN: u32 = 20;
/// What the application is made of. The first ones say which tools are installed.
const INPUTS: [&str; 4] = [".npmrc", "package.json", "package-lock.json", "app.js"];
/// What says which tools are installed.
const TOOLS: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];

/// The built application.
pub fn component() -> PathBuf {
    folder().join("app.wasm")
}

/// Builds the application where it is stale. The error says what is missing.
///
/// # Panics
///
/// Where Node and npm are there, and the tools cannot be installed or fail: on a server the cases must not go
/// missing unnoticed.
pub fn prepare() -> Result<(), String> {
    let version = Command::new("node").arg("--version").output();
    let version = match version {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => return Err("there is no Node for the application in JavaScript".to_owned()),
    };
    let major = version.trim_start_matches('v').split('.').next();
    if major
        .and_then(|major| major.parse().ok())
        .is_none_or(|major: u32| major < NODE_MAJOR_MIN)
    {
        return Err(format!("Node is {version}, older than {NODE_MAJOR_MIN}"));
    }
    if Command::new("npm").arg("--version").output().is_err() {
        return Err("there is no npm for the application in JavaScript".to_owned());
    }
    let folder = folder();
    std::fs::create_dir_all(&folder).expect("make a folder for the application in JavaScript");
    if !is_current("installed", &TOOLS) {
        npm(&["ci", "--ignore-scripts", "--loglevel=error"], &TOOLS);
        keep("installed", &TOOLS);
    }
    if !is_current("built", &INPUTS) || !component().is_file() {
        // The tools end well whatever happens; only the file shows that they did.
        let _ = std::fs::remove_file(component());
        npm(&["run", "build"], &INPUTS);
        assert!(
            component().is_file(),
            "`npm run build` in {} makes no component",
            folder.display()
        );
        keep("built", &INPUTS);
    }
    Ok(())
}

/// Where it is built: not beside its source, because the tools write there.
fn folder() -> PathBuf {
    target_dir().join("languages/javascript")
}

fn source() -> PathBuf {
    workspace().join("runtime-tests/languages/javascript")
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

fn npm(arguments: &[&str], inputs: &[&str]) {
    eprintln!("npm {}: the application in JavaScript", arguments.join(" "));
    for name in inputs {
        std::fs::copy(source().join(name), folder().join(name)).expect("copy the application");
    }
    let status = Command::new("npm")
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("run npm");
    assert!(
        status.success(),
        "npm {} in {}: {status}",
        arguments.join(" "),
        folder().display()
    );
}
