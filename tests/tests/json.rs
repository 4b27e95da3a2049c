//! JSON as events are read: against a suite that nobody here wrote, and against another reader.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_events::json::{DEPTH_MAX, JsonReason, Kind, Number, Tape, Value};
use doorward_tests::numbers::Numbers;
use doorward_tests::tree::{root, text_of};

/// What may be refused (`i_`) or would have to be accepted (`y_`), and what becomes of it here. All that are not here and
/// begin with `i_` are refused.
const ACCEPTED: [&str; 4] = [
    "i_number_double_huge_neg_exp",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
];
const STRICTER: [&str; 2] = [
    "y_object_duplicated_key",
    "y_object_duplicated_key_and_value",
];

/// The bytes of a line of `parsing.txt`.
fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => match rest.next().unwrap() {
                b'\\' => bytes.push(b'\\'),
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let digits = core::str::from_utf8(&digits).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                }
                other => panic!("an escape {other}: {line}"),
            },
            _ => bytes.push(byte),
        }
    }
    bytes
}

#[test]
fn the_parsing_suite_is_accepted_and_refused_as_it_says() {
    let text = text_of(&root().join("tests/data/json/parsing.txt"));
    let mut files: Vec<(&str, Vec<u8>)> = (text.lines())
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .map(|(name, text)| (name, unescaped(text)))
        .collect();
    files.push(("n_structure_100000_opening_arrays", b"[".repeat(100_000)));
    files.push(("n_structure_open_array_object", b"[{\"\":".repeat(50_000)));
    assert_eq!(files.len(), 318);
    let mut tape = Tape::new();
    for (name, bytes) in files {
        let is_good = match name.as_bytes() {
            [b'y', ..] => !STRICTER.contains(&name),
            [b'i', ..] => ACCEPTED.contains(&name),
            _ => false,
        };
        let read = tape.parse(&bytes);
        assert_eq!(read.is_ok(), is_good, "{name}: {read:?}");
        if let Err(error) = read {
            assert!(error.offset <= bytes.len(), "{name}: {error}");
        }
    }
}

/// Draws texts that are JSON for the most part, in every way to write it.
struct Texts(Numbers);

impl Texts {
    fn one_of<'s>(&mut self, of: &[&'s str]) -> &'s str {
        of[self.0.below(of.len())]
    }

    fn space(&mut self, out: &mut String) {
        out.push_str(self.one_of(&["", "", "", " ", "\n", "\t\r", "  "]));
    }

    fn string(&mut self, out: &mut String) {
        out.push('"');
        for _ in 0..self.0.below(14) {
            out.push_str(self.one_of(&[
                "a",
                "b",
                "name",
                "é",
                "漢字",
                "🦀",
                "0",
                " ",
                r"\n",
                r#"\""#,
                r"\\",
                r"\/",
                r"\u0061",
                r"\u00e9",
                r"\ud83e\udd80",
                r"\uD83E\uDD80",
                r"\b\f\r\t",
                "\u{7f}",
                "abcdefgh",
            ]));
        }
        out.push('"');
    }

    fn number(&mut self, out: &mut String) {
        out.push_str(self.one_of(&["", "-"]));
        out.push_str(self.one_of(&[
            "0",
            "1",
            "12",
            "9007199254740993",
            "123456789012345678901234567890",
        ]));
        out.push_str(self.one_of(&["", "", ".0", ".5", ".000001", ".10"]));
        out.push_str(self.one_of(&["", "", "e0", "E+2", "e-7", "e280"]));
    }

    fn value(&mut self, out: &mut String, depth: usize) {
        self.space(out);
        match self.0.below(if depth == 0 { 6 } else { 10 }) {
            0 => out.push_str(self.one_of(&["true", "false"])),
            1 => out.push_str("null"),
            2 | 3 => self.number(out),
            4 | 5 => self.string(out),
            6 | 7 => {
                out.push('[');
                for n in 0..self.0.below(5) {
                    out.push_str(if n == 0 { "" } else { "," });
                    self.value(out, depth - 1);
                }
                self.space(out);
                out.push(']');
            }
            _ => {
                out.push('{');
                let many = if self.0.below(8) == 0 { 30 } else { 5 };
                for n in 0..self.0.below(many) {
                    out.push_str(if n == 0 { "" } else { "," });
                    self.space(out);
                    self.string(out);
                    self.space(out);
                    out.push(':');
                    self.value(out, depth - 1);
                }
                self.space(out);
                out.push('}');
            }
        }
        self.space(out);
    }

    /// A text, and every third time one with something in it changed.
    fn text(&mut self) -> Vec<u8> {
        let mut text = String::new();
        self.value(&mut text, 4);
        let mut bytes = text.into_bytes();
        if self.0.below(3) == 0 && !bytes.is_empty() {
            let at = self.0.below(bytes.len());
            let other = br#"{}[],:"\ue0-1.tfn"#[self.0.below(17)];
            match self.0.below(3) {
                0 => bytes[at] = other,
                1 => bytes.insert(at, other),
                _ => bytes.truncate(at),
            }
        }
        bytes
    }
}

