//! `--audit-log`: what is done with the command is on record before it is done.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use doorward_host::kv::StoreFile;
use doorward_token::api_key::ApiKey;
use serde_json::Value;

use crate::run::{doorward, fails, feed, succeeds};

const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"

[revocation]

[api_keys]
header = "x-api-key"

[[route]]
path = "/a"
accept = ["jwt", "api-key"]
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), POLICY).unwrap();
    StoreFile::open(&folder.path().join("state")).unwrap();
    folder
}

const NEW: [&str; 8] = [
    "key",
    "new",
    "--state-dir",
    "state",
    "--name",
    "ci",
    "--scope",
    "read write",
];
const SUBJECT: [&str; 9] = [
    "revoke",
    "subject",
    "alice",
    "--issuer",
    "acme",
    "--state-dir",
    "state",
    "--reason",
    "left the company",
];
const LOG: [&str; 2] = ["--audit-log", "audit.log"];

fn lines(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("audit.log")).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The names of the entries that the gates read.
fn entries(folder: &Path) -> Vec<String> {
    let store = StoreFile::open(&folder.join("state")).unwrap();
    store.keys("default").unwrap()
}

#[test]
fn each_act_has_a_line_before_it_and_one_after_it() {
    let folder = folder();
    let folder = folder.path();
    let key = succeeds(folder, &[&NEW[..], &LOG].concat()).stdout;
    let key = key.trim_end();
    let id = ApiKey::parse(key.as_bytes()).unwrap().id().to_owned();
    let revoke = ["key", "revoke", key, "--state-dir", "state"];
    succeeds(folder, &[&revoke[..], &LOG].concat());
    succeeds(folder, &[&SUBJECT[..], &LOG].concat());

    let lines = lines(folder);
    let said: Vec<_> = lines
        .iter()
        .map(|line| {
            let said = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (said("event"), said("outcome"))
        })
        .collect();
    let expected = ["key-made", "key-revoked", "revoked"]
        .iter()
        .flat_map(|event| {
            ["begun", "done"].map(|outcome| ((*event).to_owned(), outcome.to_owned()))
        });
    assert_eq!(said, expected.collect::<Vec<_>>());
    for pair in lines.chunks(2) {
        assert_eq!(pair[0]["act"], pair[1]["act"], "they belong together");
        for line in pair {
            assert!(!line["actor"].as_str().unwrap().is_empty());
            let time = line["time"].as_str().unwrap();
            assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
            assert!(line["store"].as_str().unwrap().contains("default"));
        }
    }
    assert_ne!(lines[0]["act"], lines[2]["act"]);
    assert_eq!(
        (&lines[0]["id"], &lines[0]["name"]),
        (&id.as_str().into(), &"ci".into())
    );
    assert_eq!(
        (&lines[0]["scopes"], &lines[0]["to"]),
        (&"read write".into(), &"store".into())
    );
    assert_eq!(
        (&lines[2]["id"], &lines[2]["name"]),
        (&id.as_str().into(), &"ci".into())
    );
    assert_eq!(
        (&lines[4]["kind"], &lines[4]["value"]),
        (&"subject".into(), &"alice".into())
    );
    assert_eq!(lines[4]["issuer"], "https://acme.example");
    assert_eq!(lines[4]["reason"], "left the company");
    let written = lines[4]["entries"][0].as_str().unwrap().to_owned();
    assert!(entries(folder).contains(&written), "{written}");

    let text = std::fs::read_to_string(folder.join("audit.log")).unwrap();
    let secret = key.strip_prefix(&key[..key.len() - 20]).unwrap();
    assert!(
        !text.contains(key) && !text.contains(secret),
        "the key is in it"
    );
    let mode = std::fs::metadata(folder.join("audit.log")).unwrap();
    assert_eq!(
        mode.permissions().mode() & 0o777,
        0o600,
        "for its owner alone"
    );
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let folder = folder();
    let folder = folder.path();
    let key = succeeds(folder, &NEW).stdout;
    let before = entries(folder);
    std::fs::create_dir(folder.join("audit.log")).unwrap();
    let revoke = ["key", "revoke", key.trim_end(), "--state-dir", "state"];
    let to_policy = ["key", "new", "--name", "ci", "--to", "policy"];
    let print = ["key", "new", "--name", "ci", "--print"];
    for act in [&NEW[..], &revoke, &SUBJECT, &to_policy, &print] {
        let flags = [act, &LOG].concat();
        let ran = fails(folder, &flags, 1, &["nothing was done", "audit.log"]);
        assert_eq!(ran.stdout, "", "{act:?}: no key");
        assert_eq!(entries(folder), before, "{act:?}");
    }
}

#[test]
fn an_act_that_fails_is_on_record_as_one() {
    let folder = folder();
    let folder = folder.path();
    let store = rusqlite::Connection::open(StoreFile::path(&folder.join("state"))).unwrap();
    let broken =
        "CREATE TRIGGER t BEFORE INSERT ON spin_key_value BEGIN SELECT RAISE(ABORT, 'no'); END";
    store.execute_batch(broken).unwrap();
    for act in [&NEW[..], &SUBJECT] {
        let ran = fails(folder, &[act, &LOG].concat(), 1, &["cannot be used"]);
        assert_eq!(ran.stdout, "");
    }
    let lines = lines(folder);
    let outcomes: Vec<_> = lines
        .iter()
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["begun", "failed", "begun", "failed"]);
    assert!(
        lines[1]["error"]
            .as_str()
            .unwrap()
            .contains("cannot be used")
    );
}

#[test]
fn a_token_that_is_taken_back_is_not_in_the_record() {
    let folder = folder();
    let folder = folder.path();
    let policy = POLICY.replace(
        "audience = \"api\"\n",
        "audience = \"api\"\nintrospection = { client_id = \"g\", secret = \"s\" }\n",
    );
    std::fs::write(folder.join("doorward.toml"), policy).unwrap();
    let token = "opaque-token-81726354";
    let flags = [
        "revoke",
        "token",
        "--state-dir",
        "state",
        "--audit-log",
        "audit.log",
    ];
    let ran = feed(folder, &flags, token);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let lines = lines(folder);
    assert_eq!((lines.len(), &lines[0]["kind"]), (2, &"token".into()));
    let text = std::fs::read_to_string(folder.join("audit.log")).unwrap();
    assert!(!text.contains(token), "{text}");
}

#[test]
fn the_environment_names_the_file_too_and_without_one_that_is_said() {
    let folder = folder();
    let folder = folder.path();
    let ran = succeeds(folder, &NEW);
    assert!(
        ran.stderr.contains("Not recorded: --audit-log"),
        "{}",
        ran.stderr
    );
    assert!(lines(folder).is_empty());
    let done = doorward(folder)
        .args(NEW)
        .env("DOORWARD_AUDIT_LOG", "audit.log")
        .output()
        .unwrap();
    assert!(done.status.success());
    assert!(!String::from_utf8_lossy(&done.stderr).contains("Not recorded"));
    assert_eq!(lines(folder).len(), 2);
    // What only shows or prints something is no act.
    succeeds(folder, &[&SUBJECT[..], &LOG, &["--print"]].concat());
    assert_eq!(lines(folder).len(), 2);
}
