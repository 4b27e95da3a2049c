use super::*;
use Decision::{AwaitFetch, FetchFirst, Unavailable, Use, UseAndRefresh};

mod pauses;

const START: u64 = 1_800_000_000;
const ISSUER: &str = "https://a.example";

/// Seconds since the start of the test, on a clock that stands still.
fn at(seconds: u64) -> UnixTime {
    UnixTime(START + seconds)
}

/// What a request meets, after a look at what others know.
fn meet(freshness: &mut Freshness, now: UnixTime) -> Decision {
    freshness.looked(now);
    freshness.decide(now)
}

/// For how long an issuer that has just failed for the first time is left alone.
fn first_pause_s(freshness: &Freshness, now: UnixTime) -> u64 {
    let pause_s = freshness.left_alone_s(now);
    assert!(
        (RETRY_S_MIN..=RETRY_S_FIRST).contains(&pause_s),
        "{pause_s}"
    );
    pause_s
}

/// Keys fetched at the start: fresh for 100 s, stale for 200 s more, for errors 1,000 s.
fn fetched() -> Freshness {
    let mut freshness = Freshness::new(
        FreshnessPolicy {
            stale_s: 200,
            stale_if_error_s: 1_000,
            unknown_key_cooldown_s: 30,
        },
        ISSUER,
    );
    assert_eq!(meet(&mut freshness, at(0)), FetchFirst);
    freshness.fetched(at(0), at(0), 100, true);
    freshness
}

#[test]
fn without_keys_one_request_fetches_and_the_others_wait() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    assert_eq!(meet(&mut freshness, at(0)), FetchFirst);
    assert_eq!(meet(&mut freshness, at(0)), AwaitFetch);
    assert_eq!(meet(&mut freshness, at(FETCH_S_MAX - 1)), AwaitFetch);
    freshness.fetched(at(FETCH_S_MAX - 1), at(FETCH_S_MAX - 1), 100, true);
    assert_eq!(meet(&mut freshness, at(FETCH_S_MAX)), Use);
}

#[test]
fn a_fetch_that_was_lost_is_done_again() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    assert_eq!(meet(&mut freshness, at(0)), FetchFirst);
    assert_eq!(meet(&mut freshness, at(FETCH_S_MAX)), FetchFirst);
    assert_eq!(meet(&mut freshness, at(FETCH_S_MAX)), AwaitFetch);
}

#[test]
fn keys_go_from_fresh_to_stale_to_expired() {
    let mut freshness = fetched();
    assert_eq!(meet(&mut freshness, at(0)), Use);
    assert_eq!(meet(&mut freshness, at(99)), Use);
    assert_eq!(meet(&mut freshness, at(100)), UseAndRefresh);
    assert_eq!(meet(&mut freshness, at(100)), Use, "one refresh at a time");
    let mut untouched = fetched();
    assert_eq!(meet(&mut untouched, at(299)), UseAndRefresh);
    let mut expired = fetched();
    assert_eq!(meet(&mut expired, at(300)), FetchFirst);
    assert_eq!(meet(&mut expired, at(301)), AwaitFetch);
    expired.fetched(at(302), at(302), 100, true);
    assert_eq!(meet(&mut expired, at(303)), Use);
}

#[test]
fn keys_outlive_a_failing_issuer_for_as_long_as_the_policy_says() {
    let mut freshness = fetched();
    assert_eq!(meet(&mut freshness, at(300)), FetchFirst);
    freshness.failed(at(300));
    assert_eq!(
        meet(&mut freshness, at(300)),
        Use,
        "the last good keys, and the issuer left alone"
    );
    assert_eq!(meet(&mut freshness, at(300 + RETRY_S_MIN - 1)), Use);
    assert_eq!(
        meet(&mut freshness, at(300 + RETRY_S_FIRST)),
        UseAndRefresh,
        "then a try that nobody waits for"
    );
    freshness.failed(at(304));
    assert_eq!(
        meet(&mut freshness, at(1_099)),
        UseAndRefresh,
        "the last second: 100 s fresh and 1,000 s more"
    );
    freshness.failed(at(1_099));
    assert!(
        matches!(meet(&mut freshness, at(1_100)), Unavailable { .. }),
        "then they are gone"
    );
}

