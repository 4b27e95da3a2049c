//! What happens to users, told to a receiver.

use crate::scene::{
    Scene, Store, USERS, admin, by, change, create, etag, location, named, who_logs_in,
};
use doorward_runtime_tests::app::outbox;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask, send_bytes};
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::origin::{Gate, Origin, Reply};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

/// The cases, on whichever store.
pub const CASES: &[Case] = cases![
    each_change_is_told_after_its_answer,
    a_receiver_that_is_away_loses_nothing_and_no_order,
    an_event_that_is_refused_holds_up_its_own_user_alone,
    who_never_answers_is_given_up_and_asked_again,
    an_answer_counts_when_its_head_is_there,
    many_instances_keep_the_order_of_each_user,
    what_nobody_wants_waits_until_somebody_does,
    what_is_refused_to_the_client_is_told_to_nobody,
    the_outbox_is_drained_by_who_may,
    a_wrong_setting_is_said_and_nothing_is_guessed;
    both_manners:
    a_timer_delivers_what_was_left,
    an_event_is_delivered_before_the_host_ends,
    a_timer_at_the_stop_delivers_what_was_left,
];

/// Where the outbox is drained.
pub const DRAIN: &str = "/internal/outbox/drain";
/// What is said to the receiver.
const AUTHORIZATION: &str = "Bearer of-the-users";
/// How long everything may take to arrive.
const TIME_MAX: Duration = Duration::from_secs(90);

/// A store whose events go to this URL.
async fn told_at(url: &str) -> Store {
    let store = Store::with(&[
        ("users_events_url", url),
        ("users_events_authorization", AUTHORIZATION),
    ])
    .await;
    store.app.add_to_manifest(&outbox());
    store
}

/// A store whose events go to this receiver.
async fn told(receiver: &Origin) -> Store {
    told_at(&format!("{}/events", receiver.url())).await
}

/// A service whose events go to this receiver.
async fn scene(host: &dyn Host, how: How, receiver: &Origin) -> Scene {
    let store = told(receiver).await;
    let running = host.serve(&store.app, how).await;
    Scene { store, running }
}

/// Drains, as somebody who may.
async fn drain(running: &Running) -> Answer {
    let ask = by("operator", "drain:outbox", Ask::new("POST", DRAIN));
    ask.send(running.address).await
}

