//! Where the tests run: the in-process host, and a real `spin` where one is named.

mod spin;
#[cfg(test)]
mod tests;

pub use spin::{SPIN_VARIABLE, Spin};

use crate::app::App;
use crate::client::Ask;
use crate::group::Group;
use crate::measured::REQUESTS_AN_INSTANCE;
use crate::process::Usage;
use doorward_host::kv::{Places, Store};
use doorward_host::manifest::{self, runtime_config};
use doorward_host::options::{HostOptions, LogSink};
use doorward_host::server::Server;
use doorward_host::{Manner, NotReplaced, Renewed, Replacer, WallClock};
use std::future::Future;
use std::net::SocketAddr;
use std::panic::Location;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How long [`Running::wait_for_log`] waits before a line does not come.
const LOG_TIME_MAX: Duration = Duration::from_secs(60);
/// An instance that is told to stay is kept for so long: longer than any case.
const INSTANCE_TIME: Duration = Duration::from_secs(3600);
/// An instance that is told to stay serves so many requests: more than any case sends.
const INSTANCE_REQUESTS: usize = 1_000_000;

/// How the target ends that marks a place in the log. It is refused wherever it is sent: what follows the
/// percent sign is no octet.
const MARK: &str = "-marks-the-log%";

/// Something that serves a `spin.toml`.
pub trait Host: Send + Sync {
    /// Its name, for the names of the tests.
    fn name(&self) -> &'static str;

    /// Whether components see what belongs to a connection, and what two `Host` fields say (wasmtime 47).
    fn shows_hops(&self) -> bool {
        false
    }

    /// Whether components can be given a clock of the test's own.
    fn has_clocks(&self) -> bool;

    /// Serves `app` on a port of its own.
    fn serve<'a>(&'a self, app: &'a App, how: How) -> Starting<'a>;

    /// Serves `app` on a port of its own, as the host does unless told otherwise.
    fn start<'a>(&'a self, app: &'a App) -> Starting<'a> {
        self.serve(app, How::default())
    }
}

/// A host that is being started.
pub type Starting<'a> = Pin<Box<dyn Future<Output = Running> + Send + 'a>>;

/// How a host is to serve an application, where it is told.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// Requests that one instance serves before it is replaced.
    pub requests_per_instance: Option<usize>,
    /// Requests that one instance serves at the same time.
    pub requests_at_once: Option<usize>,
    /// How long an instance without a request is kept.
    pub idle_time: Option<Duration>,
    /// Threads of the host, where it is a process of its own. With one of them an instance that has answered is
    /// ready for the next request before that comes; otherwise it may be too late, and another instance begins.
    pub threads: Option<usize>,
    /// The file of an authority, in PEM, that may vouch for servers as well.
    pub ca_file: Option<PathBuf>,
    /// What components see as the time of day, where the host has that ([`Host::has_clocks`]). Timers
    /// stay real.
    pub clock: Option<WallClock>,
}

impl How {
    /// With instances that are kept, however many requests there are and however long the machine takes,
    /// so what they remember is there. Requests that come one after the other meet the same instance unless
    /// that is still busy; those that come together may meet several.
    pub fn kept() -> Self {
        Self {
            requests_per_instance: Some(INSTANCE_REQUESTS),
            idle_time: Some(INSTANCE_TIME),
            threads: Some(1),
            ..Self::default()
        }
    }

    /// With one instance that sees every request.
    pub fn one() -> Self {
        Self {
            requests_at_once: Some(INSTANCE_REQUESTS),
            ..Self::kept()
        }
    }

    /// With one instance for each request under way.
    pub fn spread() -> Self {
        Self {
            requests_at_once: Some(1),
            ..Self::kept()
        }
    }

    /// With several instances one after the other, each of which ends when it has had its last request.
    pub fn in_turns() -> Self {
        Self {
            requests_per_instance: Some(REQUESTS_AN_INSTANCE),
            ..Self::default()
        }
    }

