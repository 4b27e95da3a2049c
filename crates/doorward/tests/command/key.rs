use std::path::Path;

use doorward_host::kv::StoreFile;
use doorward_policy::Policy;
use doorward_token::UnixTime;
use doorward_token::api_key::{ApiKey, KEY_BYTES, KeyRecord};
use serde_json::Value;

use crate::run::{Ran, fails, feed, fill, run, succeeds};

/// A policy that accepts keys, in `folder`, with further tables at its end.
fn write_policy(folder: &Path, more: &str) -> String {
    let text = format!(
        "[api_keys]\nheader = \"x-api-key\"\n\n[[route]]\npath = \"/**\"\naccept = [\"api-key\"]\n\
         scope = [\"read:items\"]\n{more}"
    );
    std::fs::write(folder.join("doorward.toml"), &text).unwrap();
    text
}

fn new_key(folder: &Path, flags: &[&str]) -> (String, Ran) {
    let command = ["key", "new", "--state-dir", "state", "--name", "ci"];
    let ran = succeeds(folder, &[&command, flags].concat());
    let key = ran.stdout.trim_end_matches('\n').to_owned();
    assert_eq!(key.len(), KEY_BYTES, "stdout is the key alone: {key:?}");
    (key, ran)
}

fn id(key: &str) -> String {
    ApiKey::parse(key.as_bytes()).unwrap().id().to_owned()
}

fn listed(folder: &Path) -> Vec<Value> {
    let ran = succeeds(folder, &["key", "list", "--json", "--state-dir", "state"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    document["keys"].as_array().unwrap().clone()
}

fn verify(record: &KeyRecord, key: &str, now: u64) -> bool {
    let key = ApiKey::parse(key.as_bytes()).unwrap();
    KeyRecord::verify(Some(record), &key, Some("ci"), UnixTime(now)).is_ok()
}

#[test]
fn a_new_key_is_printed_once_and_its_hash_is_in_the_store_that_a_host_has_open() {
    let folder = tempfile::tempdir().unwrap();
    write_policy(folder.path(), "");
    let host = StoreFile::open(&folder.path().join("state")).unwrap();
    let scope = ["--scope", "read:items write:items", "--scope", "read:more"];
    let (key, ran) = new_key(folder.path(), &scope);
    assert!(!ran.stderr.contains(&key), "the key is on stderr too");
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let stored = host
        .get_now("default", &KeyRecord::entry_name(&id(&key)))
        .unwrap()
        .expect("the host should see the record");
    assert!(
        !String::from_utf8_lossy(&stored).contains(&key[17..]),
        "the secret is in the store"
    );
    let record = KeyRecord::parse(&stored, &id(&key)).unwrap();
    assert_eq!(record.name, "ci");
    assert_eq!(record.scopes, ["read:items", "write:items", "read:more"]);
    assert_eq!(record.expires_at, None);
    assert!(verify(&record, &key, record.created_at.0));
}

#[test]
fn a_key_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let host = StoreFile::open(&folder.path().join("state")).unwrap();
    for (flag, at) in [
        ("90d", None),
        ("2099-01-01T00:00:00Z", Some(4_070_908_800_u64)),
    ] {
        let (key, ran) = new_key(folder.path(), &["--expires", flag]);
        assert!(ran.stderr.contains("valid until 2"), "{}", ran.stderr);
        let stored = host.get("default", &KeyRecord::entry_name(&id(&key)));
        let record = KeyRecord::parse(&stored.unwrap().unwrap(), &id(&key)).unwrap();
        let ends = record.expires_at.unwrap().0;
        assert_eq!(ends, at.unwrap_or(record.created_at.0 + 90 * 24 * 3600));
        assert!(verify(&record, &key, ends - 1), "{flag}: a second before");
        assert!(!verify(&record, &key, ends), "{flag}: then");
    }
    let command = ["key", "new", "--name", "ci", "--expires"];
    let past = [&command[..], &["2001-01-01T00:00:00Z"]].concat();
    fails(folder.path(), &past, 1, &["--expires", "in the past"]);
}

#[test]
fn the_table_for_the_policy_is_ready_to_paste_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let text = write_policy(folder.path(), "");
    let flags = [
        "--to",
        "policy",
        "--scope",
        "read:items",
        "--expires",
        "90d",
    ];
    let (key, ran) = new_key(folder.path(), &flags);
    let (_, table) = ran.stderr.split_once("\n\n").unwrap();
    let policy = Policy::parse(&format!("{text}\n{table}"))
        .unwrap_or_else(|findings| panic!("{}", findings.render("policy", Some(table))));
    let record = policy.api_keys().unwrap().find(&id(&key)).unwrap();
    assert_eq!(record.scopes, ["read:items"]);
    let ends = record.expires_at.unwrap().0;
    assert!(verify(record, &key, ends - 1) && !verify(record, &key, ends));
    assert!(!folder.path().join("state").exists(), "a store was made");

    // As it is in the policy, it is listed, and cannot be revoked in the store.
    write_policy(folder.path(), table);
    StoreFile::open(&folder.path().join("state")).unwrap();
    let keys = listed(folder.path());
    assert_eq!((keys.len(), &keys[0]["in"]), (1, &Value::from("policy")));
    let revoke = ["key", "revoke", "--state-dir", "state", &id(&key)];
    fails(
        folder.path(),
        &revoke,
        1,
        &["doorward.toml lists", "[[api_keys.key]]"],
    );
}