/// Drains until the receiver has taken so many different events.
async fn drained_until(running: &Running, receiver: &Origin, count: usize) {
    let begun = Instant::now();
    while distinct(receiver) < count {
        let answer = drain(running).await;
        assert!(matches!(answer.status, 200 | 502), "{}", answer.text());
        assert!(begun.elapsed() < TIME_MAX, "{} arrived", distinct(receiver));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The events that the receiver has taken.
fn taken(receiver: &Origin) -> Vec<Value> {
    let requests = receiver.requests().into_iter();
    let whole = requests.filter(|seen| seen.is_whole() && seen.answered);
    whole
        .map(|seen| serde_json::from_slice(&seen.body).unwrap())
        .collect()
}

fn distinct(receiver: &Origin) -> usize {
    let taken = taken(receiver);
    let ids: BTreeSet<String> = taken.iter().map(|event| event["id"].to_string()).collect();
    ids.len()
}

/// Changes the name of a user, and gives the answer.
async fn renamed(scene: &Scene, path: &str, tag: &str, name: &str) -> Answer {
    let ask = admin(change(path, tag, &json!({ "name": name })));
    let answer = scene.send(ask).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

async fn each_change_is_told_after_its_answer(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(202)).await;
    let scene = scene(host, How::default(), &receiver).await;
    let created = scene.created(who_logs_in("ada")).await;
    let with_key = create(&named("bob")).header("Idempotency-Key", "k");
    let bob = scene.send(with_key).await;
    assert_eq!(bob.status, 201);
    receiver
        .until("two", |receiver| taken(receiver).len() == 2)
        .await;
    let path = location(&created);
    let changed = renamed(&scene, &path, &etag(&created), "Ada King").await;
    let gone = admin(Ask::new("DELETE", &path)).header("If-Match", &etag(&changed));
    assert_eq!(scene.send(gone).await.status, 204);
    receiver
        .until("all", |receiver| taken(receiver).len() == 4)
        .await;
    let seen = receiver.requests();
    for seen in &seen {
        assert_eq!((&*seen.method, &*seen.target), ("POST", "/events"));
        assert_eq!(
            seen.field("content-type"),
            Some("application/cloudevents+json")
        );
        assert_eq!(seen.field("authorization"), Some(AUTHORIZATION));
    }
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let events = taken(&receiver);
    let of_ada: Vec<&Value> = events
        .iter()
        .filter(|event| event["subject"] == *id)
        .collect();
    let mut first = created.json();
    first["version"] = json!(1);
    let mut second = changed.json();
    second["version"] = json!(2);
    for (event, (kind, version, data)) in of_ada.iter().zip([
        ("created", 1, first),
        ("changed", 2, second),
        ("deleted", 3, json!({ "id": id, "version": 3 })),
    ]) {
        assert_eq!(event["type"], format!("dev.doorward.user.{kind}.v1"));
        assert_eq!(event["id"], format!("{id}.{version}"));
        assert_eq!(event["source"], "urn:doorward:users");
        assert_eq!(event["data"], data);
    }
    assert_eq!(of_ada.len(), 3, "{events:?}");
    let of_bob = events
        .iter()
        .find(|event| event["subject"] == bob.json()["id"]);
    assert_eq!(of_bob.unwrap()["data"]["name"], "bob");
}

async fn a_receiver_that_is_away_loses_nothing_and_no_order(host: &dyn Host) {
    let receiver = Origin::start(Reply::unavailable(0)).await;
    let scene = scene(host, How::default(), &receiver).await;
    let ada = scene.created(named("ada")).await;
    let path = location(&ada);
    receiver
        .until("one try", |receiver| receiver.count() > 0)
        .await;
    let answer = drain(&scene.running).await;
    assert!(matches!(answer.status, 200 | 502), "{}", answer.text());
    let second = renamed(&scene, &path, &etag(&ada), "Ada 2").await;
    renamed(&scene, &path, &etag(&second), "Ada 3").await;
    receiver.stop().await;
    let bob = scene.created(named("bob")).await;
    assert_eq!(drain(&scene.running).await.status, 502, "nobody is there");
    receiver.set(Reply::status(204));
    receiver.forget();
    receiver.revive().await;
    drained_until(&scene.running, &receiver, 4).await;
    let events = taken(&receiver);
    let of = |user: &Answer| -> Vec<u64> {
        let of_user = events
            .iter()
            .filter(|event| event["subject"] == user.json()["id"]);
        of_user
            .map(|event| event["data"]["version"].as_u64().unwrap())
            .collect()
    };
    assert_eq!((of(&ada), of(&bob)), (vec![1, 2, 3], vec![1]));
    let id = format!("{}.1", ada.json()["id"].as_str().unwrap());
    let line = scene.running.wait_for_log(|line| line.contains(&id)).await;
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["event"], "users-event-undelivered");
    assert_eq!(told["reason"], "it was answered with status 503");
    assert!(
        !line.contains("example.com") && !line.contains("of-the-users"),
        "{line}"
    );
}

async fn an_event_that_is_refused_holds_up_its_own_user_alone(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(422)).await;
    let scene = scene(host, How::default(), &receiver).await;
    let ada = scene.created(named("ada")).await;
    receiver
        .until("the refusal", |receiver| !taken(receiver).is_empty())
        .await;
    scene
        .running
        .wait_for_log(|line| line.contains("status 422"))
        .await;
    receiver.set(Reply::status(204));
    receiver.forget();
    let bob = scene.created(named("bob")).await;
    receiver
        .until("bob", |receiver| !taken(receiver).is_empty())
        .await;
    assert_eq!(taken(&receiver)[0]["subject"], bob.json()["id"]);
    drained_until(&scene.running, &receiver, 2).await;
    assert_eq!(taken(&receiver)[1]["subject"], ada.json()["id"]);
}

/// Nothing but the delivery keeps the instances meanwhile.
async fn who_never_answers_is_given_up_and_asked_again(host: &dyn Host) {
    let receiver = Origin::start(Reply::stall()).await;
    let scene = scene(host, How::default(), &receiver).await;
    let ask = create(&named("ada")).header("x-request-id", "that-created-ada");
    let ada = scene.send(ask).await;
    let running = &scene.running;
    let line = running.wait_for_log(|line| line.contains("too long")).await;
    assert!(line.contains(ada.json()["id"].as_str().unwrap()), "{line}");
    assert!(line.contains("that-created-ada"), "{line}");
    receiver.set(Reply::status(204));
    drained_until(running, &receiver, 1).await;
}

