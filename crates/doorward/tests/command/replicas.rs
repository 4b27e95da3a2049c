//! `doorward check --replicas`: what does not hold with several replicas of the host.

use std::path::Path;

use crate::run::{fails, run};

const POLICY: &str = "[issuer.acme]\nurl = \"https://login.acme.example\"\naudience = \"https://api.acme.example\"\n\
    [[route]]\npath = \"/api/**\"\nscope = [\"read\"]\n";
const MANIFEST: &str = "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
    [[trigger.http]]\nroute = \"/...\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n\
    files = [{ source = \"doorward.toml\", destination = \"/doorward.toml\" }]\n";
const REDIS: &str =
    "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:6379\"\n";
const STORE: &str = "key_value_stores = [\"default\"]\n";

fn write(folder: &Path, policy: &str, manifest: &str) {
    std::fs::write(folder.join("doorward.toml"), format!("{policy}{POLICY}")).unwrap();
    std::fs::write(folder.join("spin.toml"), format!("{MANIFEST}{manifest}")).unwrap();
    std::fs::write(folder.join("redis.toml"), REDIS).unwrap();
}

/// The first words of what is said, and the status.
fn said(folder: &Path, arguments: &[&str]) -> (i32, Vec<String>) {
    let ran = run(folder, &[&["check"], arguments].concat());
    assert_eq!(ran.stderr, "");
    let lines = ran
        .stdout
        .lines()
        .filter(|line| line.starts_with("error:") || line.starts_with("warning:"));
    let start = |line: &str| line.split('`').take(2).collect::<Vec<_>>().join("`") + "`";
    (ran.status, lines.map(start).collect())
}

#[test]
fn a_store_that_is_a_file_is_an_error_where_the_policy_needs_one_that_all_have() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let own = "the store `default`";
    let shared = "[rate_limit.a]\nrequests = 1\nper_s = 1\nkey = \"client\"\nshared = true\n";
    for (policy, promised) in [
        ("", None),
        ("[revocation]\n", Some("revocations")),
        ("[api_keys]\nheader = \"x-api-key\"\n", Some("API keys")),
        (
            "[api_keys]\nheader = \"x-api-key\"\nstore = false\n[[api_keys.key]]\nname = \"ci\"\n\
             id = \"4YbV0cQm8XzK\"\nhash = \"sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"\n",
            None,
        ),
        (shared, Some("counts of shared limits")),
        ("[revocation]\n[store]\nname = \"other\"\n", None),
    ] {
        write(folder, policy, STORE);
        let asked = ["spin.toml", "--replicas", "3"];
        let expected = match promised {
            Some(_) => (1, vec![format!("error: {own}")]),
            None => (0, vec![format!("warning: {own}")]),
        };
        assert_eq!(said(folder, &asked), expected, "{policy}");
        if let Some(promised) = promised {
            let ran = run(folder, &["check", "spin.toml", "--replicas", "3"]);
            for expected in [
                promised,
                "3 replicas",
                "[key_value_store.default]",
                "--runtime-config-file",
            ] {
                assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
            }
        }
        let redis = [&asked[..], &["--runtime-config-file", "redis.toml"]].concat();
        assert_eq!(said(folder, &redis), (0, vec![]), "{policy}");
        assert_eq!(
            said(folder, &["spin.toml", "--replicas", "1"]),
            (0, vec![]),
            "{policy}"
        );
        assert_eq!(said(folder, &["spin.toml"]), (0, vec![]), "{policy}");
    }
}

#[test]
fn databases_that_are_files_and_timers_are_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let more = "sqlite_databases = [\"default\"]\n\
        [[component.a.tool.doorward.timer]]\npath = \"/tasks\"\ncron_expression = \"0 * * * * *\"\n";
    write(folder, "", more);
    let expected = [
        "warning: each of 2 replicas asks `a`",
        "warning: the SQLite database `default`",
    ];
    let (status, lines) = said(folder, &["spin.toml", "--replicas", "2"]);
    assert_eq!(
        (status, lines.as_slice()),
        (0, expected.map(str::to_owned).as_slice())
    );
}

#[test]
fn a_policy_alone_says_what_each_counts_by_itself_and_that_it_needs_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let limit = "[rate_limit.one]\nrequests = 1\nper_s = 1\nkey = \"client\"\n";
    let used = "[defaults]\nrate_limit = [\"one\"]\n";
    write(folder, &format!("[revocation]\n{limit}{used}"), STORE);
    let expected = [
        "warning: `[rate_limit.one]`",
        "warning: revocations are in the store `default`",
    ];
    let (status, lines) = said(folder, &["doorward.toml", "--replicas", "2"]);
    assert_eq!(
        (status, lines.as_slice()),
        (0, expected.map(str::to_owned).as_slice())
    );
    let ran = run(folder, &["check", "--replicas", "2", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let found = document["replicas"].as_array().unwrap();
    assert_eq!(found.len(), 2, "{document}");
    assert!(found.iter().all(|finding| finding["severity"] == "warning"));
    let without = run(folder, &["check", "--format", "json"]);
    assert!(!without.stdout.contains("replicas"), "{}", without.stdout);
}

#[test]
fn what_makes_no_sense_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "", STORE);
    fails(folder, &["check", "--replicas", "0"], 2, &["at least 1"]);
    let alone = ["check", "spin.toml", "--runtime-config-file", "redis.toml"];
    fails(folder, &alone, 2, &["--replicas"]);
    let absent = [
        "check",
        "spin.toml",
        "--replicas",
        "2",
        "--runtime-config-file",
        "none.toml",
    ];
    fails(folder, &absent, 1, &["none.toml"]);
    std::fs::write(folder.join("doorward.toml"), "[[route]]\n").unwrap();
    let wrong = ["check", "spin.toml", "--replicas", "2"];
    fails(folder, &wrong, 1, &["doorward.toml", "component a"]);
}
