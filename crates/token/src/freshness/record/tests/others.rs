//! What instances hear from each other: of another version, of no use, or hostile.

use super::*;

/// Instances of the version before go on for a while beside those of this one.
#[test]
fn a_record_of_the_version_before_is_read() {
    let written = String::from_utf8(record(0, 0, 0).to_bytes()).unwrap();
    let before = written.replacen("\"version\":3", "\"version\":2", 1);
    let before = before.replacen('{', "{\"refetched_at\":1800000010,", 1);
    let read = KeySetRecord::parse(before.as_bytes(), ISSUER, at(20)).unwrap();
    let expected = KeySetRecord {
        refetched_at: Some(at(10)),
        ..record(0, 0, 0)
    };
    assert_eq!(read, expected);
    let mut instance = Instance::new();
    assert!(instance.adopt(&read, at(15), Cause::Age).newer);
    assert_eq!(
        instance.freshness.decide_newer_key(at(19)),
        Refuse,
        "one of them has asked because of an unknown key"
    );
    assert_eq!(instance.freshness.decide_newer_key(at(20)), Refetch);
}

#[test]
fn what_others_have_used_up_is_no_more_than_there_is() {
    let mut instance = Instance::new();
    instance.fetched(at(0));
    let hostile = KeySetRecord {
        full_at: Some(UnixTime(u64::MAX)),
        ..record(0, 0, 0)
    };
    let _ = instance.adopt(&hostile, at(5), Cause::Age);
    assert_eq!(instance.freshness.decide_newer_key(at(14)), Refuse);
    assert_eq!(instance.freshness.decide_newer_key(at(15)), Refetch);
}

/// Withdrawn everywhere: what the newest set does not list ends with the next look at the record.
#[test]
fn a_set_in_which_nothing_can_be_used_ends_the_keys_of_those_who_hear_of_it() {
    let mut first = Instance::new();
    first.fetched(at(0));
    let mut second = Instance::new();
    second.fetched(at(0));
    first.freshness.fetched(at(10), at(10), 600, false);
    let told = first.record(at(10)).unwrap();
    assert!(told.keys.is_some(), "the record carries it");
    assert_eq!(told.last_error.as_deref(), Some("no answer"), "and why");
    assert_eq!(meet(&mut second.freshness, at(11)), Use);
    assert!(
        second
            .freshness
            .adopt(&told, false, at(11), Cause::Age)
            .newer
    );
    assert_eq!(
        meet(&mut second.freshness, at(11)),
        Unavailable { retry_after_s: 4 }
    );
    assert_eq!(second.freshness.decide(at(15)), FetchFirst);
    assert!(
        !second
            .freshness
            .adopt(&told, false, at(15), Cause::Age)
            .spared,
        "it is time to ask again"
    );
    let empty = KeySetRecord {
        keys: Some(StoredKeys {
            body: r#"{"keys":[]}"#.to_owned(),
            ..stored_keys()
        }),
        ..told
    };
    let policy = FreshnessPolicy::default();
    assert_eq!(empty.state(policy, at(12)), KeySetState::Unusable);
    assert_eq!(empty.next_refresh_at(policy, at(12)), at(15));
}

/// An instance that starts while another one looks for an unknown key, and is asked for the same key.
#[test]
fn a_new_instance_waits_for_the_fetch_that_another_one_has_begun() {
    let mut first = Instance::new();
    first.fetched(at(0));
    assert_eq!(first.freshness.decide_newer_key(at(10)), Refetch);
    let claim = first.record(at(10)).unwrap();
    let mut second = Instance::new();
    assert_eq!(meet(&mut second.freshness, at(10)), Decision::FetchFirst);
    assert!(second.adopt(&claim, at(10), Cause::Age).spared);
    assert_eq!(
        second.freshness.decide_newer_key(at(10)),
        Refetch,
        "the other one's has not ended"
    );
    assert!(second.adopt(&claim, at(10), Cause::UnknownKey).under_way);
}

#[test]
fn an_instance_that_was_idle_hears_that_the_others_have_used_up_what_there_is() {
    let mut first = Instance::new();
    first.freshness.first(at(0));
    first.fetched(at(0));
    let mut idle = Instance::new();
    assert!(
        idle.adopt(&first.record(at(0)).unwrap(), at(0), Cause::Age)
            .newer
    );
    for _ in 0..3 {
        assert_eq!(first.freshness.decide_newer_key(at(30)), Refetch);
        first.fetched(at(30));
    }
    let told = first.record(at(33)).unwrap();
    assert_eq!(idle.freshness.decide_newer_key(at(35)), Refetch);
    let adopted = idle.adopt(&told, at(35), Cause::UnknownKey);
    assert!(adopted.newer && adopted.spared, "{adopted:?}");
    assert_eq!(idle.freshness.decide_newer_key(at(39)), Refuse);
    assert_eq!(idle.freshness.decide_newer_key(at(40)), Refetch);
    assert!(
        !idle.adopt(&told, at(40), Cause::UnknownKey).spared,
        "now there is one more"
    );
    let mut late = Instance::new();
    assert!(late.adopt(&told, at(41), Cause::Age).newer);
    assert_eq!(late.freshness.decide_newer_key(at(41)), Refetch);
    let told = idle.record(at(41)).unwrap();
    let adopted = late.adopt(&told, at(41), Cause::UnknownKey);
    assert!(
        adopted.under_way && !adopted.spared,
        "the idle one is at it: {adopted:?}"
    );
}

/// Its keys pass for newer ones than those of the record that has the key, and may be older ones: nobody but
/// the issuer can tell. It is asked at once, not after the pause that this instance remembers.
#[test]
fn an_instance_that_was_idle_while_the_clock_was_set_back_asks_the_issuer() {
    let mut instance = Instance::new();
    instance.fetched(at(100));
    instance.freshness.looked(at(100));
    assert_eq!(instance.freshness.decide_newer_key(at(100)), Refetch);
    instance.fetched(at(100));

    let now = at(100 - CLOCK_SKEW_S_MAX / 2);
    let of_another = KeySetRecord {
        full_at: Some(at(1000)),
        ..record(60, 60, 0)
    };
    assert_eq!(instance.freshness.decide_newer_key(now), Refetch);
    let adopted = instance.adopt(&of_another, now, Cause::UnknownKey);
    assert_eq!(adopted, Adopted::default(), "neither newer nor enough");
    instance.fetched(now);
    assert_eq!(
        instance.freshness.decide_newer_key(now),
        Refuse,
        "once, and then every few seconds"
    );
}
