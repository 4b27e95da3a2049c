//! Hosts on a clock of the test's own, where they have that and hours pass at once, and how to look at
//! what they do.

use crate::app::App;
use crate::client::{Answer, Ask};
pub use crate::clock::Clock;
use crate::host::{Host, How, Running};
use doorward_host::kv::StoreFile;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long [`until`] waits before something hangs.
const WAIT_TIME_MAX: Duration = Duration::from_secs(60);
/// How often [`until`] looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// By how much a machine under load may be late.
const LOAD: Duration = Duration::from_secs(25);
/// Answers in a row after which nothing else is expected.
const SETTLED: usize = 10;

/// The clock of cases on this host.
pub fn clock(host: &dyn Host) -> Clock<'_> {
    Clock::of(host)
}

/// Serves `app` by that clock, with instances that are kept ([`How::kept`]).
pub async fn start(app: &App, clock: &Clock<'_>) -> Running {
    serve(app, clock, How::kept()).await
}

/// Serves `app` by that clock, with one instance for each request under way.
pub async fn start_spread(app: &App, clock: &Clock<'_>) -> Running {
    serve(app, clock, How::spread()).await
}

/// Serves `app` by that clock, with a new instance for each request.
pub async fn start_forgetful(app: &App, clock: &Clock<'_>) -> Running {
    serve(app, clock, How::forgetful()).await
}

/// Serves `app` by that clock, in this way.
pub async fn serve(app: &App, clock: &Clock<'_>, how: How) -> Running {
    clock.host().serve(app, how.by(clock.own())).await
}

/// `GET target` with this bearer token.
pub async fn get(running: &Running, target: &str, token: &str) -> Answer {
    Ask::get(target).bearer(token).send(running.address).await
}

/// Asks for `target` with each of these tokens at the same time; the answers in their order.
pub async fn get_at_once(running: &Running, target: &str, tokens: &[String]) -> Vec<Answer> {
    let asks = tokens.iter().map(|token| get(running, target, token));
    futures::future::join_all(asks).await
}

/// Waits, by the real clock.
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// How long something takes.
#[derive(Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has taken until now.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Fails where it took longer until now, and a machine under load is no excuse.
    pub fn assert_within(&self, limit: Duration, what: &str) {
        let took = self.elapsed();
        assert!(took < limit + LOAD, "{what}: {took:?}, not {limit:?}");
    }
}

/// Lets everybody else have a turn.
pub async fn yield_now() {
    tokio::task::yield_now().await;
}

/// The lines of the log that tell of this event, of those that have arrived so far
/// ([`Running::whole_log`]).
pub fn events(running: &Running, event: &str) -> Vec<Value> {
    let log = running.log();
    let lines = log
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["event"] == event)
        .collect()
}

/// The lines of the log that tell of this event, of all until now ([`Running::whole_log`]).
pub async fn all_events(running: &Running, event: &str) -> Vec<Value> {
    running.whole_log().await;
    events(running, event)
}

/// Waits for a line of the log that tells of this event, and gives the first one.
pub async fn first_event(running: &Running, event: &str) -> Value {
    until_event(running, event, 1).await;
    events(running, event).swap_remove(0)
}

/// Waits until something holds that nothing tells of: what goes on after a response.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < WAIT_TIME_MAX,
            "waiting in vain until {what}"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until the log tells of this event so many times.
