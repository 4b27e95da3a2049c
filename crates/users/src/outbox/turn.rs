//! When an instance looks for events.

/// How long an instance does not look where nothing was changed, in milliseconds. What another instance has left is
/// found so.
const LOOK_EVERY_MS: u64 = 1_000;

/// Whose turn it is: one request of an instance delivers at a time, and the others only say that there is more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    is_taken: bool,
    is_asked_for: bool,
    looked_at_ms: u64,
    paused_until_ms: u64,
}

impl Turn {
    /// The first turn of an instance.
    pub const FIRST: Self = Self {
        is_taken: false,
        is_asked_for: false,
        looked_at_ms: 0,
        paused_until_ms: 0,
    };

    /// Whether whoever asks is to look now; then [`ended`](Self::ended) says when that is done.
    pub fn begins(&mut self, now_ms: u64, has_changed: bool) -> bool {
        if self.is_taken {
            self.is_asked_for |= has_changed;
            return false;
        }
        let is_due = has_changed || now_ms.saturating_sub(self.looked_at_ms) >= LOOK_EVERY_MS;
        let begins = is_due && now_ms >= self.paused_until_ms;
        if begins {
            self.is_taken = true;
            self.looked_at_ms = now_ms;
        }
        begins
    }

    /// Whether something was changed since it was looked.
    pub fn is_asked_again(&mut self) -> bool {
        std::mem::take(&mut self.is_asked_for)
    }

    /// It was looked. Where a receiver could not be reached, nothing is tried before a time.
    pub fn ended(&mut self, paused_until_ms: u64) {
        self.is_taken = false;
        self.is_asked_for = false;
        self.paused_until_ms = paused_until_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::Turn;

    #[test]
    fn one_looks_at_a_time() {
        let mut turn = Turn::FIRST;
        assert!(turn.begins(10_000, true));
        assert!(!turn.begins(10_000, true));
        assert!(!turn.begins(99_000, false));
        turn.ended(0);
        assert!(turn.begins(10_001, true));
    }

    #[test]
    fn what_is_changed_meanwhile_is_looked_for_once_more() {
        let mut turn = Turn::FIRST;
        assert!(turn.begins(10_000, true));
        assert!(!turn.is_asked_again());
        assert!(!turn.begins(10_001, false));
        assert!(!turn.is_asked_again(), "nothing was changed");
        assert!(!turn.begins(10_001, true));
        assert!(turn.is_asked_again());
        assert!(!turn.is_asked_again());
    }

    #[test]
    fn where_nothing_is_changed_it_is_looked_once_in_a_second() {
        let mut turn = Turn::FIRST;
        assert!(turn.begins(10_000, false));
        turn.ended(0);
        assert!(!turn.begins(10_999, false));
        assert!(turn.begins(11_000, false));
    }

    #[test]
    fn a_pause_is_kept() {
        let mut turn = Turn::FIRST;
        assert!(turn.begins(10_000, true));
        turn.ended(15_000);
        assert!(!turn.begins(14_999, true));
        assert!(turn.begins(15_000, true));
    }
}
