//! The OpenAPI document of the users is served.

#![expect(clippy::unwrap_used, reason = "tests")]

mod served;

use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main_of(&[served::GROUP])
}