async fn an_answer_counts_when_its_head_is_there(host: &dyn Host) {
    let never = Gate::closed();
    let accepted = Reply::chunked().with_status(202).trickle(&never, &["late"]);
    let receiver = Origin::start(accepted).await;
    let scene = scene(host, How::default(), &receiver).await;
    scene.created(named("ada")).await;
    receiver
        .until("the event", |receiver| receiver.count() > 0)
        .await;
    let begun = Instant::now();
    loop {
        let answer = drain(&scene.running).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        // The lease ends with the delivery that was under way.
        if begun.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
    assert_eq!(receiver.count(), 1, "it is told once");
}

async fn many_instances_keep_the_order_of_each_user(host: &dyn Host) {
    const USERS: usize = 8;
    const CHANGES: u64 = 6;
    let receiver = Origin::start(Reply::status(204)).await;
    let scene = scene(host, How::spread(), &receiver).await;
    let client = |number: usize| {
        let scene = &scene;
        async move {
            let user = scene.created(named(&format!("user{number}"))).await;
            let mut tag = etag(&user);
            for version in 2..=CHANGES {
                let name = format!("user {number} {version}");
                tag = etag(&renamed(scene, &location(&user), &tag, &name).await);
            }
        }
    };
    futures::future::join_all((0..USERS).map(client)).await;
    drained_until(&scene.running, &receiver, USERS * CHANGES as usize).await;
    let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in taken(&receiver) {
        let version = event["data"]["version"].as_u64().unwrap();
        let of_user = versions.entry(event["subject"].to_string()).or_default();
        // Once more is allowed, and then it is the one that came last.
        if of_user.last() != Some(&version) {
            of_user.push(version);
        }
    }
    assert_eq!(versions.len(), USERS);
    for (user, versions) in versions {
        assert!(
            versions.iter().copied().eq(1..=CHANGES),
            "{user}: {versions:?}"
        );
    }
}

async fn what_nobody_wants_waits_until_somebody_does(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(204)).await;
    let store = told_at("").await;
    let running = host.serve(&store.app, How::default()).await;
    let created = create(&named("ada")).send(running.address).await;
    assert_eq!(created.status, 201);
    let answer = drain(&running).await;
    assert_eq!(
        (answer.status, answer.json()["delivered"].clone()),
        (200, json!(0))
    );
    drop(running);
    let text = fs::read_to_string(store.app.manifest()).unwrap();
    let none = "users_events_url = { default = \"\" }";
    let named_now = text.replace(
        none,
        &none.replace("\"\"", &format!("{:?}", receiver.url())),
    );
    assert_ne!(text, named_now);
    fs::write(store.app.manifest(), named_now).unwrap();
    let running = host.serve(&store.app, How::default()).await;
    drained_until(&running, &receiver, 1).await;
    assert_eq!(taken(&receiver)[0]["subject"], created.json()["id"]);
}

async fn what_is_refused_to_the_client_is_told_to_nobody(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(204)).await;
    let scene = scene(host, How::default(), &receiver).await;
    let ada = scene.created(named("ada")).await;
    let mut twice = named("ada");
    twice["name"] = json!("another");
    assert_eq!(scene.send(create(&twice)).await.status, 409);
    let with_key = create(&twice).header("Idempotency-Key", "k");
    assert_eq!(scene.send(with_key).await.status, 409);
    let stale = admin(change(
        &location(&ada),
        "\"other\"",
        &json!({ "name": "x" }),
    ));
    assert_eq!(scene.send(stale).await.status, 412);
    let stale = admin(Ask::new("DELETE", &location(&ada))).header("If-Match", "\"other\"");
    assert_eq!(scene.send(stale).await.status, 412);
    let same = admin(change(
        &location(&ada),
        &etag(&ada),
        &json!({ "name": "ada" }),
    ));
    assert_eq!(scene.send(same).await.status, 200, "nothing is changed");
    drained_until(&scene.running, &receiver, 1).await;
    assert_eq!(drain(&scene.running).await.json()["delivered"], 0);
    assert_eq!(distinct(&receiver), 1, "{:?}", taken(&receiver));
}

