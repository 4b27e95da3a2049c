//! What the bill of materials of an image says of licences is what the manifests of those packages say. Where
//! `doorward image` finds it, it is the table that is made now:
//!
//! ```sh
//! DOORWARD_BLESS=1 cargo test --test licences
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::process::Command;

use doorward_tests::tree::{assert_committed, root};
use serde_json::Value;

const COMMITTED: &str = "crates/doorward/licences.txt";
/// The package whose executable is in an image.
const PACKAGE: &str = "doorward";

#[test]
fn the_licences_of_a_bill_are_those_that_the_packages_name() {
    assert_committed(COMMITTED, &table(&metadata()));
}

/// What cargo says of all packages.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A line for each package of a registry that ours is built from, whatever the platform: name, version, licence.
fn table(metadata: &Value) -> String {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|node| (text(&node["id"]), node))
        .collect();
    let packages = list(&metadata["packages"]);
    let ours = packages.iter().find(|package| package["name"] == PACKAGE);
    let mut open = vec![text(&ours.unwrap()["id"])];
    let mut needed = BTreeSet::new();
    while let Some(id) = open.pop() {
        let needs = list(&nodes.get(&id).unwrap()["deps"]);
        if needed.insert(id) {
            let built = needs.iter().filter(|need| {
                let mut kinds = list(&need["dep_kinds"]).into_iter();
                kinds.any(|kind| kind["kind"] != "dev")
            });
            open.extend(built.map(|need| text(&need["pkg"])));
        }
    }
    let mut lines = BTreeSet::new();
    for package in packages {
        if package["source"].is_null() || !needed.contains(&text(&package["id"])) {
            continue;
        }
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let Some(licence) = package["license"].as_str() else {
            panic!("{name} {version} names no licence, but a file: write down which one that is");
        };
        lines.insert(format!("{name} {version} {}\n", expression(licence)));
    }
    lines.into_iter().collect()
}

/// As SPDX writes a choice; older manifests have a slash.
fn expression(licence: &str) -> String {
    let parts: Vec<&str> = licence.split('/').map(str::trim).collect();
    parts.join(" OR ")
}
