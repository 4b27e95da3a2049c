//! A future that is asked again only after it has said that it is worth it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// Polls a future only where that was woken since, whoever else has woken the task that it is a part of.
///
/// What many connections and instances wait for together, as that the host stops, has one list of those who wait, and a
/// lock around it. Polled with each of their requests it takes that lock each time, from all threads.
pub(crate) struct WhenWoken<F> {
    future: F,
    bell: Arc<Bell>,
    waker: Waker,
}

struct Bell {
    rang: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<F: Future + Unpin> WhenWoken<F> {
    pub(crate) fn new(future: F) -> Self {
        let bell = Arc::new(Bell {
            // It was never asked.
            rang: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        let waker = Waker::from(Arc::clone(&bell));
        Self {
            future,
            bell,
            waker,
        }
    }
}

impl<F: Future + Unpin> Future for WhenWoken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Before it is looked whether it rang: what rings later wakes this task.
        this.bell.task.register(cx.waker());
        if !this.bell.rang.swap(false, Ordering::Acquire) {
            return Poll::Pending;
        }
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::watch;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_at_first_and_whenever_it_was_woken_and_not_in_between() {
        let (polls, kept) = (Cell::new(0), Cell::new(None));
        let mut waits = WhenWoken::new(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            kept.set(Some(cx.waker().clone()));
            Poll::<()>::Pending
        }));
        let (one, other) = (Arc::<Counted>::default(), Arc::<Counted>::default());
        let mut poll = |task: &Arc<Counted>| {
            let waker = Waker::from(Arc::clone(task));
            let polled = Pin::new(&mut waits).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            polls.get()
        };
        let ring = || kept.take().iter().for_each(Waker::wake_by_ref);
        assert_eq!((poll(&one), poll(&one), poll(&other)), (1, 1, 1));
        ring();
        let woken = [&one, &other].map(|task| task.0.load(Ordering::Relaxed));
        assert_eq!(woken, [0, 1], "the task that asked last");
        assert_eq!((poll(&other), poll(&other)), (2, 2));
    }

    /// One who waits for a value is told of others before, which change nothing.
    #[tokio::test]
    async fn what_it_waits_for_arrives_whatever_else_happened_before() {
        let sender = watch::Sender::new(0);
        let mut told = sender.subscribe();
        let waiting = tokio::spawn(async move {
            let reached = pin!(told.wait_for(|value| *value == 3));
            WhenWoken::new(reached).await.is_ok()
        });
        for value in 1..=3 {
            tokio::task::yield_now().await;
            sender.send_replace(value);
        }
        assert!(waiting.await.is_ok_and(|reached| reached));
    }
}