async fn the_outbox_is_drained_by_who_may(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(204)).await;
    let scene = scene(host, How::default(), &receiver).await;
    let post = || Ask::new("POST", DRAIN);
    for (what, ask, status) in [
        ("nobody", post(), 401),
        (
            "another scope",
            by("eve", "read:users write:users", post()),
            403,
        ),
        (
            "another method",
            by("operator", "drain:outbox", Ask::get(DRAIN)),
            405,
        ),
        ("who may", by("operator", "drain:outbox", post()), 200),
    ] {
        let answer = scene.send(ask).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    // Under the name that components have, who is told to be somebody is still asked for the scope. Spin takes that name
    // from what comes from outside, and then has no request that it could answer.
    let [told, untold] = match host.name() {
        "spin" => [0, 0],
        _ => [403, 200],
    };
    for (what, ask, status) in [
        (
            "another scope",
            by("eve", "read:users write:users", post()),
            told,
        ),
        ("the application itself", post(), untold),
    ] {
        let bytes = ask.bytes("users-outbox.spin.internal");
        let answer = send_bytes(scene.running.address, &bytes).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
}

async fn a_wrong_setting_is_said_and_nothing_is_guessed(host: &dyn Host) {
    for url in ["events.example", "ftp://events.example/", "http:///events"] {
        let store = told_at(url).await;
        let running = host.serve(&store.app, How::default()).await;
        assert_eq!(drain(&running).await.status, 503, "{url}");
        let line = running
            .wait_for_log(|line| line.contains("users_events_url"))
            .await;
        assert!(line.contains("users-store-failed"), "{line}");
        let created = create(&named("ada")).send(running.address).await;
        assert_eq!(created.status, 201, "the event waits");
    }
    let store = Store::with(&[("users_v1_sunset_at", "soon")]).await;
    let running = host.serve(&store.app, How::default()).await;
    let answer = admin(Ask::get(USERS)).send(running.address).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let line = running
        .wait_for_log(|line| line.contains("users_v1_sunset_at"))
        .await;
    assert!(line.contains("users-store-failed"), "{line}");
}

/// Has a timer drain the outbox at the times of these lines.
fn drain_by_timer(store: &Store, when: &str) {
    let timer = "[[component.users-outbox.tool.doorward.timer]]";
    let timer = format!("{timer}\npath = \"{DRAIN}\"\n{when}\n");
    store.app.add_to_manifest(&timer);
}

/// The receiver is away when the user is created, and nobody sends a request afterwards.
async fn a_timer_delivers_what_was_left(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(503)).await;
    let store = told(&receiver).await;
    drain_by_timer(&store, "cron_expression = \"* * * * * *\"");
    let running = host.serve(&store.app, How::default()).await;
    let created = create(&named("ada")).send(running.address).await;
    assert_eq!(created.status, 201);
    receiver
        .until("one try", |receiver| receiver.count() > 0)
        .await;
    receiver.set(Reply::status(204));
    receiver.forget();
    receiver
        .until("the event", |receiver| !taken(receiver).is_empty())
        .await;
    assert_eq!(taken(&receiver)[0]["subject"], created.json()["id"]);
}

async fn an_event_is_delivered_before_the_host_ends(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(202)).await;
    let Scene { store, running } = scene(host, How::default(), &receiver).await;
    let created = create(&named("ada")).send(running.address).await;
    assert_eq!(created.status, 201);
    running.stop().await;
    let taken = taken(&receiver);
    assert_eq!(taken.len(), 1, "nothing is done later: {taken:?}");
    assert_eq!(taken[0]["subject"], created.json()["id"]);
    drop(store);
}

/// While a receiver is away an instance does not ask it after each request.
async fn a_timer_at_the_stop_delivers_what_was_left(host: &dyn Host) {
    let receiver = Origin::start(Reply::status(503)).await;
    let store = told(&receiver).await;
    drain_by_timer(&store, "cron_expression = \"@yearly\"\nat_stop = true");
    let running = host.serve(&store.app, How::one()).await;
    let created = create(&named("ada")).send(running.address).await;
    assert_eq!(created.status, 201);
    receiver
        .until("one try", |receiver| receiver.count() > 0)
        .await;
    receiver.set(Reply::status(204));
    let bob = create(&named("bob")).send(running.address).await;
    assert_eq!(bob.status, 201);
    running.stop().await;
    let taken = taken(&receiver);
    let bobs = taken
        .iter()
        .filter(|event| event["subject"] == bob.json()["id"]);
    assert_eq!(bobs.count(), 1, "{taken:?}");
}
