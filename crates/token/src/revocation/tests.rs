#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::digest::opaque_digest;
use super::*;
use crate::testing::{ISSUER, NOW, claims, sign, token, verify};
use crate::{LEEWAY_S_MAX, TokenError, UnixTime, VerifiedToken};

mod reading;

const LATER: UnixTime = UnixTime(1_800_000_300);
const OTHER: &str = "https://login.other.example";

fn verified(changes: Value) -> VerifiedToken {
    verify(&token(&claims(changes))).unwrap()
}

/// What a set of these entries says of a token with these changes.
fn verdict(entries: &[RevocationEntry], changes: Value) -> Option<RevocationKind> {
    set_of(entries).revokes(&verified(changes))
}

fn set_of(entries: &[RevocationEntry]) -> RevocationSet {
    let mut set = RevocationSet::default();
    for entry in entries {
        set.insert(entry);
    }
    set
}

fn read(names: &[String], now: UnixTime) -> Result<Reading, TooManyRevocations> {
    RevocationSet::from_names(names.iter().map(String::as_str), now)
}

/// One entry of each kind.
fn one_of_each() -> [RevocationEntry; 6] {
    [
        RevocationEntry::token(ISSUER, "1", LATER),
        RevocationEntry::subject(ISSUER, "1", NOW, LATER),
        RevocationEntry::sessionless(ISSUER, "1", NOW, LATER),
        RevocationEntry::session(ISSUER, "1", LATER),
        RevocationEntry::issuer(ISSUER, NOW, LATER),
        RevocationEntry::logout(ISSUER, "1", LATER),
    ]
}

#[test]
fn an_entry_is_a_name_that_never_changes() {
    // Made with another implementation of SHA-256: these names are in stores.
    for (entry, name) in one_of_each().into_iter().zip([
        "1800000300/token/lpZWpB0Q2H177akDEzhOIA/-",
        "1800000300/subject/WL8pGxeh1Rx1nrYEMelp_g/1800000000",
        "1800000300/sessionless/SDm4KYAXUEoYioVvLY1WsA/1800000000",
        "1800000300/session/z-Nn3DiweV2YvbukfLQyow/-",
        "1800000300/issuer/RbC8OgxA_Es5Isdxvsh_Nw/1800000000",
        "1800000300/logout/EUgEYlNKvPEqJfiNDPykDQ/-",
    ]) {
        assert_eq!(entry.name(), format!("doorward/revoked/{name}"));
        assert_eq!(RevocationEntry::parse_name(&entry.name()), Some(Ok(entry)));
    }
    let text = RevocationEntry::of_token(b"opaque", Some(ISSUER), LATER).unwrap();
    assert_eq!(
        text.entries
            .iter()
            .map(RevocationEntry::name)
            .collect::<Vec<_>>(),
        ["doorward/revoked/1800000300/token/HfuS8E1zfGoOYGhzsyr6Vg/-"]
    );
}

#[test]
fn names_of_other_things_are_not_looked_at() {
    for name in [
        "",
        "doorward",
        "doorward/keys/https://login.acme.example",
        "doorward/api-keys/4YbV0cQm8XzK",
        "doorward/revoked",
        "Doorward/revoked/1/token/AAAAAAAAAAAAAAAAAAAAAA/-",
        "/doorward/revoked/1/token/AAAAAAAAAAAAAAAAAAAAAA/-",
        "other/doorward/revoked/1/token/AAAAAAAAAAAAAAAAAAAAAA/-",
    ] {
        assert_eq!(RevocationEntry::parse_name(name), None, "{name:?}");
    }
}

