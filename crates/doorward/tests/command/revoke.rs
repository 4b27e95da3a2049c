use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_host::kv::StoreFile;
use doorward_token::revocation::{
    Note, REVOCATIONS_MAX, REVOCATIONS_READ_MAX, RevocationEntry, RevocationKind, RevocationSet,
};
use doorward_token::{UnixTime, VerifiedToken};
use serde_json::Value;

use crate::run::{Issuer, Ran, fails, feed, fill, run, succeeds, verify};

/// The policy of one development issuer.
fn write_policy(folder: &Path, url: &str, more: &str) {
    let text = format!(
        "[issuer.local]\nurl = \"{url}\"\naudience = \"http://127.0.0.1:3000\"\n\n[[route]]\npath = \
         \"/**\"\nissuer = [\"local\"]\nscope = [\"read\"]\n{more}"
    );
    std::fs::write(folder.join("doorward.toml"), text).unwrap();
}

/// A host's view of the store, a running issuer and a policy with revocation.
struct Scene {
    folder: tempfile::TempDir,
    host: StoreFile,
    issuer: Issuer,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = Issuer::start(folder.path());
        write_policy(folder.path(), &issuer.url, "[revocation]\n");
        let host = StoreFile::open(&folder.path().join("state")).unwrap();
        Self {
            folder,
            host,
            issuer,
        }
    }

    fn token(&self, flags: &[&str]) -> String {
        let command = ["token", "--state-dir", "state", "--iss", &self.issuer.url];
        let ran = succeeds(self.folder.path(), &[&command, flags].concat());
        ran.stdout.trim().to_owned()
    }

    fn verified(&self, token: &str) -> VerifiedToken {
        verify(token, &self.issuer.keys(), &self.issuer.url, false).unwrap()
    }

    fn revoke(&self, flags: &[&str], input: &str) -> Ran {
        let (kind, flags) = flags.split_first().unwrap();
        let command = ["revoke", kind, "--state-dir", "state"];
        feed(self.folder.path(), &[&command, flags].concat(), input)
    }

    /// What a gate that reads the store would refuse.
    fn revoked_by(&self, token: &str) -> Option<RevocationKind> {
        let names = self.host.keys("default").unwrap();
        let names = names.iter().map(String::as_str);
        let reading = RevocationSet::from_names(names, UnixTime(0)).unwrap();
        assert_eq!(reading.unreadable, 0, "names that gates cannot read");
        reading.set.revokes(&self.verified(token))
    }

    fn listed(&self) -> Vec<Value> {
        let ran = self.revoke(&["list", "--json"], "");
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        document["revocations"].as_array().unwrap().clone()
    }
}

fn claim(token: &str, name: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims[name].clone()
}

#[test]
fn each_kind_revokes_what_it_names_while_a_host_has_the_store_open() {
    let scene = Scene::new();
    let token = scene.token(&["--sub", "ada", "--claim", "sid=s-1"]);
    let other = scene.token(&["--sub", "eve", "--claim", "sid=s-2"]);
    let jti = claim(&token, "jti").as_str().unwrap().to_owned();
    for (flags, input, kind) in [
        (&["token"][..], token.as_str(), RevocationKind::Token),
        (
            &["token", "--id", &jti, "--issuer", "local"],
            "",
            RevocationKind::Token,
        ),
        (
            &["subject", "ada", "--issuer", "local"],
            "",
            RevocationKind::Subject,
        ),
        (
            &["session", "s-1", "--issuer", "local"],
            "",
            RevocationKind::Session,
        ),
        (&["issuer", "local"], "", RevocationKind::Issuer),
    ] {
        assert_eq!(scene.revoked_by(&token), None, "before {flags:?}");
        let ran = scene.revoke(flags, input);
        assert_eq!(ran.status, 0, "{flags:?}: {}", ran.stderr);
        assert_eq!(scene.revoked_by(&token), Some(kind), "{flags:?}");
        let everything = kind == RevocationKind::Issuer;
        assert_eq!(scene.revoked_by(&other).is_some(), everything, "{flags:?}");
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(&token), "the token is shown");
        }
        assert!(ran.stderr.contains("within 5 s"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("WARNING"), "{}", ran.stderr);
        for name in scene.host.keys("default").unwrap() {
            scene.host.delete("default", &name).unwrap();
        }
    }
}

