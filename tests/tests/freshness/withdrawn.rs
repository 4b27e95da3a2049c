//! Keys that their issuer publishes no longer, or has lost: what the newest set says holds at once where it
//! was fetched, and everywhere else when the record is next read.

use crate::api::app::AppSpec;
use crate::api::client::Ask;
use crate::api::clocked::{
    all_events, clock, events, first_event, get, start, start_forgetful, stored, until,
    until_settled,
};
use crate::api::gated::status;
use crate::api::host::{Host, InProcess, Running};
use crate::api::issuer::{Behaviour, Issuer, Key};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{FRESH_S, policy};
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![
    keys_end_at_once_where_a_token_with_another_key_tells_of_a_new_set,
    a_shared_secret_beside_public_keys_is_left_out,
    ; in_process:
    a_set_in_which_nothing_can_be_used_ends_the_keys_before_it_and_a_mistake_lasts_seconds,
    withdrawn_keys_do_not_come_back_while_the_issuer_is_down,
    withdrawn_keys_end_in_another_host_when_freshness_ends_at_the_latest,
    a_key_published_with_its_private_half_is_unusable_from_then_on,
    what_is_no_key_set_withdraws_nothing,
];

const NAME: &str = "doorward/keys/test";

fn set(keys: &[Value]) -> Behaviour {
    let text = json!({ "keys": keys }).to_string();
    Behaviour::Content("application/json", text.into_bytes())
}

/// A key as it is published, with these members added.
fn listed(key: &Key, more: Value) -> Value {
    let set: Value = serde_json::from_str(&key.key_set()).unwrap();
    let mut jwk = set["keys"][0].clone();
    for (name, value) in more.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

/// Sets in which nothing can be used, and what the log says of each.
fn useless(key: &Key) -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("the key set is empty", vec![]),
        (
            "2 left out, the first: keys[0] (\"ed-1\"): `use` is not `sig`",
            vec![listed(key, json!({"use": "enc"})), json!(7)],
        ),
        (
            "1 left out, the first: keys[0] (\"ed-1\"): the key is private",
            vec![listed(key, json!({"d": "AQ"}))],
        ),
        (
            "1 left out, the first: keys[0]: the key is a shared secret",
            vec![json!({"kty": "oct", "k": "AQAB"})],
        ),
    ]
}

fn retry_after_s(answer: &crate::api::client::Answer) -> u64 {
    let value = answer.header("retry-after").expect("when to come back");
    value.parse().unwrap()
}

async fn a_set_in_which_nothing_can_be_used_ends_the_keys_before_it_and_a_mistake_lasts_seconds() {
    for (reason, keys) in useless(&Key::ed25519("ed-1")) {
        let clock = clock(&InProcess);
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.keys_come_with(&[("cache-control", "max-age=86400")]);
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = start(&app, &clock).await;
        let token = issuer.token("alice", "read");
        for round in ["verified", "remembered"] {
            status(&get(&running, "/a", &token).await, 200, round);
        }
        issuer.keys_behave(set(&keys));
        let mut claims = issuer.claims("alice", "read");
        claims["exp"] = (clock.now() + 200_000).into();
        let later = issuer.key().sign(&claims);
        clock.advance(86_400).await;
        // The first ones may be served while the set is fetched.
        let ask = Ask::get("/a").bearer(&later);
        until_settled(&running, &ask, 503, 200, reason).await;
        for token in [&later, &issuer.token("bob", "read")] {
            let answer = get(&running, "/a", token).await;
            status(&answer, 503, reason);
            let seconds = retry_after_s(&answer);
            assert!(
                (1..=5).contains(&seconds),
                "{reason}: come back in {seconds} s"
            );
        }
        let told = events(&running, "keys-unavailable");
        assert_eq!(told[0]["level"], "error", "{told:?}");
        assert_eq!(told[0]["state"], "unusable", "{told:?}");
        let said = told[0]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "the log says why: {said}");
        let asked = issuer.key_requests();
        clock.advance(4).await;
        status(&get(&running, "/a", &later).await, 503, "a little later");
        assert_eq!(issuer.key_requests(), asked, "it is not asked all the time");

        issuer.keys_behave(Behaviour::Good);
        clock.advance(1).await;
        let answer = get(&running, "/a", &later).await;
        status(&answer, 200, "seconds later, when the mistake is mended");
    }
}

