use super::*;
use crate::balance::{TargetReport, Targets, Tried};
use crate::breaker::{Breaker, RequestReport};
use crate::by_route::RouteNumber;
use crate::time::Millis;
use doorward_retry::RESERVE;

const RULE: RetryRule = RetryRule {
    attempts_max: 3,
    backoff_ms: 25,
    backoff_ms_max: 1000,
};

/// The route of all requests.
const ROUTE: RouteNumber = 0;

/// What the policy says that says nothing.
const NEVER: RetryOn = RetryOn {
    timeout: false,
    reset: false,
    gateway_error: false,
};

/// A request that only reads.
const GET: Repeatable = Repeatable {
    reads: true,
    idempotent: true,
    on: NEVER,
};

/// A request that does something each time.
const POST: Repeatable = Repeatable::only(NEVER);

/// The first attempt of a request that only reads, and nothing in the way of a second one.
const ATTEMPT: Attempt = Attempt {
    attempts: 1,
    end: End::Failure(UpstreamFailure::Reset),
    repeatable: GET,
    body_is_whole: true,
    can_fail_over: false,
    left_ms: 30_000,
};

const NO_CONNECTION: End = End::Failure(UpstreamFailure::Unreachable);

fn status(status: u16, retry_after_ms: Option<u64>) -> End {
    End::Status {
        status,
        retry_after_ms,
    }
}

fn decide(attempt: Attempt) -> Again {
    let mut random = Random::seeded(1);
    again(&RULE, &attempt, &mut RetryBudget::new(), &mut random)
}

fn why_not(attempt: Attempt) -> Option<WhyNot> {
    match decide(attempt) {
        Again::After { .. } => None,
        Again::No(why) => Some(why),
    }
}

#[test]
fn methods_are_idempotent_as_they_are_registered() {
    for method in "GET HEAD OPTIONS TRACE PUT DELETE".split(' ') {
        assert!(is_idempotent(method), "{method}: RFC 9110 section 9.2.2");
    }
    for method in IDEMPOTENT.split(' ') {
        assert!(is_idempotent(method), "{method}: the registry");
        let upper = |b: u8| b.is_ascii_uppercase() || b == b'-';
        assert!(method.bytes().all(upper), "{method:?} is a method");
    }
    for method in [
        "POST",
        "PATCH",
        "CONNECT",
        "LOCK",
        "PRI",
        "get",
        "Get",
        "",
        " ",
        "GETS",
        "GET ",
        "COPY MOVE",
        "BASELINE",
        "UNKNOWN",
    ] {
        assert!(!is_idempotent(method), "{method:?}");
    }
}

#[test]
fn a_pause_is_anything_up_to_a_bound_that_doubles() {
    let random = &mut Random::seeded(2);
    for (repetition, bound_ms) in [
        (0, 25),
        (1, 25),
        (2, 50),
        (3, 100),
        (6, 800),
        (7, 1000),
        (64, 1000),
        (65, 1000),
        (255, 1000),
    ] {
        let pauses: Vec<u64> = (0..5000)
            .map(|_| RULE.backoff_ms(repetition, random))
            .collect();
        let (least, most) = (pauses.iter().min(), pauses.iter().max());
        assert!(least <= Some(&(bound_ms / 50)), "{repetition}: {least:?}");
        assert!(most <= Some(&bound_ms), "{repetition}: {most:?}");
        assert!(
            most >= Some(&(bound_ms * 49 / 50)),
            "{repetition}: {most:?}"
        );
        let mean = pauses.iter().sum::<u64>() / 5000;
        let due = bound_ms / 2;
        assert!(mean.abs_diff(due) <= due / 15 + 1, "{repetition}: {mean}");
    }
    let widest = RetryRule {
        attempts_max: 255,
        backoff_ms: u64::MAX,
        backoff_ms_max: u64::MAX,
    };
    for repetition in [0, 1, 255] {
        let _ = widest.backoff_ms(repetition, random);
    }
}

