//! Checks of the repository itself: what its rooms may depend on, and that nothing was forgotten.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use doorward_tests::tree::{
    files, has_extension, in_folder, is_ours, packages, root, shown, text_of, toml_file,
};

/// Longest source file, in lines.
const FILE_LINES_MAX: usize = 600;

/// Which of our own crates each room may depend on. A → B means that A depends on B.
const ROOMS: &[(&str, &[&str])] = &[
    ("crates/syntax", &[]),
    ("crates/metrics", &[]),
    ("crates/retry", &[]),
    ("crates/curves", &[]),
    ("crates/modular", &[]),
    (
        "crates/token",
        &[
            "doorward-curves",
            "doorward-modular",
            "doorward-retry",
            "doorward-syntax",
        ],
    ),
    ("crates/traffic", &["doorward-retry", "doorward-syntax"]),
    (
        "crates/policy",
        &["doorward-syntax", "doorward-token", "doorward-traffic"],
    ),
    (
        "crates/gate",
        &[
            "doorward-metrics",
            "doorward-policy",
            "doorward-retry",
            "doorward-syntax",
            "doorward-token",
            "doorward-traffic",
        ],
    ),
    ("crates/heap", &[]),
    ("crates/service", &["doorward-syntax"]),
    ("crates/service-spin", &["doorward-service"]),
    (
        "crates/events",
        &["doorward-retry", "doorward-service", "doorward-syntax"],
    ),
    (
        "crates/users",
        &["doorward-retry", "doorward-service", "doorward-syntax"],
    ),
    (
        "crates/users-spin",
        &[
            "doorward-service",
            "doorward-service-spin",
            "doorward-users",
        ],
    ),
    ("crates/edge", &["doorward-gate", "doorward-heap"]),
    ("crates/toolchain", &[]),
    (
        "crates/host",
        &["doorward-metrics", "doorward-syntax", "doorward-toolchain"],
    ),
    (
        "crates/doorward",
        &[
            "doorward-events",
            "doorward-host",
            "doorward-policy",
            "doorward-syntax",
            "doorward-token",
            "doorward-toolchain",
            "doorward-traffic",
        ],
    ),
    (
        "tests",
        &[
            "doorward-events",
            "doorward-gate",
            "doorward-metrics",
            "doorward-policy",
            "doorward-syntax",
            "doorward-token",
            "doorward-traffic",
            "doorward-users",
        ],
    ),
    // The decision cases are data that is read by the library of the native tests. Statements for databases are tried
    // against them without a host in between.
    (
        "runtime-tests",
        &[
            "doorward-events",
            "doorward-host",
            "doorward-service",
            "doorward-tests",
            "doorward-toolchain",
        ],
    ),
];
const COMPONENT_MAY_USE: &[&str] = &[
    "doorward-edge",
    "doorward-events",
    "doorward-gate",
    "doorward-metrics",
    "doorward-retry",
    "doorward-service",
    "doorward-service-spin",
    "doorward-token",
    "doorward-users",
    "doorward-users-spin",
];

/// The rooms that run on WASI, and those that run on the machine with others' connections.
const GUESTS: &[&str] = &[
    "crates/edge",
    "crates/service-spin",
    "crates/users-spin",
    "components/",
    "runtime-tests/components/",
];
const HOSTS: &[&str] = &["crates/host", "crates/doorward", "runtime-tests"];

/// What only one kind of room may use of other people's crates, by how a name begins.
const RESERVED_CRATES: &[(&str, &[&str])] = &[
    ("spin-sdk", GUESTS),
    ("wasip3", GUESTS),
    ("wit-bindgen", GUESTS),
    ("wasmtime", &["crates/host"]),
    ("wac-graph", &["crates/host"]),
    ("tokio", HOSTS),
    ("hyper", HOSTS),
];

#[test]
fn every_room_depends_only_on_those_below_it() {
    for package in packages() {
        let allowed = match ROOMS.iter().find(|(room, _)| *room == package.room) {
            Some((_, allowed)) => *allowed,
            None if package.room.contains("components/") => COMPONENT_MAY_USE,
            None => panic!(
                "{}: a new room needs a place among the others",
                package.room
            ),
        };
        for dependency in package.dependencies.iter().filter(|name| is_ours(name)) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{} must not depend on {dependency}",
                package.room
            );
        }
    }
}

