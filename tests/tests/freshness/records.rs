//! What instances and hosts tell each other of an issuer's keys through the store.

use crate::api::app::{App, AppSpec};
use crate::api::clocked::{
    clock, events, first_event, get, get_at_once, start, start_forgetful, start_spread, store,
    store_fails, stored, until,
};
use crate::api::gated::status;
use crate::api::host::{Host, InProcess};
use crate::api::issuer::{Behaviour, Issuer, Key, METADATA};
use crate::api::run::Case;
use crate::api::run::cases;
use crate::{FRESH_S, policy, policy_with};
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![
    a_second_host_starts_from_the_store_without_the_network,
    each_new_instance_starts_from_the_store,
    what_is_no_record_is_ignored_logged_and_replaced,
    keys_from_where_the_policy_no_longer_says_are_not_used,
    ; in_process:
    a_stale_record_serves_at_once_and_is_refreshed_afterwards,
    a_second_host_does_not_ask_an_issuer_that_has_just_failed_another,
    a_failure_in_the_store_does_not_stop_known_keys,
    a_record_that_is_too_old_is_not_used,
    a_store_that_fails_stops_nobody,
    a_removed_key_does_not_come_back_by_an_older_record,
];

/// Where the record of the issuer `test` is.
const NAME: &str = "doorward/keys/test";

fn record(app: &App) -> Value {
    let bytes = stored(app, NAME).expect("there is a record in the store");
    serde_json::from_slice(&bytes).expect("the record is JSON")
}

async fn a_second_host_starts_from_the_store_without_the_network(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let first = start(&app, &clock).await;
    let token = issuer.token("alice", "read");
    status(&get(&first, "/a", &token).await, 200, "the first host");
    until("the record is stored", || stored(&app, NAME).is_some()).await;
    issuer.all_behave(&Behaviour::Close);
    let second = start(&app, &clock).await;
    status(
        &get(&second, "/a", &token).await,
        200,
        "the second host, beside the first",
    );
    assert_eq!(issuer.requests(METADATA), 1, "only the first one has asked");
    let loaded = first_event(&second, "keys-loaded").await;
    assert_eq!(
        loaded["source"], "store",
        "where the keys come from: {loaded}"
    );
    let record = record(&app);
    assert_eq!(
        record["issuer"],
        issuer.url(),
        "whose keys they are: {record}"
    );
}

async fn each_new_instance_starts_from_the_store(host: &dyn Host) {
    let clock = clock(host);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let token = issuer.token("alice", "read");
    let forgetful = start_forgetful(&app, &clock).await;
    for _ in 0..10 {
        status(
            &get(&forgetful, "/a", &token).await,
            200,
            "one instance after the other",
        );
    }
    let spread = start_spread(&app, &clock).await;
    for answer in get_at_once(&spread, "/a", &vec![token; 10]).await {
        status(&answer, 200, "instances beside each other");
    }
    assert_eq!(issuer.key_requests(), 1, "the first of them has asked");
}

async fn a_stale_record_serves_at_once_and_is_refreshed_afterwards() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let first = start(&app, &clock).await;
    let answer = get(&first, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the first host");
    until("the record is stored", || stored(&app, NAME).is_some()).await;
    clock.advance(FRESH_S + 600).await;
    issuer.keys_behave(Behaviour::Stall);
    let second = start(&app, &clock).await;
    for number in 0..5 {
        let answer = get(
            &second,
            "/a",
            &issuer.token(&format!("user-{number}"), "read"),
        )
        .await;
        status(&answer, 200, "the second host, while the issuer stalls");
    }
    issuer
        .until("the refresh is under way", |issuer| issuer.stalled() > 0)
        .await;
    let under_way = issuer.stalled();
    let old = issuer.key();
    issuer.publish(vec![Key::ed25519("new")]);
    issuer.recover();
    until("the new keys are stored", || {
        stored(&app, NAME).is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("new"))
    })
    .await;
    let answer = get(&second, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the second host, with the new key");
    assert_eq!(
        issuer.key_requests(),
        1 + under_way,
        "one refresh for each instance"
    );
    let answer = get(&second, "/a", &old.sign(&issuer.claims("alice", "read"))).await;
    status(&answer, 401, "the second host, with the removed key");
}

