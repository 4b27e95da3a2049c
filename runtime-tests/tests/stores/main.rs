//! Key-value stores, in a file and on a Redis: everything that the interfaces offer does the same on both, on this host
//! and on Spin, and what becomes of it when Redis goes away and comes back. The component does what a request says, so
//! each case has its steps beside what they have to give.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod conformance;
mod files;
mod outages;
mod replicas;
mod scene;
mod shared;

use doorward_runtime_tests::run::{Group, main_of};
use doorward_runtime_tests::servers::{Kind as _, Redis};
use std::process::ExitCode;

fn main() -> ExitCode {
    let in_files = [conformance::CASES, files::CASES].concat();
    let on_redis = [shared::CASES, outages::CASES, replicas::CASES].concat();
    let files = Group {
        prepare: || Ok(()),
        cases: &in_files,
    };
    let servers = Group {
        prepare: Redis::available,
        cases: &on_redis,
    };
    main_of(&[files, servers])
}
