use crate::run::{fails, run};

const VALID: &str = r#"
[issuer.acme]
url = "https://login.acme.example"
audience = "https://api.acme.example"

[[route]]
path = "/api/**"
scope = ["read"]
"#;

#[test]
fn a_valid_policy_is_0_and_says_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), VALID).unwrap();
    let ran = run(folder.path(), &["check"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "doorward.toml is valid: 1 rule, 1 issuer\n");
    let more = "[api_keys]\nheader = \"x-api-key\"\n[store]\nname = \"shared\"\n[revocation]\n[[route]]\n\
                path = \"/keys\"\naccept = [\"api-key\"]\nscope = [\"x\"]\n";
    std::fs::write(
        folder.path().join("doorward.toml"),
        format!("{VALID}{more}"),
    )
    .unwrap();
    assert_eq!(
        run(folder.path(), &["check"]).stdout,
        "doorward.toml is valid: 2 rules, 1 issuer, 0 API keys, API keys in the store `shared`, \
         revocation of tokens that live 7 d at most\n"
    );
}

/// Those that only some components have.
#[test]
fn the_command_knows_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let more = "[log]\nlevel_variable = \"log_level\"\n[health]\nready = \"/ready\"\n";
    let text = format!("{VALID}{more}");
    std::fs::write(folder.path().join("doorward.toml"), text).unwrap();
    let ran = run(folder.path(), &["check"]);
    assert_eq!(ran.stdout, "doorward.toml is valid: 1 rule, 1 issuer\n");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

#[test]
fn a_problem_is_1_and_shown_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.toml");
    std::fs::write(&path, VALID.replace("scope =", "scopes =")).unwrap();
    let ran = run(folder.path(), &["check", "other.toml"]);
    assert_eq!(ran.status, 1);
    for expected in ["other.toml:8:1", "scopes", "scope"] {
        assert!(
            ran.stdout.contains(expected),
            "{expected:?} in\n{}",
            ran.stdout
        );
    }
}

#[test]
fn the_same_is_there_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.toml");
    for (text, status, count) in [
        (VALID.to_owned(), 0, 0),
        (VALID.replace("scope =", "scopes ="), 1, 1),
    ] {
        std::fs::write(&path, text).unwrap();
        let ran = run(folder.path(), &["check", "--format", "json"]);
        assert_eq!(ran.status, status);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(document["file"], "doorward.toml");
        let findings = document["findings"].as_array().unwrap();
        assert_eq!(findings.len(), count, "{document}");
        for finding in findings {
            assert_eq!(finding["severity"], "error");
            assert_eq!(finding["line"], 8);
        }
    }
}

#[test]
fn a_warning_is_shown_and_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let unused = "[issuer.other]\nurl = \"https://x.example\"\naudience = \"y\"\n";
    let text = VALID.replace("scope = [", "issuer = [\"acme\"]\nscope = [");
    std::fs::write(
        folder.path().join("doorward.toml"),
        format!("{text}{unused}"),
    )
    .unwrap();
    let ran = run(folder.path(), &["check"]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("warning"), "{}", ran.stdout);
}

#[test]
fn what_lets_in_more_than_was_meant_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[issuer.github]\nurl = \"https://token.actions.githubusercontent.com\"\naudience = \"x\"\n\
                tokens = \"id\"\n[[route]]\npath = \"/**\"\nscope = [\"a\"]\n";
    std::fs::write(folder.path().join("doorward.toml"), text).unwrap();
    let ran = run(folder.path(), &["check"]);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    for expected in [
        "warning[open-to-all]",
        "any workflow",
        "doorward.toml is valid",
    ] {
        assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    }
}

#[test]
fn a_manifest_is_told_from_a_policy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("spin.toml"),
        "spin_manifest_version = 2\n",
    )
    .unwrap();
    let expected = [
        "spin.toml is a Spin manifest",
        "doorward check doorward.toml",
    ];
    fails(folder.path(), &["check", "spin.toml"], 1, &expected);
}