    /// With a new instance for each request, which knows nothing of what was before.
    pub fn forgetful() -> Self {
        Self {
            requests_per_instance: Some(1),
            ..Self::default()
        }
    }

    fn say(self, options: &mut HostOptions) {
        if let Some(count) = self.requests_per_instance {
            options.max_instance_reuse_count = count;
        }
        if let Some(count) = self.requests_at_once {
            options.max_instance_concurrent_reuse_count = count;
        }
        if let Some(time) = self.idle_time {
            options.idle_instance_timeout = time;
        }
        options.outbound.roots.added.extend(self.ca_file);
        options.clock = self.clock;
    }

    /// By this clock.
    #[must_use]
    pub fn by(self, clock: Option<&WallClock>) -> Self {
        Self {
            clock: clock.cloned(),
            ..self
        }
    }
}

/// Where an application listens.
pub type Address = SocketAddr;

/// A host that serves an application, until it is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it tells its numbers, where it was told to.
    pub metrics: Option<SocketAddr>,
    log: Log,
    replacer: Option<Replacer>,
    stop: Stop,
}

/// The lines that were written so far, of which others are told.
type Log = Arc<watch::Sender<Vec<String>>>;

/// The lines but for those that only mark a place.
fn unmarked(log: &Log) -> Vec<String> {
    let lines = log.borrow();
    let lines = lines.iter().filter(|line| !line.contains(MARK));
    lines.cloned().collect()
}

#[derive(Debug)]
enum Stop {
    InProcess(Option<(oneshot::Sender<()>, tokio::task::JoinHandle<()>)>),
    Process(Group),
}

impl Running {
    /// The lines of the components that have arrived so far. There may be more under way: where a host is
    /// a process of its own they come later than the answers ([`Running::wait_for_log`],
    /// [`Running::whole_log`]).
    pub fn log(&self) -> Vec<String> {
        unmarked(&self.log)
    }

    /// What [`Running::log`] gives, also when the host has stopped.
    pub fn log_handle(&self) -> impl Fn() -> Vec<String> + use<> {
        let lines = Arc::clone(&self.log);
        move || unmarked(&lines)
    }

    /// Waits for a line of the log like this, and gives it.
    #[track_caller]
    pub fn wait_for_log(
        &self,
        is_meant: impl Fn(&str) -> bool + Send + Sync,
    ) -> impl Future<Output = String> + Send {
        self.wait_for_log_within(LOG_TIME_MAX, 1, is_meant)
    }

    /// Waits for so many lines of the log like this, and gives the last one.
    #[track_caller]
    pub fn wait_for_logs(
        &self,
        count: usize,
        is_meant: impl Fn(&str) -> bool + Send + Sync,
    ) -> impl Future<Output = String> + Send {
        self.wait_for_log_within(LOG_TIME_MAX, count, is_meant)
    }

    #[track_caller]
    fn wait_for_log_within(
        &self,
        time_max: Duration,
        count: usize,
        is_meant: impl Fn(&str) -> bool + Send + Sync,
    ) -> impl Future<Output = String> + Send {
        let (mut lines, caller) = (self.log.subscribe(), Location::caller());
        async move {
            let find = |lines: &Vec<String>| {
                let mut meant = lines.iter().filter(|line| is_meant(line));
                meant.nth(count.saturating_sub(1)).cloned()
            };
            let waited = lines.wait_for(|lines| find(lines).is_some());
            let waited = tokio::time::timeout(time_max, waited).await;
            let found = waited.ok().and_then(|lines| find(&*lines.ok()?));
            found.unwrap_or_else(|| {
                let lines = lines.borrow();
                panic!("{caller}: waiting in vain for a line of the log: {lines:#?}")
            })
        }
    }

