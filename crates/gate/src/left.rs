//! What was measured, left in the store of the policy for who adds up what all instances have left.
//!
//! An instance adds what it has measured to what is in a [`slot`], and looks again when the second of
//! that slot is over: where somebody else has written it who had read it before, it is left elsewhere. Requests wait for
//! none of it. What finds no slot is kept, for the next request.

use doorward_metrics::slot::{self, SLOT_BYTES_MAX};
use doorward_metrics::{Point, Record};
use doorward_policy::Policy;
use std::time::Duration;

use crate::event::Event;
use crate::metrics::{Deltas, Leaving};
use crate::platform::{Platform, StoreError};
use crate::recording::Recording as _;
use crate::store::OpenStore;

/// Instances that began together do not leave what they have together: each waits up to so long, in milliseconds.
const SPREAD_MS: u64 = 1000;
/// Before each of them waits so long, in milliseconds, for more to leave at once: an instance that is busy takes no more
/// slots than others.
const AGAIN_MS: u64 = 1000;
/// Slots that are looked at in one second.
const LOOKS_MAX: usize = 5;
/// Seconds in which a slot is looked for, before what was measured is kept for the next time.
const ROUNDS_MAX: usize = 5;
/// When a second is over, whoever began to write in it has so long for that, in milliseconds.
const SETTLE_MS: u64 = 500;

/// Sees to it that what this instance measures is left where the policy says so.
pub(crate) fn begin<P: Platform>(platform: &P, policy: &Policy) {
    let is_left = policy.telemetry().is_some_and(|rule| rule.in_store);
    if is_left
        && let Some(metrics) = platform.metrics()
        // Where a policy takes the place of another one.
        && !metrics.borrow().is_left()
    {
        metrics.borrow_mut().leave_in(&policy.store().name);
        leave(platform);
    }
}

/// Leaves what was measured, in a while, unless somebody is about it.
pub(crate) fn leave<P: Platform>(platform: &P) {
    let begins = of(platform, |leaving| {
        !std::mem::replace(&mut leaving.is_under_way, true)
    });
    if begins == Some(true) {
        let mut work = Work {
            platform: platform.clone(),
            points: Vec::new(),
        };
        platform.spawn(async move {
            wait(&work.platform, AGAIN_MS).await;
            work.leave_all().await;
        });
    }
}

/// Does something with what is to be left, if anything is.
fn of<P: Platform, T>(platform: &P, with: impl FnOnce(&mut Leaving) -> T) -> Option<T> {
    let mut metrics = platform.metrics()?.borrow_mut();
    metrics.leaving.as_deref_mut().map(with)
}

/// Who leaves it. Where that ends, or is cancelled, what is not left is kept, and somebody else may begin.
struct Work<P: Platform> {
    platform: P,
    /// What is to be left.
    points: Vec<Point>,
}

impl<P: Platform> Drop for Work<P> {
    fn drop(&mut self) {
        let points = std::mem::take(&mut self.points);
        of(&self.platform, |leaving| {
            leaving.is_under_way = false;
            leaving.kept.put_back(Deltas {
                points,
                ..Deltas::default()
            });
        });
    }
}

impl<P: Platform> Work<P> {
    /// Also what is measured meanwhile, until there is nothing more or no slot for it.
    async fn leave_all(&mut self) {
        while let Some((store, points)) = of(&self.platform, |leaving| {
            let now = self.platform.now_millis();
            (leaving.store.clone(), leaving.kept.take(now).points)
        }) && !points.is_empty()
        {
            self.points = points;
            match self.leave_in(&store).await {
                Ok(()) if self.points.is_empty() => {}
                // There was no slot.
                Ok(()) => return,
                Err(error) => return self.tell(&store, &error),
            }
            let has_more = of(&self.platform, |leaving| !leaving.kept.is_empty());
            if has_more == Some(true) {
                wait(&self.platform, AGAIN_MS).await;
            }
        }
    }

    /// Once for each instance.
    fn tell(&self, store: &str, error: &StoreError) {
        let is_told = of(&self.platform, |leaving| {
            std::mem::replace(&mut leaving.is_failure_told, true)
        });
        if is_told == Some(false) {
            let is_denied = matches!(error, StoreError::AccessDenied | StoreError::NoSuchStore);
            self.platform.record(&match is_denied {
                true => Event::StoreNotGranted { store, error },
                false => Event::StoreUnavailable { store, error },
            });
        }
    }

    /// Adds the points to what is in a slot of this store. Where none is free, they are there still.
    ///
    /// # Errors
    /// What the store says.
    async fn leave_in(&mut self, store: &str) -> Result<(), StoreError> {
        let platform = self.platform.clone();
        let store = OpenStore::of(&platform, store).await?;
        for _ in 0..ROUNDS_MAX {
            for _ in 0..LOOKS_MAX {
                let second_s = platform.now().0;
                let name = slot::name(second_s, platform.random());
                let record = read(&store, &name).await?;
                // Its second may be over by now.
                if record.second_s == second_s || platform.now().0 != second_s {
                    continue;
                }
                self.write(&store, &name, record, second_s).await?;
                if self.points.is_empty() {
                    return Ok(());
                }
                break;
            }
            wait(&platform, SPREAD_MS / 2).await;
        }
        Ok(())
    }

    /// Writes a slot, and sees whether that lasts. Where it does not, the points are there still.
    ///
    /// # Errors
    /// What the store says.
    async fn write(
        &mut self,
        store: &OpenStore<P>,
        name: &str,
        mut record: Record,
        second_s: u64,
    ) -> Result<(), StoreError> {
        (record.second_s, record.writer) = (second_s, self.platform.random());
        // Who is cancelled from here on has most likely left them.
        let points = std::mem::take(&mut self.points);
        for point in &points {
            record.totals.add(point.clone());
        }
        let written = store.set(name, &record.encode()).await;
        until_over(&self.platform, second_s).await;
        let lasts = match (read(store, name).await, &written) {
            (Ok(there), _) if there.writer == record.writer => return Ok(()),
            // Somebody had looked at the same moment.
            (Ok(there), _) if there.second_s == second_s => false,
            // A store may show late what was written.
            (_, written) => written.is_ok(),
        };
        if !lasts {
            self.points = points;
        }
        written
    }
}

/// What is in a slot: nothing, where it has what cannot be read.
async fn read<P: Platform>(store: &OpenStore<P>, name: &str) -> Result<Record, StoreError> {
    let bytes = store.get(name).await?;
    let record = bytes.and_then(|bytes| Record::parse(&bytes, SLOT_BYTES_MAX));
    Ok(record.unwrap_or_else(|| Record::empty(SLOT_BYTES_MAX)))
}

/// Waits so long, and up to [`SPREAD_MS`] more.
async fn wait<P: Platform>(platform: &P, least_ms: u64) {
    let waits_ms = least_ms + platform.random() % SPREAD_MS;
    platform.pause(Duration::from_millis(waits_ms)).await;
}

/// Waits until nobody writes any more who began in this second.
async fn until_over<P: Platform>(platform: &P, second_s: u64) {
    let over_ms = second_s.saturating_add(1).saturating_mul(1000);
    let over_ms = over_ms.saturating_add(SETTLE_MS);
    let now_ms = platform.now_millis().0;
    // Where the clock was set meanwhile, it is not waited for it.
    let waits_ms = over_ms.saturating_sub(now_ms).min(1000 + SETTLE_MS);
    platform.pause(Duration::from_millis(waits_ms)).await;
}
