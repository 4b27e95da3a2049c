//! A grammar that several rooms read is in `crates/syntax`, and nowhere else.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use doorward_tests::tree::{files, has_extension, in_folder, shown, text_of};

/// What no reader of the grammars in `syntax` can do without, in all of which copies are known.
const MARKS_OF_SYNTAX: [&str; 6] = [
    "^_`|~",
    "b'`'",
    "\"Jan",
    "is_multiple_of(400)",
    "\"+json\"",
    "\".spin.internal\"",
];
/// How a function is called, in whole or in part, that is such a reader.
const NAMES_OF_SYNTAX: [&str; 9] = [
    "tchar",
    "is_token_byte",
    "http_date",
    "imf_",
    "rfc3339",
    "rfc_3339",
    "base64url",
    "urlencoded",
    "folded",
];
/// What functions of `syntax` are called that say what they do and not to what: others have them, too.
const COMMON_NAMES: [&str; 3] = ["decode", "members", "push"];

/// What one reader of a grammar takes another one may not, and who gets past the gate lives on the difference.
/// Only what is shipped counts: tests that judge it read for themselves.
#[test]
fn no_grammar_is_read_in_two_places() {
    let (syntax, others): (Vec<_>, Vec<_>) = files()
        .into_iter()
        .filter(|file| has_extension(file, "rs") && !is_test(file))
        .filter(|file| in_folder(file, "crates") || in_folder(file, "components"))
        .map(|file| (shown(&file), text_of(&file)))
        .map(|(file, text)| (file, shipped(&text), text))
        .partition(|(file, _, _)| file.starts_with("crates/syntax/"));
    for mark in MARKS_OF_SYNTAX {
        let is_there = syntax.iter().any(|(_, _, text)| text.contains(mark));
        assert!(is_there, "{mark}: nothing of syntax has it");
        for (file, code, _) in &others {
            assert!(!code.contains(mark), "{file} has {mark}, as syntax has");
        }
    }
    let ours: Vec<&str> = syntax
        .iter()
        .flat_map(|(_, code, _)| functions(code))
        .filter_map(|line| line.strip_prefix("pub "))
        .map(name_of)
        .filter(|name| !COMMON_NAMES.contains(name))
        .collect();
    assert!(ours.len() > 15, "only {ours:?} were found");
    for (file, code, _) in &others {
        for name in functions(code).map(name_of) {
            assert!(!ours.contains(&name), "{file}: syntax has `{name}`, too");
            let of_syntax = NAMES_OF_SYNTAX.iter().find(|part| name.contains(**part));
            assert_eq!(of_syntax, None, "{file}: `{name}` belongs into syntax");
        }
    }
}

/// Whether a file is of tests alone, by its name or its folder.
fn is_test(file: &Path) -> bool {
    let shown = shown(file);
    let stem = file.file_stem().unwrap().to_string_lossy();
    stem.ends_with("tests") || shown.contains("/tests/")
}

/// A file without the tests in it.
fn shipped(text: &str) -> String {
    let Some((before, tests)) = text.split_once("#[cfg(test)]\nmod tests {\n") else {
        return text.to_owned();
    };
    let after = tests.split_once("\n}\n").map_or("", |(_, after)| after);
    format!("{before}{after}")
}

/// The first lines of all functions that belong to no type.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    let visible = ["fn ", "const fn ", "async fn "];
    text.lines().filter(move |line| {
        let line = line.strip_prefix("pub").unwrap_or(line);
        let line = match line.strip_prefix('(') {
            Some(rest) => rest.split_once(')').map_or("", |(_, rest)| rest),
            None => line,
        };
        visible
            .iter()
            .any(|start| line.trim_start().starts_with(start))
            && !line.starts_with("    ")
    })
}

/// The name in the first line of a function.
fn name_of(line: &str) -> &str {
    let name = line.split("fn ").nth(1).unwrap_or_default();
    name.split(['(', '<']).next().unwrap_or_default()
}
