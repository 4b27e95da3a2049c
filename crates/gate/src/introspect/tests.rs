use super::*;

const START: Millis = Millis(1_800_000_000_000);

fn fails(endpoint: &mut Endpoint, times: u32, now: Millis) -> u64 {
    let random = &mut Random::seeded(u64::from(times) + now.0);
    let told = (0..times).map(|_| endpoint.failed(random, now));
    told.last().unwrap_or_default()
}

#[test]
fn what_was_asked_before_a_pause_makes_it_no_longer() {
    for times in [FAILURES_MAX, FAILURES_MAX + 1, 16, 128] {
        let mut endpoint = Endpoint::default();
        let told_s = fails(&mut endpoint, times, START);
        assert!((1..=5).contains(&told_s), "{times}: {told_s} s");
        assert_eq!(endpoint.paused_s(START), Some(told_s), "{times}");
        assert_eq!(endpoint.paused_s(START.plus(5000)), None, "{times}");
        assert_eq!((endpoint.failures, endpoint.pauses), (0, 1), "{times}");
    }
}

#[test]
fn a_pause_ends_with_a_clock_that_is_set_back() {
    let mut endpoint = Endpoint::default();
    fails(&mut endpoint, FAILURES_MAX, START);
    assert!(endpoint.paused_s(START).is_some());
    assert_eq!(endpoint.paused_s(Millis(START.0 - 1)), None);
}

#[test]
fn pauses_of_different_instances_end_at_different_times() {
    let ends: std::collections::BTreeSet<u64> = (0..100)
        .filter_map(|seed| {
            let mut endpoint = Endpoint::default();
            let random = &mut Random::seeded(seed);
            for _ in 0..FAILURES_MAX {
                endpoint.failed(random, START);
            }
            endpoint.paused.map(|(_, pause_ms)| pause_ms)
        })
        .collect();
    assert!(ends.len() > 90, "{ends:?}");
    let within = |pause_ms: &u64| (1000..=5000).contains(pause_ms);
    assert!(ends.iter().all(within), "{ends:?}");
}
