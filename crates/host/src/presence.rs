//! Whether the client of a request still waits for the answer.
//!
//! An instance has several requests at a time and cannot be told that the client of one has gone. So what it sends
//! for that client, and says so of, ends here ([`client_bound`](doorward_syntax::own_host)). Whose it is follows
//! from the call: the request that it began with is at the bottom of its stack.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wasmtime::component::GuestTaskId;

const WAITS: u8 = 0;
const ANSWERED: u8 = 1;
const GONE: u8 = 2;

/// Whether one client waits.
#[derive(Debug)]
pub struct Presence {
    state: AtomicU8,
    left: Notify,
}

impl Presence {
    /// Whether it has gone before it was answered.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        self.state.load(Ordering::SeqCst) == GONE
    }

    /// Ready when it has gone before it was answered.
    pub async fn gone(&self) {
        loop {
            let left = self.left.notified();
            if self.has_gone() {
                return;
            }
            left.await;
        }
    }
}

/// Held while the client waits: dropped before the answer, it has gone.
#[derive(Debug)]
pub struct Waiting(Arc<Presence>);

impl Waiting {
    /// One that waits from now on.
    #[must_use]
    pub fn begin() -> Self {
        Self(Arc::new(Presence {
            state: AtomicU8::new(WAITS),
            left: Notify::new(),
        }))
    }

    /// What tells others.
    #[must_use]
    pub fn presence(&self) -> Arc<Presence> {
        Arc::clone(&self.0)
    }

    /// The head of the answer is there. What becomes of the rest, its body tells the component.
    pub fn answered(self) {
        self.0.state.store(ANSWERED, Ordering::SeqCst);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let left = self
            .0
            .state
            .compare_exchange(WAITS, GONE, Ordering::SeqCst, Ordering::SeqCst);
        if left.is_ok() {
            self.0.left.notify_waiters();
        }
    }
}

/// Whose requests one instance has.
#[derive(Clone, Debug, Default)]
pub struct Present(Arc<Mutex<Tasks>>);

/// Tasks, each with the client that it works for.
type Tasks = Vec<(GuestTaskId, Arc<Presence>)>;

impl Present {
    /// `task` works for this client, until what is returned is dropped.
    #[must_use]
    pub fn add(&self, task: GuestTaskId, client: Arc<Presence>) -> WorksFor {
        self.lock().push((task, client));
        WorksFor(self.clone(), task)
    }

    /// For whom `task` works.
    #[must_use]
    pub fn of(&self, task: GuestTaskId) -> Option<Arc<Presence>> {
        let present = self.lock();
        let client = present.iter().find(|(of, _)| *of == task);
        client.map(|(_, client)| Arc::clone(client))
    }

    fn lock(&self) -> MutexGuard<'_, Tasks> {
        // Nothing in here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a task works for a client.
#[derive(Debug)]
pub struct WorksFor(Present, GuestTaskId);

impl Drop for WorksFor {
    fn drop(&mut self) {
        // The number may be that of another task later.
        self.0.lock().retain(|(task, _)| *task != self.1);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn who_leaves_without_an_answer_has_gone_and_is_missed_by_all() {
        let mut cx = Context::from_waker(Waker::noop());
        let waiting = Waiting::begin();
        let presence = waiting.presence();
        let (mut one, mut other) = (pin!(presence.gone()), pin!(presence.gone()));
        assert!(one.as_mut().poll(&mut cx).is_pending());
        assert!(other.as_mut().poll(&mut cx).is_pending());
        drop(waiting);
        assert!(one.as_mut().poll(&mut cx).is_ready());
        assert!(other.as_mut().poll(&mut cx).is_ready());
        assert!(pin!(presence.gone()).poll(&mut cx).is_ready(), "and later");
    }

    #[test]
    fn who_was_answered_has_not_gone() {
        let mut cx = Context::from_waker(Waker::noop());
        let waiting = Waiting::begin();
        let presence = waiting.presence();
        let mut gone = pin!(presence.gone());
        assert!(gone.as_mut().poll(&mut cx).is_pending());
        waiting.answered();
        assert!(gone.as_mut().poll(&mut cx).is_pending());
        assert!(!presence.has_gone());
    }
}