async fn withdrawn_keys_do_not_come_back_while_the_issuer_is_down() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "before");
    issuer.keys_behave(set(&[]));
    clock.advance(FRESH_S).await;
    let ask = Ask::get("/a").bearer(&issuer.token("alice", "read"));
    until_settled(&running, &ask, 503, 200, "withdrawn").await;
    until("the record tells of it", || {
        stored(&app, NAME).is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("[]"))
    })
    .await;
    for behaviour in [Behaviour::Close, Behaviour::Status(500)] {
        issuer.all_behave(&behaviour);
        let fresh = start_forgetful(&app, &clock).await;
        for advance_s in [5, 60, 600, 3600] {
            clock.advance(advance_s).await;
            for host in [&running, &fresh] {
                let answer = get(host, "/a", &issuer.token("alice", "read")).await;
                status(&answer, 503, &format!("{behaviour:?}, {advance_s} s later"));
            }
        }
    }
    issuer.all_behave(&Behaviour::Good);
    clock.advance(60).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "published again");
}

async fn withdrawn_keys_end_in_another_host_when_freshness_ends_at_the_latest() {
    let stays = Key::ed25519("stays");
    for keys in [vec![], vec![listed(&stays, json!({}))]] {
        let clock = clock(&InProcess);
        let issuer = Issuer::start_with_clock(&clock).await;
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let (first, second) = (start(&app, &clock).await, start(&app, &clock).await);
        let token = issuer.token("alice", "read");
        for host in [&first, &second] {
            status(&get(host, "/a", &token).await, 200, "before");
        }
        clock.advance(10).await;
        issuer.keys_behave(set(&keys));
        let unknown = Key::ed25519("unknown").sign(&issuer.claims("mallory", "read"));
        let answer = get(&first, "/a", &unknown).await;
        assert_ne!(answer.status, 200, "a stranger's token");
        assert_ne!(get(&first, "/a", &token).await.status, 200, "at once");
        until("the record tells of it", || {
            stored(&app, NAME)
                .is_some_and(|bytes| !String::from_utf8_lossy(&bytes).contains("ed-1"))
        })
        .await;
        issuer.all_behave(&Behaviour::Close);
        clock.advance(FRESH_S - 11).await;
        let answer = get(&second, "/a", &token).await;
        status(&answer, 200, "the second host has fresh keys");
        clock.advance(1).await;
        for subject in ["alice", "bob", "carol"] {
            for token in [&token, &issuer.token(subject, "read")] {
                let answer = get(&second, "/a", token).await;
                status(&answer, 503, "from then on, while the issuer is down");
            }
        }
        if !keys.is_empty() {
            let token = stays.sign(&issuer.claims("dave", "read"));
            let answer = get(&second, "/a", &token).await;
            status(&answer, 200, "the key that is listed");
        }
    }
}

async fn keys_end_at_once_where_a_token_with_another_key_tells_of_a_new_set(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let mut spec = AppSpec::gated("echo", policy(&issuer));
    // Without the store as well.
    spec.stores = vec![];
    let app = spec.write();
    let running = start(&app, &clock).await;
    let withdrawn = issuer.key();
    let token = issuer.token("alice", "read");
    status(&get(&running, "/a", &token).await, 200, "before");
    issuer.publish(vec![Key::ed25519("new")]);
    let answer = get(&running, "/a", &issuer.token("bob", "read")).await;
    status(&answer, 200, "a token of the new key");
    for round in ["remembered", "remembered, again"] {
        status(&get(&running, "/a", &token).await, 401, round);
    }
    let answer = get(
        &running,
        "/a",
        &withdrawn.sign(&issuer.claims("bob", "read")),
    )
    .await;
    status(&answer, 401, "another token of the withdrawn key");
}

/// Asks until the instance has this answer for a token of the key, and then once more for a new token.
async fn ends(running: &Running, issuer: &Issuer, key: &Key, expected: u16, what: &str) {
    let token = key.sign(&issuer.claims("alice", "read"));
    let ask = Ask::get("/a").bearer(&token);
    until_settled(running, &ask, expected, 200, what).await;
    let token = key.sign(&issuer.claims("bob", "read"));
    status(&get(running, "/a", &token).await, expected, what);
}