#[test]
fn only_the_rooms_at_the_edge_touch_wasi_wasmtime_and_the_network() {
    for package in packages() {
        for dependency in &package.dependencies {
            for (reserved, rooms) in RESERVED_CRATES {
                let is_reserved = dependency == reserved
                    || dependency
                        .strip_prefix(reserved)
                        .is_some_and(|rest| rest.starts_with('-'));
                let may = rooms.iter().any(|room| {
                    package.room == *room || (room.ends_with('/') && package.room.starts_with(room))
                });
                assert!(
                    !is_reserved || may,
                    "{} must not depend on {dependency}",
                    package.room
                );
            }
        }
    }
}

#[test]
fn every_crate_inherits_the_lints_of_the_workspace() {
    for package in packages() {
        let inherits = package
            .manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(
            inherits,
            Some(true),
            "{}: [lints] workspace = true",
            package.room
        );
        for key in ["edition", "rust-version"] {
            let value = package.manifest.get("package").and_then(|p| p.get(key));
            let inherited = value.and_then(|v| v.get("workspace")).is_some();
            assert!(inherited, "{}: {key}.workspace = true", package.room);
        }
    }
    let workspace = toml_file("Cargo.toml");
    let denied = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("lints"))
        .and_then(|lints| lints.get("clippy"))
        .unwrap();
    for lint in [
        "unwrap_used",
        "expect_used",
        "incompatible_msrv",
        "indexing_slicing",
        "panic",
        "allow_attributes",
    ] {
        let level = denied.get(lint).and_then(toml::Value::as_str);
        assert_eq!(level, Some("deny"), "the lint {lint} of the workspace");
    }
}

#[test]
fn overflows_and_assertions_of_ours_are_seen_while_it_is_tested() {
    let workspace = toml_file("Cargo.toml");
    let table = workspace.get("workspace").unwrap();
    let members = table.get("default-members").unwrap().as_array().unwrap();
    let ours: BTreeSet<_> = members.iter().filter_map(toml::Value::as_str).collect();
    let profile = workspace.get("profile").and_then(|p| p.get("dev")).unwrap();
    let mut seen = 0;
    for package in packages() {
        // The host is compiled as what it is made of.
        if !ours.contains(package.room.as_str()) || package.room == "crates/host" {
            continue;
        }
        let own = profile
            .get("package")
            .and_then(|packages| packages.get(&package.name));
        for key in ["debug-assertions", "overflow-checks"] {
            let set = own
                .and_then(|own| own.get(key))
                .and_then(toml::Value::as_bool);
            assert_eq!(
                set,
                Some(true),
                "Cargo.toml: [profile.dev.package.{}] needs {key} = true, for `profile.dev` is for \
                 what others wrote",
                package.name
            );
        }
        seen += 1;
    }
    assert!(seen + 1 == ours.len(), "{seen} of {ours:?}");
}

#[test]
fn what_rooms_without_a_host_may_not_use_is_banned_with_reasons() {
    for room in [
        "crates/curves",
        "crates/metrics",
        "crates/modular",
        "crates/retry",
        "crates/syntax",
        "crates/token",
        "crates/traffic",
        "crates/policy",
        "crates/gate",
        "crates/service",
        "crates/users",
    ] {
        let bans = toml_file(&format!("{room}/clippy.toml"));
        let mut banned = BTreeSet::new();
        for kind in ["disallowed-types", "disallowed-methods"] {
            for ban in bans.get(kind).and_then(toml::Value::as_array).unwrap() {
                let text = |key: &str| ban.get(key).and_then(toml::Value::as_str);
                let path = text("path").unwrap_or_else(|| panic!("{room}: {ban:?} has no path"));
                assert!(
                    text("reason").is_some_and(|reason| !reason.is_empty()),
                    "{room}: the ban of {path} has no reason"
                );
                banned.insert(path.to_owned());
            }
        }
        for path in [
            "std::time::SystemTime",
            "std::time::Instant",
            "std::env::var",
        ] {
            assert!(banned.contains(path), "{room}: {path} is not banned");
        }
        for what in ["std::fs::", "std::net::", "RandomState"] {
            assert!(
                banned.iter().any(|path| path.contains(what)),
                "{room}: nothing of {what} is banned"
            );
        }
    }
}

/// How the names of variants end: the same component for hosts that can do more. The runtime tests have them in theirs,
/// so that whoever runs the application builds each component once.
const VARIANT: &str = "-atomics";
/// How the names of what `doorward compose` puts into a component begin. No trigger has it.
const ADAPTER: &str = "adapter-";

