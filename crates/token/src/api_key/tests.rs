#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use serde_json::{Value, json};

use super::key::{CHECKSUM_BYTES, ID_BYTES, base62, checksum, crc32};
use super::*;
use crate::testing::NOW;
use crate::{DATE_MAX_S, JsonProblem, UnixTime};

/// A key that is the same in every run.
fn generated() -> GeneratedKey {
    generate(&std::array::from_fn(|position| position as u8))
}

fn record_of(key: &GeneratedKey) -> KeyRecord {
    KeyRecord {
        id: key.id.clone(),
        name: "ci".to_owned(),
        digest: key.digest.clone(),
        scopes: vec!["read:items".to_owned(), "write:items".to_owned()],
        created_at: NOW,
        expires_at: Some(NOW.saturating_add(60)),
    }
}

/// The text with other characters in some places, and a checksum that fits.
fn forged(text: &str, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.truncate(KEY_BYTES - CHECKSUM_BYTES);
    change(&mut bytes);
    bytes.extend(checksum(&bytes));
    bytes
}

#[test]
fn a_key_is_made_of_its_random_bytes_and_reads_as_itself() {
    let key = generated();
    assert_eq!(
        key.text, "dwk_H6nx0olkKwtL_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf0aK0IQ",
        "the same bytes make the same key"
    );
    assert_eq!(key.text.len(), KEY_BYTES);
    let parsed = ApiKey::parse(key.text.as_bytes()).unwrap();
    assert_eq!(parsed.id(), key.id);
    assert_eq!(ApiKeyDigest::of(key.text.as_bytes()), key.digest);
}

#[test]
fn every_random_byte_changes_the_key() {
    let text = generated().text;
    for position in 0..KEY_RANDOM_BYTES {
        let mut random: [u8; KEY_RANDOM_BYTES] = std::array::from_fn(|position| position as u8);
        random[position] ^= 1;
        assert_ne!(generate(&random).text, text, "byte {position} is not used");
    }
    for random in [[0; KEY_RANDOM_BYTES], [0xff; KEY_RANDOM_BYTES]] {
        let key = generate(&random);
        assert!(ApiKey::parse(key.text.as_bytes()).is_ok(), "{}", key.text);
    }
}

#[test]
fn the_checksum_is_the_crc_32_that_everybody_has() {
    // The check value of the catalogue of CRC algorithms, and one of RFC 3720's kind: all zeros.
    for (text, crc) in [
        (b"123456789".as_slice(), 0xcbf4_3926),
        (b"", 0),
        (&[0; 32], 0x190a_55ad),
    ] {
        assert_eq!(crc32(text), crc, "{text:?}");
    }
}

#[test]
fn numbers_are_written_to_the_base_62() {
    for (number, digits) in [
        (0_u32, b"000000"),
        (9, b"000009"),
        (10, b"00000A"),
        (35, b"00000Z"),
        (36, b"00000a"),
        (61, b"00000z"),
        (62, b"000010"),
        (u32::MAX, b"4gfFC3"),
    ] {
        assert_eq!(
            base62::<6>(&number.to_be_bytes()),
            *digits,
            "{number} to the base 62"
        );
    }
}

