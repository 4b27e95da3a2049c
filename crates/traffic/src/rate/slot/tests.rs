#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use super::*;
use crate::rate::{Counts, RateKey};

/// 2026-01-01, as the store's clock is the time of day.
const NOW: Millis = Millis(1_767_225_600_000);

/// One request a second, 100 at once.
fn limit() -> RateLimit {
    RateLimit {
        name: "shared".to_owned(),
        requests: 60,
        per_s: 60,
        burst: 100,
        key: RateKey::Client,
        counts: Counts::Requests,
        shared: true,
    }
}

fn key(number: u8) -> KeyDigest {
    [number; 16]
}

fn in_ms(ms: u64) -> Tat {
    Tat {
        at: NOW.plus(ms),
        parts: 7,
    }
}

fn full() -> SlotRecord {
    let mut record = SlotRecord::default();
    for number in 0..SLOT_KEYS_MAX as u8 {
        record.put(
            &limit(),
            key(number),
            in_ms(1000 + u64::from(number) * 1000),
            NOW,
        );
    }
    record
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let record = full();
    let bytes = record.to_bytes();
    assert_eq!(bytes.len(), 1 + SLOT_KEYS_MAX * ROW_BYTES);
    assert_eq!(SlotRecord::parse(&bytes), Some(record));
    let empty = SlotRecord::default();
    assert_eq!(SlotRecord::parse(&empty.to_bytes()), Some(empty));
}

#[test]
fn what_is_no_record_is_read_as_none() {
    let good = full().to_bytes();
    let (version, rows) = good.split_first().unwrap();
    let more = [&good[..], &[99; ROW_BYTES]].concat();
    let cases: [(&str, Vec<u8>); 6] = [
        ("nothing", Vec::new()),
        ("another version", [&[version + 1], rows].concat()),
        ("cut short", good[..good.len() - 1].to_vec()),
        ("one byte more", [&good[..], &[0]].concat()),
        ("one key more", more),
        (
            "a key twice",
            [&good[..=ROW_BYTES], &rows[..ROW_BYTES]].concat(),
        ),
    ];
    for (what, bytes) in cases {
        assert_eq!(SlotRecord::parse(&bytes), None, "{what} is no record");
    }
}

#[test]
fn instances_that_share_a_record_admit_no_more_than_one_would() {
    let (limit, mut bytes, mut admitted) = (limit(), Vec::new(), 0);
    for step in 0..100_000 {
        let now = NOW.plus(step);
        let mut record = SlotRecord::parse(&bytes).unwrap_or_default();
        let (verdict, tat) = limit.decide(record.get(&key(1)), now);
        if verdict.admitted {
            admitted += 1;
            record.put(&limit, key(1), tat, now);
            bytes = record.to_bytes();
        }
    }
    assert_eq!(admitted, 100 + 99, "a burst of 100, and one each second");
}

#[test]
fn a_full_record_forgets_what_has_expired_and_then_who_has_used_least() {
    let mut record = full();
    record.put(&limit(), key(100), in_ms(1), NOW);
    assert_eq!(record.get(&key(0)), None, "who has used least");
    assert!(record.get(&key(1)).is_some(), "who has used more");
    assert!(record.get(&key(100)).is_some(), "who came");
    record.put(&limit(), key(101), in_ms(90_000), NOW.plus(5_001));
    for number in [100, 1, 2, 3, 4] {
        assert_eq!(record.get(&key(number)), None, "key {number} has expired");
    }
    assert!(record.get(&key(5)).is_some(), "key 5 has not");
    for number in 0..=255 {
        record.put(&limit(), key(number), in_ms(50_000), NOW.plus(5_001));
        assert!(record.rows.len() <= SLOT_KEYS_MAX, "the record is bounded");
    }
}

#[test]
fn a_time_further_ahead_than_the_limit_allows_is_not_believed() {
    let limit = limit();
    let foreign = in_ms(1_000_000_000);
    let (verdict, tat) = limit.decide(Some(foreign), NOW);
    assert!(!verdict.admitted, "nothing is given away");
    assert_eq!(verdict.retry_after_ms, 1000, "nor is anybody locked out");
    assert_eq!(tat.at, NOW.plus(100_000), "the furthest that can be");
    let mut record = SlotRecord::default();
    record.put(&limit, key(1), foreign, NOW);
    record.put(&limit, key(2), in_ms(1000), NOW);
    assert_eq!(record.get(&key(1)), Some(tat), "it is cut back");
}

#[test]
fn entries_have_names_of_their_own_and_there_is_a_fixed_number_of_them() {
    assert_eq!(
        slot_name("per_client", 1023),
        "doorward/rate/per_client/1023"
    );
    assert_eq!(slot_of(&[0xFF; 16]), SLOTS - 1);
    let mut random = doorward_retry::Random::seeded(4);
    let mut counts = vec![0; usize::from(SLOTS)];
    for _ in 0..SLOTS * 32 {
        let [first, second] = [random.next(), random.next()].map(u64::to_be_bytes);
        let key = [first, second].concat().try_into().unwrap();
        *counts.get_mut(usize::from(slot_of(&key))).unwrap() += 1;
    }
    assert!(
        counts.iter().all(|count| (5..100).contains(count)),
        "{counts:?}"
    );
}
