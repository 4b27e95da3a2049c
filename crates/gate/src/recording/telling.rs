//! When what was measured is told: a second after the first measurement, or once there is much of it.
//!
//! The task that waits for that keeps the instance alive. One tells at a time; where that takes longer than a second, it
//! tells what has come meanwhile as well.

use std::time::Duration;

use crate::metrics::{Deltas, Metrics};
use crate::platform::Platform;

/// How long a measurement waits at most until it is told: 1 s.
const MEASURED_WAIT: Duration = Duration::from_secs(1);
/// How often an instance that is asked nothing more tries to tell what it has left. After that, the next measurement
/// begins again.
const TRIES_MAX: u32 = 3;

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
        metrics.is_being_told |= much;
        (much, std::mem::replace(&mut metrics.will_be_told, true))
    };
    if much {
        platform.spawn(tell(platform.clone(), None));
    }
    if !will_be_told {
        let wait = Wait(platform.clone());
        platform.spawn(tell(platform.clone(), Some(wait)));
    }
}

/// Tells what there is, at once or after a second.
async fn tell<P: Platform>(platform: P, mut wait: Option<Wait<P>>) {
    let Some(metrics) = platform.metrics() else {
        return;
    };
    for _ in 0..TRIES_MAX {
        if let Some(wait) = wait.take() {
            platform.pause(pause(&platform)).await;
            drop(wait);
            let mut metrics = metrics.borrow_mut();
            if metrics.is_being_told {
                return;
            }
            metrics.is_being_told = true;
        }
        let mut telling = Telling::new(&platform);
        telling.tell().await;
        drop(telling);
        let mut metrics = metrics.borrow_mut();
        if metrics.is_empty() || metrics.will_be_told || !metrics.tries_again() {
            return;
        }
        metrics.will_be_told = true;
        drop(metrics);
        wait = Some(Wait(platform.clone()));
    }
}

/// How long to wait before it is told.
fn pause<P: Platform>(platform: &P) -> Duration {
    #[cfg(feature = "otlp")]
    if let Some(otlp) = platform.metrics().and_then(|all| all.borrow().otlp.clone()) {
        return otlp.pause(platform).max(MEASURED_WAIT);
    }
    let _ = platform;
    MEASURED_WAIT
}

/// Somebody waits. Where it is given up, the next measurement finds that nobody does.
struct Wait<P: Platform>(P);

impl<P: Platform> Drop for Wait<P> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0.metrics() {
            metrics.borrow_mut().will_be_told = false;
        }
    }
}

/// What is being told. Where it is not told, by the end or because it is given up, it is there again.
struct Telling<'p, P: Platform> {
    platform: &'p P,
    deltas: Option<Deltas>,
}

impl<'p, P: Platform> Telling<'p, P> {
    fn new(platform: &'p P) -> Self {
        let now = platform.now_millis();
        let metrics = platform.metrics();
        let deltas = metrics.map(|metrics| metrics.borrow_mut().take(now));
        Self { platform, deltas }
    }

    async fn tell(&mut self) {
        let platform = self.platform;
        let Some(deltas) = &mut self.deltas else {
            return;
        };
        #[cfg(feature = "otlp")]
        {
            let otlp = platform.metrics().and_then(|all| all.borrow().otlp.clone());
            if let Some(otlp) = otlp {
                otlp.push(platform, deltas).await;
                return;
            }
        }
        if platform.export(deltas).await.is_ok() {
            deltas.points.clear();
        }
    }
}

impl<P: Platform> Drop for Telling<'_, P> {
    fn drop(&mut self) {
        if let Some(metrics) = self.platform.metrics() {
            let mut metrics = metrics.borrow_mut();
            metrics.is_being_told = false;
            let left = self.deltas.take().filter(|deltas| !deltas.is_empty());
            metrics.could_not_be_told = left.is_some();
            if let Some(deltas) = left {
                metrics.put_back(deltas);
            }
        }
    }
}
