//! The JSON Schema of a policy (`doorward schema`): it has the keys that the reader knows, the types, words and bounds
//! that the reader takes, and the defaults that the reader has. Where editors look for it, it is the one that is made
//! now:
//!
//! ```sh
//! DOORWARD_BLESS=1 cargo test --test policy_schema
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeSet;

use doorward_policy::{Code, Mounted, Policy, schema};
use doorward_tests::policy_tables::{CONDITIONS, KINDS, Kind};
use doorward_tests::tree::{assert_committed, root, text_of};
use serde_json::Value;

/// Where editors look for it.
const COMMITTED: &str = "docs/doorward.schema.json";
/// A word that nothing is called.
const NO_WORD: &str = "\"zzzzzzzzzzzzzzzz\"";

#[test]
fn the_one_that_editors_read_is_the_one_that_is_made_now() {
    assert_committed(COMMITTED, &format!("{:#}\n", schema()));
    let policy = text_of(&root().join("doorward.toml"));
    let first = policy.lines().next().unwrap();
    assert_eq!(
        first,
        format!("#:schema ./{COMMITTED}"),
        "the first line of doorward.toml"
    );
}

#[test]
fn it_has_the_keys_that_the_reader_knows_and_no_others() {
    let schema = schema();
    let mut seen = BTreeSet::new();
    for kind in KINDS {
        let table = kind.schema(&schema);
        seen.insert(std::ptr::from_ref(table).addr());
        let mut known = kind.known();
        known.sort();
        assert_eq!(keys(table), known, "the keys of {}", kind.before);
    }
    for kind in CONDITIONS {
        let table = kind.schema(&schema);
        seen.insert(std::ptr::from_ref(table).addr());
        assert_eq!(keys(table).len(), 7);
        for key in keys(table) {
            let found = codes(&kind, &key, "true");
            assert!(!found.contains(&Code::UnknownTomlKey), "{key}: {found:?}");
        }
        assert!(codes(&kind, "zzzz", "true").contains(&Code::UnknownTomlKey));
    }
    // And it has no other tables.
    let mut all = Vec::new();
    tables(&schema, &mut all);
    for table in all {
        let about = &table["description"];
        assert!(
            seen.contains(&std::ptr::from_ref(table).addr()),
            "a table of no kind: {about}"
        );
        assert_eq!(table["additionalProperties"], false, "{about}");
    }
}

#[test]
fn every_key_says_what_it_means() {
    let schema = schema();
    for kind in KINDS.iter().chain(&CONDITIONS) {
        let table = kind.schema(&schema);
        for (key, value) in table["properties"].as_object().unwrap() {
            let about = value["description"].as_str().unwrap_or_default();
            assert!(
                about.len() > 5 && !about.ends_with(' '),
                "{key} of {}",
                kind.before
            );
        }
    }
}

