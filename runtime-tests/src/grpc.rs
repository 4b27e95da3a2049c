//! A client of gRPC that others wrote: `grpcio` for Python.

use crate::app::workspace;
use crate::made::Made;
use crate::python;
use serde_json::Value;
use std::net::SocketAddr;

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
    let address = address.to_string();
    let protos = workspace().join("proto").display().to_string();
    let calling = move || python::answer_of(&MADE, CLIENT, &[&address, &protos], &steps);
    let called = tokio::task::spawn_blocking(calling);
    called.await.expect("the client ends well")
}
