//! The first policy: `doorward init`, and the schema of a policy.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::run::{Issuer, Ran, doorward, fails, run, succeeds};

const AUDIENCE: &str = "https://api.acme.example";

/// A server that says the same to whoever asks for a path, where `URL` stands for its own address, and 404 to others. It
/// ends with the test.
fn server(answers: &[(&'static str, &str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<(&'static str, String)> = answers
        .iter()
        .map(|(path, head, body)| {
            let (head, body) = (head.replace("URL", &url), body.replace("URL", &url));
            let length = body.len();
            (
                *path,
                format!(
                    "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                ),
            )
        })
        .collect();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            let mut piece = [0; 1024];
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => asked.extend_from_slice(&piece[..read]),
                }
            }
            let asked = String::from_utf8_lossy(&asked);
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let answer = answers.iter().find(|(known, _)| *known == path);
            let nothing =
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let answer = answer.map_or(nothing, |(_, answer)| answer.as_str());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

const OPENID: &str = "/.well-known/openid-configuration";

fn init(folder: &Path, issuer: &str, more: &[&str]) -> Ran {
    let arguments = [&["init", "--issuer", issuer, "--audience", AUDIENCE], more].concat();
    run(folder, &arguments)
}

#[test]
fn an_issuer_is_discovered_and_the_policy_passes_check_and_admits_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let ran = init(
        folder.path(),
        &issuer.url,
        &["--name", "dev", "--scope", "read"],
    );
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let policy = std::fs::read_to_string(folder.path().join("doorward.toml")).unwrap();
    for line in [
        "[issuer.dev]".to_owned(),
        format!("url = \"{}\"", issuer.url),
        format!("audience = \"{AUDIENCE}\""),
        "scope = \"read\"".to_owned(),
    ] {
        assert!(policy.lines().any(|one| one == line), "{line}: {policy}");
    }
    for said in [
        "6 keys for RS256, PS256, ES256, ES384, ES512, EdDSA".to_owned(),
        format!("allowed_outbound_hosts = [\"{}\"]", issuer.url),
        "dependencies.middleware = [{ component = \"gate\"".to_owned(),
        "files = [{ source = \"doorward.toml\", destination = \"/doorward.toml\" }]".to_owned(),
    ] {
        assert!(ran.stdout.contains(&said), "{said}: {}", ran.stdout);
    }
    let checked = succeeds(folder.path(), &["check"]);
    assert_eq!(checked.stdout, "doorward.toml is valid: 1 rule, 1 issuer\n");

    // What is to be pasted is a manifest that is served, once there is an application around it.
    let (_, lines) = ran.stdout.split_once("[[trigger.http]]").unwrap();
    let (lines, _) = lines.split_once("\nThen ").unwrap();
    let lines = lines.replace(
        "[component.yours]",
        "[component.yours]\nsource = \"yours.wasm\"",
    );
    let manifest =
        format!("spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]{lines}");
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    succeeds(folder.path(), &["check", "spin.toml"]);

    std::fs::write(folder.path().join("keys.json"), issuer.get("/jwks").body).unwrap();
    for (scope, expected) in [("read", 0), ("write", 1)] {
        let issued = [
            "token",
            "--iss",
            &issuer.url,
            "--state-dir",
            "state",
            "--aud",
            AUDIENCE,
            "--scope",
            scope,
        ];
        let token = succeeds(folder.path(), &issued).stdout;
        std::fs::write(folder.path().join("token"), token).unwrap();
        let asked = [
            "explain",
            "GET",
            "/a",
            "--token-file",
            "token",
            "--keys",
            "keys.json",
        ];
        let explained = run(folder.path(), &asked);
        assert_eq!(
            explained.status, expected,
            "{}{}",
            explained.stdout, explained.stderr
        );
    }
}

