//! Pauses that grow.

use crate::budget::RetryBudget;
use crate::random::Random;

/// How long to pause after so many failures. All times are in one unit, which is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// No pause is shorter.
    pub least: u64,
    /// The bound after one failure. It doubles with each further one.
    pub first: u64,
    /// No pause is longer, unless `least` is.
    pub most: u64,
}

/// Why something is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRetry {
    /// The pause would not end in time.
    Deadline,
    /// Too many were repeated of late.
    Budget,
}

impl Backoff {
    /// No pause at all.
    pub const NONE: Self = Self {
        least: 0,
        first: 0,
        most: 0,
    };

    /// The longest pause after so many failures; none and one are the same.
    #[must_use]
    pub const fn bound(&self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1);
        let bound = self.first.saturating_mul(2_u64.saturating_pow(doublings));
        let bound = if bound < self.most { bound } else { self.most };
        if bound > self.least {
            bound
        } else {
            self.least
        }
    }

    /// The pause after so many failures: from `least` to the [`bound`](Self::bound), each as likely as any other.
    #[must_use]
    pub const fn pause(&self, failures: u32, random: &mut Random) -> u64 {
        match self.bound(failures) - self.least {
            0 => self.least,
            room => self.least + random.below(room.saturating_add(1)),
        }
    }

    /// The pause after which something that failed so often is tried again. `asked_for` is what it is at least, 0 where
    /// nobody asked; `left` is how much time there is; a `budget` is for what repeats a request, and one repetition is
    /// taken from it.
    ///
    /// # Errors
    /// It is not tried again. Nothing is taken from the budget then.
    pub const fn again(
        &self,
        failures: u32,
        asked_for: u64,
        left: u64,
        budget: Option<&mut RetryBudget>,
        random: &mut Random,
    ) -> Result<u64, NoRetry> {
        let pause = self.pause(failures, random);
        let pause = if pause > asked_for { pause } else { asked_for };
        if pause >= left {
            return Err(NoRetry::Deadline);
        }
        if let Some(budget) = budget
            && !budget.take()
        {
            return Err(NoRetry::Budget);
        }
        Ok(pause)
    }
}

#[cfg(test)]
mod tests;
