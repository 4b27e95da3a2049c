use super::*;
use Decision::{AwaitFetch, FetchFirst, Unavailable, Use, UseAndRefresh};

const START: u64 = 1_800_000_000;

/// Seconds since the start of the test, on a clock that stands still.
fn at(seconds: u64) -> UnixTime {
    UnixTime(START + seconds)
}

/// Keys fetched at the start: fresh for 100 s, stale for 200 s more, for errors 1,000 s.
fn fetched() -> Freshness {
    let mut freshness = Freshness::new(FreshnessPolicy {
        stale_s: 200,
        stale_if_error_s: 1_000,
        unknown_key_cooldown_s: 30,
    });
    assert_eq!(freshness.decide(at(0)), FetchFirst);
    freshness.fetched(at(0), 100);
    freshness
}

#[test]
fn without_keys_one_request_fetches_and_the_others_wait() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    assert_eq!(freshness.decide(at(0)), FetchFirst);
    assert_eq!(freshness.decide(at(0)), AwaitFetch);
    assert_eq!(freshness.decide(at(FETCH_S_MAX - 1)), AwaitFetch);
    freshness.fetched(at(FETCH_S_MAX - 1), 100);
    assert_eq!(freshness.decide(at(FETCH_S_MAX)), Use);
}

#[test]
fn a_fetch_that_was_lost_is_done_again() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    assert_eq!(freshness.decide(at(0)), FetchFirst);
    assert_eq!(freshness.decide(at(FETCH_S_MAX)), FetchFirst);
    assert_eq!(freshness.decide(at(FETCH_S_MAX)), AwaitFetch);
}

#[test]
fn keys_go_from_fresh_to_stale_to_expired() {
    let mut freshness = fetched();
    assert_eq!(freshness.decide(at(0)), Use);
    assert_eq!(freshness.decide(at(99)), Use);
    assert_eq!(freshness.decide(at(100)), UseAndRefresh);
    assert_eq!(freshness.decide(at(100)), Use, "one refresh at a time");
    let mut untouched = fetched();
    assert_eq!(untouched.decide(at(299)), UseAndRefresh);
    let mut expired = fetched();
    assert_eq!(expired.decide(at(300)), FetchFirst);
    assert_eq!(expired.decide(at(301)), AwaitFetch);
    expired.fetched(at(302), 100);
    assert_eq!(expired.decide(at(303)), Use);
}

#[test]
fn keys_outlive_a_failing_issuer_for_as_long_as_the_policy_says() {
    let mut freshness = fetched();
    assert_eq!(freshness.decide(at(300)), FetchFirst);
    freshness.failed(at(300));
    assert_eq!(
        freshness.decide(at(300)),
        Use,
        "the last good keys, and the issuer left alone"
    );
    assert_eq!(
        freshness.decide(at(300 + RETRY_S_MIN)),
        UseAndRefresh,
        "then a try that nobody waits for"
    );
    freshness.failed(at(302));
    assert_eq!(
        freshness.decide(at(1_099)),
        UseAndRefresh,
        "the last second: 100 s fresh and 1,000 s more"
    );
    freshness.failed(at(1_099));
    assert!(
        matches!(freshness.decide(at(1_100)), Unavailable { .. }),
        "then they are gone"
    );
}

