//! Applications in other languages, made with the tools of others, behind the gate.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod draft;
mod javascript;
mod python;

use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main_of(&[draft::GROUP, javascript::GROUP, python::GROUP])
}
