//! A real nginx, as the origin behind the components or as the CDN in front of them.
//!
//! It needs the program `nginx`, such as Debian's. Where that is absent its cases count as ignored, and
//! say so.

mod config;
#[cfg(test)]
mod tests;

use crate::run::{self, Case};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where the program may be. Debian's folder is not on everybody's `PATH`.
const PROGRAMS: [&str; 3] = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"];
/// How often a port is chosen anew because somebody else was faster.
const PORTS_MAX: usize = 5;
/// How long nginx may take until it serves.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Runs nginx until its own input ends: with the test, however that ends.
const SCRIPT: &str = r#""$@" </dev/null & pid=$!; read -r _; kill -9 "$pid"; wait"#;

/// Runs cases that need nginx, where there is one.
pub fn main(cases: &[Case]) -> ExitCode {
    run::main_with(Nginx::available, cases)
}

/// An nginx on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Nginx {
    address: SocketAddr,
    folder: TempDir,
    process: Child,
}

impl Nginx {
    /// Whether there is an nginx. The error says what is missing.
    pub fn available() -> Result<(), String> {
        let program = program().ok_or("there is no nginx")?;
        let version = Command::new(program).arg("-v").output();
        let version = version.map_err(|error| format!("nginx cannot be run: {error}"))?;
        match version.status.success() {
            true => Ok(()),
            false => Err(format!("nginx cannot be run: {}", version.status)),
        }
    }

    /// Starts an origin:
    /// - `/hello` says `hello`;
    /// - `/echo-headers` tells the request's line, and those of its header fields that are in
    ///   [`Nginx::ECHOED`], a line each, where they came at all;
    /// - `/upload` takes a body of any length, and then tells its length;
    /// - `/file` sends [`Nginx::FILE_BYTES`] times `f`, with ranges and validators;
    /// - `/slow` sends the same at 256 KiB per second;
    /// - `/gone` closes the connection without an answer;
    /// - `/status/` and one of 204, 302, 404, 429, 500, 502, 503 and 504 have that status.
    pub async fn origin() -> Self {
        Self::start(config::origin).await
    }

    /// Starts a CDN that passes everything on to `address`: over connections that are kept, without
    /// buffering, with the client's `Host`, its address appended to `X-Forwarded-For`, and `https` as
    /// `X-Forwarded-Proto`. It asks once.
    pub async fn in_front_of(address: SocketAddr) -> Self {
        Self::start(|port, _| config::in_front_of(port, address)).await
    }

    /// The fields that `/echo-headers` tells of.
    pub const ECHOED: &'static [&'static str] = config::ECHOED;
    /// The length of `/file` and of `/slow`.
    pub const FILE_BYTES: usize = 128 * 1024;

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has complained of.
    pub fn errors(&self) -> String {
        errors(self.folder.path())
    }

    /// The id of its process, of which there is only one.
    pub fn process_id(&self) -> u32 {
        let id = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        id.trim().parse().unwrap()
    }

    async fn start(config: impl Fn(u16, &Path) -> String) -> Self {
        let mut complaint = String::new();
        for _ in 0..PORTS_MAX {
            // nginx cannot be asked which port it was given, so one that is free is chosen here.
            let address = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap();
            let folder = tempfile::tempdir().unwrap();
            let file = vec![b'f'; Self::FILE_BYTES];
            std::fs::write(folder.path().join("file"), file).unwrap();
            let config = config(address.port(), folder.path());
            std::fs::write(folder.path().join("conf"), config).unwrap();
            let nginx = Self {
                address,
                process: spawn(folder.path()),
                folder,
            };
            match nginx.serves().await {
                Ok(()) => return nginx,
                Err(error) if error.contains("bind()") => complaint = error,
                Err(error) => panic!("nginx does not start: {error}"),
            }
        }
        panic!("nginx gets no port: {complaint}");
    }

    /// Waits until it serves. The error is what it complains of.
    async fn serves(&self) -> Result<(), String> {
        let start = Instant::now();
        // It writes this when it has its port, so what answers there then is no other program.
        let is_there = || {
            let id = std::fs::read_to_string(self.folder.path().join("pid"));
            id.is_ok_and(|id| id.ends_with('\n')) && TcpStream::connect(self.address).is_ok()
        };
        while !is_there() {
            let errors = self.errors();
            // It tries a port that is taken again for some seconds before it gives up.
            if errors.contains("[emerg]") || start.elapsed() > START_TIME_MAX {
                return Err(errors);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The end of its input is what ends it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn program() -> Option<&'static str> {
    let runs = |program: &&str| {
        let version = Command::new(program)
            .arg("-v")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok()
    };
    PROGRAMS.into_iter().find(runs)
}

fn spawn(folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", SCRIPT, "sh", program().expect("there is an nginx")])
        .arg("-p")
        .arg(folder)
        .args(["-e", "errors", "-c", "conf"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("nginx cannot be run: {error}"))
}

fn errors(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("errors")).unwrap_or_default()
}
