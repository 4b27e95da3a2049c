//! Connections to Redis, for whoever speaks with one: components (`spin:redis`) and the key-value stores.

pub mod address;
pub mod connect;
pub mod error;
pub mod pool;
pub mod replies;
