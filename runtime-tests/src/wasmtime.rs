//! The real `wasmtime serve`, as a process of its own.
//!
//! It needs Python and its `venv`, for PyPI has builds of it. Where these are absent its cases count as ignored, and say
//! so.

use crate::group::Group;
use crate::made::Made;
use crate::python;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// What it says once it listens; where, comes after it.
const SERVING: &str = "Serving HTTP on http://";
/// How long it may take until it serves: it compiles the component first.
const START_TIME_MAX: Duration = Duration::from_secs(120);
/// How long a line of its log may take to come.
const LOG_TIME_MAX: Duration = Duration::from_secs(60);

const MADE: Made = Made {
    name: "wasmtime",
    title: "wasmtime",
};

/// Installs it where it is not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and it cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    python::tools_of(&MADE)?;
    // The wheel does not say that it is a program.
    let may_run = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(program(), may_run).expect("make it a program");
    Ok(())
}

/// Where it is: in the folder of the packages of whatever release of Python there is.
fn program() -> PathBuf {
    let releases = std::fs::read_dir(MADE.folder().join("venv/lib")).expect("it is installed");
    let mut programs = releases.map(|release| {
        let release = release.expect("a folder").path();
        release.join("site-packages/wasmtime_cli/wasmtime")
    });
    let program = programs.find(|program| program.is_file());
    program.expect("the package has the program")
}

/// A component that is served, until it is dropped.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    log: watch::Receiver<Vec<String>>,
    _group: Group,
    _folder: TempDir,
}

impl Serving {
    /// Serves a component on a port of its own, with these arguments besides.
    ///
    /// # Panics
    ///
    /// Where it does not serve, with all that it said.
    pub async fn start(component: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("make a folder");
        let mut command = Command::new(program());
        command
            .args(["serve", "--addr", "127.0.0.1:0", "-S", "cli=y"])
            .args(arguments)
            .arg(component);
        let started = Group::start(&command, folder.path());
        let (group, output, error) = started.expect("start wasmtime");
        let (lines, log) = watch::channel(Vec::new());
        for stream in [Box::new(output) as Box<dyn Read + Send>, Box::new(error)] {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    lines.send_modify(|all| all.push(line));
                }
            });
        }
        drop(lines);
        let address = wait_for(log.clone(), START_TIME_MAX, |line| {
            let (_, rest) = line.split_once(SERVING)?;
            rest.trim_end_matches('/').parse().ok()
        });
        Self {
            address: address.await,
            log,
            _group: group,
            _folder: folder,
        }
    }

    /// Waits for a line of the log with all of these in it, and gives it.
    ///
    /// # Panics
    ///
    /// Where none comes.
    pub async fn wait_for_log(&self, parts: &[&str]) -> String {
        let is_meant = |line: &str| {
            let all = parts.iter().all(|part| line.contains(part));
            all.then(|| line.to_owned())
        };
        wait_for(self.log.clone(), LOG_TIME_MAX, is_meant).await
    }
}

/// Waits until something is found in a line.
async fn wait_for<T>(
    mut log: watch::Receiver<Vec<String>>,
    time_max: Duration,
    find: impl Fn(&str) -> Option<T>,
) -> T {
    let find = |lines: &Vec<String>| lines.iter().find_map(|line| find(line));
    let waited = log.wait_for(|lines| find(lines).is_some());
    let waited = tokio::time::timeout(time_max, waited).await;
    let found = waited.ok().and_then(|lines| find(&*lines.ok()?));
    found.unwrap_or_else(|| panic!("waiting in vain for wasmtime: {:#?}", log.borrow()))
}
