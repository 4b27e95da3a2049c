//! Services as one writes them in Node, to be measured beside ours.

use crate::made::Made;
use std::path::PathBuf;
use std::process::Command;

/// What each is made of.
const INPUTS: [&str; 4] = [".npmrc", "package.json", "package-lock.json", "server.js"];

/// A service in Node.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    made: Made,
    /// Which of its packages are partly in another language, and have to be built.
    built: &'static [&'static str],
}

/// The users, beside `components/users`.
pub const USERS: Service = Service {
    made: Made {
        name: "node-users",
        title: "the users in Node",
    },
    built: &["better-sqlite3"],
};

/// The intake of events, beside `components/events`.
pub const EVENTS: Service = Service {
    made: Made {
        name: "node-events",
        title: "the intake of events in Node",
    },
    built: &[],
};

impl Service {
    /// Installs what it needs, where it is not there yet, and says where the program is. The error says what is missing.
    ///
    /// # Panics
    ///
    /// Where Node and npm are there, and its packages cannot be installed or built: some need a compiler of C++.
    pub fn prepare(self) -> Result<PathBuf, String> {
        for program in ["node", "npm"] {
            let version = Command::new(program).arg("--version").output();
            version.map_err(|_| format!("there is no {program}"))?;
        }
        let made = self.made;
        made.once("installed", &INPUTS, || {
            made.run("npm", &["ci", "--ignore-scripts", "--loglevel=error"], &[]);
            for package in self.built {
                made.run("npm", &["rebuild", package], &[]);
            }
        });
        Ok(made.folder().join("server.js"))
    }
}