#[test]
fn only_the_text_of_a_key_is_taken_for_one() {
    let text = generated().text;
    let without_prefix = text.trim_start_matches(KEY_PREFIX);
    for (what, text, error) in [
        ("nothing", Vec::new(), ApiKeyError::Prefix),
        (
            "a key without its prefix",
            without_prefix.into(),
            ApiKeyError::Prefix,
        ),
        (
            "a prefix in capitals",
            format!("DWK_{without_prefix}").into(),
            ApiKeyError::Prefix,
        ),
        (
            "a key after a space",
            format!(" {text}").into(),
            ApiKeyError::Prefix,
        ),
        (
            "a prefix alone",
            KEY_PREFIX.into(),
            ApiKeyError::Length { bytes: 4 },
        ),
        (
            "a key cut short",
            text[..KEY_BYTES - 1].into(),
            ApiKeyError::Length {
                bytes: KEY_BYTES - 1,
            },
        ),
        (
            "a key and a line feed",
            format!("{text}\n").into(),
            ApiKeyError::Length {
                bytes: KEY_BYTES + 1,
            },
        ),
        (
            "a key twice",
            text.repeat(2).into(),
            ApiKeyError::Length {
                bytes: 2 * KEY_BYTES,
            },
        ),
        (
            "a megabyte",
            format!("{KEY_PREFIX}{}", "a".repeat(1_000_000)).into(),
            ApiKeyError::Length { bytes: 1_000_004 },
        ),
        (
            "a slash in the id",
            forged(&text, |text| text[5] = b'/'),
            ApiKeyError::Alphabet,
        ),
        (
            "an id that ends early",
            forged(&text, |text| text[15] = b'_'),
            ApiKeyError::Alphabet,
        ),
        (
            "a byte that is not UTF-8 in the id",
            forged(&text, |text| text[5] = 0xff),
            ApiKeyError::Alphabet,
        ),
        (
            "another separator",
            forged(&text, |text| text[16] = b'-'),
            ApiKeyError::Alphabet,
        ),
        (
            "no separator",
            forged(&text, |text| text[16] = b'0'),
            ApiKeyError::Alphabet,
        ),
        (
            "a NUL in the secret",
            forged(&text, |text| text[20] = 0),
            ApiKeyError::Alphabet,
        ),
        (
            "a hyphen in the secret",
            forged(&text, |text| text[59] = b'-'),
            ApiKeyError::Alphabet,
        ),
        (
            "a byte that is not UTF-8 in the secret",
            forged(&text, |text| text[30] = 0xc3),
            ApiKeyError::Alphabet,
        ),
        (
            "a space in the checksum",
            [&text.as_bytes()[..KEY_BYTES - 1], b" "].concat(),
            ApiKeyError::Alphabet,
        ),
    ] {
        assert_eq!(ApiKey::parse(&text).err(), Some(error), "{what}");
    }
}

#[test]
fn a_key_with_one_character_mistyped_or_two_exchanged_has_a_wrong_checksum() {
    let text = generated().text;
    let separator = KEY_PREFIX.len() + ID_BYTES;
    for position in (KEY_PREFIX.len()..KEY_BYTES).filter(|&position| position != separator) {
        let mut mistyped = text.as_bytes().to_vec();
        mistyped[position] = if mistyped[position] == b'x' {
            b'y'
        } else {
            b'x'
        };
        assert_eq!(
            ApiKey::parse(&mistyped).err(),
            Some(ApiKeyError::Checksum),
            "the character at {position} mistyped"
        );
        let mut exchanged = text.as_bytes().to_vec();
        if ![separator, KEY_BYTES].contains(&(position + 1))
            && exchanged[position] != exchanged[position + 1]
        {
            exchanged.swap(position, position + 1);
            assert_eq!(
                ApiKey::parse(&exchanged).err(),
                Some(ApiKeyError::Checksum),
                "the characters at {position} exchanged"
            );
        }
    }
}

#[test]
fn a_digest_is_written_in_one_way() {
    let digest = generated().digest;
    let text = digest.text();
    assert_eq!(ApiKeyDigest::parse(&text), Some(digest));
    let code = text.trim_start_matches("sha256:");
    for wrong in [
        String::new(),
        code.to_owned(),
        format!("SHA256:{code}"),
        format!("sha256: {code}"),
        format!("sha256:{code}="),
        format!("sha256:{}", &code[1..]),
        format!("sha256:{code}AA"),
        format!("sha512:{code}"),
        "sha256:".to_owned(),
    ] {
        assert_eq!(ApiKeyDigest::parse(&wrong), None, "{wrong:?}");
    }
}

#[test]
fn a_key_is_verified_by_its_record_and_becomes_its_name() {
    let key = generated();
    let parsed = ApiKey::parse(key.text.as_bytes()).unwrap();
    let record = record_of(&key);
    for name in [None, Some("ci")] {
        let verified = KeyRecord::verify(Some(&record), &parsed, name, NOW).unwrap();
        assert_eq!(verified.id(), key.id);
        assert_eq!(verified.expires_at(), record.expires_at);
        let claims = verified.claims();
        assert_eq!(claims.subject(), Some("ci"));
        assert_eq!(claims.scopes(), record.scopes);
        for (name, value) in [
            ("iss", API_KEY_ISSUER),
            ("sub", "ci"),
            ("scope", "read:items write:items"),
        ] {
            assert_eq!(claims.claim(name), Some(&json!(value)), "{name}");
        }
    }
}

