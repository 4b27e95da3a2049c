#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::rate::tests::limit;
use doorward_retry::Random;
use std::collections::BTreeMap;

fn key(number: u64) -> KeyDigest {
    // Spread, as digests are.
    let mut random = Random::seeded(number);
    let halves = [random.next(), random.next()].map(u64::to_be_bytes);
    halves.concat().try_into().unwrap()
}

#[test]
fn a_table_says_of_each_key_what_the_limit_says_of_it_alone() {
    let limit = limit(7, 3, 4);
    let (mut table, mut alone) = (RateTable::new(), BTreeMap::new());
    let mut random = Random::seeded(1);
    let mut now = Millis(0);
    for _ in 0..20_000 {
        now = now.plus(random.below(30));
        let key = key(random.below(20));
        let tat = alone.get(&key).copied();
        let peeked = table.peek(&limit, &key, now);
        assert_eq!(peeked, limit.peek(tat, now), "asked at {now:?}");
        let (due, tat) = limit.decide(tat, now);
        alone.insert(key, tat);
        assert_eq!(table.decide(&limit, &key, now), due, "charged at {now:?}");
        assert_eq!(table.by_key.len(), table.by_time.len());
    }
    assert!(table.len() <= 20, "a key is remembered once");
}

#[test]
fn a_table_with_many_keys_stays_bounded_and_remembers_who_has_used_most() {
    let limit = limit(1, 3600, 5);
    let mut table = RateTable::new();
    let heavy = key(u64::MAX);
    for _ in 0..5 {
        assert!(table.decide(&limit, &heavy, Millis(0)).admitted);
    }
    for number in 0..KEYS_MAX as u64 * 3 {
        let verdict = table.decide(&limit, &key(number), Millis(number));
        assert!(verdict.admitted, "key {number} is new");
        assert!(table.len() <= KEYS_MAX, "{} keys", table.len());
        assert_eq!(table.by_key.len(), table.by_time.len());
    }
    assert_eq!(table.len(), KEYS_MAX);
    let verdict = table.decide(&limit, &heavy, Millis(30_000));
    assert!(!verdict.admitted, "who has used it up is not forgotten");
    let last = key(KEYS_MAX as u64 * 3 - 1);
    assert_eq!(
        table.peek(&limit, &last, Millis(30_000)).remaining,
        4,
        "who came last is not forgotten either"
    );
}

#[test]
fn keys_that_have_expired_go_as_others_come() {
    let limit = limit(10, 1, 1);
    let mut table = RateTable::new();
    for number in 0..1000 {
        table.decide(&limit, &key(number), Millis(0));
    }
    assert_eq!(table.len(), 1000);
    for number in 1000..2000 {
        table.decide(&limit, &key(number), Millis(1_000_000));
    }
    assert_eq!(table.len(), 1000, "as many as are in use");
    for number in 0..500 {
        table.decide(&limit, &key(number), Millis(2_000_000));
    }
    assert_eq!(table.len(), 500, "a table shrinks again");
}

#[test]
fn to_ask_charges_nothing() {
    let limit = limit(1, 60, 1);
    let mut table = RateTable::new();
    for _ in 0..100 {
        assert!(table.peek(&limit, &key(1), Millis(5)).admitted);
    }
    assert!(table.is_empty(), "nothing is remembered of it");
    // A failed authentication: asked before, charged after.
    assert!(table.decide(&limit, &key(1), Millis(5)).admitted);
    assert!(!table.peek(&limit, &key(1), Millis(5)).admitted);
    assert!(
        table.peek(&limit, &key(2), Millis(5)).admitted,
        "another key"
    );
}

#[test]
fn bytes_compare_as_times_do() {
    let mut random = Random::seeded(3);
    for _ in 0..10_000 {
        let mut tat = || Tat {
            at: Millis(random.next() >> random.below(64)),
            parts: (random.next() >> 40) as u32,
        };
        let (one, other) = (tat(), tat());
        assert_eq!(one.cmp(&other), one.to_bytes().cmp(&other.to_bytes()));
        assert_eq!(Tat::from_bytes(&one.to_bytes()), Some(one));
    }
}
