#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

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

#[test]
fn the_grace_for_a_failing_issuer_can_be_turned_off() {
    let mut freshness = Freshness::new(FreshnessPolicy {
        stale_s: 0,
        stale_if_error_s: 0,
        unknown_key_cooldown_s: 30,
    });
    freshness.fetched(at(0), 100);
    assert_eq!(freshness.decide(at(99)), Use);
    assert_eq!(freshness.decide(at(100)), FetchFirst);
    freshness.failed(at(100));
    assert_eq!(
        freshness.decide(at(100)),
        Unavailable {
            retry_after_s: RETRY_S_MIN
        }
    );
}

#[test]
fn the_default_grace_is_a_day() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    freshness.fetched(at(0), 60);
    freshness.failed(at(60));
    assert!(matches!(
        freshness.decide(at(60 + 24 * 3600 - 1)),
        Use | UseAndRefresh
    ));
    freshness.failed(at(60 + 24 * 3600 - 1));
    assert!(matches!(
        freshness.decide(at(60 + 24 * 3600)),
        Unavailable { .. }
    ));
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
}

#[test]
fn an_unknown_key_is_a_reason_to_fetch_once_per_cooldown() {
    use UnknownKeyDecision::{AwaitFetch, Refetch, Refuse};
    let mut freshness = fetched();
    assert_eq!(
        freshness.decide_unknown_key(at(29)),
        Refuse,
        "the keys were just fetched"
    );
    assert_eq!(freshness.decide_unknown_key(at(30)), Refetch);
    assert_eq!(
        freshness.decide_unknown_key(at(30)),
        AwaitFetch,
        "one fetch at a time"
    );
    freshness.fetched(at(31), 100);
    let refetches = (31..331).filter(|&second| {
        let refetch = freshness.decide_unknown_key(at(second)) == Refetch;
        if refetch {
            freshness.fetched(at(second), 100);
        }
        refetch
    });
    assert_eq!(refetches.count(), 9, "300 seconds of unknown keys");
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
        asking.decide_unknown_key(before),
        UnknownKeyDecision::Refetch
    );
}

#[test]
fn an_hour_far_in_the_future_overflows_nothing() {
    let mut freshness = fetched();
    assert_eq!(freshness.decide(UnixTime(u64::MAX)), FetchFirst);
}

fn record(fetched_at: u64, attempted_at: u64, failures: u32) -> Record {
    Record {
        issuer: "https://a.example".to_owned(),
        url: "https://a.example/keys".to_owned(),
        fetched_at: at(fetched_at),
        fresh_s: 100,
        attempted_at: at(attempted_at),
        failures,
        etag: Some("\"1\"".to_owned()),
        body: "{\"keys\":[]}\n".to_owned(),
    }
}

#[test]
fn what_another_instance_fetched_is_used() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    assert_eq!(freshness.decide(at(20)), FetchFirst);
    assert!(freshness.adopt(&record(10, 10, 0), at(20)));
    assert_eq!(freshness.decide(at(20)), Use);
    assert!(
        !freshness.adopt(&record(10, 10, 0), at(20)),
        "the same keys are no news"
    );
    assert!(
        !freshness.adopt(&record(5, 5, 0), at(20)),
        "older keys are no news"
    );
    assert_eq!(
        freshness.decide_unknown_key(at(39)),
        UnknownKeyDecision::Refuse,
        "its attempts count"
    );
    assert_eq!(
        freshness.times(),
        Some((at(10), 100, at(20), 0)),
        "as does our own"
    );
}

#[test]
fn what_another_instance_could_not_fetch_is_not_tried_again_at_once() {
    let mut freshness = Freshness::new(FreshnessPolicy {
        stale_s: 0,
        ..FreshnessPolicy::default()
    });
    assert!(freshness.adopt(&record(0, 200, 3), at(201)));
    assert_eq!(freshness.decide(at(201)), Use, "the last good keys");
    assert_eq!(
        freshness.decide(at(208)),
        UseAndRefresh,
        "after 2 · 2 · 2 seconds"
    );
}

#[test]
fn adopting_stale_keys_does_not_end_the_fetch_that_is_due() {
    let mut freshness = Freshness::new(FreshnessPolicy::default());
    assert_eq!(freshness.decide(at(150)), FetchFirst);
    assert!(freshness.adopt(&record(0, 0, 0), at(150)));
    assert_eq!(freshness.decide(at(150)), Use, "somebody is fetching");
    freshness.fetched(at(151), 100);
    assert_eq!(freshness.times(), Some((at(151), 100, at(151), 0)));
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let now = at(300);
    for mut record in [record(0, 200, 3), record(0, 0, 0)] {
        let bytes = record.to_bytes();
        assert_eq!(
            Record::parse(&bytes, "https://a.example", now).as_ref(),
            Ok(&record)
        );
        record.etag = None;
        assert_eq!(
            Record::parse(&record.to_bytes(), "https://a.example", now),
            Ok(record)
        );
    }
}

