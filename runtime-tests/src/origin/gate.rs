//! Where answers wait until a test lets them go on.

use crate::client::ANSWER_TIME_MAX;
use tokio::sync::watch;

/// Holds answers back until the test lets them through.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// So many may still go through.
    permits: usize,
    waiting: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self::closed()
    }
}

impl Gate {
    /// A gate that lets nothing through yet.
    pub fn closed() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    /// Lets through whatever waits or comes.
    pub fn open(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Lets so many through, now or when they come.
    pub fn let_through(&self, count: usize) {
        self.0.send_modify(|state| state.permits += count);
    }

    /// How many answers, or pieces of answers, wait.
    pub fn waiting(&self) -> usize {
        self.0.borrow().waiting
    }

    /// Waits until so many wait, or more.
    pub async fn until_waiting(&self, count: usize) {
        let mut changes = self.0.subscribe();
        let come = changes.wait_for(|state| state.waiting >= count);
        let come = tokio::time::timeout(ANSWER_TIME_MAX, come).await;
        assert!(
            come.is_ok(),
            "waiting in vain until {count} wait at the gate, where there are {}",
            self.waiting()
        );
    }

    pub(super) async fn pass(&self) {
        let mut changes = self.0.subscribe();
        self.0.send_modify(|state| state.waiting += 1);
        let _waiting = Waiting(self);
        loop {
            let mut passes = false;
            self.0.send_if_modified(|state| {
                passes = state.open || state.permits > 0;
                if passes && !state.open {
                    state.permits -= 1;
                }
                passes
            });
            if passes {
                return;
            }
            changes.changed().await.expect("the gate is still there");
        }
    }
}

/// Waits no longer when it is dropped, because it was let through or because the other side gave up.
struct Waiting<'g>(&'g Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.waiting -= 1);
    }
}
