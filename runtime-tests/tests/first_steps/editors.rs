//! The JSON Schema of a policy, by a validator and by programs for editors that nobody here wrote.

use doorward_runtime_tests::cases;
use doorward_runtime_tests::policy_schema::{self, linted, linter, validated};
use doorward_runtime_tests::run::Group;
use doorward_tests::examples::{Example, policies};
use doorward_tests::policy_tables::texts;
use doorward_tests::tree::{root, text_of};
use serde_json::{Value, json};

pub const GROUP: Group<'_> = Group {
    prepare: policy_schema::prepare,
    cases: cases![
        ; in_process: every_policy_of_the_repository_that_passes_check_is_valid,
        a_policy_with_an_unknown_key_or_a_value_of_another_type_is_not,
        no_value_that_the_reader_takes_is_refused,
        editors_find_the_schema_by_the_first_line_and_check_by_it,
    ],
};

/// Where editors look for it.
const SCHEMA: &str = "docs/doorward.schema.json";

fn schema() -> Value {
    serde_json::from_str(&text_of(&root().join(SCHEMA))).unwrap()
}

/// What is wrong with each document.
fn wrong_with(documents: &[&Value]) -> Vec<Vec<String>> {
    let told = json!({ "schema": schema(), "documents": documents, "values": [] });
    serde_json::from_value(validated(&told)["documents"].clone()).unwrap()
}

async fn every_policy_of_the_repository_that_passes_check_is_valid() {
    let examples = policies();
    let valid: Vec<_> = examples
        .iter()
        .filter(|one| one.errors.is_empty())
        .collect();
    assert!(valid.len() > 60, "{} policies", valid.len());
    for place in [
        "doorward.toml",
        "docs/policy.md:",
        "docs/providers.md:",
        "README.md:",
    ] {
        let there = valid.iter().any(|one| one.place.starts_with(place));
        assert!(there, "no policy of {place}");
    }
    let documents: Vec<_> = valid.iter().map(|one| &one.json).collect();
    let mut wrong = Vec::new();
    for (example, errors) in valid.iter().zip(wrong_with(&documents)) {
        if !errors.is_empty() {
            wrong.push(format!("{}: {}", example.place, errors.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("{} policies are valid", valid.len());
}

async fn a_policy_with_an_unknown_key_or_a_value_of_another_type_is_not() {
    let has = |one: &Example, codes: &[&str]| {
        one.errors.iter().any(|code| codes.contains(&code.as_str()))
    };
    let examples = policies();
    let bad = examples
        .iter()
        .filter(|one| has(one, &["unknown-key", "wrong-type"]));
    let bad: Vec<_> = bad.collect();
    assert!(bad.len() > 5, "{} policies", bad.len());
    let documents: Vec<_> = bad.iter().map(|one| &one.json).collect();
    let mut passed = Vec::new();
    for (example, errors) in bad.iter().zip(wrong_with(&documents)) {
        if errors.is_empty() {
            passed.push(format!(
                "{}: {:?}\n{}",
                example.place, example.errors, example.text
            ));
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    eprintln!("{} policies are not", bad.len());
}

async fn no_value_that_the_reader_takes_is_refused() {
    let tried = texts(&schema());
    let values: Vec<_> = tried
        .iter()
        .map(|one| json!([one.schema, one.value]))
        .collect();
    let told = json!({ "schema": schema(), "documents": [], "values": values });
    let valid: Vec<bool> = serde_json::from_value(validated(&told)["values"].clone()).unwrap();
    assert_eq!(valid.len(), tried.len());
    let mut refused = 0;
    for (one, valid) in tried.iter().zip(valid) {
        assert!(
            valid || one.refused,
            "{}: the schema refuses {}",
            one.place,
            one.value
        );
        refused += usize::from(!valid);
    }
    assert!(refused > 100, "{refused} of {}", tried.len());
    eprintln!(
        "{refused} of {} values are refused, and none that the reader takes",
        tried.len()
    );
}

async fn editors_find_the_schema_by_the_first_line_and_check_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    write(SCHEMA, &text_of(&root().join(SCHEMA)));
    let policy = text_of(&root().join("doorward.toml"));
    write("good.toml", &policy);
    let line = "audience = \"http://127.0.0.1:3000\"\n";
    assert!(policy.contains(line));
    write(
        "key.toml",
        &policy.replace(line, &format!("{line}leeway = 60\n")),
    );
    write(
        "bound.toml",
        &policy.replace(line, &format!("{line}leeway_s = 301\n")),
    );
    write("missing.toml", &policy.replace(line, ""));
    let mut there = 0;
    for (name, arguments) in [("taplo", &["lint"][..]), ("tombi", &["lint", "--offline"])] {
        let Some(program) = linter(name) else {
            eprintln!("SKIPPED: there is no {name} for this processor");
            continue;
        };
        there += 1;
        let lint = |file: &str| linted(&program, arguments, folder.path(), file);
        let (content, said) = lint("good.toml");
        assert!(content, "{name}: {said}");
        for (file, says) in [
            ("key.toml", "leeway"),
            ("bound.toml", "301"),
            ("missing.toml", "audience"),
        ] {
            let (content, said) = lint(file);
            assert!(!content && said.contains(says), "{name}, {file}: {said}");
        }
    }
    assert!(there > 0);
}
