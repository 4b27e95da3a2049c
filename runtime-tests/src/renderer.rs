//! What draws the page of the users' OpenAPI document: the npm package that `components/users-docs/renderer` fixes.
//!
//! It needs npm. Where that is absent its cases count as ignored, and say so.

use crate::app::workspace;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where the package is fixed.
const FOLDER: &str = "components/users-docs/renderer";
/// Which of its files are used.
const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// Fetches the package where it is not there yet. The error says what is missing.
///
/// # Panics
///
/// Where npm is there, and fails: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    let folder = workspace().join(FOLDER);
    // npm leaves a copy of the lock file behind when it is done.
    let modified = |name: &str| {
        let file = std::fs::metadata(folder.join(name));
        file.and_then(|file| file.modified()).ok()
    };
    let wanted = modified("package-lock.json");
    if modified("node_modules/.package-lock.json")
        .is_some_and(|installed| Some(installed) >= wanted)
    {
        return Ok(());
    }
    eprintln!("npm ci: what draws the page of the users");
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--loglevel=error"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    match installed {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => panic!("npm ci in {}: {status}", folder.display()),
        Err(_) => Err("there is no npm for the page of the users".to_owned()),
    }
}

/// The files, with where an application has them.
pub fn files() -> Vec<(PathBuf, String)> {
    let files = FILES.map(|name| format!("{FOLDER}/node_modules/swagger-ui-dist/{name}"));
    let files = files.into_iter();
    files.map(|name| (workspace().join(&name), name)).collect()
}
