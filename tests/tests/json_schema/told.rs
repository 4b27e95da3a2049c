//! What is said about a value, and exactly how.

use doorward_events::json::Tape;
use doorward_events::schema::compile::{Source, compile};
use doorward_events::schema::{Schemas, Scratch};
use doorward_tests::tree::{root, text_of};
use doorward_users::email::Email;
use doorward_users::outbox::{Event, Happened};
use doorward_users::user::{Details, Identity, User};

use super::{checked, compiled};

#[test]
fn the_first_thing_that_is_wrong_is_told_with_its_place_and_keyword() {
    let long = format!("\"{}\"", "x".repeat(100));
    let long_told = format!(
        "type: is \"{}…, and must be null or an integer",
        "x".repeat(63)
    );
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            r#"{"type":["integer","null"]}"#,
            "1.5",
            "",
            "type: is 1.5, and must be null or an integer",
        ),
        (r#"{"type":["integer","null"]}"#, &long, "", &long_told),
        (
            r#"{"properties":{"a":{"items":{"minimum":1e1}}}}"#,
            r#"{"a":[10,9.99]}"#,
            "/a/1",
            "minimum: is 9.99, and must be at least 1e1",
        ),
        (
            r#"{"exclusiveMaximum":3}"#,
            "3.0",
            "",
            "exclusiveMaximum: is 3.0, and must be less than 3",
        ),
        (
            r#"{"multipleOf":0.01}"#,
            "0.075",
            "",
            "multipleOf: is 0.075, which is no multiple of 0.01",
        ),
        (
            r#"{"minLength":3}"#,
            r#""\ud83d\ude00é""#,
            "",
            "minLength: is shorter than 3 characters",
        ),
        (
            r#"{"maxLength":1}"#,
            r#""ab""#,
            "",
            "maxLength: is longer than 1 characters",
        ),
        (
            r#"{"pattern":"^a"}"#,
            r#""ba""#,
            "",
            "pattern: is \"ba\", which does not match ^a",
        ),
        (
            r#"{"enum":[1,"a"]}"#,
            "2",
            "",
            "enum: is 2, which is none of the values that it may be",
        ),
        (
            r#"{"const":{"a":[1,{}]}}"#,
            r#"{"a":[1,[]]}"#,
            "",
            "const: is {\"a\":[1,[]]}, which is not the value that it must be",
        ),
        (
            r#"{"uniqueItems":true}"#,
            r#"[{"a":1,"b":2},3,{"b":2.0,"a":1e0}]"#,
            "",
            "uniqueItems: has the same element twice, at 0 and 2",
        ),
        (
            r#"{"contains":{"const":1},"maxContains":1}"#,
            "[1,1]",
            "",
            "maxContains: has more than 1 elements of a kind",
        ),
        (
            r#"{"contains":{"const":1},"minContains":2}"#,
            "[1,2]",
            "",
            "contains: has 1 elements of a kind of which there must be 2",
        ),
        (
            r#"{"prefixItems":[true],"items":false}"#,
            "[1,2]",
            "/1",
            "items: must not be there: no element may be at this place",
        ),
        (
            r#"{"required":["a","b","c"]}"#,
            r#"{"b":1}"#,
            "",
            "required: has no \"a\", \"c\"",
        ),
        (
            r#"{"properties":{"a":true},"additionalProperties":false}"#,
            r#"{"a":1,"x/y~":2}"#,
            "/x~1y~0",
            "additionalProperties: must not be there: the schema has no member of this name",
        ),
        (
            r#"{"propertyNames":{"maxLength":1}}"#,
            r#"{"a":1,"bc":2}"#,
            "/bc",
            "propertyNames: has a name that none may have",
        ),
        (
            r#"{"dependentRequired":{"a":["b"]}}"#,
            r#"{"a":1}"#,
            "",
            "dependentRequired: has \"a\" without \"b\"",
        ),
        (
            r#"{"not":{"type":"string"}}"#,
            r#""a""#,
            "",
            "not: is what must not be",
        ),
        (
            r#"{"if":{"type":"string"},"then":{"minLength":1}}"#,
            r#""""#,
            "",
            "minLength: is shorter than 1 characters",
        ),
        (
            r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
            "1",
            "",
            "anyOf: is 1, which fits none of 2 alternatives",
        ),
        (
            r#"{"oneOf":[{"minimum":1},{"minimum":2},{"type":"null"}]}"#,
            "3",
            "",
            "oneOf: fits alternatives 1 and 2, and must fit exactly one",
        ),
        (
            r#"{"oneOf":[{"properties":{"kind":{"const":"a"}}},{"properties":{"kind":{"const":"b"},"size":{"type":"integer"}}}]}"#,
            r#"{"kind":"b","size":"x"}"#,
            "/size",
            "type: is \"x\", and must be an integer",
        ),
        ("false", "1", "", "false: must not be there"),
    ];
    for (schema, value, pointer, expected) in cases {
        let violation = checked(&compiled(schema).unwrap(), value).unwrap_err();
        assert_eq!(violation.pointer, *pointer, "{schema}: {value}");
        assert_eq!(
            format!("{}: {}", violation.keyword, violation.detail),
            *expected,
            "{schema}: {value}"
        );
    }
}

