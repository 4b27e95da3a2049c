#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const NOW: Millis = Millis(1_000_000);

fn attempt(breaker: &mut Breaker, ok: Option<bool>, now: Millis) {
    let ticket = breaker.admit(None, now).unwrap();
    breaker.record(ticket, report(ok), now);
}

/// A report of a request, whose client is not known.
fn report(ok: Option<bool>) -> RequestReport {
    match ok {
        Some(true) => RequestReport::Answered,
        Some(false) => RequestReport::Failed,
        None => RequestReport::Unknown,
    }
}

/// A breaker that opened at `NOW` for the first time.
fn opened() -> Breaker {
    let mut breaker = Breaker::new();
    for _ in 0..REQUESTS_MIN {
        attempt(&mut breaker, Some(false), NOW);
    }
    breaker
}

fn retry_after_ms(breaker: &mut Breaker, now: Millis) -> u64 {
    breaker.admit(None, now).unwrap_err().retry_after_ms
}

#[test]
fn it_opens_when_half_of_enough_attempts_failed() {
    for (good, bad, unknown, open) in [
        (0, 19, 0, false),
        (0, 20, 0, true),
        (0, 19, 100, false),
        (10, 10, 0, true),
        (11, 10, 0, false),
        (100, 99, 0, false),
        (100, 100, 0, true),
    ] {
        let mut breaker = Breaker::new();
        // The failures last, so that it does not open before.
        let ends = [(Some(true), good), (None, unknown), (Some(false), bad)];
        for (ok, count) in ends {
            for _ in 0..count {
                attempt(&mut breaker, ok, NOW);
            }
        }
        assert_eq!(
            breaker.is_open(),
            open,
            "{good} good, {bad} bad, {unknown} unknown"
        );
    }
}

#[test]
fn attempts_count_for_the_window_and_no_longer() {
    let spread = |first_ms: u64, pause_ms: u64| {
        let mut breaker = Breaker::new();
        for number in 0..u64::from(REQUESTS_MIN) {
            let later = if number < 10 { 0 } else { pause_ms };
            attempt(&mut breaker, Some(false), NOW.plus(first_ms + later));
        }
        breaker.is_open()
    };
    for first_ms in [0, 1, 999] {
        assert!(spread(first_ms, 0), "all at once");
        assert!(spread(first_ms, WINDOW_MS - BUCKET_MS), "within the window");
        assert!(!spread(first_ms, WINDOW_MS), "not within the window");
        assert!(!spread(first_ms, WINDOW_MS * 5 / 2), "long after");
    }
    let mut breaker = Breaker::new();
    for number in 0..1000 {
        attempt(&mut breaker, Some(number % 3 > 0), NOW.plus(number * 100));
        assert!(!breaker.is_open(), "a third fails all the time");
    }
}

#[test]
fn it_is_open_for_twice_as_long_with_each_probe_that_fails() {
    let mut breaker = opened();
    let mut now = NOW;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(retry_after_ms(&mut breaker, now), seconds * 1000);
        let last = now.plus(seconds * 1000 - 1);
        assert_eq!(retry_after_ms(&mut breaker, last), 1, "of {seconds} s");
        now = now.plus(seconds * 1000);
        attempt(&mut breaker, Some(false), now);
    }
}

#[test]
fn one_probe_at_a_time_decides() {
    let mut breaker = opened();
    let due = NOW.plus(OPEN_MS_BASE);
    let probe = breaker.admit(None, due).unwrap();
    let moment = retry_after_ms(&mut breaker, due);
    assert_eq!(moment, OPEN_MS_BASE, "a probe is out");
    breaker.record(probe, report(Some(true)), due);
    assert!(!breaker.is_open(), "the probe succeeded");
    for _ in 1..REQUESTS_MIN {
        attempt(&mut breaker, Some(false), due);
        assert!(!breaker.is_open(), "what was before counts no more");
    }
}