#[test]
fn an_entry_for_a_store_elsewhere_is_printed_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (key, ran) = new_key(folder.path(), &["--print"]);
    let (_, entry) = ran.stderr.split_once("\n\n").unwrap();
    let entry = entry.lines().next().unwrap();
    let (name, value) = entry.split_once('=').unwrap();
    assert_eq!(name, KeyRecord::entry_name(&id(&key)));
    let record = KeyRecord::parse(value.as_bytes(), &id(&key)).unwrap();
    assert!(verify(&record, &key, record.created_at.0));
    assert!(!folder.path().join("state").exists(), "a store was made");
    let revoke = succeeds(folder.path(), &["key", "revoke", "--print", &id(&key)]);
    assert_eq!(revoke.stdout.trim_end(), name);
}

#[test]
fn a_key_that_no_gate_would_look_up_is_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let (_, ran) = new_key(folder.path(), &[]);
    assert!(
        ran.stderr.contains("warning: there is no doorward.toml"),
        "{}",
        ran.stderr
    );
    let (_, ran) = new_key(folder.path(), &["--to", "policy"]);
    let (_, table) = ran.stderr.split_once("\n\n").unwrap();
    let public = "[[route]]\npath = \"/**\"\npublic = true\n";
    for (policy, expected) in [
        (public.to_owned(), "has no [api_keys]"),
        (
            write_policy(folder.path(), table).replace("[api_keys]", "[api_keys]\nstore = false"),
            "store = false",
        ),
    ] {
        std::fs::write(folder.path().join("doorward.toml"), policy).unwrap();
        let (_, ran) = new_key(folder.path(), &[]);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
}

#[test]
fn keys_are_listed_without_what_is_secret_and_deleted_by_id_or_name() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = new_key(folder.path(), &["--scope", "a b"]);
    let (second, _) = new_key(folder.path(), &["--expires", "1s"]);
    let keys = listed(folder.path());
    assert_eq!(keys.len(), 2);
    for key in &keys {
        assert_eq!(key["name"], "ci");
        assert_eq!(key["in"], "store");
    }
    let text = succeeds(folder.path(), &["key", "list", "--state-dir", "state"]).stdout;
    assert!(text.starts_with("NAME"), "{text}");
    for key in [&first, &second] {
        assert!(text.contains(&id(key)), "{text}");
        assert!(!text.contains(&key[17..]), "a secret is listed");
    }
    let revoke = |key: &str| {
        run(
            folder.path(),
            &["key", "revoke", "--state-dir", "state", key],
        )
    };
    let ambiguous = revoke("ci");
    assert_eq!(ambiguous.status, 1);
    assert!(
        ambiguous.stderr.contains(&id(&first)),
        "{}",
        ambiguous.stderr
    );
    // By its id, by the whole key, and, when it is the only one, by its name.
    let (third, _) = new_key(folder.path(), &[]);
    for key in [&id(&first), &second, "ci"] {
        let ran = revoke(key);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(!ran.stderr.contains(&second), "the key is shown");
    }
    assert_eq!(listed(folder.path()), Vec::<Value>::new());
    for key in ["ci", &id(&third), &third] {
        let ran = revoke(key);
        assert_eq!(ran.status, 1, "there are no keys any more");
        assert!(
            ran.stderr.contains("no key with this id or name"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains(&third), "the key is shown");
    }
}

