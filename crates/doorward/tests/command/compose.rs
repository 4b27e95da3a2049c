//! `doorward compose`, with components that are no more than their interfaces. What is made of real ones is served in
//! runtime-tests.

use std::fmt::Write as _;
use std::path::Path;

use doorward_host::embed::{self, Room};
use doorward_host::names::{exports, imports};
use doorward_syntax::embedded::{Contents, MARK};

use crate::run::run;

const HANDLER: &str = "wasi:http/handler@0.3.0";

/// A component that imports and exports these. With a `place`, it can have files embedded, as the gate can.
fn component(imported: &[&str], exported: &[&str], place: bool) -> Vec<u8> {
    wat::parse_str(component_text(imported, exported, place)).unwrap()
}

/// A gate that can be prepared.
fn prepared_gate(imported: &[&str]) -> Vec<u8> {
    let text = component_text(imported, &[HANDLER], true);
    let prepare = r#"(alias core export $i "memory" (core memory $memory))
        (func (export "prepare") (result (result (error string)))
            (canon lift (core func $i "prepare") (memory $memory))))"#;
    let text = text
        .replace("(memory 1)", r#"(memory (export "memory") 1)"#)
        .replace(
            r#"(func (export "call"))"#,
            r#"(func (export "call")) (func (export "prepare") (result i32) (i32.const 0))"#,
        );
    let end = text.strip_suffix(')').unwrap();
    wat::parse_str(format!("{end}{prepare}")).unwrap()
}

fn component_text(imported: &[&str], exported: &[&str], place: bool) -> String {
    let mut text = String::from("(component\n");
    for name in imported {
        writeln!(
            text,
            r#"(import "{name}" (instance (export "call" (func))))"#
        )
        .unwrap();
    }
    let mark: String = MARK.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let data = match place {
        true => format!(
            r#"(memory 1) (data (i32.const 16) "{}{mark}")"#,
            "\\00".repeat(8)
        ),
        false => String::new(),
    };
    writeln!(
        text,
        r#"(core module $m {data} (func (export "call")))
        (core instance $i (instantiate $m))
        (func $call (canon lift (core func $i "call")))
        (instance $made (export "call" (func $call)))"#
    )
    .unwrap();
    for name in exported {
        writeln!(text, r#"(export "{name}" (instance $made))"#).unwrap();
    }
    text + ")"
}

const VARIABLES: &str = "spin:variables/variables@3.0.0";
const STORES: &str = "spin:key-value/key-value@3.0.0";

const POLICY: &str = r#"
[issuer.acme]
url = "https://login.acme.example"
audience = "https://api.acme.example"

[[route]]
path = "/api/**"
scope = ["read"]
"#;

/// A folder with a gate, an application and adapters.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).unwrap();
    let gate = component(&[HANDLER, VARIABLES, STORES], &[HANDLER], true);
    write("gate.wasm", gate);
    write(
        "app.wasm",
        component(&["wasi:cli/environment@0.2.6"], &[HANDLER], false),
    );
    let environment = ["wasi:cli/environment@0.2.6"];
    for (name, imported, exported) in [
        ("adapter_variables_environment", &environment[..], VARIABLES),
        (
            "adapter_variables_config",
            &["wasi:config/store@0.2.0-rc.1"],
            VARIABLES,
        ),
        (
            "adapter_store_keyvalue",
            &["wasi:keyvalue/store@0.2.0-draft"],
            STORES,
        ),
        ("adapter_store_none", &[], STORES),
    ] {
        write(
            &format!("{name}.wasm"),
            component(imported, &[exported], false),
        );
    }
    write("doorward.toml", POLICY.into());
    folder
}

/// What the command says where it fails.
fn fails(folder: &Path, arguments: &[&str]) -> String {
    let ran = run(folder, arguments);
    assert_ne!(ran.status, 0, "{arguments:?}: {}", ran.stdout);
    ran.stderr
}

const FILES: [&str; 8] = [
    "compose",
    "app.wasm",
    "--gate",
    "gate.wasm",
    "--adapters",
    ".",
    "--output",
    "out.wasm",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&FILES[..], more].concat()
}

fn sorted(folder: &Path) -> Vec<String> {
    let bytes = std::fs::read(folder.join("out.wasm")).unwrap();
    assert_eq!(exports(&bytes).unwrap(), [HANDLER]);
    let mut names = imports(&bytes).unwrap();
    names.sort();
    names
}

