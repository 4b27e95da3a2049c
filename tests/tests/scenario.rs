//! Worlds drawn from seeds, and what must be true of all of them.
//!
//! `DOORWARD_SCENARIO_S=600` looks at as many as there is time for, from the first seed on, and
//! `DOORWARD_SEEDS=1..10001` at these.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use doorward_tests::scenario::{Story, census, faults, transcript};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long worlds are looked at where nobody says, in seconds.
const TIME_S: u64 = 2;
/// Faults of a world that are told.
const TOLD_MAX: usize = 2;
/// Worlds that are told of.
const WORLDS_TOLD_MAX: usize = 20;

/// Which seeds, and for how long.
fn asked_for() -> (Range<u64>, Duration) {
    if let Ok(seeds) = std::env::var("DOORWARD_SEEDS") {
        let (from, to) = seeds.split_once("..").expect("DOORWARD_SEEDS=from..to");
        return (from.parse().unwrap()..to.parse().unwrap(), Duration::MAX);
    }
    let time_s = std::env::var("DOORWARD_SCENARIO_S").map_or(TIME_S, |text| text.parse().unwrap());
    (1..u64::MAX, Duration::from_secs(time_s))
}

/// The worlds of these seeds that break a promise, and how many were looked at.
fn broken(seeds: Range<u64>, time: Duration) -> (BTreeMap<u64, Vec<String>>, u64) {
    let (began, next, looked_at) = (
        Instant::now(),
        AtomicU64::new(seeds.start),
        AtomicU64::new(0),
    );
    let broken = Mutex::new(BTreeMap::new());
    let look = || {
        while began.elapsed() < time && (time == Duration::MAX || broken.lock().unwrap().is_empty())
        {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let looked = std::panic::catch_unwind(|| faults(&Story::of(seed)));
            let found = looked.unwrap_or_else(|_| vec!["it ended in a panic".to_owned()]);
            looked_at.fetch_add(1, Ordering::Relaxed);
            if !found.is_empty() {
                broken.lock().unwrap().insert(seed, found);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |count| count.get()) {
            scope.spawn(look);
        }
    });
    (broken.into_inner().unwrap(), looked_at.into_inner())
}

#[test]
fn no_world_breaks_a_promise() {
    let (seeds, time) = asked_for();
    let began = Instant::now();
    let (broken, looked_at) = broken(seeds.clone(), time);
    println!(
        "{looked_at} worlds from seed {} on, in {:?}",
        seeds.start,
        began.elapsed()
    );
    let Some(seed) = broken.keys().next() else {
        return;
    };
    let told = |(seed, faults): (&u64, &Vec<String>)| {
        let first: Vec<_> = faults.iter().take(TOLD_MAX).map(String::as_str).collect();
        format!(
            "seed {seed}, {} faults:\n{}\n",
            faults.len(),
            first.join("\n")
        )
    };
    let worlds: String = broken.iter().take(WORLDS_TOLD_MAX).map(told).collect();
    panic!(
        "{} of {looked_at} worlds break a promise\n{worlds}\none alone: DOORWARD_SEEDS={seed}..{} cargo test -p \
         doorward-tests --test scenario",
        broken.len(),
        seed + 1
    );
}

#[test]
fn a_seed_gives_the_same_world_twice() {
    for seed in 1..6 {
        let (first, second) = (transcript(&Story::of(seed)), transcript(&Story::of(seed)));
        let differ = first
            .lines()
            .zip(second.lines())
            .find(|(one, other)| one != other);
        assert_eq!(differ, None, "seed {seed}");
        assert!(first == second && !first.is_empty(), "seed {seed}");
    }
}

/// What a check needs that has something to look at.
const EVERYTHING: [&str; 23] = [
    "let in",
    "not let in",
    "left",
    "the instance ended",
    "has to be let in",
    "asked again",
    "mirrored",
    "an origin failed",
    "it presents nothing that is accepted there",
    "nobody ever published the key",
    "the instance has refreshed its keys since the key was withdrawn",
    "the key was not seen for longer than any key is kept",
    "the store says that the key was withdrawn",
    "the key has expired",
    "the key was taken out of the store",
    "the token has expired",
    "the token is for somebody else",
    "the token is none",
    "the token is not valid yet",
    "the token lacks a scope",
    "the token was revoked",
    "told keys-unavailable",
    "told store-unavailable",
];

#[test]
fn in_a_few_worlds_everything_happens() {
    let mut counts = BTreeMap::new();
    for seed in 1..81 {
        for (what, count) in census(&Story::of(seed)) {
            *counts.entry(what).or_insert(0) += count;
        }
    }
    let never: Vec<_> = EVERYTHING
        .into_iter()
        .filter(|what| !counts.contains_key(*what))
        .collect();
    assert!(never.is_empty(), "never: {never:?}, but {counts:#?}");
}
