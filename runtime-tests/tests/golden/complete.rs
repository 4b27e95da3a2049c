//! Whether the golden files have all there is to have.

use crate::THEMES;
use crate::book::{BLESS, KINDS, folder};
use doorward_runtime_tests::app::workspace;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::run::Case;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub const CASES: &[Case] = cases![;
    in_process:
    every_event_and_every_class_of_refusal_is_in_a_log,
    every_golden_file_belongs_to_a_theme,
];

const OF_BUNDLES: &str = "of the feature `bundle`: the suite `bundle` has it";
/// Events that no golden file has, and why.
const EVENTS_LEFT_OUT: [(&str, &str); 12] = [
    ("bundle-adopted", OF_BUNDLES),
    ("bundle-expired", OF_BUNDLES),
    ("bundle-refused", OF_BUNDLES),
    ("bundle-unavailable", OF_BUNDLES),
    (
        "counters-many",
        "it is told by the builds with atomic increments only: `sim_shared_limits` has it",
    ),
    (
        "levels-invalid",
        "of the feature `access-log`: `log_levels` has it",
    ),
    ("not-ready", "of the feature `health`: `health` has it"),
    ("ready", "of the feature `health`: `health` has it"),
    (
        "candidate-differs",
        "of the feature `report`: `candidate` has it",
    ),
    ("report-mode", "of the feature `report`: `report` has it"),
    (
        "telemetry-failed",
        "of the feature `otlp`: `collecting` has it",
    ),
    ("would-refuse", "of the feature `report`: `report` has it"),
];
/// Classes that no golden file has, and why.
const CLASSES_LEFT_OUT: [(&str, &str); 1] = [("policy-unavailable", OF_BUNDLES)];

/// Where fewer are found than this, they are written in another way now, and have to be looked for there.
const EVENTS_MIN: usize = 20;
/// The same of classes.
const CLASSES_MIN: usize = 20;

/// How the name of a class is said (`crates/policy/src/refusal/class.rs`).
const CLASS: &str = "=> Mapping {\n                name: \"";

async fn every_event_and_every_class_of_refusal_is_in_a_log() {
    if std::env::var_os(BLESS).is_some() {
        println!("the files are being written: nothing is looked for in them");
        return;
    }
    let mut events = BTreeSet::new();
    let mut classes = BTreeSet::new();
    for file in sources(&workspace().join("crates")) {
        let text = std::fs::read_to_string(&file).unwrap();
        events.extend(events_of(&text));
        classes.extend(text.split(CLASS).skip(1).map(word));
    }
    let logs: String = golden_files()
        .iter()
        .filter(|(name, _)| name.starts_with("log-"))
        .map(|(_, text)| text.as_str())
        .collect();
    let found = [
        ("event", events, EVENTS_MIN, &EVENTS_LEFT_OUT[..]),
        ("class", classes, CLASSES_MIN, &CLASSES_LEFT_OUT[..]),
    ];
    for (member, names, count_min, left_out) in found {
        assert!(
            names.len() >= count_min,
            "only these are found of {member} in crates/*/src: {names:?}"
        );
        for (name, why) in left_out {
            assert!(names.contains(*name), "{name} is left out, because {why}");
        }
        let is_left_out = |name: &str| left_out.iter().any(|(known, _)| *known == name);
        let is_there = |name: &str| logs.contains(&format!("\"{member}\":\"{name}\""));
        let missing: Vec<_> = names
            .iter()
            .filter(|name| !is_there(name) && !is_left_out(name))
            .collect();
        assert!(
            missing.is_empty(),
            "no golden log has the {member} {missing:?}: add a step that brings it about"
        );
    }
}

async fn every_golden_file_belongs_to_a_theme() {
    for (name, text) in golden_files() {
        let is_of = |theme: &str, kind: &str| {
            let end = name.strip_prefix(&format!("{kind}-{theme}"));
            matches!(end, Some(".txt" | "-47.txt"))
        };
        let kinds = |theme: &&str| KINDS.iter().any(|kind| is_of(theme, kind));
        assert!(THEMES.iter().any(kinds), "no case compares with {name}");
        // Where the host refuses for itself, nothing is logged.
        let may_be_empty = name.starts_with("log-");
        assert!(
            may_be_empty || !text.trim().is_empty(),
            "{name} says nothing"
        );
    }
}

/// The names of events in a source: what follows the level of a line.
fn events_of(source: &str) -> Vec<String> {
    let levels = ["Info,", "Warn,", "Error,"];
    let after = levels
        .iter()
        .flat_map(|level| source.split(level).skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"'));
    after.map(word).collect()
}

/// The letters and hyphens that a text begins with.
fn word(text: &str) -> String {
    let is_of_word = |character: &char| character.is_ascii_lowercase() || *character == '-';
    text.chars().take_while(is_of_word).collect()
}

/// The sources of all crates, without their tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_test = name == "tests" || name == "tests.rs" || name == "examples";
        if path.is_dir() && !is_test {
            files.extend(sources(&path));
        } else if name.ends_with(".rs") && !is_test {
            files.push(path);
        }
    }
    files
}

/// Name and text of each golden file of a theme.
fn golden_files() -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder()).expect("there are golden files");
    let files = files.map(|entry| entry.unwrap().path());
    // What components import is in the same folder.
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "txt"));
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}
