//! Many at the same time.

use crate::scene::{Scene, Store, create, named};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Answer;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::run::Case;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The cases, on whichever store.
pub const CASES: &[Case] = cases![
    who_comes_at_the_same_time_is_not_lost_and_not_double,
    a_key_that_comes_twice_at_the_same_time_is_one_user,
    tables_are_made_once_however_many_begin,
];

/// How many clients there are.
const CLIENTS: usize = 32;
/// How many users each of them creates.
const USERS_EACH: usize = 20;
/// The same, on the host where it is quickest: 10,016 users in all.
const USERS_EACH_IN_PROCESS: usize = 313;
/// How many instances begin at the same time.
const INSTANCES: usize = 16;
/// How long all of it may take.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Sends it until the service has time for it.
async fn created(scene: &Scene, name: &str) -> Answer {
    let begun = Instant::now();
    loop {
        let ask = create(&named(name)).header("Idempotency-Key", name);
        let answer = scene.send(ask).await;
        let is_busy = answer.header("retry-after").is_some();
        if !is_busy || begun.elapsed() > TIME_MAX {
            return answer;
        }
    }
}

async fn who_comes_at_the_same_time_is_not_lost_and_not_double(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let each = match host.name() {
        "in-process" => USERS_EACH_IN_PROCESS,
        _ => USERS_EACH,
    };
    let begun = Instant::now();
    let client = |client: usize| {
        let scene = &scene;
        async move {
            let mut ids = Vec::new();
            for index in 0..each {
                let name = format!("user{client}-{index}");
                let answer = created(scene, &name).await;
                assert_eq!(answer.status, 201, "{name}: {}", answer.text());
                ids.push(answer.json()["id"].to_string());
            }
            ids
        }
    };
    let all = futures::future::join_all((0..CLIENTS).map(client)).await;
    let ids: BTreeSet<String> = all.into_iter().flatten().collect();
    assert_eq!(ids.len(), CLIENTS * each, "no id is there twice");
    assert_eq!(scene.total().await, (CLIENTS * each) as u64);
    assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
}

async fn a_key_that_comes_twice_at_the_same_time_is_one_user(host: &dyn Host) {
    // Each request in an instance of its own.
    let scene = Scene::served(host, How::spread()).await;
    for round in 0..20 {
        let name = format!("user{round}");
        let both = tokio::join!(created(&scene, &name), created(&scene, &name));
        for answer in [&both.0, &both.1] {
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        assert_eq!(both.0.json(), both.1.json());
    }
    assert_eq!(scene.total().await, 20);
}

async fn tables_are_made_once_however_many_begin(host: &dyn Host) {
    let store = Store::of().await;
    let running = host.serve(&store.app, How::spread()).await;
    let scene = Scene { store, running };
    let names: Vec<String> = (0..INSTANCES).map(|index| format!("user{index}")).collect();
    let all = names.iter().map(|name| created(&scene, name));
    let all = futures::future::join_all(all).await;
    let ids: BTreeSet<String> = all
        .iter()
        .map(|answer| answer.json()["id"].to_string())
        .collect();
    for answer in &all {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    assert_eq!(ids.len(), INSTANCES);
    assert_eq!(scene.failures(), Vec::<String>::new());
}