/// What a request meets, so many seconds after freshness ended, when every fetch since has failed.
fn met_after(stale_if_error_s: u64, seconds: u64) -> Decision {
    let mut freshness = Freshness::new(FreshnessPolicy {
        stale_if_error_s,
        ..FreshnessPolicy::default()
    });
    freshness.fetched(at(0), 100);
    // A request every minute, each of which finds the issuer down.
    for minute in 0..seconds.div_ceil(60) {
        let now = at(100 + minute * 60);
        if matches!(freshness.decide(now), UseAndRefresh | FetchFirst) {
            freshness.failed(now);
        }
    }
    match freshness.decide(at(100 + seconds)) {
        FetchFirst => {
            freshness.failed(at(100 + seconds));
            freshness.decide(at(100 + seconds))
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
    let mut freshness = Freshness::new(FreshnessPolicy {
        stale_if_error_s: 0,
        ..FreshnessPolicy::default()
    });
    freshness.fetched(at(0), 100);
    assert_eq!(freshness.decide(at(99)), Use);
    assert_eq!(
        freshness.decide(at(100)),
        UseAndRefresh,
        "nothing has failed yet"
    );
    freshness.failed(at(100));
    assert_eq!(
        freshness.decide(at(100)),
        Unavailable {
            retry_after_s: RETRY_S_MIN
        }
    );
    let mut fresh = Freshness::new(FreshnessPolicy {
        stale_if_error_s: 0,
        ..FreshnessPolicy::default()
    });
    fresh.fetched(at(0), 100);
    fresh.failed(at(50));
    assert_eq!(fresh.decide(at(99)), Use, "fresh keys need no grace");
}

#[test]
fn an_issuer_that_answers_again_ends_the_grace() {
    let mut freshness = fetched();
    freshness.failed(at(150));
    assert_eq!(freshness.state(at(151)), State::Failing);
    assert_eq!(freshness.decide(at(160)), UseAndRefresh);
    freshness.fetched(at(161), 100);
    assert_eq!(freshness.state(at(161)), State::Fresh);
    assert_eq!(freshness.decide(at(161 + 300)), FetchFirst);
}

#[test]
fn an_issuer_that_is_down_is_asked_ever_more_rarely() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    let mut fetches = Vec::new();
    // A request every second, for ten minutes, to an issuer that never answers.
    for second in 0..600 {
        match freshness.decide(at(second)) {
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
    assert_eq!(
        fetches,
        [0, 2, 6, 14, 30, 62, 122, 182, 242, 302, 362, 422, 482, 542]
    );
    freshness.fetched(at(700), 60);
    freshness.failed(at(701));
    assert_eq!(
        freshness.left_alone_s(at(701)),
        RETRY_S_MIN,
        "a success ends the series"
    );
}

#[test]
fn millions_of_failures_do_not_overflow() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    freshness.failures = u32::MAX;
    freshness.failed(UnixTime(u64::MAX));
    assert!(matches!(
        freshness.decide(UnixTime(u64::MAX - 1)),
        Unavailable { .. }
    ));
    assert_eq!(freshness.next_refresh_s(UnixTime(u64::MAX - 1)), 1);
}

#[test]
fn an_unknown_key_is_a_reason_to_fetch_once_per_cooldown() {
    use UnknownKeyDecision::{AwaitFetch, Refetch, Refuse};
    let mut freshness = fetched();
    assert_eq!(
        freshness.decide_unknown_key(at(1)),
        Refetch,
        "the issuer may have changed its keys right after they were fetched"
    );
    assert_eq!(
        freshness.decide_unknown_key(at(1)),
        AwaitFetch,
        "one fetch at a time"
    );
    freshness.fetched(at(2), 100);
    assert_eq!(freshness.decide_unknown_key(at(30)), Refuse);
    assert_eq!(freshness.decide_unknown_key(at(31)), Refetch);
    freshness.abandoned();
    assert_eq!(
        freshness.decide_unknown_key(at(32)),
        Refuse,
        "a fetch that was cancelled counts"
    );
}

#[test]
fn ten_thousand_invented_keys_cost_one_fetch_per_cooldown() {
    let mut freshness = fetched();
    let mut fetches = 0;
    // A hundred a second.
    for number in 0..10_000 {
        let now = at(number / 100);
        if freshness.decide_unknown_key(now) == UnknownKeyDecision::Refetch {
            fetches += 1;
            freshness.fetched(now, 100);
        }
    }
    assert_eq!(fetches, 4, "at 0, 30, 60 and 90 seconds");
}

#[test]
fn a_fetch_because_of_age_does_not_use_up_the_cooldown() {
    let mut freshness = fetched();
    assert_eq!(freshness.decide(at(100)), UseAndRefresh);
    assert_eq!(
        freshness.decide_unknown_key(at(100)),
        UnknownKeyDecision::AwaitFetch,
        "what is under way may bring the key"
    );
    freshness.fetched(at(101), 100);
    assert_eq!(
        freshness.decide_unknown_key(at(102)),
        UnknownKeyDecision::Refetch
    );
}

#[test]
fn an_unknown_key_does_not_disturb_an_issuer_that_is_down() {
    let mut freshness = fetched();
    for _ in 0..10 {
        freshness.failed(at(50));
    }
    assert_eq!(
        freshness.decide_unknown_key(at(50 + 59)),
        UnknownKeyDecision::Refuse
    );
    assert_eq!(
        freshness.decide_unknown_key(at(50 + 60)),
        UnknownKeyDecision::Refetch
    );
}

#[test]
fn a_clock_that_was_set_back_stops_nothing() {
    let mut freshness = fetched();
    let before = UnixTime(START - 3600);
    assert_eq!(
        freshness.decide(before),
        UseAndRefresh,
        "keys from the future are not fresh"
    );
    let mut failing = Freshness::new(FreshnessPolicy::default());
    failing.failed(at(0));
    assert_eq!(
        failing.decide(before),
        FetchFirst,
        "a pause that begins in the future is over"
    );
    let mut asking = fetched();
    assert_eq!(
        asking.decide_unknown_key(at(0)),
        UnknownKeyDecision::Refetch
    );
    asking.fetched(at(0), 100);
    assert_eq!(
        asking.decide_unknown_key(before),
        UnknownKeyDecision::Refetch
    );
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
        let decision = freshness.decide(before);
        assert_eq!(
            matches!(decision, Use | UseAndRefresh),
            usable,
            "set back by {back_s} s: {decision:?}"
        );
        let state = if usable { State::Fresh } else { State::Expired };
        assert_eq!(freshness.state(before), state, "set back by {back_s} s");
        freshness.fetched(before, 100);
        assert_eq!(freshness.decide(before), Use, "the issuer answers again");
    }
}

#[test]
fn an_hour_far_in_the_future_overflows_nothing() {
    let mut freshness = fetched();
    assert_eq!(freshness.decide(UnixTime(u64::MAX)), FetchFirst);
}

#[test]
fn the_state_of_the_keys_can_be_told() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    assert_eq!(freshness.state(at(0)), State::Missing);
    assert_eq!(
        (freshness.age_s(at(0)), freshness.next_refresh_s(at(0))),
        (None, 0)
    );
    freshness.failed(at(0));
    assert_eq!(freshness.state(at(0)), State::Missing);
    assert_eq!(freshness.next_refresh_s(at(0)), RETRY_S_MIN);
    freshness.fetched(at(10), 100);
    for (seconds, state, next_refresh_s) in [
        (10, State::Fresh, 100),
        (109, State::Fresh, 1),
        (110, State::Stale, 0),
        (110 + STALE_S_DEFAULT, State::Expired, 0),
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
    assert_eq!(freshness.state(at(200)), State::Failing);
    assert_eq!(freshness.next_refresh_s(at(200)), RETRY_S_MIN);
    for (state, word) in [
        (State::Fresh, "fresh"),
        (State::Stale, "stale"),
        (State::Failing, "failing"),
        (State::Expired, "expired"),
        (State::Missing, "missing"),
    ] {
        assert_eq!(state.to_string(), word);
    }
}
