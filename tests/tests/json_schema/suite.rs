//! The official suite. Every schema that is not compiled is in a list, with the reason; the list has no others.

use std::collections::BTreeSet;

use doorward_events::json::{Tape, Value};
use doorward_tests::tree::{root, text_of};

use super::{checked, compiled};

/// Schemas of the suite that are not compiled: file, schema, and what is said about them.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    (
        "defs.json",
        "validate definition against metaschema",
        "not in this document",
    ),
    (
        "not.json",
        "collect annotations inside a 'not', even if collection is disabled",
        "`unevaluatedProperties` is not supported",
    ),
    (
        "optional/refOfUnknownKeyword.json",
        "reference internals of known non-applicator",
        "no schema of this document",
    ),
    (
        "optional/refOfUnknownKeyword.json",
        "reference of a root arbitrary keyword ",
        "`unknown-keyword` is unknown",
    ),
    (
        "optional/refOfUnknownKeyword.json",
        "reference of a root arbitrary keyword with encoded ref",
        "`unknown/keyword` is unknown",
    ),
    (
        "optional/refOfUnknownKeyword.json",
        "reference of an arbitrary keyword of a sub-schema",
        "`unknown-keyword` is unknown",
    ),
    (
        "optional/refOfUnknownKeyword.json",
        "reference of an arbitrary keyword of a sub-schema with encoded ref",
        "`unknown/keyword` is unknown",
    ),
    (
        "optional/unknownKeyword.json",
        "$id inside an unknown keyword is not a real identifier",
        "`array_of_schemas` is unknown",
    ),
    (
        "ref.json",
        "ref creates new scope when adjacent to keywords",
        "`unevaluatedProperties` is not supported",
    ),
    (
        "ref.json",
        "remote ref, containing refs itself",
        "not in this document",
    ),
];

/// How many schemas and values there are in the files, so that none is lost on the way.
const SCHEMAS: usize = 311;
const VALUES: usize = 1118;

fn text<'v>(value: Value<'v>, name: &str) -> std::borrow::Cow<'v, str> {
    value.get(name).unwrap().as_string().unwrap().unescaped()
}

#[test]
fn every_case_of_the_official_suite_comes_out_as_it_says() {
    let folder = root().join("tests/data/json-schema");
    let mut files = Vec::new();
    for (folder, prefix) in [(folder.clone(), ""), (folder.join("optional"), "optional/")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let name = path.file_name().unwrap().to_str().unwrap();
                files.push((format!("{prefix}{name}"), text_of(&path)));
            }
        }
    }
    files.sort();
    let mut wrong = Vec::new();
    let mut left_out = BTreeSet::new();
    let (mut schemas, mut values) = (0, 0);
    for (file, content) in &files {
        let mut tape = Tape::new();
        for group in tape.parse(content.as_bytes()).unwrap().elements() {
            schemas += 1;
            let name = text(group, "description");
            let known = LEFT_OUT
                .iter()
                .find(|(known_file, known, _)| known_file == file && *known == name);
            let program = match (compiled(group.get("schema").unwrap().text()), known) {
                (Ok(program), None) => program,
                (Ok(_), Some(_)) => {
                    wrong.push(format!(
                        "{file}: {name}: is compiled, and in the list of what is not"
                    ));
                    continue;
                }
                (Err(problems), Some((_, known, reason))) => {
                    left_out.insert((file, known));
                    if !problems[0].contains(reason) {
                        wrong.push(format!("{file}: {name}: {problems:?}, not {reason:?}"));
                    }
                    continue;
                }
                (Err(problems), None) => {
                    wrong.push(format!("{file}: {name}: {problems:?}"));
                    continue;
                }
            };
            for case in group.get("tests").unwrap().elements() {
                values += 1;
                let expected = case.get("valid").unwrap().as_bool().unwrap();
                let checked = checked(&program, case.get("data").unwrap().text());
                if checked.is_ok() != expected {
                    wrong.push(format!(
                        "{file}: {name}: {}: {checked:?}",
                        text(case, "description")
                    ));
                }
                if let Err(violation) = checked
                    && (violation.keyword.is_empty() || violation.detail.is_empty())
                {
                    wrong.push(format!("{file}: {name}: nothing is told: {violation:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(
        left_out.len(),
        LEFT_OUT.len(),
        "some of the list are not in the files"
    );
    assert_eq!((schemas, values), (SCHEMAS, VALUES));
}
