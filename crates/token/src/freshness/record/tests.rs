#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use super::*;
use crate::freshness::{
    Adopted, Cause, Decision, FETCH_S_MAX, Freshness, FreshnessPolicy, KeySetState, RETRY_S_MAX,
    UnknownKeyDecision,
};
use Decision::{FetchFirst, Unavailable, Use, UseAndRefresh};
use UnknownKeyDecision::{AwaitFetch, Refetch, Refuse};

mod failures;
mod others;

const START: u64 = 1_800_000_000;
const INSTANCE: u64 = 0x9e37_79b9_7f4a_7c15;
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

fn stored_keys() -> StoredKeys {
    StoredKeys {
        url: "https://a.example/keys".to_owned(),
        etag: Some("\"1\"".to_owned()),
        // RFC 8037 A.2.
        body: r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
            .to_owned(),
    }
}

/// Keys fetched then, fresh for 100 s, and the last attempt.
fn record(fetched_at: u64, attempted_at: u64, failures: u32) -> KeySetRecord {
    KeySetRecord {
        issuer: ISSUER.to_owned(),
        keys: Some(stored_keys()),
        fetched_at: at(fetched_at),
        fresh_s: 100,
        attempted_at: Some(at(attempted_at)),
        failures,
        last_error: (failures > 0).then(|| "answered with status 503".to_owned()),
        ..KeySetRecord::default()
    }
}

/// An instance that shares what it finds out with others.
struct Instance {
    freshness: Freshness,
    has_keys: bool,
}

impl Instance {
    fn new() -> Self {
        Self {
            freshness: Freshness::new(FreshnessPolicy::default(), ISSUER),
            has_keys: false,
        }
    }

    /// What it writes into the store, and what is read there after it.
    fn record(&self, now: UnixTime) -> Option<KeySetRecord> {
        let keys = self.has_keys.then(stored_keys);
        let record = self.freshness.record(
            ISSUER,
            keys,
            &ExposedKeys::default(),
            Some("no answer"),
            INSTANCE,
        )?;
        let read = KeySetRecord::parse(&record.to_bytes(), ISSUER, now);
        assert_eq!(read.as_ref(), Ok(&record), "what was written is read");
        Some(record)
    }

    fn fetched(&mut self, now: UnixTime) {
        self.freshness.fetched(now, now, 600, true);
        self.has_keys = true;
    }

    fn adopt(&mut self, record: &KeySetRecord, now: UnixTime, cause: Cause) -> Adopted {
        let adopted = self.freshness.adopt(record, true, now, cause);
        self.has_keys |= adopted.newer;
        adopted
    }
}

#[test]
fn what_another_instance_fetched_is_used() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    assert_eq!(meet(&mut freshness, at(20)), FetchFirst);
    let adopted = freshness.adopt(&record(10, 10, 0), true, at(20), Cause::Age);
    assert!(adopted.newer && adopted.spared, "{adopted:?}");
    assert_eq!(meet(&mut freshness, at(20)), Use);
    for (fetched_at, what) in [(10, "the same keys"), (5, "older keys")] {
        let adopted = freshness.adopt(&record(fetched_at, fetched_at, 0), true, at(20), Cause::Age);
        assert_eq!(adopted, Adopted::default(), "{what} are no news");
    }
    assert_eq!(freshness.age_s(at(20)), Some(10));
}

#[test]
fn adopting_stale_keys_does_not_spare_the_fetch_that_is_due() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    assert_eq!(meet(&mut freshness, at(150)), FetchFirst);
    let adopted = freshness.adopt(&record(0, 0, 0), true, at(150), Cause::Age);
    assert!(adopted.newer && !adopted.spared, "{adopted:?}");
    assert_eq!(meet(&mut freshness, at(150)), Use, "somebody is fetching");
    freshness.fetched(at(151), at(151), 100, true);
    assert_eq!(freshness.age_s(at(151)), Some(0));
}

#[test]
fn what_another_instance_could_not_fetch_is_not_tried_again_at_once() {
    let mut freshness = Freshness::new(
        FreshnessPolicy {
            stale_s: 0,
            ..FreshnessPolicy::default()
        },
        ISSUER,
    );
    assert_eq!(meet(&mut freshness, at(201)), FetchFirst);
    let adopted = freshness.adopt(&record(0, 200, 3), true, at(201), Cause::Age);
    assert!(adopted.newer && adopted.spared, "{adopted:?}");
    assert_eq!(meet(&mut freshness, at(201)), Use, "the last good keys");
    assert_eq!(
        meet(&mut freshness, at(216)),
        UseAndRefresh,
        "after 4 · 2 · 2 seconds at most"
    );
}

