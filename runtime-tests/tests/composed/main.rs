//! What `doorward compose` makes: served by our host with the policy inside, and by the real `wasmtime serve`, which has
//! nothing of Spin's.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod here;
mod scene;
mod wasmcloud;
mod wasmtime;

use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main_of(&[here::GROUP, wasmcloud::GROUP, wasmtime::GROUP])
}