#[test]
fn each_host_has_the_imports_that_it_offers() {
    for (host, expected, command) in [
        (
            &[][..],
            &[STORES, VARIABLES, "wasi:cli/environment@0.2.6"][..],
            "",
        ),
        (
            &["--for", "wasmtime"],
            &["wasi:cli/environment@0.2.6"],
            "wasmtime serve -S cli=y --addr 127.0.0.1:8080 out.wasm",
        ),
        (
            &["--for", "wasmtime", "--store", "keyvalue"],
            &[
                "wasi:cli/environment@0.2.6",
                "wasi:keyvalue/store@0.2.0-draft",
            ],
            "wasmtime serve -S cli=y -S keyvalue=y --addr",
        ),
        (
            &["--for", "wasmcloud"],
            &[
                "wasi:cli/environment@0.2.6",
                "wasi:config/store@0.2.0-rc.1",
                "wasi:keyvalue/store@0.2.0-draft",
            ],
            "",
        ),
        (
            &["--for", "wasmcloud", "--store", "none"],
            &["wasi:cli/environment@0.2.6", "wasi:config/store@0.2.0-rc.1"],
            "",
        ),
    ] {
        let folder = folder();
        let ran = run(
            folder.path(),
            &with(&[&["--policy", "doorward.toml"], host].concat()),
        );
        assert_eq!(ran.status, 0, "{host:?}: {}", ran.stderr);
        assert_eq!(sorted(folder.path()), expected, "{host:?}");
        assert!(ran.stdout.contains(command), "{host:?}: {}", ran.stdout);
    }
}

#[test]
fn the_gateway_needs_no_gate_before_it() {
    let folder = folder();
    let gateway = component(&[VARIABLES], &[HANDLER], true);
    std::fs::write(folder.path().join("gateway.wasm"), gateway).unwrap();
    let arguments = [
        "compose",
        "gateway.wasm",
        "--policy",
        "doorward.toml",
        "-o",
        "out.wasm",
    ];
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let bytes = std::fs::read(folder.path().join("out.wasm")).unwrap();
    assert_eq!(embed::room(&bytes).unwrap(), Room::Taken);
    let policy = ("/doorward.toml", POLICY.as_bytes());
    let contents = Contents {
        nameless_clients: false,
        files: vec![policy],
    };
    let written = contents.write().unwrap();
    assert!(bytes.ends_with(&written) || bytes.windows(written.len()).any(|part| part == written));
}

#[test]
fn a_prepared_gate_is_composed_as_any_other_and_once() {
    let folder = folder();
    let prepares = ["--policy", "doorward.toml", "--preinitialise"];
    let error = fails(folder.path(), &with(&prepares));
    assert!(error.contains("component `gate`"), "{error}");
    assert!(error.contains("does not export `prepare`"), "{error}");
    let gate = prepared_gate(&[HANDLER, VARIABLES]);
    std::fs::write(folder.path().join("gate.wasm"), gate).unwrap();
    let ran = run(folder.path(), &with(&prepares));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let expected = [VARIABLES, "wasi:cli/environment@0.2.6"];
    assert_eq!(sorted(folder.path()), expected);
    let error = fails(folder.path(), &with(&["--preinitialise"]));
    assert!(error.contains("--policy"), "{error}");
    let gateway = prepared_gate(&[VARIABLES]);
    std::fs::write(folder.path().join("gateway.wasm"), gateway).unwrap();
    let alone = |from| [&["compose", from, "-o", "once.wasm"], &prepares[..]].concat();
    let ran = run(folder.path(), &alone("gateway.wasm"));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let error = fails(folder.path(), &alone("once.wasm"));
    assert!(error.contains("has a policy already"), "{error}");
}

#[test]
fn what_the_policy_names_is_embedded_with_it_or_said() {
    let folder = folder();
    let keyed = POLICY.replace("audience", "jwks_file = \"/keys.json\"\naudience");
    std::fs::write(folder.path().join("doorward.toml"), keyed).unwrap();
    std::fs::write(folder.path().join("keys.json"), "{\"keys\":[]}").unwrap();
    let ran = run(folder.path(), &with(&["--policy", "doorward.toml"]));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("names /keys.json, which is not embedded"),
        "{}",
        ran.stderr
    );
    let file = [
        "--policy",
        "doorward.toml",
        "--file",
        "/keys.json=keys.json",
    ];
    let ran = run(folder.path(), &with(&file));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let bytes = std::fs::read(folder.path().join("out.wasm")).unwrap();
    assert!(bytes.windows(11).any(|part| part == b"{\"keys\":[]}"));
    for (file, says) in [
        ("/other.json=keys.json", "names no file /other.json"),
        ("/keys.json=absent.json", "absent.json cannot be read"),
        ("keys.json", "PATH=FILE"),
        ("keys.json=keys.json", "no absolute path"),
        ("/doorward.toml=keys.json", "named with `--policy`"),
    ] {
        let error = fails(
            folder.path(),
            &with(&["--policy", "doorward.toml", "--file", file]),
        );
        assert!(error.contains(says), "{file}: {error}");
    }
}

