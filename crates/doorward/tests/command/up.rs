use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use crate::run::{doorward, fails};
use crate::serving::Serving;

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
        (&["--outbound-idle-timeout", "soon"], "a number with s"),
        (&["--outbound-connection-age", "old"], "a number with s"),
        (&["--outbound-h2c", "http://a"], "orders.internal:50051"),
        (&["--env", "NAME"], "KEY=VALUE"),
        (&["--variable", "@secrets.yaml"], ".json or .toml"),
        (&["--lisen", "127.0.0.1:1"], "'--listen'"),
    ] {
        fails(folder.path(), &[&["up"], flags].concat(), 2, &[expected]);
    }
}

/// Before anything is built.
#[test]
fn files_about_servers_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spin.toml"), MANIFEST).unwrap();
    std::fs::write(folder.path().join("key.pem"), "no certificate").unwrap();
    let runtime =
        "[[client_tls]]\ncomponent_ids = [\"main\"]\nhosts = [\"a\"]\nca_root_file = \"a\"\n";
    std::fs::write(folder.path().join("runtime.toml"), runtime).unwrap();
    let listen = ["up", "--build", "--listen", "127.0.0.1:0"];
    for (flags, parts) in [
        (
            ["--ca-file", "no.pem"],
            ["--ca-file", "no.pem cannot be read"],
        ),
        (["--ca-file", "key.pem"], ["key.pem", "BEGIN CERTIFICATE"]),
        (
            ["--runtime-config-file", "no.toml"],
            ["no.toml", "cannot be read"],
        ),
        (
            ["--runtime-config-file", "runtime.toml"],
            ["runtime.toml:4:1", "did you mean `ca_roots_file`?"],
        ),
    ] {
        fails(folder.path(), &[&listen[..], &flags].concat(), 1, &parts);
    }
    for (variable, file, parts) in [
        ("SSL_CERT_FILE", "no.pem", ["SSL_CERT_FILE", "no.pem"]),
        (
            "RUNTIME_CONFIG_FILE",
            "no.toml",
            ["no.toml", "cannot be read"],
        ),
    ] {
        let output = doorward(folder.path())
            .args(listen)
            .env(variable, file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in parts {
            assert!(said.contains(part), "expected {part:?} of {said}");
        }
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

/// The manifest of an application that mounts `doorward.toml` for its component.
fn mounted() -> String {
    let files = "files = [{ source = \"doorward.toml\", destination = \"/doorward.toml\" }]\n";
    format!("{MANIFEST}{files}")
}

#[test]
fn a_policy_that_check_refuses_is_not_served_and_the_findings_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spin.toml"), mounted()).unwrap();
    // Of each kind one: an error and a warning.
    let policy = "[issuer.local]\nurl = \"https://acme.example\"\naudience = \"x\"\n[[route]]\npath = \"/a\"\npublik = true\n";
    std::fs::write(folder.path().join("doorward.toml"), policy).unwrap();
    let checked = fails(folder.path(), &["check"], 1, &[]);
    assert!(checked.stdout.contains("error[unknown-key]"), "{checked:?}");
    let flags = ["up", "--build", "--listen", "127.0.0.1:0"];
    let refused = fails(
        folder.path(),
        &flags,
        1,
        &["nothing is served", "doorward.toml"],
    );
    let findings = checked.stdout.trim();
    assert!(
        refused.stderr.contains(findings),
        "the findings of check:\n{findings}\nand of up:\n{}",
        refused.stderr
    );
}

#[test]
fn what_check_warns_of_is_said_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spin.toml"), mounted()).unwrap();
    std::fs::write(
        folder.path().join("doorward.toml"),
        "[[route]]\npath = \"/**\"\npublic = true\n",
    )
    .unwrap();
    // It goes on: that the component is not built is found out later.
    let flags = ["up", "--listen", "127.0.0.1:0"];
    let expected = ["warning[public-rest]", "`main` has no file"];
    fails(folder.path(), &flags, 1, &expected);
}

