//! When what was measured is told: a second after the first measurement, or once there is much of it.
//!
//! The task that waits for that keeps the instance alive, so it waits for nothing that takes long. One tells at a time;
//! where that takes longer than a second, it tells what has come meanwhile as well.

use std::time::Duration;

use crate::metrics::{Deltas, Metrics};
use crate::platform::{Millis, Platform};

/// How long a measurement waits at most until it is told: 1 s.
const MEASURED_WAIT: Duration = Duration::from_secs(1);
/// A task waits no longer than this for who is to be told. After that, the next measurement begins again.
const PAUSE_MAX: Duration = Duration::from_secs(3);
/// How long a task is at it that has failed, in milliseconds.
const FAILING_MS_MAX: u64 = 8_000;

/// Measures something, and sees to it that it is told.
pub(super) fn measured<P: Platform>(platform: &P, measure: impl FnOnce(&mut Metrics)) {
    let Some(metrics) = platform.metrics() else {
        return;
    };
    let (much, will_be_told) = {
        let mut metrics = metrics.borrow_mut();
        metrics.is_only_left = !P::EXPORTS && !metrics.has_collector();
        if metrics.is_only_left {
            if metrics.is_left() {
                measure(&mut metrics);
            }
            return;
        }
        measure(&mut metrics);
        let much = metrics.has_much() && metrics.may_be_told_now();
        (much, std::mem::replace(&mut metrics.will_be_told, true))
    };
    if much && let Some(turn) = Turn::take(platform) {
        platform.spawn(tell_on(turn));
    }
    if !will_be_told {
        let wait = Wait(platform.clone());
        platform.spawn(tell(wait));
    }
}

/// Tells what there is after a second.
async fn tell<P: Platform>(wait: Wait<P>) {
    let platform = wait.0.clone();
    if may_be_told(&platform, platform.monotonic()).await {
        drop(wait);
        // Whoever is at it tells what is there by then.
        if let Some(turn) = Turn::take(&platform) {
            tell_on(turn).await;
        }
    }
}

/// Tells what there is now, and goes on while there is more that nobody waits to tell.
async fn tell_on<P: Platform>(mut turn: Turn<P>) {
    let platform = turn.platform.clone();
    let mut failing_since = None;
    loop {
        let is_told = turn.tell().await;
        drop(turn);
        let now = platform.monotonic();
        failing_since = (!is_told).then(|| failing_since.unwrap_or(now));
        let Some(wait) = Wait::begin(&platform) else {
            return;
        };
        if !may_be_told(&platform, failing_since.unwrap_or(now)).await {
            return;
        }
        drop(wait);
        match Turn::take(&platform) {
            Some(next) => turn = next,
            None => return,
        }
    }
}

/// Waits until it may be told; `false`: that takes too long for a task that fails since then.
async fn may_be_told<P: Platform>(platform: &P, since: Millis) -> bool {
    platform.pause(MEASURED_WAIT).await;
    // Looked at now: what was under way may have failed meanwhile.
    loop {
        let left = left_alone(platform);
        if left > PAUSE_MAX || platform.monotonic().since(since) > FAILING_MS_MAX {
            return false;
        }
        if left.is_zero() {
            return true;
        }
        platform.pause(left).await;
    }
}

/// For how long who is to be told is left alone.
fn left_alone<P: Platform>(platform: &P) -> Duration {
    #[cfg(feature = "otlp")]
    if let Some(metrics) = platform.metrics() {
        let metrics = metrics.borrow();
        if let Some(otlp) = &metrics.otlp {
            return otlp.left_alone(platform, metrics.signals());
        }
    }
    let _ = platform;
    Duration::ZERO
}

/// Somebody waits. Where it is given up, the next measurement finds that nobody does.
struct Wait<P: Platform>(P);

impl<P: Platform> Wait<P> {
    /// Waits for what is there, if anything is that nobody waits for.
    fn begin(platform: &P) -> Option<Self> {
        let mut metrics = platform.metrics()?.borrow_mut();
        let begins = metrics.has_news() && !metrics.will_be_told && metrics.tries_again();
        metrics.will_be_told |= begins;
        begins.then(|| Self(platform.clone()))
    }
}

impl<P: Platform> Drop for Wait<P> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0.metrics() {
            metrics.borrow_mut().will_be_told = false;
        }
    }
}

/// It is somebody's turn to tell, and what is being told. What is not told, by the end or because it is given up, is there
/// again, and it is the next one's turn.
struct Turn<P: Platform> {
    platform: P,
    deltas: Deltas,
}

impl<P: Platform> Turn<P> {
    /// Takes it, unless it is somebody else's.
    fn take(platform: &P) -> Option<Self> {
        let is_taken = std::mem::replace(&mut platform.metrics()?.borrow_mut().is_being_told, true);
        (!is_taken).then(|| Self {
            platform: platform.clone(),
            deltas: Deltas::default(),
        })
    }

    /// Tells what there is. Whether all of it was.
    async fn tell(&mut self) -> bool {
        let platform = &self.platform;
        let now = platform.now_millis();
        if let Some(metrics) = platform.metrics() {
            self.deltas = metrics.borrow_mut().take(now);
        }
        let deltas = &mut self.deltas;
        #[cfg(feature = "otlp")]
        {
            let otlp = platform.metrics().and_then(|all| all.borrow().otlp.clone());
            if let Some(otlp) = otlp {
                otlp.push(platform, deltas).await;
                return deltas.is_empty();
            }
        }
        if platform.export(deltas).await.is_ok() {
            deltas.points.clear();
        }
        deltas.is_empty()
    }
}

impl<P: Platform> Drop for Turn<P> {
    fn drop(&mut self) {
        if let Some(metrics) = self.platform.metrics() {
            let mut metrics = metrics.borrow_mut();
            let left = std::mem::take(&mut self.deltas);
            metrics.is_being_told = false;
            metrics.could_not_be_told = !left.is_empty();
            metrics.put_back(left);
        }
    }
}
