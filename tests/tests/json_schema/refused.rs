//! What is not compiled, and what is said about it.

use doorward_events::schema::compile::{KEYWORDS, Source, compile};
use doorward_tests::tree::{root, text_of};

use super::{checked, compiled};

#[test]
fn what_is_not_supported_is_refused_with_its_place_and_what_to_do() {
    let cases = [
        (
            r#"{"minlength":1}"#,
            "#/minlength: the keyword `minlength` is unknown: is it `minLength`?",
        ),
        (
            r#"{"x-mine":1}"#,
            "#/x-mine: the keyword `x-mine` is unknown",
        ),
        (
            r#"{"properties":{"a/b":{"unevaluatedProperties":false}}}"#,
            "#/properties/a~1b/unevaluatedProperties: the keyword `unevaluatedProperties` is not supported: use \
             `additionalProperties`",
        ),
        (
            r#"{"$defs":{"unused":{"definitions":{}}}}"#,
            "#/$defs/unused/definitions: the keyword `definitions` is not supported: of earlier drafts: use `$defs`",
        ),
        (
            r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
            "#/$schema: only https://json-schema.org/draft/2020-12/schema is supported",
        ),
        (
            r#"{"items":[{}]}"#,
            "#/items: a schema is an object, `true` or `false`",
        ),
        (
            r#"{"allOf":[]}"#,
            "#/allOf: it is an array with at least one schema",
        ),
        (
            r#"{"properties":[]}"#,
            "#/properties: it is an object whose members are schemas",
        ),
        (
            r#"{"type":"text"}"#,
            "#/type: it is one of null, boolean, object, array, number, string and integer, or an array of them",
        ),
        (
            r#"{"type":[]}"#,
            "#/type: it is one of null, boolean, object, array, number, string and integer, or an array of them",
        ),
        (r#"{"enum":1}"#, "#/enum: it is an array of values"),
        (r#"{"minimum":"1"}"#, "#/minimum: it is a number"),
        (
            r#"{"minLength":1.5}"#,
            "#/minLength: it is a whole number, not below 0",
        ),
        (
            r#"{"maxItems":-1}"#,
            "#/maxItems: it is a whole number, not below 0",
        ),
        (
            r#"{"multipleOf":0}"#,
            "#/multipleOf: it is a number above 0, of at most 18 digits",
        ),
        (
            r#"{"uniqueItems":1}"#,
            "#/uniqueItems: it is `true` or `false`",
        ),
        (
            r#"{"required":["a","a"]}"#,
            "#/required: it is an array of names, each only once",
        ),
        (
            r#"{"dependentRequired":{"a":"b"}}"#,
            "#/dependentRequired: it is an array of names, each only once",
        ),
        (
            r##"{"$ref":"#/nowhere"}"##,
            "#/$ref: \"#/nowhere\" is no schema of this document",
        ),
        (
            r#"{"$ref":"https://example.com/a.json"}"#,
            "#/$ref: https://example.com/a.json is not in this document: references to others are not followed, so put it \
             into `$defs`",
        ),
        (
            r#"{"$id":"https://example.com/#a"}"#,
            "#/$id: `$id` is a URI without a fragment",
        ),
        (
            r#"{"$anchor":"1"}"#,
            "#/$anchor: `$anchor` is a letter or `_` and then letters, digits, `-`, `_` and `.`",
        ),
        (
            r#"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"#,
            "#/$defs/b/$anchor: two schemas have this `$anchor`",
        ),
        (
            r#"{"patternProperties":{"a/(":{}}}"#,
            "#/patternProperties/a~1(: a group that does not end",
        ),
        (
            r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}}"##,
            "#/$defs/b/allOf/0: applies to a value because it applies to it already, by `$ref` and what is around it, or because of \
             too many others",
        ),
        ("1", "#: a schema is an object, `true` or `false`"),
        (
            r#"{"a":1,"a":2}"#,
            "#: two members with the name \"a\" (at byte 7)",
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(compiled(schema).unwrap_err(), [expected], "{schema}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_the_file() {
    let source = |kind, file, text| Source { kind, file, text };
    let sources = [
        source("a", "a.json", r#"{"minlength":1,"type":2}"#),
        source("b", "b.json", "{"),
        source("a", "c.json", "{}"),
    ];
    let told: Vec<_> = compile(&sources)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "c.json: at #: a has a schema already, in a.json",
            "a.json: at #/minlength: the keyword `minlength` is unknown: is it `minLength`?",
            "b.json: at #: it ends in the middle of a value (at byte 1)",
            "a.json: at #/type: it is one of null, boolean, object, array, number, string and integer, or an array of them",
        ]
    );
}

/// Whatever is in the table of keywords is in the official suite as a schema that is compiled, so that none is there that
/// does nothing.
#[test]
fn every_keyword_that_is_supported_is_in_the_suite() {
    let folder = root().join("tests/data/json-schema");
    let files = std::fs::read_dir(folder).unwrap();
    let all: String = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| text_of(&path))
        .collect();
    // What only tells something to people is not in it.
    let silent = [
        "title",
        "description",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
    ];
    for (keyword, ..) in KEYWORDS {
        assert!(
            silent.contains(keyword) || all.contains(&format!("\"{keyword}\":")),
            "{keyword}"
        );
    }
    for keyword in silent {
        let schema = format!(r#"{{"{keyword}":true}}"#);
        assert_eq!(
            checked(&compiled(&schema).unwrap(), "1"),
            Ok(()),
            "{keyword}"
        );
    }
}

#[test]
fn the_page_on_schemas_lists_the_keywords_that_there_are() {
    let page = text_of(&root().join("docs/schemas.md"));
    let (_, table) = page.split_once("## Keywords\n").unwrap();
    let (table, _) = table.split_once("\n\nEvery other").unwrap();
    let mut listed: Vec<_> = table.split('`').skip(1).step_by(2).collect();
    let mut supported: Vec<_> = KEYWORDS.iter().map(|(keyword, ..)| *keyword).collect();
    listed.sort_unstable();
    supported.sort_unstable();
    assert_eq!(listed, supported);
}

#[test]
fn the_same_schemas_in_another_order_are_the_same_program() {
    let a = Source {
        kind: "a",
        file: "a.json",
        text: r#"{"pattern":"^a+$"}"#,
    };
    let b = Source {
        kind: "b",
        file: "b.json",
        text: r#"{"pattern":"b","items":{"pattern":"^a+$"}}"#,
    };
    let program = compile(&[a, b]).unwrap();
    assert_eq!(compile(&[b, a]).unwrap(), program);
    assert_eq!(compile(&[a, b]).unwrap(), program);
    let schemas = doorward_events::schema::Schemas::read(&program).unwrap();
    assert_eq!(schemas.for_type("b").unwrap().text(), b.text);
    assert!(schemas.for_type("c").is_none());
    let kinds: Vec<_> = schemas.all().map(|schema| schema.kind()).collect();
    assert_eq!(kinds, ["a", "b"]);
}
