//! Where the tests run: the in-process host, and a real `spin` where one is named.

use crate::app::App;
use crate::process::Usage;
use doorward_host::kv::StoreFile;
use doorward_host::manifest;
use doorward_host::options::{HostOptions, LogSink};
use doorward_host::server::Server;
use doorward_host::{Manner, WallClock};
use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// The environment variable that names a `spin` binary.
pub const SPIN_VARIABLE: &str = "DOORWARD_SPIN";
/// How long a host may take until it serves.
const START_TIME_MAX: Duration = Duration::from_secs(120);

/// Something that serves a `spin.toml`.
pub trait Host: Send + Sync {
    /// Its name, for the names of the tests.
    fn name(&self) -> &'static str;
    /// Whether components see what belongs to a connection, and what two `Host` fields say (wasmtime 47).
    fn shows_hops(&self) -> bool {
        false
    }
    /// Serves `app` on a port of its own.
    fn start<'a>(&'a self, app: &'a App) -> Pin<Box<dyn Future<Output = Running> + Send + 'a>>;
}

/// A host that serves an application, until it is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    stop: Stop,
}

#[derive(Debug)]
enum Stop {
    InProcess(Option<(oneshot::Sender<()>, tokio::task::JoinHandle<()>)>),
    Process(Process),
}

/// A process that is killed when it is no longer needed.
#[derive(Debug)]
struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// The lines that the components wrote so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The resident memory of the host's process, in bytes. In-process, the test's own is in it.
    pub fn memory_bytes(&self) -> u64 {
        let usage = match &self.stop {
            Stop::InProcess(_) => Some(Usage::own()),
            Stop::Process(process) => Usage::of(process.0.id()),
        };
        usage.expect("the host runs").memory_bytes
    }

    /// Stops the host, and waits until it has.
    pub async fn stop(mut self) {
        match &mut self.stop {
            Stop::InProcess(handle) => {
                if let Some((stop, task)) = handle.take() {
                    let _ = stop.send(());
                    task.await.unwrap();
                }
            }
            // Killed and waited for when it is dropped.
            Stop::Process(_) => {}
        }
    }
}

/// The host of this repository, in the test's own process.
#[derive(Debug, Clone, Copy)]
pub struct InProcess;

impl Host for InProcess {
    fn name(&self) -> &'static str {
        "in-process"
    }

    fn start<'a>(&'a self, app: &'a App) -> Pin<Box<dyn Future<Output = Running> + Send + 'a>> {
        Box::pin(start_in_process(app, |_| {}))
    }
}

/// The host of this repository in the manner of wasmtime 47, which Spin 4.1 has inside: components see what
/// [`InProcess`] keeps from them.
#[derive(Debug, Clone, Copy)]
pub struct InProcess47;

impl Host for InProcess47 {
    fn name(&self) -> &'static str {
        "in-process-47"
    }

    fn shows_hops(&self) -> bool {
        true
    }

    fn start<'a>(&'a self, app: &'a App) -> Pin<Box<dyn Future<Output = Running> + Send + 'a>> {
        Box::pin(start_in_process(app, |options| {
            options.manner = Manner::Shows;
        }))
    }
}

impl InProcess {
    /// Serves `app` where components see `clock` as the time of day. Timers stay real.
    pub async fn start_with_clock(app: &App, clock: &WallClock) -> Running {
        let clock = clock.clone();
        start_in_process(app, |options| options.clock = Some(clock)).await
    }
}

/// Serves `app` in-process with options changed by `adjust`.
pub async fn start_in_process(app: &App, adjust: impl FnOnce(&mut HostOptions)) -> Running {
    let application = manifest::load(&app.manifest())
        .unwrap_or_else(|error| panic!("the test's spin.toml is wrong: {error}"));
    if !app.key_values().is_empty() {
        let store = StoreFile::open(&app.folder().join("state")).expect("open the key-value store");
        for (key, value) in app.key_values() {
            store
                .set("default", key, value.as_bytes())
                .expect("fill the key-value store");
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&log);
    let mut options = HostOptions::new("127.0.0.1:0".parse().unwrap(), app.folder().join("state"));
    options.cache_dir = Some(crate::app::workspace().join("target/doorward-test-cache"));
    options.log = Some(LogSink::new(move |line| {
        sink.lock().unwrap().push(line.text.to_owned())
    }));
    adjust(&mut options);
    let server = Server::bind(application, options)
        .await
        .unwrap_or_else(|error| panic!("the host does not start: {error:#}"));
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        server
            .serve(stopped)
            .await
            .unwrap_or_else(|error| panic!("the host fails: {error:#}"));
    });
    Running {
        address,
        log,
        stop: Stop::InProcess(Some((stop, task))),
    }
}

/// A `spin` binary.
#[derive(Debug, Clone)]
pub struct Spin(PathBuf);

impl Spin {
    /// The binary that [`SPIN_VARIABLE`] names, if it does.
    pub fn from_environment() -> Option<Self> {
        std::env::var_os(SPIN_VARIABLE).map(|path| Self(PathBuf::from(path)))
    }
}

impl Host for Spin {
    fn name(&self) -> &'static str {
        "spin"
    }

    fn shows_hops(&self) -> bool {
        true
    }

    fn start<'a>(&'a self, app: &'a App) -> Pin<Box<dyn Future<Output = Running> + Send + 'a>> {
        Box::pin(async move {
            // Spin cannot be asked which port it was given, so one that is free is chosen here.
            let address = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap();
            let mut child =
                std::process::Command::new(&self.0)
                    .args(["up", "--from"])
                    .arg(app.manifest())
                    .args(["--listen", &address.to_string(), "--state-dir"])
                    .arg(app.folder().join("state"))
                    .args(app.key_values().iter().flat_map(|(key, value)| {
                        ["--key-value".to_owned(), format!("{key}={value}")]
                    }))
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap_or_else(|error| panic!("{SPIN_VARIABLE} cannot be run: {error}"));
            let log = Arc::new(Mutex::new(Vec::new()));
            let sink = Arc::clone(&log);
            let lines = BufReader::new(child.stderr.take().unwrap()).lines();
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    sink.lock().unwrap().push(line);
                }
            });
            let process = Process(child);
            let reachable = async {
                while tokio::net::TcpStream::connect(address).await.is_err() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(START_TIME_MAX, reachable)
                .await
                .unwrap_or_else(|_| panic!("spin does not serve: {:?}", log.lock().unwrap()));
            Running {
                address,
                log,
                stop: Stop::Process(process),
            }
        })
    }
}
