//! The user service: users by REST, on SQLite or PostgreSQL, behind the gate.
//!
//! | module | what it has |
//! |---|---|
//! | [`user`], [`email`] | what a user is |
//! | [`input`] | what a client may write, and every field in which it is wrong |
//! | [`access`] | what who calls may do |
//! | [`conditions`], [`idempotency`], [`query`], [`cursor`], [`deprecation`] | what HTTP has for requests: `ETag` and `If-Match`, `Idempotency-Key`, paging, versions |
//! | [`operations`] | what is done with users, by REST or by gRPC |
//! | [`problem`] | what is said when something is wrong with users |
//! | [`outbox`] | what happened to users, and how others learn of it |
//! | [`grpc`] | the same by gRPC, and how its messages are framed |
//! | [`store`], [`sql`], [`measured`] | where users are kept: a trait, two that have it, and how long they take |
//! | [`service`] | a request in, a response out |
//! | `openapi` | what its OpenAPI document says of all this, where the feature of this name is on |
//!
//! It has no clock, randomness or I/O: time and random numbers are arguments, and a database is what implements
//! [`doorward_service::database::Database`]: what every service needs is in `crates/service`. Nothing of authentication
//! is here: the gate stands in front, and tells who calls.

pub mod access;
pub mod conditions;
pub mod cursor;
pub mod deprecation;
pub mod email;
pub mod grpc;
pub mod idempotency;
pub mod input;
pub mod json;
pub mod measured;
pub mod merge_patch;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod operations;
pub mod outbox;
pub mod problem;
pub mod query;
pub mod service;
pub mod sql;
pub mod store;
pub mod user;
