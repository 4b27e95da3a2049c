//! Rate limits: the generic cell rate algorithm (GCRA, ITU-T I.371), for each key on its own.
//!
//! All that is remembered of a key is one point in time, the theoretical arrival time ([`Tat`]): when
//! everything that was admitted would have been due at an even pace. A request is admitted where that is not
//! too far ahead of the clock, and moves it on by `per_s / requests`. The arithmetic is exact: nothing is
//! rounded away, whatever the rate.
//!
//! Where to keep it is the caller's choice:
//!
//! | | [`RateTable`], in the instance | [`SlotRecord`]s, in the store |
//! |---|---|---|
//! | who counts | each instance alone: n instances admit up to n times the limit, a new one knows nothing | all that share the store |
//! | clock | the time of day | the time of day: machines that differ by a second differ by a second's worth of requests |
//! | at the same moment | exact | `spin:key-value` has no compare-and-swap, and that of `wasi:keyvalue` overwrites a first value on Spin: of two that write one slot, the later one wins, and what the other has counted is lost |
//! | bound | [`KEYS_MAX`] keys | [`SLOTS`] records of [`SLOT_KEYS_MAX`] keys |
//! | beyond it | the key that has the least to its account is forgotten, and begins anew | the same, within a slot |
//!
//! Where a request is under several limits, ask all of them first ([`RateTable::peek`]), and charge them
//! ([`RateTable::decide`]) only when all of them admit it: a refusal by one is not counted by another. A limit
//! on failed authentication ([`Counts::FailedAuthentication`]) is asked before, and charged after a failure.

mod headers;
mod limit;
mod meter;
mod slot;
mod table;

pub use headers::{limit_field, policy_field, retry_after_s};
pub use limit::{Counts, KeyDigest, RateKey, RateLimit, RateVerdict, Tat};
pub use meter::{Charge, LEASES_MIN, Meter, Settled, is_over, number};
pub use slot::{SLOT_KEYS_MAX, SLOTS, SlotRecord, slot_name, slot_of};
pub use table::{KEYS_MAX, RateTable};

#[cfg(test)]
mod tests;