#[test]
fn an_instance_that_has_never_had_keys_tells_the_others_that_the_issuer_is_down() {
    let mut first = Instance::new();
    assert_eq!(first.record(at(0)), None, "nothing was attempted yet");
    assert_eq!(meet(&mut first.freshness, at(0)), FetchFirst);
    assert_eq!(first.record(at(0)), None, "nothing has come of it yet");
    first.freshness.failed(at(5));
    let record = first.record(at(5)).unwrap();
    assert_eq!(record.keys, None);
    assert_eq!(record.last_error.as_deref(), Some("no answer"));

    let mut second = Instance::new();
    assert_eq!(meet(&mut second.freshness, at(6)), FetchFirst);
    let adopted = second.adopt(&record, at(6), Cause::Age);
    assert!(adopted.spared && !adopted.newer, "{adopted:?}");
    let retry_after_s = first.freshness.left_alone_s(at(6));
    assert!((1..=3).contains(&retry_after_s), "{retry_after_s}");
    assert_eq!(
        meet(&mut second.freshness, at(6)),
        Unavailable { retry_after_s },
        "the issuer is left alone as by the first"
    );
    assert_eq!(meet(&mut second.freshness, at(9)), FetchFirst);
    let adopted = second.adopt(&record, at(9), Cause::Age);
    assert!(!adopted.spared, "the failure is too long ago to count");
    second.freshness.failed(at(10));
    assert_eq!(
        second.record(at(10)).unwrap().failures,
        2,
        "failures add up across instances"
    );
}

#[test]
fn a_failure_is_forgotten_by_the_instances_that_hear_of_a_later_success() {
    let mut first = Instance::new();
    first.freshness.failed(at(0));
    assert_eq!(meet(&mut first.freshness, at(10)), FetchFirst);
    let adopted = first.adopt(&record(8, 8, 0), at(10), Cause::Age);
    assert!(adopted.newer && adopted.spared, "{adopted:?}");
    assert_eq!(first.freshness.state(at(10)), KeySetState::Fresh);
    let told = first.record(at(10)).unwrap();
    assert_eq!((told.failures, told.last_error), (0, None));
}

#[test]
fn an_unknown_key_is_looked_for_by_one_instance_at_a_time_while_the_others_wait() {
    let mut first = Instance::new();
    first.fetched(at(0));
    let mut second = Instance::new();
    second.fetched(at(0));

    assert_eq!(first.freshness.decide_newer_key(at(10)), Refetch);
    let claim = first.record(at(10)).unwrap();
    assert_eq!(
        claim.refetching, INSTANCE,
        "it says so before it asks the issuer"
    );

    assert_eq!(second.freshness.decide_newer_key(at(11)), Refetch);
    let adopted = second.adopt(&claim, at(11), Cause::UnknownKey);
    assert!(adopted.under_way && !adopted.spared, "{adopted:?}");
    assert_eq!(
        second.freshness.decide_newer_key(at(11)),
        AwaitFetch,
        "who asks the second instance waits with it"
    );

    first.fetched(at(12));
    let result = first.record(at(12)).unwrap();
    assert_eq!(result.refetching, 0);
    let adopted = second.adopt(&result, at(13), Cause::UnknownKey);
    let expected = Adopted {
        newer: true,
        spared: true,
        under_way: false,
    };
    assert_eq!(adopted, expected, "the fetch of the first will do");
    for instance in [&mut first, &mut second] {
        assert_eq!(instance.freshness.decide_newer_key(at(19)), Refuse);
        assert_eq!(instance.freshness.decide_newer_key(at(20)), Refetch);
    }
}