#[test]
fn what_may_help_is_tried_again() {
    let open = UpstreamFailure::BreakerOpen { retry_after_s: 1 };
    for (end, elsewhere, again) in [
        (NO_CONNECTION, false, true),
        (End::Failure(UpstreamFailure::ConnectTimeout), false, true),
        (End::Failure(UpstreamFailure::Reset), false, true),
        (End::Failure(UpstreamFailure::Timeout), false, true),
        (End::Failure(UpstreamFailure::Malformed), false, true),
        (End::Failure(UpstreamFailure::Tls), false, false),
        (End::Failure(UpstreamFailure::Tls), true, true),
        (End::Failure(UpstreamFailure::Denied), false, false),
        (End::Failure(UpstreamFailure::Denied), true, true),
        (End::Failure(open), true, false),
        (End::Failure(UpstreamFailure::Deadline), true, false),
        (End::Failure(UpstreamFailure::TooLarge), true, false),
        (status(200, None), true, false),
        (status(400, Some(1)), true, false),
        (status(408, None), true, false),
        (status(429, None), true, false),
        (status(429, Some(0)), false, true),
        (status(500, Some(1)), true, false),
        (status(501, None), true, false),
        (status(502, None), false, true),
        (status(503, None), false, true),
        (status(504, None), false, true),
        (status(505, None), true, false),
    ] {
        let why = why_not(Attempt {
            end,
            can_fail_over: elsewhere,
            ..ATTEMPT
        });
        let due = (!again).then_some(WhyNot::Final);
        assert_eq!(why, due, "{end:?}, another target: {elsewhere}");
    }
}

#[test]
fn what_may_have_been_done_is_done_again_only_where_that_is_harmless_or_allowed() {
    let on = |timeout, reset, gateway_error| RetryOn {
        timeout,
        reset,
        gateway_error,
    };
    let never = on(false, false, false);
    let failure = End::Failure;
    let (timeout, reset) = (UpstreamFailure::Timeout, UpstreamFailure::Reset);
    let malformed = UpstreamFailure::Malformed;
    for (methods, on, end, again) in [
        ("GET HEAD OPTIONS", never, failure(timeout), true),
        ("GET HEAD OPTIONS", never, failure(reset), true),
        ("GET HEAD OPTIONS", never, failure(malformed), true),
        ("GET HEAD OPTIONS", never, status(502, None), true),
        // Sent whole, and nobody knows what has become of it.
        (
            "PUT DELETE TRACE POST PATCH x",
            never,
            failure(timeout),
            false,
        ),
        (
            "PUT DELETE TRACE POST PATCH x",
            never,
            failure(reset),
            false,
        ),
        (
            "PUT DELETE TRACE POST PATCH x",
            never,
            failure(malformed),
            false,
        ),
        ("PUT DELETE POST", never, status(502, None), false),
        ("PUT DELETE POST", never, status(502, Some(1)), false),
        ("PUT DELETE POST", never, status(504, Some(1)), false),
        ("PUT DELETE POST", never, status(503, None), false),
        // The upstream says that it has not done it, and when it would.
        ("PUT DELETE MKCOL", never, status(503, Some(1)), true),
        ("PUT DELETE MKCOL", never, status(429, Some(1)), true),
        ("POST PATCH x", never, status(503, Some(1)), false),
        ("POST PATCH x", never, status(429, Some(1)), false),
        // Nothing was sent.
        ("GET PUT POST x", never, NO_CONNECTION, true),
        (
            "GET PUT POST x",
            never,
            failure(UpstreamFailure::ConnectTimeout),
            true,
        ),
        // What the policy allows, and nothing else.
        ("PUT POST x", on(true, false, false), failure(timeout), true),
        ("PUT POST x", on(true, false, false), failure(reset), false),
        (
            "PUT POST x",
            on(true, false, false),
            status(503, None),
            false,
        ),
        ("PUT POST x", on(false, true, false), failure(reset), true),
        (
            "PUT POST x",
            on(false, true, false),
            failure(malformed),
            true,
        ),
        (
            "PUT POST x",
            on(false, true, false),
            failure(timeout),
            false,
        ),
        (
            "PUT POST x",
            on(false, false, true),
            status(502, None),
            true,
        ),
        (
            "PUT POST x",
            on(false, false, true),
            status(503, None),
            true,
        ),
        (
            "PUT POST x",
            on(false, false, true),
            status(504, None),
            true,
        ),
        ("PUT POST x", on(false, false, true), failure(reset), false),
        ("POST x", on(true, true, true), status(429, Some(1)), false),
    ] {
        for method in methods.split(' ') {
            let attempt = Attempt {
                end,
                repeatable: Repeatable::of(method, on),
                ..ATTEMPT
            };
            let due = (!again).then_some(WhyNot::NotRepeatable);
            assert_eq!(why_not(attempt), due, "{method} {on:?} {end:?}");
            let of_another = Attempt {
                repeatable: Repeatable::only(on),
                ..attempt
            };
            let by_method = !on.timeout && !on.reset && !on.gateway_error && end != NO_CONNECTION;
            if by_method && end != failure(UpstreamFailure::ConnectTimeout) {
                let due = Some(WhyNot::NotRepeatable);
                assert_eq!(why_not(of_another), due, "{method}, which may mean another");
            }
        }
    }
}

