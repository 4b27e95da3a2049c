//! Rate limits in report mode.

use crate::{HOUR, Modes, Scene};
use doorward_tests::numbers::Numbers;
use doorward_tests::sim::client::Sent;
use serde_json::json;

#[test]
fn a_limit_in_report_mode_counts_and_refuses_nobody() {
    let modes = Modes {
        limit: HOUR,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        let token = scene.token(json!({}));
        for target in ["/each", "/person"] {
            for number in 0..4 {
                let (status, seen) = scene.seen(Sent::get(target).bearer(&token));
                let seen = seen.expect("it has passed");
                assert_eq!(status, 200, "{target} {number}");
                let who = seen.field("x-auth-subject");
                assert_eq!(
                    who, "alice",
                    "{target}: who asks too often is known all the same"
                );
                let over = (number >= 2).then_some("rate-limited");
                assert_eq!(scene.would(), over, "{target} {number}");
            }
            let answer = scene.send(Sent::get(target).bearer(&token));
            assert_eq!(
                answer.field("ratelimit"),
                "",
                "a client is told nothing of it"
            );
        }
    }
}

#[test]
fn a_limit_in_report_mode_makes_no_route_public() {
    let modes = Modes {
        limit: HOUR,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        let forged = scene.forged(&scene.acme);
        for target in ["/each", "/person", "/guessing"] {
            for _ in 0..6 {
                for sent in [Sent::get(target), Sent::get(target).bearer(&forged)] {
                    let (status, seen) = scene.seen(sent);
                    assert_eq!(status, 401, "{target}");
                    assert!(seen.is_none(), "{target}: nothing has passed");
                }
            }
        }
    }
}

#[test]
fn a_limit_of_guesses_in_report_mode_lets_go_on_whoever_is_genuine() {
    let modes = Modes {
        limit: HOUR,
        ..Modes::default()
    };
    let scene = Scene::new(modes);
    let forged = scene.forged(&scene.acme);
    for _ in 0..4 {
        assert_eq!(
            scene.send(Sent::get("/guessing").bearer(&forged)).status,
            401
        );
    }
    let token = scene.token(json!({}));
    assert_eq!(
        scene.send(Sent::get("/guessing").bearer(&token)).status,
        200
    );
    assert_eq!(scene.would(), Some("rate-limited"));
    let enforcing = Scene::new(Modes::default());
    for _ in 0..4 {
        enforcing.send(Sent::get("/guessing").bearer(&forged));
    }
    assert_eq!(
        enforcing.send(Sent::get("/guessing").bearer(&token)).status,
        429
    );
}

#[test]
fn limits_in_report_mode_change_nothing_of_who_is_let_through() {
    // The same policy with limits that nobody reaches.
    let free = Modes::default();
    let tried = Modes {
        limit: HOUR,
        ..Modes::default()
    };
    let mut numbers = Numbers::new(18);
    let (without, with) = (Scene::new(free), Scene::new(tried));
    let good = without.token(json!({}));
    let forged = without.forged(&without.acme);
    let mut over = 0;
    for number in 0..400 {
        let target = ["/each", "/person", "/guessing", "/public"][numbers.below(4)];
        let ask = |sent: Sent, draw: usize| match draw {
            0 => sent,
            1 => sent.bearer(&forged),
            _ => sent.bearer(&good),
        };
        let draw = numbers.below(3);
        // A client of its own each time, for who is not tried.
        let sent = ask(Sent::get(target), draw).of_client(number);
        let expected = match (target, draw) {
            ("/public", _) | (_, 2) => 200,
            _ => 401,
        };
        if target != "/person" {
            assert_eq!(without.send(sent).status, expected, "{target} {draw}");
        }
        let (status, seen) = with.seen(ask(Sent::get(target), draw));
        assert_eq!(status, expected, "{target} {draw}");
        over += usize::from(with.would() == Some("rate-limited"));
        let who = seen
            .map(|seen| seen.field("x-auth-subject"))
            .unwrap_or_default();
        let due = if target != "/public" && draw == 2 {
            "alice"
        } else {
            ""
        };
        assert_eq!(who, due, "{target} {draw}");
    }
    assert!(over > 100, "{over}");
}

#[test]
fn a_route_that_says_so_enforces_limits_that_are_in_report_mode() {
    let modes = Modes {
        policy: HOUR,
        limit: HOUR,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        for _ in 0..2 {
            assert_eq!(scene.send(Sent::get("/strict")).status, 200);
        }
        assert_eq!(scene.send(Sent::get("/strict")).status, 429);
        assert_eq!(scene.send(Sent::get("/public")).status, 200);
        assert_eq!(scene.would(), Some("rate-limited"), "they count together");
    }
}
