//! The canonical target: no two spellings of one path get through.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use doorward_policy::target::canonical_form;
use doorward_policy::{CanonicalTarget, Policy, RequestHead, Screened, TargetError};

/// Pieces from which an attacker would build a path: spellings of the same few things.
const PIECES: [&str; 64] = [
    "a",
    "A",
    "b",
    "%61",
    "%41",
    "%62",
    "ad",
    "/",
    "/",
    "/",
    "/",
    "//",
    ".",
    ".",
    "..",
    "/.",
    "/..",
    "%2E",
    "%2e",
    "%2E%2E",
    "%252E",
    "%252e",
    "%2F",
    "%2f",
    "%252F",
    "\\",
    "%5C",
    "%5c",
    "%255C",
    ";",
    ";a",
    "%3B",
    "%3b",
    "#",
    "%23",
    "?",
    "?a",
    "%3F",
    "%00",
    "\0",
    "%20",
    "%C3%A9",
    "%c3%a9",
    "%C3%89",
    "%C3",
    "%A9",
    "%C0%AF",
    "%C0%AE",
    "%E0%80%AF",
    "%EF%BC%8F",
    "%E2%84%AA",
    "%25",
    "%",
    "%4",
    "@",
    "%40",
    "+",
    "%2B",
    "~",
    "%7E",
    "{",
    "%7B",
    "é",
    "*",
];
/// The part of them that is harmless, for targets that get far.
const HARMLESS: [&str; 12] = [
    "a", "a", "A", "b", "b", "ad", "/", "/", "/", "/", "%C3%A9", "@",
];
const TARGETS: usize = 300_000;
const PIECES_MAX: u64 = 8;

#[test]
fn the_canonicaliser_lets_no_two_spellings_of_one_path_through() {
    let mut random = Random(0x5EED);
    let mut accepted: BTreeMap<String, String> = BTreeMap::new();
    let mut tried_accepted = 0;
    for _ in 0..TARGETS {
        let received = random.target();
        let target = canonical_form(&received).unwrap_or(received);
        let Ok(canonical) = CanonicalTarget::parse(&target) else {
            continue;
        };
        tried_accepted += 1;
        // These two are told apart by those who take the first one for a space.
        let path = canonical.path().replace("%2B", "+");
        let read = aggressively_read(&path, Fold::Exact);
        match accepted.get(&read) {
            Some(other) => assert_eq!(
                without_trailing_slash(other),
                without_trailing_slash(&path),
                "both spell {read:?}, and both are accepted"
            ),
            None => {
                accepted.insert(read, path);
            }
        }
    }
    assert!(
        tried_accepted > TARGETS / 100,
        "only {tried_accepted} of {TARGETS} targets were accepted: the property says little"
    );
}

#[test]
fn what_an_upstream_could_take_for_the_same_path_is_decided_by_the_same_rule() {
    let policy = Policy::parse(
        r#"
        [[route]]
        path = "/a"
        public = true
        [[route]]
        path = "/a/b"
        public = true
        [[route]]
        path = "/a/{any}/ad"
        public = true
        [[route]]
        path = "/{any}/b/**"
        public = true
        [[route]]
        path = "/b/**"
        public = true
        [[route]]
        path = "/%C3%A9/**"
        public = true
        "#,
    )
    .unwrap();
    let mut random = Random(0xD00D);
    let mut decided: BTreeMap<String, (String, String)> = BTreeMap::new();
    for _ in 0..TARGETS {
        let target = random.target();
        let canonical = canonical_form(&target);
        let head = RequestHead {
            method: "GET",
            target: &target,
            canonical: canonical.as_deref(),
            authorization: &[],
            ..RequestHead::default()
        };
        let Ok(Screened::Public(permit)) = policy.screen(&head) else {
            continue;
        };
        let path = target.split('?').next().unwrap_or_default();
        let read = aggressively_read(path, Fold::AsciiCase);
        let forwarded = permit.target().split('?').next().unwrap_or_default();
        assert_eq!(
            aggressively_read(forwarded, Fold::AsciiCase),
            read,
            "{path:?} became {forwarded:?}"
        );
        let (_, route) = decided
            .entry(read)
            .or_insert_with(|| (path.to_owned(), permit.route().to_owned()));
        assert_eq!(
            *route,
            permit.route(),
            "for {path:?}, which somebody reads alike"
        );
    }
    assert!(
        decided.len() > 100,
        "only {} paths were let through",
        decided.len()
    );
}

