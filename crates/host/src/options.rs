//! What the caller of the host decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use ipnet::IpNet;

use crate::ahead::Ahead;
use crate::clock::WallClock;
use crate::fuel::FuelSink;
use crate::lines::Lines;
use crate::manifest::runtime_config::{KeyValueStore, SqliteDatabase};
use crate::manner::Manner;
use crate::outbound_options::OutboundOptions;

/// Requests that one instance serves before it is replaced, unless told otherwise; Spin's default is 128. What a new one
/// begins with is then less than a tenth of what its requests take: `docs/decisions/0086-requests-of-an-instance.md`.
pub const INSTANCE_REUSE_COUNT: usize = 1000;
/// Requests that one instance serves at the same time, unless told otherwise (Spin's default).
pub const INSTANCE_CONCURRENT_REUSE_COUNT: usize = 16;
/// How long an instance without a request is kept, unless told otherwise (Spin's default).
pub const IDLE_INSTANCE_TIMEOUT: Duration = Duration::from_secs(1);
/// Instances for requests from outside at the same time, unless told otherwise, and at most: with more, their stacks and
/// memories would take more mappings than Linux allows a process. Each takes up to 16 requests at once, so this is enough
/// for all connections.
pub const INSTANCES_MAX: usize = 256;
/// Linear memory of one instance in bytes, unless told otherwise: 256 MiB.
pub const MEMORY_BYTES_MAX: usize = 256 << 20;
/// Computing without a pause that one instance is allowed, unless told otherwise.
pub const BUSY_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a component has for a request while nothing moves, unless told otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// Time in which a client must have sent the head of a request, unless told otherwise.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection without a request is kept, unless told otherwise.
pub const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a client is waited for that sends nothing of its body, unless told otherwise.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client is waited for that takes nothing of what is ready, unless told otherwise.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes per second with which a client keeps the pace, unless told otherwise.
pub const CLIENT_RATE_MIN: u32 = 500;
/// What one client gets of the instances and of the connections where nobody else wants any, in per cent, unless
/// told otherwise.
pub const CLIENT_SHARE_PERCENT: usize = 80;
/// Connections that are open at the same time, unless told otherwise; more wait in the backlog.
pub const CONNECTIONS_MAX: usize = 4096;
/// Bytes of one HTTP/2 body that a client may send before a component reads them, unless told otherwise: 256 KiB.
pub const HTTP2_WINDOW_BYTES: u32 = 256 << 10;
/// The least that it can be told: of all bodies of a connection it is twice that, and no connection begins with less
/// (RFC 9113 section 6.9.2).
pub const HTTP2_WINDOW_BYTES_MIN: u32 = 32 << 10;
/// The most: twice that fits into 31 bits (RFC 9113 section 6.9.1).
pub const HTTP2_WINDOW_BYTES_MAX: u32 = 512 << 20;
/// When the host has ended once it was told to stop, unless told otherwise: who ends it by force after 30 s, as
/// Kubernetes does, never has to.
pub const GRACE: Duration = Duration::from_secs(30);
/// For how long it accepts on when it was told to stop, unless told otherwise: until a load balancer has seen it.
pub const DRAIN_DELAY: Duration = Duration::from_secs(5);

