//! What would be refused passes as nobody's, and what would not be, as ever.

use crate::{HOUR, Modes, OURS, Scene, is_of_nobody};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::Reply;
use doorward_tests::sim::store::Calls;
use serde_json::json;

#[test]
fn what_a_route_in_report_mode_would_refuse_passes_as_nobody() {
    let modes = Modes {
        route: HOUR,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        let narrow = scene.token(json!({ "scope": "write" }));
        let forged = scene.forged(&scene.acme);
        let bare = || {
            Sent::get("/items/7")
                .field("x-auth-subject", "root")
                .field("x-app-token", "root")
        };
        for (sent, class) in [
            (bare(), "no-credential"),
            (bare().bearer(&narrow), "insufficient-scope"),
            (bare().bearer(&forged), "invalid-token"),
            (bare().field("x-api-key", "nobody's"), "invalid-credential"),
            (
                bare().field("cookie", format!("session={forged}")),
                "invalid-token",
            ),
            (
                Sent::get(&format!("/items/7?token={forged}")),
                "invalid-token",
            ),
        ] {
            let (status, seen) = scene.seen(sent);
            assert_eq!(status, 200, "{class}");
            assert_eq!(scene.would(), Some(class));
            is_of_nobody(&scene, &seen.expect("it has passed"), class);
        }
        let told = scene.told("would-refuse");
        assert_eq!(told.len(), 6, "{told:#?}");
        assert_eq!(scene.told("refused"), [], "nobody was");
    }
}

#[test]
fn what_would_be_admitted_passes_as_ever() {
    let modes = Modes {
        policy: HOUR,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        let token = scene.token(json!({}));
        let key = scene.key.clone();
        for sent in [
            Sent::get("/items/7").bearer(&token),
            Sent::get("/items/7").field("x-api-key", &key),
        ] {
            let (status, seen) = scene.seen(sent);
            let seen = seen.expect("it has passed");
            assert_eq!(status, 200);
            assert_ne!(seen.field("x-auth-subject"), "");
            assert_eq!(scene.would(), None);
        }
        assert_eq!(scene.told("would-refuse"), []);
    }
}

#[test]
fn the_gateway_shows_its_own_credential_for_nobody_neither_to_an_upstream_nor_to_a_mirror() {
    let modes = Modes {
        route: HOUR,
        ..Modes::default()
    };
    let scene = Scene::new(modes);
    let token = scene.token(json!({}));
    for (sent, ours) in [
        (Sent::get("/items/7").bearer(&token), OURS),
        (Sent::get("/items/7").field("x-app-token", "guessed"), ""),
    ] {
        scene.copy.forget();
        let (_, seen) = scene.seen(sent);
        let seen = seen.expect("it has passed");
        assert_eq!(seen.field("x-app-token"), ours);
        scene
            .stage
            .until("the mirror has it", || scene.copy.count() == 1);
        let copy = scene.copy.seen().pop().expect("a copy");
        assert_eq!(copy.field("x-app-token"), ours);
    }
}

#[test]
fn keys_and_a_store_that_cannot_be_had_refuse_nobody() {
    let revocation = format!("{HOUR}[revocation]\n");
    let modes = Modes {
        policy: &revocation,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        let token = scene.token(json!({}));
        let store = scene.stage.world.store("default");
        store.calls(Calls::Fail);
        let (status, seen) = scene.seen(Sent::get("/items/7").bearer(&token));
        assert_eq!(status, 200);
        assert_eq!(scene.would(), Some("store-unavailable"));
        is_of_nobody(&scene, &seen.expect("it has passed"), "no store");

        scene.stage.world.vanish("new.example");
        let new = scene.new.token_by("second", &scene.stage.world, json!({}));
        let (status, seen) = scene.seen(Sent::get("/both").bearer(&new));
        assert_eq!(status, 200);
        assert_eq!(scene.would(), Some("keys-unavailable"));
        is_of_nobody(&scene, &seen.expect("it has passed"), "no keys");
    }
}

#[test]
fn an_answer_to_nobody_is_kept_by_no_cache_that_others_share() {
    let modes = Modes {
        route: HOUR,
        ..Modes::default()
    };
    for scene in Scene::all(modes) {
        scene
            .app
            .always(Reply::default().field("cache-control", "public, max-age=60"));
        let answer = scene.send(Sent::get("/items/7"));
        assert_eq!(answer.status, 200);
        let said = answer.field("cache-control");
        assert!(
            !said.contains("public") && said.contains("private"),
            "{said}"
        );
    }
}
