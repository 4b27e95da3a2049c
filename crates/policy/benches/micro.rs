//! What each step costs in time, natively and in wasm.
//!
//! ```text
//! cargo bench -p doorward-policy --bench micro
//!
//! cargo build --example command
//! export CARGO_TARGET_WASM32_WASIP2_RUNNER="$PWD/target/debug/examples/command"
//! cargo bench -p doorward-policy --bench micro --target wasm32-wasip2
//! ```

#[path = "../examples/instructions/workloads.rs"]
mod workloads;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for name in workloads::names() {
        if let Some(mut workload) = workloads::workload(&name) {
            // What was measured last is kept by name, for both in one folder.
            let id = match cfg!(target_family = "wasm") {
                true => format!("wasm: {name}"),
                false => name,
            };
            criterion.bench_function(&id, |bencher| bencher.iter(&mut workload));
        }
    }
    criterion.final_summary();
}
