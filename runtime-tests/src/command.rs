//! The command `doorward`, built once.

use crate::app::{target_dir, workspace};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Where the command is, built where it is stale.
///
/// # Panics
///
/// Where it cannot be built.
pub fn doorward() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // As `cargo run` builds it, for what is built for a test has other features.
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--bin", "doorward"])
            .current_dir(workspace())
            .stdin(Stdio::null())
            .status()
            .expect("run cargo");
        assert!(status.success(), "the command is built: {status}");
        target_dir().join("debug/doorward")
    })
}

/// Runs it, and waits for its end.
///
/// # Panics
///
/// Where it cannot be run.
pub fn run(arguments: &[&str]) -> Output {
    Command::new(doorward())
        .args(arguments)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .output()
        .expect("run the command")
}

/// Composes one component with these arguments, in this folder. Gives where it is, and what is said on standard error.
///
/// # Panics
///
/// Where that fails.
pub fn compose(folder: &Path, arguments: &[&str]) -> (PathBuf, String) {
    let output = folder.join("composed.wasm");
    let written = output.to_string_lossy().into_owned();
    let built = target_dir().join("wasm32-wasip2/release");
    let adapters = built.to_string_lossy().into_owned();
    let mut all = vec!["compose", "--output", &written, "--adapters", &adapters];
    all.extend_from_slice(arguments);
    let ran = run(&all);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{arguments:?}: {said}");
    (output, said)
}
