//! A policy that is signed and fetched (`[bundle]`): what passes for one, and what becomes of the one in force.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;
mod fetched;
mod mounted;
mod opened;
mod others;
mod refused;
mod shown;
