//! `spin:redis` against a real Redis: all that it offers, what it refuses, and what becomes of it when Redis goes away
//! and comes back.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::{Address, Host, Running};
use doorward_runtime_tests::servers::{Kind as _, Redis, Server};
use doorward_runtime_tests::{cases, run};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    run::main_with(
        Redis::available,
        cases![
            all_that_the_interface_offers_is_done,
            what_redis_says_against_a_command_is_said,
            user_password_and_database_are_those_of_the_address,
            what_is_not_allowed_is_not_connected_to,
            where_nobody_listens_there_is_no_connection,
            what_changes_a_connection_is_for_that_one_alone,
            a_transaction_has_a_connection_for_itself,
            who_waits_for_something_holds_up_nobody_else,
            when_redis_is_killed_it_is_said_and_when_it_is_back_it_is_used;
            both_manners: what_would_be_a_stream_of_messages_is_refused,
            what_is_too_large_is_refused_and_the_next_is_not,
        ],
    )
}

/// How long an error may take whatever happens to Redis: a connection's time and an answer's.
const ERROR_TIME_MAX: Duration = Duration::from_secs(15);

fn spec(outbound: &[&str]) -> AppSpec {
    let mut spec = AppSpec::gated("uses-redis", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.outbound = outbound.iter().map(|entry| (*entry).to_owned()).collect();
    spec
}

/// A host with the component, which may connect to this server.
async fn served(host: &dyn Host, server: &Server<Redis>) -> (App, Running) {
    let app = spec(&[&format!("redis://{}", server.address())]).write();
    let running = host.start(&app).await;
    (app, running)
}

async fn told(at: Address, address: &str, steps: &Value) -> Value {
    let task = json!({ "address": address, "steps": steps });
    let ask = Ask::new("POST", "/").body(task.to_string().as_bytes());
    let answer = ask.send(at).await;
    status(&answer, 200, "the component");
    answer.json()
}

/// What the steps give.
async fn done(at: Address, address: &str, steps: Value) -> Value {
    let mut told = told(at, address, &steps).await;
    assert_eq!(told["open"], "done", "{address}");
    told["steps"].take()
}

async fn all_that_the_interface_offers_is_done(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    let steps = [
        (json!(["get", "key"]), json!(null)),
        (json!(["set", "key", "value"]), json!(null)),
        (json!(["get", "key"]), json!("value")),
        (json!(["set", "key", ""]), json!(null)),
        (json!(["get", "key"]), json!("")),
        (json!(["incr", "count"]), json!(1)),
        (json!(["incr", "count"]), json!(2)),
        (json!(["del", "key", "count", "other"]), json!(2)),
        (json!(["sadd", "set", "a", "b", "a"]), json!(2)),
        (json!(["sadd", "set", "b", "c"]), json!(1)),
        (json!(["smembers", "set"]), json!(["a", "b", "c"])),
        (json!(["srem", "set", "a", "z"]), json!(1)),
        (json!(["smembers", "none"]), json!([])),
        (json!(["publish", "channel", "message"]), json!(null)),
        (json!(["execute", "PING"]), json!([{ "status": "PONG" }])),
        (
            json!(["execute", "SET", "n", 9_007_199_254_740_993_i64]),
            json!([{ "status": "OK" }]),
        ),
        (json!(["execute", "get", "n"]), json!(["9007199254740993"])),
        (json!(["execute", "GET", "none"]), json!([null])),
        (
            json!(["execute", "INCRBY", "n", -3]),
            json!([9_007_199_254_740_990_i64]),
        ),
        (
            json!(["execute", "MGET", "n", "none", "n"]),
            json!(["9007199254740990", null, "9007199254740990"]),
        ),
        (json!(["execute", "LRANGE", "none", 0, -1]), json!([])),
        (
            json!([
                "execute",
                "EVAL",
                "redis.call('SET', KEYS[1], ARGV[1]) \
                 return {1, redis.call('GET', KEYS[1]), {false, redis.status_reply('FINE')}}",
                1,
                "scripted",
                "by a script"
            ]),
            json!([1, "by a script", null, { "status": "FINE" }]),
        ),
        (json!(["get", "scripted"]), json!("by a script")),
        (
            json!(["execute", "SETRANGE", "long", 99_999, "a"]),
            json!([100_000]),
        ),
        (json!(["get", "long"]), json!({ "bytes": 100_000 })),
    ];
    let (steps, expected): (Vec<Value>, Vec<Value>) = steps.into_iter().unzip();
    let had = done(running.address, &server.url(), json!(steps)).await;
    for ((step, had), expected) in steps.iter().zip(had.as_array().unwrap()).zip(&expected) {
        assert_eq!(had, expected, "{step}");
    }
    assert_eq!(had.as_array().unwrap().len(), expected.len());
}

async fn what_redis_says_against_a_command_is_said(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    let steps = json!([
        ["set", "text", "not a number"],
        ["incr", "text"],
        ["sadd", "text", "a"],
        ["del"],
        ["execute", "GET"],
        ["execute", "NONSENSE", 1],
        [
            "execute",
            "EVAL",
            "return redis.error_reply('MINE it is wrong')",
            0
        ],
        ["get", "text"],
    ]);
    let had = done(running.address, &server.url(), steps).await;
    for (index, part) in [
        (1, "not an integer"),
        (2, "WRONGTYPE: Operation"),
        (3, "wrong number of arguments"),
        (4, "wrong number of arguments"),
        (5, "unknown command"),
        (6, "MINE: it is wrong"),
    ] {
        let said = had[index].as_str().unwrap();
        let is_said = said.starts_with("error: other: ") && said.contains(part);
        assert!(is_said, "{part}: {said}");
    }
    assert_eq!(had[7], "not a number", "the connection goes on");
}

async fn user_password_and_database_are_those_of_the_address(host: &dyn Host) {
    let server = Server::start(Redis::with_password("a secret: 1/2")).await;
    let (_app, running) = served(host, &server).await;
    let place = server.address();
    let address = format!("redis://:a%20secret%3A%201%2F2@{place}");
    let wrong = format!("redis://:another@{place}");
    let user = format!("redis://reader:his@{place}");
    let first = json!([
        ["set", "key", "of 0"],
        [
            "execute", "ACL", "SETUSER", "reader", "on", ">his", "~*", "+get"
        ],
    ]);
    done(running.address, &address, first).await;
    let second = format!("{address}/1");
    let steps = json!([["get", "key"], ["set", "key", "of 1"]]);
    let had = done(running.address, &second, steps).await;
    assert_eq!(had[0], json!(null), "there are two");
    let had = done(
        running.address,
        &user,
        json!([["get", "key"], ["set", "key", ""]]),
    )
    .await;
    assert_eq!(had[0], "of 0");
    assert!(had[1].as_str().unwrap().contains("NOPERM"), "{had}");
    for refused in [&wrong, &format!("redis://{place}")] {
        let told = told(running.address, refused, &json!([["get", "key"]])).await;
        // Who does not sign in may connect, and learns it then.
        let said = told["open"].as_str().unwrap().to_owned() + &told["steps"].to_string();
        assert!(said.contains("error: other: "), "{refused}: {said}");
        assert!(
            !said.contains("of 0") && !said.contains("another"),
            "{said}"
        );
    }
}

async fn what_is_not_allowed_is_not_connected_to(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (url, place, port) = (server.url(), server.address(), server.port());
    let other_port = format!("redis://127.0.0.1:{}", port ^ 1);
    for (outbound, is_allowed) in [
        (vec![], false),
        (vec!["http://127.0.0.1:*".to_owned()], false),
        (vec![other_port], false),
        (vec![format!("redis://localhost:{port}")], false),
        (vec![format!("redis://{place}")], true),
        (vec!["redis://127.0.0.0/8:*".to_owned()], true),
        (vec!["*://*:*".to_owned()], true),
    ] {
        let outbound: Vec<&str> = outbound.iter().map(String::as_str).collect();
        let app = spec(&outbound).write();
        let running = host.start(&app).await;
        let had = told(running.address, &url, &json!([["get", "key"]])).await;
        let expected = match is_allowed {
            true => json!({ "open": "done", "steps": [null] }),
            false => json!({ "open": "error: invalid-address" }),
        };
        assert_eq!(had, expected, "with {outbound:?}");
        for nonsense in [
            "",
            "redis",
            "redis://",
            &place.to_string(),
            "http://127.0.0.1",
        ] {
            let had = told(running.address, nonsense, &json!([])).await;
            let said = had["open"].as_str().unwrap();
            assert!(said.starts_with("error: "), "{nonsense:?}: {said}");
        }
    }
}

async fn where_nobody_listens_there_is_no_connection(host: &dyn Host) {
    let mut server = Server::start(Redis::default()).await;
    server.stop();
    let (_app, running) = served(host, &server).await;
    let begun = Instant::now();
    let had = told(running.address, &server.url(), &json!([])).await;
    let said = had["open"].as_str().unwrap();
    assert!(said.starts_with("error: other: "), "{said}");
    assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
}

async fn what_changes_a_connection_is_for_that_one_alone(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    let steps = json!([
        ["set", "key", "of 0"],
        ["execute", "SELECT", "1"],
        ["get", "key"],
        ["set", "key", "of 1"],
        ["execute", "CLIENT", "SETNAME", "named"],
        ["execute", "CLIENT", "GETNAME"],
        ["open"],
        ["get", "key"],
        ["execute", "CLIENT", "GETNAME"],
    ]);
    let had = done(running.address, &server.url(), steps).await;
    assert_eq!(had[2], json!(null), "the other database is empty");
    assert_eq!(had[5], json!(["named"]));
    assert_eq!(had[7], "of 0", "another connection has the first database");
    assert_ne!(had[8], json!(["named"]));
    let had = done(running.address, &server.url(), json!([["get", "key"]])).await;
    assert_eq!(had[0], "of 0", "and so has another request");
}

async fn a_transaction_has_a_connection_for_itself(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    let url = server.url();
    let steps = json!([
        ["execute", "MULTI"],
        ["set", "key", "value"],
        ["execute", "INCR", "count"],
        ["execute", "EXEC"],
        ["get", "key"],
        ["execute", "MULTI"],
        ["execute", "SET", "key", "never"],
        ["open"],
        ["get", "key"],
        ["execute", "SET", "other", "at once"],
    ]);
    let had = done(running.address, &url, steps).await;
    assert_eq!(had[2], json!([{ "status": "QUEUED" }]));
    assert_eq!(had[3], json!([{ "status": "OK" }, 1]), "what was done");
    assert_eq!(had[4], "value");
    assert_eq!(had[8], "value", "it was not carried out");
    assert_eq!(had[9], json!([{ "status": "OK" }]), "nobody else is in it");
    let had = done(
        running.address,
        &url,
        json!([["get", "other"], ["get", "key"]]),
    )
    .await;
    assert_eq!(had, json!(["at once", "value"]));
}

/// Waits until somebody waits for Redis.
async fn until_somebody_waits(at: Address, url: &str) {
    let begun = Instant::now();
    let waits = "return redis.call('INFO', 'clients'):match('blocked_clients:(%d+)')";
    loop {
        let had = done(at, url, json!([["execute", "EVAL", waits, 0]])).await;
        if had[0] != json!(["0"]) {
            return;
        }
        assert!(begun.elapsed() < ERROR_TIME_MAX, "nobody waits: {had}");
    }
}

async fn who_waits_for_something_holds_up_nobody_else(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    let (at, url) = (running.address, server.url());
    let waiting = {
        let url = url.clone();
        tokio::spawn(async move { done(at, &url, json!([["execute", "BLPOP", "list", 50]])).await })
    };
    until_somebody_waits(at, &url).await;
    let begun = Instant::now();
    let had = done(at, &url, json!([["execute", "RPUSH", "list", "it"]])).await;
    assert_eq!(had, json!([[1]]));
    assert_eq!(waiting.await.unwrap(), json!([["list", "it"]]));
    assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
}

async fn when_redis_is_killed_it_is_said_and_when_it_is_back_it_is_used(host: &dyn Host) {
    let mut server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    let (at, url) = (running.address, server.url());
    done(at, &url, json!([["set", "key", "value"]])).await;
    for _ in 0..2 {
        let waiting = {
            let url = url.clone();
            let steps = json!([["execute", "BLPOP", "list", 0], ["get", "key"]]);
            tokio::spawn(async move { done(at, &url, steps).await })
        };
        until_somebody_waits(at, &url).await;
        server.kill();
        let begun = Instant::now();
        let had = waiting.await.unwrap();
        for said in had.as_array().unwrap() {
            let said = said.as_str().unwrap();
            assert!(said.starts_with("error: other: "), "{said}");
        }
        for _ in 0..3 {
            let had = told(at, &url, &json!([["get", "key"]])).await;
            let said = had["open"].as_str().unwrap().to_owned() + &had["steps"].to_string();
            assert!(said.contains("error: other: "), "{said}");
        }
        assert!(begun.elapsed() < ERROR_TIME_MAX, "{:?}", begun.elapsed());
        server.start_again().await;
        let had = done(at, &url, json!([["get", "key"]])).await;
        assert_eq!(had[0], "value", "it is back");
    }
}

async fn what_would_be_a_stream_of_messages_is_refused(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    for command in ["SUBSCRIBE", "psubscribe", "MONITOR"] {
        let steps = json!([["execute", command, "channel"], ["get", "key"]]);
        let had = done(running.address, &server.url(), steps).await;
        let expected = format!("error: other: `{command}` begins a stream of messages");
        let said = had[0].as_str().unwrap();
        assert!(said.starts_with(&expected), "{said}");
        assert_eq!(had[1], json!(null), "the connection goes on");
    }
}

async fn what_is_too_large_is_refused_and_the_next_is_not(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let (_app, running) = served(host, &server).await;
    let steps = json!([
        ["execute", "SETRANGE", "long", 17 << 20, "a"],
        ["get", "long"],
        ["set", "key", "value"],
        ["get", "key"],
    ]);
    let had = done(running.address, &server.url(), steps).await;
    let said = had[1].as_str().unwrap();
    assert!(
        said.ends_with("a reply has more than 16777216 bytes"),
        "{said}"
    );
    assert_eq!(had[3], "value");
}
