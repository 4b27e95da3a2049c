//! How many instructions each step of the native crates takes, as valgrind counts them, within five per cent of what is
//! committed.
//!
//! ```text
//! DOORWARD_BLESS=1 cargo test --test instructions
//! ```
//!
//! The count of one step is that of a process which does it twice as often, less that of one which does it once as often.
//! Neither time nor what else the machine does plays a part. What does: the compiler, so the file says which one its
//! numbers are of, and with another one nothing is compared; the architecture; and what libraries find out about the
//! processor. Valgrind shows every x86-64 processor with AVX2 as one and the same, without instructions for SHA.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use doorward_tests::counts::{Counts, of_another_compiler, skipped};
use doorward_tests::tree::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The numbers, by step.
const COMMITTED: &str = "tests/data/instructions.toml";
/// How often the shorter process does a step: more often than a key verifies before it has tables.
const TIMES: u32 = 4;
/// Steps that there are at least.
const STEPS_MIN: usize = 10;

#[test]
fn each_step_takes_as_many_instructions_as_before() {
    if let Some(missing) = missing() {
        return skipped(&format!("counting instructions: {missing}"));
    }
    let program = built();
    let names = Command::new(&program).output().unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    let what = "Instructions of one step of each kind: tests/tests/instructions.rs.";
    let mut counts = Counts::new(COMMITTED, what, "instructions");
    for name in names.lines() {
        let count = count(&program, name, 2 * TIMES) - count(&program, name, TIMES);
        counts.add(name, count / u64::from(TIMES));
    }
    counts.assert_committed(STEPS_MIN);
}

/// Why nothing can be counted.
fn missing() -> Option<String> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Some("the numbers are of Linux on x86-64".to_owned());
    }
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx2") {
        return Some("the numbers are of processors with AVX2".to_owned());
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Some("there is no valgrind".to_owned());
    }
    of_another_compiler(COMMITTED)
}

/// The program, built as the components are, but for this machine.
fn built() -> PathBuf {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(root());
    build.args(["build", "--release", "--quiet", "--locked"]);
    build.args(["--package", "doorward-policy", "--example", "instructions"]);
    assert!(build.status().unwrap().success(), "it has to compile");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("release/examples/instructions")
}

/// All instructions of a process that does this step so often.
fn count(program: &Path, name: &str, times: u32) -> u64 {
    let mut counting = Command::new("valgrind");
    counting.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    counting.arg(program).args([name, &times.to_string()]);
    let counted = counting.output().unwrap();
    let said = String::from_utf8_lossy(&counted.stderr);
    assert!(counted.status.success(), "{name}: {said}");
    let mut lines = said.lines();
    let collected = lines.find_map(|line| line.split_once("Collected : "));
    let Some((_, count)) = collected else {
        panic!("{name}: nothing was counted: {said}");
    };
    count.trim().parse().unwrap()
}