#[test]
fn what_could_do_harm_is_not_tried_again() {
    let good = ATTEMPT;
    let none = Attempt {
        end: NO_CONNECTION,
        ..good
    };
    let other = Attempt {
        repeatable: POST,
        ..good
    };
    for (attempt, why) in [
        (good, None),
        (
            Attempt {
                attempts: 2,
                ..good
            },
            None,
        ),
        (
            Attempt {
                attempts: 3,
                ..good
            },
            Some(WhyNot::Attempts),
        ),
        (
            Attempt {
                attempts: 255,
                ..none
            },
            Some(WhyNot::Attempts),
        ),
        (other, Some(WhyNot::NotRepeatable)),
        (
            Attempt {
                end: End::Failure(UpstreamFailure::Timeout),
                ..other
            },
            Some(WhyNot::NotRepeatable),
        ),
        (
            Attempt {
                end: status(503, Some(0)),
                ..other
            },
            Some(WhyNot::NotRepeatable),
        ),
        (
            Attempt {
                can_fail_over: true,
                ..other
            },
            Some(WhyNot::NotRepeatable),
        ),
        // Nothing was sent.
        (
            Attempt {
                end: NO_CONNECTION,
                ..other
            },
            None,
        ),
        (
            Attempt {
                body_is_whole: false,
                ..good
            },
            Some(WhyNot::Body),
        ),
        (
            Attempt {
                body_is_whole: false,
                can_fail_over: true,
                ..none
            },
            Some(WhyNot::Body),
        ),
        (Attempt { left_ms: 0, ..good }, Some(WhyNot::Deadline)),
        (
            Attempt {
                left_ms: 0,
                can_fail_over: true,
                ..none
            },
            Some(WhyNot::Deadline),
        ),
    ] {
        assert_eq!(why_not(attempt), why, "{attempt:?}");
    }
}

#[test]
fn a_retry_after_is_waited_for_where_there_is_time() {
    for (retry_after_ms, left_ms, due) in [
        (2000, 30_000, Again::After { ms: 2000 }),
        (2000, 2001, Again::After { ms: 2000 }),
        (2000, 2000, Again::No(WhyNot::Deadline)),
        (3_600_000, 30_000, Again::No(WhyNot::Deadline)),
    ] {
        for code in [429, 502, 503, 504] {
            for can_fail_over in [false, true] {
                let came = decide(Attempt {
                    end: status(code, Some(retry_after_ms)),
                    left_ms,
                    can_fail_over,
                    ..ATTEMPT
                });
                assert_eq!(came, due, "{code} {retry_after_ms} ms, {left_ms} ms left");
            }
        }
    }
    // A shorter one than the pause shortens nothing.
    let random = &mut Random::seeded(3);
    let longest = (0..100).filter_map(|_| {
        let attempt = Attempt {
            end: status(503, Some(1)),
            ..ATTEMPT
        };
        match again(&RULE, &attempt, &mut RetryBudget::new(), random) {
            Again::After { ms } => Some(ms),
            Again::No(_) => None,
        }
    });
    assert!(longest.max() > Some(20), "the pause is still drawn");
}