#[test]
fn a_key_without_its_record_under_another_name_or_with_another_secret_is_refused() {
    let key = generated();
    let record = record_of(&key);
    let other_secret = forged(&key.text, |text| text[59] ^= 1);
    let other_id = forged(&key.text, |text| text[5] ^= 1);
    let no_digest = KeyRecord {
        digest: ApiKeyDigest([0; 32]),
        ..record.clone()
    };
    let text = key.text.as_bytes();
    for (what, record, text, name, error) in [
        ("no record", None, text, None, ApiKeyError::Unknown),
        (
            "no record, and the name of nobody",
            None,
            text,
            Some(""),
            ApiKeyError::Unknown,
        ),
        (
            "another secret",
            Some(&record),
            &*other_secret,
            None,
            ApiKeyError::Secret,
        ),
        (
            "another id",
            Some(&record),
            &*other_id,
            None,
            ApiKeyError::Secret,
        ),
        (
            "another secret and another name",
            Some(&record),
            &*other_secret,
            Some("cd"),
            ApiKeyError::Secret,
        ),
        (
            "a record with the digest that stands for none",
            Some(&no_digest),
            text,
            None,
            ApiKeyError::Secret,
        ),
        (
            "another name",
            Some(&record),
            text,
            Some("cd"),
            ApiKeyError::Name,
        ),
        ("no name", Some(&record), text, Some(""), ApiKeyError::Name),
        (
            "a name in capitals",
            Some(&record),
            text,
            Some("CI"),
            ApiKeyError::Name,
        ),
        (
            "the beginning of the name",
            Some(&record),
            text,
            Some("c"),
            ApiKeyError::Name,
        ),
        (
            "more than the name",
            Some(&record),
            text,
            Some("ci\0"),
            ApiKeyError::Name,
        ),
    ] {
        let key = ApiKey::parse(text).unwrap();
        assert_eq!(
            KeyRecord::verify(record, &key, name, NOW).err(),
            Some(error),
            "{what}"
        );
    }
}

#[test]
fn a_key_is_refused_from_the_second_of_its_expiry_on_also_when_it_was_verified_before() {
    let key = generated();
    let parsed = ApiKey::parse(key.text.as_bytes()).unwrap();
    let record = record_of(&key);
    let expires_at = record.expires_at.unwrap();
    let verified = KeyRecord::verify(Some(&record), &parsed, None, NOW).unwrap();
    for (now, expired) in [
        (expires_at.saturating_sub(1), false),
        (expires_at, true),
        (expires_at.saturating_add(1), true),
        (UnixTime(u64::MAX), true),
    ] {
        let error = expired.then_some(ApiKeyError::Expired { now, expires_at });
        let again = KeyRecord::verify(Some(&record), &parsed, None, now).err();
        assert_eq!(again, error, "verified at {now}");
        assert_eq!(verified.recheck(now).err(), error, "rechecked at {now}");
    }
    let for_ever = KeyRecord {
        expires_at: None,
        ..record
    };
    assert!(KeyRecord::verify(Some(&for_ever), &parsed, None, UnixTime(DATE_MAX_S)).is_ok());
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let key = generated();
    let record = record_of(&key);
    for record in [
        KeyRecord {
            expires_at: None,
            scopes: Vec::new(),
            ..record.clone()
        },
        KeyRecord {
            name: "~".repeat(KEY_NAME_BYTES_MAX),
            scopes: vec!["s".repeat(SCOPE_BYTES_MAX); KEY_SCOPES_MAX],
            ..record.clone()
        },
        record,
    ] {
        record.check().unwrap();
        let bytes = record.to_bytes();
        assert_eq!(KeyRecord::parse(&bytes, &key.id), Ok(record));
    }
    let name = KeyRecord::entry_name(&key.id);
    assert_eq!(name, format!("doorward/api-keys/{}", key.id));
    assert_eq!(KeyRecord::id_of_entry(&name), Some(key.id.as_str()));
    for other in [
        "",
        "doorward/api-keys/",
        "doorward/api-keys/a",
        "doorward/keys/4YbV0cQm8XzK",
    ] {
        assert_eq!(KeyRecord::id_of_entry(other), None, "{other}");
    }
    let longer = format!("{name}/x");
    assert_eq!(KeyRecord::id_of_entry(&longer), None, "{longer}");
}

