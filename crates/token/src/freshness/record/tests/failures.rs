//! Instances that share what they know of an issuer that fails.

use super::*;

/// A new instance every second, each of which reads the record, fails and writes it.
#[test]
fn short_lived_instances_together_ask_an_issuer_that_is_down_ever_more_rarely() {
    let mut stored: Option<KeySetRecord> = None;
    let mut fetches = Vec::new();
    for second in 0..200 {
        let mut instance = Instance::new();
        assert_eq!(meet(&mut instance.freshness, at(second)), FetchFirst);
        let spared = stored
            .as_ref()
            .is_some_and(|record| instance.adopt(record, at(second), Cause::Age).spared);
        if !spared {
            fetches.push(second);
            instance.freshness.failed(at(second));
            stored = instance.record(at(second));
        }
    }
    let pauses = fetches.iter().zip(fetches.iter().skip(1));
    let pauses: Vec<u64> = pauses.map(|(before, after)| after - before).collect();
    let bounds = [4, 8, 16, 32].into_iter().chain(std::iter::repeat(60));
    for (pause_s, bound_s) in pauses.iter().zip(bounds) {
        assert!((2..=bound_s).contains(pause_s), "{fetches:?}");
    }
    assert!((6..=14).contains(&fetches.len()), "{fetches:?}");
    // One that lives on and fails at the same times comes to the same pauses.
    let mut lives_on = Instance::new();
    for (failed_at, pause_s) in fetches.iter().zip(&pauses) {
        lives_on.freshness.failed(at(*failed_at));
        assert_eq!(lives_on.freshness.left_alone_s(at(*failed_at)), *pause_s);
    }
}

#[test]
fn all_instances_come_to_the_same_pause_and_only_from_what_the_record_has() {
    for failures in [1, 2, 5, 9] {
        for failed_at in 0..50 {
            let mut first = Instance::new();
            first.freshness.failures = failures - 1;
            first.freshness.failed(at(failed_at));
            let bytes = first.record(at(failed_at)).unwrap().to_bytes();
            let read = KeySetRecord::parse(&bytes, ISSUER, at(failed_at)).unwrap();
            let mut second = Instance::new();
            let _ = second.adopt(&read, at(failed_at), Cause::Age);
            for later in [0, 1, 2, 3, 7, 30, 59, 60] {
                let now = at(failed_at + later);
                let [ours, theirs] = [&first, &second].map(|one| one.freshness.left_alone_s(now));
                assert_eq!(ours, theirs, "{failures}, {failed_at}, {later}");
            }
        }
    }
}