async fn a_key_published_with_its_private_half_is_unusable_from_then_on() {
    for lost in [Key::ed25519("lost"), Key::p256("lost"), Key::rsa("lost")] {
        let clock = clock(&InProcess);
        let issuer = Issuer::start_with_clock(&clock).await;
        let stays = Key::p256("stays");
        issuer.publish(vec![lost.clone(), stays.clone()]);
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = start(&app, &clock).await;
        let what = lost.algorithm();
        for key in [&lost, &stays] {
            let token = key.sign(&issuer.claims("alice", "read"));
            status(&get(&running, "/a", &token).await, 200, what);
        }
        let (public, other) = (listed(&lost, json!({})), listed(&stays, json!({})));
        let renamed = listed(&lost, json!({"kid": "renamed"}));
        let private = listed(&lost, json!({"d": "AQ"}));
        let sets = [
            (
                "with its private half",
                vec![private.clone(), other.clone()],
            ),
            (
                "beside without it",
                vec![renamed.clone(), private, public.clone(), other.clone()],
            ),
            ("without it again", vec![public, other.clone()]),
            ("by another name", vec![renamed, other]),
        ];
        for (how, keys) in sets {
            issuer.keys_behave(set(&keys));
            clock.advance(FRESH_S).await;
            let what = format!("{what} {how}");
            ends(&running, &issuer, &lost, 401, &what).await;
            let token = stays.sign(&issuer.claims("alice", "read"));
            let answer = get(&running, "/a", &token).await;
            status(&answer, 200, &format!("{what}: the other key"));
            let told = events(&running, "key-exposed");
            assert_eq!(told.last().unwrap()["level"], "error", "{what}");
        }
        let told = events(&running, "key-exposed");
        let said = told[0]["reason"].as_str().unwrap();
        assert!(said.contains("lost"), "which it is: {said}");
        until("the record is written", || {
            stored(&app, NAME)
                .is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("renamed"))
        })
        .await;
        // Another host knows it from the record, and so does one that fetches the keys itself.
        for advance_s in [0, FRESH_S] {
            clock.advance(advance_s).await;
            let other = start(&app, &clock).await;
            let token = lost.sign(&issuer.claims("alice", "read"));
            let renamed = lost.named("renamed").sign(&issuer.claims("alice", "read"));
            for token in [&token, &renamed] {
                status(&get(&other, "/a", token).await, 401, "another host");
            }
            let token = stays.sign(&issuer.claims("alice", "read"));
            status(&get(&other, "/a", &token).await, 200, "the other key");
        }
    }
}

async fn a_shared_secret_beside_public_keys_is_left_out(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let secret = json!({"kty": "oct", "k": "AQAB", "kid": "secret"});
    issuer.keys_behave(set(&[secret, listed(&issuer.key(), json!({}))]));
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a token of the public key");
    let loaded = first_event(&running, "keys-loaded").await;
    assert_eq!(loaded["keys"], "1", "{loaded}");
    assert_eq!(loaded["keys_skipped"], "1", "{loaded}");
    assert!(all_events(&running, "key-exposed").await.is_empty());
}

async fn what_is_no_key_set_withdraws_nothing() {
    let error = br#"{"error": "busy"}"#.to_vec();
    for (what, behaviour) in [
        (
            "an empty object",
            Behaviour::Content("application/json", b"{}".to_vec()),
        ),
        (
            "an error object",
            Behaviour::Content("application/json", error),
        ),
        (
            "keys that are no list",
            Behaviour::Content("application/json", br#"{"keys": {}}"#.to_vec()),
        ),
        (
            "a set that ends too early",
            Behaviour::Content("application/json", br#"{"keys": ["#.to_vec()),
        ),
        ("an error", Behaviour::Status(503)),
        ("an empty set with an error", Behaviour::Error(500, "keys")),
        ("nothing", Behaviour::Status(204)),
    ] {
        let clock = clock(&InProcess);
        let issuer = Issuer::start_with_clock(&clock).await;
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = start(&app, &clock).await;
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, what);
        issuer.keys_behave(behaviour);
        for advance_s in [FRESH_S, 3600, 20 * 3600] {
            clock.advance(advance_s).await;
            for subject in ["alice", "bob"] {
                let answer = get(&running, "/a", &issuer.token(subject, "read")).await;
                status(&answer, 200, &format!("{what}, {advance_s} s later"));
            }
        }
        assert!(!events(&running, "keys-unavailable").is_empty(), "{what}");
    }
}
