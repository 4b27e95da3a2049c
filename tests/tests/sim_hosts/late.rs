//! Stores that are read late, and clocks that are set back.

use crate::scene::{Scene, WAYS};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::origin::Reply;
use doorward_token::UnixTime;
use doorward_token::revocation::RevocationEntry;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_store_that_is_read_late_shows_what_was_written_within_its_lag() {
    for lag_s in [0, 1, 30] {
        let scene = Scene::new(1, false, |_| ());
        scene.is_served("GET", "/signed", "before");
        let store = scene.world.store("default");
        store.lag.set(Duration::from_secs(lag_s));
        let token = scene.issuer.token_by("first", &scene.world, json!({}));
        let now = UnixTime(scene.world.wall_s());
        let name =
            RevocationEntry::subject(&scene.issuer.url, "alice", now, UnixTime(now.0 + 3600))
                .name();
        store.put(&name, "");
        let status = || scene.status_of(Sent::get("/signed").bearer(&token));
        // `refresh_s` is 5.
        let promised = Duration::from_secs(lag_s + 6);
        let begun = scene.world.executor.now();
        let mut last = status();
        while scene.world.executor.now() - begun < promised {
            let next = status();
            assert!(next >= last, "what is revoked is so from then on");
            last = next;
        }
        assert_eq!(status(), 401, "a lag of {lag_s} s");
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_out_for_long_and_asks_for_little() {
    for back_s in [1, 60, 3_600, 86_400, 40_000_000] {
        for (method, target) in WAYS {
            let scene = Scene::new(1, false, |_| ());
            scene.is_served(method, target, "before");
            let asked = scene.issuer.origin.count();
            scene.world.set_clock(-back_s);
            scene.says_active();
            // A limit admits nothing more for it, but goes on at its pace.
            drop(scene.begin(scene.sent(method, target)));
            scene.world.executor.run_for(Duration::from_secs(1));
            let what = format!("{target}, {back_s} s back");
            for _ in 0..5 {
                scene.is_served_now(method, target, &what);
            }
            let asked = scene.issuer.origin.count() - asked;
            assert!(asked <= 2, "{what}: the keys were asked for {asked} times");
        }
    }
}

#[test]
fn what_an_issuer_says_of_an_opaque_token_is_not_kept_for_longer_when_the_clock_is_set_back() {
    for back_s in [61, 3_600, 86_400] {
        let scene = Scene::new(1, false, |_| ());
        let says = |active: bool| {
            let exp = scene.world.wall_s() + 3600;
            let says = json!({
                "active": active, "iss": "https://opaque.example", "aud": "api", "sub": "bob",
                "exp": exp, "iat": exp - 200_000,
            });
            let reply = Reply::default().field("content-type", "application/json");
            scene.opaque.always(reply.body(says.to_string()));
        };
        for active in [true, false, true] {
            says(active);
            let status = if active { 200 } else { 401 };
            let what = format!("{active}, {back_s} s back");
            // Shares of questions are used up then, and come back at their pace.
            let asked = || Some(scene.status("/opaque")).filter(|status| *status != 429);
            let told = (0..20).find_map(|_| asked());
            assert_eq!(told, Some(status), "{what}");
            scene.world.set_clock(-back_s);
        }
    }
}

#[test]
fn what_is_revoked_stays_so_when_the_clock_is_set_back() {
    let scene = Scene::new(1, false, |_| ());
    let token = scene.issuer.token_by(
        "first",
        &scene.world,
        json!({ "iat": scene.world.wall_s() - 300 }),
    );
    scene.is_served("GET", "/signed", "before");
    let now = UnixTime(scene.world.wall_s());
    let name =
        RevocationEntry::subject(&scene.issuer.url, "alice", now, UnixTime(now.0 + 3600)).name();
    scene.world.store("default").put(&name, "");
    scene.world.executor.run_for(Duration::from_secs(6));
    scene.world.set_clock(-120);
    for _ in 0..3 {
        let status = scene.status_of(Sent::get("/signed").bearer(&token));
        assert_eq!(status, 401);
    }
}
