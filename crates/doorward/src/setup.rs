//! `doorward setup`: what building the components needs.

use std::process::ExitCode;

use anyhow::Result;
use doorward_toolchain::{Readiness, TARGET, ensure_wasm_target};

pub(crate) fn run() -> Result<ExitCode> {
    let readiness = ensure_wasm_target(&|line| eprintln!("{line}"))?;
    println!(
        "The Rust target {TARGET} is {}.",
        match readiness {
            Readiness::Present => "installed",
            Readiness::Rustup => "now installed, by rustup",
            Readiness::Built => "now installed, built from source",
        }
    );
    Ok(ExitCode::SUCCESS)
}
