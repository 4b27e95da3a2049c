//! Redis.

use super::{At, Kind, Server, answer, first_that_runs};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the program may be.
const PROGRAMS: [&str; 2] = ["redis-server", "/usr/bin/redis-server"];

/// A Redis that writes everything to its disk before it answers.
#[derive(Debug, Default)]
pub struct Redis {
    password: Option<String>,
    keeps_its_file: bool,
}

impl Redis {
    /// One that answers nobody who does not give this password.
    pub fn with_password(password: &str) -> Self {
        Self {
            password: Some(password.to_owned()),
            ..Self::default()
        }
    }

    /// One that does not write its append-only file anew while it is used: on a small machine that takes what is measured.
    pub fn keeping_its_file() -> Self {
        Self {
            keeps_its_file: true,
            ..Self::default()
        }
    }
}

impl Kind for Redis {
    const NAME: &'static str = "Redis";
    const STOP: &'static str = "TERM";

    fn program() -> Option<PathBuf> {
        first_that_runs(PROGRAMS)
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = Command::new(Self::program().expect("there is a Redis"));
        command
            .arg("--port")
            .arg(port.to_string())
            .args(["--bind", "127.0.0.1", "--dir"])
            .arg(folder)
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .args(["--daemonize", "no", "--save", ""]);
        if self.keeps_its_file {
            command.args(["--auto-aof-rewrite-percentage", "0"]);
        }
        if let Some(password) = &self.password {
            command.args(["--requirepass", password]);
        }
        command
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        let login = self.password.as_ref();
        let login = login.map_or_else(String::new, |password| format!("AUTH \"{password}\"\r\n"));
        let question = format!("{login}INFO\r\nQUIT\r\n");
        let answer = answer(at.address, question.as_bytes(), |_| false);
        let text = String::from_utf8_lossy(&answer);
        let says = |line: String| text.lines().any(|said| said == line);
        says(format!("process_id:{}", at.process)) && says("loading:0".to_owned())
    }
}

impl Server<Redis> {
    /// Its URL, with the password.
    pub fn url(&self) -> String {
        match &self.kind().password {
            Some(password) => format!("redis://:{password}@{}", self.address()),
            None => format!("redis://{}", self.address()),
        }
    }

    /// How many entries a stream has. One that is not there has none.
    pub fn stream_length(&self, name: &str) -> u64 {
        let text = self.command(&format!("XLEN {name}"));
        let length = text.strip_prefix(':').and_then(|rest| rest.lines().next());
        length
            .and_then(|length| length.parse().ok())
            .expect("a number of entries")
    }

    /// What it answers to a command.
    pub fn command(&self, line: &str) -> String {
        let question = format!("{line}\r\nQUIT\r\n");
        let answer = answer(self.address(), question.as_bytes(), |_| false);
        String::from_utf8_lossy(&answer).into_owned()
    }
}