    /// The lines that the components wrote until now: all that belong to answers that have come. Another
    /// request, which is refused, proves that they are there; the line of that one is left out. Only for
    /// applications with a gate or the gateway, which write it.
    pub async fn whole_log(&self) -> Vec<String> {
        static MARKS: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("/{}{MARK}", MARKS.fetch_add(1, Relaxed));
        let answer = Ask::get(&mark).send(self.address).await;
        assert_eq!(answer.status, 400, "the mark: {}", answer.text());
        self.wait_for_log(|line| line.contains(&mark)).await;
        self.log()
    }

    /// What the host has used. In-process, what the test itself has used is in it.
    pub fn usage(&self) -> Usage {
        let usage = match &self.stop {
            Stop::InProcess(_) => Some(Usage::own()),
            Stop::Process(group) => group.usage(),
        };
        usage.expect("the host runs")
    }

    /// The resident memory of the host's process, in bytes. In-process, the test's own is in it.
    pub fn memory_bytes(&self) -> u64 {
        self.usage().memory_bytes
    }

    /// Serves another application in the place of this one. Only in-process.
    ///
    /// # Errors
    ///
    /// Where it cannot be served.
    pub async fn replace(&self, app: &App) -> Result<(), NotReplaced> {
        let application = manifest::load(&app.manifest());
        let application = application
            .unwrap_or_else(|error| panic!("the test's other spin.toml is wrong: {error}"));
        let replacer = self.replacer.as_ref().expect("an in-process host");
        replacer.replace(application, Renewed::default()).await
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
            // Ended and waited for when it is dropped.
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

    fn has_clocks(&self) -> bool {
        true
    }

    fn serve<'a>(&'a self, app: &'a App, how: How) -> Starting<'a> {
        Box::pin(start_in_process(app, |options| how.say(options)))
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

    fn has_clocks(&self) -> bool {
        true
    }

    fn serve<'a>(&'a self, app: &'a App, how: How) -> Starting<'a> {
        Box::pin(start_in_process(app, |options| {
            options.manner = Manner::Shows;
            how.say(options);
        }))
    }
}

/// Serves `app` in-process with options changed by `adjust`.
pub async fn start_in_process(app: &App, adjust: impl FnOnce(&mut HostOptions)) -> Running {
    let application = manifest::load(&app.manifest())
        .unwrap_or_else(|error| panic!("the test's spin.toml is wrong: {error}"));
    let log = Log::default();
    let sink = Arc::clone(&log);
    let mut options = HostOptions::new("127.0.0.1:0".parse().unwrap(), app.folder().join("state"));
    if let Some(file) = app.runtime_config() {
        let configured = runtime_config::load(&file)
            .unwrap_or_else(|error| panic!("the test's runtime configuration is wrong: {error}"));
        options.key_value_stores = configured.key_value_stores;
        options.sqlite_databases = configured.sqlite_databases;
    }
    options.cache_dir = Some(crate::app::workspace().join("target/doorward-test-cache"));
    options.log = Some(LogSink::new(move |line| {
        sink.send_modify(|lines| lines.push(line.text.to_owned()))
    }));
    adjust(&mut options);
    if !app.key_values().is_empty() {
        let places = Places::new(
            &options.state_dir,
            &options.key_value_stores,
            &options.outbound,
        );
        let place = places.open("default").expect("open the key-value store");
        let bytes = |(key, value): &(String, String)| (key.clone(), value.clone().into_bytes());
        let entries = app.key_values().iter().map(bytes).collect();
        let filled = Store::new(place, "default").set_many(entries).await;
        filled.expect("fill the key-value store");
    }
    let server = Server::bind(application, options)
        .await
        .unwrap_or_else(|error| panic!("the host does not start: {error:#}"));
    let address = server.local_addr();
    let metrics = server.metrics_addr();
    let replacer = server.replacer();
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
        metrics,
        log,
        replacer: Some(replacer),
        stop: Stop::InProcess(Some((stop, task))),
    }
}
