use super::*;
use crate::time::Millis;
use doorward_retry::Random;

/// A limit of so many requests.
pub(in crate::rate) fn limit(requests: u32, per_s: u32, burst: u32) -> RateLimit {
    RateLimit {
        name: "test".to_owned(),
        requests,
        per_s,
        burst,
        key: RateKey::Client,
        counts: Counts::Requests,
        shared: false,
    }
}

/// Slow and fast, even and odd ratios, and the bounds of the policy.
const LIMITS: [(u32, u32, u32); 10] = [
    (100, 60, 100),
    (1, 1, 1),
    (7, 60, 3),
    (60, 7, 1),
    (1_000_000, 1, 1),
    (1_000_000, 1, 1_000_000),
    (999_983, 86_400, 10),
    (1, 86_400, 1_000_000),
    (3, 1, 2),
    (86_399, 86_400, 17),
];

/// How many requests are admitted of those that come at these times.
fn admitted(limit: &RateLimit, times: impl Iterator<Item = Millis>) -> Vec<Millis> {
    let mut tat = None;
    times
        .filter(|&now| {
            let (verdict, after) = limit.decide(tat, now);
            tat = Some(after);
            verdict.admitted
        })
        .collect()
}

/// How many are due in one millisecond, which the clock cannot tell apart.
fn in_one_ms(limit: &RateLimit) -> u64 {
    u64::from(limit.requests - 1) / (u64::from(limit.per_s) * 1000)
}

#[test]
fn a_full_burst_is_admitted_at_once_and_not_one_more_than_the_clock_can_tell() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        let start = Millis(1_800_000_000_000);
        let due = u64::from(burst) + in_one_ms(&limit);
        let admitted = admitted(&limit, (0..due + 5).map(|_| start)).len();
        assert_eq!(admitted as u64, due, "{limit:?}");
    }
}

#[test]
fn no_window_has_more_than_the_burst_and_what_its_time_brings() {
    let mut random = Random::seeded(7);
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        // Callers that come ten times as often as they may, in fits and starts, at least once in 1 ms.
        let pause_ms_max = (u64::from(per_s) * 200 / u64::from(requests)).max(1) + 1;
        let mut now = Millis(random.below(1 << 41));
        let times: Vec<Millis> = (0..3000)
            .map(|_| {
                if random.below(3) == 0 {
                    now = now.plus(random.below(pause_ms_max));
                }
                now
            })
            .collect();
        let admitted = admitted(&limit, times.iter().copied());
        for (index, &from) in admitted.iter().enumerate().step_by(7) {
            for (count, &to) in (1_u64..).zip(admitted.iter().skip(index)) {
                // count <= burst + elapsed * rate, in whole numbers. It is less than a millisecond more.
                let elapsed = u128::from(to.since(from) + 1) * u128::from(requests) - 1;
                let due = u128::from(burst) * u128::from(per_s) * 1000 + elapsed;
                assert!(
                    u128::from(count) * u128::from(per_s) * 1000 <= due,
                    "{count} of {limit:?} from {from:?} to {to:?}"
                );
            }
        }
    }
}

#[test]
fn who_comes_at_an_even_pace_is_never_refused() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        // The n-th request at n / rate, as a clock of milliseconds tells it.
        let due =
            |n: u64| Millis(1_800_000_000_123 + n * u64::from(per_s) * 1000 / u64::from(requests));
        let count = 100_000;
        let admitted = admitted(&limit, (0..count).map(due)).len();
        assert_eq!(admitted as u64, count, "{limit:?}");
    }
}

#[test]
fn who_waits_as_told_is_admitted_and_not_a_millisecond_sooner() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        let (mut tat, mut now) = (None, Millis(5));
        let (mut refused, mut waits) = (0, 0);
        while refused < 50 && waits < 2_000_000 {
            waits += 1;
            let (verdict, after) = limit.decide(tat, now);
            tat = Some(after);
            if verdict.admitted {
                continue;
            }
            refused += 1;
            assert_eq!(verdict.remaining, 0, "{limit:?}");
            let wait_ms = verdict.retry_after_ms;
            assert!(wait_ms > 0, "{limit:?} refuses for some time");
            let sooner = limit.peek(tat, now.plus(wait_ms - 1));
            assert!(!sooner.admitted, "{limit:?} sooner than told");
            now = now.plus(wait_ms);
            assert!(limit.peek(tat, now).admitted, "{limit:?} when told");
        }
        assert_eq!(refused, 50, "{limit:?} refuses who does not wait");
    }
}

