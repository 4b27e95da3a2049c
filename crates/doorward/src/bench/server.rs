//! The server that is measured: `doorward up` as a process of its own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::load;
use super::usage::Usage;

/// The variables that `doorward up` would take settings from.
const SETTINGS: [&str; 4] = [
    "RUNTIME_CONFIG_FILE",
    "SPIN_HTTP_LISTEN_ADDR",
    "SPIN_MAX_INSTANCE_MEMORY",
    "SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE",
];
/// The file in the application's folder with what the server wrote to its standard error.
const SAID: &str = "said.txt";
/// How much of that is told where it fails, in bytes.
const SAID_BYTES_MAX: u64 = 4000;

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'s> {
    /// The application's folder.
    pub(super) folder: &'s Path,
    /// The folder of what outlives a run: what was compiled, and databases.
    pub(super) state_dir: &'s Path,
    /// Requests that an instance serves.
    pub(super) reuse: usize,
    /// Whether it tells its numbers at an address.
    pub(super) has_metrics: bool,
}

/// A server that ends when it is dropped.
pub(super) struct Server {
    child: Child,
    begun: Instant,
    folder: PathBuf,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts one, and waits until it says where it serves.
    pub(super) fn start(start: Start<'_>) -> Result<Self> {
        let program = std::env::current_exe().context("this program does not find itself")?;
        let said = start.folder.join(SAID);
        let said =
            File::create(&said).with_context(|| format!("{} cannot be written", said.display()))?;
        let mut command = Command::new(program);
        command
            .args(["up", "--listen", "127.0.0.1:0", "--from"])
            .arg(start.folder)
            .arg("--state-dir")
            .arg(start.state_dir)
            .args(["--log-format", "json", "--max-instance-reuse-count"])
            .arg(start.reuse.to_string());
        if start.has_metrics {
            command.args(["--metrics", "127.0.0.1:0"]);
        }
        for name in SETTINGS {
            command.env_remove(name);
        }
        let begun = Instant::now();
        let mut child = command
            .current_dir(start.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .context("the server cannot be started")?;
        let output = child.stdout.take();
        let mut server = Self {
            child,
            begun,
            folder: start.folder.to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut output = BufReader::new(output.context("the server says nothing")?);
        server.address = loop {
            let mut line = String::new();
            let read = output.read_line(&mut line);
            if read.context("the server cannot be heard")? == 0 {
                bail!("the server ended before it served: {}", server.said());
            }
            if let Some(address) = address_in(&line) {
                break address;
            }
        };
        // What it says later is of no interest, but has to go somewhere.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok(server)
    }

    /// Has a request answered, which has to be a success, and says how long after the start that was.
    pub(super) fn first_answer(&self, request: &[u8]) -> Result<Duration> {
        let asked = load::ask(self.address, request)
            .with_context(|| format!("there is no answer: {}", self.said()))?;
        let elapsed = self.begun.elapsed();
        if !(200..300).contains(&asked.status) {
            bail!(
                "the first answer is no success:\n{}\n{}",
                asked.text(),
                self.said()
            );
        }
        Ok(elapsed)
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::of(self.child.id())
    }

    /// The end of what it wrote to its standard error.
    pub(super) fn said(&self) -> String {
        said(&self.folder.join(SAID)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(path: &Path) -> std::io::Result<String> {
    let mut text = Vec::new();
    fs::File::open(path)?
        .take(SAID_BYTES_MAX)
        .read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

/// The address in the line that says that it serves.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.strip_prefix("Serving ")?.split_once(" at http://")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_line_that_has_it() {
        let address = address_in("Serving bench-bare at http://127.0.0.1:4711 (loaded in 3 ms)\n");
        assert_eq!(address, "127.0.0.1:4711".parse().ok());
        assert_eq!(address_in("Metrics: http://127.0.0.1:1/metrics"), None);
    }
}
