//! How many repetitions there may be for so many requests.

/// How many repetitions a [`RetryBudget`] has to begin with.
pub const RESERVE: u32 = 10;
/// For how many requests a [`RetryBudget`] has one repetition: 20 % of them.
pub const REQUESTS_PER_REPETITION: u32 = 5;
/// Most repetitions that a [`RetryBudget`] saves up.
pub const SAVED_MAX: u32 = 25;

/// How many repetitions there may still be.
///
/// In a life of n requests there are never more than [`RESERVE`] or n / [`REQUESTS_PER_REPETITION`] of
/// them, whichever is more: what there is to begin with is borrowed from the first requests. At no time are
/// there more than [`SAVED_MAX`] at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    /// In parts of a repetition, [`REQUESTS_PER_REPETITION`] to one.
    saved: u32,
    /// How many requests are still to come before one adds anything.
    owed: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryBudget {
    /// The budget of what was never asked.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            saved: RESERVE * REQUESTS_PER_REPETITION,
            owed: RESERVE * REQUESTS_PER_REPETITION,
        }
    }

    /// A request came; its repetitions are none.
    pub const fn request(&mut self) {
        if self.owed > 0 {
            self.owed -= 1;
        } else if self.saved < SAVED_MAX * REQUESTS_PER_REPETITION {
            self.saved += 1;
        }
    }

    /// Takes one repetition, if there is one.
    #[must_use]
    pub const fn take(&mut self) -> bool {
        match self.saved.checked_sub(REQUESTS_PER_REPETITION) {
            Some(left) => {
                self.saved = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests;