/// An id in base64url does so once in 64 times.
#[test]
fn what_is_revoked_may_begin_with_a_hyphen() {
    let scene = Scene::new();
    let token = scene.token(&["--sub=-ada", "--claim", "sid=-s", "--claim", "jti=-R"]);
    for (flags, kind) in [
        (
            &["token", "--id", "-R", "--issuer", "local"][..],
            RevocationKind::Token,
        ),
        (
            &["subject", "-ada", "--issuer", "local"],
            RevocationKind::Subject,
        ),
        (
            &["session", "-s", "--issuer", "local"],
            RevocationKind::Session,
        ),
    ] {
        let ran = scene.revoke(flags, "");
        assert_eq!(ran.status, 0, "{flags:?}: {}", ran.stderr);
        assert_eq!(scene.revoked_by(&token), Some(kind), "{flags:?}");
        for name in scene.host.keys("default").unwrap() {
            scene.host.delete("default", &name).unwrap();
        }
    }
}

#[test]
fn a_token_on_stdin_may_be_surrounded_by_what_headers_and_editors_add() {
    let scene = Scene::new();
    let token = scene.token(&[]);
    for input in [
        format!("{token}\n"),
        format!("  Bearer {token}\r\n"),
        format!("bearer   {token}"),
    ] {
        let ran = scene.revoke(&["token"], &input);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert_eq!(scene.revoked_by(&token), Some(RevocationKind::Token));
    }
    for input in ["", "\n", "one two", &"x".repeat(100_000), "Basic YTpi"] {
        let ran = scene.revoke(&["token"], input);
        assert_eq!(ran.status, 1, "{} bytes", input.len());
        assert!(ran.stderr.contains("not one token"), "{}", ran.stderr);
    }
}

#[test]
fn entries_end_with_what_they_revoke() {
    let scene = Scene::new();
    let token = scene.token(&["--ttl", "1h"]);
    let ends = claim(&token, "exp").as_u64().unwrap();
    scene.revoke(&["token"], &token);
    for entry in scene.listed() {
        assert_eq!(entry["expires_at"], ends, "of the token");
    }
    let ran = scene.revoke(&["session", "s", "--issuer", "local"], "");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let created = |entry: &Value| entry["created_at"].as_u64().unwrap();
    let listed = scene.listed();
    let session = listed.iter().find(|one| one["kind"] == "session").unwrap();
    let week = 7 * 24 * 3600;
    assert_eq!(
        session["expires_at"],
        created(session) + week,
        "of the session"
    );

    let long = ["session", "t", "--issuer", "local", "--keep", "30d"];
    assert_eq!(scene.revoke(&long, "").status, 0);
    let listed = scene.listed();
    let session = listed.iter().find(|one| one["value"] == "t").unwrap();
    assert_eq!(session["expires_at"], created(session) + 30 * 24 * 3600);
    let short = ["session", "s", "--issuer", "local", "--keep", "1d"];
    let ran = scene.revoke(&short, "");
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("can only be longer than the 7 d"),
        "{}",
        ran.stderr
    );

    let expired = scene.token(&["--ttl", "-600"]);
    let before = scene.listed().len();
    let ran = scene.revoke(&["token"], &expired);
    assert!(ran.stderr.contains("has expired"), "{}", ran.stderr);
    assert_eq!((ran.status, scene.listed().len()), (0, before));
}

