//! The intake in a host that is a process of its own, so that it can be killed.

use doorward_host::manifest;
use doorward_host::options::{HostOptions, LogSink};
use doorward_host::server::Server as HostServer;
use doorward_runtime_tests::app::{App, AppSpec, workspace};
use doorward_runtime_tests::run::runtime;
use doorward_runtime_tests::servers::{At, Kind, in_role};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The argument with which this program is the host.
pub const ROLE: &str = "--serve";
/// What it says when it serves.
const SERVES: &str = "the host serves";

/// The intake with a sink.
#[derive(Debug)]
pub struct Intake {
    app: App,
}

impl Intake {
    /// One that writes to this sink.
    pub fn into(sink: &str) -> Self {
        let app = AppSpec::intake(&[("events_sink", sink)]).write();
        Self { app }
    }

    /// The file of its database.
    pub fn database(&self) -> PathBuf {
        state(self.app.folder()).join("sqlite_db.db")
    }
}

impl Kind for Intake {
    const NAME: &'static str = "the host";
    const STOP: &'static str = "TERM";

    fn program() -> Option<PathBuf> {
        std::env::current_exe().ok()
    }

    fn command(&self, _: &Path, port: u16) -> Command {
        in_role(ROLE, self.app.folder(), port)
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        at.log.contains(SERVES)
    }
}

fn state(folder: &Path) -> PathBuf {
    folder.join("state")
}

/// What the other process does: serves the application in this folder until it is killed.
pub fn serve(folder: &Path, port: &str) -> ExitCode {
    let application = manifest::load(&folder.join("spin.toml")).expect("a manifest");
    let listen = format!("127.0.0.1:{port}").parse().expect("a port");
    let mut options = HostOptions::new(listen, state(folder));
    options.cache_dir = Some(workspace().join("target/doorward-test-cache"));
    options.log = Some(LogSink::new(|line| eprintln!("{}", line.text)));
    runtime(2).expect("threads").block_on(async {
        let server = HostServer::bind(application, options).await;
        let server = server.unwrap_or_else(|error| panic!("{error:#}"));
        println!("{SERVES}");
        server
            .serve(std::future::pending())
            .await
            .expect("it serves");
    });
    ExitCode::SUCCESS
}