#[test]
fn an_entry_is_written_in_one_way_and_no_other_is_read() {
    const DIGEST: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    for path in [
        String::new(),
        "1".to_owned(),
        "1/token".to_owned(),
        format!("1/token/{DIGEST}"),
        format!("1/token/{DIGEST}/"),
        format!("1/token/{DIGEST}/-/"),
        format!("1/token/{DIGEST}/-/x"),
        format!("/1/token/{DIGEST}/-"),
        format!("/token/{DIGEST}/-"),
        format!("01/token/{DIGEST}/-"),
        format!("+1/token/{DIGEST}/-"),
        format!("-1/token/{DIGEST}/-"),
        format!(" 1/token/{DIGEST}/-"),
        format!("1.0/token/{DIGEST}/-"),
        format!("1e3/token/{DIGEST}/-"),
        format!("253402300800/token/{DIGEST}/-"),
        format!("18446744073709551616/token/{DIGEST}/-"),
        format!("١/token/{DIGEST}/-"),
        format!("1/Token/{DIGEST}/-"),
        format!("1/tokens/{DIGEST}/-"),
        format!("1//{DIGEST}/-"),
        "1/token//-".to_owned(),
        format!("1/token/{DIGEST}==/-"),
        format!("1/token/{DIGEST}A/-"),
        "1/token/AAAAAAAAAAAAAAAAAAAAAB/-".to_owned(),
        "1/token/AAAAAAAAAAAAAAAAAAAA+A/-".to_owned(),
        "1/token/AAAAAAAAAAAAAAAAAAAAA/-".to_owned(),
        format!("1/token/{DIGEST}AA/-"),
        format!("1/token/{DIGEST}/1"),
        format!("1/session/{DIGEST}/1"),
        format!("1/logout/{DIGEST}/1"),
        format!("1/subject/{DIGEST}/-"),
        format!("1/sessionless/{DIGEST}/-"),
        format!("1/issuer/{DIGEST}/-"),
        format!("1/subject/{DIGEST}/01"),
        format!("1/subject/{DIGEST}/"),
        format!("1/subject/{DIGEST}/253402300800"),
    ] {
        let name = format!("{ENTRY_PREFIX}{path}");
        assert_eq!(
            RevocationEntry::parse_name(&name),
            Some(Err(NameError)),
            "{name:?}"
        );
    }
    for path in [
        format!("0/token/{DIGEST}/-"),
        format!("253402300799/subject/{DIGEST}/0"),
    ] {
        let name = format!("{ENTRY_PREFIX}{path}");
        let entry = RevocationEntry::parse_name(&name).unwrap().unwrap();
        assert_eq!(entry.name(), name);
    }
    let far = RevocationEntry::subject(ISSUER, "a", UnixTime(u64::MAX), UnixTime(u64::MAX));
    assert!(
        matches!(RevocationEntry::parse_name(&far.name()), Some(Ok(_))),
        "what is written can be read: {}",
        far.name()
    );
}

#[test]
fn no_kind_issuer_or_value_is_taken_for_another_one() {
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for issuer in ["", "a", "ab", "abc", "a\0"] {
        for value in ["", "c", "bc", "abc", "a", "\0a"] {
            for entry in [
                RevocationEntry::token(issuer, value, LATER),
                RevocationEntry::subject(issuer, value, NOW, LATER),
                RevocationEntry::sessionless(issuer, value, NOW, LATER),
                RevocationEntry::session(issuer, value, LATER),
                RevocationEntry::logout(issuer, value, LATER),
                RevocationEntry::by_text(issuer, value.as_bytes(), LATER),
            ] {
                count += 1;
                seen.insert(entry.digest);
            }
        }
        count += 1;
        seen.insert(RevocationEntry::issuer(issuer, NOW, LATER).digest);
    }
    assert_eq!(seen.len(), count, "two entries have the same digest");
}