#[test]
fn what_was_issued_after_the_given_time_stays_valid() {
    let scene = Scene::new();
    let token = scene.token(&["--sub", "ada"]);
    let long_ago = "2020-01-01T00:00:00Z";
    for flags in [
        &["subject", "ada", "--issuer", "local", "--before", long_ago][..],
        &["issuer", "local", "--before", long_ago],
    ] {
        let ran = scene.revoke(flags, "");
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains(long_ago), "{}", ran.stderr);
        assert_eq!(scene.revoked_by(&token), None, "{flags:?}");
    }
    let future = ["issuer", "local", "--before", "2099-01-01T00:00:00Z"];
    let ran = scene.revoke(&future, "");
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("from now"), "{}", ran.stderr);
}

#[test]
fn what_is_revoked_is_listed_with_who_said_so_and_without_tokens() {
    let scene = Scene::new();
    let token = scene.token(&[]);
    scene.revoke(&["token", "--reason", "found in a log"], &token);
    scene.revoke(&["subject", "ada", "--issuer", "local"], "");
    let listed = scene.listed();
    assert_eq!(listed.len(), 3, "two of a token with an id: {listed:?}");
    for entry in &listed {
        assert_eq!(entry["issuer"], scene.issuer.url);
        let (value, reason) = match entry["kind"].as_str().unwrap() {
            "subject" => (Value::from("ada"), ""),
            _ => (Value::Null, "found in a log"),
        };
        assert_eq!(
            (&entry["value"], &entry["reason"]),
            (&value, &reason.into())
        );
    }
    let jti = claim(&token, "jti");
    let text = scene.revoke(&["list"], "").stdout;
    assert!(
        text.contains("found in a log") && text.contains("ada"),
        "{text}"
    );
    for secret in [token.as_str(), jti.as_str().unwrap()] {
        assert!(!text.contains(secret), "the list shows a token or its id");
    }
    // What is over, foreign or unreadable is not shown, and the last is warned about.
    for name in [
        "other",
        "doorward/revoked/1/token/AAAAAAAAAAAAAAAAAAAAAA/-",
        "doorward/revoked/x",
    ] {
        scene.host.set("default", name, b"\x1b[2J").unwrap();
    }
    assert_eq!(scene.listed().len(), 3);
    let ran = scene.revoke(&["list"], "");
    let one = "cannot be read, and that gates ignore: 1.";
    assert!(ran.stderr.contains(one), "{}", ran.stderr);
}

#[test]
fn one_revoked_token_is_one_line() {
    let scene = Scene::new();
    let rows = |what: &str| {
        let text = scene.revoke(&["list"], "").stdout;
        let rows: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
        assert!(!rows.is_empty(), "{what}: {text}");
        rows
    };
    // Both in the same second, of the same issuer, for the same reason and for as long.
    let (one, other) = (scene.token(&[]), scene.token(&[]));
    scene.revoke(&["token", "--reason", "lost"], &one);
    assert_eq!(rows("a token with an id").len(), 1);
    scene.revoke(&["token", "--reason", "lost"], &other);
    assert_eq!(rows("two tokens").len(), 2);
    // Again, in another way, for longer: it stays the same token.
    let jti = claim(&one, "jti").as_str().unwrap().to_owned();
    let again = ["token", "--id", &jti, "--issuer", "local", "--reason", "x"];
    assert_eq!(scene.revoke(&again, "").status, 0);
    let shown = rows("one of them by its id, too");
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown[1].ends_with('x'), "what is kept longest: {shown:?}");
    // What is no token has its own line.
    scene.revoke(&["session", "s", "--issuer", "local"], "");
    scene.revoke(&["subject", "ada", "--issuer", "local"], "");
    assert_eq!(rows("two tokens, a session and a subject").len(), 4);
    // Programs see every name, and which are of one token.
    let listed = scene.listed();
    let tokens: std::collections::BTreeSet<_> = listed
        .iter()
        .filter(|entry| entry["kind"] == "token")
        .map(|entry| entry["token"].as_str().unwrap())
        .collect();
    assert_eq!((listed.len(), tokens.len()), (7, 2), "{listed:?}");
    for entry in listed.iter().filter(|entry| entry["kind"] != "token") {
        assert_eq!(entry["token"], Value::Null);
    }
    // Where one of a token's names is gone, the other is shown; and so is what nobody said anything of.
    for name in scene.host.keys("default").unwrap() {
        let notes_first = tokens.iter().any(|token| name.contains(token));
        if notes_first {
            scene.host.delete("default", &name).unwrap();
        }
    }
    let bare = RevocationEntry::token("https://x.example", "bare", UnixTime(9_000_000_000));
    scene.host.set("default", &bare.name(), b"").unwrap();
    assert_eq!(rows("what is left").len(), 5);
}