#[test]
fn a_probe_that_says_nothing_makes_room_for_the_next_one() {
    let mut breaker = opened();
    let due = NOW.plus(OPEN_MS_BASE);
    attempt(&mut breaker, None, due);
    let lost = breaker.admit(None, due).unwrap();
    let almost = due.plus(PROBE_MS_MAX - 1);
    assert_eq!(retry_after_ms(&mut breaker, almost), 1, "one is still out");
    let late = due.plus(PROBE_MS_MAX);
    let second = breaker.admit(None, late).unwrap();
    breaker.record(lost, report(None), late);
    assert!(breaker.admit(None, late).is_err(), "the second one is out");
    breaker.record(second, report(Some(true)), late);
    assert!(!breaker.is_open(), "the second one succeeded");
}

#[test]
fn a_probe_of_an_upstream_that_is_slow_counts_late() {
    let mut breaker = opened();
    let mut tickets = Vec::new();
    let mut now = NOW.plus(OPEN_MS_BASE);
    for _ in 0..3 {
        tickets.push(breaker.admit(None, now).unwrap());
        now = now.plus(PROBE_MS_MAX);
    }
    let first = tickets.remove(0);
    breaker.record(first, report(Some(true)), now);
    assert!(!breaker.is_open(), "it answered after all");
    for ticket in tickets {
        breaker.record(ticket, report(Some(false)), now);
    }
    assert!(!breaker.is_open(), "sent before that");
}

#[test]
fn what_was_admitted_before_it_opened_says_nothing_about_the_time_after() {
    let mut breaker = Breaker::new();
    let early: Vec<Ticket> = (0..40).map(|_| breaker.admit(None, NOW).unwrap()).collect();
    for (number, ticket) in early.into_iter().enumerate() {
        breaker.record(ticket, report(Some(number >= 20)), NOW);
    }
    assert!(breaker.is_open(), "20 failed, 20 answers came too late");
    let due = NOW.plus(OPEN_MS_BASE);
    assert!(
        breaker.admit(None, due).is_ok(),
        "not open for longer than once"
    );
}

#[test]
fn an_upstream_that_fails_again_soon_is_left_alone_for_longer() {
    for (pause_ms, open_ms) in [(0, 2_000), (OPEN_MS_MAX, 2_000), (OPEN_MS_MAX + 1, 1_000)] {
        let mut breaker = opened();
        let due = NOW.plus(OPEN_MS_BASE);
        attempt(&mut breaker, Some(true), due);
        let again = due.plus(pause_ms);
        for _ in 0..REQUESTS_MIN {
            attempt(&mut breaker, Some(false), again);
        }
        assert_eq!(
            retry_after_ms(&mut breaker, again),
            open_ms,
            "after {pause_ms} ms"
        );
    }
}

/// 10,000 requests, one each 10 ms, of an upstream that is down between 20 s and 60 s.
#[test]
fn an_upstream_that_is_down_is_hardly_asked_and_found_again_soon() {
    let mut breaker = Breaker::new();
    let (mut in_vain, mut refused, mut found_at) = (0, 0, None);
    for number in 0..10_000 {
        let now = Millis(number * 10);
        let up = !(20_000..60_000).contains(&now.0);
        match breaker.admit(None, now) {
            Ok(ticket) => {
                breaker.record(ticket, report(Some(up)), now);
                in_vain += u32::from(!up);
                if up && now.0 >= 60_000 {
                    found_at.get_or_insert(now.0);
                }
            }
            Err(_) => refused += u32::from(up),
        }
    }
    // Of the attempts of the last 10 s, half must fail: 1,000 succeeded before.
    assert!(in_vain <= 510, "{in_vain} of 4,000 in vain");
    let found_at = found_at.unwrap();
    assert!(found_at < 90_000, "found again at {found_at} ms");
    assert!(refused < 3_000, "{refused} were refused that need not be");
}

/// Lets a request of a client end so.
fn of_client(breaker: &mut Breaker, client: Option<u64>, failed: bool, now: Millis) {
    let ticket = breaker.admit(client, now).unwrap();
    let report = match failed {
        true => RequestReport::Failed,
        false => RequestReport::Answered,
    };
    breaker.record(ticket, report, now);
}

