//! A policy file is TOML: what it says is what the crate `toml` reads in it.
//!
//! Policies are read by code of their own, which leaves out what no policy needs. The crate is the
//! measure of it here.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::{Code, Findings, Policy};

/// The steps of a linear congruential generator: the same ones in every run.
struct Steps(u64);

impl Steps {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn one_of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        values.get(self.below(values.len())).unwrap()
    }
}

#[test]
fn strings_are_read_as_in_toml() {
    let spellings = [
        r#""plain""#,
        r#"'plain'"#,
        r#""é日本🦀""#,
        r#"'C:\n\x'"#,
        r#""a\tb\nc\rd\be\ff\eg\"h\\i""#,
        r#""\u0041\U00000042\x43""#,
        r#""\u00E9\U0001F980""#,
        "\"tab\there\"",
        "'tab\there'",
        "\"\"\"one line\"\"\"",
        "'''one line'''",
        "\"\"\"\nfirst is left out\nsecond\"\"\"",
        "'''\nfirst is left out\nsecond'''",
        "\"\"\"\n\nonly the first\"\"\"",
        "\"\"\"joined \\\n   \n\t lines\"\"\"",
        "\"\"\"joined \\  \n   lines\"\"\"",
        "\"\"\"joined\\\r\n lines\"\"\"",
        "\"\"\"a\"b\"\"c\"\"\"",
        "\"\"\"quotes at the end\"\"\"\"\"",
        "'''quotes at the end'''''",
        "'''a'b''c'''",
        "\"\"\"an escaped \\\"\"\" is none\"\"\"",
        // Not TOML.
        r#""open"#,
        r#"'open"#,
        r#"""""open"""#,
        r#""open\""#,
        r#""a\qb""#,
        r#""\u12""#,
        r#""\u+123""#,
        r#""\uD800""#,
        r#""\U00110000""#,
        r#""\xZZ""#,
        r#""\x4""#,
        "\"a\u{1}b\"",
        "'a\u{7f}b'",
        "\"a\u{0}b\"",
        "\"over\ntwo\"",
        "'over\ntwo'",
        "\"\"\"bare\rreturn\"\"\"",
        "'''bare\rreturn'''",
        "'''\rbare return'''",
        "\"\"\"\\\rbare return\"\"\"",
        "\"\"\"\\ x\"\"\"",
        "plain",
        "https://acme.example",
        "“curly”",
    ];
    for spelling in spellings {
        let text = policy("acme", &format!("audience = {spelling}"));
        match reference(&text) {
            Some(table) => {
                let wanted = table["issuer"]["acme"]["audience"].as_str().unwrap();
                let policy = Policy::parse(&text).unwrap_or_else(|found| panic!("{text}\n{found}"));
                let [issuer] = policy.issuers() else {
                    panic!("one issuer: {policy:?}");
                };
                assert_eq!(issuer.audience, [wanted], "{spelling:?}");
            }
            None => assert!(is_syntax_error(&text), "{spelling:?} is no string of TOML"),
        }
    }
}

#[test]
fn whole_numbers_are_read_as_in_toml() {
    let spellings = [
        "0",
        "-0",
        "+0",
        "7",
        "+7",
        "1_0",
        "1_2_3",
        "0x1F",
        "0xff",
        "0x0_f",
        "0o17",
        "0b1_0",
        "0x0000000000000001",
        "00",
        "007",
        "+007",
        "1__0",
        "_1",
        "1_",
        "0x",
        "0x_1",
        "+0x1",
        "-0x1",
        "0xG",
        "0o8",
        "0b2",
        "0X1",
        "1a",
        "60s",
        "--1",
        "+-1",
        "+",
        "-",
        "1 0",
        "٣",
    ];
    for spelling in spellings {
        let text = policy("acme", &format!("audience = \"a\"\nleeway_s = {spelling}"));
        match reference(&text) {
            Some(table) => {
                let wanted = table["issuer"]["acme"]["leeway_s"].as_integer().unwrap();
                let policy = Policy::parse(&text).unwrap_or_else(|found| panic!("{text}\n{found}"));
                let read: Vec<u64> = policy.issuers().iter().map(|i| i.leeway_s).collect();
                assert_eq!(read, [wanted.cast_unsigned()], "{spelling}");
            }
            None => assert!(is_syntax_error(&text), "{spelling} is no number of TOML"),
        }
    }
}

#[test]
fn a_whole_number_has_64_bits() {
    for (spelling, fits) in [
        ("9223372036854775807", true),
        ("-9223372036854775808", true),
        ("0x7fffffffffffffff", true),
        ("9223372036854775808", false),
        ("-9223372036854775809", false),
        ("0x8000000000000000", false),
        ("99999999999999999999999999999999999999999", false),
    ] {
        let found = findings(&policy(
            "acme",
            &format!("audience = \"a\"\n[[route]]\npath = \"/n\"\nclaims = {{ n = {spelling} }}"),
        ));
        let refused = found
            .as_slice()
            .iter()
            .any(|finding| finding.message.contains("does not fit in 64 bits"));
        assert_eq!(!refused, fits, "{spelling}: {found}");
    }
}

#[test]
fn fractions_and_times_are_named_as_what_they_are() {
    for (spelling, name) in [
        ("1.5", "a float"),
        ("-1.5e-7", "a float"),
        ("1e3", "a float"),
        ("inf", "a float"),
        ("-nan", "a float"),
        ("2024-02-29", "a datetime"),
        ("2024-02-29T12:30:00Z", "a datetime"),
        ("2024-02-29 12:30:00.25+01:00", "a datetime"),
        ("12:30:00", "a datetime"),
    ] {
        let text = policy("acme", &format!("audience = {spelling}"));
        assert!(reference(&text).is_some(), "{spelling} is TOML");
        let found = findings(&text);
        let named = found
            .as_slice()
            .iter()
            .any(|finding| finding.code == Code::WrongType && finding.message.ends_with(name));
        assert!(named, "{spelling} is {name}, but: {found}");
    }
}

