#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// The route of all requests but those of another one.
const ROUTE: RouteNumber = 7;
const NOW: Millis = Millis(1_000_000);
const ASIDE_MS_LONGEST: u64 = ASIDE_MS_BASE + ASIDE_MS_BASE * ASIDE_JITTER_PERCENT / 100;

fn all_but(target: usize, count: usize) -> Tried {
    let mut tried = Tried::default();
    for other in (0..count).filter(|&other| other != target) {
        tried.insert(other);
    }
    tried
}

/// A request to this target, whatever the others do.
fn ask(targets: &mut Targets, target: usize, random: &mut Random, now: Millis) -> TargetChoice {
    let mut tried = all_but(target, targets.all.len());
    targets.choose(ROUTE, &mut tried, true, random, now)
}

fn end(
    targets: &mut Targets,
    target: usize,
    outcome: TargetReport,
    random: &mut Random,
    now: Millis,
) {
    let choice = ask(targets, target, random, now);
    targets.ended(choice, outcome, random, now);
}

fn is_aside(targets: &Targets, target: usize) -> bool {
    !targets.can_fail_over(ROUTE, &all_but(target, targets.all.len()))
}

/// For how long a target is set aside now.
fn aside_ms(targets: &Targets, target: usize, now: Millis) -> u64 {
    let connections = targets.all.get(target).unwrap().connections.aside_until;
    let on_route = targets.on_route(ROUTE, target);
    let until = connections.max(on_route.and_then(|health| health.aside_until));
    until.unwrap().since(now)
}

#[test]
fn an_upstream_with_too_many_targets_is_asked_at_the_first_of_them() {
    assert_eq!(Targets::new(33).all.len(), TARGETS_MAX, "of 33 targets");
    let mut tried = Tried::default();
    tried.insert(TARGETS_MAX);
    assert_eq!(tried, Tried::default(), "a target that cannot be");
    assert!(!tried.contains(TARGETS_MAX), "a target that cannot be");
}

#[test]
fn a_request_tries_every_target_once() {
    let random = &mut Random::seeded(2);
    for count in [1, 2, 3, TARGETS_MAX] {
        for broken in [0, 1, count] {
            let mut targets = Targets::new(count);
            for target in 0..broken {
                end(&mut targets, target, TargetReport::Broken, random, NOW);
            }
            let mut tried = Tried::default();
            for _ in 0..count {
                let before = tried;
                let choice = targets.choose(ROUTE, &mut tried, true, random, NOW);
                assert!(!before.contains(choice.target), "{choice:?} was tried");
                assert!(tried.contains(choice.target), "{choice:?} is tried");
            }
            let again = targets.choose(ROUTE, &mut tried, true, random, NOW);
            let mut round = Tried::default();
            round.insert(again.target);
            assert_eq!(tried, round, "all {count} were tried, and a round begins");
        }
    }
}

#[test]
fn the_less_busy_of_two_is_asked_and_either_where_they_are_alike() {
    let random = &mut Random::seeded(3);
    let mut targets = Targets::new(2);
    let first = targets.choose(ROUTE, &mut Tried::default(), true, random, NOW);
    let second = targets.choose(ROUTE, &mut Tried::default(), true, random, NOW);
    assert_ne!(first.target, second.target, "one was busy, one was not");
    let mut counts = [0_u32; 2];
    for _ in 0..1000 {
        let choice = targets.choose(ROUTE, &mut Tried::default(), true, random, NOW);
        *counts.get_mut(choice.target).unwrap() += 1;
        targets.ended(choice, TargetReport::Success, random, NOW);
    }
    assert!(counts.iter().all(|&count| count > 400), "{counts:?}");
}

#[test]
fn a_target_is_set_aside_at_once_or_after_failures_in_a_row() {
    use TargetReport::{Broken, Failing, Success, Unknown};
    for (outcomes, aside) in [
        (&[Broken][..], true),
        (&[Failing, Failing], false),
        (&[Failing, Failing, Failing], true),
        (&[Failing, Failing, Success, Failing, Failing], false),
        (&[Failing, Failing, Unknown, Failing], true),
        (&[Unknown, Unknown, Unknown, Unknown], false),
    ] {
        let random = &mut Random::seeded(4);
        let mut targets = Targets::new(2);
        for &outcome in outcomes {
            end(&mut targets, 0, outcome, random, NOW);
        }
        assert_eq!(is_aside(&targets, 0), aside, "after {outcomes:?}");
        assert_eq!(
            targets.aside_count(ROUTE),
            usize::from(aside),
            "{outcomes:?}"
        );
        for _ in 0..100 {
            let choice = targets.choose(ROUTE, &mut Tried::default(), true, random, NOW);
            let passed_over = choice.target == 1;
            assert!(passed_over || !aside, "asked after {outcomes:?}");
            targets.ended(choice, Unknown, random, NOW);
        }
    }
}

