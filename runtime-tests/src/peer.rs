//! Processes that are measured beside each other.

use crate::process::Usage;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process that serves. It ends with its standard input.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    said: BufReader<ChildStdout>,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Peer {
    /// Starts one, and waits until it says on a line where it listens.
    ///
    /// # Panics
    ///
    /// Where it does not start or says something else.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.trim().parse().expect("it says where it listens");
        Self {
            child,
            said,
            address,
        }
    }

    /// Sends an empty line to one that answers each with a line.
    pub fn ask(&mut self) -> String {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line
    }

    /// What it has used by now.
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id()).expect("it runs")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Says where this process serves, and serves until its standard input ends.
pub async fn serve_until_input_ends(address: SocketAddr) {
    println!("{address}");
    tokio::task::spawn_blocking(|| std::io::stdin().lines().count())
        .await
        .unwrap();
}

/// Reads options of which each takes a whole number: `--seconds 8`.
///
/// # Panics
///
/// Where one is unknown, or has none.
pub fn read_numbers(options: &mut [(&str, &mut usize)]) {
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value: usize = arguments
            .next()
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("{name} takes a whole number"));
        let option = options.iter_mut().find(|(known, _)| *known == name);
        *option.unwrap_or_else(|| panic!("unknown option {name}")).1 = value;
    }
}