#[test]
fn an_accepted_target_is_forwarded_in_the_canonical_form_and_that_in_itself() {
    let mut random = Random(0xBEEF);
    let mut respelt = 0;
    for _ in 0..TARGETS / 10 {
        let target = random.target();
        let canonical = canonical_form(&target);
        let spelling = canonical.as_deref().unwrap_or(&target);
        let accepted = CanonicalTarget::parse(spelling);
        // Whoever forgets the canonical form is let through nowhere.
        if canonical.is_some() {
            assert!(CanonicalTarget::parse(&target).is_err(), "{target:?}");
        }
        let Ok(accepted) = accepted else { continue };
        assert_eq!(accepted.as_str(), spelling);
        assert!(spelling.starts_with(accepted.path()), "{spelling:?}");
        assert_eq!(canonical_form(spelling), None, "{target:?}");
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (_, query_now) = spelling.split_once('?').unwrap_or((spelling, ""));
        assert_eq!(query_now, query, "the query of {target:?} is left alone");
        let decoded = decoded_once(path.as_bytes());
        let decoded_now = decoded_once(accepted.path().as_bytes());
        assert_eq!(decoded_now, decoded, "{target:?}");
        respelt += usize::from(canonical.is_some());
    }
    assert!(respelt > 500, "only {respelt} targets were respelt");
}

#[test]
fn any_text_is_accepted_or_refused_and_never_stops_the_gate() {
    let mut random = Random(0xF00D);
    for _ in 0..TARGETS / 10 {
        let bytes: Vec<u8> = (0..random.below(40)).map(|_| random.byte()).collect();
        let text = format!("/{}", String::from_utf8_lossy(&bytes));
        if let Ok(canonical) = CanonicalTarget::parse(&text) {
            assert!(
                canonical.path().bytes().all(|byte| byte.is_ascii_graphic()),
                "{text:?} was accepted"
            );
        }
    }
}

#[test]
fn every_single_byte_of_a_path_has_one_canonical_form_or_none() {
    for byte in 0..=0x7F_u8 {
        let canonical = |spelling: &str| {
            let target = format!("/a{spelling}b");
            let target = canonical_form(&target).unwrap_or(target);
            CanonicalTarget::parse(&target).ok()?;
            Some(target)
        };
        let raw = char::from(byte).to_string();
        let upper = format!("%{byte:02X}");
        let lower = format!("%{byte:02x}");
        let (as_raw, as_escape) = (Some(format!("/a{raw}b")), Some(format!("/a{upper}b")));
        // A raw slash separates segments, a raw question mark ends the path.
        let (due, due_escaped) = match byte {
            b'/' | b'?' => (as_raw, None),
            0..=0x1F | 0x7F | b'%' | b'\\' | b';' | b'#' => (None, None),
            b' ' | b'"' | b'<' | b'>' | b'[' | b']' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                (None, as_escape)
            }
            // Some servers read the one as a space, and nobody the other.
            b'+' => (as_raw, as_escape),
            _ => (as_raw.clone(), as_raw),
        };
        assert_eq!(canonical(&raw), due, "byte 0x{byte:02X}");
        assert_eq!(canonical(&upper), due_escaped, "byte 0x{byte:02X}, escaped");
        assert_eq!(
            canonical(&lower),
            due_escaped,
            "byte 0x{byte:02X}, escaped in lower case"
        );
    }
    for byte in 0x80..=0xFF_u8 {
        let target = format!("/a%{byte:02X}b");
        let alone = CanonicalTarget::parse(&target).err();
        assert_eq!(alone, Some(TargetError::NotUtf8), "byte 0x{byte:02X}");
    }
}

#[test]
fn every_character_has_one_canonical_form_or_none() {
    let mut accepted = 0;
    for character in ('\u{80}'..=char::MAX).step_by(7) {
        let upper: String = escaped(character, |byte| format!("%{byte:02X}"));
        let lower: String = escaped(character, |byte| format!("%{byte:02x}"));
        let canonical = |target: &str| {
            let target = canonical_form(target).unwrap_or_else(|| target.to_owned());
            CanonicalTarget::parse(&target).ok()?;
            Some(target)
        };
        let due = canonical(&upper);
        accepted += usize::from(due.is_some());
        assert!(due.as_ref().is_none_or(|due| *due == upper), "{upper}");
        assert_eq!(canonical(&lower), due, "{lower}");
    }
    assert!(
        accepted > 100_000,
        "only {accepted} characters can be spelt"
    );
}

