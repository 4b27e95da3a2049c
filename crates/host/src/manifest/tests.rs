#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod downloads;
mod forms;
mod timers;
mod triggers;

use super::*;

const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"test\"\n";
const TRIGGER: &str = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"main\"\n";
const COMPONENT: &str = "[component.main]\nsource = \"main.wasm\"\n";

fn parse(text: &str) -> Result<Application, ManifestError> {
    parse_text(text, Path::new("/app/spin.toml"))
}

fn accepted(text: &str) -> Application {
    match parse(text) {
        Ok(application) => application,
        Err(error) => panic!("the manifest was refused:\n{error}\n{text}"),
    }
}

fn refused(text: &str) -> String {
    match parse(text) {
        Ok(_) => panic!("the manifest was accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// Fails unless the error has all of these parts.
fn says(error: &str, expected: &[&str], what: &str) {
    for part in expected {
        assert!(
            error.contains(part),
            "expected {part:?} of\n{error}\nfor {what:?}"
        );
    }
}

/// A good manifest with `tail` at the end of its only component.
fn with(tail: &str) -> String {
    format!("{HEAD}{TRIGGER}{COMPONENT}{tail}\n")
}

#[test]
fn everything_that_the_host_serves_is_read() {
    let application = accepted(
        r#"
spin_manifest_version = 2

[application]
name = "shop"
version = "1.2.3"
description = "A shop"
authors = ["A. Author <a@example.org>"]
trigger.http = { base = "/v1" }
targets = ["spin-up:4.1"]
tool.x = { anything = 1 }

[variables]
host = { default = "example.org", description = "where" }
key = { required = true, secret = true }

[[trigger.http]]
id = "front"
route = "/cart/:id/..."
component = "cart"
executor = { type = "http" }
[trigger.http.dependencies]
middleware = [
    { component = "gate", inherit_configuration = ["files", "variables"] },
    { component = "log", inherit_configuration = false },
    { path = "extra.wasm", inherit_configuration = true },
]

[[trigger.http]]
route = { private = true }
component = { source = "inner.wasm", description = "inline" }

[component.cart]
source = "target/cart.wasm"
description = "the cart"
files = ["assets/*.png", { source = "policy.toml", destination = "/policy.toml" }]
exclude_files = ["assets/secret.png"]
environment = { MODE = "fast" }
key_value_stores = ["default", "my_store"]
allowed_outbound_hosts = ["https://{{ host }}", "http://127.0.0.1:3001"]
variables = { key = "{{ key }}" }
sqlite_databases = ["default", "my-data"]
dependencies_inherit_configuration = false
profile.debug.build.command = "cargo build"
[component.cart.build]
command = ["one", "two three"]
workdir = "cart"
watch = ["src/**/*.rs"]

[component.gate]
source = "gate.wasm"
build = { command = "cargo build -p gate" }

[component.log]
source = "log.wasm"
"#,
    );
    assert_eq!(application.name, "shop");
    assert_eq!(application.dir, Path::new("/app"));
    assert_eq!(application.triggers.len(), 2);

    let front = &application.triggers[0];
    let Route::Pattern(pattern) = &front.route else {
        panic!("the first route is {:?}", front.route);
    };
    assert_eq!(pattern.based(), "/v1/cart/:id/...");
    let middleware: Vec<_> = front
        .middleware
        .iter()
        .map(|one| (one.component.as_str(), one.inherit.len()))
        .collect();
    assert_eq!(
        middleware,
        [("gate", 2), ("log", 0), ("front: extra.wasm", 7)],
        "the middlewares with the number of sets that they inherit"
    );
    assert!(
        front.middleware[0]
            .inherit
            .contains(&ConfigurationSet::Files)
    );

    let inner = &application.triggers[1];
    assert_eq!(inner.route, Route::Private);
    assert_eq!(inner.component, "http-trigger1-component");
    assert_eq!(
        application.components[&inner.component].source,
        Path::new("/app/inner.wasm")
    );

    let cart = &application.components["cart"];
    assert_eq!(cart.source, Path::new("/app/target/cart.wasm"));
    assert_eq!(cart.environment["MODE"], "fast");
    let stores = cart.key_value_stores.iter();
    let stores: Vec<&str> = stores.map(|store| store.label.as_str()).collect();
    assert_eq!(stores, ["default", "my_store"]);
    let databases = cart.sqlite_databases.iter();
    let databases: Vec<_> = databases
        .map(|database| (database.label.as_str(), database.line))
        .collect();
    assert_eq!(databases, [("default", 42), ("my-data", 42)]);
    assert_eq!(cart.allowed_outbound_hosts[0], "https://{{ host }}");
    let build = cart.build.as_ref().unwrap();
    assert_eq!(build.command, ["one", "two three"]);
    assert_eq!(build.workdir.as_deref(), Some(Path::new("cart")));
    assert_eq!(
        application.components["gate"]
            .build
            .as_ref()
            .unwrap()
            .command,
        ["cargo build -p gate"]
    );
    assert!(application.variables["key"].secret);
}

/// Each case: what is appended to a good manifest, and what the error has to say.
#[test]
fn a_problem_is_named_with_its_place_and_the_nearest_name() {
    for (tail, expected) in [
        (
            "sourse = \"x\"",
            &[
                "spin.toml:9:1",
                "unknown key `sourse`",
                "[component.main]",
                "`source`",
            ][..],
        ),
        (
            "[component.main.bild]\ncommand = \"x\"",
            &["9:17", "`bild`", "did you mean `build`"],
        ),
        (
            "[component.main.build]\ncomand = \"x\"",
            &[
                "10:1",
                "`comand`",
                "did you mean `command`",
                "has no `command`",
            ],
        ),
        (
            "environment = { A = 1 }",
            &["9:21", "has to be a string, not an integer"],
        ),
        ("files = [1]", &["9:10", "a pattern or { source"]),
        (
            "files = [{ source = \"a\" }]",
            &["9:10", "has no `destination`"],
        ),
        (
            "key_value_stores = \"default\"",
            &["9:20", "has to be a list, not a string"],
        ),
        (
            "key_value_stores = [\"a b\"]",
            &["9:21", "not a store's label"],
        ),
        (
            "variables = { Bad = \"x\" }",
            &["9:15", "\"Bad\" is not a variable's name"],
        ),
        (
            "variables = { v = \"{{ nothing }}\" }",
            &["9:19", "declares no `nothing`"],
        ),
        (
            "allowed_outbound_hosts = [\"https://{{ h\"]",
            &["9:27", "no `}}`"],
        ),
        (
            "ai_models = [\"llama\"]",
            &["9:1", "`ai_models` grants models"],
        ),
        (
            "sqlite_databases = \"default\"",
            &["9:20", "has to be a list, not a string"],
        ),
        (
            "sqlite_databases = [\"a b\"]",
            &["9:21", "not a database's label"],
        ),
        (
            "dependencies = { \"a:b\" = \"1\" }",
            &["9:1", "`dependencies`"],
        ),
        (
            "allowed_http_hosts = [\"example.org\"]",
            &["9:1", "`allowed_outbound_hosts = ["],
        ),
        (
            "[component.other]\n",
            &["9:1", "[component.other] has no `source`"],
        ),
        (
            "[component.bad_id]\nsource = \"x.wasm\"",
            &["9:12", "not a component's id"],
        ),
        ("[variables]\nv = {}", &["10:1", "`v` needs either"]),
        (
            "[variables]\nv = { required = true, default = \"\" }",
            &["10:1", "not both"],
        ),
        (
            "[variables]\nv = { default = \"\", secrete = true }",
            &["10:21", "did you mean `secret`"],
        ),
        (
            "[trigger.redis]\n",
            &["9:1", "[[trigger.redis]] has to be a list"],
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"mian\"",
            &["11:13", "`mian`", "did you mean `main`"],
        ),
        (
            "[[trigger.http]]\ncomponent = \"main\"",
            &["9:1", "has no `route`"],
        ),
        (
            "[[trigger.http]]\nroute = \"/a/:\"\ncomponent = \"main\"",
            &["10:9", "needs a name"],
        ),
        (
            "[[trigger.http]]\nroute = { private = false }\ncomponent = \"main\"",
            &["10:9", "`{ private = true }`"],
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"main\"\nexecutor = { type = \"wagi\" }",
            &["12:12", "executor `wagi`"],
        ),
        (
            "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"main\"\nmiddleware = []",
            &["12:1", "unknown key `middleware`"],
        ),
        (
            "[extra]\n",
            &[
                "9:2",
                "unknown key `extra` in the manifest",
                "known here: application, component",
            ],
        ),
    ] {
        let text = format!("{HEAD}{TRIGGER}{COMPONENT}{tail}\n");
        let error = refused(&text);
        says(&error, expected, tail);
    }
}

#[test]
fn a_misspelt_set_in_inherit_configuration_is_an_error() {
    for (name, help) in [
        ("variable", "did you mean `variables`"),
        ("network", "the sets are: ai_models"),
    ] {
        let error = refused(&format!(
            "{HEAD}{TRIGGER}dependencies.middleware = [{{ component = \"gate\", \
             inherit_configuration = [\"{name}\"] }}]\n{COMPONENT}[component.gate]\nsource = \
             \"gate.wasm\"\n"
        ));
        for part in [&format!("no set `{name}`"), "Spin ignores", help] {
            assert!(error.contains(part), "expected {part:?} of\n{error}");
        }
    }
}

#[test]
fn a_middleware_has_to_exist_and_to_have_no_grants_of_its_own() {
    let with = |gate: &str| {
        format!(
            "{HEAD}{TRIGGER}dependencies.middleware = [{{ component = \"gate\" }}]\n{COMPONENT}{gate}"
        )
    };
    let error = refused(&with(""));
    assert!(error.contains("`[component.gate]`"), "{error}");

    let granted = "[component.gate]\nsource = \"g.wasm\"\nkey_value_stores = [\"default\"]\n";
    let error = refused(&with(granted));
    assert!(
        error.contains("grants of its own: key_value_stores"),
        "{error}"
    );

    accepted(&with("[component.gate]\nsource = \"g.wasm\"\n"));
}

#[test]
fn every_problem_is_listed_in_the_order_of_the_file() {
    let error = parse(&format!(
        "{HEAD}nmae = 1\n{TRIGGER}rout = 1\n{COMPONENT}x = 1\n"
    ))
    .unwrap_err();
    let lines: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| problem.line)
        .collect();
    assert_eq!(lines, [4, 8, 11]);
}

#[test]
fn another_version_is_refused_before_its_keys() {
    for text in [
        "spin_manifest_version = \"1\"\nname = \"old\"\n",
        "spin_manifest_version = 3\n",
        "name = \"x\"\n",
    ] {
        let error = refused(text);
        assert!(error.contains("`spin_manifest_version"), "{error}");
        assert!(!error.contains("unknown key"), "{error}");
    }
}

#[test]
fn what_is_not_toml_is_refused_at_its_place() {
    let error = refused("spin_manifest_version = 2\n[application\n");
    assert!(error.contains("spin.toml:2:"), "{error}");
    assert!(error.contains("not valid TOML"), "{error}");
}

#[test]
fn columns_count_characters_and_not_bytes() {
    let error = refused(&format!(
        "{HEAD}{TRIGGER}{COMPONENT}environment = {{ \"Ä\" = \"é\", B = 1 }}\n"
    ));
    assert!(error.contains("spin.toml:9:32"), "{error}");
}

#[test]
fn a_manifest_that_cannot_be_read_says_how_to_name_another_one() {
    let error = load(Path::new("/nowhere/spin.toml"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere/spin.toml"), "{error}");
    assert!(error.contains("--from"), "{error}");
}

mod files {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    /// A folder of its own for each test, under the folder that cargo keeps for tests.
    fn folder(name: &str) -> PathBuf {
        let dir =
            std::env::temp_dir().join(format!("doorward-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for (path, content) in [
            ("assets/a.png", "a"),
            ("assets/b.txt", "b"),
            ("assets/deep/c.png", "c"),
            ("policy.toml", "p"),
        ] {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    fn mounts(dir: &Path, files: &str) -> Result<Vec<String>, ManifestError> {
        let text = format!("{HEAD}{TRIGGER}{COMPONENT}{files}\n");
        let application = parse_text(&text, &dir.join("spin.toml")).unwrap();
        let mounts = application.components["main"].file_mounts()?;
        Ok(mounts
            .iter()
            .map(|mount| {
                let source = mount.source.strip_prefix(dir).unwrap();
                format!("{} = {}", mount.destination, source.display())
            })
            .collect())
    }

    #[test]
    fn files_folders_and_patterns_become_single_files() {
        let dir = folder("expand");
        for (files, expected) in [
            (
                "files = [\"policy.toml\"]",
                &["/policy.toml = policy.toml"][..],
            ),
            (
                "files = [\"assets\"]",
                &[
                    "/assets/a.png = assets/a.png",
                    "/assets/b.txt = assets/b.txt",
                    "/assets/deep/c.png = assets/deep/c.png",
                ],
            ),
            (
                "files = [\"assets/**/*.png\"]\nexclude_files = [\"assets/a.*\"]",
                &["/assets/deep/c.png = assets/deep/c.png"],
            ),
            (
                "files = [{ source = \"policy.toml\", destination = \"/etc/p.toml\" }]",
                &["/etc/p.toml = policy.toml"],
            ),
            (
                "files = [{ source = \"assets/deep\", destination = \"/\" }]",
                &["/c.png = assets/deep/c.png"],
            ),
        ] {
            assert_eq!(mounts(&dir, files).unwrap(), expected, "{files}");
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_cannot_be_mounted_is_named_with_its_line() {
        let dir = folder("refuse");
        for (files, expected) in [
            (
                "files = [\"missing.txt\"]",
                "does not exist and is not a pattern",
            ),
            ("files = [\"../outside\"]", "leads out"),
            ("files = [\".\"]", "without a name"),
            (
                "files = [{ source = \"no\", destination = \"/x\" }]",
                "\"no\" does not exist",
            ),
            (
                "files = [{ source = \"/etc/passwd\", destination = \"/x\" }]",
                "relative",
            ),
            (
                "files = [{ source = \"policy.toml\", destination = \"/\" }]",
                "no file name",
            ),
            (
                "files = [{ source = \"policy.toml\", destination = \"/../x\" }]",
                "holds `..`",
            ),
        ] {
            let error = mounts(&dir, files).unwrap_err().to_string();
            assert!(error.contains(expected), "{files}: {error}");
            assert!(error.contains("spin.toml:9:"), "{files}: {error}");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