#[test]
fn what_remains_and_when_there_is_more_is_so() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        let now = Millis(1_000_000);
        let (verdict, tat) = limit.decide(None, now);
        let due = if in_one_ms(&limit) == 0 {
            burst - 1
        } else {
            burst
        };
        assert_eq!(verdict.remaining, due, "{limit:?}");
        let more = limit.peek(Some(tat), now.plus(verdict.retry_after_ms));
        assert_eq!(more.remaining, burst, "{limit:?} has one more when told");
        let sooner = now.plus(verdict.retry_after_ms.saturating_sub(1));
        assert_eq!(limit.peek(Some(tat), sooner).remaining, due, "{limit:?}");
        let all = limit.peek(Some(tat), now.plus(verdict.reset_ms));
        assert_eq!(all.remaining, burst, "{limit:?} is whole again");
        assert_eq!((all.reset_ms, all.retry_after_ms), (0, 0), "{limit:?}");
        let nearly = limit.peek(Some(tat), now.plus(verdict.reset_ms - 1));
        assert_eq!(nearly.reset_ms, 1, "{limit:?} a millisecond before");
    }
}

#[test]
fn no_fraction_is_lost_over_a_day() {
    for (requests, per_s) in [(7, 60), (60, 7), (86_399, 86_400), (1, 86_400)] {
        let limit = limit(requests, per_s, 1);
        let (mut tat, mut now, mut admitted) = (None, Millis(0), 0);
        while now <= Millis(86_400_000) {
            let (verdict, after) = limit.decide(tat, now);
            tat = Some(after);
            admitted += u64::from(verdict.admitted);
            now = now.plus(verdict.retry_after_ms);
        }
        let due = 86_400 * u64::from(requests) / u64::from(per_s) + 1;
        assert_eq!(admitted, due, "{limit:?}, by who comes when told");
    }
}

#[test]
fn a_clock_that_is_set_back_gives_nothing_and_locks_nobody_out() {
    for (requests, per_s, burst) in LIMITS {
        let limit = limit(requests, per_s, burst);
        let late = Millis(1_800_000_000_000);
        let (before, tat) = limit.decide(None, late);
        for back_ms in [0, 1, 1000, 86_400_000, late.0] {
            let now = Millis(late.0 - back_ms);
            let verdict = limit.peek(Some(tat), now);
            assert!(
                verdict.remaining <= before.remaining,
                "{limit:?} {back_ms} ms back"
            );
            let (refused, cut) = limit.decide(Some(tat), now);
            let due = now.plus(refused.retry_after_ms);
            assert!(
                limit.peek(Some(cut), due).admitted,
                "{limit:?} {back_ms} ms back, when told"
            );
        }
    }
}

#[test]
fn a_request_that_is_refused_changes_nothing() {
    let limit = limit(7, 60, 2);
    let (_, tat) = limit.decide(None, Millis(10));
    let (_, tat) = limit.decide(Some(tat), Millis(10));
    for ms in 10..8_000 {
        let (verdict, after) = limit.decide(Some(tat), Millis(ms));
        assert!(!verdict.admitted, "at {ms} ms");
        assert_eq!(after, tat, "at {ms} ms");
    }
}

#[test]
fn a_time_of_another_policy_counts_for_less_than_a_millisecond_more() {
    let limit = limit(7, 60, 2);
    let at = Millis(1_000);
    let foreign = Tat {
        at,
        parts: u32::MAX,
    };
    let (_, before) = limit.decide(Some(Tat { at, parts: 6 }), Millis(0));
    let (_, after) = limit.decide(Some(foreign), Millis(0));
    assert_eq!(after, before, "of seven parts the seventh is the last one");
}

#[test]
fn no_number_overflows() {
    let mut random = Random::seeded(11);
    let odd = [0, 1, 2, 1000, u32::MAX - 1, u32::MAX];
    for requests in odd {
        for per_s in odd {
            for burst in odd {
                let limit = limit(requests, per_s, burst);
                for now in [0, 1, u64::MAX - 1, u64::MAX, random.next()].map(Millis) {
                    for at in [0, u64::MAX, now.0, random.next()].map(Millis) {
                        for parts in [0, u32::MAX] {
                            let tat = Some(Tat { at, parts });
                            let (verdict, after) = limit.decide(tat, now);
                            assert!(after.at >= now || !verdict.admitted, "{limit:?}");
                            let first = limit.decide(None, now).0;
                            assert!(first.admitted, "{limit:?} admits the first one");
                        }
                    }
                }
            }
        }
    }
}