pub async fn until_event(running: &Running, event: &str, times: usize) {
    let start = Instant::now();
    while events(running, event).len() < times {
        assert!(
            start.elapsed() < WAIT_TIME_MAX,
            "waiting in vain for {times} events {event}: {:#?}",
            running.log()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Asks again and again until the log tells of this event so many times. Every answer has to be 200.
///
/// A refresh that is due while the one before is still being stored is left to the next request.
pub async fn ask_until_event(running: &Running, ask: &Ask, event: &str, times: usize) {
    let start = Instant::now();
    while events(running, event).len() < times {
        let answer = ask.send(running.address).await;
        assert_eq!(
            answer.status,
            200,
            "until {event}: {}: {:#?}",
            answer.text(),
            running.log()
        );
        assert!(
            start.elapsed() < WAIT_TIME_MAX,
            "waiting in vain for {times} events {event}: {:#?}",
            running.log()
        );
    }
}

/// Asks again and again until the answer has this status; every answer before has to have `before`.
pub async fn until_status(running: &Running, ask: &Ask, status: u16, before: u16, what: &str) {
    let start = Instant::now();
    loop {
        let answer = ask.send(running.address).await;
        if answer.status == status {
            return;
        }
        assert_eq!(answer.status, before, "{what}: {}", answer.text());
        assert!(
            start.elapsed() < WAIT_TIME_MAX,
            "{what}: still {before} instead of {status}"
        );
    }
}

/// Like [`until_status`], until no instance answers otherwise any more: each of them goes by what it
/// remembers until it has looked again.
pub async fn until_settled(running: &Running, ask: &Ask, status: u16, before: u16, what: &str) {
    let mut in_a_row = 0;
    while in_a_row < SETTLED {
        until_status(running, ask, status, before, what).await;
        let answer = ask.send(running.address).await;
        in_a_row = if answer.status == status {
            in_a_row + 1
        } else {
            0
        };
    }
}

/// The store of an application, which a host may have open as well.
pub fn store(app: &App) -> StoreFile {
    StoreFile::open(&app.folder().join("state")).expect("open the key-value store")
}

/// Writes empty values under all of these names at once, which a [`StoreFile`] does one by one.
pub fn set_all(app: &App, names: impl Iterator<Item = String>) {
    let path = StoreFile::path(&app.folder().join("state"));
    drop(store(app).keys("default").expect("make the store's file"));
    let mut file = rusqlite::Connection::open(path).expect("open the store's file");
    let transaction = file.transaction().expect("begin to write");
    for name in names {
        let row = "INSERT INTO spin_key_value (store, key, value) VALUES ('default', ?1, x'')";
        transaction
            .execute(row, [name])
            .expect("write into the store's file");
    }
    transaction.commit().expect("end to write");
}

/// Makes every call to the store fail, or work again.
pub fn store_fails(app: &App, fails: bool) {
    let path = StoreFile::path(&app.folder().join("state"));
    let file = rusqlite::Connection::open(path).expect("open the store's file");
    let (from, to) = if fails {
        ("spin_key_value", "away")
    } else {
        ("away", "spin_key_value")
    };
    file.execute(&format!("ALTER TABLE {from} RENAME TO {to}"), [])
        .expect("rename the store's table");
}

/// How often the names in the store were asked for: a file cannot tell.
pub fn listings(_app: &App) -> Option<usize> {
    None
}

/// Nobody can write to the store as long as this exists. What is in it can be read.
#[derive(Debug)]
#[must_use]
pub struct NoWrites {
    /// Gives the lock back when it is closed.
    _file: rusqlite::Connection,
}

impl NoWrites {
    /// Makes all who write wait.
    pub fn to(app: &App) -> Self {
        let path = StoreFile::path(&app.folder().join("state"));
        let file = rusqlite::Connection::open(path).expect("open the store's file");
        file.execute_batch("BEGIN IMMEDIATE")
            .expect("lock the store's file");
        Self { _file: file }
    }
}

/// What is in the store `default` under this name.
pub fn stored(app: &App, name: &str) -> Option<Vec<u8>> {
    let value = store(app).get("default", name);
    value.expect("read the key-value store")
}

/// The names in the store `default` that begin with `prefix`.
pub fn stored_names(app: &App, prefix: &str) -> Vec<String> {
    let names = store(app).keys("default").expect("list the store");
    let ours = names.into_iter();
    ours.filter(|name| name.starts_with(prefix)).collect()
}