#[test]
fn a_fail_over_costs_neither_time_nor_budget_and_a_repetition_both() {
    let random = &mut Random::seeded(4);
    for (can_fail_over, end, fails_over) in [
        (true, NO_CONNECTION, true),
        (true, End::Failure(UpstreamFailure::Denied), true),
        (false, NO_CONNECTION, false),
        (true, End::Failure(UpstreamFailure::Reset), false),
        (true, status(503, None), false),
    ] {
        let attempt = Attempt {
            end,
            can_fail_over,
            ..ATTEMPT
        };
        let mut budget = RetryBudget::new();
        let mut paused = false;
        let mut count = 0;
        while count < 100 {
            match again(&RULE, &attempt, &mut budget, random) {
                Again::After { ms } => paused |= ms > 0,
                Again::No(why) => {
                    assert_eq!(why, WhyNot::Budget, "{attempt:?}");
                    break;
                }
            }
            count += 1;
        }
        let due = if fails_over { 100 } else { RESERVE };
        assert_eq!((count, paused), (due, !fails_over), "{attempt:?}");
    }
}

#[test]
fn a_refusal_takes_nothing_from_the_budget() {
    let mut budget = RetryBudget::new();
    let random = &mut Random::seeded(5);
    for attempt in [
        Attempt {
            attempts: 3,
            ..ATTEMPT
        },
        Attempt {
            left_ms: 0,
            ..ATTEMPT
        },
        Attempt {
            repeatable: POST,
            ..ATTEMPT
        },
        Attempt {
            body_is_whole: false,
            ..ATTEMPT
        },
        Attempt {
            end: status(500, None),
            ..ATTEMPT
        },
    ] {
        let came = again(&RULE, &attempt, &mut budget, random);
        assert!(matches!(came, Again::No(_)), "{attempt:?}");
    }
    assert_eq!(budget, RetryBudget::new(), "nobody was asked again");
}

/// What 10,000 requests, one each 10 ms, make of an upstream that never answers.
struct Dead {
    attempts: u32,
    repetitions: u32,
}

fn ask_the_dead(targets: usize, failure: UpstreamFailure, breaker: bool) -> Dead {
    let random = &mut Random::seeded(6);
    let mut targets = Targets::new(targets);
    let mut budget = RetryBudget::new();
    let mut breaker = breaker.then(Breaker::new);
    let mut dead = Dead {
        attempts: 0,
        repetitions: 0,
    };
    for number in 0..10_000 {
        let mut now = Millis(number * 10);
        let mut tried = Tried::default();
        budget.request();
        let ticket = match breaker.as_mut().map(|breaker| breaker.admit(None, now)) {
            None => None,
            Some(Ok(ticket)) => Some(ticket),
            Some(Err(_)) => continue,
        };
        for attempts in 1..=RULE.attempts_max {
            let choice = targets.choose(ROUTE, &mut tried, true, random, now);
            dead.attempts += 1;
            dead.repetitions += u32::from(attempts > 1);
            let report = TargetReport::of_failure(&failure);
            targets.ended(choice, report, random, now);
            let attempt = Attempt {
                attempts,
                end: End::Failure(failure),
                can_fail_over: targets.can_fail_over(ROUTE, &tried),
                ..ATTEMPT
            };
            match again(&RULE, &attempt, &mut budget, random) {
                Again::After { ms } => now = now.plus(ms),
                Again::No(_) => break,
            }
        }
        if let (Some(breaker), Some(ticket)) = (breaker.as_mut(), ticket) {
            breaker.record(ticket, RequestReport::Failed, now);
        }
    }
    dead
}

#[test]
fn an_upstream_that_is_dead_is_not_asked_more_than_a_fifth_more() {
    for failure in [
        UpstreamFailure::Unreachable,
        UpstreamFailure::Timeout,
        UpstreamFailure::Reset,
    ] {
        for targets in [1, 3, 32] {
            let dead = ask_the_dead(targets, failure, false);
            assert!(dead.attempts >= 10_000, "all are tried rather than none");
            // To find out that a target is dead takes a fail-over.
            let most = 2_000 + targets as u32;
            let count = dead.repetitions;
            assert!(count <= most, "{failure}, {targets} targets: {count}");
            assert!(count >= 1_900, "{failure}, {targets} targets: {count}");
        }
        let dead = ask_the_dead(3, failure, true);
        assert!(dead.attempts < 100, "with a breaker: {}", dead.attempts);
    }
}
