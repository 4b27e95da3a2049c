//! Checks of the engine's modules: they form a tree, and what touches WASI stays small.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most lines of the engine's platform on WASI.
const EDGE_LINES_MAX: usize = 1500;

#[test]
fn the_platform_at_the_edge_stays_small() {
    let lines: usize = rust_files("crates/edge/src")
        .values()
        .map(|text| text.lines().count())
        .sum();
    assert!(
        lines <= EDGE_LINES_MAX,
        "crates/edge has {lines} lines: what happens to a request belongs into crates/gate"
    );
}

#[test]
fn no_module_of_the_engine_uses_one_that_uses_it() {
    for room in ["crates/gate/src", "crates/edge/src"] {
        let files = rust_files(room);
        let modules: BTreeSet<String> = files.keys().cloned().collect();
        let uses: BTreeMap<&String, BTreeSet<String>> = files
            .iter()
            .map(|(module, text)| (module, used_modules(module, text, &modules)))
            .collect();
        assert!(
            uses.values().any(|used| used.len() > 2),
            "{room}: no module uses another one"
        );
        for module in uses.keys() {
            if let Some(circle) = circle_from(module, &uses) {
                panic!("{room}: a circle: {}", circle.join(" -> "));
            }
        }
    }
}

/// The text of every source file below a folder, by the path of its module; the root's is empty.
fn rust_files(folder: &str) -> BTreeMap<String, String> {
    fn collect(folder: &Path, module: &[String], files: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut inner = module.to_vec();
            if path.is_dir() {
                inner.push(stem);
                collect(&path, &inner, files);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                if !matches!(stem.as_str(), "lib" | "mod") {
                    inner.push(stem);
                }
                files.insert(inner.join("::"), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(&root().join(folder), &[], &mut files);
    assert!(!files.is_empty(), "{folder} has no source files");
    files
}

/// The modules that a module uses beside those within it.
fn used_modules(module: &str, text: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    for line in code {
        let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        for word in words {
            let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
            let path = if let Some(path) = word.strip_prefix("crate::") {
                path.to_owned()
            } else if let Some(path) = word.strip_prefix("super::") {
                format!("{parent}::{path}")
                    .trim_start_matches("::")
                    .to_owned()
            } else {
                continue;
            };
            // The longest part of the path that is a module; the root is above all of them.
            let parts: Vec<&str> = path.split("::").collect();
            let longest = (1..=parts.len())
                .rev()
                .map(|count| parts[..count].join("::"))
                .find(|path| modules.contains(path));
            if let Some(longest) = longest
                && longest != module
                && !longest.starts_with(&format!("{module}::"))
            {
                used.insert(longest);
            }
        }
    }
    // A module uses those within it.
    let within = |other: &&String| {
        other
            .strip_prefix(module)
            .and_then(|rest| rest.strip_prefix("::"))
            .is_some_and(|name| !module.is_empty() && !name.contains("::"))
    };
    used.extend(modules.iter().filter(within).cloned());
    used
}

/// The way from a module back to itself, if there is one.
fn circle_from(start: &str, uses: &BTreeMap<&String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let last = way.last().unwrap();
        for next in uses.get(last).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