#[test]
fn it_is_set_aside_for_twice_as_long_each_time_and_a_little_more_or_less() {
    let mut seen = Vec::new();
    for seed in 0..200 {
        let random = &mut Random::seeded(seed);
        let mut targets = Targets::new(1);
        let mut now = NOW;
        for (time, seconds) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
            end(&mut targets, 0, TargetReport::Broken, random, now);
            let ms = aside_ms(&targets, 0, now);
            let bounds = seconds * 800..=seconds * 1200;
            assert!(bounds.contains(&ms), "the {time}. time for {ms} ms");
            if time == 0 {
                seen.push(ms);
            }
            now = now.plus(ms);
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 50, "instances come back apart from each other");
    let spread = seen.last().unwrap() - seen.first().unwrap();
    assert!(spread > 350, "within {spread} ms");
}

#[test]
fn one_request_probes_it_when_its_time_is_up_and_its_success_heals_it() {
    let random = &mut Random::seeded(5);
    let mut targets = Targets::new(3);
    end(&mut targets, 0, TargetReport::Broken, random, NOW);
    let due = NOW.plus(ASIDE_MS_LONGEST);

    for _ in 0..100 {
        let careful = targets.choose(ROUTE, &mut Tried::default(), false, random, due);
        assert_ne!(careful.target, 0, "a request that cannot be repeated");
        targets.ended(careful, TargetReport::Success, random, due);
    }
    let probe = targets.choose(ROUTE, &mut Tried::default(), true, random, due);
    assert_eq!(
        (probe.target, probe.is_probe()),
        (0, true),
        "the first request"
    );
    for _ in 0..100 {
        let other = targets.choose(ROUTE, &mut Tried::default(), true, random, due);
        assert_ne!(other.target, 0, "one probe at a time");
        targets.ended(other, TargetReport::Success, random, due);
    }
    assert!(is_aside(&targets, 0), "until the probe has ended");
    targets.ended(probe, TargetReport::Success, random, due);
    assert!(!is_aside(&targets, 0), "the probe succeeded");
}

#[test]
fn a_probe_that_fails_in_either_way_sets_it_aside_for_longer() {
    for outcome in [TargetReport::Failing, TargetReport::Broken] {
        let random = &mut Random::seeded(6);
        let mut targets = Targets::new(2);
        for _ in 0..FAILURES_MAX {
            end(&mut targets, 0, outcome, random, NOW);
        }
        let due = NOW.plus(ASIDE_MS_LONGEST);
        let probe = targets.choose(ROUTE, &mut Tried::default(), true, random, due);
        targets.ended(probe, outcome, random, due);
        let ms = aside_ms(&targets, 0, due);
        assert!((1600..=2400).contains(&ms), "{outcome:?}: {ms} ms");
    }
}

#[test]
fn a_probe_that_says_nothing_makes_room_for_the_next_one() {
    let random = &mut Random::seeded(7);
    let mut targets = Targets::new(2);
    end(&mut targets, 0, TargetReport::Broken, random, NOW);
    let due = NOW.plus(ASIDE_MS_LONGEST);
    let next = |targets: &mut Targets, now| {
        targets.choose(
            ROUTE,
            &mut Tried::default(),
            true,
            &mut Random::seeded(7),
            now,
        )
    };

    let cancelled = next(&mut targets, due);
    targets.ended(cancelled, TargetReport::Unknown, random, due);
    let lost = next(&mut targets, due);
    assert!(lost.is_probe(), "after one whose client went away");

    let almost = due.plus(PROBE_MS_MAX - 1);
    assert!(!next(&mut targets, almost).is_probe(), "one is still out");
    let late = due.plus(PROBE_MS_MAX);
    let second = next(&mut targets, late);
    assert!(second.is_probe(), "after one that is lost");
    targets.ended(lost, TargetReport::Unknown, random, late);
    assert!(
        !next(&mut targets, late).is_probe(),
        "the second one is out"
    );
    targets.ended(second, TargetReport::Success, random, late);
    assert!(!is_aside(&targets, 0), "the second one heals it");
}

