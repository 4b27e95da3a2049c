//! Forms that Spin accepts: each is served, or refused with the reason and what to do.

use super::*;

#[test]
fn what_changes_nothing_here_is_accepted_in_every_form() {
    for tail in [
        "targets = []",
        "targets = [\"spin-up:4.1\", { url = \"https://e.example/env.toml\" }, { path = \"env.toml\" }]",
        "tool.lint = { level = 1 }",
        "ai_models = []\nsqlite_databases = []\nallowed_http_hosts = []\ndependencies = {}",
        "dependencies_inherit_configuration = true",
        "build = { command = \"one\" }",
        "build = { command = [\"one\", \"two\"], workdir = \"w\", watch = [\"src/**/*\"] }",
        "profile.debug = { source = \"debug.wasm\", environment = { A = \"1\" } }\n\
         profile.slow.build.command = [\"one\", \"two\"]",
        "exclude_files = [\"*.bak\"]",
        "key_value_stores = [\"default\", \"snake_case\", \"kebab-case\"]",
        "sqlite_databases = [\"default\", \"snake_case\", \"kebab-case\"]",
        "[variables]\na = { default = \"\" }\nb = { required = true, secret = true, description = \"b\" }",
        "[application.tool.x]\ny = 1",
        "[application.trigger.redis]\naddress = \"redis://localhost\"",
        "[component.unused]\nsource = { package = \"a:b\", version = \"1.0.0\" }",
    ] {
        let application = accepted(&with(tail));
        assert_eq!(application.notices, [""; 0], "{tail}");
    }
}

/// Each case: what is appended to a good manifest, and what the error has to say: where, why, what to do.
#[test]
fn what_is_not_served_is_refused_with_the_reason_and_what_to_do() {
    for (tail, expected) in [
        (
            "ai_models = [\"llama2-chat\"]",
            &["9:1", "this host has none", "`spin up`"][..],
        ),
        (
            "allowed_http_hosts = [\"example.org\"]",
            &["9:1", "deprecated", "write `allowed_outbound_hosts = ["],
        ),
        (
            "[component.main.dependencies]\n\"a:b/c\" = { path = \"d.wasm\", inherit_configuration = true }",
            &["9:17", "composes other components", "wac plug", "`spin up`"],
        ),
        (
            "dependencies.\"a:b\" = \">= 0.1.0\"",
            &["9:1", "composes other components", "wac plug"],
        ),
        (
            "dependencies_inherit_configuration = \"yes\"",
            &["9:38", "true or false"],
        ),
        (
            "profile.debug.sourse = \"x\"",
            &["9:15", "unknown key `sourse`", "did you mean `source`"],
        ),
        (
            "[application.trigger.htttp]\nbase = \"/\"",
            &["9:22", "no kind of trigger `htttp`", "did you mean `http`"],
        ),
        (
            "[application.trigger.http]\nbasis = \"/\"",
            &["10:1", "unknown key `basis`", "did you mean `base`"],
        ),
    ] {
        let error = refused(&with(tail));
        says(&error, expected, tail);
    }
}

#[test]
fn a_source_is_a_file_or_a_download_and_never_a_package() {
    for (source, expected) in [
        ("\"\"", &["8:10", "is empty"][..]),
        (
            "\"https://e.example/main.wasm\"",
            &["8:10", "not a URL", "digest = \"sha256:"],
        ),
        ("1", &["8:10", "has to be a string"]),
        (
            "{ package = \"a:b\", version = \"1.0.0\" }",
            &["8:10", "asks no registry", "wkg get a:b@1.0.0"],
        ),
        (
            "{ registry = \"r.example\", package = \"a:b\", version = \"1.0.0\" }",
            &["8:10", "asks no registry", "wkg get a:b@1.0.0"],
        ),
        (
            "{ path = \"main.wasm\" }",
            &["8:12", "unknown key `path`", "has no `url`"],
        ),
    ] {
        let error = refused(&format!(
            "{HEAD}{TRIGGER}[component.main]\nsource = {source}\n"
        ));
        says(&error, expected, source);
    }
}

