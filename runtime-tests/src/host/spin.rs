//! A real `spin`, as a process of its own.

use super::{Host, How, Log, Running, Starting, Stop};
use crate::app::App;
use crate::group::Group;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout, Command};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The environment variable that names a `spin` binary.
pub const SPIN_VARIABLE: &str = "DOORWARD_SPIN";
/// How long a host may take until it serves.
const START_TIME_MAX: Duration = Duration::from_secs(120);
/// How many threads Spin has, which is left to Tokio.
const THREADS_VARIABLE: &str = "TOKIO_WORKER_THREADS";
/// What names the file of who may vouch for servers, in place of the machine's.
const CA_FILE_VARIABLE: &str = "SSL_CERT_FILE";
/// What Spin says once it listens; where, comes after it.
const SERVING: &str = "Serving http://";

/// A `spin` binary.
#[derive(Debug, Clone)]
pub struct Spin(PathBuf);

impl Spin {
    /// This binary.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The binary that [`SPIN_VARIABLE`] names, if it does.
    pub fn from_environment() -> Option<Self> {
        std::env::var_os(SPIN_VARIABLE).map(Self::at)
    }
}

impl Host for Spin {
    fn name(&self) -> &'static str {
        "spin"
    }

    fn shows_hops(&self) -> bool {
        true
    }

    fn has_clocks(&self) -> bool {
        false
    }

    fn serve<'a>(&'a self, app: &'a App, how: How) -> Starting<'a> {
        assert!(how.clock.is_none(), "Spin has no clocks but the real one");
        Box::pin(async move {
            let mut command = Command::new(&self.0);
            command.args(arguments(app, &how));
            if let Some(file) = &how.ca_file {
                command.env(CA_FILE_VARIABLE, file);
            }
            if let Some(threads) = how.threads {
                command.env(THREADS_VARIABLE, threads.to_string());
            }
            let started = Group::start(&command, app.folder());
            let (group, output, error) = started.expect("start a process");
            let log = Log::default();
            let errors = keep(error, &log);
            match tokio::time::timeout(START_TIME_MAX, listens(output)).await {
                Ok(Ok(address)) => Running {
                    replacer: None,
                    address,
                    metrics: None,
                    log,
                    stop: Stop::Process(group),
                },
                told => {
                    let late = told.is_err();
                    drop(group);
                    let _ = errors.join();
                    let why = if late { "does not serve" } else { "has ended" };
                    panic!("{} {why}: {:#?}", self.0.display(), *log.borrow());
                }
            }
        })
    }
}

fn arguments(app: &App, how: &How) -> Vec<String> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut arguments = vec![
        "up".to_owned(),
        "--from".to_owned(),
        path(app.manifest()),
        "--listen".to_owned(),
        "127.0.0.1:0".to_owned(),
        "--state-dir".to_owned(),
        path(app.folder().join("state")),
    ];
    if let Some(file) = app.runtime_config() {
        arguments.extend(["--runtime-config-file".to_owned(), path(file)]);
    }
    let seconds = how.idle_time.map(|time| format!("{}s", time.as_secs()));
    let options = [
        (
            "--max-instance-reuse-count",
            how.requests_per_instance.map(|count| count.to_string()),
        ),
        (
            "--max-instance-concurrent-reuse-count",
            how.requests_at_once.map(|count| count.to_string()),
        ),
        ("--idle-instance-timeout", seconds),
    ];
    for (name, value) in options {
        arguments.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    }
    for (key, value) in app.key_values() {
        arguments.extend(["--key-value".to_owned(), format!("{key}={value}")]);
    }
    arguments
}

/// Keeps the lines of standard error: the log of the components is there.
fn keep(error: ChildStderr, log: &Log) -> JoinHandle<()> {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in lines(error) {
            log.send_modify(|lines| lines.push(line));
        }
    })
}

/// Where it says that it listens; nothing where it ends without. Reads on in any case, so that nobody who
/// writes has to wait.
fn listens(output: ChildStdout) -> oneshot::Receiver<SocketAddr> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut tell = Some(tell);
        for line in lines(output) {
            let address = line.trim().strip_prefix(SERVING);
            let address = address.and_then(|address| address.parse().ok());
            if let (Some(address), Some(tell)) = (address, tell.take_if(|_| address.is_some())) {
                let _ = tell.send(address);
            }
        }
    });
    told
}

fn lines(from: impl Read) -> impl Iterator<Item = String> {
    let lines = BufReader::new(from).split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned())
}