/// Settings of the host that are not part of the application.
#[derive(Clone)]
pub struct HostOptions {
    /// Address to listen on; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Folder of what outlives a run: the key-value stores and databases. Created when missing.
    pub state_dir: PathBuf,
    /// Folder of the compiled and of the downloaded components; `cache` in the state folder when not
    /// given. Hosts may share it, also at the same time.
    pub cache_dir: Option<PathBuf>,
    /// What was compiled ahead, where the application is in an image: nothing else is compiled or run then.
    pub ahead: Option<Arc<Ahead>>,
    /// The key-value stores by label. Without any, all of them are in the state folder, and with some, `default` is
    /// unless it is among them.
    pub key_value_stores: BTreeMap<String, KeyValueStore>,
    /// The SQLite databases by label, beside `default`, which is in the state folder unless it is among them.
    pub sqlite_databases: BTreeMap<String, SqliteDatabase>,
    /// Values for the application's variables; they win over `SPIN_VARIABLE_*` and defaults.
    pub variables: Vec<(String, String)>,
    /// Requests that one instance serves before it is replaced.
    pub max_instance_reuse_count: usize,
    /// Requests that one instance serves at the same time.
    pub max_instance_concurrent_reuse_count: usize,
    /// Instances for requests from outside at the same time: 1 to 256 ([`INSTANCES_MAX`]). Who would need another one is
    /// told to come again.
    pub instances_max: usize,
    /// How long an instance without a request is kept.
    pub idle_instance_timeout: Duration,
    /// How long a component has for a request while no byte of it or of its answer moves and the client is not
    /// waited for; no limit where there is none, as in Spin.
    pub request_timeout: Option<Duration>,
    /// Linear memory of one instance in bytes.
    pub memory_bytes_max: usize,
    /// How long an instance may compute without a pause in which it could take another request. An
    /// endless loop ends here.
    pub busy_time_max: Duration,
    /// Time in which a client must have sent the head of a request.
    pub header_read_timeout: Duration,
    /// How long a connection without a request is kept.
    pub idle_connection_timeout: Duration,
    /// How long a client is waited for that sends nothing of its body.
    pub read_timeout: Duration,
    /// How long a client is waited for that takes nothing of what is ready.
    pub write_timeout: Duration,
    /// Bytes, sent or taken, for which a client gets back one second of those times.
    pub client_rate_min: u32,
    /// What one client gets of the instances and of the connections where nobody else wants any, in per cent.
    /// Where others do, it is less. 100: no limit.
    pub client_share_percent: usize,
    /// The networks of proxies whose `X-Forwarded-For` says who the client is, and that are not clients themselves.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections that are open at the same time; more wait in the backlog.
    pub connections_max: usize,
    /// Bytes of one HTTP/2 body that a client may send before a component reads them; twice as many of all bodies of a
    /// connection ([`HTTP2_WINDOW_BYTES_MIN`] to [`HTTP2_WINDOW_BYTES_MAX`]).
    pub http2_window_bytes: u32,
    /// For how long the host accepts on when it was told to stop, and tells who asks that it is not ready.
    pub drain_delay: Duration,
    /// When it has ended, counted from there as well: what is still under way shortly before is cut off.
    pub grace: Duration,
    /// The paths at which load balancers ask a component whether it is ready. While the host stops it answers them
    /// itself, with a 503.
    pub ready_paths: BTreeSet<String>,
    /// Address at which the host says that it is alive, under `/health`, and whether it wants requests, under `/ready`.
    pub health: Option<SocketAddr>,
    /// Address at which it tells its numbers, under `/metrics`. May be the same.
    pub metrics: Option<SocketAddr>,
    /// Requests that components send.
    pub outbound: OutboundOptions,
    /// Where the lines go that components write; to this process's own stdout and stderr when not
    /// given.
    pub log: Option<LogSink>,
    /// The time of day that components see; the real one when not given.
    pub clock: Option<WallClock>,
    /// What components see of the fields that they may not set.
    pub manner: Manner,
    /// Counts what instances compute, and tells it here. They take longer for it. Not with what was compiled
    /// [ahead](Self::ahead), which does not count.
    pub fuel: Option<FuelSink>,
}