#[test]
fn failures_on_a_route_weigh_when_enough_clients_have_met_them() {
    for (clients, open) in [
        (&[Some(1)][..], false),
        (&[Some(1), Some(2)], false),
        (&[Some(1), Some(2), Some(1)], false),
        (&[Some(1), Some(2), Some(3)], true),
        (&[Some(0), Some(u64::MAX), Some(3), Some(4)], true),
        // Where nobody knows whose they are, each counts.
        (&[None], true),
        (&[Some(1), None], true),
    ] {
        let mut breaker = Breaker::of_route();
        for number in 0..10 * REQUESTS_MIN as usize {
            if breaker.is_open() {
                break;
            }
            let client = clients.iter().cycle().nth(number).copied().unwrap();
            of_client(&mut breaker, client, true, NOW);
        }
        assert_eq!(breaker.is_open(), open, "{clients:?}");
    }
}

#[test]
fn clients_count_within_the_window_and_those_that_are_served_do_not() {
    let mut breaker = Breaker::of_route();
    for client in 0..3 {
        // Each in a window of its own.
        let now = NOW.plus(client * (WINDOW_MS + BUCKET_MS));
        for _ in 0..REQUESTS_MIN {
            of_client(&mut breaker, Some(client), true, now);
        }
        assert!(!breaker.is_open(), "client {client} alone");
    }
    let mut breaker = Breaker::of_route();
    for number in 0..u64::from(REQUESTS_MIN) {
        of_client(&mut breaker, Some(number), false, NOW);
        of_client(&mut breaker, Some(100), true, NOW);
    }
    assert!(!breaker.is_open(), "one of many clients meets failures");
    for client in [101, 102] {
        of_client(&mut breaker, Some(client), true, NOW);
    }
    assert!(breaker.is_open(), "three do");
}

#[test]
fn no_client_has_to_fail_where_connections_do() {
    let mut breaker = Breaker::new();
    for _ in 0..REQUESTS_MIN {
        of_client(&mut breaker, Some(1), true, NOW);
    }
    assert!(breaker.is_open(), "nobody can bring that about");
}

/// The breaker of a route, opened at `NOW` by three clients.
fn opened_of_route() -> Breaker {
    let mut breaker = Breaker::of_route();
    for number in 0..u64::from(REQUESTS_MIN) {
        of_client(&mut breaker, Some(number % 3), true, NOW);
    }
    assert!(breaker.is_open());
    breaker
}

#[test]
fn a_client_whose_probe_fails_waits_alone_for_its_next_one() {
    let mut breaker = opened_of_route();
    let mut now = NOW.plus(OPEN_MS_BASE);
    let wait_ms = |breaker: &mut Breaker, now| {
        let open = breaker.admit(Some(7), now).unwrap_err();
        open.retry_after_ms
    };
    for seconds in [2, 4, 8, 16, 30, 30] {
        of_client(&mut breaker, Some(7), true, now);
        assert_eq!(wait_ms(&mut breaker, now), seconds * 1000);
        now = now.plus(seconds * 1000);
    }
    of_client(&mut breaker, Some(7), true, now);
    let held = breaker.admit(Some(8), now).unwrap();
    assert_eq!(
        wait_ms(&mut breaker, now),
        OPEN_MS_BASE,
        "another one probes"
    );
    assert!(breaker.admit(Some(8), now).is_err(), "one at a time");
    of_client(&mut breaker, Some(9), false, now);
    assert!(!breaker.is_open(), "the third one is served");
    breaker.record(held, RequestReport::Failed, now);
    assert!(!breaker.is_open(), "that one was sent before");
}

#[test]
fn three_probes_that_fail_keep_it_from_all_for_twice_as_long() {
    let mut breaker = opened_of_route();
    let mut now = NOW.plus(OPEN_MS_BASE);
    for seconds in [2, 4, 8] {
        for client in [7, 8, 9] {
            of_client(&mut breaker, Some(client), true, now);
        }
        for client in [Some(7), Some(10), None] {
            let open = breaker.admit(client, now).unwrap_err();
            assert_eq!(open.retry_after_ms, seconds * 1000, "{client:?}");
        }
        now = now.plus(seconds * 1000);
    }
    // Where nobody knows whose it is, it stands for all.
    of_client(&mut breaker, None, true, now);
    assert!(breaker.admit(Some(7), now).is_err());
}
