//! Characters that a reader folds to ASCII, against all of the data of Unicode.
//!
//! The policy's tables are small and made by hand. What they have to say is computed here: everything that
//! case folding and compatibility normalisation, in any order and any part of them, make of a character.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write;

use doorward_policy::target::canonical_form;
use doorward_policy::{CanonicalTarget, Policy, RequestHead, Screened};
use unicode_normalization::UnicodeNormalization;

/// Characters that stand for nothing by themselves (`Default_Ignorable_Code_Point` of
/// DerivedCoreProperties.txt, Unicode 16), without noncharacters.
const IGNORABLE: [(u32, u32); 17] = [
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
];
/// Simple mappings of UnicodeData.txt and CaseFolding.txt that are not among the full ones of `char`.
const SIMPLE: [(char, char); 2] = [('\u{130}', 'i'), ('\u{1E9E}', 'ß')];
const DELIMITERS: [char; 7] = ['.', '/', '\\', '%', ';', '?', '#'];

/// Everything that somebody may read for it, itself left out.
fn readings(character: char) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([character.to_string()]);
    let mut due = vec![character.to_string()];
    while let Some(text) = due.pop() {
        let map = |one: &dyn Fn(char) -> String| text.chars().map(one).collect::<String>();
        let simple = |one: char| SIMPLE.iter().find(|(from, _)| *from == one);
        let folded = [
            text.nfkc().collect(),
            text.nfkd().collect(),
            text.nfd().collect(),
            map(&|one| one.to_lowercase().collect()),
            map(&|one| one.to_uppercase().collect()),
            map(&|one| simple(one).map_or(one, |(_, to)| *to).to_string()),
            // Full case folding, as far as it is not lower case.
            text.replace(['ß', 'ẞ'], "ss"),
            map(&|one| match is_ignorable(one) {
                true => String::new(),
                false => one.to_string(),
            }),
        ];
        for text in folded {
            if seen.insert(text.clone()) {
                due.push(text);
            }
        }
    }
    seen.remove(&character.to_string());
    seen
}

fn is_ignorable(character: char) -> bool {
    let code = u32::from(character);
    IGNORABLE
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&code))
}

/// All that are anything else than themselves: of the planes above the second one, only these ranges have
/// more than ideographs, or what is not assigned.
fn all() -> impl Iterator<Item = char> {
    ('\u{80}'..='\u{1FFFF}')
        .chain('\u{2F800}'..='\u{2FA1F}')
        .chain('\u{E0000}'..='\u{E0FFF}')
}

/// Spelt canonically, between two letters.
fn segment(text: &str) -> String {
    let mut segment = "x".to_owned();
    for byte in text.bytes() {
        let raw = byte.is_ascii_alphanumeric() || b"-_~!$&'()*+,=:@".contains(&byte);
        match raw {
            true => segment.push(char::from(byte)),
            false => write!(segment, "%{byte:02X}").unwrap(),
        }
    }
    segment + "y"
}

fn accepts(segment: &str) -> bool {
    CanonicalTarget::parse(&format!("/open/{segment}")).is_ok()
}

/// Whether a request is let through by the rule for everything.
fn passes(policy: &Policy, target: &str) -> bool {
    let head = RequestHead {
        method: "GET",
        target,
        ..RequestHead::default()
    };
    matches!(policy.screen(&head), Ok(Screened::Public(permit)) if permit.route() == "/**")
}

fn policy_of(literals: impl IntoIterator<Item = String>) -> Policy {
    let mut text = "[issuer.a]\nurl = \"https://a.example\"\naudience = \"a\"\n\
                    [[route]]\npath = \"/**\"\npublic = true\n"
        .to_owned();
    let mut seen = BTreeSet::new();
    for literal in literals {
        if seen.insert(literal.to_ascii_lowercase()) {
            writeln!(text, "[[route]]\npath = \"/{literal}\"").unwrap();
        }
    }
    Policy::parse(&text).unwrap()
}

#[test]
fn what_becomes_a_delimiter_never_passes() {
    let mut found = 0;
    for character in all() {
        if readings(character)
            .iter()
            .any(|text| text.contains(DELIMITERS))
        {
            found += 1;
            let segment = segment(&character.to_string());
            assert!(
                !accepts(&segment),
                "U+{:04X} {segment}",
                u32::from(character)
            );
        }
    }
    assert!(found >= 52, "only {found} characters become a delimiter");
}

#[test]
fn nothing_that_becomes_a_literal_is_taken_by_a_more_general_rule() {
    let read: Vec<(char, Vec<String>)> = all()
        .map(|character| {
            let ascii = readings(character)
                .into_iter()
                .filter(|text| text.is_ascii());
            (character, ascii.collect::<Vec<_>>())
        })
        .filter(|(_, ascii)| !ascii.is_empty())
        .collect();
    assert!(read.len() > 1_300, "only {} are folded", read.len());
    let (mut seen, mut taken) = (BTreeSet::new(), Vec::new());
    for (character, ascii) in &read {
        // These are no literals of any pattern.
        let never = |text: &&String| text.contains(DELIMITERS) || text.contains(['*', '{', '}']);
        for literal in ascii.iter().filter(|text| !never(text)) {
            let literal = segment(literal);
            seen.insert(literal.clone());
            let policy = policy_of([literal.clone()]);
            for text in [character.to_string(), format!("\u{200D}{character}")] {
                let target = format!("/{}", segment(&text));
                if passes(&policy, &target) {
                    taken.push(format!(
                        "{target}, U+{:04X}, is {literal} to somebody",
                        u32::from(*character)
                    ));
                }
            }
        }
    }
    assert!(taken.is_empty(), "{taken:#?}");
    assert!(seen.len() > 100, "only {} literals", seen.len());
}