impl HostOptions {
    /// Spin's defaults where Spin has a limit, but for the requests of an instance, and limits of our own where it has
    /// none, listening on `listen` and keeping state in `state_dir`. It stops without a delay: nobody is known who would
    /// see that it does.
    pub fn new(listen: SocketAddr, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            state_dir: state_dir.into(),
            cache_dir: None,
            ahead: None,
            key_value_stores: BTreeMap::new(),
            sqlite_databases: BTreeMap::new(),
            variables: Vec::new(),
            max_instance_reuse_count: INSTANCE_REUSE_COUNT,
            max_instance_concurrent_reuse_count: INSTANCE_CONCURRENT_REUSE_COUNT,
            instances_max: INSTANCES_MAX,
            idle_instance_timeout: IDLE_INSTANCE_TIMEOUT,
            request_timeout: Some(REQUEST_TIMEOUT),
            memory_bytes_max: MEMORY_BYTES_MAX,
            busy_time_max: BUSY_TIME_MAX,
            header_read_timeout: HEADER_READ_TIMEOUT,
            idle_connection_timeout: IDLE_CONNECTION_TIMEOUT,
            read_timeout: READ_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            client_rate_min: CLIENT_RATE_MIN,
            client_share_percent: CLIENT_SHARE_PERCENT,
            trusted_proxies: Vec::new(),
            connections_max: CONNECTIONS_MAX,
            http2_window_bytes: HTTP2_WINDOW_BYTES,
            drain_delay: Duration::ZERO,
            grace: GRACE,
            ready_paths: BTreeSet::new(),
            health: None,
            metrics: None,
            outbound: OutboundOptions::default(),
            log: None,
            clock: None,
            manner: Manner::default(),
            fuel: None,
        }
    }

    /// The folder of the compiled and of the downloaded components.
    #[must_use]
    pub fn cache_folder(&self) -> PathBuf {
        let in_state = || self.state_dir.join("cache");
        self.cache_dir.clone().unwrap_or_else(in_state)
    }
}

// By hand: the values of variables may be secrets.
impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .variables
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        f.debug_struct("HostOptions")
            .field("listen", &self.listen)
            .field("state_dir", &self.state_dir)
            .field("cache_dir", &self.cache_dir)
            .field("variables", &names)
            .field("request_timeout", &self.request_timeout)
            .field("memory_bytes_max", &self.memory_bytes_max)
            .finish_non_exhaustive()
    }
}

/// The stream that a component wrote a line to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// `stdout`.
    Stdout,
    /// `stderr`.
    Stderr,
}

/// One line that a component wrote, without its line ending.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// The primary component of the trigger; its middlewares write under the same name, because
    /// they are composed into one component with it.
    pub component: &'a str,
    /// Where it was written.
    pub stream: LogStream,
    /// What was written; bytes that are not UTF-8 are replaced.
    pub text: &'a str,
}

static STDOUT: LazyLock<Lines<io::Stdout>> =
    LazyLock::new(|| looked_after(io::stdout(), || STDOUT.look_after()));
static STDERR: LazyLock<Lines<io::Stderr>> =
    LazyLock::new(|| looked_after(io::stderr(), || STDERR.look_after()));

/// How long is waited at the end for somebody to read what was written.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(1);

/// Lines that go there, with a thread that does `look_after` as soon as they are what it asks for.
fn looked_after<W: io::Write>(to: W, look_after: fn()) -> Lines<W> {
    // Where there can be no thread, each line is written when it comes.
    let _ = thread::Builder::new()
        .name("lines".to_owned())
        .spawn(look_after);
    Lines::new(to)
}

/// Receives the lines that components write. Must not block for long: it is called from the threads
/// that serve requests.
#[derive(Clone)]
pub struct LogSink(Arc<dyn Fn(LogLine<'_>) + Send + Sync>);

impl LogSink {
    /// A sink that hands every line to `write`.
    pub fn new(write: impl Fn(LogLine<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// A sink that writes to this process's stdout and stderr, each line prefixed with the
    /// component.
    pub fn stdio() -> Self {
        Self::new(|line| {
            let put = |to: &mut Vec<u8>| {
                for piece in ["[", line.component, "] ", line.text, "\n"] {
                    to.extend_from_slice(piece.as_bytes());
                }
            };
            match line.stream {
                LogStream::Stdout => STDOUT.write(put),
                LogStream::Stderr => STDERR.write(put),
            }
        })
    }

    /// Writes the lines that wait for stdout and stderr, where they are read. To be called before the process ends: they
    /// may wait for milliseconds.
    pub fn flush_stdio() {
        let (tell, told) = mpsc::channel::<()>();
        let flushing = thread::Builder::new().spawn(move || {
            STDOUT.flush();
            STDERR.flush();
            drop(tell);
        });
        if flushing.is_ok() {
            // It ends with that thread.
            let _ = told.recv_timeout(FLUSH_TIME_MAX);
        }
    }

    /// Hands one line over.
    pub fn write(&self, line: LogLine<'_>) {
        (self.0)(line);
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}
