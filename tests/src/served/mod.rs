//! Applications served in virtual time, under the names that tests over sockets have for the same things: a case
//! that is about logic is written once, and moves from there to here with little more than its imports.
//!
//! A case has a world of its own, in which its clock stands still until it is moved, and everything else takes no
//! time but what somebody waits.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code stops at the first thing that is not as the test needs it"
)]

pub mod app;
pub mod client;
pub mod clock;
pub mod clocked;
pub mod echoing;
pub mod gated;
pub mod host;
pub mod issuer;
pub mod run;
mod services;

pub use crate::credential;