#[test]
fn a_note_with_control_characters_is_not_shown() {
    let scene = Scene::new();
    let entry = RevocationEntry::session("https://x.example", "s", UnixTime(9_000_000_000));
    let note = b"{\"kind\":\"session\",\"issuer\":\"\\u001b[2J\",\"value\":\"s\",\"reason\":\"\",\"created_at\":1}";
    assert!(Note::parse(note).is_err());
    scene.host.set("default", &entry.name(), note).unwrap();
    let listed = scene.listed();
    assert_eq!((listed.len(), &listed[0]["issuer"]), (1, &Value::Null));
    assert!(!scene.revoke(&["list"], "").stdout.contains('\x1b'));
}

#[test]
fn entries_for_a_store_elsewhere_are_printed_and_nothing_is_written() {
    let scene = Scene::new();
    let ran = scene.revoke(&["subject", "ada", "--issuer", "local", "--print"], "");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let (name, note) = ran.stdout.trim_end().split_once('=').unwrap();
    let entry = RevocationEntry::parse_name(name).unwrap().unwrap();
    assert_eq!(entry.kind(), RevocationKind::Subject);
    let note = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(note.value.as_deref(), Some("ada"));
    assert_eq!(scene.listed(), Vec::<Value>::new());
}

#[test]
fn without_revocation_in_the_policy_it_warns_loudly() {
    let scene = Scene::new();
    write_policy(scene.folder.path(), &scene.issuer.url, "");
    let ran = scene.revoke(&["issuer", "local"], "");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for expected in ["WARNING", "has no [revocation]", "NOTHING IS TAKEN BACK"] {
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("Gates see it"), "{}", ran.stderr);
    assert_eq!(scene.listed().len(), 1, "it is written all the same");
}

#[test]
fn issuers_are_named_as_in_the_policy() {
    let scene = Scene::new();
    let tenants = "[issuer.acme]\nurl = \"https://x.example/{tenant}\"\naudience = \"x\"\n\
                   tenants = [\"a\", \"b\"]\n[[route]]\npath = \"/t\"\nissuer = [\"acme\"]\n\
                   scope = [\"x\"]\n[revocation]\n";
    write_policy(scene.folder.path(), &scene.issuer.url, tenants);
    for name in ["local", "acme/b", "https://x.example/a", &scene.issuer.url] {
        let ran = scene.revoke(&["issuer", name], "");
        assert_eq!(ran.status, 0, "{name}: {}", ran.stderr);
    }
    for (name, expected) in [
        ("acme", "name one of acme/a, acme/b"),
        ("acme/c", "it lists acme/a, acme/b, local"),
        ("acm", "no such issuer"),
    ] {
        let ran = scene.revoke(&["issuer", name], "");
        assert_eq!(ran.status, 1, "{name}");
        assert!(ran.stderr.contains(expected), "{name}: {}", ran.stderr);
    }
}

#[test]
fn a_token_of_somebody_else_is_not_revoked() {
    let scene = Scene::new();
    let foreign = [
        &["token", "--state-dir", "state"][..],
        &["--iss", "https://x.example"],
    ]
    .concat();
    let foreign = succeeds(scene.folder.path(), &foreign).stdout;
    let ran = scene.revoke(&["token"], &foreign);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("\"https://x.example\""),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("does not list"), "{}", ran.stderr);
    let key = succeeds(
        scene.folder.path(),
        &["key", "new", "--name", "ci", "--print"],
    )
    .stdout;
    let ran = scene.revoke(&["token"], &key);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("doorward key revoke"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(key.trim()), "the key is shown");
}