/// A manifest with a timer at these times.
const MANIFEST: &str = "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
    [[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n\
    [[component.a.tool.doorward.timer]]\npath = \"/tasks\"\ncron_expression = \"EXPRESSION\"\n";

#[test]
fn a_manifest_is_checked_with_its_timers() {
    let folder = tempfile::tempdir().unwrap();
    let write = |expression: &str| {
        let text = MANIFEST.replace("EXPRESSION", expression);
        std::fs::write(folder.path().join("spin.toml"), text).unwrap();
    };
    write("0 */5 * * * *");
    let ran = run(folder.path(), &["check", "spin.toml"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let expected = "spin.toml is valid: 1 HTTP trigger, 1 component, 1 timer;";
    assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);
    write("0 */5 * * 13 *");
    let expected = ["spin.toml:11:19", "\"0 */5 * * 13 *\""];
    fails(folder.path(), &["check", "spin.toml"], 1, &expected);
}

#[test]
fn who_reaches_a_component_past_its_middlewares_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let named = |hosts: &str| {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
             [variables]\napi.default = \"api.example\"\ncache.default = \"127.0.0.1\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"users\"\n\
             dependencies.middleware = [{{ component = \"gate\" }}]\n\
             [[trigger.http]]\nroute = \"/open\"\ncomponent = \"open\"\n\
             [component.users]\nsource = \"users.wasm\"\n[component.gate]\nsource = \"gate.wasm\"\n\
             [component.open]\nsource = \"open.wasm\"\nallowed_outbound_hosts = [{hosts}]\n"
        );
        std::fs::write(folder.path().join("spin.toml"), text).unwrap();
        let ran = run(folder.path(), &["check", "spin.toml"]);
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let says = |reaches: &str| {
            let note = format!("note: `open` {reaches} `users` past its middlewares");
            ran.stdout.contains(&note)
        };
        match (says("reaches"), says("may reach, as a variable says,")) {
            (true, false) => "reaches",
            (false, true) => "may reach",
            (false, false) => "nothing",
            (true, true) => "both",
        }
    };
    for (hosts, expected) in [
        ("\"http://users.spin.internal\"", "reaches"),
        ("\"http://*.spin.internal\"", "reaches"),
        ("\"*://*:*\"", "reaches"),
        ("\"http://{{ api }}\"", "may reach"),
        (
            "\"http://{{ api }}\", \"http://users.spin.internal\"",
            "reaches",
        ),
        ("\"redis://{{ cache }}:6379\"", "nothing"),
        ("", "nothing"),
        ("\"http://open.spin.internal\"", "nothing"),
        ("\"https://users.example\"", "nothing"),
    ] {
        assert_eq!(named(hosts), expected, "{hosts}");
    }
}

#[test]
fn a_policy_that_cannot_be_read_says_how_to_name_another() {
    let folder = tempfile::tempdir().unwrap();
    fails(
        folder.path(),
        &["check"],
        1,
        &["doorward.toml", "doorward check FILE"],
    );
    fails(
        folder.path(),
        &["check", "--format", "xml"],
        2,
        &["text, json"],
    );
}

/// A time so many days from now, as a policy has it.
fn in_days(days: i64) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    format!("{}Z", then.strftime("%Y-%m-%dT%H:%M:%S"))
}

#[test]
fn what_is_in_report_mode_is_listed_by_the_time_that_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.toml");
    for (days, status, says) in [
        (30, 0, "warning[report-mode]"),
        (399, 0, "is in report mode until"),
        (-1, 0, "has ended"),
        (402, 1, "error[report-too-long]"),
    ] {
        let mode = format!("mode = \"report\"\nreport_until = \"{}\"\n", in_days(days));
        std::fs::write(&path, format!("{mode}{VALID}")).unwrap();
        let ran = run(folder.path(), &["check"]);
        assert_eq!(ran.status, status, "{days}: {}", ran.stdout);
        assert!(ran.stdout.contains(says), "{days}: {}", ran.stdout);
        assert_eq!(ran.stdout.contains("is valid"), status == 0, "{days}");
    }
}