#[test]
fn keys_are_read_as_in_toml() {
    for key in [
        "acme",
        "a-b_1",
        "123",
        "\"acme\"",
        "'acme'",
        "\"\\u0061cme\"",
        " acme ",
        "a cme",
        "é",
        "",
        "'''acme'''",
        "\"\"\"acme\"\"\"",
        "\"ac",
        "a\"b\"",
        "a.",
        ".a",
        "a=b",
    ] {
        let text = policy(key, "audience = \"a\"");
        match reference(&text) {
            Some(table) => {
                let wanted: Vec<&String> = table["issuer"].as_table().unwrap().keys().collect();
                let policy = Policy::parse(&text).unwrap_or_else(|found| panic!("{text}\n{found}"));
                let read: Vec<&String> = policy.issuers().iter().map(|i| &i.name).collect();
                assert_eq!(read, wanted, "{key:?}");
            }
            None => assert!(is_syntax_error(&text), "{key:?} is no key of TOML"),
        }
    }
}

#[test]
fn tables_are_put_together_as_in_toml() {
    let lines = [
        "[a]",
        "[b]",
        "[a.b]",
        "[a.b.c]",
        "[[a]]",
        "[[a.b]]",
        "[[b]]",
        "[a.c]",
        "[[a.b.c]]",
        "a = 1",
        "b = 1",
        "c = 1",
        "a.b = 1",
        "b.c = 1",
        "b.c.d = 1",
        "b.d = 1",
        "a.b.c = 1",
        "b = {}",
        "b = { c = 1 }",
        "b = { c.d = 1, c.e = 2 }",
        "b = { c.d = 1, c = 2 }",
        "b = { c = {}, c.d = 1 }",
        "b = { c = 1, c = 2 }",
        "b = []",
        "b = [{}]",
        "c = [{ d = 1 }, { d = 2 }]",
        "c = [1, [2, { e = 3 }]]",
        "",
    ];
    let mut steps = Steps(1);
    let mut good = 0;
    for _ in 0..30_000 {
        let count = 1 + steps.below(5);
        let text: Vec<&str> = (0..count).map(|_| *steps.one_of(&lines)).collect();
        let text = text.join("\n");
        let is_toml = reference(&text).is_some();
        good += usize::from(is_toml);
        assert_eq!(!is_syntax_error(&text), is_toml, "is this TOML?\n{text}");
    }
    assert!(
        (5_000..25_000).contains(&good),
        "{good} good ones of 30,000"
    );
}

#[test]
fn what_is_not_toml_is_no_policy() {
    let whole = include_str!("../../doorward.toml");
    let pieces = [
        "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\"", "'", "\"\"\"", "'''", "\\", "#", "\n",
        "\r\n", "\r", "\t", " ", "\u{0}", "\u{7f}", "é", "1", "0x", "_", "-", "+", ":", "e",
        "true", "a = 1\n", "[x]\n", "\\u0041",
    ];
    let mut steps = Steps(2);
    let mut good = 0;
    for _ in 0..8_000 {
        let mut text: Vec<char> = whole.chars().collect();
        for _ in 0..1 + steps.below(3) {
            let from = steps.below(text.len());
            let to = text.len().min(from + steps.below(4));
            let piece = if steps.below(4) == 0 {
                ""
            } else {
                steps.one_of(&pieces)
            };
            text.splice(from..to, piece.chars());
        }
        let text: String = text.into_iter().collect();
        if reference(&text).is_some() {
            good += 1;
            assert!(
                !is_syntax_error(&text),
                "this is TOML:\n{text}\n{}",
                findings(&text)
            );
        } else {
            assert!(Policy::parse(&text).is_err(), "this is no TOML:\n{text}");
        }
    }
    assert!((800..7_200).contains(&good), "{good} good ones of 8,000");
}

#[test]
fn what_is_deep_or_wide_is_refused() {
    let deep = |depth: usize| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(!is_syntax_error(&deep(32)), "{}", findings(&deep(32)));
    for depth in [33, 100_000] {
        assert!(
            is_syntax_error(&deep(depth)),
            "{depth} arrays in each other"
        );
    }
    let tables = format!("a = {}{}", "{ a = ".repeat(50_000), "}".repeat(50_000));
    assert!(is_syntax_error(&tables));
    let dots = format!("{}a = 1", "a.".repeat(50_000));
    assert!(Policy::parse(&dots).is_err());
    let wide: String = (0..200_000)
        .map(|number| format!("k{number} = 1\n"))
        .collect();
    let found = findings(&wide);
    let codes: Vec<Code> = found
        .as_slice()
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, [Code::TooLarge], "{found}");
}

/// A policy with one issuer.
fn policy(name: &str, lines: &str) -> String {
    format!("[[route]]\npath = \"/\"\n[issuer.{name}]\nurl = \"https://acme.example\"\n{lines}\n")
}

fn reference(text: &str) -> Option<toml::Table> {
    toml::from_str(text).ok()
}

fn is_syntax_error(text: &str) -> bool {
    let found = findings(text);
    let all = found.as_slice();
    let syntax = all.iter().filter(|f| f.code == Code::Syntax).count();
    assert!(
        syntax == 0 || syntax == all.len(),
        "misleading findings: {found}"
    );
    syntax > 0
}

/// Everything found in a policy, whether or not it can be used.
fn findings(text: &str) -> Findings {
    match Policy::parse(text) {
        Ok(policy) => policy.warnings().clone(),
        Err(findings) => findings,
    }
}