#[test]
fn what_was_sent_before_says_nothing_about_a_target_any_more() {
    let random = &mut Random::seeded(8);
    let mut targets = Targets::new(2);
    let before = [0; 6].map(|target| ask(&mut targets, target, random, NOW));
    let [slow, late, failing @ ..] = before;
    end(&mut targets, 0, TargetReport::Broken, random, NOW);
    let ms = aside_ms(&targets, 0, NOW);

    targets.ended(slow, TargetReport::Success, random, NOW);
    assert!(
        is_aside(&targets, 0),
        "connections of before may still work"
    );
    let due = NOW.plus(ASIDE_MS_LONGEST);
    targets.ended(late, TargetReport::Broken, random, due);
    assert_eq!(aside_ms(&targets, 0, NOW), ms, "one cause, one consequence");

    end(&mut targets, 0, TargetReport::Success, random, due);
    for choice in failing {
        targets.ended(choice, TargetReport::Broken, random, due);
    }
    assert!(!is_aside(&targets, 0), "healed after these were sent");
    assert_eq!(targets.all.first().unwrap().in_flight, 0, "all have ended");
}

#[test]
fn when_no_target_works_all_are_asked_and_their_failures_do_not_make_it_longer() {
    let random = &mut Random::seeded(9);
    let mut targets = Targets::new(3);
    for target in 0..3 {
        end(&mut targets, target, TargetReport::Broken, random, NOW);
    }
    let before = [0, 1, 2].map(|target| aside_ms(&targets, target, NOW));
    let mut counts = [0_u32; 3];
    for _ in 0..300 {
        let choice = targets.choose(ROUTE, &mut Tried::default(), true, random, NOW);
        assert!(!choice.is_probe(), "its time is not up");
        *counts.get_mut(choice.target).unwrap() += 1;
        targets.ended(choice, TargetReport::Broken, random, NOW);
    }
    assert!(counts.iter().all(|&count| count > 50), "{counts:?}");
    let after = [0, 1, 2].map(|target| aside_ms(&targets, target, NOW));
    assert_eq!(after, before, "300 requests of one moment");

    end(&mut targets, 1, TargetReport::Success, random, NOW);
    assert!(!is_aside(&targets, 1), "one that works is not left aside");
}

#[test]
fn when_no_target_works_a_request_probes_that_could_not_be_repeated() {
    for seed in 0..20 {
        let random = &mut Random::seeded(seed);
        let mut targets = Targets::new(2);
        end(&mut targets, 0, TargetReport::Broken, random, NOW);
        let later = NOW.plus(ASIDE_MS_BASE / 2);
        end(&mut targets, 1, TargetReport::Broken, random, later);
        let due = later.plus(ASIDE_MS_LONGEST);
        let choice = targets.choose(ROUTE, &mut Tried::default(), false, random, due);
        assert!(choice.is_probe(), "somebody has to");
        assert_eq!(choice.target, 0, "its time has been up for longer");
    }
}

#[test]
fn a_target_that_works_now_and_then_is_set_aside_for_longer_and_longer() {
    let random = &mut Random::seeded(11);
    let mut targets = Targets::new(2);
    let mut now = NOW;
    for _ in 0..4 {
        end(&mut targets, 0, TargetReport::Broken, random, now);
        now = now.plus(aside_ms(&targets, 0, now));
        end(&mut targets, 0, TargetReport::Success, random, now);
    }
    end(&mut targets, 0, TargetReport::Broken, random, now);
    let ms = aside_ms(&targets, 0, now);
    assert!(ms >= 12_800, "the fifth time for {ms} ms");

    now = now.plus(ms);
    for _ in 0..=DOUBLINGS_MAX {
        end(&mut targets, 0, TargetReport::Success, random, now);
    }
    end(&mut targets, 0, TargetReport::Broken, random, now);
    let ms = aside_ms(&targets, 0, now);
    assert!(ms <= ASIDE_MS_LONGEST, "after successes for {ms} ms");
}

