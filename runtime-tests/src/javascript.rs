//! The application in JavaScript, built with the tools that its author would use.
//!
//! They need Node and npm. Where these are absent, so is the application.

use crate::made::Made;
use std::path::PathBuf;
use std::process::Command;

/// The release of Node that the tools need at least.
const NODE_MAJOR_MIN: u32 = 20;
/// What the application is made of. The first ones say which tools are installed.
const INPUTS: [&str; 4] = [".npmrc", "package.json", "package-lock.json", "app.js"];
/// What says which tools are installed.
const TOOLS: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];

const MADE: Made = Made {
    name: "javascript",
    title: "the application in JavaScript",
};

/// The built application.
pub fn component() -> PathBuf {
    MADE.component()
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
    MADE.once("installed", &TOOLS, || {
        MADE.run("npm", &["ci", "--ignore-scripts", "--loglevel=error"], &[]);
    });
    MADE.build(&INPUTS, || MADE.run("npm", &["run", "build"], &[]));
    Ok(())
}
