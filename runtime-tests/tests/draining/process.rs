//! The host as a process of its own, so that it can be told to stop by a signal.

use doorward_host::manifest;
use doorward_host::options::HostOptions;
use doorward_host::server::Server as HostServer;
use doorward_runtime_tests::app::{App, workspace};
use doorward_runtime_tests::run::runtime;
use doorward_runtime_tests::servers::{At, Kind, in_role};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The argument with which this program is the host.
pub const ROLE: &str = "--serve";
/// The path at which load balancers ask the application.
pub const READY: &str = "/ready";
/// What it says before the address at which it tells whether it is ready.
const SERVES: &str = "the host serves; ready: ";
/// What it says when it has ended, before how.
const ENDED: &str = "the host ended: ";

/// An application, and how its host stops.
#[derive(Debug)]
pub struct Process {
    pub app: App,
    pub drain_delay: Duration,
    pub grace: Duration,
}

/// Where the host with this log tells whether it is ready.
pub fn health(log: &str) -> SocketAddr {
    said(log, SERVES).parse().expect("an address")
}

/// How the host with this log ended.
pub fn ending(log: &str) -> &str {
    said(log, ENDED)
}

fn said<'l>(log: &'l str, what: &str) -> &'l str {
    let found = log.lines().find_map(|line| line.strip_prefix(what));
    found.unwrap_or_else(|| panic!("there is no `{what}`: {log}"))
}

impl Kind for Process {
    const NAME: &'static str = "the host";
    const STOP: &'static str = "TERM";

    fn program() -> Option<PathBuf> {
        std::env::current_exe().ok()
    }

    fn command(&self, _: &Path, port: u16) -> Command {
        let mut command = in_role(ROLE, self.app.folder(), port);
        for time in [self.drain_delay, self.grace] {
            command.arg(time.as_millis().to_string());
        }
        command
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        at.log.contains(SERVES)
    }
}

/// What the other process does: serves the application in this folder until it is told to stop.
pub fn serve(folder: &Path, port: &str, drain_delay_ms: &str, grace_ms: &str) -> ExitCode {
    let time = |ms: &str| Duration::from_millis(ms.parse().expect("milliseconds"));
    let application = manifest::load(&folder.join("spin.toml")).expect("a manifest");
    let listen = format!("127.0.0.1:{port}").parse().expect("a port");
    let mut options = HostOptions::new(listen, folder.join("state"));
    options.cache_dir = Some(workspace().join("target/doorward-test-cache"));
    options.drain_delay = time(drain_delay_ms);
    options.grace = time(grace_ms);
    options.ready_paths.insert(READY.to_owned());
    options.health = Some("127.0.0.1:0".parse().expect("an address"));
    let runtime = runtime(2).expect("threads");
    let ending = runtime.block_on(async {
        let mut told = signal(SignalKind::terminate()).expect("a handler");
        let server = HostServer::bind(application, options).await;
        let server = server.unwrap_or_else(|error| panic!("{error:#}"));
        println!("{SERVES}{}", server.health_addr().expect("an address"));
        let told = async {
            told.recv().await;
        };
        server.serve(told).await.expect("it serves")
    });
    println!("{ENDED}{ending:?}");
    runtime.shutdown_background();
    ExitCode::SUCCESS
}