#[test]
fn an_upstream_that_is_no_component_of_the_application_is_named_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!(
        "{MANIFEST}files = [{{ source = \"doorward.toml\", destination = \"/doorward.toml\" }}]\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"orders\"\n\
         [component.orders]\nsource = \"orders.wasm\"\n\
         [component.idle]\nsource = \"idle.wasm\"\n"
    );
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    let write = |url: &str| {
        let policy = format!(
            "[upstream.shop]\nurl = \"{url}\"\n\
             [[route]]\npath = \"/\"\npublic = true\nupstream = \"shop\"\n"
        );
        std::fs::write(folder.path().join("doorward.toml"), policy).unwrap();
    };
    let flags = ["up", "--listen", "127.0.0.1:0"];
    for (url, expected) in [
        ("http://order.spin.internal", "did you mean `orders`?"),
        (
            "http://payments.spin.internal",
            "no component `payments` with an HTTP trigger",
        ),
        (
            "http://idle.spin.internal",
            "component `idle` has no HTTP trigger",
        ),
    ] {
        write(url);
        let says = ["doorward.toml: the upstream `shop`", url, expected];
        fails(folder.path(), &flags, 1, &says);
    }
    // Those that are there can be asked; what is missing then is the file.
    for url in [
        "http://orders.spin.internal",
        "http://ORDERS.spin.internal/base",
    ] {
        write(url);
        fails(folder.path(), &flags, 1, &["has no file", "main.wasm"]);
    }
}

/// What Spin would do with a manifest and this command does not is said once, before it serves the rest.
#[test]
fn what_is_not_served_of_a_manifest_is_said_in_a_line_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
         [[trigger.http]]\nroute = \"/a\"\nstatic_response = { status_code = 404, body = \"first\" }\n\
         [[trigger.http]]\nroute = \"/a\"\nstatic_response = { status_code = 410, body = \"last\" }\n\
         [[trigger.redis]]\nchannel = \"orders\"\ncomponent = \"worker\"\n\
         [[trigger.cron]]\ncron_expression = \"0 * * * *\"\ncomponent = \"worker\"\n\
         [component.worker]\nsource = \"not-built.wasm\"\nsqlite_databases = [\"default\"]\n";
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    let mut serving = Serving(
        doorward(folder.path())
            .args(["up", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let stdout = serving.0.stdout.take().unwrap();
    let said = BufReader::new(stdout)
        .lines()
        .map(Result::unwrap)
        .find(|line| line.starts_with("Serving test"))
        .expect("it serves the HTTP triggers");
    let address = said
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://"))
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /a HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 410 ") && answer.ends_with("last"),
        "of two equal routes the last one counts: {answer}"
    );

    let mut stderr = serving.0.stderr.take().unwrap();
    drop(serving);
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let [triggers, routes] = lines.as_slice() else {
        panic!("two lines are expected:\n{said}");
    };
    for (line, parts) in [
        (
            triggers,
            &[
                "spin.toml: not served here",
                "trigger.cron (line 13)",
                "trigger.redis (line 10)",
            ][..],
        ),
        (routes, &["\"/a\"", "line 5", "never reached", "line 8"]),
    ] {
        for part in parts {
            assert!(line.contains(part), "expected {part:?} of {line}");
        }
    }
}

/// Nothing is served of a manifest whose download is not what it says.
#[test]
fn a_download_that_cannot_be_had_is_named_with_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let manifest = MANIFEST.replace(
        "\"main.wasm\"",
        &format!(
            "{{ url = \"http://{gone}/main.wasm?key=secret\", digest = \"sha256:{}\" }}",
            "0".repeat(64)
        ),
    );
    std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    let ran = fails(
        folder.path(),
        &["up", "--listen", "127.0.0.1:0"],
        1,
        &[
            "`main`",
            &format!("from http://{gone}/main.wasm:"),
            "refused",
        ],
    );
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}
