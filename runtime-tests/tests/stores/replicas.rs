//! Several hosts with one Redis: what one of them counts, all of them have counted, and what becomes of requests while
//! the store is not to be had.

use crate::scene::{Hangs, on_redis};
use doorward_host::kv::{Places, Store};
use doorward_host::manifest::runtime_config;
use doorward_host::outbound_options::OutboundOptions;
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, apart};
use doorward_runtime_tests::credential::{ApiKey, Revoked, revocation};
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Case;
use doorward_runtime_tests::servers::{Redis, Server};
use std::time::{Duration, Instant};

pub const CASES: &[Case] = cases![
    a_shared_limit_is_one_over_all_hosts,
    a_key_set_is_fetched_once_for_all_hosts,
    what_is_revoked_is_refused_by_every_host_in_the_time_of_the_policy;
    both_manners:
    while_the_store_hangs_requests_are_answered_in_the_time_that_the_gate_gives_it,
    while_the_store_is_away_tokens_are_refused_only_after_its_time_and_then_accepted_again,
];

const LIMIT: usize = 10;
/// How long a request may take while the store is away: its calls have 2 s each and a listing 5 s, and a request waits
/// for one of each kind.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);

/// How long one may take while it hangs: a listing has 5 s, and a call of the limit, or to open the store, 2 s.
const HANGING_TIME_MAX: Duration = Duration::from_secs(12);

fn limited() -> String {
    format!(
        "[rate_limit.few]\nrequests = {LIMIT}\nper_s = 3600\nshared = true\n\n\
         [[route]]\npath = \"/a\"\npublic = true\nrate_limit = \"few\"\n"
    )
}

