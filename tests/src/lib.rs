//! What the native tests share. The tests themselves are in `tests/tests`, what they read in
//! `tests/data`.
//!
//! [`decisions`] reads the decision cases, [`mint`] signs their tokens with keys that follow from
//! their names. [`numbers`] are for properties. [`signing`] signs tokens of every algorithm with the key pairs of `data/token`.

pub mod decisions;
pub mod mint;
pub mod numbers;
pub mod signing;
