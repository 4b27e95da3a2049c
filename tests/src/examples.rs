//! The policies that are anywhere in the repository: files, blocks of the documentation, texts of tests.

#![expect(
    clippy::unwrap_used,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

use doorward_policy::{Code, Policy};
use serde_json::Value;

use crate::tree::{files, has_extension, in_folder, shown, text_of};

/// A policy, or what is meant to be one.
pub struct Example {
    /// The file, and the line at which it begins.
    pub place: String,
    /// The text.
    pub text: String,
    /// What is in it.
    pub json: Value,
    /// What the reader has against it; none where it can be used.
    pub errors: Vec<Code>,
}

/// All texts that are TOML and have a route.
#[must_use]
pub fn policies() -> Vec<Example> {
    let mut found = Vec::new();
    for file in files() {
        let place = shown(&file);
        if has_extension(&file, "md") {
            between(&text_of(&file), &place, "```toml\n", "```", &mut found);
        } else if has_extension(&file, "rs") {
            let text = text_of(&file);
            between(&text, &place, "r#\"", "\"#", &mut found);
            between(&text, &place, "r\"", "\"", &mut found);
        } else if has_extension(&file, "toml") {
            let text = text_of(&file);
            found.extend(example(place.clone(), &text));
            if in_folder(&file, "tests/data") {
                // Cases, each with a policy in it.
                between(&text, &place, "'''\n", "'''", &mut found);
                between(&text, &place, "\"\"\"\n", "\"\"\"", &mut found);
            }
        }
    }
    found
}

fn between(text: &str, place: &str, open: &str, close: &str, found: &mut Vec<Example>) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(open) {
        let Some((block, after)) = after.split_once(close) else {
            return;
        };
        let start = text.len() - close.len() - after.len() - block.len();
        let line = text.split_at(start).0.lines().count() + 1;
        // The mark of a case of findings.
        let block = block.replace('▸', "");
        found.extend(example(format!("{place}:{line}"), &block));
        rest = after;
    }
}

fn example(place: String, text: &str) -> Option<Example> {
    if !text.contains("[[route]]") {
        return None;
    }
    let table: toml::Table = toml::from_str(text).ok()?;
    let errors = match Policy::parse(text) {
        Ok(_) => Vec::new(),
        Err(found) => found.as_slice().iter().map(|one| one.code).collect(),
    };
    Some(Example {
        place,
        text: text.to_owned(),
        json: serde_json::to_value(table).unwrap(),
        errors,
    })
}
