use super::*;
use crate::rate::{Counts, RateKey};

fn limit(name: &str, requests: u32, per_s: u32) -> RateLimit {
    RateLimit {
        name: name.to_owned(),
        requests,
        per_s,
        burst: requests,
        key: RateKey::Client,
        counts: Counts::Requests,
        shared: false,
    }
}

fn verdict(admitted: bool, remaining: u32, retry_after_ms: u64) -> RateVerdict {
    RateVerdict {
        admitted,
        remaining,
        reset_ms: 60_000,
        retry_after_ms,
    }
}

#[test]
fn the_fields_are_structured_lists_with_an_item_for_each_limit() {
    let limits = [limit("per_client", 100, 60), limit("daily", 1000, 86_400)];
    assert_eq!(
        policy_field(limits.iter()),
        "\"per_client\";q=100;w=60, \"daily\";q=1000;w=86400"
    );
    let verdicts = [verdict(true, 50, 600), verdict(false, 0, 86_400)];
    assert_eq!(
        limit_field(limits.iter().zip(&verdicts)),
        "\"per_client\";r=50;t=1, \"daily\";r=0;t=87"
    );
    assert_eq!(policy_field([].iter()), "");
}

#[test]
fn a_name_stays_in_its_quotes() {
    let odd = [limit("a\"b\\", 1, 1)];
    assert_eq!(policy_field(odd.iter()), "\"a\\\"b\\\\\";q=1;w=1");
}

#[test]
fn a_client_comes_again_when_the_last_limit_that_refused_admits_again() {
    let cases: [(&[RateVerdict], u64); 6] = [
        (&[verdict(false, 0, 1)], 1),
        (&[verdict(false, 0, 1000)], 1),
        (&[verdict(false, 0, 1001)], 2),
        (&[verdict(false, 0, 0)], 1),
        (&[verdict(false, 0, 1500), verdict(false, 0, 9001)], 10),
        (&[verdict(false, 0, 1500), verdict(true, 0, 9001)], 2),
    ];
    for (verdicts, due) in cases {
        assert_eq!(retry_after_s(verdicts.iter()), due, "{verdicts:?}");
    }
}