/// What a request meets, so many seconds after freshness ended, when every fetch since has failed.
fn met_after(stale_if_error_s: u64, seconds: u64) -> Decision {
    let mut freshness = Freshness::new(
        FreshnessPolicy {
            stale_if_error_s,
            ..FreshnessPolicy::default()
        },
        ISSUER,
    );
    freshness.fetched(at(0), at(0), 100, true);
    // A request every minute, each of which finds the issuer down.
    for minute in 0..seconds.div_ceil(60) {
        let now = at(100 + minute * 60);
        if matches!(meet(&mut freshness, now), UseAndRefresh | FetchFirst) {
            freshness.failed(now);
        }
    }
    match meet(&mut freshness, at(100 + seconds)) {
        FetchFirst => {
            freshness.failed(at(100 + seconds));
            meet(&mut freshness, at(100 + seconds))
        }
        decision => decision,
    }
}

#[test]
fn how_long_the_last_good_keys_serve_while_the_issuer_is_down_is_exactly_what_the_policy_says() {
    const HOUR_S: u64 = 3600;
    let day_s = STALE_IF_ERROR_S_DEFAULT;
    for (stale_if_error_s, seconds, usable) in [
        (day_s, 23 * HOUR_S, true),
        (day_s, 24 * HOUR_S - 1, true),
        (day_s, 24 * HOUR_S, false),
        (day_s, 25 * HOUR_S, false),
        (0, 1, false),
        (0, HOUR_S, false),
        (60, 59, true),
        (60, 60, false),
        // Shorter than keys are used while they are refreshed: it counts all the same.
        (STALE_S_DEFAULT / 2, STALE_S_DEFAULT / 2 - 1, true),
        (STALE_S_DEFAULT / 2, STALE_S_DEFAULT / 2, false),
        (7 * day_s, 7 * day_s - 1, true),
        (7 * day_s, 7 * day_s, false),
    ] {
        let decision = met_after(stale_if_error_s, seconds);
        let served = matches!(decision, Use | UseAndRefresh);
        assert_eq!(
            served, usable,
            "stale_if_error_s = {stale_if_error_s}, {seconds} s after freshness: {decision:?}"
        );
        assert!(
            served || matches!(decision, Unavailable { .. }),
            "{decision:?}"
        );
    }
}

#[test]
fn the_grace_for_a_failing_issuer_can_be_turned_off() {
    let mut freshness = Freshness::new(
        FreshnessPolicy {
            stale_if_error_s: 0,
            ..FreshnessPolicy::default()
        },
        ISSUER,
    );
    freshness.fetched(at(0), at(0), 100, true);
    assert_eq!(meet(&mut freshness, at(99)), Use);
    assert_eq!(
        meet(&mut freshness, at(100)),
        UseAndRefresh,
        "nothing has failed yet"
    );
    freshness.failed(at(100));
    let retry_after_s = first_pause_s(&freshness, at(100));
    assert_eq!(meet(&mut freshness, at(100)), Unavailable { retry_after_s });
    let mut fresh = Freshness::new(
        FreshnessPolicy {
            stale_if_error_s: 0,
            ..FreshnessPolicy::default()
        },
        ISSUER,
    );
    fresh.fetched(at(0), at(0), 100, true);
    fresh.failed(at(50));
    assert_eq!(meet(&mut fresh, at(99)), Use, "fresh keys need no grace");
}

#[test]
fn an_issuer_that_answers_again_ends_the_grace() {
    let mut freshness = fetched();
    freshness.failed(at(150));
    assert_eq!(freshness.state(at(151)), KeySetState::Failing);
    assert_eq!(meet(&mut freshness, at(160)), UseAndRefresh);
    freshness.fetched(at(161), at(161), 100, true);
    assert_eq!(freshness.state(at(161)), KeySetState::Fresh);
    assert_eq!(meet(&mut freshness, at(161 + 300)), FetchFirst);
}

#[test]
fn millions_of_failures_do_not_overflow() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    freshness.failures = u32::MAX;
    freshness.failed(UnixTime(u64::MAX));
    assert!(matches!(
        meet(&mut freshness, UnixTime(u64::MAX - 1)),
        Unavailable { .. }
    ));
    assert_eq!(freshness.next_refresh_s(UnixTime(u64::MAX - 1)), 1);
}

/// When unknown keys are a reason to fetch, of requests that come every second.
fn refetches(freshness: &mut Freshness, seconds: std::ops::Range<u64>) -> Vec<u64> {
    let mut refetches = Vec::new();
    for second in seconds {
        for _ in 0..10 {
            if freshness.decide_newer_key(at(second)) == UnknownKeyDecision::Refetch {
                refetches.push(second);
                freshness.fetched(at(second), at(second), 100, true);
            }
        }
    }
    refetches
}

