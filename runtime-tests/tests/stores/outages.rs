//! What becomes of calls when Redis is not there, goes away, hangs, or comes back.

use crate::scene::{Hangs, INTERFACES, Scene, Where, given, on_redis, one, other, spec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use doorward_runtime_tests::servers::{Redis, Server};
use serde_json::json;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![;
    both_manners:
    a_redis_that_is_not_there_at_the_start_is_an_error_until_it_is,
    when_redis_is_killed_it_is_said_and_when_it_is_back_it_is_used,
    a_redis_that_hangs_holds_nobody_up_for_longer_than_is_said,
    a_redis_that_is_not_let_in_by_says_why,
];

/// How long a call may take whatever happens to Redis, with the time of a machine under load.
const CALL_TIME_MAX: Duration = Duration::from_secs(8);

async fn a_redis_that_is_not_there_at_the_start_is_an_error_until_it_is(host: &dyn Host) {
    let mut server = Server::start(Redis::default()).await;
    server.stop();
    let mut spec = spec(&["default"]);
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let app = spec.write();
    let running = host.start(&app).await;
    for open in INTERFACES {
        let begun = Instant::now();
        let had = one(running.address, open, json!(["get", "a", "key"])).await;
        assert!(!other(&had).is_empty());
        assert!(begun.elapsed() < CALL_TIME_MAX, "{:?}", begun.elapsed());
    }
    server.start_again().await;
    for open in INTERFACES {
        let had = one(running.address, open, json!(["set", "a", "key", "value"])).await;
        assert_eq!(had, json!(null), "{open}");
    }
}

async fn when_redis_is_killed_it_is_said_and_when_it_is_back_it_is_used(host: &dyn Host) {
    let mut scene = Scene::start(host, Where::Redis).await;
    let at = scene.running.address;
    let server = scene.server.as_mut().unwrap();
    for round in 0..2 {
        let key = format!("key {round}");
        let set = one(at, "open-3", json!(["set", "a", key, "value"])).await;
        assert_eq!(set, json!(null));
        // Requests all the time, while it is killed: each is answered, and by what was there or by the error.
        let asking = tokio::spawn({
            let key = key.clone();
            async move {
                let mut had = Vec::new();
                loop {
                    let one = one(at, "open-3", json!(["get", "a", key])).await;
                    let is_over = one != "value";
                    had.push(one);
                    if is_over {
                        return had;
                    }
                }
            }
        });
        one(at, "open-3", json!(["get", "a", key])).await;
        server.kill();
        let begun = Instant::now();
        let had = asking.await.unwrap();
        assert!(!other(had.last().unwrap()).is_empty());
        for open in INTERFACES {
            let had = one(at, open, json!(["get", "a", key])).await;
            assert!(other(&had).contains("no connection to Redis"), "{had}");
        }
        let steps = json!([
            ["open-wasi", "a", "default"],
            ["increment", "a", "count", 1],
            ["cas", "a", "x", "key"],
        ]);
        other(&given(at, &steps).await[0]);
        assert!(begun.elapsed() < CALL_TIME_MAX, "{:?}", begun.elapsed());
        server.start_again().await;
        for open in INTERFACES {
            let had = one(at, open, json!(["get", "a", key])).await;
            assert_eq!(had, "value", "it is back");
        }
    }
}

async fn a_redis_that_hangs_holds_nobody_up_for_longer_than_is_said(host: &dyn Host) {
    let scene = Scene::start(host, Where::Redis).await;
    let at = scene.running.address;
    let set = one(at, "open-3", json!(["set", "a", "key", "value"])).await;
    assert_eq!(set, json!(null));
    let hangs = Hangs::of(scene.server.as_ref().unwrap());
    // By the connection that is there, and by one that is made in vain.
    for _ in 0..2 {
        for open in INTERFACES {
            let begun = Instant::now();
            let had = one(at, open, json!(["get", "a", "key"])).await;
            assert!(!other(&had).is_empty());
            assert!(begun.elapsed() < CALL_TIME_MAX, "{:?}", begun.elapsed());
        }
    }
    drop(hangs);
    for open in INTERFACES {
        let had = one(at, open, json!(["get", "a", "key"])).await;
        assert_eq!(had, "value", "{open}");
    }
}

async fn a_redis_that_is_not_let_in_by_says_why(host: &dyn Host) {
    let server = Server::start(Redis::with_password("secret")).await;
    let place = server.address();
    let url = |of: &str| format!("redis://{of}@{place}");
    let let_in = url(":secret");
    for (url, is_let_in) in [
        (let_in.clone(), true),
        (format!("{let_in}/3"), true),
        (url("default:secret"), true),
        (url(":hidden"), false),
        (url("somebody:hidden"), false),
        (format!("redis://{place}"), false),
        (format!("redis://:secret@localhost:{}", place.port()), true),
        // Nobody there speaks TLS.
        (format!("rediss://:secret@{place}"), false),
    ] {
        let mut spec = spec(&["default"]);
        spec.runtime_config = Some(on_redis("default", &url));
        let app = spec.write();
        let running = host.start(&app).await;
        let had = one(running.address, "open-3", json!(["set", "a", "k", "v"])).await;
        match is_let_in {
            true => assert_eq!(had, json!(null), "{url}"),
            false => {
                let said = other(&had);
                assert!(!said.contains("hidden"), "{said}");
                assert!(!said.contains("secret"), "{said}");
            }
        }
    }
}
