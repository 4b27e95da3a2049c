use std::net::TcpListener;

use crate::run::fails;

const MANIFEST: &str = r#"spin_manifest_version = 2
[application]
name = "test"
[[trigger.http]]
route = "/..."
component = "main"
[component.main]
source = "main.wasm"
"#;

#[test]
fn without_a_manifest_it_says_how_to_name_one() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [&[][..], &["up"]] {
        fails(
            folder.path(),
            flags,
            1,
            &["there is no spin.toml", "--from"],
        );
    }
    fails(
        folder.path(),
        &["up", "--from", "no.toml"],
        1,
        &["no.toml", "cannot be read"],
    );
}

#[test]
fn a_problem_of_the_manifest_is_shown_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(
        folder.path().join("spin.toml"),
        format!("{MANIFEST}sorce = 1\n"),
    )
    .unwrap();
    // The manifest is found from a folder below, too.
    fails(
        &inside,
        &["up"],
        1,
        &["spin.toml:9:1", "`sorce`", "did you mean `source`"],
    );
}

#[test]
fn a_component_that_is_not_built_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spin.toml"), MANIFEST).unwrap();
    let flags = ["up", "--listen", "127.0.0.1:0"];
    fails(
        folder.path(),
        &flags,
        1,
        &["`main` has no file", "main.wasm"],
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_the_flag_that_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spin.toml"), MANIFEST).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // Before anything is built.
    let flags = ["up", "--build", "--listen", &address];
    fails(
        folder.path(),
        &flags,
        1,
        &[&address, "another program", "--listen 127.0.0.1:"],
    );
}

#[test]
fn wrong_flags_are_refused_with_what_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, expected) in [
        (&["--listen", "here"][..], "--listen"),
        (
            &["--max-instance-reuse-count", "1..8"],
            "a range is not served",
        ),
        (&["--max-instance-reuse-count", "0"], "at least 1"),
        (
            &["--idle-instance-timeout", "soon"],
            "a number with s, ms, us or ns",
        ),
        (&["--env", "NAME"], "KEY=VALUE"),
        (&["--variable", "@secrets.yaml"], ".json or .toml"),
        (&["--lisen", "127.0.0.1:1"], "'--listen'"),
    ] {
        fails(folder.path(), &[&["up"], flags].concat(), 2, &[expected]);
    }
}

#[test]
fn the_development_issuers_port_is_looked_at_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let build = "build.command = \"touch built\"\n";
    std::fs::write(
        folder.path().join("spin.toml"),
        format!("{MANIFEST}{build}"),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("doorward.toml"),
        format!(
            "[issuer.local]\nurl = \"http://{address}\"\naudience = \"x\"\n[[route]]\npath = \
             \"/me\"\nscope = [\"me\"]\n"
        ),
    )
    .unwrap();
    let flags = ["--listen", "127.0.0.1:0"];
    fails(
        folder.path(),
        &flags,
        1,
        &[&address, "`doorward up --build`"],
    );
    assert!(!folder.path().join("built").exists(), "the build was run");
}

#[test]
fn a_build_that_fails_is_named_with_its_command() {
    let folder = tempfile::tempdir().unwrap();
    let build = "build.command = \"echo no such thing >&2; exit 7\"\n";
    std::fs::write(
        folder.path().join("spin.toml"),
        format!("{MANIFEST}{build}"),
    )
    .unwrap();
    let flags = ["up", "--build", "--listen", "127.0.0.1:0"];
    let expected = [
        "no such thing",
        "building main failed",
        "exit 7",
        "exit status: 7",
    ];
    fails(folder.path(), &flags, 1, &expected);
}
