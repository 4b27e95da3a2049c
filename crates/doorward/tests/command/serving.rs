//! The command while it serves, and a component for it to serve.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};

/// A server that ends with the test.
pub struct Serving(pub Child);

impl Serving {
    /// Sends it a signal, such as `-TERM`.
    pub fn tell(&self, signal: &str) {
        let pid = self.0.id().to_string();
        let told = Command::new("kill").args([signal, &pid]).status();
        assert!(told.unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The answer to a GET; none where nobody answers.
pub fn try_get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The answer to a GET.
pub fn get(address: &str, path: &str) -> String {
    try_get(address, path).expect("an answer")
}

/// The status of an answer; none where nobody answers.
pub fn status(address: &str, path: &str) -> Option<u16> {
    try_get(address, path)?.split(' ').nth(1)?.parse().ok()
}

/// The lines of a manifest by which `--build` makes a component of `relay`, which answers, and logs when it is asked to.
pub fn relay() -> String {
    doorward_toolchain::ensure_wasm_target(&|line: &str| eprintln!("{line}")).unwrap();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let workspace = workspace.unwrap();
    let build = format!(
        "cargo build --release --target wasm32-wasip2 -p relay --manifest-path {}/Cargo.toml",
        workspace.display()
    );
    let source = workspace.join("target/wasm32-wasip2/release/relay.wasm");
    format!("source = {source:?}\nbuild.command = {build:?}\n")
}
