//! What is run and what is tested is one build of everything that others wrote: docs/decisions/0040-the-first-minutes.md.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_tests::tree::{is_ours, packages, toml_file};
use std::collections::{BTreeMap, BTreeSet};

/// The features that a dependency is asked for.
fn features(entry: &toml::Value) -> BTreeSet<String> {
    let list = entry.get("features").and_then(toml::Value::as_array);
    let names = list.into_iter().flatten().filter_map(toml::Value::as_str);
    names.map(str::to_owned).collect()
}

/// What a crate has under this key, with what is for some targets only.
fn entries(manifest: &toml::Value, key: &str) -> Vec<(String, toml::Value)> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = targets.into_iter().flat_map(|targets| targets.values());
    let tables = tables.chain([manifest]).filter_map(|table| table.get(key));
    let entries = tables.filter_map(toml::Value::as_table).flatten();
    entries
        .map(|(name, entry)| (name.clone(), entry.clone()))
        .collect()
}

#[test]
fn no_test_has_something_of_others_compiled_a_second_time() {
    let workspace = toml_file("Cargo.toml");
    let workspace = workspace.get("workspace").unwrap();
    let versions = workspace.get("dependencies").unwrap();
    let native = workspace
        .get("default-members")
        .unwrap()
        .as_array()
        .unwrap();
    let packages: Vec<_> = packages()
        .into_iter()
        .filter(|package| {
            native
                .iter()
                .any(|room| room.as_str() == Some(&package.room))
        })
        .collect();

    // Cargo gives a crate all features that anybody asks for, and tests ask besides where they are built.
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in &packages {
        for (name, entry) in entries(&package.manifest, "dependencies") {
            let of_workspace = versions.get(&name).map(features).unwrap_or_default();
            let asked = asked.entry(name).or_default();
            asked.extend(features(&entry).into_iter().chain(of_workspace));
        }
    }
    let mut seen = 0;
    for package in &packages {
        for (name, entry) in entries(&package.manifest, "dev-dependencies") {
            seen += 1;
            let (Some(asked), false) = (asked.get(&name), is_ours(&name)) else {
                continue;
            };
            let more: Vec<_> = features(&entry).difference(asked).cloned().collect();
            assert!(
                more.is_empty(),
                "{}: its tests ask for {more:?} of {name}, so that `cargo test` compiles it and all that depends on it \
                 again\n  help: say it in [workspace.dependencies]",
                package.room
            );
        }
    }
    assert!(seen >= 3, "only {seen} dependencies of tests were found");
}
