//! Events that go to real servers: Redis, Mosquitto, RabbitMQ and PostgreSQL.

use crate::scene::{LINES, Scene, as_sent, event, events, lines, post};
use crate::streaming::Listener;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::cloudevents::{self, steps};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use doorward_runtime_tests::servers::{Kind, Mosquitto, PostgreSql, RabbitMq, Redis, Server};
use doorward_runtime_tests::subscriber::Subscriber;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What is not tried again takes less than this; what is takes longer.
const AT_ONCE_TIME_MAX: Duration = Duration::from_secs(15);

/// Those with Redis.
pub const REDIS: &[Case] = cases![
    redis_has_each_event_once,
    what_was_acknowledged_is_in_redis_when_it_was_killed,
    a_redis_that_refuses_is_not_asked_again,
    an_event_that_could_not_be_added_is_not_taken_for_one_that_was,
    a_stream_of_redis_that_is_bounded_keeps_the_latest,
];

/// Those with Mosquitto.
pub const MOSQUITTO: &[Case] = cases![
    a_batch_is_one_message_to_mosquitto,
    a_mosquitto_that_was_away_is_published_to_again,
];

/// Those with RabbitMQ, and a client of its own protocol.
pub const RABBITMQ: &[Case] =
    cases![; both_manners: what_is_published_by_mqtt_is_in_a_queue_of_rabbitmq];

/// Those with PostgreSQL.
pub const POSTGRESQL: &[Case] = cases![
    postgresql_has_each_event_once_and_gives_them_back,
    what_was_acknowledged_is_in_postgresql_when_it_was_killed,
    postgresql_streams_what_comes_and_goes_on_after_a_position,
];

/// Whether there is a RabbitMQ, and who consumes from it.
pub fn rabbitmq_available() -> Result<(), String> {
    RabbitMq::available()?;
    cloudevents::prepare()
}

async fn redis_has_each_event_once(host: &dyn Host) {
    let redis = Server::start(Redis::with_password("secret")).await;
    let redis_open = Server::start(Redis::default()).await;
    let scene = Scene::into(host, &redis_open.url()).await;
    let sent = events("a", 1_500);
    assert_eq!(scene.taken(&sent).await["duplicates"], 0);
    assert_eq!(redis_open.stream_length("events"), 1_500);
    // Some are new, some were there, and one is there twice.
    let report = scene.taken(&[event("a000"), event("b"), event("b")]).await;
    assert_eq!(report["duplicates"], 2, "{report}");
    assert_eq!(redis_open.stream_length("events"), 1_501);

    // With a password, and a stream of another name.
    let variables = [
        ("events_sink", &*redis.url()),
        ("events_redis_stream", "other"),
    ];
    let scene = Scene::of(host, &variables).await;
    scene.taken(&sent).await;
    assert_eq!(scene.taken(&sent).await["duplicates"], 1_500);
}

async fn what_was_acknowledged_is_in_redis_when_it_was_killed(host: &dyn Host) {
    let mut redis = Server::start(Redis::default()).await;
    let scene = Scene::into(host, &redis.url()).await;
    scene.taken(&events("a", 100)).await;
    redis.kill();
    // This one is on its way while nobody listens, and waits until somebody does.
    let sent = events("b", 100);
    let (report, ()) = tokio::join!(scene.taken(&sent), redis.start_again());
    assert_eq!(report["accepted"], 100);
    assert_eq!(redis.stream_length("events"), 200);
    let again = [events("a", 100), sent].concat();
    assert_eq!(scene.taken(&again).await["duplicates"], 200);
    assert_eq!(redis.stream_length("events"), 200);
}

async fn a_redis_that_refuses_is_not_asked_again(host: &dyn Host) {
    let redis = Server::start(Redis::with_password("secret")).await;
    for (user, word) in [
        ("", "unauthenticated"),
        (":another@", "AuthenticationFailed"),
    ] {
        let scene = Scene::into(host, &format!("redis://{user}{}", redis.address())).await;
        let begun = Instant::now();
        let line = refused(&scene, "another").await;
        assert!(line.contains(word), "{line}");
        assert!(
            begun.elapsed() < AT_ONCE_TIME_MAX,
            "{word}: {:?}",
            begun.elapsed()
        );
    }
}

async fn an_event_that_could_not_be_added_is_not_taken_for_one_that_was(host: &dyn Host) {
    let redis = Server::start(Redis::default()).await;
    let scene = Scene::into(host, &redis.url()).await;
    // A stream whose last entry has the last id that there is: nothing comes behind it.
    let last = format!("{0}-{0}", u64::MAX);
    redis.command(&format!("XADD events {last} a b"));
    let body = lines(&[event("1")]);
    assert_eq!(scene.send(post(LINES, &body)).await.status, 503);
    redis.command("DEL events");
    let report = scene.taken(&[event("1")]).await;
    assert_eq!(report["duplicates"], 0, "{report}");
    assert_eq!(redis.stream_length("events"), 1);
}

async fn a_stream_of_redis_that_is_bounded_keeps_the_latest(host: &dyn Host) {
    let redis = Server::start(Redis::default()).await;
    let variables = [
        ("events_sink", &*redis.url()),
        ("events_redis_maxlen", "500"),
    ];
    let scene = Scene::of(host, &variables).await;
    let sent = events("a", 3_000);
    scene.taken(&sent).await;
    // Redis takes away whole nodes, of a hundred entries unless it is told otherwise.
    let length = redis.stream_length("events");
    assert!((500..=600).contains(&length), "{length}");
    let last = redis.command("XREVRANGE events + - COUNT 1");
    assert!(last.contains("\"id\":\"a2999\""), "{last}");
    // What is no longer there is known all the same.
    assert_eq!(scene.taken(&sent).await["duplicates"], 3_000);
    assert_eq!(redis.stream_length("events"), length);
}