#[test]
fn an_opaque_token_is_of_the_issuer_that_is_asked_about_such_tokens() {
    let scene = Scene::new();
    let ran = scene.revoke(&["token"], "opaque-secret");
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("--issuer NAME"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("opaque-secret"), "the token is shown");
    let ran = scene.revoke(&["token", "--issuer", "local"], "opaque-secret");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let first = scene.listed();
    let more = "[revocation]\n[issuer.local.introspection]\nclient_id = \"gate\"\nsecret = \"x\"\n";
    write_policy(scene.folder.path(), &scene.issuer.url, more);
    let ran = scene.revoke(&["token"], "opaque-secret");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let digest = |entry: &Value| {
        let name = entry["name"].as_str().unwrap();
        name.split('/').nth(4).unwrap().to_owned()
    };
    for entry in scene.listed() {
        assert_eq!(digest(&entry), digest(&first[0]), "it is the same token");
    }
}

#[test]
fn a_store_is_never_made_by_revoking_because_no_gate_would_read_it() {
    let folder = tempfile::tempdir().unwrap();
    write_policy(folder.path(), "https://x.example", "[revocation]\n");
    let flags = ["revoke", "issuer", "local", "--state-dir", "state"];
    fails(folder.path(), &flags, 1, &["no key-value store", "--print"]);
    assert!(!folder.path().join("state").exists());
    let ran = run(folder.path(), &[&flags[..], &["--print"]].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

#[test]
fn a_full_store_takes_no_more_but_that_everything_of_an_issuer_is_taken_back() {
    let scene = Scene::new();
    let state = scene.folder.path().join("state");
    let names = |numbers: std::ops::Range<usize>| {
        numbers.map(|number| {
            let (issuer, until) = ("https://x.example", UnixTime(9_000_000_000));
            // Names count, also where they are of one subject and none reaches as far as another.
            let time = number as u64;
            match number % 2 {
                0 => RevocationEntry::session(issuer, &number.to_string(), until).name(),
                _ => {
                    let (from, until) = (UnixTime(time), UnixTime(until.0 - time));
                    RevocationEntry::subject(issuer, "ada", from, until).name()
                }
            }
        })
    };
    let subject = ["subject", "ada", "--issuer", "local"];
    let issuer = ["issuer", "local"];
    fill(&state, names(0..REVOCATIONS_MAX - 1));
    let ran = scene.revoke(&subject, "");
    assert_eq!(ran.status, 0, "the last one: {}", ran.stderr);
    let ran = scene.revoke(&subject, "");
    assert_eq!(ran.status, 1, "one too many");
    for expected in ["has 50000 revocations", "doorward revoke issuer"] {
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    let ran = scene.revoke(&issuer, "");
    assert_eq!(ran.status, 0, "the last resort: {}", ran.stderr);
    fill(&state, names(REVOCATIONS_MAX..REVOCATIONS_READ_MAX + 1));
    let ran = scene.revoke(&issuer, "");
    assert_eq!(ran.status, 1, "more than a gate reads: {}", ran.stderr);
}

#[test]
fn wrong_flags_are_refused_with_what_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, expected) in [
        (&["subject", "ada"][..], "--issuer"),
        (&["subject", "", "--issuer", "x"], "not be empty"),
        (&["token", "--id", "x"], "--issuer"),
        (&["issuer", "x", "--before", "yesterday"], "such as 2030"),
        (&["issuer", "x", "--keep", "soon"], "s, m, h or d"),
    ] {
        fails(
            folder.path(),
            &[&["revoke"], flags].concat(),
            2,
            &[expected],
        );
    }
    let flags = ["revoke", "issuer", "local"];
    fails(
        folder.path(),
        &flags,
        1,
        &["doorward.toml", "--policy FILE"],
    );
}