async fn a_second_host_does_not_ask_an_issuer_that_has_just_failed_another() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    issuer.keys_behave(Behaviour::Status(500));
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let first = start(&app, &clock).await;
    let answer = get(&first, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 503, "the first host");
    until("the failure is stored", || stored(&app, NAME).is_some()).await;
    assert_eq!(issuer.requests(METADATA), 1, "the first host has asked");

    let second = start_forgetful(&app, &clock).await;
    for _ in 0..3 {
        let answer = get(&second, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 503, "the second host");
        assert!(
            answer.header("retry-after").is_some(),
            "a 503 says when to come back"
        );
    }
    assert_eq!(
        issuer.requests(METADATA),
        1,
        "the second host has not asked"
    );
    let record = record(&app);
    let error = record["last_error"].as_str().unwrap_or_default();
    assert!(
        error.contains("500"),
        "the record says what went wrong: {record}"
    );

    issuer.keys_behave(Behaviour::Good);
    clock.advance(60).await;
    let answer = get(&second, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the second host, after the pause");
    until("the success is stored", || {
        stored(&app, NAME).is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains("ed-1"))
    })
    .await;
    let answer = get(&first, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the first host, after the pause");
    assert_eq!(
        issuer.requests(METADATA),
        2,
        "it has the keys from the second"
    );
}

async fn a_failure_in_the_store_does_not_stop_known_keys() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start_forgetful(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "while the issuer is up");
    issuer.all_behave(&Behaviour::Close);
    clock.advance(FRESH_S + 23 * 3600).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "the instance that finds out");
    until("the failure is stored", || record(&app)["failures"] == 1).await;
    let asked = issuer.requests(METADATA);
    for _ in 0..5 {
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the instances after it");
    }
    assert_eq!(
        issuer.requests(METADATA),
        asked,
        "instances within the pause leave the issuer alone"
    );
}

async fn a_store_that_fails_stops_nobody() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    store_fails(&app, true);
    for (fetches, advance_s) in [(1, 0), (2, FRESH_S), (3, 3600)] {
        clock.advance(advance_s).await;
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "keys come from the issuer alone");
        // Or else it is by this that the new key comes.
        let is_refreshed = |issuer: &Issuer| issuer.key_requests() == fetches;
        issuer.until("the keys are refreshed", is_refreshed).await;
    }
    clock.advance(60).await;
    issuer.publish(vec![Key::ed25519("new")]);
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "a new key too");
    assert!(
        !events(&running, "store-unavailable").is_empty(),
        "the log says so: {:#?}",
        running.log()
    );
}

async fn a_record_that_is_too_old_is_not_used() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start_forgetful(&app, &clock).await;
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "while the issuer is up");
    issuer.all_behave(&Behaviour::Close);
    clock.advance(FRESH_S + 25 * 3600).await;
    for round in ["first", "second"] {
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(
            &answer,
            503,
            &format!("a record of yesterday, {round} instance"),
        );
    }
}

async fn what_is_no_record_is_ignored_logged_and_replaced(host: &dyn Host) {
    // A record as it is written, of an issuer with this key.
    let stranger = Key::ed25519("ed-1");
    let written = {
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.publish(vec![stranger.clone()]);
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let running = start(&app, &clock).await;
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, "the host that writes the record");
        until("the record is stored", || stored(&app, NAME).is_some()).await;
        record(&app)
    };
    let clock = clock(host);
    let to_come = clock.now() + 3600;
    /// What is in the store when a host begins that has this issuer.
    type Written<'w> = &'w (dyn Fn(&Issuer) -> Vec<u8> + Sync);
    // What is changed of a record that is right but for its key.
    type Change<'c> = &'c (dyn Fn(&mut Value) + Sync);
    let changes: [(&str, Change<'_>); 5] = [
        ("a record of another format", &|record| {
            record["version"] = json!(99);
        }),
        (
            "a record that is another issuer's and else right",
            &|record| {
                record["issuer"] = json!("https://login.example");
            },
        ),
        ("a record about another issuer", &|record| {
            record.clone_from(&written);
        }),
        ("a record with more to it", &|record| {
            record["admin"] = json!(true);
        }),
        ("a record from the future", &|record| {
            record["fetched_at"] = to_come.into();
            record["attempted_at"] = to_come.into();
        }),
    ];
    let text = |text: &[u8]| Some(text.to_vec());
    let texts = [
        ("no text", text(&[0xff, 0xfe, 0])),
        ("no JSON", text(b"something else")),
        ("nothing", text(b"")),
        ("a record that ends in the middle", None),
        ("a megabyte", text(&vec![b' '; 1_000_000])),
    ];
    let right = |issuer: &Issuer| {
        let mut record = written.clone();
        record["issuer"] = issuer.url().into();
        record["url"] = format!("{}/jwks", issuer.url()).into();
        record
    };
    let begin = async |value: Written<'_>| {
        let issuer = Issuer::start_with_clock(&clock).await;
        let app = AppSpec::gated("echo", policy(&issuer)).write();
        let value = value(&issuer);
        store(&app).set("default", NAME, &value).unwrap();
        let running = start(&app, &clock).await;
        let forged = stranger.sign(&issuer.claims("mallory", "read"));
        let answer = get(&running, "/a", &forged).await;
        (issuer, app, running, value, answer)
    };
    // Whoever can write into the store can write this one. It shows that the others are right but for one thing.
    let (.., answer) = begin(&|issuer| right(issuer).to_string().into_bytes()).await;
    status(&answer, 200, "a record that is right: a token of its key");

    let refused = async |what: &str, value: Written<'_>| {
        let (issuer, app, running, value, answer) = begin(value).await;
        status(&answer, 401, &format!("{what}: a token of its key"));
        let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
        status(&answer, 200, &format!("{what}: a good token"));
        let ignored = first_event(&running, "record-ignored").await;
        assert_eq!(ignored["name"], NAME, "{what}: and which one: {ignored:?}");
        until("the record is replaced", || {
            stored(&app, NAME).is_some_and(|now| now != value)
        })
        .await;
        assert_eq!(
            record(&app)["issuer"],
            issuer.url(),
            "{what}: it is replaced"
        );
    };
    for (what, change) in changes {
        refused(what, &|issuer| {
            let mut record = right(issuer);
            change(&mut record);
            record.to_string().into_bytes()
        })
        .await;
    }
    for (what, text) in texts {
        refused(what, &|issuer| {
            let half = || right(issuer).to_string().into_bytes()[..100].to_vec();
            text.clone().unwrap_or_else(half)
        })
        .await;
    }
}