#[test]
fn an_instance_that_vanished_while_it_looked_for_an_unknown_key_is_not_waited_for() {
    let mut first = Instance::new();
    first.fetched(at(0));
    assert_eq!(first.freshness.decide_newer_key(at(10)), Refetch);
    let claim = first.record(at(10)).unwrap();

    let mut second = Instance::new();
    second.fetched(at(0));
    assert_eq!(second.freshness.decide_newer_key(at(11)), Refetch);
    let last = at(10 + FETCH_S_MAX - 1);
    assert!(second.adopt(&claim, last, Cause::UnknownKey).under_way);
    let adopted = second.adopt(&claim, at(10 + FETCH_S_MAX), Cause::UnknownKey);
    assert!(
        !adopted.spared && !adopted.under_way,
        "now it is the second one's turn: {adopted:?}"
    );
    second.fetched(at(26));
    assert_eq!(second.freshness.decide_newer_key(at(29)), Refuse);
    assert_eq!(second.freshness.decide_newer_key(at(30)), Refetch);
}

/// New instances, each of which meets an invented key, share one store.
#[test]
fn ten_thousand_invented_keys_cost_a_fetch_every_few_seconds_across_instances() {
    let mut stored = {
        let mut first = Instance::new();
        first.freshness.first(at(0));
        first.fetched(at(0));
        first.record(at(0)).unwrap()
    };
    let mut fetches = Vec::new();
    for number in 0..10_000 {
        let now = at(number / 100);
        let mut instance = Instance::new();
        assert_eq!(meet(&mut instance.freshness, now), FetchFirst);
        assert!(instance.adopt(&stored, now, Cause::Age).spared);
        match instance.freshness.decide_newer_key(now) {
            Refetch if !instance.adopt(&stored, now, Cause::UnknownKey).spared => {
                fetches.push(number / 100);
                instance.fetched(now);
                stored = instance.record(now).unwrap();
            }
            Refetch | Refuse => {}
            AwaitFetch => assert_eq!(number, 0, "nobody fetches"),
        }
    }
    assert_eq!(fetches, [0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
}

#[test]
fn an_unknown_key_does_not_disturb_an_issuer_that_failed_another_instance() {
    let mut freshness = Freshness::new(FreshnessPolicy::default(), ISSUER);
    freshness.fetched(at(0), at(0), 600, true);
    assert_eq!(freshness.decide_newer_key(at(101)), Refetch);
    let adopted = freshness.adopt(&record(0, 100, 9), true, at(101), Cause::UnknownKey);
    assert!(adopted.spared, "{adopted:?}");
    assert_eq!(freshness.decide_newer_key(at(101)), Refuse);
    assert_eq!(
        freshness.decide_newer_key(at(100 + RETRY_S_MAX)),
        Refetch,
        "a fetch that was spared uses up no cooldown"
    );
}

#[test]
fn a_record_shows_people_what_an_instance_would_do() {
    let policy = FreshnessPolicy::default();
    let day_s = policy.stale_if_error_s;
    let pause_s = |failed_at| {
        let mut failed = Freshness::new(policy, ISSUER);
        failed.failed(at(failed_at));
        let pause_s = failed.left_alone_s(at(failed_at));
        assert!((2..=4).contains(&pause_s), "{pause_s}");
        pause_s
    };
    for (record, seconds, state, age_s, next_refresh) in [
        (record(0, 0, 0), 40, KeySetState::Fresh, Some(40), 100),
        (record(0, 0, 0), 140, KeySetState::Stale, Some(140), 140),
        (
            record(0, 130, 1),
            131,
            KeySetState::Failing,
            Some(131),
            130 + pause_s(130),
        ),
        (
            record(0, 130, 1),
            99 + day_s,
            KeySetState::Failing,
            Some(99 + day_s),
            99 + day_s,
        ),
        (
            record(0, 130, 1),
            100 + day_s,
            KeySetState::Expired,
            Some(100 + day_s),
            100 + day_s,
        ),
        (
            KeySetRecord {
                keys: None,
                ..record(0, 0, 1)
            },
            1,
            KeySetState::Missing,
            None,
            pause_s(0),
        ),
        (KeySetRecord::default(), 7, KeySetState::Missing, None, 7),
    ] {
        let now = at(seconds);
        let shown = (
            record.state(policy, now),
            record.age_s(now),
            record.next_refresh_at(policy, now),
        );
        assert_eq!(
            shown,
            (state, age_s, at(next_refresh)),
            "{record:?} after {seconds} s"
        );
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let now = at(300);
    let without_etag = StoredKeys {
        etag: None,
        ..stored_keys()
    };
    for record in [
        record(0, 200, 3),
        record(0, 0, 0),
        KeySetRecord {
            keys: Some(without_etag),
            ..record(0, 0, 0)
        },
        KeySetRecord {
            refetched_at: Some(at(10)),
            refetching: u64::MAX,
            full_at: Some(at(40)),
            ..record(0, 0, 0)
        },
        KeySetRecord {
            exposed: ExposedKeys::from_text("AAAAAAAAAAAAAAAAAAAAAA").unwrap(),
            ..record(0, 0, 0)
        },
        KeySetRecord {
            issuer: ISSUER.to_owned(),
            ..KeySetRecord::default()
        },
    ] {
        let read = KeySetRecord::parse(&record.to_bytes(), ISSUER, now);
        assert_eq!(read, Ok(record));
    }
}

#[test]
fn an_etag_that_is_no_field_of_a_request_is_neither_written_nor_read() {
    let good = record(0, 0, 0).to_bytes();
    let good = String::from_utf8(good).unwrap();
    let quoted = Value::from("\"1\"").to_string();
    assert!(good.contains(&quoted), "{good}");
    for (etag, kept) in [
        ("\"\"".to_owned(), true),
        ("W/\"!#~\"".to_owned(), true),
        ("\"a b\"".to_owned(), true),
        ("unquoted".to_owned(), true),
        ("x".repeat(ETAG_BYTES_MAX), true),
        ("x".repeat(ETAG_BYTES_MAX + 1), false),
        (String::new(), false),
        (" \"1\"".to_owned(), false),
        ("\"1\" ".to_owned(), false),
        ("a\r\nAuthorization: x".to_owned(), false),
        ("\"\t\"".to_owned(), false),
        ("\"\0\"".to_owned(), false),
        ("\"\u{7f}\"".to_owned(), false),
        ("\"é\"".to_owned(), false),
    ] {
        let mut written = record(0, 0, 0);
        written.keys.as_mut().unwrap().etag = Some(etag.clone());
        let written = String::from_utf8(written.to_bytes()).unwrap();
        assert_eq!(written.contains("\"etag\""), kept, "written: {etag:?}");
        // By somebody else, who writes what they like.
        let foreign = good.replacen(&quoted, &Value::from(etag.as_str()).to_string(), 1);
        let read = KeySetRecord::parse(foreign.as_bytes(), ISSUER, at(0)).unwrap();
        let expected = kept.then_some(etag.as_str());
        let keys = read.keys.unwrap();
        assert_eq!(keys.etag.as_deref(), expected, "read: {etag:?}");
        assert_eq!(keys.body, stored_keys().body, "the keys are used");
    }
}

#[test]
fn an_error_is_kept_short_and_on_one_line() {
    for (error, kept) in [
        ("status 503".to_owned(), "status 503".to_owned()),
        ("a\nb\u{1b}[2J".to_owned(), "a b [2J".to_owned()),
        (
            "x".repeat(LAST_ERROR_BYTES_MAX + 1),
            "x".repeat(LAST_ERROR_BYTES_MAX),
        ),
        (
            "é".repeat(LAST_ERROR_BYTES_MAX),
            "é".repeat(LAST_ERROR_BYTES_MAX / 2),
        ),
        (
            format!("x{}", "é".repeat(LAST_ERROR_BYTES_MAX)),
            format!("x{}", "é".repeat(LAST_ERROR_BYTES_MAX / 2 - 1)),
        ),
    ] {
        let good = String::from_utf8(record(0, 0, 1).to_bytes()).unwrap();
        let foreign = good.replacen(
            "\"answered with status 503\"",
            &Value::from(error.as_str()).to_string(),
            1,
        );
        let record = KeySetRecord {
            last_error: Some(error),
            ..record(0, 0, 1)
        };
        for bytes in [record.to_bytes(), foreign.into_bytes()] {
            let read = KeySetRecord::parse(&bytes, ISSUER, at(0)).unwrap();
            assert_eq!(read.last_error.as_ref(), Some(&kept));
        }
    }
}

#[test]
fn a_record_that_is_cut_or_changed_is_an_error_or_another_record_and_never_a_panic() {
    let bytes = record(0, 200, 3).to_bytes();
    for end in 0..bytes.len() {
        assert!(
            KeySetRecord::parse(bytes.get(..end).unwrap(), ISSUER, at(300)).is_err(),
            "cut to {end}"
        );
    }
    for position in 0..bytes.len() {
        for flip in [1, 0x20, 0x80] {
            let mut changed = bytes.clone();
            *changed.get_mut(position).unwrap() ^= flip;
            let read = KeySetRecord::parse(&changed, ISSUER, at(300));
            assert!(read.is_err() || read.is_ok_and(|read| read.issuer == ISSUER));
        }
    }
}

#[test]
fn a_foreign_record_is_refused() {
    use KeySetRecordError::{Member, OtherIssuer, OtherVersion, Time, UnknownMember};
    let written = KeySetRecord {
        refetched_at: Some(at(10)),
        ..record(0, 200, 3)
    };
    let good = String::from_utf8(written.to_bytes()).unwrap();
    let parse = |text: &str| KeySetRecord::parse(text.as_bytes(), ISSUER, at(300)).err();
    assert_eq!(parse(&good), None);
    let late = START + 300 + CLOCK_SKEW_S_MAX + 1;
    let later = |name: &str| format!("\"{name}\":{late}");
    let then = |name: &str, seconds: u64| format!("\"{name}\":{}", START + seconds);
    let member = |name| Member { name };
    for (from, to, error) in [
        (
            "\"version\":3".to_owned(),
            "\"version\":1".to_owned(),
            OtherVersion,
        ),
        (
            "\"version\":3".to_owned(),
            "\"version\":4".to_owned(),
            OtherVersion,
        ),
        (
            "\"version\":3".to_owned(),
            "\"version\":\"2\"".to_owned(),
            member("version"),
        ),
        (
            "\"https://a.example\"".to_owned(),
            "\"https://b.example\"".to_owned(),
            OtherIssuer,
        ),
        (
            "\"failures\":3".to_owned(),
            "\"failures\":-3".to_owned(),
            member("failures"),
        ),
        (
            "\"failures\":3".to_owned(),
            "\"failures\":4294967296".to_owned(),
            member("failures"),
        ),
        (
            "\"failures\":3".to_owned(),
            "\"failures\":3,\"x\":1".to_owned(),
            UnknownMember,
        ),
        (
            "\"failures\":3,".to_owned(),
            String::new(),
            member("failures"),
        ),
        (
            "\"fresh_s\":100".to_owned(),
            "\"fresh_s\":1e2".to_owned(),
            member("fresh_s"),
        ),
        (
            "\"fresh_s\":100,".to_owned(),
            String::new(),
            member("fresh_s"),
        ),
        (
            "\"refetching\":0".to_owned(),
            "\"refetching\":0,\"exposed\":\"AAAA\"".to_owned(),
            member("exposed"),
        ),
        (
            "\"refetching\":0".to_owned(),
            "\"refetching\":0,\"full_at\":\"1\"".to_owned(),
            member("full_at"),
        ),
        (
            "\"refetching\":0".to_owned(),
            "\"refetching\":false".to_owned(),
            member("refetching"),
        ),
        (
            "\"https://a.example/keys\"".to_owned(),
            "null".to_owned(),
            member("url"),
        ),
        (then("fetched_at", 0), later("fetched_at"), Time),
        (then("fetched_at", 0), then("fetched_at", 201), Time),
        (then("attempted_at", 200), later("attempted_at"), Time),
        (
            format!("{},", then("attempted_at", 200)),
            String::new(),
            Time,
        ),
        (then("refetched_at", 10), later("refetched_at"), Time),
    ] {
        assert!(good.contains(&from), "{from} is not in {good}");
        assert_eq!(
            parse(&good.replacen(&from, &to, 1)),
            Some(error),
            "{from} → {to}"
        );
    }
    assert!(matches!(parse("null"), Some(KeySetRecordError::Json(_))));
    assert!(matches!(parse(""), Some(KeySetRecordError::Json(_))));
    assert_eq!(
        parse(&" ".repeat(RECORD_BYTES_MAX + 1)),
        Some(KeySetRecordError::TooLong)
    );
}

/// Of two sets that were fetched in one second, one from before a rotation and one from after it, a time
/// does not tell which is which.
#[test]
fn an_unknown_key_makes_keys_of_the_same_second_worth_a_look() {
    let mut first = Instance::new();
    first.fetched(at(7));
    let theirs = first.record(at(7)).unwrap();
    let mut second = Instance::new();
    second.fetched(at(7));
    assert!(!second.adopt(&theirs, at(7), Cause::Age).newer);
    assert!(second.adopt(&theirs, at(7), Cause::UnknownKey).newer);
}
