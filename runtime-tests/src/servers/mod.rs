//! Real servers: those that components talk to (PostgreSQL, Redis, Mosquitto, RabbitMQ), and Prometheus, each in a folder and on a
//! port of its own.
//!
//! They need the programs of Debian's packages `postgresql`, `redis-server`, `mosquitto`, `rabbitmq-server` and
//! `prometheus`. Where one is absent, its
//! cases count as ignored, and say so ([`Kind::available`]).

mod mosquitto;
mod postgresql;
mod prometheus;
mod rabbitmq;
mod redis;
#[cfg(test)]
mod tests;

pub use mosquitto::Mosquitto;
pub use postgresql::PostgreSql;
pub use prometheus::{Prometheus, lint, test_rules};
pub use rabbitmq::RabbitMq;
pub use redis::Redis;

use crate::group::Group;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often a port is chosen anew because somebody else was faster.
const PORTS_MAX: usize = 5;
/// How long a server may take until it answers.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a server may take to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);
/// How long an answer to the question whether it is ready may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// How often is looked whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How programs say that a port is taken.
const TAKEN: &str = "already in use";

/// A kind of server.
pub trait Kind: Send + Sync + 'static {
    /// Its name.
    const NAME: &'static str;
    /// The signal on which it ends in good order, whoever is connected.
    const STOP: &'static str;

    /// The program, if it is there.
    fn program() -> Option<PathBuf>;

    /// Fills the folder before the first start.
    fn prepare(&self, _folder: &Path) {}

    /// How it is started in this folder, for this port of this machine.
    fn command(&self, folder: &Path, port: u16) -> Command;

    /// Whether this very process serves.
    fn is_ready(&self, at: &At<'_>) -> bool;

    /// Whether there is the program. The error says what is missing.
    fn available() -> Result<(), String> {
        let absent = || format!("there is no {}", Self::NAME);
        Self::program().map(|_| ()).ok_or_else(absent)
    }
}

/// This very program as a server of its own, which is told to be one by `role` before its folder and its port.
///
/// # Panics
///
/// Where it cannot be found.
pub fn in_role(role: &str, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg(role).arg(folder).arg(port.to_string());
    command
}

/// A server that was started.
#[derive(Debug)]
pub struct At<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Where it listens.
    pub address: SocketAddr,
    /// The id of its process.
    pub process: u32,
    /// What it has written since.
    pub log: String,
}

/// A server with its data. Dropped, both are gone.
#[derive(Debug)]
pub struct Server<K> {
    kind: K,
    address: SocketAddr,
    running: Option<Group>,
    log: Log,
    folder: TempDir,
}

type Log = Arc<Mutex<String>>;

impl<K: Kind> Server<K> {
    /// Starts one on a port of its own, and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(kind: K) -> Self {
        let folder = tempfile::tempdir().expect("make a folder");
        kind.prepare(folder.path());
        let mut server = Self {
            kind,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            running: None,
            log: Log::default(),
            folder,
        };
        let mut complaint = String::new();
        for _ in 0..PORTS_MAX {
            // None of them can be asked which port it was given, so one that is free is chosen here.
            let free = TcpListener::bind("127.0.0.1:0").expect("a port");
            server.address = free.local_addr().expect("its address");
            drop(free);
            match server.run().await {
                Ok(()) => return server,
                Err(error) if error.contains(TAKEN) => complaint = error,
                Err(error) => panic!("{} does not start: {error}", K::NAME),
            }
        }
        panic!("{} gets no port: {complaint}", K::NAME);
    }

    /// Where it listens, also while it does not run.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How it was made.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has written since it was started last.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// The processes of it that run.
    pub fn processes(&self) -> Vec<u32> {
        let running = self.running.as_ref();
        running.map(Group::family).unwrap_or_default()
    }

    /// Ends it in good order: what it was given is there when it starts again.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) {
        if let Some(group) = self.running.take() {
            let ends = group.end(K::STOP, STOP_TIME_MAX);
            assert!(ends, "{} does not stop: {}", K::NAME, self.log());
        }
    }

    /// Ends it where it stands, as a crash does.
    pub fn kill(&mut self) {
        if let Some(group) = self.running.take() {
            let ends = group.end("KILL", STOP_TIME_MAX);
            assert!(ends, "{} cannot be killed", K::NAME);
        }
    }

    /// Starts it again on the same port, with the data that it had.
    ///
    /// # Panics
    /// When it runs, or does not start.
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "{} runs", K::NAME);
        if let Err(error) = self.run().await {
            panic!("{} does not start again: {error}", K::NAME);
        }
    }

    /// Starts it, and waits until it serves. The error is what it has written.
    async fn run(&mut self) -> Result<(), String> {
        let command = self.kind.command(self.folder.path(), self.port());
        let started = Group::start(&command, self.folder.path());
        let (group, output, error) = started.expect("start a process");
        self.log = Log::default();
        keep(output, &self.log);
        keep(error, &self.log);
        let begun = Instant::now();
        loop {
            let at = At {
                folder: self.folder.path(),
                address: self.address,
                process: group.id(),
                log: self.log(),
            };
            if self.kind.is_ready(&at) {
                self.running = Some(group);
                return Ok(());
            }
            if group.processes().is_empty() || begun.elapsed() > START_TIME_MAX {
                group.end("KILL", STOP_TIME_MAX);
                return Err(self.log());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl<K> Drop for Server<K> {
    fn drop(&mut self) {
        // Its data go as well, so it need not be asked. Only where it cannot be killed is there something to say.
        if let Some(group) = self.running.take() {
            let _ = group.end("KILL", STOP_TIME_MAX);
        }
    }
}

/// Keeps what is written until the end.
fn keep(from: impl Read + Send + 'static, log: &Log) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let mut log = log.lock().expect("the log");
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// The first of these programs that can be run.
fn first_that_runs<T: AsRef<Path>>(programs: impl IntoIterator<Item = T>) -> Option<PathBuf> {
    let runs = |program: &T| {
        Command::new(program.as_ref())
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    let found = programs.into_iter().find(runs)?;
    Some(found.as_ref().to_owned())
}

/// Sends `question` over a connection of its own, and reads until `is_enough` says so or nothing more comes.
fn answer(address: SocketAddr, question: &[u8], is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    use std::io::Write as _;
    let mut had = Vec::new();
    let Ok(mut stream) = std::net::TcpStream::connect_timeout(&address, ANSWER_TIME_MAX) else {
        return had;
    };
    let asked = stream
        .set_read_timeout(Some(ANSWER_TIME_MAX))
        .and_then(|()| stream.write_all(question));
    let mut bytes = [0; 4096];
    while asked.is_ok() && !is_enough(&had) {
        match stream.read(&mut bytes) {
            Ok(count) if count > 0 => had.extend_from_slice(&bytes[..count]),
            _ => break,
        }
    }
    had
}
