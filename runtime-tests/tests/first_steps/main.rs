//! What somebody has on the first day: a policy that an editor completes, what Spin's template makes, and a unit for
//! systemd. Judged by programs of others.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod editors;
mod systemd;
mod template;

use doorward_runtime_tests::run;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main_of(&[
        editors::GROUP,
        template::RENDERED,
        template::BY_SPIN,
        systemd::GROUP,
    ])
}
