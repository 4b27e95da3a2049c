//! How to look at what applications do while hours pass at once.

use super::app::{App, StoreFile};
use super::client::{Answer, Ask};
pub use super::clock::Clock;
use super::host::{Host, How, Running};
use super::run::world;
use serde_json::Value;
use std::time::Duration;

/// How long [`until`] waits before something hangs.
const WAIT_TIME_MAX: Duration = Duration::from_secs(60);
/// How often [`until`] looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// What a turn of everybody else takes at least.
const TURN: Duration = Duration::from_micros(50);
/// What all turns of a request and of what it waits for take at most.
const TURNS: Duration = Duration::from_millis(100);
/// Answers in a row after which nothing else is expected.
const SETTLED: usize = 10;

/// The clock of cases on this host.
#[must_use]
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
    clock.host().serve(app, how).await
}

/// `GET target` with this bearer token.
pub async fn get(running: &Running, target: &str, token: &str) -> Answer {
    Ask::get(target).bearer(token).send(running.address).await
}

/// Asks for `target` with each of these tokens at the same time; the answers in their order.
pub async fn get_at_once(running: &Running, target: &str, tokens: &[String]) -> Vec<Answer> {
    let asks = tokens.iter().map(|token| get(running, target, token));
    all(asks).await
}

/// Waits for all of these at the same time; what comes of them in their order.
pub async fn all<T>(works: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut works: Vec<_> = works
        .into_iter()
        .map(|work| (Box::pin(work), None))
        .collect();
    std::future::poll_fn(|context| {
        let mut all_done = true;
        for (work, done) in &mut works {
            if done.is_none() {
                match work.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => all_done = false,
                }
            }
        }
        match all_done {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    works.into_iter().filter_map(|(_, done)| done).collect()
}

/// How long something takes, by the clock that nobody sets.
#[derive(Debug)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    /// From now on.
    #[must_use]
    pub fn start() -> Self {
        Self(world().executor.now())
    }

    /// How long it has taken until now.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        world().executor.now().saturating_sub(self.0)
    }

    /// Fails where it took longer until now.
    ///
    /// # Panics
    /// Then.
    pub fn assert_within(&self, limit: Duration, what: &str) {
        let took = self.elapsed();
        assert!(took <= limit + TURNS, "{what}: {took:?}, not {limit:?}");
    }
}

/// Lets everybody else have a turn, and time for it.
pub async fn yield_now() {
    sleep(TURN).await;
}

/// Waits, by the clock that nobody sets.
pub async fn sleep(time: Duration) {
    world().executor.sleep(time).await;
}

/// The lines of the log that tell of this event.
#[must_use]
pub fn events(running: &Running, event: &str) -> Vec<Value> {
    let log = running.log();
    let lines = log
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["event"] == event)
        .collect()
}

/// The same: here no line comes later than what it tells of.
pub async fn all_events(running: &Running, event: &str) -> Vec<Value> {
    events(running, event)
}

/// Waits for a line of the log that tells of this event, and gives the first one.
pub async fn first_event(running: &Running, event: &str) -> Value {
    until_event(running, event, 1).await;
    events(running, event).swap_remove(0)
}

/// Waits until something holds that nothing tells of: what goes on after a response.
///
/// # Panics
/// When it does not come to hold.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = world().executor.now();
    while !holds() {
        let waited = world().executor.now().saturating_sub(start);
        assert!(waited < WAIT_TIME_MAX, "waiting in vain until {what}");
        sleep(LOOK_EVERY).await;
    }
}

/// Waits until the log tells of this event so many times.
pub async fn until_event(running: &Running, event: &str, times: usize) {
    let what = format!("{times} events {event}");
    until(&what, || events(running, event).len() >= times).await;
}

/// Asks again and again until the log tells of this event so many times. Every answer has to be 200.
///
/// # Panics
/// When it is not, or the log does not.
pub async fn ask_until_event(running: &Running, ask: &Ask, event: &str, times: usize) {
    let start = world().executor.now();
    while events(running, event).len() < times {
        let answer = ask.send(running.address).await;
        assert_eq!(answer.status, 200, "until {event}: {}", answer.text());
        let waited = world().executor.now().saturating_sub(start);
        assert!(waited < WAIT_TIME_MAX, "waiting in vain for {event}");
        sleep(LOOK_EVERY).await;
    }
}

/// Asks again and again until the answer has this status; every answer before has to have `before`.
///
/// # Panics
/// When one has not, or it takes too long.
pub async fn until_status(running: &Running, ask: &Ask, status: u16, before: u16, what: &str) {
    let start = world().executor.now();
    loop {
        let answer = ask.send(running.address).await;
        if answer.status == status {
            return;
        }
        assert_eq!(answer.status, before, "{what}: {}", answer.text());
        let waited = world().executor.now().saturating_sub(start);
        assert!(waited < WAIT_TIME_MAX, "{what}: still {before}");
        sleep(LOOK_EVERY).await;
    }
}

/// Like [`until_status`], until no instance answers otherwise any more: each of them goes by what it
/// remembers until it has looked again.
pub async fn until_settled(running: &Running, ask: &Ask, status: u16, before: u16, what: &str) {
    let mut in_a_row = 0;
    while in_a_row < SETTLED {
        until_status(running, ask, status, before, what).await;
        let answer = ask.send(running.address).await;
        in_a_row = match answer.status == status {
            true => in_a_row + 1,
            false => 0,
        };
    }
}

/// The store of an application, which a host may have open as well.
#[must_use]
pub fn store(app: &App) -> StoreFile {
    StoreFile::of(app)
}

/// Writes empty values under all of these names.
pub fn set_all(app: &App, names: impl Iterator<Item = String>) {
    let store = app.shared("default");
    for name in names {
        store.put(&name, []);
    }
}

/// Makes every call to the store fail, or work again.
pub fn store_fails(app: &App, fails: bool) {
    use crate::sim::store::Calls;
    app.shared("default").calls(match fails {
        true => Calls::Fail,
        false => Calls::Work,
    });
}

/// No call to the store ends from now on.
pub fn store_hangs(app: &App) {
    app.shared("default").calls(crate::sim::store::Calls::Hang);
}

/// How often the names in the store were asked for, where that can be told.
#[must_use]
pub fn listings(app: &App) -> Option<usize> {
    Some(app.shared("default").listings())
}

/// Nobody can write to the store as long as this exists. What is in it can be read.
#[must_use]
pub struct NoWrites {
    app: App,
}

impl NoWrites {
    /// Makes all who write wait.
    pub fn to(app: &App) -> Self {
        app.shared("default").hold_writes(true);
        Self { app: app.clone() }
    }
}

impl Drop for NoWrites {
    fn drop(&mut self) {
        self.app.shared("default").hold_writes(false);
    }
}

/// What is in the store `default` under this name.
#[must_use]
pub fn stored(app: &App, name: &str) -> Option<Vec<u8>> {
    app.shared("default").newest(name)
}

/// The names in the store `default` that begin with `prefix`.
#[must_use]
pub fn stored_names(app: &App, prefix: &str) -> Vec<String> {
    let mut names = app.shared("default").all_names();
    names.retain(|name| name.starts_with(prefix));
    names
}

/// Waits until something holds, however long that takes.
pub(super) async fn until_released(mut holds: impl FnMut() -> bool) {
    while !holds() {
        sleep(LOOK_EVERY).await;
    }
}
