//! Every key that a policy knows is in `doorward.toml`, in use or in a comment. Which ones there are is what the
//! reader itself says of an unknown one.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_tests::policy_tables::KINDS;

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
    for kind in KINDS {
        for key in kind.known() {
            if !is_there(&key) {
                missing.push(format!("`{key}` of `{}`", kind.before.replace('\n', " ")));
            }
        }
    }
    for key in ["any", "all", "none", "present", "absent", "equals", "keys"] {
        assert!(is_there(key), "a condition on a claim: {key}");
    }
    assert!(missing.is_empty(), "not in doorward.toml: {missing:#?}");
}