async fn a_shared_limit_is_one_over_all_hosts(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let mut spec = AppSpec::gated("echo", limited());
    spec.middleware = vec!["gate-atomics"];
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let apps = [spec.write(), spec.write()];
    // Each request in an instance of its own where there are several at once.
    let mut replicas = Vec::new();
    for app in &apps {
        replicas.push(host.serve(app, How::spread()).await);
    }
    let asked: Vec<_> = (0..64)
        .map(|number| {
            let address = replicas[number % replicas.len()].address;
            apart(async move { Ask::get("/a").send(address).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for asked in asked {
        statuses.push(asked.await);
    }
    let count = |status| statuses.iter().filter(|&&had| had == status).count();
    assert_eq!(
        (count(200), count(429)),
        (LIMIT, 64 - LIMIT),
        "{statuses:?}"
    );
    // And none by one that begins later.
    let later = host.start(&apps[0]).await;
    assert_eq!(Ask::get("/a").send(later.address).await.status, 429);
}

fn gated(issuer: &Issuer, more: &str) -> String {
    format!(
        "[issuer.test]\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\n{more}\
         [[route]]\npath = \"/read\"\nissuer = [\"test\"]\nscope = [\"read\"]\n",
        issuer.url()
    )
}

async fn a_key_set_is_fetched_once_for_all_hosts(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let issuer = Issuer::start().await;
    let mut spec = AppSpec::gated("echo", gated(&issuer, ""));
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let token = issuer.token("alice", "read");
    for replica in 0..3 {
        let app = spec.write();
        let running = host.start(&app).await;
        let answer = Ask::get("/read").bearer(&token).send(running.address).await;
        assert_eq!(answer.status, 200, "{replica}: {}", answer.text());
        if replica == 0 {
            // It is stored after the answer.
            let begun = Instant::now();
            while server_has_no_entry(&server) {
                assert!(begun.elapsed() < REQUEST_TIME_MAX, "nothing is stored");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    assert_eq!(issuer.key_requests(), 1);
}

/// How soon every host sees what is revoked, by the policies of these cases: in seconds.
const REFRESH_S: u64 = 1;
/// How late a request may begin that still passes, with the time that the answer before it took on its way.
const REVOKED_TIME_MAX: Duration = Duration::from_secs(REFRESH_S + 1);

/// The store of an application, as the command has it with `--runtime-config-file`.
fn store_of(app: &App) -> Store {
    let configured = runtime_config::load(&app.runtime_config().unwrap()).unwrap();
    let state = app.folder().join("state");
    let places = Places::new(
        &state,
        &configured.key_value_stores,
        &OutboundOptions::default(),
    );
    Store::new(places.open("default").unwrap(), "default")
}

async fn what_is_revoked_is_refused_by_every_host_in_the_time_of_the_policy(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let issuer = Issuer::start().await;
    let more = format!(
        "[revocation]\n\n[store]\nrefresh_s = {REFRESH_S}\n\n[api_keys]\nheader = \"x-api-key\"\n\n\
         [[route]]\npath = \"/machine\"\naccept = [\"api-key\"]\nscope = [\"read\"]\n\n"
    );
    let mut spec = AppSpec::gated("echo", gated(&issuer, &more));
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let apps = [spec.write(), spec.write()];
    let store = store_of(&apps[0]);
    let (key, other) = (
        ApiKey::new("ci", &["read"], None),
        ApiKey::new("cd", &["read"], None),
    );
    for key in [&key, &other] {
        let (name, record) = key.entry();
        store.set(name, record.into_bytes()).await.unwrap();
    }
    let mut replicas = Vec::new();
    for app in &apps {
        replicas.push(host.serve(app, How::kept()).await);
    }
    let tokens = ["alice", "bob"].map(|subject| issuer.token(subject, "read"));
    let by_key = |key: &ApiKey| {
        (
            Ask::get("/machine").header("x-api-key", &key.text),
            key.name.clone(),
        )
    };
    let by_token =
        |token: &str, subject: &str| (Ask::get("/read").bearer(token), subject.to_owned());
    let revoked = [by_key(&key), by_token(&tokens[0], "alice")];
    let others = [by_key(&other), by_token(&tokens[1], "bob")];
    for (replica, running) in replicas.iter().enumerate() {
        for (ask, who) in revoked.iter().chain(&others) {
            let answer = ask.send(running.address).await;
            assert_eq!(answer.status, 200, "{who} by {replica}: {}", answer.text());
        }
    }

    // As `doorward key revoke` and `doorward revoke subject` do it, once.
    let now = issuer.now();
    let entry = revocation(&issuer.url(), Revoked::Subject("alice", now), now + 3600);
    store.set(entry, Vec::new()).await.unwrap();
    assert_eq!(store.delete(key.entry_name()).await, Ok(true));
    let at = Instant::now();
    for (replica, running) in replicas.iter().enumerate() {
        for (ask, who) in &revoked {
            loop {
                let asked = at.elapsed();
                let status = ask.send(running.address).await.status;
                if status == 401 {
                    break;
                }
                assert_eq!(status, 200, "{who} by {replica}");
                assert!(asked < REVOKED_TIME_MAX, "{who} by {replica}: {asked:?}");
            }
        }
    }
    for (replica, running) in replicas.iter().enumerate() {
        for (asked, expected) in [(&revoked, 401), (&others, 200)] {
            for (ask, who) in asked {
                let status = ask.send(running.address).await.status;
                assert_eq!(status, expected, "{who} by {replica}");
            }
        }
    }
}

fn server_has_no_entry(server: &Server<Redis>) -> bool {
    let asked = std::process::Command::new("redis-cli")
        .args([
            "-p",
            &server.port().to_string(),
            "--raw",
            "keys",
            "doorward/*",
        ])
        .output()
        .unwrap();
    asked.stdout.trim_ascii().is_empty()
}

async fn while_the_store_hangs_requests_are_answered_in_the_time_that_the_gate_gives_it(
    host: &dyn Host,
) {
    let server = Server::start(Redis::default()).await;
    let issuer = Issuer::start().await;
    let policy = gated(
        &issuer,
        "[revocation]\n\n[store]\nrefresh_s = 1\n\n\
         [rate_limit.many]\nrequests = 1000\nper_s = 3600\nshared = true\n\n",
    );
    let mut spec = AppSpec::gated("echo", policy + "rate_limit = \"many\"\n");
    spec.middleware = vec!["gate-atomics"];
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let app = spec.write();
    let running = host.serve(&app, How::one()).await;
    let token = issuer.token("alice", "read");
    let ask = async || {
        let begun = Instant::now();
        let answer = Ask::get("/read").bearer(&token).send(running.address).await;
        assert!(begun.elapsed() < HANGING_TIME_MAX, "{:?}", begun.elapsed());
        answer.status
    };
    assert_eq!(ask().await, 200);
    let hangs = Hangs::of(&server);
    // By what was read last, each instance counting for itself. One that begins now knows nothing, and refuses.
    let mut statuses = vec![ask().await, ask().await, ask().await];
    statuses.extend(futures::future::join_all((0..8).map(|_| ask())).await);
    let is_expected = |status: &u16| matches!(status, 200 | 503);
    assert!(statuses.iter().all(is_expected), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    drop(hangs);
    let begun = Instant::now();
    while ask().await != 200 {
        assert!(begun.elapsed() < REQUEST_TIME_MAX, "it is not used again");
    }
}

async fn while_the_store_is_away_tokens_are_refused_only_after_its_time_and_then_accepted_again(
    host: &dyn Host,
) {
    let mut server = Server::start(Redis::default()).await;
    let issuer = Issuer::start().await;
    let policy = gated(
        &issuer,
        "[revocation]\n\n[store]\nrefresh_s = 1\nstale_if_error_s = 3\n\n",
    );
    let mut spec = AppSpec::gated("echo", policy);
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let app = spec.write();
    let running = host.serve(&app, How::one()).await;
    let token = issuer.token("alice", "read");
    let ask = async || {
        let begun = Instant::now();
        let answer = Ask::get("/read").bearer(&token).send(running.address).await;
        assert!(begun.elapsed() < REQUEST_TIME_MAX, "{:?}", begun.elapsed());
        answer.status
    };
    assert_eq!(ask().await, 200);
    server.kill();
    // What was read last counts for a while; then nobody knows what is revoked.
    let begun = Instant::now();
    let mut statuses = vec![ask().await];
    while statuses.last() != Some(&503) {
        assert!(begun.elapsed() < REQUEST_TIME_MAX, "{statuses:?}");
        statuses.push(ask().await);
    }
    let before = statuses.iter().filter(|status| **status != 503);
    assert!(before.clone().count() > 0, "what was read last counts");
    assert!(before.clone().all(|status| *status == 200), "{statuses:?}");
    server.start_again().await;
    let begun = Instant::now();
    while ask().await != 200 {
        assert!(begun.elapsed() < REQUEST_TIME_MAX, "it is not used again");
    }
}
