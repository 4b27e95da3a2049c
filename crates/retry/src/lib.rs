//! When something that failed is tried again: one rule for all that is.
//!
//! 1. The pause is drawn at random between a floor and a bound ("full jitter"). The bound doubles with each failure,
//!    up to one that it keeps: [`Backoff`].
//! 2. It is never shorter than what was asked for, by a `Retry-After` say.
//! 3. A pause that does not end before the deadline of whoever waits for it is none: [`NoRetry::Deadline`].
//! 4. Where a request is repeated, the repetitions of all requests have a [`RetryBudget`]. What is not repeated but
//!    tried again by the next request that needs it has none: there the pause is what bounds it.
//!
//! No clock and no randomness: how often it failed, how much time is left and the random numbers are arguments. Times
//! are numbers in whichever unit the caller counts in.

mod backoff;
mod budget;
pub mod random;

pub use backoff::{Backoff, NoRetry};
pub use budget::{REQUESTS_PER_REPETITION, RESERVE, RetryBudget, SAVED_MAX};
pub use random::Random;
