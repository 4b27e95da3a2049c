#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::*;
use crate::manifest::{self, Application};
use std::path::Path;

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "test"
[variables]
host = { default = "example.org" }
token_key = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "one"
[component.one]
source = "one.wasm"
[component.one.variables]
url = "https://{{ host }}/{{host}}?{}"
key = "{{ token_key }}"
plain = "}} as it is"
"#;

fn application() -> Application {
    manifest::parse_text(MANIFEST, Path::new("/app/spin.toml")).unwrap()
}

fn resolve(
    given: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Result<Variables, VariablesError> {
    let given: Vec<_> = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Variables::resolve_from(&application(), &given, |asked| {
        environment
            .iter()
            .find(|(name, _)| *name == asked)
            .map(|(_, value)| OsString::from(value))
    })
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_default() {
    let key = [("SPIN_VARIABLE_TOKEN_KEY", "k")];
    let both = [
        ("SPIN_VARIABLE_TOKEN_KEY", "k"),
        ("SPIN_VARIABLE_HOST", "env"),
    ];
    for (given, environment, expected) in [
        (&[][..], &key[..], "example.org"),
        (&[][..], &both[..], "env"),
        (&[("host", "flag")][..], &both[..], "flag"),
        (&[("host", "one"), ("host", "two")][..], &both[..], "two"),
    ] {
        let variables = resolve(given, environment).unwrap();
        assert_eq!(
            variables.expand("{{ host }}").unwrap(),
            expected,
            "given {given:?}, environment {environment:?}"
        );
    }
}

#[test]
fn a_component_sees_its_own_variables_with_the_values_put_in() {
    let variables = resolve(&[("token_key", "s3cret")], &[]).unwrap();
    let application = application();
    let component = application.components.get("one").unwrap();
    let seen = variables.of_component(component).unwrap();
    let seen: Vec<_> = seen.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("key", "s3cret"),
            ("plain", "}} as it is"),
            ("url", "https://example.org/example.org?{}"),
        ]
    );
}

#[test]
fn a_missing_required_variable_is_named_with_both_ways_to_give_it() {
    let error = resolve(&[], &[]).unwrap_err().to_string();
    for expected in [
        "`token_key`",
        "--variable token_key=",
        "SPIN_VARIABLE_TOKEN_KEY",
    ] {
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
    }
}

#[test]
fn a_misspelt_flag_is_an_error_that_offers_the_name() {
    let error = resolve(&[("token-key", "s3cret")], &[]).unwrap_err();
    assert_eq!(
        error,
        VariablesError::Unknown {
            name: "token-key".to_owned(),
            nearest: Some("token_key".to_owned()),
        }
    );
    assert!(!error.to_string().contains("s3cret"), "the value was shown");
}

#[test]
fn no_value_is_in_a_debug_output() {
    let variables = resolve(&[("token_key", "s3cret")], &[]).unwrap();
    let shown = format!("{variables:?} {:?}", application());
    assert!(shown.contains("token_key"), "the name is missing: {shown}");
    assert!(!shown.contains("s3cret"), "the value was shown: {shown}");
}

#[test]
fn a_template_that_is_not_one_says_why() {
    let declared = BTreeSet::from(["host"]);
    for (template, expected) in [
        ("{{ host }}:{{ port }}", "declares no `port`"),
        ("{{ hots }}", "did you mean `host`"),
        ("{{ host", "no `}}`"),
        ("{{ }}", "names no variable"),
    ] {
        let error = check_template(template, &declared).unwrap_err().to_string();
        assert!(error.contains(expected), "{template}: {error}");
    }
    assert_eq!(check_template("no variable at all", &declared), Ok(()));
}