async fn a_removed_key_does_not_come_back_by_an_older_record() {
    let clock = clock(&InProcess);
    let issuer = Issuer::start_with_clock(&clock).await;
    let app = AppSpec::gated("echo", policy(&issuer)).write();
    let running = start(&app, &clock).await;
    let removed = issuer.key();
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "before the rotation");
    until("the record is stored", || stored(&app, NAME).is_some()).await;
    let older = stored(&app, NAME).unwrap();

    clock.advance(FRESH_S / 2).await;
    issuer.publish(vec![Key::ed25519("new")]);
    let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
    status(&answer, 200, "after the rotation");
    until("the new record is stored", || {
        stored(&app, NAME).is_some_and(|now| now != older)
    })
    .await;
    store(&app).set("default", NAME, &older).unwrap();
    for advance_s in [0, 30, FRESH_S, FRESH_S] {
        clock.advance(advance_s).await;
        for _ in 0..3 {
            let token = removed.sign(&issuer.claims("bob", "read"));
            status(
                &get(&running, "/a", &token).await,
                401,
                "a token of the removed key",
            );
            let answer = get(&running, "/a", &issuer.token("alice", "read")).await;
            status(&answer, 200, "a token of the new key");
        }
    }
}

async fn keys_from_where_the_policy_no_longer_says_are_not_used(host: &dyn Host) {
    // Where the keys are, by the line in the policy and by the path.
    let (one, other, metadata) = ("/one/jwks", "/other/jwks", "/jwks");
    for (before, after) in [(one, other), (one, metadata), (metadata, one)] {
        let what = format!("keys at {before}, then at {after}");
        let clock = clock(host);
        let issuer = Issuer::start_with_clock(&clock).await;
        issuer.publish_tenant("one", vec![Key::ed25519("one")]);
        issuer.publish_tenant("other", vec![Key::ed25519("other")]);
        let policy = |path: &str| {
            let line = format!("jwks_url = \"{}{path}\"", issuer.url());
            policy_with(&issuer, if path == metadata { "" } else { &line })
        };
        let token = |path: &str| {
            let key = issuer.key_at(path.trim_end_matches("/jwks"));
            key.sign(&issuer.claims("alice", "read"))
        };
        let mut app = AppSpec::gated("echo", policy(before)).write();
        let running = start(&app, &clock).await;
        status(&get(&running, "/a", &token(before)).await, 200, &what);
        until("the record is stored", || stored(&app, NAME).is_some()).await;
        running.stop().await;

        app.has_policy(policy(after));
        let running = start(&app, &clock).await;
        let answer = get(&running, "/a", &token(before)).await;
        status(&answer, 401, &format!("{what}: a token of the former"));
        let answer = get(&running, "/a", &token(after)).await;
        status(&answer, 200, &format!("{what}: a token of the latter"));
        let asked = issuer.requests(after);
        assert!(asked > 0, "{what}: the latter is asked");
        assert_eq!(issuer.requests(before), 1, "{what}: the former no more");
        until("the record is replaced", || {
            record(&app)["url"] == format!("{}{after}", issuer.url())
        })
        .await;
        running.stop().await;
        let running = start(&app, &clock).await;
        let answer = get(&running, "/a", &token(after)).await;
        status(&answer, 200, &format!("{what}: once more started"));
        assert_eq!(issuer.requests(after), asked, "{what}: from the store");
    }
}