#[test]
fn an_etag_that_is_too_long_is_not_kept() {
    let mut long = record(0, 0, 0);
    long.etag = Some("x".repeat(ETAG_BYTES_MAX + 1));
    assert_eq!(
        Record::parse(&long.to_bytes(), "https://a.example", at(0))
            .unwrap()
            .etag,
        None
    );
}

#[test]
fn a_record_that_is_cut_or_changed_is_an_error_or_another_record_and_never_a_panic() {
    let bytes = record(0, 200, 3).to_bytes();
    for end in 0..bytes.len() {
        assert!(
            Record::parse(bytes.get(..end).unwrap(), "https://a.example", at(300)).is_err(),
            "cut to {end}"
        );
    }
    for position in 0..bytes.len() {
        for flip in [1, 0x20, 0x80] {
            let mut changed = bytes.clone();
            *changed.get_mut(position).unwrap() ^= flip;
            let read = Record::parse(&changed, "https://a.example", at(300));
            assert!(read.is_err() || read.is_ok_and(|read| read.issuer == "https://a.example"));
        }
    }
}

#[test]
fn a_foreign_record_is_refused() {
    let parse = |text: &str| Record::parse(text.as_bytes(), "https://a.example", at(300)).err();
    let good = String::from_utf8(record(0, 200, 3).to_bytes()).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        parse(&good.replacen(from, to, 1))
    };
    assert_eq!(parse(&good), None);
    assert_eq!(
        replaced("\"version\":1", "\"version\":2"),
        Some(RecordError::OtherVersion)
    );
    assert_eq!(
        replaced("\"version\":1", "\"version\":\"1\""),
        Some(RecordError::Member { name: "version" })
    );
    assert_eq!(
        replaced(
            "\"issuer\":\"https://a.example\"",
            "\"issuer\":\"https://b.example\""
        ),
        Some(RecordError::OtherIssuer)
    );
    assert_eq!(
        replaced("\"failures\":3", "\"failures\":-3"),
        Some(RecordError::Member { name: "failures" })
    );
    assert_eq!(
        replaced("\"failures\":3", "\"failures\":4294967296"),
        Some(RecordError::Member { name: "failures" })
    );
    assert_eq!(
        replaced("\"failures\":3", "\"failures\":3,\"x\":1"),
        Some(RecordError::UnknownMember)
    );
    assert_eq!(
        replaced("\"failures\":3,", ""),
        Some(RecordError::Member { name: "failures" })
    );
    assert_eq!(
        replaced("\"fresh_s\":100", "\"fresh_s\":1e2"),
        Some(RecordError::Member { name: "fresh_s" })
    );
    let later = format!("\"fetched_at\":{}", START + 300 + CLOCK_SKEW_S_MAX + 1);
    assert_eq!(
        replaced(&format!("\"fetched_at\":{START}"), &later),
        Some(RecordError::Time)
    );
    assert!(matches!(parse("null"), Some(RecordError::Json(_))));
    assert!(matches!(parse(""), Some(RecordError::Json(_))));
    assert_eq!(
        parse(&" ".repeat(RECORD_BYTES_MAX + 1)),
        Some(RecordError::TooLong)
    );
}

#[test]
fn the_issuer_says_for_how_long_within_bounds() {
    for (header, seconds) in [
        (None, FRESH_S_DEFAULT),
        (Some(""), FRESH_S_DEFAULT),
        (Some("public"), FRESH_S_DEFAULT),
        (Some("max-age=300"), 300),
        (Some("public, Max-Age = 300 , must-revalidate"), 300),
        (Some("max-age=\"300\""), 300),
        (Some("max-age=1"), FRESH_S_MIN),
        (Some("max-age=0"), FRESH_S_MIN),
        (Some("no-store"), FRESH_S_MIN),
        (Some("no-cache, max-age=300"), FRESH_S_MIN),
        (Some("max-age=300, max-age=200"), 200),
        (Some("max-age=31536000"), FRESH_S_MAX),
        (Some("max-age=99999999999999999999999999"), FRESH_S_MAX),
        (Some("max-age=-1"), FRESH_S_DEFAULT),
        (Some("max-age=3e2"), FRESH_S_DEFAULT),
        (Some("max-age="), FRESH_S_DEFAULT),
        (Some("x-max-age=300"), FRESH_S_DEFAULT),
    ] {
        assert_eq!(fresh_s(header), seconds, "{header:?}");
    }
}
