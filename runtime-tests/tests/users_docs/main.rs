//! The OpenAPI document of the users: it is served, what it says is so, and it can be tried from its page.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod browser;
mod conformance;
mod events;
mod served;

use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main_of(&[
        served::GROUP,
        browser::GROUP,
        conformance::GROUP,
        events::GROUP,
    ])
}
