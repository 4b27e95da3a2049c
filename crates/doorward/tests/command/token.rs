use serde_json::json;

use crate::run::{Issuer, fails, run, verify};

const STATE: [&str; 2] = ["--state-dir", "state"];

/// `doorward token` with these flags, in a folder whose keys the issuer publishes.
fn token(folder: &std::path::Path, flags: &[&str]) -> String {
    let ran = run(folder, &[&["token"], flags, &STATE].concat());
    assert_eq!(ran.status, 0, "doorward token {flags:?}: {}", ran.stderr);
    ran.stdout.trim_end().to_owned()
}

#[test]
fn a_token_of_every_algorithm_is_verified_by_the_published_keys() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let keys = issuer.keys();
    assert_eq!(keys.len(), 6, "a key for each algorithm");
    for algorithm in ["EdDSA", "ES256", "ES384", "ES512", "RS256", "PS256"] {
        let token = token(folder.path(), &["--alg", algorithm, "--iss", &issuer.url]);
        for access_token_profile in [false, true] {
            let verified = verify(&token, &keys, &issuer.url, access_token_profile);
            let verified = verified.unwrap_or_else(|error| {
                panic!("{algorithm}, RFC 9068 {access_token_profile}: {error}")
            });
            assert_eq!(verified.issuer(), issuer.url, "{algorithm}");
        }
    }
}

#[test]
fn a_token_says_what_the_flags_say() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let text = token(
        folder.path(),
        &[
            "--iss",
            &issuer.url,
            "--sub",
            "ada",
            "--scope",
            "read:a write:a",
            "--scope",
            "read:b",
            "--aud",
            "http://127.0.0.1:3000",
            "--aud",
            "other",
            "--ttl",
            "5m",
            "--claim",
            "role=operator",
            "--claim",
            "level=3",
            "--claim",
            "groups=[\"x\",\"y\"]",
        ],
    );
    let verified = verify(&text, &issuer.keys(), &issuer.url, false).unwrap();
    assert_eq!(verified.subject(), Some("ada"));
    assert_eq!(verified.scopes(), ["read:a", "write:a", "read:b"]);
    assert_eq!(verified.audience(), ["http://127.0.0.1:3000", "other"]);
    assert_eq!(
        verified.expires_at().0 - verified.issued_at().unwrap().0,
        300,
        "the lifetime in seconds"
    );
    assert_eq!(verified.claim("role"), Some(&json!("operator")));
    assert_eq!(verified.claim("level"), Some(&json!(3)));
    assert_eq!(verified.claim("groups"), Some(&json!(["x", "y"])));
    assert!(verified.token_id().is_some(), "every token has an id");
}

#[test]
fn a_token_with_a_negative_lifetime_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let text = token(folder.path(), &["--iss", &issuer.url, "--ttl", "-60"]);
    let error = verify(&text, &issuer.keys(), &issuer.url, false).unwrap_err();
    assert!(error.is_expired(), "{error}");
}

#[test]
fn keys_outlive_a_run_and_only_their_owner_can_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let first = token(folder.path(), &[]);
    let key_id = |token: &str| token.split('.').next().unwrap().to_owned();
    assert_eq!(
        key_id(&first),
        key_id(&token(folder.path(), &[])),
        "the second token should be of the same key"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for (path, mode) in [("state", 0o700), ("state/issuer-keys.json", 0o600)] {
            let found = std::fs::metadata(folder.path().join(path)).unwrap();
            assert_eq!(
                found.permissions().mode() & 0o777,
                mode,
                "the mode of {path}"
            );
        }
    }
}

#[test]
fn processes_that_start_together_use_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let heads: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| token(folder.path(), &[])))
            .collect();
        running
            .into_iter()
            .map(|one| one.join().unwrap().split('.').next().unwrap().to_owned())
            .collect()
    });
    assert!(
        heads.iter().all(|head| *head == heads[0]),
        "all four tokens should name one key: {heads:?}"
    );
}

#[test]
fn damaged_keys_are_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    token(folder.path(), &[]);
    let path = folder.path().join("state/issuer-keys.json");
    for (damaged, reason) in [
        ("{}", "it has no EdDSA key"),
        ("not JSON at all", "it is not JSON"),
        ("{\"EdDSA\": \"c2VjcmV0\"}", "the EdDSA key is damaged"),
    ] {
        std::fs::write(&path, damaged).unwrap();
        let flags = [&["token"][..], &STATE].concat();
        fails(
            folder.path(),
            &flags,
            1,
            &["issuer-keys.json", "delete the file", reason],
        );
        let said = run(folder.path(), &flags).stderr;
        assert!(!said.contains("c2VjcmV0"), "the key was shown: {said}");
    }
}

#[test]
fn wrong_flags_are_refused_with_what_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, expected) in [
        (&["--alg", "HS256"][..], "EdDSA, ES256"),
        (&["--ttl", "soon"], "a number with s, m, h or d"),
        (&["--claim", "role"], "KEY=VALUE"),
    ] {
        fails(folder.path(), &[&["token"], flags].concat(), 2, &[expected]);
    }
}
