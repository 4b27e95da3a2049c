use super::*;
use crate::budget::RESERVE;

/// Like that of keys, in seconds.
const KEYS: Backoff = Backoff {
    least: 2,
    first: 4,
    most: 60,
};

/// Like that of an upstream, in milliseconds.
const UPSTREAM: Backoff = Backoff {
    least: 0,
    first: 25,
    most: 1000,
};

#[test]
fn the_bound_doubles_with_each_failure_and_stays_within_its_own() {
    for (backoff, failures, bound) in [
        (UPSTREAM, 0, 25),
        (UPSTREAM, 1, 25),
        (UPSTREAM, 2, 50),
        (UPSTREAM, 6, 800),
        (UPSTREAM, 7, 1000),
        (UPSTREAM, 65, 1000),
        (UPSTREAM, u32::MAX, 1000),
        (KEYS, 1, 4),
        (KEYS, 4, 32),
        (KEYS, 5, 60),
        (KEYS, u32::MAX, 60),
        (Backoff::NONE, u32::MAX, 0),
        // A floor is kept, whatever else is said.
        (
            Backoff {
                least: 9,
                ..UPSTREAM
            },
            0,
            25,
        ),
        (
            Backoff {
                least: 90,
                ..UPSTREAM
            },
            1,
            90,
        ),
        (
            Backoff {
                least: 90,
                first: 1,
                most: 2,
            },
            40,
            90,
        ),
        (
            Backoff {
                least: 0,
                first: u64::MAX,
                most: u64::MAX,
            },
            9,
            u64::MAX,
        ),
    ] {
        assert_eq!(backoff.bound(failures), bound, "{backoff:?}, {failures}");
    }
}

#[test]
fn every_pause_from_the_floor_to_the_bound_is_as_likely_as_any_other() {
    let random = &mut Random::seeded(1);
    for failures in [1, 2, 3, 7] {
        let bound = KEYS.bound(failures);
        let mut counts = [0_u32; 64];
        let kinds = u32::try_from(bound - KEYS.least + 1).unwrap_or(0);
        for _ in 0..kinds * 1000 {
            let pause = KEYS.pause(failures, random);
            assert!((KEYS.least..=bound).contains(&pause), "{failures}: {pause}");
            if let Some(count) = usize::try_from(pause)
                .ok()
                .and_then(|at| counts.get_mut(at))
            {
                *count += 1;
            }
        }
        let seen = counts.iter().filter(|count| **count > 0);
        assert_eq!(u32::try_from(seen.clone().count()), Ok(kinds), "{failures}");
        for count in seen {
            assert!((850..1150).contains(count), "{failures}: {counts:?}");
        }
    }
    let widest = Backoff {
        least: 0,
        first: u64::MAX,
        most: u64::MAX,
    };
    for failures in [0, 1, u32::MAX] {
        let _ = widest.pause(failures, random);
    }
}

#[test]
fn the_same_random_numbers_give_the_same_pause() {
    for failures in [1, 2, 5, 100] {
        let pause = |seed| KEYS.pause(failures, &mut Random::seeded(seed));
        assert_eq!(pause(7), pause(7));
        assert!((0..50).any(|seed| pause(seed) != pause(7)), "{failures}");
    }
}

#[test]
fn a_pause_that_ends_after_the_deadline_is_none() {
    for seed in 0..500 {
        for left in [0, 1, 2, 25, 26, 1000] {
            for asked_for in [0, 24, 25, 26] {
                let mut budget = RetryBudget::new();
                let full = budget.clone();
                let random = &mut Random::seeded(seed);
                let drawn = UPSTREAM.pause(1, &mut random.clone()).max(asked_for);
                let came = UPSTREAM.again(1, asked_for, left, Some(&mut budget), random);
                if drawn < left {
                    assert_eq!(came, Ok(drawn), "{left} left");
                } else {
                    assert_eq!(came, Err(NoRetry::Deadline), "{left} left, {drawn}");
                    assert_eq!(budget, full, "nothing is taken for what is not done");
                }
            }
        }
    }
}

#[test]
fn what_repeats_a_request_takes_from_the_budget_and_ends_with_it() {
    let mut budget = RetryBudget::new();
    let random = &mut Random::seeded(3);
    for taken in 0..2 * RESERVE {
        let came = UPSTREAM.again(1, 0, 1_000_000, Some(&mut budget), random);
        assert_eq!(came.is_ok(), taken < RESERVE, "{taken}: {came:?}");
    }
    let came = UPSTREAM.again(1, 0, 1_000_000, Some(&mut budget), random);
    assert_eq!(came, Err(NoRetry::Budget));
    let without = UPSTREAM.again(1, 0, 1_000_000, None, random);
    assert!(without.is_ok(), "what repeats no request has none");
}
