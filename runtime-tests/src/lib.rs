//! What the runtime tests share: applications made of built components, hosts to run them on, an issuer
//! that behaves as told, and a client that sends exactly the bytes it is given.
//!
//! # What belongs here, and what does not
//! Here: what only shows when a real component runs on a real host behind a real socket. A rule of
//! tokens or of policies is tested natively, in `tests/`, where it takes microseconds; here one case of
//! each class of refusal is enough, plus all decision cases once to show that the wasm decides the same.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a broken set-up ends the test"
)]

pub mod app;
pub mod browser;
pub mod client;
pub mod clock;
pub mod clocked;
pub mod cloudevents;
pub mod collector;
pub mod command;
pub use doorward_tests::credential;
pub mod echoing;
pub mod fuel;
pub mod gated;
mod group;
pub mod grpc;
pub mod host;
pub mod issuer;
pub mod javascript;
pub mod kubernetes;
pub mod load;
mod made;
pub mod measured;
pub mod nginx;
pub mod node;
pub mod openmetrics;
pub mod origin;
pub mod peer;
pub mod policy_schema;
pub mod process;
pub mod provider;
pub mod python;
pub mod raw;
pub mod renderer;
pub mod run;
pub mod schemathesis;
pub mod servers;
pub mod subscriber;
pub mod wasmtime;
mod wire;
pub mod workflows;
pub mod wrk;
