use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use doorward_host::kv::StoreFile;
use doorward_token::UnixTime;
use doorward_token::freshness::{KeySetRecord, StoredKeys};
use serde_json::{Value, json};

use crate::run::{Issuer, fails, run, succeeds};

const POLICY: &str = r#"
[issuer.acme]
url = "https://login.acme.example/{tenant}"
audience = "x"
tenants = ["a", "b"]

[issuer.file]
url = "https://file.example"
audience = "x"
jwks_file = "/keys.json"

[issuer.other]
url = "https://other.example"
audience = "x"
jwks_url = "https://other.example/keys"

[[route]]
path = "/**"
issuer = ["acme", "file", "other"]
scope = ["read"]
"#;

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn folder_with_policy() -> (tempfile::TempDir, StoreFile) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), POLICY).unwrap();
    let host = StoreFile::open(&folder.path().join("state")).unwrap();
    (folder, host)
}

fn issuers(folder: &Path, status: i32) -> Vec<Value> {
    let ran = run(folder, &["issuers", "--json", "--state-dir", "state"]);
    assert_eq!(ran.status, status, "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    document["issuers"].as_array().unwrap().clone()
}

/// Keys of the development issuer, fetched `age_s` ago, of which `failures` later fetches failed.
fn record(url: &str, body: &str, age_s: u64, failures: u32) -> KeySetRecord {
    KeySetRecord {
        issuer: url.to_owned(),
        keys: Some(StoredKeys {
            url: format!("{url}/keys"),
            etag: None,
            body: body.to_owned(),
        }),
        fetched_at: UnixTime(now() - age_s),
        fresh_s: 600,
        attempted_at: Some(UnixTime(now())),
        failures,
        last_error: (failures > 0).then(|| "the answer has status 503".to_owned()),
        ..KeySetRecord::default()
    }
}

#[test]
fn what_no_gate_has_asked_for_yet_is_said_to_be_so() {
    let (folder, _host) = folder_with_policy();
    let found: Vec<_> = issuers(folder.path(), 0)
        .iter()
        .map(|issuer| {
            [
                issuer["name"].clone(),
                issuer["source"].clone(),
                issuer["state"].clone(),
            ]
        })
        .collect();
    assert_eq!(
        json!(found),
        json!([
            ["acme/a", "discovery", "not asked yet"],
            ["acme/b", "discovery", "not asked yet"],
            ["file", "file", "given"],
            ["other", "jwks_url", "not asked yet"],
        ])
    );
}

#[test]
fn age_source_state_next_refresh_and_last_error_are_shown() {
    let (folder, host) = folder_with_policy();
    let development = Issuer::start(folder.path());
    let body = development.get("/jwks").body;
    let url = "https://login.acme.example/b";
    for (age_s, failures, state, keys) in [
        (10, 0, "fresh", 6),
        (700, 0, "stale", 6),
        (700, 3, "failing", 6),
    ] {
        let stored = record(url, &body, age_s, failures).to_bytes();
        host.set("default", "doorward/keys/acme/b", &stored)
            .unwrap();
        let found = issuers(folder.path(), 0);
        let found = found.iter().find(|one| one["name"] == "acme/b").unwrap();
        assert_eq!(
            found["state"], state,
            "{age_s} s, {failures} failures: {found}"
        );
        assert_eq!(found["keys"], keys);
        assert_eq!(found["url"], url);
        assert_eq!(found["keys_url"], format!("{url}/keys"));
        assert_eq!(found["failures"], failures);
        let age = found["age_s"].as_u64().unwrap();
        assert!((age_s..age_s + 60).contains(&age), "{found}");
        let next = found["next_refresh_at"].as_u64().unwrap();
        if state == "fresh" {
            assert!((now() + 500..now() + 600).contains(&next), "{found}");
        }
        let error = found["last_error"].as_str().unwrap_or_default();
        assert_eq!(error.contains("503"), failures > 0, "{found}");
    }
    let text = succeeds(folder.path(), &["issuers", "--state-dir", "state"]).stdout;
    let line = text
        .lines()
        .find(|line| line.starts_with("acme/b"))
        .unwrap();
    for expected in [url, "discovery", "11 min", "failing", "503 (3 times)"] {
        assert!(line.contains(expected), "{expected:?} in {text}");
    }
}

#[test]
fn an_issuer_that_fails_and_has_no_usable_keys_is_1() {
    let (folder, host) = folder_with_policy();
    // The policy says where its keys are, so what is kept of them is about that, too.
    let subject = "https://other.example https://other.example/keys";
    let mut never = record(subject, "", 0, 2);
    never.keys = None;
    let two_days = record(subject, "{\"keys\":[]}", 2 * 24 * 3600, 2);
    let withdrawn = record(subject, "{\"keys\":[]}", 10, 0);
    for (record, state) in [
        (never, "missing"),
        (two_days, "expired"),
        (withdrawn, "unusable"),
    ] {
        host.set("default", "doorward/keys/other", &record.to_bytes())
            .unwrap();
        let found = issuers(folder.path(), 1);
        let found = found.iter().find(|one| one["name"] == "other").unwrap();
        assert_eq!(found["state"], state, "{found}");
    }
}

#[test]
fn what_is_no_record_of_this_issuer_is_not_believed() {
    let (folder, host) = folder_with_policy();
    let foreign = record("https://evil.example", "{}", 10, 0).to_bytes();
    let elsewhere = record("https://other.example", "{}", 10, 0).to_bytes();
    for (value, reason) in [
        (&b"no JSON"[..], "JSON"),
        (&foreign, "another issuer"),
        (&elsewhere, "another issuer"),
    ] {
        host.set("default", "doorward/keys/other", value).unwrap();
        let found = issuers(folder.path(), 0);
        let found = found.iter().find(|one| one["name"] == "other").unwrap();
        assert_eq!(found["state"], "unreadable", "{found}");
        let error = found["last_error"].as_str().unwrap();
        assert!(error.contains(reason), "{found}");
    }
}

#[test]
fn without_a_policy_or_a_store_it_says_what_to_name() {
    let folder = tempfile::tempdir().unwrap();
    fails(
        folder.path(),
        &["issuers"],
        1,
        &["doorward.toml", "--policy FILE"],
    );
    std::fs::write(folder.path().join("p.toml"), POLICY).unwrap();
    let flags = ["issuers", "--policy", "p.toml", "--state-dir", "state"];
    fails(
        folder.path(),
        &flags,
        1,
        &["no key-value store", "--state-dir"],
    );
}