#[test]
fn what_is_there_is_not_overwritten_unless_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let path = folder.path().join("doorward.toml");
    std::fs::write(&path, "mine").unwrap();
    let ran = init(folder.path(), &issuer.url, &[]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("doorward.toml is there already"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    let ran = init(folder.path(), &issuer.url, &["--output", "other.toml"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    succeeds(folder.path(), &["check", "other.toml"]);
    let ran = init(folder.path(), &issuer.url, &["--force"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    succeeds(folder.path(), &["check"]);
}

#[test]
fn an_issuer_of_whom_nothing_is_found_is_told_with_every_address_that_was_asked() {
    let json = "200 OK\r\nContent-Type: application/json";
    let folder = tempfile::tempdir().unwrap();
    let nobody = server(&[]);
    let page = server(&[(OPENID, "200 OK\r\nContent-Type: text/html", "<html>")]);
    let other = server(&[(
        OPENID,
        json,
        r#"{"issuer":"https://other.example/","jwks_uri":"URL/jwks"}"#,
    )]);
    let without = server(&[(OPENID, json, r#"{"issuer":"URL"}"#)]);
    let elsewhere = server(&[(OPENID, "302 Found\r\nLocation: https://evil.example/", "")]);
    let plain = server(&[(
        OPENID,
        json,
        r#"{"issuer":"URL","jwks_uri":"http://keys.example/jwks"}"#,
    )]);
    let large = server(&[(
        OPENID,
        json,
        &format!("{{\"a\":\"{}\"}}", "a".repeat(600_000)),
    )]);
    let coded = server(&[(OPENID, "200 OK\r\nContent-Encoding: gzip", "x")]);
    let no_keys = server(&[
        (OPENID, json, r#"{"issuer":"URL","jwks_uri":"URL/jwks"}"#),
        ("/jwks", json, r#"{"keys":[]}"#),
    ]);
    let keys_gone = server(&[(OPENID, json, r#"{"issuer":"URL","jwks_uri":"URL/jwks"}"#)]);
    // Nobody listens there any more.
    let gone = format!(
        "http://{}",
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    );
    let deep = format!("{nobody}/realms/a");
    for (issuer, more, says) in [
        (
            nobody.as_str(),
            &[][..],
            &[
                OPENID,
                "/.well-known/oauth-authorization-server",
                "status 404",
                "jwks_url",
            ][..],
        ),
        (
            &deep,
            &["--claim", "azp=shop"],
            &[
                "/realms/a/.well-known/openid-configuration",
                "/.well-known/openid-configuration/realms/a",
            ],
        ),
        (&page, &[], &["the metadata"]),
        (
            &other,
            &[],
            &["https://other.example/", "--issuer https://other.example/"],
        ),
        (&without, &[], &["lacks `jwks_uri`"]),
        (&elsewhere, &[], &["redirect to another origin"]),
        (&plain, &[], &["`jwks_uri` is not https"]),
        (&large, &[], &["more than 524288 bytes"]),
        (&coded, &[], &["content coding"]),
        (&no_keys, &[], &["has no key at", "/jwks"]),
        (&keys_gone, &[], &["the issuer's keys at", "status 404"]),
        (&gone, &[], &["can it be reached from here"]),
    ] {
        let ran = init(folder.path(), issuer, more);
        assert_eq!(ran.status, 1, "{issuer}: {}", ran.stdout);
        for part in says {
            assert!(
                ran.stderr.contains(part),
                "{part:?} of {says:?}: {}",
                ran.stderr
            );
        }
        assert!(!folder.path().join("doorward.toml").exists(), "{issuer}");
    }
}

#[test]
fn what_is_given_wrongly_is_told_before_anything_is_asked_or_written() {
    let folder = tempfile::tempdir().unwrap();
    for (issuer, more, says) in [
        (
            "http://login.acme.example",
            &[][..],
            &["is not https", "insecure_http"][..],
        ),
        ("login.acme.example", &[], &["does not begin with https://"]),
        ("https://login.acme.example?a=b", &[], &["has a query"]),
        (
            "https://user:secret@login.acme.example",
            &[],
            &["has a user name or a password"],
        ),
        (
            "https://acme.okta.com",
            &[],
            &["/oauth2/NAME", "docs/providers.md#okta"],
        ),
        (
            "https://login.microsoftonline.com/common/v2.0",
            &[],
            &["TENANT", "docs/providers.md#entra-id"],
        ),
        (
            "https://token.actions.githubusercontent.com",
            &[],
            &[
                "any repository in the world",
                "--claim repository_owner_id=VALUE",
            ],
        ),
        (
            "https://login.acme.example/realms/acme",
            &[],
            &["--claim azp=VALUE or --claim realm_access.roles=VALUE"],
        ),
    ] {
        let ran = init(folder.path(), issuer, more);
        assert_eq!(ran.status, 1, "{issuer}: {}", ran.stdout);
        for part in says {
            assert!(ran.stderr.contains(part), "{part:?}: {}", ran.stderr);
        }
    }
    fails(
        folder.path(),
        &["init"],
        1,
        &["`--issuer URL` is missing", "no terminal"],
    );
    let no_audience = ["init", "--issuer", "https://login.acme.example"];
    fails(
        folder.path(),
        &no_audience,
        1,
        &["`--audience TEXT` is missing"],
    );
    fails(
        folder.path(),
        &["init", "--issuer", ""],
        2,
        &["it must not be empty"],
    );
    let no_roots = [
        "init",
        "--issuer",
        "https://127.0.0.1:1",
        "--audience",
        "a",
        "--ca-file",
        "none.pem",
    ];
    fails(folder.path(), &no_roots, 1, &["--ca-file", "none.pem"]);

    let issuer = Issuer::start(folder.path());
    let ran = init(
        folder.path(),
        &issuer.url,
        &["--output", "missing/doorward.toml"],
    );
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr
            .contains("missing/doorward.toml cannot be written"),
        "{}",
        ran.stderr
    );
    let ran = init(folder.path(), &issuer.url, &["--name", "no name"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("nothing was written") && ran.stderr.contains("`no name`"),
        "{}",
        ran.stderr
    );
    let ran = init(folder.path(), &issuer.url, &["--client-id", "gate"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.contains("no `introspection_endpoint`"),
        "{}",
        ran.stderr
    );
    assert!(!folder.path().join("doorward.toml").exists());
}

#[test]
fn opaque_tokens_take_a_secret_and_keys_elsewhere_another_host() {
    let json = "200 OK\r\nContent-Type: application/json";
    let folder = tempfile::tempdir().unwrap();
    let development = Issuer::start(folder.path());
    let metadata = format!(
        r#"{{"issuer":"URL","jwks_uri":"{}/jwks","introspection_endpoint":"URL/introspect"}}"#,
        development.url
    );
    // Found at the second address only.
    let issuer = server(&[("/.well-known/oauth-authorization-server", json, &metadata)]);
    let ran = init(
        folder.path(),
        &issuer,
        &["--name", "acme", "--client-id", "gate"],
    );
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for said in [
        format!(
            "allowed_outbound_hosts = [\"{issuer}\", \"{}\"]",
            development.url
        ),
        "variables = { acme_client_secret = \"{{ acme_client_secret }}\" }".to_owned(),
        "acme_client_secret = { required = true, secret = true }".to_owned(),
        "SPIN_VARIABLE_ACME_CLIENT_SECRET".to_owned(),
    ] {
        assert!(ran.stdout.contains(&said), "{said}: {}", ran.stdout);
    }
    succeeds(folder.path(), &["check"]);
    let policy = std::fs::read_to_string(folder.path().join("doorward.toml")).unwrap();
    assert!(
        policy.contains(
            "[issuer.acme.introspection]\nclient_id = \"gate\"\nsecret = \"acme_client_secret\"\n"
        ),
        "{policy}"
    );
}

#[test]
fn the_schema_that_is_printed_is_the_one_that_editors_read() {
    let folder = tempfile::tempdir().unwrap();
    // It is more than a pipe holds, so it is read while the command runs.
    let ran = doorward(folder.path()).arg("schema").output().unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let committed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/doorward.schema.json"
    );
    assert!(
        printed == std::fs::read_to_string(committed).unwrap(),
        "docs/doorward.schema.json is another one"
    );
}