#[test]
fn every_component_is_in_the_application_under_the_name_of_its_folder() {
    let components = |manifest: &str| {
        let application = toml_file(manifest);
        let components = application.get("component");
        let components = components.and_then(toml::Value::as_table).unwrap().clone();
        components
            .into_iter()
            .collect::<BTreeMap<String, toml::Value>>()
    };
    let tested = components("runtime-tests/spin.toml");
    let declared = components("spin.toml");
    let folders: BTreeSet<String> = packages()
        .iter()
        .filter_map(|package| package.room.strip_prefix("components/"))
        .filter(|name| match name.strip_suffix(VARIANT) {
            Some(of) => !(declared.contains_key(of) && tested.contains_key(*name)),
            None => !name.starts_with(ADAPTER),
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(
        declared.keys().cloned().collect::<BTreeSet<_>>(),
        folders,
        "the components of spin.toml and the folders of components/"
    );
    for (name, component) in &declared {
        let text = |table: &toml::Value, key: &str| {
            let value = table.get(key).and_then(toml::Value::as_str);
            value
                .unwrap_or_else(|| panic!("{name}: no {key}"))
                .to_owned()
        };
        let file = name.replace('-', "_");
        assert_eq!(
            text(component, "source"),
            format!("target/wasm32-wasip2/release/{file}.wasm"),
            "the source of {name}"
        );
        let build = component
            .get("build")
            .unwrap_or_else(|| panic!("{name}: no build"));
        let command = text(build, "command");
        assert!(
            command.ends_with(&format!(" -p {name}")),
            "{name} is built by {command:?}"
        );
        let package = toml_file(&format!("components/{name}/Cargo.toml"));
        assert_eq!(text(package.get("package").unwrap(), "name"), *name);
    }
}

#[test]
fn every_name_that_a_trigger_uses_is_a_component() {
    for manifest in ["spin.toml", "runtime-tests/spin.toml"] {
        let application = toml_file(manifest);
        let components = application
            .get("component")
            .and_then(toml::Value::as_table)
            .unwrap();
        let triggers = application
            .get("trigger")
            .and_then(|trigger| trigger.get("http"))
            .and_then(toml::Value::as_array)
            .unwrap();
        for trigger in triggers {
            let middleware = trigger
                .get("dependencies")
                .and_then(|dependencies| dependencies.get("middleware"))
                .and_then(toml::Value::as_array)
                .cloned()
                .unwrap_or_default();
            let named = middleware.iter().chain([trigger]);
            for name in named.filter_map(|table| table.get("component")?.as_str()) {
                assert!(
                    components.contains_key(name),
                    "{manifest}: there is no {name}"
                );
            }
        }
    }
}

#[test]
fn every_component_has_a_runtime_test_that_names_it() {
    let tests: String = files()
        .iter()
        .filter(|file| in_folder(file, "runtime-tests/tests") && has_extension(file, "rs"))
        .map(|file| text_of(file))
        .collect();
    for package in packages() {
        let Some(name) = package.room.strip_prefix("components/") else {
            continue;
        };
        let named = tests
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
            .any(|word| word == name);
        assert!(named, "no runtime test names the component {name}");
    }
}

#[test]
fn every_variable_that_a_service_reads_reaches_it() {
    let text = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let manifest = text("spin.toml");
    let settings = text("components/events/src/settings.rs");
    let names: Vec<_> = settings
        .split('"')
        .filter(|word| word.starts_with("events_"))
        .collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(
            manifest.contains(&format!("\n{name} = {{")),
            "{name} is declared"
        );
        assert!(
            manifest.contains(&format!("{name} = \"{{{{ {name} }}}}\"")),
            "{name} is given to the component"
        );
    }
}

#[test]
fn every_grant_says_why_it_is_granted() {
    const GRANTS: [&str; 6] = [
        "allowed_outbound_hosts",
        "environment",
        "files",
        "key_value_stores",
        "sqlite_databases",
        "variables",
    ];
    let text = text_of(&root().join("spin.toml"));
    let lines: Vec<&str> = text.lines().collect();
    for (before, line) in lines.iter().zip(lines.iter().skip(1)) {
        let key = line.split('=').next().unwrap_or_default().trim();
        if GRANTS.contains(&key) {
            assert!(
                before.trim_start().starts_with('#'),
                "spin.toml grants `{line}` and does not say why on the line before"
            );
        }
    }
}

#[test]
fn the_application_mounts_the_policy_and_reaches_its_issuers() {
    let policy = doorward_policy::Policy::parse(&text_of(&root().join("doorward.toml"))).unwrap();
    let application = toml_file("spin.toml");
    let behind_the_gate = application
        .get("trigger")
        .and_then(|trigger| trigger.get("http"))
        .and_then(toml::Value::as_array)
        .unwrap()
        .iter()
        .filter(|trigger| {
            let text = format!("{trigger:?}");
            text.contains("\"gate\"") || text.contains("\"gateway\"")
        })
        .filter_map(|trigger| trigger.get("component")?.as_str())
        .collect::<Vec<_>>();
    assert!(!behind_the_gate.is_empty(), "nothing is behind the gate");
    for name in behind_the_gate {
        let component = application
            .get("component")
            .and_then(|c| c.get(name))
            .unwrap();
        let granted = |key: &str| {
            component
                .get(key)
                .map(|value| format!("{value:?}"))
                .unwrap_or_default()
        };
        let files = granted("files");
        assert!(
            files.contains("\"doorward.toml\"") && files.contains("\"/doorward.toml\""),
            "{name} does not mount the policy: {files}"
        );
        for issuer in policy.issuers() {
            let hosts = granted("allowed_outbound_hosts");
            assert!(
                hosts.contains(&format!("\"{}\"", issuer.url)),
                "{name} may not reach the issuer {}: {hosts}",
                issuer.url
            );
        }
    }
}

#[test]
fn no_source_file_is_too_long_to_be_read_at_once() {
    let mut seen = 0;
    for file in files().iter().filter(|file| has_extension(file, "rs")) {
        let lines = text_of(file).lines().count();
        assert!(
            lines <= FILE_LINES_MAX,
            "{} has {lines} lines, more than {FILE_LINES_MAX}",
            shown(file)
        );
        seen += 1;
    }
    assert!(seen > 20, "only {seen} source files were found");
}

#[test]
fn nothing_names_a_place_on_somebodys_machine() {
    // Put together here, so that this file does not name one either.
    let homes: Vec<String> = ["root", "home", "Users"]
        .iter()
        .map(|name| format!("/{name}/"))
        .collect();
    let this_checkout = root().to_string_lossy().into_owned();
    for file in files() {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let home = homes.iter().any(|home| {
                line.match_indices(home.as_str()).any(|(at, _)| {
                    // What stands before it decides whether this is the start of a path.
                    let before = line.get(..at).and_then(|before| before.chars().next_back());
                    !before.is_some_and(|c| c.is_alphanumeric() || "/.-_}".contains(c))
                })
            });
            assert!(
                !home && !line.contains(&this_checkout),
                "{}:{} names a place on somebody's machine",
                shown(&file),
                number + 1
            );
        }
    }
}