/// Whether both have read the same.
fn is_same(ours: Value<'_>, theirs: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (ours.kind(), theirs) {
        (Kind::Null, Json::Null) => true,
        (Kind::Bool, Json::Bool(theirs)) => ours.as_bool() == Some(*theirs),
        (Kind::Number, Json::Number(theirs)) => {
            let ours = ours.as_number().unwrap();
            let (value, theirs) = (
                ours.text().parse::<f64>().unwrap(),
                theirs.as_f64().unwrap(),
            );
            (value - theirs).abs() <= value.abs() * 1e-15
                && Number::parse(ours.text()).is_some_and(|again| again == ours)
        }
        (Kind::String, Json::String(theirs)) => {
            let ours = ours.as_string().unwrap();
            ours.unescaped() == *theirs && ours.eq_str(theirs)
        }
        (Kind::Array, Json::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours.elements().count() == theirs.len()
                && ours
                    .elements()
                    .zip(theirs)
                    .all(|(ours, theirs)| is_same(ours, theirs))
        }
        (Kind::Object, Json::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.members().count() == theirs.len()
                && ours.members().all(|(name, value)| {
                    let theirs = theirs.get(&*name.unescaped());
                    theirs.is_some_and(|theirs| is_same(value, theirs))
                })
                && theirs.iter().all(|(name, theirs)| {
                    ours.get(name).is_some_and(|value| is_same(value, theirs))
                })
        }
        _ => false,
    }
}

#[test]
fn another_reader_accepts_the_same_and_reads_the_same_values() {
    let mut tape = Tape::new();
    let (mut good, mut stricter) = (0, 0);
    for seed in 0..20_000 {
        let text = Texts(Numbers::new(seed)).text();
        let shown = String::from_utf8_lossy(&text);
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        match (tape.parse(&text), theirs) {
            (Ok(ours), Ok(theirs)) => {
                assert!(is_same(ours, &theirs), "seed {seed}: {shown}");
                assert_eq!(
                    ours.text(),
                    shown.trim_matches([' ', '\t', '\r', '\n']),
                    "seed {seed}"
                );
                good += 1;
            }
            (Err(_), Err(_)) => {}
            (Err(error), Ok(_)) => {
                let ours_alone = matches!(error.reason, JsonReason::Duplicate(_));
                assert!(ours_alone, "seed {seed}: {error}: {shown}");
                stricter += 1;
            }
            (Ok(_), Err(error)) => panic!("seed {seed}: {error}: {shown}"),
        }
    }
    assert!(good > 10_000 && stricter > 100, "{good}, {stricter}");
}

