//! A client of gRPC that others wrote: `grpcio` for Python.

use crate::app::workspace;
use crate::made::Made;
use crate::python;
use serde_json::Value;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// What calls with it.
const CLIENT: &str = "client.py";

const MADE: Made = Made {
    name: "grpc",
    title: "the client of gRPC",
};

/// Installs the client where it is not there yet. The error says what is missing.
///
/// # Panics
///
/// Where Python is there, and the client cannot be installed: on a server the cases must not go missing unnoticed.
pub fn prepare() -> Result<(), String> {
    python::tools_of(&MADE)?;
    MADE.once("client", &[CLIENT], || {});
    Ok(())
}

/// Takes steps, one after the other, and says what became of each: `languages/grpc/client.py` has which there are.
///
/// # Panics
/// Where the client fails.
pub async fn calls(address: SocketAddr, steps: Value) -> Value {
    let calls = tokio::task::spawn_blocking(move || calls_of(address, &steps));
    calls.await.expect("the client ends well")
}

fn calls_of(address: SocketAddr, steps: &Value) -> Value {
    let mut child = Command::new(MADE.folder().join("venv/bin/python"))
        .arg(MADE.folder().join(CLIENT))
        .arg(address.to_string())
        .arg(workspace().join("proto"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run Python");
    let mut input = child.stdin.take().expect("its input");
    // It reads all of it before it writes anything.
    input
        .write_all(steps.to_string().as_bytes())
        .expect("send the steps");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("what it says is JSON")
}