#[test]
fn what_running_it_leaves_behind_is_ignored_everywhere() {
    let ignored = text_of(&root().join(".gitignore"));
    // A pattern that ends in its only slash holds in every folder.
    assert!(ignored.lines().any(|line| line == ".spin/"), "{ignored}");
}

/// What a build has of the features of its packages it has for all of them, so a build of the whole workspace
/// has this one too. There it is only a choice that nothing but the runtime tests makes.
#[test]
fn only_the_runtime_tests_have_the_host_behave_like_another_one() {
    const FEATURE: &str = "test-manners";
    let mut named = BTreeSet::new();
    for package in packages() {
        let text = text_of(&root().join(&package.room).join("Cargo.toml"));
        if !text.contains(FEATURE) {
            continue;
        }
        named.insert(package.room.clone());
        let features = package.manifest.get("features");
        let default = features.and_then(|features| features.get("default"));
        assert!(default.is_none(), "{} has default features", package.room);
    }
    let expected = ["crates/host", "runtime-tests"].map(str::to_owned);
    assert_eq!(named, BTreeSet::from(expected), "who names {FEATURE}");
    let choices = ["Manner", ".manner", FEATURE];
    for file in files().iter().filter(|file| has_extension(file, "rs")) {
        let may = ["crates/host", "runtime-tests", "tests"];
        if may.iter().any(|folder| in_folder(file, folder)) {
            continue;
        }
        let text = text_of(file);
        let found = choices.iter().find(|choice| text.contains(**choice));
        assert_eq!(found, None, "{} makes the choice", shown(file));
    }
}

#[test]
fn every_dependency_comes_from_the_public_registry() {
    let lock = toml_file("Cargo.lock");
    for package in lock.get("package").and_then(toml::Value::as_array).unwrap() {
        let name = package.get("name").and_then(toml::Value::as_str).unwrap();
        match package.get("source").and_then(toml::Value::as_str) {
            None => assert!(
                packages().iter().any(|ours| ours.name == name),
                "{name} comes from a folder that is not in the workspace"
            ),
            Some(source) => assert_eq!(
                source, "registry+https://github.com/rust-lang/crates.io-index",
                "the source of {name}"
            ),
        }
    }
}