#[test]
fn it_takes_the_types_words_and_bounds_that_the_reader_takes() {
    let schema = schema();
    let (mut tried, mut wrong) = (0, Vec::new());
    for kind in KINDS.iter().chain(&CONDITIONS) {
        let table = kind.schema(&schema);
        for (key, value) in table["properties"].as_object().unwrap() {
            for (text, good) in probes(value) {
                let found = codes(kind, key, &text);
                // What is bad may have to do with another key first.
                let as_expected = match good {
                    true => !found.iter().any(|code| is_of_value(*code)),
                    false => !found.is_empty(),
                };
                let table = kind.before;
                if !as_expected {
                    wrong.push(format!("{key} = {text} after {table}: {found:?}"));
                }
                tried += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 500, "{tried}");
}

#[test]
fn what_is_needed_is_what_the_reader_asks_for() {
    let schema = schema();
    for kind in KINDS.iter().filter(|kind| !kind.before.is_empty()) {
        let mut needed = KeySet::new();
        for key in kind.schema(&schema)["required"]
            .as_array()
            .into_iter()
            .flatten()
        {
            needed.insert(key.as_str().unwrap().to_owned());
        }
        let found = Policy::parse(kind.before).unwrap_err();
        let mut asked = KeySet::new();
        for finding in found.as_slice() {
            let missing = finding.message.strip_suffix('`');
            let missing = missing.and_then(|text| text.rsplit_once(" has no `"));
            if let (Code::MissingKey, Some((what, key))) = (finding.code, missing)
                && owner(what, kind.before)
            {
                asked.insert(key.to_owned());
            }
        }
        // Which of the two it takes depends on the method.
        if kind.way.last() == Some(&"introspection") {
            asked.remove("secret");
        }
        assert_eq!(needed, asked, "{}: {found}", kind.before);
    }
    let needed = schema["oneOf"].as_array().unwrap().iter();
    let needed: Vec<_> = needed.map(|form| form["required"].to_string()).collect();
    assert_eq!(needed, [r#"["route"]"#, r#"["bundle"]"#]);
}

#[test]
fn a_default_that_it_names_is_what_is_so_without_the_key() {
    let schema = schema();
    let (mut tried, mut untried) = (0, Vec::new());
    for kind in KINDS {
        let table = kind.schema(&schema);
        for (key, value) in table["properties"].as_object().unwrap() {
            let Some(default) = value.get("default") else {
                continue;
            };
            let line = format!("{key} = {default}");
            let Some((without, with)) = kind.valid_with(&line) else {
                untried.push(format!("{key} of {}", kind.before));
                continue;
            };
            let read = |text: &str| match Mounted::parse(text) {
                Ok(mounted) => format!("{mounted:?}"),
                Err(findings) => panic!("{text}\n{findings}"),
            };
            assert_eq!(read(&without), read(&with), "{line} after {}", kind.before);
            tried += 1;
        }
    }
    assert!(untried.is_empty(), "{untried:?}");
    assert!(tried > 50, "{tried}");
}

type KeySet = BTreeSet<String>;

/// Whether "WHAT has no KEY" is about the table that comes last.
fn owner(what: &str, before: &str) -> bool {
    let last = before.lines().rfind(|line| line.starts_with('['));
    let last = last.unwrap_or_default().trim_matches(['[', ']']);
    let name = last
        .split('.')
        .find(|part| *part != "a")
        .unwrap_or_default();
    let deepest = last
        .rsplit('.')
        .find(|part| *part != "a")
        .unwrap_or_default();
    match (name, deepest) {
        ("api_keys", "key") => what == "the API key",
        ("identity", _) => what == "an identity header",
        (_, "issuer") => what == "the issuer `a`",
        (_, "upstream") => what == "an upstream",
        (_, "route") => what == "the route",
        (_, deepest) => what == format!("`{deepest}`"),
    }
}

/// Values of a key, each with whether the schema takes it.
fn probes(schema: &Value) -> Vec<(String, bool)> {
    let bad = |values: &[&str]| {
        values
            .iter()
            .map(|value| ((*value).to_owned(), false))
            .collect()
    };
    if let Some(forms) = schema["anyOf"].as_array() {
        // Of none of the forms.
        let takes = |kind: &str| {
            forms.iter().any(|form| match &form["type"] {
                Value::Array(kinds) => kinds.iter().any(|one| one == kind),
                one => one == kind,
            })
        };
        let mut probes = Vec::new();
        for (kind, text) in [
            ("integer", "1"),
            ("number", "1.5"),
            ("boolean", "true"),
            ("array", "[]"),
        ] {
            if !takes(kind) {
                probes.push((text.to_owned(), false));
            }
        }
        let list = forms.iter().find(|form| form["type"] == "array");
        if let Some(list) = list {
            if list["minItems"] == 1 {
                probes.push(("[]".to_owned(), false));
            }
            let most = list["maxItems"].as_u64().unwrap();
            let entries: Vec<String> = (0..=most).map(|number| format!("\"{number}\"")).collect();
            probes.push((format!("[{}]", entries.join(", ")), false));
            for word in list["items"]["enum"].as_array().into_iter().flatten() {
                probes.push((format!("[{word}]"), true));
                probes.push((word.to_string(), true));
            }
            if list["items"]["enum"].is_array() {
                probes.push((NO_WORD.to_owned(), false));
            }
        }
        return probes;
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().map(|word| (word.to_string(), true));
        let is_text = schema["type"] == "string";
        let others: Vec<_> = match is_text {
            true => bad(&[NO_WORD, "1", "true", "[]"]),
            false => bad(&["false", "1", "\"true\""]),
        };
        return words.chain(others).collect();
    }
    match schema["type"].as_str().unwrap() {
        "boolean" => {
            let good = ["true", "false"].map(|value| (value.to_owned(), true));
            let bad: Vec<_> = bad(&["1", "\"true\"", "[]"]);
            good.into_iter().chain(bad).collect()
        }
        "integer" => {
            let (least, most) = (
                schema["minimum"].as_u64().unwrap(),
                schema["maximum"].as_u64().unwrap(),
            );
            let mut probes = vec![(least.to_string(), true), (most.to_string(), true)];
            probes.push(((i128::from(least) - 1).to_string(), false));
            probes.push(((most + 1).to_string(), false));
            let bad: Vec<_> = bad(&["1.5", "true", "\"1\""]);
            probes.into_iter().chain(bad).collect()
        }
        "string" => bad(&["1", "true", "[]", "{}"]),
        "object" => bad(&["1", "true", "\"text\"", "[]"]),
        "array" => bad(&["1", "true", "\"text\"", "[1]"]),
        other => panic!("no probes of {other}"),
    }
}

/// Whether a finding is about a value by itself.
fn is_of_value(code: Code) -> bool {
    matches!(code, Code::WrongType | Code::BadValue | Code::TooLarge)
}

/// What is found on the line of a key.
fn codes(kind: &Kind, key: &str, value: &str) -> Vec<Code> {
    let (text, line) = kind.with(key, value);
    let found = match Policy::parse(&text) {
        Ok(_) => return Vec::new(),
        Err(found) => found,
    };
    let here = found.as_slice().iter().filter(|one| one.at.line == line);
    here.map(|one| one.code).collect()
}

fn keys(table: &Value) -> Vec<String> {
    let keys = table["properties"].as_object().unwrap().keys();
    keys.cloned().collect()
}

/// All tables with keys of their own, wherever they are.
fn tables<'s>(schema: &'s Value, found: &mut Vec<&'s Value>) {
    if schema["properties"].is_object() {
        found.push(schema);
    }
    let members = schema
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, value)| value);
    let entries = schema.as_array().into_iter().flatten();
    members
        .chain(entries)
        .for_each(|within| tables(within, found));
}
