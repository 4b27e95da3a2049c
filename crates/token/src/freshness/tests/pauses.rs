//! For how long an issuer that fails is left alone.

use super::*;

#[test]
fn an_issuer_that_is_down_is_asked_ever_more_rarely() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    let mut fetches = Vec::new();
    // A request every second, for ten minutes, to an issuer that never answers.
    for second in 0..600 {
        match meet(&mut freshness, at(second)) {
            FetchFirst => {
                fetches.push(second);
                freshness.failed(at(second));
            }
            Unavailable { retry_after_s } => assert!(
                (1..=RETRY_S_MAX).contains(&retry_after_s),
                "{retry_after_s}"
            ),
            other => assert_eq!(other, FetchFirst, "second {second}"),
        }
    }
    let mut longest_s = 0;
    for ((before, after), bound_s) in fetches
        .iter()
        .zip(fetches.iter().skip(1))
        .zip([4, 8, 16, 32].into_iter().chain(std::iter::repeat(60)))
    {
        let pause_s = after - before;
        let within = RETRY_S_MIN..=bound_s;
        assert!(within.contains(&pause_s), "{pause_s}: {fetches:?}");
        longest_s = longest_s.max(pause_s);
    }
    assert!((50..=60).contains(&longest_s), "{fetches:?}");
    // Every 31 s, in the mean, once a pause can be a minute.
    assert!((15..=30).contains(&fetches.len()), "{fetches:?}");
    freshness.fetched(at(700), at(700), 60, true);
    freshness.failed(at(701));
    let pause_s = first_pause_s(&freshness, at(701));
    assert!(pause_s <= RETRY_S_FIRST, "a success ends the series");
}

/// For how long an issuer is left alone that fails at this time for the so-many-th time.
fn pause_s(issuer: &str, failed_at: UnixTime, failures: u32) -> u64 {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), issuer);
    freshness.failures = failures - 1;
    freshness.failed(failed_at);
    freshness.left_alone_s(failed_at)
}

#[test]
fn an_issuer_that_failed_is_never_asked_again_within_a_second() {
    for failures in [1, 2, 3, 6, u32::MAX] {
        for second in 0..2_000 {
            let pause_s = pause_s(ISSUER, at(second), failures);
            // A failure at the end of one second, and the next attempt at the beginning of another one.
            assert!(pause_s >= 2, "{failures}, {second}");
            assert!(pause_s <= RETRY_S_MAX, "{failures}, {second}");
        }
    }
}

#[test]
fn issuers_that_fail_together_do_not_come_back_together() {
    for (failures, kinds, most) in [(1, 3, 140), (3, 15, 45), (6, 50, 16)] {
        let mut times = std::collections::BTreeMap::new();
        for number in 0..300 {
            let issuer = format!("https://login.example/tenants/{number}");
            *times.entry(pause_s(&issuer, at(0), failures)).or_insert(0) += 1;
        }
        assert!(times.len() >= kinds, "{failures}: {times:?}");
        let together = times.values().max();
        assert!(together <= Some(&most), "{failures}: {times:?}");
        let others = (1..300).filter(|second| {
            let of = |second| pause_s(ISSUER, at(second), failures);
            of(*second) != of(0)
        });
        assert!(others.count() > 100, "nor does one at another time");
    }
}