#[test]
fn an_unknown_key_is_a_reason_to_fetch_a_few_times_at_once_and_then_every_few_seconds() {
    use UnknownKeyDecision::{AwaitFetch, Refetch, Refuse};
    let mut freshness = fetched();
    freshness.first(at(0));
    assert_eq!(
        freshness.decide_newer_key(at(1)),
        Refetch,
        "the issuer may have changed its keys right after they were fetched"
    );
    assert_eq!(
        freshness.decide_newer_key(at(1)),
        AwaitFetch,
        "one fetch at a time"
    );
    freshness.fetched(at(2), at(2), 100, true);
    assert_eq!(refetches(&mut freshness, 2..40), [2, 2, 11, 21, 31]);
    assert_eq!(
        refetches(&mut freshness, 300..325),
        [300, 300, 300, 310, 320],
        "what was not used is there again"
    );
    assert_eq!(freshness.decide_newer_key(at(330)), Refetch);
    freshness.abandoned();
    assert_eq!(
        freshness.decide_newer_key(at(331)),
        Refuse,
        "a fetch that was cancelled counts"
    );
}

#[test]
fn an_instance_that_knows_of_no_others_asks_once_and_then_every_few_seconds() {
    let mut freshness = fetched();
    assert_eq!(refetches(&mut freshness, 0..35), [0, 10, 20, 30]);
    for (cooldown_s, expected) in [
        (5, vec![0, 5, 10, 15, 20, 25, 30]),
        (10, vec![0, 10, 20, 30]),
        (3600, vec![0, 10, 20, 30]),
    ] {
        let mut freshness = Freshness::new(
            FreshnessPolicy {
                unknown_key_cooldown_s: cooldown_s,
                ..FreshnessPolicy::default()
            },
            ISSUER,
        );
        freshness.fetched(at(0), at(0), 100, true);
        let found = refetches(&mut freshness, 0..35);
        assert_eq!(found, expected, "cooldown {cooldown_s} s");
    }
}

#[test]
fn a_token_with_an_unknown_key_may_come_back_where_the_keys_are_older_than_the_cooldown() {
    let mut freshness = fetched();
    let told = |freshness: &Freshness, seconds| {
        let told = freshness.no_newer_keys(at(seconds));
        (told.old, told.retry_after_s)
    };
    assert_eq!(told(&freshness, 30), (false, 1));
    assert_eq!(told(&freshness, 31), (true, 1));
    assert_eq!(
        freshness.decide_newer_key(at(31)),
        UnknownKeyDecision::Refetch
    );
    freshness.failed(at(31));
    assert_eq!(told(&freshness, 32), (true, 9), "when it is asked again");
    for _ in 0..9 {
        freshness.failed(at(32));
    }
    let pause_s = freshness.left_alone_s(at(32));
    assert!((10..=RETRY_S_MAX).contains(&pause_s), "{pause_s}");
    assert_eq!(told(&freshness, 32), (true, pause_s));
    freshness.fetched(at(33), at(33), 100, true);
    assert_eq!(told(&freshness, 40), (false, 1), "it was asked just now");
}

#[test]
fn a_fetch_because_of_age_does_not_use_up_the_cooldown() {
    let mut freshness = fetched();
    assert_eq!(meet(&mut freshness, at(100)), UseAndRefresh);
    assert_eq!(
        freshness.decide_newer_key(at(100)),
        UnknownKeyDecision::AwaitFetch,
        "what is under way may bring the key"
    );
    freshness.fetched(at(101), at(101), 100, true);
    assert_eq!(
        freshness.decide_newer_key(at(102)),
        UnknownKeyDecision::Refetch
    );
}

#[test]
fn an_unknown_key_does_not_disturb_an_issuer_that_is_down() {
    let mut freshness = fetched();
    for _ in 0..10 {
        freshness.failed(at(50));
    }
    let pause_s = freshness.left_alone_s(at(50));
    assert!((10..=RETRY_S_MAX).contains(&pause_s), "{pause_s}");
    assert_eq!(
        freshness.decide_newer_key(at(50 + pause_s - 1)),
        UnknownKeyDecision::Refuse
    );
    assert_eq!(
        freshness.decide_newer_key(at(50 + pause_s)),
        UnknownKeyDecision::Refetch
    );
}

#[test]
fn a_clock_that_was_set_back_stops_nothing() {
    let mut freshness = fetched();
    let before = UnixTime(START - 3600);
    assert_eq!(
        meet(&mut freshness, before),
        UseAndRefresh,
        "keys from the future are not fresh"
    );
    let mut failing = Freshness::new(FreshnessPolicy::default(), ISSUER);
    failing.failed(at(0));
    assert_eq!(
        meet(&mut failing, before),
        FetchFirst,
        "a pause that begins in the future is over"
    );
    let mut asking = fetched();
    assert_eq!(asking.decide_newer_key(at(0)), UnknownKeyDecision::Refetch);
    asking.fetched(at(0), at(0), 100, true);
    assert_eq!(asking.decide_newer_key(before), UnknownKeyDecision::Refetch);
}

