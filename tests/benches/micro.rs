//! What each step costs natively, in time.
//!
//! ```text
//! cargo bench -p doorward-tests
//! ```
//!
//! In wasm, `crates/token/examples/verify.rs` says it for verification.

#[path = "../../crates/policy/examples/instructions/workloads.rs"]
mod workloads;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for name in workloads::names() {
        if let Some(mut workload) = workloads::workload(&name) {
            criterion.bench_function(&name, |bencher| bencher.iter(&mut workload));
        }
    }
    criterion.final_summary();
}
