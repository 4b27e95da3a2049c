//! The users as one writes them in Node, to be measured beside those of `components/users`.

use crate::made::Made;
use std::path::PathBuf;
use std::process::Command;

/// What it is made of.
const INPUTS: [&str; 4] = [".npmrc", "package.json", "package-lock.json", "server.js"];

const MADE: Made = Made {
    name: "node-users",
    title: "the users in Node",
};

/// Installs what it needs, where it is not there yet, and says where the program is. The error says what is missing.
///
/// # Panics
///
/// Where Node and npm are there, and its packages cannot be installed or built: `better-sqlite3` needs a compiler of C++.
pub fn prepare() -> Result<PathBuf, String> {
    for program in ["node", "npm"] {
        let version = Command::new(program).arg("--version").output();
        version.map_err(|_| format!("there is no {program}"))?;
    }
    MADE.once("installed", &INPUTS, || {
        MADE.run("npm", &["ci", "--ignore-scripts", "--loglevel=error"], &[]);
        // The only one that is partly in another language.
        MADE.run("npm", &["rebuild", "better-sqlite3"], &[]);
    });
    Ok(MADE.folder().join("server.js"))
}
