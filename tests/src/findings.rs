//! The cases of `data/findings`: policies with one thing wrong, or not meant, in each.
//!
//! `▸` stands before what the finding is about. It is taken out before the policy is read.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use doorward_policy::{Finding, Position};
use serde::Deserialize;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// A policy, or a part of one, with a mark in it.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The text.
    pub policy: String,
    /// The code of the finding.
    pub code: String,
    /// Words of the finding, or of its help.
    pub says: String,
}

/// The cases of a file.
pub fn cases(name: &str) -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/findings");
    let text = std::fs::read_to_string(format!("{folder}/{name}.toml"))
        .expect("the file of cases is there");
    let cases = toml::from_str::<Cases>(&text)
        .expect("the file of cases is TOML")
        .case;
    for case in &cases {
        assert!(!case.says.is_empty(), "no words of a finding: {case:?}");
    }
    cases
}

/// Fails unless this is the finding that a case expects: of this code, at the mark in `text`, with these words in
/// what it says or in its help.
pub fn check(text: &str, finding: &Finding, code: &str, says: &str) {
    assert_eq!(
        finding.code.as_str(),
        code,
        "in:\n{text}\nfound:\n{finding}"
    );
    assert_eq!(finding.at, marked(text), "in:\n{text}\nfound:\n{finding}");
    let words = format!(
        "{}\n{}",
        finding.message,
        finding.help.as_deref().unwrap_or_default()
    );
    assert!(
        words.contains(says),
        "expected {says:?} in:\n{text}\nfound:\n{finding}"
    );
}

/// Where the mark is.
pub fn marked(text: &str) -> Position {
    let (before, _) = text
        .split_once('▸')
        .unwrap_or_else(|| panic!("there is no mark in:\n{text}"));
    Position {
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|&c| c != '\n').count() + 1,
    }
}
