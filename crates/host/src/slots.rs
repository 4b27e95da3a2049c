//! How many instances there may be at one depth of service chaining, of all components together.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The places of one depth. Who finds none waits, and an idle instance gives its own up for that.
pub struct Slots {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    wanted: Arc<Notify>,
}

/// The place of one instance, given back with this.
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// As many wait for a place as may. Each of them has a request, also when nobody waits for its answer any more.
#[derive(Debug)]
pub struct TooManyWait;

impl fmt::Display for TooManyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("service chaining: too many requests wait for an instance")
    }
}

impl std::error::Error for TooManyWait {}

impl Slots {
    /// So many, for which so many may wait.
    #[must_use]
    pub fn new(count: usize, waiting_max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
            waiting: AtomicUsize::new(0),
            waiting_max,
            wanted: Arc::default(),
        }
    }

    /// A place, as soon as there is one.
    ///
    /// # Errors
    ///
    /// When too many wait already.
    pub async fn take(&self) -> Result<Slot, TooManyWait> {
        let free = Arc::clone(&self.free);
        if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
            return Ok(Slot { _permit: permit });
        }
        let waiting = Waiting::begin(&self.waiting);
        if waiting.others >= self.waiting_max {
            return Err(TooManyWait);
        }
        self.wanted.notify_one();
        // Nobody closes it.
        let permit = free.acquire_owned().await.map_err(|_| TooManyWait)?;
        Ok(Slot { _permit: permit })
    }
}

/// Counts one who waits, for as long as this is there.
struct Waiting<'c> {
    count: &'c AtomicUsize,
    /// Who waited before.
    others: usize,
}

impl<'c> Waiting<'c> {
    fn begin(count: &'c AtomicUsize) -> Self {
        let others = count.fetch_add(1, Ordering::SeqCst);
        Self { count, others }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What an idle instance knows of those that wait for its place.
pub struct Wanted {
    slots: Arc<Slots>,
    /// There while the instance is idle. Dropped, it passes on what it was told and did not look at.
    told: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl Wanted {
    /// Nobody was looked for yet.
    #[must_use]
    pub fn new(slots: Arc<Slots>) -> Self {
        Self { slots, told: None }
    }

    /// The instance is busy: somebody else may be told.
    pub fn is_busy(&mut self) {
        self.told = None;
    }

    /// Ready when somebody waits.
    pub fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let told = self.told.get_or_insert_with(|| {
                let wanted = Arc::clone(&self.slots.wanted);
                Box::pin(async move { wanted.notified().await })
            });
            // First this, so that whoever comes after the look at the count is heard.
            let told = told.as_mut().poll(cx);
            if told.is_ready() {
                self.told = None;
            }
            if self.slots.waiting.load(Ordering::SeqCst) > 0 {
                return Poll::Ready(());
            }
            if told.is_pending() {
                return Poll::Pending;
            }
            // Who waited has a place by now.
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    fn is_wanted(wanted: &mut Wanted) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        wanted.poll_idle(&mut cx).is_ready()
    }

    #[tokio::test]
    async fn an_idle_instance_is_wanted_while_somebody_waits() {
        let slots = Arc::new(Slots::new(1, 8));
        let mut wanted = Wanted::new(Arc::clone(&slots));
        let slot = slots.take().await.unwrap();
        assert!(!is_wanted(&mut wanted));
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut waiting = pin!(slots.take());
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            assert!(is_wanted(&mut wanted));
            drop(slot);
            assert!(waiting.as_mut().poll(&mut cx).is_ready());
        }
        assert!(!is_wanted(&mut wanted), "who waited has a place");
        let slot = slots.take().await.unwrap();
        {
            let mut waiting = pin!(slots.take());
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
        }
        assert!(!is_wanted(&mut wanted), "who waited has gone");
        drop(slot);
    }

    #[tokio::test]
    async fn no_more_wait_than_may() {
        let slots = Slots::new(1, 2);
        let slot = slots.take().await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let (mut one, mut other) = (pin!(slots.take()), pin!(slots.take()));
        assert!(one.as_mut().poll(&mut cx).is_pending());
        assert!(other.as_mut().poll(&mut cx).is_pending());
        assert!(slots.take().await.is_err(), "two wait already");
        drop(slot);
        assert!(one.as_mut().poll(&mut cx).is_ready());
        let mut third = pin!(slots.take());
        assert!(third.as_mut().poll(&mut cx).is_pending(), "one waits");
    }

    #[tokio::test]
    async fn for_one_who_waits_one_idle_instance_is_told() {
        let slots = Arc::new(Slots::new(2, 8));
        let _held = [slots.take().await.unwrap(), slots.take().await.unwrap()];
        let idle = || {
            let mut wanted = Wanted::new(Arc::clone(&slots));
            tokio::spawn(async move {
                std::future::poll_fn(|cx| wanted.poll_idle(cx)).await;
            })
        };
        let (one, other) = (idle(), idle());
        tokio::task::yield_now().await;
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.take().await.map(drop) }
        });
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        assert!(one.is_finished() != other.is_finished());
    }

    #[tokio::test]
    async fn who_is_busy_again_passes_on_what_it_was_told() {
        let slots = Arc::new(Slots::new(1, 8));
        let _held = slots.take().await.unwrap();
        let (mut busy, mut idle) = (Wanted::new(slots.clone()), Wanted::new(slots.clone()));
        assert!(!is_wanted(&mut busy));
        let idle = tokio::spawn(async move {
            std::future::poll_fn(|cx| idle.poll_idle(cx)).await;
        });
        tokio::task::yield_now().await;
        let waiting = tokio::spawn(async move { slots.take().await.map(drop) });
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        assert!(!idle.is_finished(), "the other one was told");
        busy.is_busy();
        idle.await.unwrap();
        assert!(!waiting.is_finished());
    }
}
