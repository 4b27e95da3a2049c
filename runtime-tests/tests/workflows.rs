//! The workflow that publishes a release: it can be read, grants no more than it needs, and names what is there.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use doorward_runtime_tests::app::workspace;
use doorward_runtime_tests::workflows::{findings, prepare};
use doorward_runtime_tests::{cases, run};
use std::collections::BTreeSet;
use std::process::ExitCode;

const RELEASE: &str = ".github/workflows/release.yml";
/// Components for tests and measurements of others, which are not released.
const NOT_RELEASED: [&str; 2] = ["gate-atomics", "gateway-atomics"];

fn main() -> ExitCode {
    run::main_with(
        prepare,
        cases![;
            in_process: nothing_dangerous_is_in_the_workflow,
            what_is_dangerous_is_found,
            every_action_is_named_by_its_commit,
            every_component_is_released,
        ],
    )
}

fn text() -> String {
    std::fs::read_to_string(workspace().join(RELEASE)).unwrap()
}

async fn nothing_dangerous_is_in_the_workflow() {
    assert_eq!(findings(&workspace().join(RELEASE)), None);
}

/// Each has a mistake that somebody could make, and nothing else.
async fn what_is_dangerous_is_found() {
    let right = text();
    let folder = tempfile::tempdir().unwrap();
    // A workflow is known by its folder.
    let workflows = folder.path().join(".github/workflows");
    std::fs::create_dir_all(&workflows).unwrap();
    let file = workflows.join("release.yml");
    for (from, to, says) in [
        (
            "permissions: {}",
            "permissions: write-all",
            "excessive-permissions",
        ),
        (
            "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
            "actions/checkout@v7",
            "unpinned-uses",
        ),
        ("persist-credentials: false", "fetch-depth: 1", "artipacked"),
        (
            "run: bash .ci/run",
            "run: echo '${{ github.event.head_commit.message }}'",
            "template-injection",
        ),
        ("runs-on: ubuntu-24.04", "runs_on: ubuntu-24.04", "runs_on"),
    ] {
        assert!(right.contains(from), "{from}");
        std::fs::write(&file, right.replacen(from, to, 1)).unwrap();
        let found = findings(&file).expect(to);
        assert!(found.contains(says), "{to}: {found}");
    }
    std::fs::write(&file, right).unwrap();
    assert_eq!(findings(&file), None);
}

async fn every_action_is_named_by_its_commit() {
    let text = text();
    let used = text.lines().filter_map(|line| line.split_once("uses: "));
    let mut count = 0;
    for (_, action) in used {
        count += 1;
        let (name, tag) = action.split_once(" # v").expect(action);
        let (_, commit) = name.split_once('@').expect(name);
        assert!(
            commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{action}"
        );
        assert!(tag.split('.').count() == 3, "{action}");
    }
    assert!(count > 5, "only {count} were found");
}

async fn every_component_is_released() {
    let text = text();
    let (_, list) = text
        .split_once("for component in gate gateway ")
        .expect("the list of what is released");
    let listed = list.lines().next().unwrap().trim_end_matches("; do");
    let released: BTreeSet<&str> = listed.split(' ').chain(["gate", "gateway"]).collect();
    let folders = std::fs::read_dir(workspace().join("components")).unwrap();
    let components: BTreeSet<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !NOT_RELEASED.contains(&name.as_str()))
        .collect();
    let components: BTreeSet<&str> = components.iter().map(String::as_str).collect();
    assert_eq!(released, components);
    // What is copied is built before.
    for name in components {
        let is_built =
            text.contains(&format!("-p {name} ")) || text.contains(&format!("-p {name}\n"));
        assert!(is_built, "{name} is not built");
    }
}
