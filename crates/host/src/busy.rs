//! How long an instance computes without a pause in which it could take another request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// How long one instance has computed, for who ends it and for who sees its pauses.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Epochs in which it was computing since it paused.
    ticks: AtomicU32,
    /// Whether it was computing when it was interrupted last, and not looked at since.
    is_interrupted: AtomicBool,
}

impl Busy {
    /// It is interrupted while it computes, and goes on. Gives how many epochs that is by now.
    pub fn interrupted(&self) -> u32 {
        self.0.is_interrupted.store(true, Relaxed);
        let before = self.0.ticks.fetch_add(1, Relaxed);
        before.saturating_add(1)
    }

    /// It lets others have a turn: because it has nothing to do but to wait, or because it was interrupted.
    pub fn looked_at(&self) {
        if !self.0.is_interrupted.swap(false, Relaxed) {
            self.0.ticks.store(0, Relaxed);
        }
    }

    /// It begins something else.
    pub fn begins(&self) {
        self.0.ticks.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Busy;

    #[test]
    fn who_waits_has_paused_and_who_was_interrupted_has_not() {
        let busy = Busy::default();
        for ticks in 1..4 {
            assert_eq!(busy.interrupted(), ticks);
            busy.looked_at();
        }
        busy.looked_at();
        assert_eq!(busy.interrupted(), 1, "it has waited");
        assert_eq!(busy.interrupted(), 2);
        busy.begins();
        assert_eq!(busy.interrupted(), 1, "another request has begun");
    }
}