#[test]
fn a_record_that_gates_refuse_is_named_and_can_be_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (key, _) = new_key(folder.path(), &[]);
    let host = StoreFile::open(&folder.path().join("state")).unwrap();
    host.set("default", "doorward/api-keys/AAAAAAAAAAAA", b"{}")
        .unwrap();
    host.set("default", "something else", b"{}").unwrap();
    let ran = run(folder.path(), &["key", "list", "--state-dir", "state"]);
    assert_eq!(ran.status, 1, "not all is well");
    assert!(
        ran.stdout.contains(&id(&key)),
        "the others are listed: {}",
        ran.stdout
    );
    assert!(ran.stderr.contains("AAAAAAAAAAAA"), "{}", ran.stderr);
    let revoke = ["key", "revoke", "--state-dir", "state", "AAAAAAAAAAAA"];
    succeeds(folder.path(), &revoke);
    assert_eq!(listed(folder.path()).len(), 1);
}

#[test]
fn the_store_is_the_one_that_the_policy_or_the_flag_names() {
    let folder = tempfile::tempdir().unwrap();
    write_policy(folder.path(), "[store]\nname = \"shared\"\n");
    let host = StoreFile::open(&folder.path().join("state")).unwrap();
    for (flags, store) in [(&[][..], "shared"), (&["--store", "other"], "other")] {
        let (key, _) = new_key(folder.path(), flags);
        let name = KeyRecord::entry_name(&id(&key));
        assert!(host.exists(store, &name).unwrap(), "{store} should have it");
    }
}

#[test]
fn a_store_with_too_many_keys_takes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    StoreFile::open(&state).unwrap();
    let names = (0..50_000).map(|number| KeyRecord::entry_name(&format!("{number:012}")));
    fill(&state, names);
    let command = ["key", "new", "--state-dir", "state", "--name", "ci"];
    let ran = run(folder.path(), &command);
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (1, ""),
        "no key is shown"
    );
    assert!(ran.stderr.contains("has 50000 keys"), "{}", ran.stderr);
    assert!(ran.stderr.contains("doorward key revoke"), "{}", ran.stderr);
}

#[test]
fn without_a_store_it_says_where_one_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let list = ["key", "list", "--state-dir", ".doorward"];
    fails(
        folder.path(),
        &list,
        1,
        &["no key-value store", "--state-dir FOLDER"],
    );
    assert!(
        !folder.path().join(".doorward").exists(),
        "reading made a folder"
    );
    StoreFile::open(&folder.path().join(".spin")).unwrap();
    fails(folder.path(), &list, 1, &["Spin has one here", ".spin`"]);
}

#[test]
fn wrong_flags_are_refused_with_what_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, status, expected) in [
        (&["new"][..], 2, "--name"),
        (&["new", "--name", "a:b"], 2, "other than `:`"),
        (&["new", "--name", ""], 2, "visible ASCII"),
        (
            &["new", "--name", "ci", "--scope", "a\"b"],
            1,
            "visible ASCII",
        ),
        (
            &["new", "--name", "ci", "--expires", "soon"],
            2,
            "such as 90d",
        ),
        (
            &["new", "--name", "ci", "--expires", "0d"],
            2,
            "such as 90d",
        ),
        (&["new", "--name", "ci", "--to", "env"], 2, "store, policy"),
        (&["revoke"], 2, "<KEY>"),
        (&["revoke", "--print", "ci"], 1, "the id of the key"),
    ] {
        fails(
            folder.path(),
            &[&["key"], flags].concat(),
            status,
            &[expected],
        );
    }
    std::fs::write(folder.path().join("doorward.toml"), "[[rout]]\n").unwrap();
    let ran = feed(folder.path(), &["key", "new", "--name", "ci"], "");
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("doorward check"), "{}", ran.stderr);
    assert!(ran.stderr.contains("doorward.toml:1:"), "{}", ran.stderr);
}