#[test]
fn outcomes_follow_from_statuses_and_failures() {
    for (status, outcome) in [
        (200, TargetReport::Success),
        (429, TargetReport::Success),
        (500, TargetReport::Success),
        (501, TargetReport::Success),
        (502, TargetReport::Failing),
        (503, TargetReport::Failing),
        (504, TargetReport::Failing),
        (505, TargetReport::Success),
    ] {
        assert_eq!(TargetReport::of_status(status), outcome, "{status}");
    }
    let open = UpstreamFailure::BreakerOpen { retry_after_s: 1 };
    for (failure, outcome) in [
        (UpstreamFailure::Unreachable, TargetReport::Broken),
        (UpstreamFailure::ConnectTimeout, TargetReport::Broken),
        (UpstreamFailure::Tls, TargetReport::Broken),
        (UpstreamFailure::Denied, TargetReport::Broken),
        // A request that makes a server crash is not to set aside the servers that it is tried on.
        (UpstreamFailure::Reset, TargetReport::Failing),
        (UpstreamFailure::Timeout, TargetReport::Failing),
        (UpstreamFailure::Malformed, TargetReport::Failing),
        (UpstreamFailure::Deadline, TargetReport::Unknown),
        (UpstreamFailure::TooLarge, TargetReport::Success),
        (open, TargetReport::Unknown),
    ] {
        assert_eq!(TargetReport::of_failure(&failure), outcome, "{failure}");
    }
}

/// 10,000 requests, one a millisecond, each of up to three attempts. The second target dies at
/// 2,000 ms.
struct Simulation {
    /// How often each target was asked, by seconds.
    asked: [[u32; 3]; 10],
    /// How often the dead target was asked.
    in_vain: u32,
    lost: u32,
    /// When the revived target answered first.
    found_at: Option<u64>,
}

fn simulate(seed: u64, service_ms: [u64; 3], dead_ms: u64) -> Simulation {
    let random = &mut Random::seeded(seed);
    let mut targets = Targets::new(3);
    let mut pending: Vec<(Millis, TargetChoice)> = Vec::new();
    let mut simulation = Simulation {
        asked: [[0; 3]; 10],
        in_vain: 0,
        lost: 0,
        found_at: None,
    };
    let (dies_at, revives_at) = (2_000, 2_000 + dead_ms);
    for ms in 0..10_000 {
        let now = Millis(ms);
        let over = pending.extract_if(.., |(due, _)| *due <= now);
        for (_, choice) in over.collect::<Vec<_>>() {
            targets.ended(choice, TargetReport::Success, random, now);
        }
        let mut tried = Tried::default();
        let served = (0..3).any(|_| {
            let choice = targets.choose(ROUTE, &mut tried, true, random, now);
            let second = simulation.asked.get_mut(ms as usize / 1000).unwrap();
            *second.get_mut(choice.target).unwrap() += 1;
            if choice.target == 1 && (dies_at..revives_at).contains(&ms) {
                simulation.in_vain += 1;
                targets.ended(choice, TargetReport::Broken, random, now);
                return false;
            }
            if choice.target == 1 && ms >= revives_at {
                simulation.found_at.get_or_insert(ms);
            }
            let due = now.plus(*service_ms.get(choice.target).unwrap());
            pending.push((due, choice));
            true
        });
        simulation.lost += u32::from(!served);
    }
    simulation
}

#[test]
fn a_target_that_dies_costs_few_requests_and_is_found_again_soon() {
    // It is looked for after 1 s, 2 s more and 4 s more, and a fifth later at worst.
    for (dead_ms, within_ms) in [(500, 700), (2_000, 1_600), (3_000, 4_800)] {
        for seed in 0..50 {
            let simulation = simulate(seed, [10; 3], dead_ms);
            let of = format!("seed {seed}, dead for {dead_ms} ms");
            assert_eq!(simulation.lost, 0, "{of}: no request is lost");
            let in_vain = simulation.in_vain;
            assert!(in_vain <= 3, "{of}: {in_vain} requests in vain");
            let found_ms = simulation.found_at.unwrap() - 2_000 - dead_ms;
            // The last request before it died may have come a few milliseconds later.
            assert!(
                found_ms <= within_ms + 10,
                "{of}: found after {found_ms} ms"
            );
            for second in [0, 1, 8, 9] {
                let counts = simulation.asked.get(second).unwrap();
                let even = counts.iter().all(|count| (270..=400).contains(count));
                let missed = second > 1 && dead_ms == 3_000;
                assert!(even || missed, "{of}, second {second}: {counts:?}");
            }
        }
    }
}