#[test]
fn targets_are_bounded() {
    use doorward_policy::target::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX, TARGET_BYTES_MAX};
    let path = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    let segments = |count: usize| "/a".repeat(count);
    let query = |bytes: usize| format!("/?{}", "a".repeat(bytes - 2));
    for (good, bad) in [
        (path(PATH_BYTES_MAX), path(PATH_BYTES_MAX + 1)),
        (segments(PATH_SEGMENTS_MAX), segments(PATH_SEGMENTS_MAX + 1)),
        (query(TARGET_BYTES_MAX), query(TARGET_BYTES_MAX + 1)),
    ] {
        assert!(
            CanonicalTarget::parse(&good).is_ok(),
            "{} bytes",
            good.len()
        );
        assert!(CanonicalTarget::parse(&bad).is_err(), "{} bytes", bad.len());
    }
}

fn escaped(character: char, escape: impl Fn(u8) -> String) -> String {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).bytes();
    format!("/a{}b", bytes.map(escape).collect::<String>())
}

fn without_trailing_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

#[derive(Clone, Copy, PartialEq)]
enum Fold {
    Exact,
    AsciiCase,
}

/// What the most obliging upstream makes of a path: escapes decoded until there are none, bytes that
/// are no UTF-8 read leniently, backslashes taken for slashes, path parameters cut off, everything
/// after NUL, `?` or `#` ignored, dot segments resolved, dots and spaces at the end of segments
/// dropped, slashes folded, and the trailing one ignored.
fn aggressively_read(path: &str, fold: Fold) -> String {
    let mut bytes = path.as_bytes().to_vec();
    loop {
        let decoded = decoded_once(&bytes);
        if decoded == bytes {
            break;
        }
        bytes = decoded;
    }
    let text = String::from_utf8(bytes.clone())
        .unwrap_or_else(|_| bytes.iter().map(|&byte| char::from(byte)).collect());
    let text: String = text
        .split(['\0', '?', '#'])
        .next()
        .unwrap_or_default()
        .chars()
        .map(|character| match character {
            '\\' | '\u{FF0F}' | '\u{FF3C}' | '\u{2044}' | '\u{2215}' => '/',
            '\u{212A}' => 'k',
            other => other,
        })
        .collect();
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        let segment = segment.split(';').next().unwrap_or_default().trim();
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => match other.trim_end_matches(['.', ' ']) {
                "" => {}
                trimmed => segments.push(trimmed),
            },
        }
    }
    let read = segments.join("/");
    match fold {
        Fold::Exact => read,
        Fold::AsciiCase => read.to_ascii_lowercase(),
    }
}

/// Decodes every escape, in either case; overlong forms of ASCII become what they stand for.
fn decoded_once(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap());
                rest = after.get(2..).unwrap_or_default();
            }
            _ => decoded.push(first),
        }
    }
    let mut lenient = Vec::new();
    let mut rest = decoded.as_slice();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (0xC0 | 0xC1, [next @ 0x80..=0xBF, tail @ ..]) => {
                lenient.push((first & 0x03) << 6 | (next & 0x3F));
                rest = tail;
            }
            (0xE0, [0x80 | 0x81, next @ 0x80..=0xBF, tail @ ..]) => {
                lenient.push(after.first().map_or(0, |byte| byte & 0x01) << 6 | (next & 0x3F));
                rest = tail;
            }
            _ => lenient.push(first),
        }
    }
    lenient
}

/// xorshift64*: the same targets in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn target(&mut self) -> String {
        let mut target = "/".to_owned();
        let pieces: &[&str] = if self.below(2) == 0 {
            &PIECES
        } else {
            &HARMLESS
        };
        for _ in 0..self.below(PIECES_MAX) + 1 {
            let index = usize::try_from(self.below(pieces.len() as u64)).unwrap();
            match pieces.get(index) {
                Some(piece) => target.push_str(piece),
                None => panic!("there is no piece {index}"),
            }
        }
        target
    }
}
