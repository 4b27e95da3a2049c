//! A body that does not come, or too slowly: its client is waited for as long as the policy says. Who is slow besides,
//! the client is not blamed for.

use crate::{Front, class, fronts, status};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::Reply;
use std::time::Duration;

/// The limits of the routes of the same names. `public` has none.
const LIMITS: [(&str, &str); 6] = [
    ("public", ""),
    ("lifted", "body_time_max_s = 0\nbody_rate_min = 0"),
    ("short", "body_time_max_s = 20"),
    ("long", "body_time_max_s = 0"),
    ("fast", "body_rate_min = 1000"),
    ("idle", "body_rate_min = 0"),
];

fn policy() -> String {
    let rule = |(name, lines): (&str, &str)| {
        let route = format!("[[route]]\npath = \"/{name}\"\npublic = true\n");
        match lines {
            "" => route,
            _ => format!("[limits.{name}]\n{lines}\n{route}limits = \"{name}\"\n"),
        }
    };
    LIMITS.map(rule).concat()
}

/// So many pieces of so many bytes, each after so many seconds.
fn trickle(target: &str, count: usize, bytes: usize, pause_s: u64) -> Sent {
    let pieces = vec![vec![b'x'; bytes]; count];
    Sent::new("POST", target).pieces(pieces, Duration::from_secs(pause_s))
}

/// What `sent` is answered with, and after how many seconds.
fn answered(front: &Front, sent: Sent, expected: u16, what: &str) -> u64 {
    let clock = &front.stage.world.executor;
    let began = clock.now();
    let answer = front.send(sent);
    status(&answer, expected, &format!("{}: {what}", front.what));
    if expected == 408 {
        assert_eq!(class(&answer), "request-timeout", "{what}");
    }
    (clock.now() - began).as_secs()
}

#[test]
fn a_client_that_sends_too_slowly_is_waited_for_as_long_as_the_policy_says() {
    for front in fronts(&policy()) {
        for (what, sent, within_s) in [
            ("a byte in 8 s", trickle("/public", 1000, 1, 8), 30..=31),
            (
                "its length known",
                trickle("/public", 1000, 1, 8).with_length(),
                30..=31,
            ),
            ("half the rate", trickle("/public", 1000, 250, 1), 59..=61),
            (
                "at the rate, for ever",
                trickle("/public", 1000, 500, 1),
                600..=601,
            ),
            ("a shorter time", trickle("/short", 1000, 4000, 1), 20..=21),
            ("a higher rate", trickle("/fast", 1000, 500, 1), 59..=61),
            ("any rate", trickle("/idle", 1000, 1, 8), 600..=601),
            (
                "a fast beginning",
                {
                    let mut pieces = vec![vec![b'x'; 60_000]];
                    pieces.extend(vec![vec![b'x']; 100]);
                    Sent::new("POST", "/public").pieces(pieces, Duration::from_secs(8))
                },
                38..=39,
            ),
        ] {
            let after_s = answered(&front, sent, 408, what);
            assert!(
                within_s.contains(&after_s),
                "{}: {what}: {after_s} s",
                front.what
            );
        }
    }
}

#[test]
fn a_route_lifts_what_its_clients_need() {
    for front in fronts(&policy()) {
        for (what, sent, due_s) in [
            ("within all", trickle("/public", 500, 500, 1), 500),
            ("slow, within the grace", trickle("/public", 3, 1, 9), 27),
            ("lifted in all", trickle("/long", 2000, 500, 1), 2000),
            ("both", trickle("/lifted", 1000, 1, 8), 8000),
        ] {
            let after_s = answered(&front, sent, 200, what);
            assert_eq!(after_s, due_s, "{}: {what}", front.what);
        }
    }
}

#[test]
fn who_does_not_read_makes_no_client_slow() {
    for front in fronts(&policy()) {
        let slowly = Reply::default().reading_slowly(Duration::from_secs(2));
        front.behind.answers(move |_, _| slowly.clone());
        let megabytes = trickle("/public", 64, 64 * 1024, 0);
        let after_s = answered(&front, megabytes, 200, "a slow reader");
        // Twice as long as a client may be behind.
        assert!(after_s > 60, "{}: {after_s} s", front.what);
    }
}