#[test]
fn a_record_that_could_not_have_been_written_is_refused() {
    let key = generated();
    let record: Value = serde_json::from_slice(&record_of(&key).to_bytes()).unwrap();
    let error = |name: &str, value: Value| {
        let mut record = record.clone();
        record[name] = value;
        KeyRecord::parse(record.to_string().as_bytes(), &key.id).err()
    };
    for (name, value) in [
        ("version", json!("1")),
        ("id", json!(5)),
        ("id", json!("a/b")),
        ("name", json!(null)),
        ("name", json!("")),
        ("name", json!("a:b")),
        ("name", json!("a b")),
        ("name", json!("a\nb")),
        ("name", json!("é")),
        ("name", json!("n".repeat(KEY_NAME_BYTES_MAX + 1))),
        ("digest", json!("")),
        ("digest", json!("sha256:")),
        ("digest", json!([])),
        ("scopes", json!("read")),
        ("scopes", json!([1])),
        ("scopes", json!([""])),
        ("scopes", json!(["a b"])),
        ("scopes", json!(["a\"b"])),
        ("scopes", json!(["a\\b"])),
        ("scopes", json!(["s".repeat(SCOPE_BYTES_MAX + 1)])),
        ("scopes", json!(vec!["s"; KEY_SCOPES_MAX + 1])),
        ("created_at", json!("now")),
        ("created_at", json!(-1)),
        ("expires_at", json!("never")),
        ("expires_at", json!(1.5)),
        ("expires_at", json!(DATE_MAX_S + 1)),
    ] {
        assert_eq!(
            error(name, value.clone()),
            Some(KeyRecordError::Member { name }),
            "{name}: {value}"
        );
    }
    for name in ["id", "name", "digest", "scopes", "created_at", "expires_at"] {
        let mut record = record.clone();
        record.as_object_mut().unwrap().remove(name);
        assert_eq!(
            KeyRecord::parse(record.to_string().as_bytes(), &key.id),
            Err(KeyRecordError::Member { name }),
            "without {name}"
        );
    }
    assert_eq!(
        error("version", json!(2)),
        Some(KeyRecordError::OtherVersion)
    );
    assert_eq!(
        error("networks", json!(["10.0.0.0/8"])),
        Some(KeyRecordError::UnknownMember)
    );
    assert_eq!(
        error("id", json!("AAAAAAAAAAAA")),
        Some(KeyRecordError::OtherKey)
    );
    assert_eq!(
        KeyRecord::parse(&vec![b' '; KEY_RECORD_BYTES_MAX + 1], &key.id),
        Err(KeyRecordError::TooLong)
    );
    for (text, expected) in [
        ("", JsonProblem::Syntax),
        ("[]", JsonProblem::NotAnObject),
        (r#"{"id":"a","id":"b"}"#, JsonProblem::DuplicateMember),
        (r#"{"scopes":[[]]}"#, JsonProblem::TooDeep),
    ] {
        let problem = match KeyRecord::parse(text.as_bytes(), &key.id) {
            Err(KeyRecordError::Json(error)) => Some(error.problem),
            _ => None,
        };
        assert_eq!(problem, Some(expected), "{text}");
    }
}

#[test]
fn nothing_prints_a_key() {
    let key = generated();
    let parsed = ApiKey::parse(key.text.as_bytes()).unwrap();
    let record = record_of(&key);
    let verified = KeyRecord::verify(Some(&record), &parsed, None, NOW).unwrap();
    let secret = &key.text[KEY_PREFIX.len() + ID_BYTES + 1..];
    let digest = key.digest.text();
    for printed in [
        format!("{key:?}"),
        format!("{parsed:?}"),
        format!("{record:?}"),
        format!("{verified:?}"),
        String::from_utf8(record.to_bytes()).unwrap(),
    ] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(!format!("{:?}", key.digest).contains(&digest[7..]));
}
