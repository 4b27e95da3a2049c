//! `doorward bundle`: a key, a policy that is signed with it, and what is said of that.

use crate::run::{fails, run};
use doorward_token::bundle::{Bundle, BundleExpectations, BundleKeys};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const POLICY: &str = "[[route]]\npath = \"/\"\npublic = true\n";

/// A folder with a policy and a key, and the public key.
fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), POLICY).unwrap();
    let ran = run(folder.path(), &["bundle", "key", "key.pem"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    (folder, ran.stdout.trim().to_owned())
}

const SIGN: [&str; 8] = [
    "bundle",
    "sign",
    "--key",
    "key.pem",
    "--application",
    "shop",
    "--sequence",
    "42",
];

fn sign(folder: &Path, more: &[&str]) -> crate::run::Ran {
    run(folder, &[&SIGN, more].concat())
}

fn now() -> doorward_token::UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    doorward_token::UnixTime(since.as_secs())
}

#[test]
fn what_is_signed_is_what_a_gate_opens() {
    let (folder, public) = folder();
    let ran = sign(folder.path(), &["--expires", "7d"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for expected in ["shop", "number 42", "7 d", &public] {
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
    let keys = BundleKeys::new(&[&public]).unwrap();
    let expect = BundleExpectations {
        keys: &keys,
        application: "shop",
        minimum: 42,
    };
    let opened = Bundle::open(ran.stdout.as_bytes(), &expect, now()).unwrap();
    assert_eq!(opened.policy(), POLICY);
    assert_eq!(opened.identity().sequence, 42);
    let lives_s = opened.expires_at().seconds_since(opened.issued_at());
    assert_eq!(lives_s, 7 * 24 * 3600);

    // The same into a file, which whoever serves it may read.
    let ran = sign(folder.path(), &["--expires", "7d", "--output", "shop.jws"]);
    assert_eq!((ran.status, &*ran.stdout), (0, ""), "{}", ran.stderr);
    let file = folder.path().join("shop.jws");
    let written = std::fs::read(&file).unwrap();
    assert!(Bundle::open(&written, &expect, now()).is_ok());
    #[cfg(unix)]
    assert_eq!(mode(&file), 0o644);
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_is_for_its_owner_alone_and_never_written_over() {
    let (folder, public) = folder();
    let file = folder.path().join("key.pem");
    #[cfg(unix)]
    assert_eq!(mode(&file), 0o600);
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(before.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let expected = ["key.pem is there already", "--public"];
    fails(folder.path(), &["bundle", "key", "key.pem"], 1, &expected);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    let ran = run(folder.path(), &["bundle", "key", "key.pem", "--public"]);
    assert_eq!((ran.status, ran.stdout.trim()), (0, &*public));
    // As OpenSSL writes it (RFC 8410 §10.3): the public key is that of the RFC.
    let of_rfc = "-----BEGIN PRIVATE KEY-----\n\
                  MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                  -----END PRIVATE KEY-----\n";
    std::fs::write(folder.path().join("rfc.pem"), of_rfc).unwrap();
    let ran = run(folder.path(), &["bundle", "key", "rfc.pem", "--public"]);
    assert_eq!(ran.stdout, "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE\n");
}

#[test]
fn what_no_gate_would_use_is_not_signed() {
    let (folder, _) = folder();
    let path = folder.path();
    std::fs::write(path.join("wrong.toml"), POLICY.replace("public", "pubic")).unwrap();
    std::fs::write(path.join("bootstrap.toml"), bootstrap("x")).unwrap();
    std::fs::write(path.join("no.pem"), "-----BEGIN PUBLIC KEY-----\n").unwrap();
    std::fs::write(
        path.join("long.toml"),
        format!("{POLICY}{}", "# a comment\n".repeat(40_000)),
    )
    .unwrap();
    for (changes, says) in [
        (
            &["--expires", "7d", "wrong.toml"][..],
            "no gate would use it",
        ),
        (
            &["--expires", "7d", "bootstrap.toml"],
            "has to be the policy itself",
        ),
        (
            &["--expires", "7d", "nowhere.toml"],
            "nowhere.toml cannot be read",
        ),
        (&["--expires", "7d", "long.toml"], "more than 524288"),
        (&["--expires", "2000-01-01T00:00:00Z"], "has passed"),
        (&["--expires", "401d"], "400 d at most"),
    ] {
        fails(path, &[&SIGN, changes].concat(), 1, &[says]);
    }
    let with = |place: usize, value: &'static str| {
        let mut arguments = SIGN.to_vec();
        arguments[place] = value;
        arguments.extend(["--expires", "7d"]);
        arguments
    };
    fails(path, &with(3, "no.pem"), 1, &["no private key in PEM"]);
    fails(
        path,
        &with(3, "none.pem"),
        1,
        &["none.pem cannot be read", "bundle key"],
    );
    fails(path, &with(5, "my shop"), 2, &["letters, digits"]);
    fails(path, &with(7, "0"), 2, &["1..=9007199254740991"]);
    fails(path, &SIGN, 2, &["--expires"]);
}

fn bootstrap(key: &str) -> String {
    format!(
        "[bundle]\nurl = \"https://policies.example/shop.jws\"\napplication = \"shop\"\nkeys = \"{key}\"\n"
    )
}

#[test]
fn what_is_signed_is_shown_as_a_gate_sees_it() {
    let (folder, public) = folder();
    let path = folder.path();
    let ran = sign(path, &["--expires", "7d", "-o", "shop.jws"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    std::fs::write(path.join("bootstrap.toml"), bootstrap(&public)).unwrap();
    let show = ["bundle", "show", "shop.jws"];
    let by_file = [&show[..], &["--bootstrap", "bootstrap.toml"]].concat();
    let by_key = [&show[..], &["--key", &public, "--application", "shop"]].concat();
    for arguments in [&by_file, &by_key] {
        let ran = run(path, arguments);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        for line in [
            "application  shop\n",
            "sequence     42\n",
            "policy       1 rule, 0 issuers\n",
        ] {
            assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
        }
    }
    let ran = run(path, &[&by_file[..], &["--text"]].concat());
    assert_eq!(ran.stdout, POLICY);

    let other = bootstrap(&public).replace("shop\"", "other\"");
    std::fs::write(path.join("other.toml"), other).unwrap();
    let older = format!("{}minimum = 43\n", bootstrap(&public));
    std::fs::write(path.join("older.toml"), older).unwrap();
    for (file, says) in [("other.toml", "(application)"), ("older.toml", "(minimum)")] {
        let arguments = [&show[..], &["--bootstrap", file]].concat();
        fails(path, &arguments, 1, &["would be refused", says]);
    }
    let wrong = [&show[..], &["--key", "x", "--application", "shop"]].concat();
    fails(path, &wrong, 1, &["`--key` number 1", "32 bytes"]);
    let text = std::fs::read_to_string(path.join("shop.jws")).unwrap();
    let changed = text.replacen(".e", ".f", 1);
    assert_ne!(text, changed);
    std::fs::write(path.join("shop.jws"), changed).unwrap();
    fails(path, &by_file, 1, &["(signature)"]);
    fails(path, &show, 2, &["--key"]);
}

#[test]
fn check_says_of_a_file_without_a_policy_where_that_is() {
    let (folder, public) = folder();
    let path = folder.path();
    std::fs::write(path.join("bootstrap.toml"), bootstrap(&public)).unwrap();
    let ran = run(path, &["check", "bootstrap.toml"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for expected in [
        "is valid",
        "policy of shop",
        "https://policies.example/shop.jws",
        "every 60 s",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
    let ran = run(path, &["check", "bootstrap.toml", "--format", "json"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("\"findings\": []"), "{}", ran.stdout);
    std::fs::write(path.join("wrong.toml"), bootstrap("short")).unwrap();
    let ran = run(path, &["check", "wrong.toml"]);
    assert_eq!(ran.status, 1);
    for expected in ["wrong.toml:4:8", "not the 32 bytes", "doorward bundle key"] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
}
