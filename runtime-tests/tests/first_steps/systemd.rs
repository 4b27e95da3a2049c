//! The unit for systemd, by its own judge.

use doorward_runtime_tests::cases;
use doorward_runtime_tests::run::Group;
use doorward_tests::tree::{root, text_of};
use std::path::Path;
use std::process::Command;

pub const GROUP: Group<'_> = Group {
    prepare: is_there,
    cases: cases![
        ; in_process: systemd_has_nothing_against_the_unit,
        systemd_finds_the_unit_less_exposed_than_the_bound,
        systemd_finds_a_unit_without_its_walls_more_exposed,
    ],
};

const UNIT: &str = "deploy/systemd/doorward.service";
/// The most that `systemd-analyze security` may give, in tenths of its scale of ten.
const EXPOSURE_MAX: u32 = 15;
/// The first release of systemd that judges a file without running it.
const SYSTEMD_MIN: u32 = 250;

fn is_there() -> Result<(), String> {
    let absent = |_| "there is no systemd-analyze".to_owned();
    let output = Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .map_err(absent)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version: Option<u32> = text
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok());
    match version {
        Some(version) if version >= SYSTEMD_MIN => Ok(()),
        _ => Err(format!("systemd-analyze is older than {SYSTEMD_MIN}")),
    }
}

fn analyze(arguments: &[&str], unit: &Path) -> (bool, String) {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// The unit in a folder of its own, with another program in the place of the command, which is not installed here.
fn unit(folder: &Path, change: impl Fn(&str) -> Option<String>) -> std::path::PathBuf {
    let text = text_of(&root().join(UNIT));
    let program = "/usr/bin/doorward";
    assert!(text.contains(program));
    let lines = text
        .lines()
        .filter_map(change)
        .collect::<Vec<_>>()
        .join("\n");
    let path = folder.join("doorward.service");
    std::fs::write(&path, lines.replace(program, "/bin/sh")).unwrap();
    path
}

async fn systemd_has_nothing_against_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit(folder.path(), |line| Some(line.to_owned()));
    let (good, said) = analyze(&["verify", "--man=no"], &unit);
    let about_it: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("doorward"))
        .collect();
    assert!(good && about_it.is_empty(), "{said}");
}

fn exposure(unit: &Path) -> (bool, String) {
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    analyze(
        &["security", "--offline=yes", "--no-pager", &threshold],
        unit,
    )
}

async fn systemd_finds_the_unit_less_exposed_than_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit(folder.path(), |line| Some(line.to_owned()));
    let (good, said) = exposure(&unit);
    assert!(good, "{said}");
    let result = said.lines().find(|line| line.contains("exposure level"));
    eprintln!("{}", result.unwrap_or_default());
}

async fn systemd_finds_a_unit_without_its_walls_more_exposed() {
    let folder = tempfile::tempdir().unwrap();
    let is_wall = |line: &str| {
        ["Protect", "SystemCallFilter", "Capability"]
            .iter()
            .any(|wall| line.starts_with(wall))
    };
    let unit = unit(folder.path(), |line| {
        (!is_wall(line)).then(|| line.to_owned())
    });
    let (good, said) = exposure(&unit);
    assert!(!good, "{said}");
}
