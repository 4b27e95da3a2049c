//! What becomes of a request that may go on: where to, how often, how fast, and with which header fields.
//!
//! Everything here is bytes and numbers: the time and the random numbers are arguments, and nothing waits
//! or sends. Who may go on at all is decided elsewhere (`token`, `policy`); how it goes on, in the room
//! that sends it (`gate`).

pub mod address;
pub mod balance;
pub mod breaker;
pub mod by_route;
pub mod cors;
pub mod field_list;
pub mod fields;
pub mod forwarded;
pub mod host;
pub mod limits;
pub mod rate;
pub mod retry;
pub mod rewrite;
pub mod security;
pub mod shared_cache;
pub mod shares;
pub mod split;
pub mod spoofing;
pub mod status;
mod time;
pub mod trace;
pub mod trace_context;
pub mod upstream;
pub mod way_back;

pub use time::Millis;