#[test]
fn a_target_that_is_slower_is_asked_less() {
    let simulation = simulate(1, [5, 50, 5], 0);
    let asked = |target| {
        let seconds = simulation.asked.iter();
        seconds.filter_map(|counts| counts.get(target)).sum::<u32>()
    };
    let [first, slow, third] = [asked(0), asked(1), asked(2)];
    assert!(
        slow * 2 < first && slow * 2 < third,
        "asked {first}, {slow} and {third} times"
    );
}

const OTHER: RouteNumber = 8;

/// Lets a request of this route to this target report something.
fn tell(
    targets: &mut Targets,
    route: RouteNumber,
    target: usize,
    report: TargetReport,
    random: &mut Random,
) {
    let mut tried = all_but(target, targets.all.len());
    let choice = targets.choose(route, &mut tried, true, random, NOW);
    assert_eq!(choice.target, target, "the only one that is left");
    targets.ended(choice, report, random, NOW);
}

#[test]
fn a_target_that_fails_on_one_route_is_asked_on_all_others() {
    let random = &mut Random::seeded(11);
    let mut targets = Targets::new(2);
    for _ in 0..100 {
        tell(&mut targets, ROUTE, 0, TargetReport::Failing, random);
    }
    assert_eq!(
        targets.aside_count(ROUTE),
        1,
        "on the route on which it fails"
    );
    assert_eq!(targets.aside_count(OTHER), 0, "on another one");
    let mut counts = [0_u32; 2];
    for _ in 0..1000 {
        let choice = targets.choose(OTHER, &mut Tried::default(), true, random, NOW);
        *counts.get_mut(choice.target).unwrap() += 1;
        targets.ended(choice, TargetReport::Success, random, NOW);
    }
    assert!(counts.iter().all(|&count| count > 400), "{counts:?}");
    assert_eq!(
        targets.aside_count(ROUTE),
        1,
        "a success elsewhere says nothing"
    );
}

#[test]
fn a_target_that_cannot_be_reached_is_asked_on_no_route_and_found_again_by_any() {
    let random = &mut Random::seeded(12);
    let mut targets = Targets::new(2);
    tell(&mut targets, ROUTE, 0, TargetReport::Broken, random);
    for route in [ROUTE, OTHER] {
        assert_eq!(targets.aside_count(route), 1, "route {route}");
        let mut tried = Tried::default();
        let choice = targets.choose(route, &mut tried, true, random, NOW);
        assert_eq!(choice.target, 1, "route {route}");
        targets.ended(choice, TargetReport::Success, random, NOW);
    }
    let due = NOW.plus(ASIDE_MS_LONGEST);
    let probe = targets.choose(OTHER, &mut Tried::default(), true, random, due);
    assert!(probe.target == 0 && probe.is_probe(), "{probe:?}");
    // What it thinks of the request is the route's business: a connection has come about.
    targets.ended(probe, TargetReport::Failing, random, due);
    assert_eq!(targets.aside_count(ROUTE), 0, "it can be reached");
}

#[test]
fn a_target_that_is_set_aside_twice_over_is_probed_when_both_times_are_up() {
    let random = &mut Random::seeded(13);
    let mut targets = Targets::new(2);
    for _ in 0..FAILURES_MAX {
        tell(&mut targets, ROUTE, 0, TargetReport::Failing, random);
    }
    let later = NOW.plus(ASIDE_MS_BASE / 2);
    let mut tried = all_but(0, 2);
    let choice = targets.choose(OTHER, &mut tried, true, random, later);
    targets.ended(choice, TargetReport::Broken, random, later);
    let on_route = targets.on_route(ROUTE, 0).unwrap().aside_until.unwrap();
    let of_connections = targets.all.first().unwrap().connections.aside_until;
    let of_connections = of_connections.unwrap();
    let chosen = |targets: &mut Targets, route, now| {
        let choice = targets.choose(
            route,
            &mut Tried::default(),
            true,
            &mut Random::seeded(1),
            now,
        );
        let target = choice.target;
        targets.ended(choice, TargetReport::Unknown, &mut Random::seeded(1), now);
        target
    };
    let (first, last) = (on_route.min(of_connections), on_route.max(of_connections));
    assert!(first < last, "they are drawn");
    assert_eq!(chosen(&mut targets, ROUTE, first), 1, "one time is not up");
    assert_eq!(chosen(&mut targets, ROUTE, last), 0, "both times are up");
    assert_eq!(
        chosen(&mut targets, OTHER, of_connections),
        0,
        "another route"
    );
}
