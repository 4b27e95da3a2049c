//! Programs that nobody has compiled, and values that are made to take long.

use std::time::{Duration, Instant};

use doorward_events::json::Tape;
use doorward_events::schema::{ProgramError, Schemas, Scratch};
use doorward_tests::numbers::Numbers;

use super::{checked, compiled};

/// A schema with every kind of rule.
const EVERYTHING: &str = r##"{
    "$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}},
    "type": ["object", "array", "string", "integer"],
    "properties": {"a": {"$ref": "#/$defs/list"}, "b": {"const": {"x": [1, null, true]}}},
    "required": ["a"],
    "patternProperties": {"^x": {"enum": ["a", 1.5, false]}},
    "additionalProperties": {"multipleOf": 0.5, "minimum": 1, "exclusiveMaximum": 1e3},
    "propertyNames": {"pattern": "^[a-zé]+$", "minLength": 1, "maxLength": 20},
    "minProperties": 1, "maxProperties": 9,
    "prefixItems": [true], "items": {"not": {"type": "null"}},
    "contains": {"type": "integer"}, "minContains": 0, "maxContains": 5,
    "minItems": 1, "maxItems": 9, "uniqueItems": true,
    "dependentRequired": {"b": ["a"]}, "dependentSchemas": {"b": {"minProperties": 2}},
    "allOf": [true, {"maxLength": 9}], "anyOf": [{"type": "object"}, true],
    "oneOf": [{"type": "null"}, true],
    "if": {"type": "array"}, "then": {"minItems": 1}, "else": true
}"##;
const VALUES: [&str; 6] = [
    r#"{"a":[[],[[]]],"b":{"x":[1,null,true]},"xa":1.5,"c":2.5}"#,
    r#"{"b":{}}"#,
    r#"[1,2,"a",[],{}]"#,
    r#""\u0061bc""#,
    "12",
    "{}",
];

/// Sets the checksum right, as somebody would who wants to be read.
fn sealed(mut program: Vec<u8>) -> Vec<u8> {
    let body = program.get(28..).unwrap_or_default();
    let sum = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let length = body.len() as u64;
    if program.len() >= 28 {
        program[12..20].copy_from_slice(&length.to_le_bytes());
        program[20..28].copy_from_slice(&sum.to_le_bytes());
    }
    program
}

#[test]
fn a_program_that_was_cut_off_or_changed_is_refused() {
    let program = compiled(EVERYTHING).unwrap();
    assert_eq!(sealed(program.clone()), program);
    assert!(
        checked(&program, VALUES[0]).is_ok(),
        "{:?}",
        checked(&program, VALUES[0])
    );
    for length in 0..program.len() {
        let cut = program[..length].to_vec();
        assert!(Schemas::read(&cut).is_err(), "{length}");
        assert!(
            Schemas::read(&sealed(cut)).is_err(),
            "{length}, with another checksum"
        );
    }
    let mut changed = program.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(Schemas::read(&changed).unwrap_err(), ProgramError::Checksum);
    changed = program.clone();
    changed[8] = 2;
    assert_eq!(
        Schemas::read(&changed).unwrap_err(),
        ProgramError::OtherFormat(2)
    );
    changed[0] = 0;
    assert_eq!(
        Schemas::read(&changed).unwrap_err(),
        ProgramError::NoProgram
    );
    changed = [&*program, b"x"].concat();
    assert_eq!(Schemas::read(&changed).unwrap_err(), ProgramError::Length);
}

/// What is read ends, whatever it says. It is looked at that nothing panics and nothing hangs.
#[test]
fn a_forged_program_is_refused_or_checks_something_else() {
    let program = compiled(EVERYTHING).unwrap();
    let (mut refused, mut read) = (0, 0);
    for seed in 0..20_000 {
        let mut numbers = Numbers::new(seed);
        let mut forged = program.clone();
        for _ in 0..1 + numbers.below(3) {
            let at = 28 + numbers.below(forged.len() - 28);
            match numbers.below(4) {
                0 => forged[at] = numbers.next_number() as u8,
                1 => forged[at] ^= 1 << numbers.below(8),
                2 => forged[at] = numbers.below(30) as u8,
                _ => forged[at] = 255,
            }
        }
        let forged = sealed(forged);
        let Ok(schemas) = Schemas::read(&forged) else {
            refused += 1;
            continue;
        };
        read += 1;
        let mut tape = Tape::new();
        for schema in schemas.all() {
            for value in VALUES {
                let start = Instant::now();
                let value = tape.parse(value.as_bytes()).unwrap();
                let _ = schema.check(value, &mut Scratch::new());
                assert!(start.elapsed() < Duration::from_secs(2), "seed {seed}");
            }
        }
    }
    assert!(
        refused > 1_000 && read > 1_000,
        "{refused} refused, {read} read"
    );
}