#[test]
fn nothing_that_is_left_out_makes_another_segment() {
    let policy = policy_of(["admin".to_owned()]);
    for character in all().filter(|character| is_ignorable(*character)) {
        let escaped = segment(&character.to_string());
        let escaped = escaped.trim_matches(['x', 'y']);
        for target in [
            format!("/ad{escaped}min"),
            format!("/{escaped}admin"),
            format!("/admin{escaped}"),
            format!("/admin/{escaped}"),
            format!("/{escaped}"),
            format!("/{escaped}/admin"),
            format!("/a/.{escaped}."),
            format!("/a/{escaped}../b"),
            format!("/a/..{escaped}"),
            format!("/a/b.{escaped}/c"),
            format!("/admin%20{escaped}"),
        ] {
            assert!(!passes(&policy, &target), "{target}");
        }
        let separates = (0x202A..=0x202E).contains(&u32::from(character))
            || (0x2066..=0x2069).contains(&u32::from(character));
        let target = format!("/adm{escaped}ini");
        assert_eq!(passes(&policy, &target), !separates, "{target}");
    }
}

#[test]
fn letters_of_living_languages_pass_beside_literals_that_they_are_not() {
    let policy = policy_of(["admin", "strassen", "final", "1"].map(str::to_owned));
    for word in [
        "ılgaz",
        "İstanbul",
        "straße",
        "Straße",
        "weiß",
        "ſecret",
        "１２３",
        "東京　タワー",
        "ＡＢＣ",
        "ｶﾀｶﾅ｡",
        "می\u{200C}خواهم",
        "ශ්\u{200D}රී",
        "👩\u{200D}💻",
        "❤\u{FE0F}",
        "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
        "葛\u{E0100}城",
        "ภาษา\u{200B}ไทย",
        "Käse",
        "1º",
        "ʻokina",
        "об'єкт",
        "Ωmega",
        "a+b",
        "a b",
        "50 €",
        "Zug\u{AD}fahrt",
    ] {
        let target = format!("/{}", segment(word).trim_matches(['x', 'y']));
        assert!(passes(&policy, &target), "{word}, {target}");
    }
    // Symbols pass where no literal could stand.
    for word in ["①", "Ⅲ", "㎏", "™", "𝐚𝐝𝐦𝐢𝐧", "ﬁne", "oﬃce", "m²", "ǈ", "ĳs"]
    {
        let word = segment(word);
        assert!(!passes(&policy, &format!("/{word}")), "{word}");
        assert!(passes(&policy, &format!("/files/{word}")), "{word}");
    }
}

#[test]
fn letters_that_become_no_ascii_pass_beside_any_literal() {
    let policy = policy_of(["xay".to_owned()]);
    let mut refused = Vec::new();
    for character in all().filter(|character| character.is_alphanumeric()) {
        let ascii = readings(character);
        if ascii
            .iter()
            .any(|text| text.contains(|one: char| one.is_ascii()))
        {
            continue;
        }
        if !passes(&policy, &format!("/{}", segment(&character.to_string()))) {
            refused.push(character);
        }
    }
    // Phonetic letters, and ideographs and the like in circles and squares: of these the table says
    // only that they are symbols.
    let known = |character: &char| {
        matches!(u32::from(*character), 0x2B0..=0x2B8 | 0x1D2C..=0x1DBF | 0x2070..=0x218F | 0x2460..=0x24EA | 0x3200..=0x33FF
            | 0x107A5 | 0x1CCD6..=0x1CCF9 | 0x1D400..=0x1D7FF | 0x1F101..=0x1F190)
    };
    refused.retain(|character| !known(character));
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn a_literal_of_such_letters_is_reached_in_its_own_spelling_only() {
    let policy = policy_of([segment("straße"), segment("a b"), segment("ı")]);
    let text = "[[route]]\npath = \"/stra%C3%9Fe\"\npublic = true\n";
    let own = Policy::parse(text).unwrap();
    let canonical = canonical_form("/stra%c3%9fe");
    let head = RequestHead {
        method: "GET",
        target: "/stra%c3%9fe",
        canonical: canonical.as_deref(),
        ..RequestHead::default()
    };
    let Ok(Screened::Public(permit)) = own.screen(&head) else {
        panic!("{:?}", own.screen(&head).err());
    };
    assert_eq!(permit.target(), "/stra%C3%9Fe");
    for target in [
        "/xstrassey",
        "/xSTRASSEy",
        "/xstra%E1%BA%9Eey",
        "/xa+by",
        "/xa%2By",
        "/xa%2Bby",
        "/xa%C2%A0by",
        "/xiy",
        "/xIy",
        "/xy%C4%B0",
        "/x%C4%B0y",
        "/x%EF%BD%89y",
    ] {
        let reaches = ["/xa%2By", "/xy%C4%B0"].contains(&target);
        assert_eq!(passes(&policy, target), reaches, "{target}");
    }
    for literal in ["%E2%91%A0", "%41", "%c3%a9", "a%2eb"] {
        let text = format!("[[route]]\npath = \"/{literal}\"\npublic = true\n");
        assert!(Policy::parse(&text).is_err(), "{literal}");
    }
    let two = "[[route]]\npath = \"/stra%C3%9Fe\"\npublic = true\n[[route]]\npath = \"/strasse\"\npublic = true\n";
    assert!(
        Policy::parse(two).is_err(),
        "somebody takes them for the same"
    );
}
