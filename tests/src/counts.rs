//! Counts that are compared with those that are committed, within five per cent.
//!
//! What was compiled by another compiler takes other counts, so the file says which one its numbers are of, and with
//! another one nothing is compared.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::tree::{BLESS, assert_committed, toml_file};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

/// How far a count may be from the committed one, in per cent of it.
const DIFFERENCE_MAX_PERCENT: u64 = 5;

/// Counts, each with a name, and the file in which those are that they are compared with.
pub struct Counts {
    file: &'static str,
    table: &'static str,
    committed: toml::Value,
    made: String,
    number: usize,
}

impl Counts {
    /// None yet. `file` is their place in the repository, `what` its first line, and `table` has them there.
    #[must_use]
    pub fn new(file: &'static str, what: &str, table: &'static str) -> Self {
        println!("{:<64} {:>12} {:>12}  ratio", table, "committed", "now");
        Self {
            file,
            table,
            committed: toml_file(file),
            made: format!("# {what}\nrustc = \"{}\"\n\n[{table}]\n", compiler()),
            number: 0,
        }
    }

    /// Takes a count, and prints it beside the committed one.
    pub fn add(&mut self, name: &str, count: u64) {
        let before = self
            .committed
            .get(self.table)
            .and_then(|counts| counts.get(name))
            .and_then(toml::Value::as_integer)
            .and_then(|before| u64::try_from(before).ok());
        match before {
            Some(before) => {
                let ratio = count as f64 / before as f64;
                let mark = if is_near(count, before) {
                    ""
                } else {
                    "  too far"
                };
                println!("{name:<64} {before:>12} {count:>12}  {ratio:.3}{mark}");
            }
            None => println!("{name:<64} {:>12} {count:>12}", "none"),
        }
        // What is near enough stays, so that the file does not change with every count.
        let near = before.filter(|before| is_near(count, *before));
        writeln!(self.made, "\"{name}\" = {}", near.unwrap_or(count)).unwrap();
        self.number += 1;
    }

    /// Fails unless each count is near the committed one, and there are at least so many. With `DOORWARD_BLESS=1` they
    /// are written down first.
    ///
    /// # Panics
    /// When they differ.
    pub fn assert_committed(&self, at_least: usize) {
        assert!(self.number >= at_least, "only {} were counted", self.number);
        assert_committed(self.file, &self.made);
    }
}

fn is_near(count: u64, before: u64) -> bool {
    count.abs_diff(before) * 100 <= before * DIFFERENCE_MAX_PERCENT
}

/// Why counts cannot be compared with those in `file`: they are of another compiler.
#[must_use]
pub fn of_another_compiler(file: &str) -> Option<String> {
    if std::env::var_os(BLESS).is_some() {
        return None;
    }
    let of = toml_file(file).get("rustc")?.as_str()?.to_owned();
    let here = compiler();
    (of != here).then(|| format!("the numbers are of rustc {of}, and this is {here}"))
}

/// Says why nothing is counted, past what keeps the output of tests that pass to itself.
///
/// # Panics
/// When nothing can be written to stderr.
pub fn skipped(why: &str) {
    let said = format!("warning: SKIPPED: {why}\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}

fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    version.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn a_twentieth_more_or_less_is_near_and_what_is_beyond_is_not() {
        assert!(is_near(100, 100));
        assert!(is_near(105, 100) && is_near(95, 100));
        assert!(!is_near(106, 100) && !is_near(94, 100));
    }
}