#[test]
fn numbers_are_exact() {
    let cases = [
        (r#"{"multipleOf":0.01}"#, "0.07", true),
        (r#"{"multipleOf":0.01}"#, "1e300", true),
        (r#"{"multipleOf":0.01}"#, "0.0700000000000000000001", false),
        (
            r#"{"multipleOf":3}"#,
            "1000000000000000000000000000000000000000000000002",
            true,
        ),
        (
            r#"{"multipleOf":3}"#,
            "1000000000000000000000000000000000000000000000001",
            false,
        ),
        (r#"{"multipleOf":7e-3}"#, "7e9", true),
        (r#"{"multipleOf":7e3}"#, "7e2", false),
        (r#"{"multipleOf":1e9}"#, "0.0", true),
        (r#"{"const":9007199254740993}"#, "9007199254740992", false),
        (r#"{"const":1e2}"#, "100.00", true),
        (r#"{"maximum":0.1}"#, "0.1000000000000000000000001", false),
        (r#"{"type":"integer"}"#, "1.0", true),
        (r#"{"type":"integer"}"#, "15e-1", false),
        (
            r#"{"type":"integer"}"#,
            "123456789012345678901234567890.0",
            true,
        ),
    ];
    for (schema, value, expected) in cases {
        let checked = checked(&compiled(schema).unwrap(), value);
        assert_eq!(checked.is_ok(), expected, "{schema}: {value}: {checked:?}");
    }
}

/// The schemas of what happens to users, compiled.
fn program_of_users() -> Vec<u8> {
    let files =
        ["created", "changed", "deleted"].map(|what| format!("dev.doorward.user.{what}.v1"));
    let texts = files
        .each_ref()
        .map(|kind| text_of(&root().join(format!("crates/users/schemas/{kind}.json"))));
    let sources: Vec<_> = (files.iter().zip(&texts))
        .map(|(kind, text)| Source {
            kind,
            file: kind,
            text,
        })
        .collect();
    compile(&sources).unwrap()
}

/// After a change: `doorward schemas crates/users/schemas/*.json -o components/events/events.schemas`.
#[test]
fn the_intake_checks_what_the_schemas_of_users_say() {
    let shipped = std::fs::read(root().join("components/events/events.schemas")).unwrap();
    assert!(
        shipped == program_of_users(),
        "they have to be compiled again"
    );
}

#[test]
fn what_is_told_of_users_is_what_their_schemas_say() {
    let program = program_of_users();
    let schemas = Schemas::read(&program).unwrap();
    let identity = |issuer: &str, subject: &str| {
        Some(Identity {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        })
    };
    let details = |name: &str, email: &str, identity| Details {
        name: name.to_owned(),
        email: Email::parse(email).unwrap(),
        identity,
    };
    let ada = User::new(
        details(
            &"\u{1F600}".repeat(200),
            "ada@bücher.example",
            identity("https://a.example", "ada \"1\""),
        ),
        1_800_000_000_000,
        &[7; 10],
    );
    let bob = ada.changed(details("b", "b@b.example", None), 1_800_000_000_001);
    let deleted = Happened::Deleted {
        id: bob.id,
        version: 3,
    };
    let mut tape = Tape::new();
    let mut scratch = Scratch::new();
    for happened in [Happened::Created(ada), Happened::Changed(bob), deleted] {
        let event = Event {
            happened,
            at_ms: 1_800_000_000_002,
        };
        let told = event.told();
        let value = tape.parse(told.as_bytes()).unwrap();
        let kind = value.get("type").unwrap().as_string().unwrap().unescaped();
        let schema = schemas.for_type(&kind).unwrap();
        assert_eq!(
            schema.check(value.get("data").unwrap(), &mut scratch),
            Ok(()),
            "{told}"
        );
        // The event around it is none of those.
        assert!(schema.check(value, &mut scratch).is_err(), "{told}");
    }
}
