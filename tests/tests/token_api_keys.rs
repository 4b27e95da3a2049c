//! What an attacker could learn from how long a key takes.

#![expect(clippy::unwrap_used, reason = "the failure of a test")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use doorward_tests::signing::NOW;
use doorward_token::api_key::{ApiKey, ApiKeyError, GeneratedKey, KeyRecord, generate};

const BATCHES: u32 = 200;
const VERIFICATIONS: u32 = 20;

fn record_of(key: &GeneratedKey) -> KeyRecord {
    KeyRecord {
        id: key.id.clone(),
        name: "ci".to_owned(),
        digest: key.digest.clone(),
        scopes: Vec::new(),
        created_at: NOW,
        expires_at: None,
    }
}

/// The shortest time of many batches, which the rest of the machine disturbed least.
fn shortest(mut work: impl FnMut()) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..VERIFICATIONS {
            work();
        }
        shortest = shortest.min(start.elapsed());
    }
    shortest
}

/// Not a measurement of constant time, which a test cannot make, but of whether the hash is made at
/// all: without it the answer comes in a small part of the time.
#[test]
fn a_key_that_nobody_has_takes_as_long_as_a_wrong_one() {
    let key = generate(&[1; 48]);
    let other = record_of(&generate(&[2; 48]));
    let parsed = ApiKey::parse(key.text.as_bytes()).unwrap();
    let refused = |record: Option<&KeyRecord>, name: Option<&str>| {
        KeyRecord::verify(black_box(record), &parsed, black_box(name), NOW).err()
    };
    for name in [None, Some("ci")] {
        assert_eq!(refused(None, name), Some(ApiKeyError::Unknown));
        assert_eq!(refused(Some(&other), name), Some(ApiKeyError::Secret));
        let unknown = shortest(|| {
            black_box(refused(None, name));
        });
        let wrong = shortest(|| {
            black_box(refused(Some(&other), name));
        });
        assert!(
            unknown * 3 > wrong && wrong * 3 > unknown,
            "an unknown key took {unknown:?}, a wrong one {wrong:?} (name: {name:?})"
        );
    }
}
