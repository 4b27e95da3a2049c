//! One of three origins is killed and revived under load.

use crate::load::Load;
use crate::{Origins, REPEATABLE, ok, trust, upstream};
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::issuer::Issuer;
use serde_json::json;
use std::time::Duration;

const CLIENTS: usize = 24;
const ROUNDS: usize = 3;
const NAMES: [&str; 3] = ["one", "two", "three"];

fn requests(token: &str) -> Vec<Sent> {
    let put = |pieces| {
        Sent::new("PUT", "/u/a")
            .bearer(token)
            .pieces(pieces, Duration::ZERO)
    };
    vec![
        Sent::get("/u/a").bearer(token),
        put(vec![vec![b'x'; 1000]]).with_length(),
        Sent::get("/u/a").bearer(token),
        Sent::new("DELETE", "/u/a").bearer(token),
        put(vec![b"he".to_vec(), b"llo".to_vec()]),
    ]
}

#[test]
fn killing_and_reviving_one_of_three_origins_under_load_loses_no_request_that_may_be_repeated() {
    for seed in 1..=3 {
        check_that_no_request_is_lost(seed);
    }
}

fn check_that_no_request_is_lost(seed: u64) {
    let origins = Origins::shuffled(seed);
    let issuer = Issuer::at(&origins.world, "issuer.example", "first");
    let three = NAMES.map(|name| origins.origin(name, ok("ok").after(Duration::from_millis(5))));
    let policy = format!(
        "{}{}[[route]]\npath = \"/**\"\nissuer = [\"test\"]\nscope = [\"read\"]\nupstream = \"u\"\n{REPEATABLE}\n",
        trust(&issuer),
        upstream("u", &NAMES, "")
    );
    let stage = origins.many(&policy);
    let token = issuer.token_by("first", &origins.world, json!({ "scope": "read" }));
    let load = Load::start(&stage, requests(&token), CLIENTS);
    load.until_more(100);
    for round in 0..ROUNDS {
        let victim = &three[round % 3];
        assert!(victim.open() > 0, "round {round}: it is asked just now");
        victim.stop();
        load.until_more(100);
        victim.revive();
        let before = victim.count();
        load.until_more(100);
        stage.until("the revived origin is asked again", || {
            victim.count() > before + 10
        });
    }
    let tally = load.stop();
    assert_eq!(
        tally.all_but(200),
        0,
        "seed {seed}: {tally:?}\n{}",
        stage.log()
    );
    assert!(tally.count() >= ROUNDS * 200, "{tally:?}");
    let told = stage.told("upstream-failed");
    assert!(
        told >= 2 * ROUNDS,
        "origins were killed while they were asked"
    );
}
