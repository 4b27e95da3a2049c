//! Every key that a policy knows is in `doorward.toml`, in use or in a comment. Which ones there are is what the
//! reader itself says of an unknown one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use doorward_policy::{Code, Policy};

/// A key that is unlike all others, so that the reader names those that it knows.
const UNKNOWN: &str = "zzzzzzzzzzzzzzzzzzzzzzzz = 1";

/// Each kind of table, up to where a key of it goes.
const TABLES: [&str; 27] = [
    "",
    "[issuer.a]",
    "[issuer.a.introspection]",
    "[issuer.a.logout]",
    "[api_keys]",
    "[[api_keys.key]]",
    "[store]",
    "[log]",
    "[health]",
    "[telemetry]",
    "[revocation]",
    "[proxy]",
    "[upstream.a]",
    "[upstream.a.credential]",
    "[upstream.a.request]",
    "[upstream.a.response]",
    "[cors.a]",
    "[rate_limit.a]",
    "[limits.a]",
    "[security_headers.a]",
    "[defaults]",
    "[[route]]",
    "[[route]]\n[[route.allow]]",
    "[[route]]\nupstream = \"a\"\n[route.split]",
    "[[route]]\nupstream = \"a\"\n[route.split.header]",
    "[[route]]\nupstream = \"a\"\n[route.replace]",
    "[identity.x-a]",
];

#[test]
fn every_key_is_in_the_policy_that_is_shipped() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../doorward.toml");
    let shipped = std::fs::read_to_string(path).unwrap();
    let is_there = |key: &str| {
        let mut lines = shipped
            .lines()
            .map(|line| line.trim_start_matches(['#', ' ']));
        lines.any(|line| {
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
                || line.strip_prefix('[').is_some_and(|header| {
                    let names = header.split([']', '[', '.']);
                    names.into_iter().any(|name| name == key)
                })
                || line.contains(&format!("{{ {key} = "))
                || line.contains(&format!(", {key} = "))
                || line.contains(&format!(" {key} = "))
        })
    };
    let mut missing = Vec::new();
    for table in TABLES {
        for key in known(table) {
            if !is_there(&key) {
                missing.push(format!("`{key}` of `{}`", table.replace('\n', " ")));
            }
        }
    }
    for key in ["any", "all", "none", "present", "absent", "equals", "keys"] {
        assert!(is_there(key), "a condition on a claim: {key}");
    }
    assert!(missing.is_empty(), "not in doorward.toml: {missing:#?}");
}

/// The keys that a table has.
fn known(table: &str) -> Vec<String> {
    let text = format!("{table}\n{UNKNOWN}\n");
    let found = Policy::parse(&text).unwrap_err();
    let mut unknown = found.as_slice().iter();
    let unknown = unknown.find(|one| one.code == Code::UnknownTomlKey);
    let help = unknown.and_then(|one| one.help.as_deref());
    let help = help.unwrap_or_else(|| panic!("{table}: no unknown key:\n{found}"));
    let keys: Vec<String> = help
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    // What knows itself, such as "`[limits]` knows", is no key.
    let keys: Vec<String> = match help.starts_with('`') {
        true => keys.into_iter().skip(1).collect(),
        false => keys,
    };
    assert!(!keys.is_empty(), "{table}: {help}");
    keys
}