#[test]
fn a_member_that_is_there_twice_is_found_among_few_and_among_many_whatever_its_escapes() {
    let mut tape = Tape::new();
    for seed in 0..2_000 {
        let mut numbers = Numbers::new(seed);
        let count = 2 + numbers.below(60);
        let mut names: Vec<String> = (0..count).map(|n| format!("name-{n}")).collect();
        let (first, second) = (numbers.below(count), numbers.below(count));
        let is_twice = first != second;
        names[second] = names[first].clone();
        let mut text = String::from("{");
        for (n, name) in names.iter().enumerate() {
            text.push_str(if n == 0 { "" } else { "," });
            let name = match numbers.below(6) {
                0 => name.replacen('-', r"\u002d", 1),
                1 => name.replacen('n', r"\u006E", 1),
                _ => name.clone(),
            };
            text.push_str(&format!(r#""{name}":[{{"name-0":1}},{n}]"#));
        }
        text.push('}');
        match tape.parse(text.as_bytes()) {
            Ok(value) => assert!(!is_twice && value.len() == count, "seed {seed}: {text}"),
            Err(error) => {
                assert!(is_twice, "seed {seed}: {error}");
                assert_eq!(
                    error.reason,
                    JsonReason::Duplicate(names[first].clone()),
                    "seed {seed}"
                );
                // Where the later one of the two begins.
                let later = first.max(second);
                let before = text[..error.offset].matches(":[{").count();
                assert_eq!(before, later, "seed {seed}: {text}");
            }
        }
    }
}

/// One number in one of the ways to write it: `digits` × 10^`exponent`.
fn written(digits: i64, exponent: i32, numbers: &mut Numbers) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let mut text = digits.unsigned_abs().to_string();
    let mut exponent = exponent;
    for _ in 0..numbers.below(4) {
        text.push('0');
        exponent -= 1;
    }
    // The point somewhere within, or before with zeros.
    let after = numbers.below(text.len() + 5);
    let mut fraction = String::new();
    if after > 0 {
        let padded = format!("{}{text}", "0".repeat(after.saturating_sub(text.len() - 1)));
        let (whole, rest) = padded.split_at(padded.len() - after);
        let whole = if whole.trim_start_matches('0').is_empty() {
            "0"
        } else {
            whole.trim_start_matches('0')
        };
        fraction = format!(".{rest}");
        text = whole.to_owned();
        exponent += i32::try_from(after).unwrap();
    } else if text.starts_with('0') {
        text = "0".to_owned();
    }
    let e = match (exponent, numbers.below(3)) {
        (0, 0 | 1) => String::new(),
        (_, 0) => format!("e{exponent}"),
        (0.., _) => format!("E+0{exponent}"),
        (..0, _) => format!("E-00{}", -exponent),
    };
    format!("{sign}{text}{fraction}{e}")
}

#[test]
fn numbers_are_compared_by_their_exact_values_however_they_are_written() {
    let exact =
        |digits: i64, exponent: i32| i128::from(digits) * 10_i128.pow((exponent + 12) as u32);
    for seed in 0..50_000 {
        let mut numbers = Numbers::new(seed);
        let mut draw = || {
            let digits = numbers.below(4000) as i64 - 2000;
            (digits, numbers.below(24) as i32 - 12)
        };
        let (a, mut b) = (draw(), draw());
        if seed % 3 == 0 {
            b = (a.0 * 10, a.1 - 1);
            if b.1 < -12 {
                continue;
            }
        }
        let (left, right) = (
            written(a.0, a.1, &mut numbers),
            written(b.0, b.1, &mut numbers),
        );
        let told = format!("seed {seed}: {left} and {right}");
        let left = Number::parse(&left).unwrap_or_else(|| panic!("{told}"));
        let right = Number::parse(&right).unwrap_or_else(|| panic!("{told}"));
        let (left_exact, right_exact) = (exact(a.0, a.1), exact(b.0, b.1));
        assert_eq!(left.cmp(&right), left_exact.cmp(&right_exact), "{told}");
        assert_eq!(left == right, left_exact == right_exact, "{told}");
        let one = 10_i128.pow(12);
        assert_eq!(left.is_integer(), left_exact % one == 0, "{told}");
        let whole = (left_exact % one == 0).then(|| i64::try_from(left_exact / one).ok());
        assert_eq!(left.as_i64(), whole.flatten(), "{told}");
    }
}

#[test]
fn what_is_too_large_for_a_double_is_refused_from_the_first_number_on() {
    // 2^1024 - 2^970, half way between the largest double and what would be the next, is rounded up.
    let bound = "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792";
    let one_less = bound.replace("497792", "497791");
    for digits in [bound, &one_less] {
        for shift in [1, 60, 250] {
            let (digits, _) = digits.split_at(250);
            let (whole, fraction) = digits.split_at(shift);
            let text = format!("{whole}.{fraction}e{}", 309 - shift);
            let text = text.replace(".e", "e");
            // Of 250 digits, cut off: below the bound in either case.
            assert!(text.parse::<f64>().unwrap().is_finite());
            assert!(
                Number::parse(&text).is_some() == (text.len() <= 256),
                "{text}"
            );
        }
    }
    for text in [
        "1.7976931348623157e308",
        "1.797693134862315807e308",
        "0e400",
        "-0.0e9999",
        "1e-9999",
    ] {
        assert!(text.parse::<f64>().unwrap().is_finite());
        assert!(Number::parse(text).is_some(), "{text}");
    }
    for text in [
        "1.797693134862315808e308",
        "1e309",
        "-1e400",
        "0.00001e400",
        "179769313486231580794e288",
    ] {
        assert!(text.parse::<f64>().unwrap().is_infinite());
        assert!(Number::parse(text).is_none(), "{text}");
    }
    for text in ["0e10000", "1e-10000", "1e99999999999999999999"] {
        assert!(Number::parse(text).is_none(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let deep = "[".repeat(DEPTH_MAX + 1);
    let long = format!("[{}]", "1".repeat(257));
    let name = "n".repeat(100);
    let twice = format!(r#"{{"{name}":1,"{name}":2}}"#);
    let shown = format!(
        "two members with the name {:?} (at byte 106)",
        "n".repeat(64)
    );
    let cases: [(&[u8], &str); 26] = [
        (b"", "it ends in the middle of a value (at byte 0)"),
        (b" ", "it ends in the middle of a value (at byte 1)"),
        (
            b"\xef\xbb\xbf{}",
            "a byte order mark, which must not be there (at byte 0)",
        ),
        (b"\"a\xff\"", "invalid UTF-8 (at byte 2)"),
        (b"{} {}", "something follows the value (at byte 3)"),
        (b"[1,]", "expected a value (at byte 3)"),
        (b"[1 2]", "expected `,` or `]` (at byte 3)"),
        (b"{\"a\" 1}", "expected `:` (at byte 5)"),
        (b"{\"a\":1 \"b\":2}", "expected `,` or `}` (at byte 7)"),
        (
            b"{\"a\":1,}",
            "expected a member's name in quotes (at byte 7)",
        ),
        (b"{a:1}", "expected a member's name in quotes (at byte 1)"),
        (b"{\"a\":", "it ends in the middle of a value (at byte 5)"),
        (b"[tru", "it ends in the middle of a value (at byte 4)"),
        (b"[trust]", "expected a value (at byte 1)"),
        (
            b"[01]",
            "expected no digit after a 0 at the start (at byte 2)",
        ),
        (b"[1.]", "expected a digit (at byte 3)"),
        (b"[-]", "expected a digit (at byte 2)"),
        (
            b"[1e400]",
            "a number that is too large for a double (at byte 1)",
        ),
        (
            b"[1e-99999]",
            "a number with an exponent beyond 9999 (at byte 1)",
        ),
        (
            long.as_bytes(),
            "a number of more than 256 characters (at byte 1)",
        ),
        (
            deep.as_bytes(),
            "more than 64 arrays and objects within each other (at byte 64)",
        ),
        (
            b"[\"a\nb\"]",
            "the control character U+000A in a string, unescaped (at byte 3)",
        ),
        (
            b"[\"a\\x\"]",
            "a backslash with something that is no escape (at byte 3)",
        ),
        (b"[\"a\\ud800\"]", "half of a surrogate pair (at byte 3)"),
        (
            b"{\"a\":1,\"\\u0061\":2}",
            "two members with the name \"a\" (at byte 7)",
        ),
        (twice.as_bytes(), &shown),
    ];
    let mut tape = Tape::new();
    for (text, expected) in cases {
        let error = tape.parse(text).unwrap_err();
        assert_eq!(
            error.to_string(),
            expected,
            "{}",
            String::from_utf8_lossy(text)
        );
    }
    // What was wrong leaves nothing behind.
    let whole = format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
    assert_eq!(tape.parse(whole.as_bytes()).unwrap().text(), whole);
}

#[test]
fn many_members_cost_no_more_than_sorting_them() {
    // Compared one by one these would be 10^10 comparisons.
    let members = |common: &str| {
        let members: Vec<String> = (0..100_000)
            .map(|n| format!(r#""{common}{n}":0"#))
            .collect();
        format!("{{{}}}", members.join(","))
    };
    let mut tape = Tape::new();
    for common in ["", "a", r"\u0061"] {
        let text = members(common);
        let value = tape.parse(text.as_bytes()).unwrap();
        assert_eq!(value.len(), 100_000);
        let value = value.get(&format!("{}99999", common.replace(r"\u0061", "a")));
        assert_eq!(value.unwrap().text(), "0");
    }
}
