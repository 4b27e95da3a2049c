//! The engine in virtual time: instances, clients, issuers, origins and stores in one thread, in an order and
//! with faults that follow from a seed. A day takes seconds.
//!
//! It is not kinder than hosts are. What waits can be dropped anywhere, an instance can end in the middle of a
//! write, tasks of an instance cannot wake each other but through the host, a store is read late, fields that
//! belong to connections are shown or not and must not be set.

pub mod body;
pub mod client;
pub mod component;
pub mod executor;
pub mod gate;
pub mod hold;
pub mod issuer;
pub mod message;
pub mod origin;
pub mod platform;
pub mod stage;
pub mod store;
pub mod wire;
pub mod world;
