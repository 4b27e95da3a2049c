//! The fuel that HTTP components use, whatever machine it is: for an instance and its first request, and for one more
//! request. Each is sent a GET.
//!
//! ```text
//! cargo run --example fuel -- one.wasm another.wasm
//! ```

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::{fuel, issuer, run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Requests of the instances that are compared. The first ones may do something once.
const REQUESTS: usize = 4;

fn main() -> ExitCode {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        eprintln!("name the components: cargo run --example fuel -- one.wasm another.wasm");
        return ExitCode::FAILURE;
    }
    let runtime = match run::runtime(1) {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("there are no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{:>12} {:>12}", "first", "one more");
    for file in files {
        let app = alone(&file);
        let count = |requests| {
            let asks = vec![Ask::get("/"); requests];
            runtime.block_on(fuel::used(&app, issuer::now(), &asks))
        };
        let more = count(REQUESTS) - count(REQUESTS - 1);
        println!("{:>12} {more:>12}  {}", count(1), file.display());
    }
    ExitCode::SUCCESS
}

fn alone(file: &Path) -> App {
    let spec = AppSpec {
        middleware: vec![],
        policy: None,
        sources: vec![("service", std::path::absolute(file).unwrap_or_default())],
        ..AppSpec::gated("service", "")
    };
    spec.write()
}
