//! Regular expressions as JavaScript has them.

use super::{checked, compiled};

fn of(pattern: &str) -> Result<Vec<u8>, Vec<String>> {
    compiled(&format!(
        r#"{{"pattern":{}}}"#,
        serde_json::Value::from(pattern)
    ))
}

/// Each as ECMA-262 has it with the flag `u`, where it takes it.
#[test]
fn patterns_mean_what_they_mean_in_javascript() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("", &["", "a"], &[]),
        ("b", &["abc"], &["ac"]),
        ("^a$", &["a"], &["a\n", "\na", "ba"]),
        (
            "^.$",
            &["é", "\u{1F600}", "\0"],
            &["\n", "\r", "\u{2028}", "ab"],
        ),
        (r"^\d$", &["7"], &["\u{0967}", "x"]),
        (r"^\D$", &["\u{0967}"], &["7"]),
        (r"^\w+$", &["aZ_9"], &["é", "-"]),
        (
            r"^\s$",
            &[" ", "\u{a0}", "\u{feff}", "\u{2028}", "\u{3000}", "\u{b}"],
            &["\u{85}", "\u{180e}", "a"],
        ),
        (r"^\S$", &["\u{85}"], &["\u{feff}"]),
        (r"\bcat\b", &["a cat!", "écaté"], &["cats"]),
        (r"^\Bx", &[], &["x"]),
        (r"^[\w-.]+$", &["a-b.c"], &["a b"]),
        (r"^[a&&b]$", &["&", "a", "b"], &["&&", "c"]),
        (r"^[[a]$", &["[", "a"], &["]"]),
        (r"^[a~~+--c]$", &["~", ",", "-", "c"], &["b", "."]),
        (r"^[^\D5]$", &["4"], &["5", "a"]),
        (r"^[\b]$", &["\u{8}"], &["b"]),
        (r"^[\]\-\\^]$", &["]", "-", "\\", "^"], &["a"]),
        ("^[]$", &[], &["", "a", "]"]),
        ("^[^]$", &["a", "\n"], &["", "ab"]),
        (r"^\cA\x41\u0042\u{43}\0$", &["\u{1}ABC\0"], &["ABC"]),
        (r"^\ud83d\ude00$", &["\u{1F600}"], &[]),
        (
            r"^[\ud83d\ude00-\u{1F610}]$",
            &["\u{1F601}"],
            &["\u{1F611}"],
        ),
        (r"^\p{Lu}\p{Script=Greek}\P{L}$", &["Éα1"], &["éα1", "ÉαL"]),
        (r"^\/\.\-\@$", &["/.-@"], &["/a-@"]),
        (
            "^(?<year>[0-9]{4})-(?:0[1-9]|1[0-2])$",
            &["2027-12"],
            &["2027-13"],
        ),
        ("^a{2,}?b{0,1}c{3}$", &["aaccc", "aaabccc"], &["accc"]),
        ("^(a|b)*?$", &["", "abba"], &["c"]),
        ("^x-", &["x-a"], &["ax-"]),
        ("a b#c", &["a b#c"], &["ab"]),
        ("^}]$", &["}]"], &[]),
    ];
    for (pattern, good, bad) in cases {
        let program = of(pattern).unwrap_or_else(|problems| panic!("{pattern}: {problems:?}"));
        for (texts, expected) in [(good, true), (bad, false)] {
            for text in *texts {
                let value = serde_json::Value::from(*text).to_string();
                assert_eq!(
                    checked(&program, &value).is_ok(),
                    expected,
                    "{pattern}: {value}"
                );
            }
        }
    }
}

#[test]
fn patterns_that_are_none_or_not_supported_are_refused_by_name() {
    let cases = [
        ("a(?=b)", "look-ahead, `(?=`, is not supported"),
        ("a(?!b)", "look-ahead, `(?!`, is not supported"),
        ("(?<=a)b", "look-behind, `(?<=`, is not supported"),
        ("(?<!a)b", "look-behind, `(?<!`, is not supported"),
        (r"(a)\1", r"a back-reference, `\1`, is not supported"),
        (r"(?<n>a)\k<n>", r"a back-reference, `\k`, is not supported"),
        ("(?i:a)", "a group of an unknown kind, `(?`"),
        ("(?<1 2>a)", "\"1 2\" is no name of a group"),
        (r"\a", r"`\a` is no escape of ECMA-262"),
        (r"\Z", r"`\Z` is no escape of ECMA-262"),
        (
            r"\p{Nobody}",
            "the pattern is none: Unicode property not found",
        ),
        (r"\pL", r"`\p` without the name of a property"),
        (r"\ud83d", r"`\u` of U+D83D, which is no character"),
        (r"\u12", "an escape without its hexadecimal digits"),
        (r"\c1", r"`\c` without a letter"),
        ("a**", "nothing is there that `*` could repeat"),
        ("a++", "nothing is there that `+` could repeat"),
        ("^*", "nothing is there that `*` could repeat"),
        ("|?", "nothing is there that `?` could repeat"),
        ("a{,2}", "`{` has to be escaped, or followed by counts"),
        ("a{", "`{` has to be escaped, or followed by counts"),
        (
            "a{2,1}",
            "the pattern is none: invalid repetition count range, the start must be <= the end",
        ),
        ("(a", "a group that does not end"),
        ("a)", "a `)` without its `(`"),
        ("[a", "a class that does not end"),
        (
            "[b-a]",
            "the pattern is none: invalid character class range, the start must be <= the end",
        ),
        ("a\\", "a backslash at the end"),
        (
            "(?:a|b)*a(?:a|b){20}",
            "the pattern is too large: its automaton may have 262144 bytes",
        ),
        (
            "(?:(?:(?:a{1000}){1000}){1000}){1000}",
            "the pattern is too large: its automaton may have 262144 bytes",
        ),
    ];
    for (pattern, expected) in cases {
        assert_eq!(
            of(pattern).unwrap_err(),
            [format!("#/pattern: {expected}")],
            "{pattern}"
        );
    }
}