#[test]
fn a_clock_that_was_set_back_does_not_prolong_the_grace_for_a_failing_issuer() {
    for (back_s, usable) in [
        (CLOCK_SKEW_S_MAX, true),
        (CLOCK_SKEW_S_MAX + 1, false),
        (60 * 86_400, false),
    ] {
        let mut freshness = fetched();
        let before = UnixTime(START - back_s);
        freshness.failed(before);
        let decision = meet(&mut freshness, before);
        assert_eq!(
            matches!(decision, Use | UseAndRefresh),
            usable,
            "set back by {back_s} s: {decision:?}"
        );
        let state = if usable {
            KeySetState::Fresh
        } else {
            KeySetState::Expired
        };
        assert_eq!(freshness.state(before), state, "set back by {back_s} s");
        freshness.fetched(before, before, 100, true);
        assert_eq!(
            meet(&mut freshness, before),
            Use,
            "the issuer answers again"
        );
    }
}

#[test]
fn keys_of_before_a_clock_was_set_back_are_no_reason_to_refuse_a_token_for_good() {
    for (back_s, old) in [(CLOCK_SKEW_S_MAX, false), (CLOCK_SKEW_S_MAX + 1, true)] {
        let freshness = fetched();
        let told = freshness.no_newer_keys(UnixTime(START - back_s));
        assert_eq!(told.old, old, "set back by {back_s} s");
    }
}

#[test]
fn an_hour_far_in_the_future_overflows_nothing() {
    let mut freshness = fetched();
    assert_eq!(meet(&mut freshness, UnixTime(u64::MAX)), FetchFirst);
}

#[test]
fn the_state_of_the_keys_can_be_told() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    assert_eq!(freshness.state(at(0)), KeySetState::Missing);
    assert_eq!(
        (freshness.age_s(at(0)), freshness.next_refresh_s(at(0))),
        (None, 0)
    );
    freshness.failed(at(0));
    assert_eq!(freshness.state(at(0)), KeySetState::Missing);
    let pause_s = first_pause_s(&freshness, at(0));
    assert_eq!(freshness.next_refresh_s(at(0)), pause_s);
    freshness.fetched(at(10), at(10), 100, true);
    for (seconds, state, next_refresh_s) in [
        (10, KeySetState::Fresh, 100),
        (109, KeySetState::Fresh, 1),
        (110, KeySetState::Stale, 0),
        (110 + STALE_S_DEFAULT, KeySetState::Expired, 0),
    ] {
        assert_eq!(freshness.state(at(seconds)), state, "after {seconds} s");
        assert_eq!(freshness.age_s(at(seconds)), Some(seconds - 10));
        assert_eq!(
            freshness.next_refresh_s(at(seconds)),
            next_refresh_s,
            "after {seconds} s"
        );
    }
    freshness.failed(at(200));
    assert_eq!(freshness.state(at(200)), KeySetState::Failing);
    let pause_s = first_pause_s(&freshness, at(200));
    assert_eq!(freshness.next_refresh_s(at(200)), pause_s);
    for (state, word) in [
        (KeySetState::Fresh, "fresh"),
        (KeySetState::Stale, "stale"),
        (KeySetState::Failing, "failing"),
        (KeySetState::Expired, "expired"),
        (KeySetState::Unusable, "unusable"),
        (KeySetState::Missing, "missing"),
    ] {
        assert_eq!(state.to_string(), word);
    }
}

#[test]
fn stale_keys_are_used_only_after_a_look_at_what_others_know() {
    let mut freshness = fetched();
    assert_eq!(freshness.decide(at(99)), Use, "fresh ones need none");
    assert_eq!(freshness.decide(at(100)), FetchFirst, "which looks first");
    assert_eq!(freshness.decide(at(100)), AwaitFetch, "so do the others");
    freshness.looked(at(100));
    assert_eq!(
        freshness.decide(at(100)),
        Use,
        "nobody waits for the fetch that goes on"
    );
    freshness.failed(at(100));
    assert_eq!(freshness.decide(at(101)), Use);
    assert_eq!(freshness.decide(at(100 + LOOK_S - 1)), UseAndRefresh);
    for _ in 0..9 {
        freshness.failed(at(104));
    }
    assert_eq!(
        freshness.decide(at(100 + LOOK_S)),
        FetchFirst,
        "also while the issuer is left alone"
    );
    assert!(
        freshness.is_left_alone(at(105)),
        "then only the look is made"
    );
    freshness.looked(at(105));
    assert_eq!(freshness.decide(at(105)), Use);
    let before = UnixTime(START - 3600);
    assert_eq!(freshness.decide(before), FetchFirst, "a look of the future");
}

