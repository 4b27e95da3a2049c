//! The only room that touches WASI and Spin.
//!
//! `token` says whether a credential is genuine and `policy` whether its bearer may; both are told the
//! time and handed the bytes. Here are the clock, the policy's file, variables, the key-value store, the
//! network and the log, and the order in which a request meets them.

pub mod clock;
pub mod fetch;
pub mod forward;
pub mod gate;
pub mod keys;
pub mod log;
pub mod received;
pub mod respond;