#[test]
fn each_kind_revokes_what_it_names_and_nothing_else() {
    const FULL: fn() -> Value =
        || json!({"jti": "1", "sub": "1", "sid": "1", "iat": NOW.0, "nbf": null});
    for (entry, kind) in [
        (
            RevocationEntry::token(ISSUER, "1", LATER),
            Some(RevocationKind::Token),
        ),
        (
            RevocationEntry::subject(ISSUER, "1", NOW, LATER),
            Some(RevocationKind::Subject),
        ),
        (RevocationEntry::sessionless(ISSUER, "1", NOW, LATER), None),
        (
            RevocationEntry::session(ISSUER, "1", LATER),
            Some(RevocationKind::Session),
        ),
        (
            RevocationEntry::issuer(ISSUER, NOW, LATER),
            Some(RevocationKind::Issuer),
        ),
        (RevocationEntry::logout(ISSUER, "1", LATER), None),
        (RevocationEntry::token(ISSUER, "2", LATER), None),
        (RevocationEntry::subject(ISSUER, "2", NOW, LATER), None),
        (RevocationEntry::session(ISSUER, "2", LATER), None),
        (RevocationEntry::token(OTHER, "1", LATER), None),
        (RevocationEntry::subject(OTHER, "1", NOW, LATER), None),
        (RevocationEntry::session(OTHER, "1", LATER), None),
        (RevocationEntry::issuer(OTHER, NOW, LATER), None),
        (RevocationEntry::token(ISSUER, "", LATER), None),
        (RevocationEntry::subject(ISSUER, "", NOW, LATER), None),
    ] {
        let what = format!("{entry:?}");
        assert_eq!(verdict(&[entry], FULL()), kind, "{what}");
    }
    let set = set_of(&one_of_each());
    assert_eq!(
        set.revokes(&verified(
            json!({"jti": "2", "sub": "2", "sid": "2", "iat": NOW.0 + 1})
        )),
        None,
        "another token, subject and session after the time"
    );
    assert_eq!(
        RevocationSet::default().revokes(&verified(FULL())),
        None,
        "nothing is revoked"
    );
}

#[test]
fn a_subject_and_an_issuer_are_revoked_up_to_a_second_and_when_it_is_unknown() {
    let subject = [RevocationEntry::subject(ISSUER, "alice", NOW, LATER)];
    let issuer = [RevocationEntry::issuer(ISSUER, NOW, LATER)];
    let sessionless = [RevocationEntry::sessionless(ISSUER, "alice", NOW, LATER)];
    for (issued_at, revoked) in [
        (json!(0), true),
        (json!(NOW.0 - 1), true),
        (json!(NOW.0), true),
        (json!(NOW.0 as f64 - 0.5), true),
        (json!(NOW.0 as f64 + 0.5), false),
        (json!(NOW.0 + 1), false),
        (Value::Null, true),
    ] {
        for (entries, kind) in [
            (&subject, RevocationKind::Subject),
            (&issuer, RevocationKind::Issuer),
            (&sessionless, RevocationKind::Sessionless),
        ] {
            assert_eq!(
                verdict(entries, json!({"iat": issued_at})),
                revoked.then_some(kind),
                "{kind}, issued at {issued_at}"
            );
        }
    }
    for issued_at in [json!(NOW.0 + 1), Value::Null] {
        let changes = json!({"iat": issued_at, "jti": "1", "sid": "1"});
        for (entry, kind) in [
            (
                RevocationEntry::token(ISSUER, "1", LATER),
                RevocationKind::Token,
            ),
            (
                RevocationEntry::session(ISSUER, "1", LATER),
                RevocationKind::Session,
            ),
        ] {
            assert_eq!(
                verdict(&[entry], changes.clone()),
                Some(kind),
                "a {kind} is revoked whenever it was issued"
            );
        }
    }
}

#[test]
fn a_token_belongs_to_a_session_only_by_a_string() {
    let entries = [
        RevocationEntry::sessionless(ISSUER, "alice", NOW, LATER),
        RevocationEntry::session(ISSUER, "1", LATER),
    ];
    for (session, revoked) in [
        (json!("1"), Some(RevocationKind::Session)),
        (json!("2"), None),
        (json!(""), Some(RevocationKind::Sessionless)),
        (json!(1), Some(RevocationKind::Sessionless)),
        (json!(["1"]), Some(RevocationKind::Sessionless)),
        (Value::Null, Some(RevocationKind::Sessionless)),
    ] {
        assert_eq!(
            verdict(&entries, json!({"sid": session, "iat": NOW.0})),
            revoked,
            "sid {session}"
        );
    }
    assert_eq!(
        verdict(&entries, json!({"sub": "bob", "iat": NOW.0})),
        None,
        "another subject without a session"
    );
    assert_eq!(
        verdict(&entries, json!({"sub": null, "iat": NOW.0})),
        None,
        "no subject and no session"
    );
}