#[test]
fn a_program_in_which_a_schema_applies_because_of_itself_is_refused() {
    // `not` has one node after its tag, at the end of the nodes: it is made to be its own.
    let program = compiled(r#"{"not":{"title":"","not":false}}"#).unwrap();
    let body = 28 + 4 + 4;
    assert_eq!(program[body..body + 10], [63, 1, 0, 0, 0, 5, 1, 0, 0, 0]);
    let mut forged = program;
    forged[body + 6] = 0;
    assert_eq!(
        Schemas::read(&sealed(forged)).unwrap_err(),
        ProgramError::Endless(0)
    );
}

#[test]
fn alternatives_within_each_other_are_given_up_in_bounded_time() {
    let program = compiled(
        r##"{"anyOf":[{"properties":{"a":{"$ref":"#"}},"required":["a"],"type":"object"},{"properties":{"a":{"$ref":"#"}},"required":["a"],"type":"object"},{"const":1}]}"##,
    )
    .unwrap();
    // Without a bound these are 2^60 steps.
    let value = format!("{}2{}", r#"{"a":"#.repeat(60), "}".repeat(60));
    let start = Instant::now();
    let violation = checked(&program, &value).unwrap_err();
    assert_eq!(violation.detail, "takes too many steps to be checked");
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    // Nor is a wide object free that is looked at again and again: 2^13 times 50,000 members.
    let members: Vec<_> = (0..50_000).map(|n| format!("\"m{n}\":0")).collect();
    let wide = format!(
        "{}{{{}}}{}",
        r#"{"a":"#.repeat(13),
        members.join(","),
        "}".repeat(13)
    );
    let violation = checked(&program, &wide).unwrap_err();
    assert_eq!(violation.detail, "takes too many steps to be checked");
    // What fits is found at once, and what is given up within a negation does not pass.
    let good = value.replace('2', "1");
    assert_eq!(checked(&program, &good), Ok(()));
    let program = compiled(
        r##"{"not":{"$ref":"#/$defs/a"},"$defs":{"a":{"anyOf":[{"properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"],"type":"object"},{"properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"],"type":"object"},{"const":1}]}}}"##,
    )
    .unwrap();
    assert!(checked(&program, &value).is_err());
}

#[test]
fn the_deepest_value_and_the_longest_chain_of_schemas_fit_a_stack_of_a_component() {
    // 30 schemas that apply because of each other, at each of 60 levels.
    let chain: Vec<_> = (0..30)
        .map(|n| format!(r##""c{n}":{{"allOf":[{{"$ref":"#/$defs/c{}"}}]}}"##, n + 1))
        .collect();
    let chain = chain.get(..13).unwrap().join(",");
    let schema = format!(
        r##"{{"$defs":{{{chain},"c13":{{"items":{{"$ref":"#/$defs/c0"}}}}}},"$ref":"#/$defs/c0"}}"##
    );
    let program = compiled(&schema).unwrap();
    let check = move |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        checked(&program, &value)
    };
    // wasmtime gives a component 512 KiB for what is not in its own memory.
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    let run = thread.spawn(move || (check(17), check(64))).unwrap();
    let (shallow, deep) = run.join().unwrap();
    assert_eq!(shallow, Ok(()));
    assert_eq!(deep.unwrap_err().detail, "is nested too deep to be checked");
}

#[test]
fn unique_items_are_found_in_bounded_time_among_many_and_wide_ones() {
    let program = compiled(r#"{"uniqueItems":true}"#).unwrap();
    let many: Vec<_> = (0..200_000).map(|n| n.to_string()).collect();
    let members: Vec<_> = (0..20_000).map(|n| format!("\"{n}\":{n}")).collect();
    let backwards: Vec<_> = members.iter().rev().cloned().collect();
    let wide = |members: &[String]| format!("{{{}}}", members.join(","));
    let start = Instant::now();
    assert_eq!(checked(&program, &format!("[{}]", many.join(","))), Ok(()));
    let twice = format!("[{},1e5]", many.join(","));
    let violation = checked(&program, &twice).unwrap_err();
    assert_eq!(
        violation.detail,
        "has the same element twice, at 100000 and 200000"
    );
    let same = format!("[{},{}]", wide(&members), wide(&backwards));
    let violation = checked(&program, &same).unwrap_err();
    assert_eq!(violation.detail, "has the same element twice, at 0 and 1");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    for (value, unique) in [
        ("[]", true),
        ("[1,true]", true),
        ("[0,false,\"\",null,[],{}]", true),
        ("[[1],[true]]", true),
        (r#"[{"a":{"b":1}},{"a":{"b":2}}]"#, true),
        (r#"["a","\u0061"]"#, false),
        ("[0,1,2,3,4,5,6,7,8,9,-0.0]", false),
        ("[[],[[]],[[],[]],[[[]]],[],1]", false),
    ] {
        assert_eq!(checked(&program, value).is_ok(), unique, "{value}");
    }
}

#[test]
fn members_of_many_names_are_found_whatever_their_order_and_escapes() {
    for count in [3, 16, 17, 200] {
        let names: Vec<_> = (0..count).map(|n| format!("n{n}")).collect();
        let properties: Vec<_> = names
            .iter()
            .map(|name| format!("\"{name}\":{{\"const\":\"{name}\"}}"))
            .collect();
        let required = serde_json::Value::from(names.clone());
        let schema = format!(
            r#"{{"properties":{{{}}},"required":{required},"additionalProperties":false}}"#,
            properties.join(",")
        );
        let program = compiled(&schema).unwrap();
        for seed in 0..50 {
            let mut numbers = Numbers::new(seed);
            let mut sent = names.clone();
            for place in (1..sent.len()).rev() {
                sent.swap(place, numbers.below(place + 1));
            }
            let missing = (seed % 2 == 0).then(|| sent.pop().unwrap());
            let members: Vec<_> = (sent.iter())
                .map(|name| match numbers.below(3) {
                    0 => format!("\"{}\":\"{name}\"", name.replacen('n', r"\u006e", 1)),
                    _ => format!("\"{name}\":\"{name}\""),
                })
                .collect();
            let value = format!("{{{}}}", members.join(","));
            let expected = missing.map_or(Ok(()), |name| Err(format!("has no {name:?}")));
            let told = checked(&program, &value).map_err(|violation| violation.detail);
            assert_eq!(told, expected, "{count}, seed {seed}");
        }
    }
}
