//! Runs a program that was compiled for `wasm32-wasip2` as one of this machine, compiled as components are: what cargo needs
//! to run one that it has built for that target.
//!
//! ```text
//! cargo build --example command
//! export CARGO_TARGET_WASM32_WASIP2_RUNNER="$PWD/target/debug/examples/command"
//! cargo bench -p doorward-policy --bench micro --target wasm32-wasip2
//! ```
//!
//! It gets the variables of the environment and the arguments after its name. Of files it sees those of the folder in which
//! its `target` is, so that a benchmark finds what it measured last.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

struct State {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(program) = arguments.first() else {
        eprintln!("name the program: command FILE.wasm [ARGUMENT]…");
        return ExitCode::FAILURE;
    };
    match run(program, &arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{program}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether it says that it has succeeded.
fn run(program: &str, arguments: &[String]) -> wasmtime::Result<bool> {
    let file = std::path::absolute(program)?;
    let engine = Engine::default();
    let component = Component::from_file(&engine, &file)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    let mut ctx = WasiCtx::builder();
    ctx.inherit_stdio().inherit_env().args(arguments);
    if let Some(folder) = folder_of(&file) {
        ctx.preopened_dir(folder, ".", FsPerms::ReadWrite)?;
    }
    let state = State {
        ctx: ctx.build(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(&engine, state);
    let command = Command::instantiate(&mut store, &component, &linker)?;
    let ended = command.wasi_cli_run().call_run(&mut store)?;
    Ok(ended.is_ok())
}

/// The folder in which the `target` is that has the program.
fn folder_of(file: &Path) -> Option<&Path> {
    let mut folders = file.ancestors();
    folders.find(|folder| folder.file_name() == Some(OsStr::new("target")))?;
    folders.next()
}