#[test]
fn version_one_is_told_how_to_become_version_two() {
    for head in [
        "spin_manifest_version = \"1\"\nname = \"old\"\n",
        "spin_version = \"1\"\nname = \"old\"\n",
        "spin_manifest_version = 1\n",
    ] {
        let error = refused(head);
        for part in ["spin.toml:1:", "version 2 only", "`spin doctor`"] {
            assert!(error.contains(part), "expected {part:?} of\n{error}");
        }
        assert!(!error.contains("unknown key"), "{error}");
    }
}

/// Spin 4.1 does not start an application whose routes have a base.
#[test]
fn a_base_is_served_and_said_not_to_be_by_spin() {
    let manifest = |base: &str| with(&format!("[application.trigger.http]\nbase = \"{base}\""));
    let application = accepted(&manifest("/v1"));
    assert_eq!(application.notices.len(), 1, "{:?}", application.notices);
    assert!(
        application.notices[0].contains("Spin 4.1 does not start"),
        "{:?}",
        application.notices
    );
    assert_eq!(accepted(&manifest("/")).notices, [""; 0]);
}

/// Each case: an entry of `dependencies.middleware`, and what the error has to say.
#[test]
fn a_middleware_is_named_in_one_way() {
    for (entry, expected) in [
        (
            "\"gate\"",
            &[
                "7:28",
                "a table, and not a name",
                "{ component = \"gate\" }",
            ][..],
        ),
        ("{}", &["7:28", "names one", "{ path = \"…\" }"]),
        (
            "{ componnt = \"gate\" }",
            &["7:30", "did you mean `component`?"],
        ),
        (
            "{ component = \"gate\", path = \"gate.wasm\" }",
            &["7:28", "named twice, by `component` and by `path`"],
        ),
        (
            "{ path = \"gate.wasm\", digest = \"sha256:0\" }",
            &["7:28", "named twice, by `path` and by `digest`"],
        ),
        (
            "{ component = \"gate\", version = \"1\" }",
            &["7:28", "named twice, by `component` and by `version`"],
        ),
        ("{ path = \"\" }", &["7:37", "is empty"]),
        (
            "{ path = \"https://e.example/gate.wasm\" }",
            &["7:37", "not a URL", "digest = \"sha256:"],
        ),
        (
            "{ package = \"a:gate\", version = \"1.2.3\" }",
            &["7:28", "asks no registry", "wkg get a:gate@1.2.3"],
        ),
        (
            "{ package = \"a:gate\", registry = \"r.example\", version = \"1.2.3\" }",
            &["7:28", "asks no registry", "path", "digest = \"sha256:…\""],
        ),
        ("{ component = 1 }", &["7:42", "has to be a string"]),
        (
            "{ component = \"gate\", export = \"x\" }",
            &["7:50", "unknown key `export`"],
        ),
    ] {
        let error = refused(&format!(
            "{HEAD}{TRIGGER}dependencies.middleware = [{entry}]\n{COMPONENT}[component.gate]\nsource = \
             \"gate.wasm\"\n"
        ));
        says(&error, expected, entry);
    }
    for middleware in ["{ component = \"gate\" }", "\"gate\""] {
        let error = refused(&format!(
            "{HEAD}{TRIGGER}dependencies.middleware = {middleware}\n{COMPONENT}[component.gate]\nsource = \
             \"gate.wasm\"\n"
        ));
        assert!(error.contains("has to be a list"), "{error}");
    }
}

/// What a middleware may use does not depend on how it is named.
#[test]
fn grants_are_inherited_by_every_form_of_a_middleware() {
    let download = format!(
        "url = \"https://e.example/gate.wasm\", digest = \"sha256:{}\"",
        "0".repeat(64)
    );
    for form in ["component = \"gate\"", "path = \"gate.wasm\"", &download] {
        for (inherit, count) in [
            ("", 0),
            (", inherit_configuration = false", 0),
            (", inherit_configuration = [\"files\", \"variables\"]", 2),
            (", inherit_configuration = true", 7),
        ] {
            let application = accepted(&format!(
                "{HEAD}{TRIGGER}dependencies.middleware = [{{ {form}{inherit} }}]\n{COMPONENT}\
                 [component.gate]\nsource = \"gate.wasm\"\n"
            ));
            let middleware = &application.triggers[0].middleware[0];
            assert_eq!(middleware.inherit.len(), count, "{form}{inherit}");
            let component = &application.components[&middleware.component];
            assert_eq!(component.allowed_outbound_hosts, [""; 0], "{form}");
            assert!(component.files.is_empty(), "{form}");
        }
    }
}
