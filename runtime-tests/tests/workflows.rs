//! The workflow that publishes a release: it can be read, grants no more than it needs, and names what is there.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use doorward_runtime_tests::app::workspace;
use doorward_runtime_tests::workflows::{findings, prepare};
use doorward_runtime_tests::{cases, run};
use std::collections::BTreeSet;
use std::process::ExitCode;

const RELEASE: &str = ".github/workflows/release.yml";

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
        .split_once("COMPONENTS: >-\n")
        .expect("the list of what is released");
    let (list, _) = list.split_once("    steps:").expect("steps after it");
    let released: BTreeSet<&str> = list.split_whitespace().collect();
    let folders = std::fs::read_dir(workspace().join("components")).unwrap();
    let components: BTreeSet<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let components: BTreeSet<&str> = components.iter().map(String::as_str).collect();
    assert_eq!(released, components);
    // What is copied is built before, and so that anybody can build it again.
    let build = "deploy/release/components dist-components $COMPONENTS\n";
    let (_, after) = text.split_once(build).expect(build);
    assert!(after.contains("for component in $COMPONENTS; do\n"));
}
