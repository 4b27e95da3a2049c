//! The fuel that instances use, as wasmtime counts it: about one for each instruction of WebAssembly.

use crate::app::App;
use crate::client::{ANSWER_TIME_MAX, Ask};
use crate::host::start_in_process;
use doorward_host::{FuelSink, WallClock};
use std::time::Duration;
use tokio::sync::mpsc;

/// Instances that there is room for.
const INSTANCES_MAX: usize = 2;
/// An instance is kept for so long without a request: longer than anybody counts.
const IDLE_TIME: Duration = Duration::from_secs(3600);

/// What one instance uses that is sent these requests one after the other, at `now` in seconds since 1970. For a
/// runtime with one thread: there an instance that has answered is ready before the next request comes.
///
/// # Panics
/// When a request has no good answer, or not all come to the same instance.
pub async fn used(app: &App, now: u64, asks: &[Ask]) -> u64 {
    let (told, mut used) = mpsc::unbounded_channel();
    let running = start_in_process(app, |options| {
        options.instances_max = INSTANCES_MAX;
        // It ends after the last one.
        options.max_instance_reuse_count = asks.len();
        options.idle_instance_timeout = IDLE_TIME;
        options.clock = Some(WallClock::fixed_at(now));
        options.fuel = Some(FuelSink::new(move |_, fuel| {
            told.send(fuel).expect("somebody waits for it");
        }));
    })
    .await;
    for ask in asks {
        let answer = ask.send(running.address).await;
        let is_good = matches!(answer.status, 200..300);
        assert!(is_good, "{}: {:?}", answer.status, running.log());
    }
    let ended = tokio::time::timeout(ANSWER_TIME_MAX, used.recv()).await;
    let fuel = ended.expect("it ends").expect("it tells what it has used");
    running.stop().await;
    let another = used.recv().await;
    assert_eq!(another, None, "one instance has all requests");
    fuel
}