#[test]
fn what_a_host_does_not_say_or_keep_is_told_where_the_policy_needs_it() {
    let limits = "[rate_limit.each]\nrequests = 1\nper_s = 1\nkey = \"client\"\n\
                  [rate_limit.all]\nrequests = 1\nper_s = 1\nkey = \"subject\"\nshared = true\n\
                  [defaults]\nrate_limit = [\"each\", \"all\"]\n";
    for (more, host, says) in [
        (
            limits,
            "wasmtime",
            "the limit `each` counts all clients as one",
        ),
        (
            limits,
            "wasmtime",
            "the policy has shared limits, and there is no store",
        ),
        (
            "[revocation]\n",
            "wasmtime",
            "the policy has `[revocation]`, and there is no store",
        ),
        (
            "[proxy]\ntrusted_hops = 1\n",
            "wasmcloud",
            "the policy trusts every peer",
        ),
        (
            "[proxy]\ntrusted_hops = 1\ntrusted_networks = [\"10.0.0.0/8\"]\n",
            "wasmcloud",
            "nobody is in the `trusted_networks`",
        ),
    ] {
        let folder = folder();
        std::fs::write(
            folder.path().join("doorward.toml"),
            format!("{POLICY}{more}"),
        )
        .unwrap();
        let policy = ["--policy", "doorward.toml"];
        let ran = run(
            folder.path(),
            &with(&[&policy[..], &["--for", host]].concat()),
        );
        assert_eq!(ran.status, 0, "{more}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
        let spin = run(folder.path(), &with(&policy));
        assert!(
            !spin.stderr.contains("note:"),
            "Spin has both: {}",
            spin.stderr
        );
    }
}

#[test]
fn what_cannot_be_made_one_is_refused_and_nothing_is_written() {
    let database = component(&["spin:sqlite/sqlite@3.1.0"], &[HANDLER], false);
    let older = component(&[], &["wasi:http/incoming-handler@0.2.6"], false);
    let none = component(&[], &["test:other/other@1.0.0"], false);
    let gateless = component(&[HANDLER], &[HANDLER], false);
    let gate = component(&[HANDLER], &[HANDLER], true);
    let contents = Contents {
        nameless_clients: true,
        files: Vec::new(),
    };
    let composed = embed::embed(&gate, &contents).unwrap();
    let wrong = POLICY.replace("scope", "scopes").into_bytes();
    for (name, bytes, more, says) in [
        (
            "app.wasm",
            database,
            &["--for", "wasmtime"][..],
            "`app` imports `spin:sqlite/sqlite@3.1.0`, which wasmtime does not offer",
        ),
        (
            "app.wasm",
            older,
            &[],
            "exports `wasi:http/incoming-handler@0.2.6` and not",
        ),
        ("app.wasm", none, &[], "`app` answers no requests"),
        ("app.wasm", b"text".to_vec(), &[], "app.wasm cannot be read"),
        ("gate.wasm", gateless, &[], "there is no gate in gate → app"),
        ("gate.wasm", composed, &[], "has a policy already"),
        (
            "doorward.toml",
            wrong,
            &["--policy", "doorward.toml"],
            "did you mean `scope`",
        ),
        (
            "adapter_store_none.wasm",
            b"text".to_vec(),
            &["--for", "wasmtime"],
            "adapter `adapter-store-none` cannot be read",
        ),
    ] {
        let folder = folder();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let error = fails(folder.path(), &with(more));
        assert!(error.contains(says), "{says}: {error}");
        assert!(!folder.path().join("out.wasm").exists(), "{says}");
    }
    let folder = folder();
    for (file, more, says) in [
        (
            "app.wasm",
            &[][..],
            "the application app.wasm cannot be read",
        ),
        (
            "gate.wasm",
            &[],
            "-p gate`), or name one with `--gate FILE`",
        ),
        (
            "adapter_variables_environment.wasm",
            &["--for", "wasmtime"],
            "-p adapter-variables-environment`)",
        ),
        (
            "doorward.toml",
            &["--policy", "doorward.toml"],
            "doorward.toml cannot be read",
        ),
    ] {
        let path = folder.path().join(file);
        let kept = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let error = fails(folder.path(), &with(more));
        assert!(error.contains(says), "{says}: {error}");
        std::fs::write(path, kept).unwrap();
    }
}

const MANIFEST: &str = r#"
spin_manifest_version = 2

[application]
name = "test"

[[trigger.http]]
route = "/..."
component = "app"
dependencies.middleware = [{ component = "gate", inherit_configuration = ["files", "key_value_stores", "variables"] }]

[component.app]
source = "app.wasm"
files = [{ source = "doorward.toml", destination = "/doorward.toml" }]

[component.gate]
source = "gate.wasm"
"#;

fn manifest(folder: &Path, changes: &[(&str, &str)]) {
    let text = changes
        .iter()
        .fold(MANIFEST.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
    std::fs::write(folder.join("spin.toml"), text).unwrap();
}

#[test]
fn a_component_of_a_manifest_is_made_one_with_its_middlewares() {
    let folder = folder();
    manifest(folder.path(), &[]);
    let arguments = [
        "compose",
        "--component",
        "app",
        "--policy",
        "doorward.toml",
        "-o",
        "out.wasm",
    ];
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(
        sorted(folder.path()),
        [STORES, VARIABLES, "wasi:cli/environment@0.2.6"]
    );
}

#[test]
fn what_a_manifest_has_otherwise_is_refused() {
    let inherited = r#"inherit_configuration = ["files", "key_value_stores", "variables"]"#;
    let variables = "[variables]\ncolour = { default = \"green\" }\n\n[component.app.variables]\n\
                     colour = \"{{ colour }}\"\n\n[component.gate]";
    let second = "[[trigger.http]]\nroute = \"/other\"\ncomponent = \"app\"\n\
                  dependencies.middleware = [{ component = \"gate\" }]\n\n[component.app]";
    let one = ["--component", "app", "--policy", "doorward.toml"];
    for (changes, more, says) in [
        (
            &[
                (inherited, "inherit_configuration = [\"files\"]"),
                ("[component.gate]", variables),
            ][..],
            &one[..],
            "imports `spin:variables/variables@3.0.0` and does not inherit `variables`, which `app` has",
        ),
        (
            &[("[component.app]", second)],
            &one,
            "have different middlewares",
        ),
        (
            &[],
            &["--component", "gate"],
            "no trigger has the component `gate`",
        ),
        (
            &[],
            &["--component", "absent"],
            "there is no component `absent`",
        ),
        (
            &[],
            &["--component", "app", "--policy", "other.toml"],
            "another file is embedded for that path",
        ),
        (
            &[],
            &["--for", "wasmtime"],
            "say which one is meant with `--component ID`",
        ),
    ] {
        let folder = folder();
        std::fs::write(folder.path().join("other.toml"), POLICY).unwrap();
        manifest(folder.path(), changes);
        let error = fails(
            folder.path(),
            &[&["compose", "-o", "out"][..], more].concat(),
        );
        assert!(error.contains(says), "{says}: {error}");
    }
    let folder = folder();
    let redis = "[[trigger.redis]]\nchannel = \"all\"\ncomponent = \"app\"\n\n[component.app]";
    manifest(folder.path(), &[("[component.app]", redis)]);
    let error = fails(folder.path(), &["compose", "-o", "made"]);
    assert!(error.contains("has triggers `redis`"), "{error}");
    manifest(folder.path(), &[]);
    let error = fails(folder.path(), &["compose", "-o", "."]);
    assert!(error.contains("which would be overwritten"), "{error}");
}

#[test]
fn a_whole_manifest_has_no_middlewares_any_more_and_all_that_it_needs() {
    let folder = folder();
    let private = "[[trigger.http]]\nroute = { private = true }\ncomponent = \"app\"\n\n\
                   [[component.app.tool.doorward.timer]]\ncron_expression = \"0 * * * * *\"\npath = \"/tick\"\n\n\
                   [component.app]\nkey_value_stores = [\"default\"]";
    manifest(folder.path(), &[("[component.app]", private)]);
    let ran = run(folder.path(), &["compose", "-o", "made"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let made = folder.path().join("made");
    let text = std::fs::read_to_string(made.join("spin.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let triggers = table["trigger"]["http"].as_array().unwrap();
    let of: Vec<_> = triggers
        .iter()
        .map(|one| one["component"].as_str().unwrap())
        .collect();
    // Who asks it past the gate asks it still.
    assert_eq!(of, ["app-gated", "app"]);
    assert!(!text.contains("middleware"), "{text}");
    let components = table["component"].as_table().unwrap();
    assert_eq!(components.keys().collect::<Vec<_>>(), ["app", "app-gated"]);
    for (id, has_timer) in [("app", true), ("app-gated", false)] {
        let component = &components[id];
        assert_eq!(
            component["source"].as_str(),
            Some(format!("{id}.wasm").as_str())
        );
        assert_eq!(component["key_value_stores"][0].as_str(), Some("default"));
        assert_eq!(component.get("tool").is_some(), has_timer, "{id}");
        let policy = made.join(format!("{id}.files/doorward.toml"));
        assert_eq!(std::fs::read_to_string(policy).unwrap(), POLICY);
        assert!(made.join(format!("{id}.wasm")).is_file());
    }
}
