//! Prometheus, and the tool that judges what it is given.

use super::{At, Kind, Server, answer, first_that_runs};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the programs may be.
const PROGRAMS: [&str; 2] = ["prometheus", "/usr/bin/prometheus"];
const TOOLS: [&str; 2] = ["promtool", "/usr/bin/promtool"];
const CONFIGURATION: &str = "prometheus.yml";

/// A Prometheus that asks one address.
#[derive(Debug)]
pub struct Prometheus {
    target: SocketAddr,
}

impl Prometheus {
    /// One that asks this address, under `/metrics`, five times a second.
    pub fn of(target: SocketAddr) -> Self {
        Self { target }
    }
}

impl Kind for Prometheus {
    const NAME: &'static str = "Prometheus";
    const STOP: &'static str = "TERM";

    fn program() -> Option<PathBuf> {
        first_that_runs(TOOLS)?;
        first_that_runs(PROGRAMS)
    }

    fn prepare(&self, folder: &Path) {
        let configuration = format!(
            "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\nscrape_configs:\n  - job_name: doorward\n    \
             static_configs:\n      - targets: [\"{}\"]\n",
            self.target
        );
        std::fs::write(folder.join(CONFIGURATION), configuration).expect("write its configuration");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = Command::new(Self::program().expect("there is a Prometheus"));
        let option = |name: &str, value: &Path| format!("--{name}={}", value.display());
        command
            .arg(option("config.file", &folder.join(CONFIGURATION)))
            .arg(option("storage.tsdb.path", &folder.join("data")))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        let ask = |path: &str| {
            let question =
                format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            String::from_utf8_lossy(&answer(at.address, question.as_bytes(), |_| false))
                .into_owned()
        };
        let folder = at.folder.display().to_string();
        ask("/api/v1/status/flags").contains(&folder) && ask("/-/ready").contains(" 200 ")
    }
}

impl Server<Prometheus> {
    /// The URL path that asks for the value of an expression.
    pub fn query(expression: &str) -> String {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in expression.bytes() {
            path.push_str(&format!("%{byte:02x}"));
        }
        path
    }
}

/// What `promtool test rules` says of a file of tests: whether they pass, and in words.
///
/// # Panics
/// Where it cannot be run.
pub fn test_rules(file: &Path) -> (bool, String) {
    let tool = first_that_runs(TOOLS).expect("there is a promtool");
    let output = Command::new(tool)
        .args(["test", "rules"])
        .arg(file)
        .output()
        .expect("run promtool");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

/// What `promtool check metrics` has against these.
///
/// # Panics
/// Where it cannot be run.
pub fn lint(metrics: &str) -> String {
    use std::io::Write as _;
    let tool = first_that_runs(TOOLS).expect("there is a promtool");
    let mut child = Command::new(tool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run promtool");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(metrics.as_bytes()).expect("write to it");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    match output.status.success() {
        true => said,
        false => format!("{}\n{said}", output.status),
    }
}
