//! One step of [`workloads`], so often: `tests/tests/instructions.rs` has valgrind count the instructions of it.
//!
//! ```text
//! cargo run --release -p doorward-policy --example instructions                  # the names of the steps
//! cargo run --release -p doorward-policy --example instructions -- "decide" 100
//! ```

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a benchmark has arguments, prints, and gives up loudly"
)]

mod workloads;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        for name in workloads::names() {
            println!("{name}");
        }
        return;
    };
    let times = arguments.next().and_then(|times| times.parse().ok());
    let times: u32 = times.expect("the second argument says how often");
    let mut workload = workloads::workload(&name).expect("the first argument is one of the names");
    for _ in 0..times {
        workload();
    }
}