#[test]
fn a_set_in_which_nothing_can_be_used_ends_the_keys_before_it_and_is_soon_asked_for_again() {
    for (cooldown_s, again_s) in [(30, UNUSABLE_S_MAX), (3600, UNUSABLE_S_MAX), (3, 3)] {
        let mut freshness = Freshness::new(
            FreshnessPolicy {
                unknown_key_cooldown_s: cooldown_s,
                ..FreshnessPolicy::default()
            },
            ISSUER,
        );
        freshness.fetched(at(0), at(0), FRESH_S_MAX, true);
        freshness.fetched(at(100), at(100), FRESH_S_MAX, false);
        for seconds in 0..again_s {
            let retry_after_s = again_s - seconds;
            assert_eq!(
                meet(&mut freshness, at(100 + seconds)),
                Unavailable { retry_after_s },
                "cooldown {cooldown_s} s"
            );
            assert_eq!(freshness.state(at(100 + seconds)), KeySetState::Unusable);
        }
        let again = at(100 + again_s);
        assert_eq!(meet(&mut freshness, again), FetchFirst);
        assert_eq!(meet(&mut freshness, again), AwaitFetch);
        freshness.failed(again);
        let retry_after_s = first_pause_s(&freshness, again);
        assert_eq!(
            meet(&mut freshness, again),
            Unavailable { retry_after_s },
            "the keys before do not come back"
        );
        let later = again.saturating_add(RETRY_S_FIRST);
        assert_eq!(meet(&mut freshness, later), FetchFirst);
        freshness.fetched(later, later, 100, true);
        assert_eq!(meet(&mut freshness, later), Use, "the mistake is mended");
        assert_eq!(freshness.state(later), KeySetState::Fresh);
    }
}

#[test]
fn keys_that_turn_out_to_be_exposed_are_of_no_use_at_once() {
    let mut freshness = fetched();
    freshness.withdrawn(true);
    assert_eq!(meet(&mut freshness, at(1)), Use, "others are left");
    freshness.withdrawn(false);
    assert_eq!(
        meet(&mut freshness, at(1)),
        Unavailable {
            retry_after_s: UNUSABLE_S_MAX - 1
        }
    );
    assert_eq!(meet(&mut freshness, at(UNUSABLE_S_MAX)), FetchFirst);
}

#[test]
fn keys_are_as_old_as_the_question_and_newer_than_those_that_were_known_then() {
    let mut freshness = fetched();
    freshness.fetched(at(50), at(54), 100, true);
    assert_eq!(freshness.age_s(at(54)), Some(4));
    freshness.fetched(at(50), at(54), 100, true);
    assert_eq!(freshness.age_s(at(54)), Some(3), "of the same second");
    // By a clock that is ahead of ours.
    let mut behind = Freshness::new(FreshnessPolicy::default(), ISSUER);
    behind.fetched(at(40), at(40), 100, true);
    behind.fetched(at(10), at(10), 100, true);
    assert_eq!(behind.age_s(at(45)), Some(4));
    // Too far ahead to be true.
    behind.fetched(at(500), at(500), 100, true);
    behind.fetched(at(10), at(10), 100, true);
    assert_eq!(behind.age_s(at(45)), Some(35));
}

/// The clock of whoever fetched the keys is some seconds ahead, and the attempt after that fails here.
#[test]
fn a_failure_by_a_slower_clock_leaves_a_record_that_can_be_read() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    freshness.fetched(at(105), at(105), 600, true);
    assert_eq!(
        freshness.decide_newer_key(at(102)),
        UnknownKeyDecision::Refetch
    );
    freshness.failed(at(103));
    let keys = StoredKeys {
        url: "https://acme.example/keys".to_owned(),
        etag: None,
        body: "{\"keys\":[]}".to_owned(),
    };
    let record = freshness.record("acme", Some(keys), &ExposedKeys::default(), Some("?"), 1);
    let record = record.map(|record| record.to_bytes()).unwrap_or_default();
    let read = KeySetRecord::parse(&record, "acme", at(103));
    assert_eq!(read.map(|read| read.failures), Ok(1));
}
