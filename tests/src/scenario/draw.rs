//! Numbers of a seed, as what they are drawn for.

use crate::numbers::Numbers;
use std::time::Duration;

/// Draws.
pub struct Draw(Numbers);

impl Draw {
    /// What belongs to this seed.
    pub fn new(seed: u64) -> Self {
        Self(Numbers::new(seed))
    }

    /// One that goes on by itself.
    pub fn apart(&mut self) -> Self {
        Self::new(self.0.next_number())
    }

    /// From the least to the most, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.0.next_number() % (most - least + 1)
    }

    /// A place among so many.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound.max(1))
    }

    /// Yes, one time in so many.
    pub fn one_in(&mut self, many: usize) -> bool {
        self.0.below(many) == 0
    }

    /// One of these.
    pub fn of<T: Clone>(&mut self, these: &[T]) -> T {
        these[self.0.below(these.len())].clone()
    }

    /// A time up to this.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        let most_ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX - 1);
        Duration::from_millis(self.between(0, most_ms))
    }

    /// Random bytes.
    pub fn array<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        std::array::from_fn(|_| self.0.next_number() as u8)
    }
}