#[test]
fn a_token_without_jti_is_revoked_by_its_signing_input() {
    let payload = claims(json!({}));
    let (first, second) = (
        token(&payload),
        sign(r#"{"alg":"HS256","kid":"x"}"#, &payload.to_string()),
    );
    let named = RevocationEntry::of_token(first.as_bytes(), None, UnixTime(u64::MAX)).unwrap();
    assert_eq!(named.issuer, ISSUER);
    let set = set_of(&named.entries);
    assert_eq!(
        set.revokes(&verify(&first).unwrap()),
        Some(RevocationKind::Token)
    );
    assert_eq!(
        set.revokes(&verify(&second).unwrap()),
        None,
        "another token with the same claims"
    );
    let cut = first.rsplit_once('.').unwrap().0;
    let other_signature = format!("{cut}.AAAA");
    assert_eq!(
        RevocationEntry::of_token(other_signature.as_bytes(), None, UnixTime(u64::MAX))
            .unwrap()
            .entries,
        named.entries,
        "whatever signature came with it"
    );
}

#[test]
fn a_token_with_jti_is_revoked_by_that_and_its_text() {
    let text = token(&claims(json!({"jti": "1"})));
    let named = RevocationEntry::of_token(text.as_bytes(), None, UnixTime(u64::MAX)).unwrap();
    assert_eq!(
        named.entries,
        [
            RevocationEntry::by_text(
                ISSUER,
                text.rsplit_once('.').unwrap().0.as_bytes(),
                NOW.saturating_add(300)
            ),
            RevocationEntry::token(ISSUER, "1", NOW.saturating_add(300)),
        ]
    );
    let set = set_of(&named.entries);
    assert_eq!(
        set.revokes(&verify(&text).unwrap()),
        Some(RevocationKind::Token)
    );
    assert_eq!(
        set.revokes(&verified(json!({"jti": "1", "sub": "bob"}))),
        Some(RevocationKind::Token),
        "the same jti in another token"
    );
    assert_eq!(set.revokes(&verified(json!({"jti": "2"}))), None);
}

#[test]
fn an_opaque_token_is_revoked_by_its_text_and_a_signed_one_as_such() {
    let opaque = RevocationEntry::of_token(b"2YotnFZFEjr1zCsicMWpAA", Some(ISSUER), LATER).unwrap();
    assert_eq!(opaque.issuer, ISSUER);
    let [entry] = opaque.entries.as_slice() else {
        unreachable_in_test(&opaque)
    };
    assert_eq!(entry.expires_at(), LATER);
    assert_eq!(
        entry.digest,
        opaque_digest(ISSUER, b"2YotnFZFEjr1zCsicMWpAA")
    );
    assert_ne!(
        entry.digest,
        opaque_digest(OTHER, b"2YotnFZFEjr1zCsicMWpAA"),
        "the same text of another issuer is another token"
    );

    let signed = token(&claims(json!({})));
    let cut = signed.rsplit_once('.').unwrap().0;
    let entries = RevocationEntry::of_token(signed.as_bytes(), Some(OTHER), LATER).unwrap();
    assert_eq!(entries.issuer, ISSUER, "a signed token says whose it is");
    for text in [signed.clone(), format!("{cut}."), format!("{cut}.AAAA")] {
        assert_eq!(
            entries.entries.first().map(|entry| entry.digest),
            Some(opaque_digest(ISSUER, text.as_bytes())),
            "asked about by introspection: {text}"
        );
    }
    assert_ne!(
        opaque_digest(ISSUER, b"v4.local.one"),
        opaque_digest(ISSUER, b"v4.local.two"),
        "two dots alone make no signed token"
    );
}

#[expect(clippy::panic, reason = "the failure of a test")]
fn unreachable_in_test(entries: &TokenEntries) -> ! {
    panic!("an opaque token has one entry: {entries:?}")
}

#[test]
fn the_entries_of_a_token_last_until_it_expires_and_not_beyond_what_is_asked_for() {
    let of = |changes: Value, latest| {
        let text = token(&claims(changes));
        RevocationEntry::of_token(text.as_bytes(), None, latest)
            .map(|entries| entries.entries.first().unwrap().expires_at())
    };
    assert_eq!(of(json!({}), LATER), Ok(LATER), "exactly as long");
    assert_eq!(of(json!({}), LATER.saturating_add(1)), Ok(LATER));
    assert_eq!(
        of(json!({}), LATER.saturating_sub(1)),
        Ok(LATER.saturating_sub(1))
    );
    assert_eq!(
        of(json!({"exp": LATER.0 as f64 - 0.5}), UnixTime(u64::MAX)),
        Ok(LATER),
        "rounded up"
    );
    for (changes, error) in [
        (
            json!({"exp": null}),
            TokenError::MissingClaim { name: "exp" },
        ),
        (
            json!({"iss": null}),
            TokenError::MissingClaim { name: "iss" },
        ),
        (
            json!({"jti": 1}),
            TokenError::ClaimType {
                name: "jti",
                expected: "a string",
            },
        ),
    ] {
        assert_eq!(of(changes.clone(), LATER), Err(error), "{changes}");
    }
    assert_eq!(
        RevocationEntry::of_token(b"opaque", None, LATER).err(),
        Some(TokenError::MissingClaim { name: "iss" }),
        "an opaque token does not say whose it is"
    );
}

#[test]
fn an_entry_is_over_when_the_most_leeway_has_passed() {
    let entry = RevocationEntry::token(ISSUER, "1", LATER);
    let last = LATER.saturating_add(LEEWAY_S_MAX - 1);
    assert!(!entry.is_over(last));
    assert!(entry.is_over(last.saturating_add(1)));

    let names = [entry.name()];
    for (now, len) in [(last, 1), (last.saturating_add(1), 0)] {
        let reading = read(&names, now).unwrap();
        assert_eq!((reading.set.len(), reading.set.names()), (len, len));
    }
}

#[test]
fn foreign_names_are_passed_over_and_unreadable_ones_counted() {
    let names = [
        "doorward/keys/https://login.acme.example".to_owned(),
        RevocationEntry::token(ISSUER, "1", LATER).name(),
        "doorward/revoked/nonsense".to_owned(),
        "notes".to_owned(),
        format!("{ENTRY_PREFIX}1/unheard-of/AAAAAAAAAAAAAAAAAAAAAA/-"),
    ];
    let reading = read(&names, NOW).unwrap();
    assert_eq!(
        (reading.set.len(), reading.over.len(), reading.unreadable),
        (1, 0, 2)
    );
    assert_eq!(
        reading.set.revokes(&verified(json!({"jti": "1"}))),
        Some(RevocationKind::Token),
        "what can be read is in force"
    );
}

#[test]
fn of_several_times_the_latest_counts_in_whatever_order_they_come() {
    let (early, late) = (NOW, NOW.saturating_add(30));
    for times in [[early, late], [late, early]] {
        let entries = times.map(|time| RevocationEntry::issuer(ISSUER, time, LATER));
        for (issued_at, revoked) in [(late, true), (late.saturating_add(1), false)] {
            assert_eq!(
                verdict(&entries, json!({"iat": issued_at.0})),
                revoked.then_some(RevocationKind::Issuer),
                "{times:?}, issued at {issued_at}"
            );
        }
        assert_eq!(set_of(&entries).len(), 1, "it is one thing that is revoked");
    }
}

#[test]
fn every_one_of_many_entries_is_found() {
    let mut set = RevocationSet::default();
    for number in 0..3000 {
        assert_eq!(set.len(), number);
        set.insert(&RevocationEntry::logout(ISSUER, &number.to_string(), LATER));
    }
    for number in 0..3000 {
        assert!(
            set.has_logout(ISSUER, &number.to_string()),
            "number {number}"
        );
    }
    assert!(!set.has_logout(ISSUER, "3000"));
    assert!(!set.has_logout(OTHER, "1"));
}

#[test]
fn entries_in_one_bucket_do_not_displace_each_other() {
    let entries: Vec<RevocationEntry> = (0..100)
        .map(|number| RevocationEntry {
            digest: [0, 0, 0, 0, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ..RevocationEntry::token(ISSUER, "", LATER)
        })
        .collect();
    let set = read(
        &entries
            .iter()
            .map(RevocationEntry::name)
            .collect::<Vec<_>>(),
        NOW,
    )
    .unwrap()
    .set;
    assert_eq!(set.len(), 100);
    for entry in &entries {
        assert!(set.contains(entry), "{entry:?}");
    }
}
