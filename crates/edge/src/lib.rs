//! The only room that touches WASI and Spin.
//!
//! `token` says whether a credential is genuine and `policy` whether its bearer may; both are told the
//! time and handed the bytes. Here are the clock, the policy's file, variables, the key-value store, the
//! network and the log, and the order in which a request meets them.

mod additions;
mod body;
pub mod clock;
mod cors;
mod discovery;
pub mod fetch;
pub mod flight;
pub mod forward;
pub mod gate;
pub mod introspect;
pub mod keys;
mod limiter;
pub mod log;
mod logout;
mod origin;
mod proxy;
pub mod received;
mod removed;
pub mod respond;
mod response_trailers;
pub mod store;
mod variable;