/// The line of the log about a sink that took nothing. The client knows that it has to send all again, and no reason.
async fn refused(scene: &Scene, secret: &str) -> String {
    let answer = scene.send(post(LINES, lines(&[event("1")]))).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let place = json!({ "event": 1, "line": 1, "offset": 0 });
    assert_eq!(answer.json()["resume_from"], place);
    let text = answer.text();
    for said in [secret, "127.0.0.1", "Redis", "redis"] {
        assert!(!text.contains(said), "{said}: {text}");
    }
    let line = scene
        .running
        .wait_for_log(|line| line.contains("events-sink-failed"))
        .await;
    assert!(!line.contains(secret), "{line}");
    line
}

/// The events of a message, as they were sent.
fn batch(payload: &[u8]) -> Vec<Value> {
    let batch: Vec<Value> = serde_json::from_slice(payload).unwrap();
    batch.iter().map(as_sent).collect()
}

async fn a_batch_is_one_message_to_mosquitto(host: &dyn Host) {
    let broker = Server::start(Mosquitto::with_user("writer", "a:b@c")).await;
    let mut subscriber = Subscriber::start(broker.address(), Some(("writer", "a:b@c"))).await;
    let variables = [
        (
            "events_sink",
            &*format!("mqtt://writer:a%3Ab%40c@{}", broker.address()),
        ),
        ("events_mqtt_topic", "a/b \u{e9}"),
    ];
    let scene = Scene::of(host, &variables).await;
    let sent = events("a", 1_200);
    scene.taken(&sent).await;
    let mut had = Vec::new();
    for count in [1_000, 200] {
        let message = subscriber.next().await;
        assert_eq!((&*message.topic, message.quality), ("a/b \u{e9}", 1));
        let events = batch(&message.payload);
        assert_eq!(events.len(), count);
        had.extend(events);
    }
    assert_eq!(had, sent);
}

async fn a_mosquitto_that_was_away_is_published_to_again(host: &dyn Host) {
    let mut broker = Server::start(Mosquitto::default()).await;
    let scene = Scene::into(host, &broker.url()).await;
    scene.taken(&[event("1")]).await;
    broker.kill();
    // Who subscribes later does not get it: nothing is kept for who was never there.
    let ((), report) = tokio::join!(broker.start_again(), async {
        scene.taken(&[event("2")]).await
    });
    assert_eq!(report["accepted"], 1);
    let mut subscriber = Subscriber::start(broker.address(), None).await;
    scene.taken(&[event("3")]).await;
    assert_eq!(batch(&subscriber.next().await.payload), [event("3")]);
}

async fn what_is_published_by_mqtt_is_in_a_queue_of_rabbitmq(host: &dyn Host) {
    let broker = Server::start(RabbitMq).await;
    let port = broker.amqp_port();
    let bind = json!({ "bind": port, "queue": "all", "topic": "events" });
    steps(json!([bind])).await;
    let scene = Scene::into(host, &broker.url()).await;
    let sent = events("a", 20);
    scene.taken(&sent).await;
    let receive = json!({ "receive": port, "queue": "all", "count": 1 });
    let received = steps(json!([receive])).await;
    let messages = received[0]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(batch(messages[0].as_str().unwrap().as_bytes()), sent);
}

async fn postgresql_has_each_event_once_and_gives_them_back(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let scene = Scene::into(host, &server.url()).await;
    let sent = events("a", 300);
    assert_eq!(scene.taken(&sent).await["duplicates"], 0);
    assert_eq!(scene.taken(&sent).await["duplicates"], 300);
    let (had, next) = scene.list("?limit=1000").await;
    let had: Vec<Value> = had.iter().map(as_sent).collect();
    assert_eq!(had, sent);
    let (since, _) = scene.list(&format!("?after={next}")).await;
    assert_eq!(since, Vec::<Value>::new());
}

async fn what_was_acknowledged_is_in_postgresql_when_it_was_killed(host: &dyn Host) {
    let mut server = Server::start(PostgreSql::default()).await;
    let scene = Scene::into(host, &server.url()).await;
    scene.taken(&events("a", 100)).await;
    server.kill();
    let sent = events("b", 100);
    let (report, ()) = tokio::join!(scene.taken(&sent), server.start_again());
    assert_eq!(report["accepted"], 100);
    let mut had = scene.ids().await;
    had.sort();
    let both = [events("a", 100), sent].concat();
    assert_eq!(had, crate::scene::ids(&both));
}

async fn postgresql_streams_what_comes_and_goes_on_after_a_position(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let scene = Scene::into(host, &server.url()).await;
    scene.taken(&[event("1")]).await;
    let mut listener = Listener::open(&scene, "", "").await;
    let (first, position) = listener.next().await;
    assert_eq!(first, event("1"));
    scene.taken(&[event("2")]).await;
    assert_eq!(listener.next().await.0, event("2"));
    drop(listener);
    let field = format!("Last-Event-ID: {position}\r\n");
    let mut again = Listener::open(&scene, "", &field).await;
    assert_eq!(again.next().await.0, event("2"));
}
