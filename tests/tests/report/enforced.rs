//! What is enforced in any mode, and after it.

use crate::{HOUR, Modes, Scene, is_of_nobody};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::world::BEGIN_S;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_mode_ends_by_itself() {
    for place in 0..4 {
        let mode = |of: usize| if of == place { HOUR } else { "" };
        let modes = Modes {
            policy: mode(0),
            issuer: mode(1),
            limit: mode(2),
            route: mode(3),
        };
        let scene = Scene::new(modes);
        let forged = scene.forged(&scene.new);
        let ask = || match place {
            1 => Sent::get("/both").bearer(&forged),
            2 => Sent::get("/public"),
            _ => Sent::get("/items/7"),
        };
        // What the limit allows.
        for _ in 0..2 {
            scene.send(Sent::get("/public"));
        }
        assert_eq!(scene.send(ask()).status, 200, "{place}");
        assert!(scene.would().is_some(), "{place}");
        scene.passes(Duration::from_secs(3598));
        if place != 2 {
            assert_eq!(scene.send(ask()).status, 200, "{place}: just before");
        }
        scene.passes(Duration::from_secs(2));
        scene.send(Sent::get("/public"));
        let refused = if place == 2 {
            // By now there is room again, for two.
            scene.send(ask());
            scene.send(ask());
            429
        } else {
            401
        };
        assert_eq!(scene.send(ask()).status, refused, "{place}: it has ended");
        assert_eq!(scene.would(), None, "{place}");
    }
}

#[test]
fn a_clock_that_shows_nothing_to_go_by_ends_every_mode() {
    let modes = Modes {
        policy: HOUR,
        issuer: HOUR,
        limit: HOUR,
        route: HOUR,
    };
    let scene = Scene::new(modes);
    assert_eq!(scene.send(Sent::get("/items/7")).status, 200);
    let begin = i64::try_from(BEGIN_S).expect("a time");
    scene.stage.world.set_clock(-begin);
    assert!(scene.stage.world.wall_s() < 60, "1970");
    assert_eq!(scene.send(Sent::get("/items/7")).status, 401);
    assert_eq!(scene.send(Sent::get("/nowhere")).status, 403);
}

#[test]
fn bounds_and_framing_are_enforced_in_any_mode() {
    let modes = Modes {
        policy: HOUR,
        issuer: HOUR,
        limit: HOUR,
        route: HOUR,
    };
    for scene in Scene::all(modes) {
        let plain = |target: &str, body: &str| {
            Sent::post(target, body)
                .field("content-type", "text/plain")
                .with_length()
        };
        let many = (0..30).fold(Sent::get("/items/7"), |sent, number| {
            sent.field(&format!("x-{number}"), "1")
        });
        for (sent, status) in [
            (plain("/items/7", "more than ten"), 413),
            (plain("/nowhere", "more than ten"), 413),
            (
                Sent::post("/items/7", "short")
                    .field("content-type", "image/png")
                    .with_length(),
                415,
            ),
            (many, 431),
            (Sent::get(&format!("/items/{}", "7".repeat(1000))), 414),
            (Sent::get("/items/%2e%2e/both"), 400),
            (Sent::get("/items//7"), 400),
            (Sent::get("/items/7").bearer("a").bearer("b"), 400),
            (
                Sent::get("/items/7").field("x-api-key", "a").bearer("b"),
                400,
            ),
            (
                Sent::get("/items/7")
                    .field("upgrade", "websocket")
                    .field("sec-websocket-key", "x"),
                501,
            ),
        ] {
            let (found, seen) = scene.seen(sent);
            assert_eq!(found, status);
            assert!(seen.is_none(), "{status}: nothing has passed");
            assert_eq!(scene.would(), None, "{status}");
        }
        // What declares no length is seen to be too large on its way, whoever sends it.
        let sent = Sent::post("/items/7", "more than ten").field("content-type", "text/plain");
        assert_eq!(scene.send(sent).status, 413);
        assert_eq!(scene.would(), Some("no-credential"));
    }
}

#[test]
fn only_a_token_that_names_the_issuer_in_report_mode_passes() {
    let modes = Modes {
        issuer: HOUR,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        let (old, new) = (scene.forged(&scene.acme), scene.forged(&scene.new));
        let (status, seen) = scene.seen(Sent::get("/both").bearer(&new));
        assert_eq!(status, 200);
        is_of_nobody(&scene, &seen.expect("it has passed"), "of the new issuer");
        for sent in [
            Sent::get("/both"),
            Sent::get("/both").bearer(&old),
            Sent::get("/both").bearer("new.example"),
            Sent::get("/items/7").bearer(&new),
            Sent::get("/items/7").field("x-api-key", "nobody's"),
        ] {
            let (status, seen) = scene.seen(sent);
            assert_eq!(status, 401);
            assert!(seen.is_none(), "nothing has passed");
        }
        // Its keys cannot be had: that is because of it. Those of the other one cannot be had either, and count.
        scene.new.publish(&[]);
        let second = scene.new.token_by("second", &scene.stage.world, json!({}));
        for origin in ["new.example", "acme.example"] {
            scene.stage.world.vanish(origin);
        }
        let (status, _) = scene.seen(Sent::get("/both").bearer(&second));
        assert_eq!(status, 200);
    }
}
